//! `fieldseal demo`.

use crate::args::DemoArgs;
use crate::exit::{Exit, Failure};

pub(crate) async fn demo(_args: &DemoArgs) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Failed, "the demo is being written"))
}
