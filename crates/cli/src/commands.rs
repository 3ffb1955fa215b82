//! One module per command. They say what is done and show how it went; the doing is below.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod epoch;
pub(crate) mod generation;
pub(crate) mod health;
pub(crate) mod inspect;
pub(crate) mod migrate;
pub(crate) mod open;
pub(crate) mod quarantine;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod status;
