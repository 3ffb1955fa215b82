//! One module per command. They say what is done and show how it went; the doing is below.

pub(crate) mod demo;
pub(crate) mod migrate;
pub(crate) mod run;
