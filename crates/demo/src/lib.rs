//! A synthetic shop with its truth, the DMS records of what happened to it, and the search for
//! its plaintext.
//!
//! This crate owns what the demo shop holds ([`write_source`]), what the new database must hold
//! in the end ([`Truth`], which comes from the shop and never sees a record), and the search for
//! planted values in files ([`Index`]). It does not run the pipeline and opens no sealed value:
//! the binary wires that. Everything follows from a seed; nobody in the shop exists.

mod error;
mod needles;
mod rng;
mod scenario;
mod search;
mod shop;
mod steps;
mod truth;

pub use error::DemoError;
pub use needles::Needles;
pub use scenario::{MIN_ROWS, Scenario, write_source, write_source_telling};
pub use search::{Encoding, Hit, Index, Report};
pub use steps::Told;
pub use truth::{Truth, TruthTable};
