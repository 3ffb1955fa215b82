//! `fieldseal schema`: the target's CREATE TABLE statements.

use fieldseal_db::Dialect;

use crate::args::{DialectWord, SchemaArgs};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::Lines;

pub(crate) async fn schema(args: &SchemaArgs) -> Result<Exit, Failure> {
    let config = Config::read(&args.config.config)?;
    let dialect = match args.dialect {
        Some(DialectWord::Sqlite) => Dialect::Sqlite,
        Some(DialectWord::Postgres) => Dialect::Postgres,
        Some(DialectWord::Mysql) => Dialect::MySql,
        None => Dialect::of_url(&config.target_url()?).map_err(|_| {
            Failure::new(
                Exit::Policy,
                "the target's URL begins with none of sqlite:, postgres:, mysql: and mariadb:",
            )
        })?,
    };
    let source = match &args.from {
        Some(from) => Some(
            fieldseal_store::read_source_columns(&config.policy, from)
                .await
                .map_err(|error| {
                    Failure::new(Exit::Failed, format!("reading {}: {error}", shown(from)))
                })?,
        ),
        None => None,
    };
    let script = fieldseal_store::create_tables(&config.policy, dialect, source.as_ref())
        .map_err(|error| Failure::new(Exit::NotAsItShouldBe, error.to_string()))?;
    let mut lines = Lines::new();
    lines.line(script.trim_end())?;
    lines.finish()?;
    Ok(Exit::Done)
}

/// A path as it is; a URL without its password.
fn shown(from: &str) -> String {
    if Dialect::of_url(from).is_ok() {
        fieldseal_db::redact_url(from)
    } else {
        from.to_owned()
    }
}
