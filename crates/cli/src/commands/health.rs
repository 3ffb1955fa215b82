//! `fieldseal health`: asks a running worker over its admin port. Owns the words and the exit
//! code; what is healthy is the worker's answer.

use crate::admin::{Question, ask};
use crate::args::HealthArgs;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::say;

pub(crate) async fn health(args: &HealthArgs) -> Result<Exit, Failure> {
    let config = Config::read(&args.config.config)?;
    let Some(listen) = config.policy.admin() else {
        return Err(Failure::new(
            Exit::Failed,
            "the policy names no admin port to ask; set `[admin] listen` and start the worker anew",
        ));
    };
    let (question, word) = if args.ready {
        (Question::Ready, "ready")
    } else {
        (Question::Live, "live")
    };
    // A container's runtime knows 0 and 1 only.
    ask(listen, question)
        .await
        .map_err(|why| Failure::new(Exit::Failed, why))?;
    say(word)?;
    Ok(Exit::Done)
}
