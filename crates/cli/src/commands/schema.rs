//! `fieldseal schema`: the target's CREATE TABLE statements.

use fieldseal_db::Dialect;
use fieldseal_store::{SchemaError, SourceColumns};

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
        Some(from) => Some(read_source(&config, from).await?),
        None if args.from_source => Some(read_policys_source(&config).await?),
        None => None,
    };
    let script = fieldseal_store::create_tables(&config.policy, dialect, source.as_ref())
        .map_err(|error| Failure::new(Exit::NotAsItShouldBe, error.to_string()))?;
    let mut lines = Lines::new();
    lines.line(script.trim_end())?;
    lines.finish()?;
    Ok(Exit::Done)
}

/// The source's columns, from the database that the policy names.
async fn read_policys_source(config: &Config) -> Result<SourceColumns, Failure> {
    let Some(url) = config.source_url()? else {
        return Err(Failure::new(
            Exit::Usage,
            "--from-source: the policy names no database: give its [source] url_env or url_file, \
             or say --from with a URL or a file",
        ));
    };
    // What is no URL may be one with a slip in it: it is not shown, and no file.
    if Dialect::of_url(&url).is_err() {
        return Err(Failure::new(
            Exit::Policy,
            "--from-source: what the policy names as the source's URL begins with none of \
             postgres:, mysql: and mariadb:, in lower case; correct it",
        ));
    }
    read(config, &url, &fieldseal_db::redact_url(&url)).await
}

/// The source's columns, from a file or from the database at a URL.
async fn read_source(config: &Config, from: &str) -> Result<SourceColumns, Failure> {
    let known = Dialect::of_url(from).is_ok();
    if !known && from.contains("://") {
        return Err(Failure::new(
            Exit::Usage,
            "--from: the URL begins with none of sqlite:, postgres:, mysql: and mariadb:, in \
             lower case; correct it, or give the path of a file",
        ));
    }
    let url = if known {
        config.safe_source(from.to_owned(), "--from")?
    } else {
        from.to_owned()
    };
    // A path as it is, unless it may be a URL without its beginning; a URL without its password.
    let shown = match (known, from.contains('@')) {
        (true, _) => fieldseal_db::redact_url(from),
        (false, true) => "the file that --from names".to_owned(),
        (false, false) => from.to_owned(),
    };
    read(config, &url, &shown).await
}

async fn read(config: &Config, from: &str, shown: &str) -> Result<SourceColumns, Failure> {
    let read = fieldseal_store::read_source_columns(&config.policy, from).await;
    read.map_err(|error| match &error {
        SchemaError::Database(database) => {
            let failure = Failure::database(&format!("reading {shown}"), database);
            Failure::new(
                failure.exit,
                format!(
                    "{failure}; correct the URL, or see that the server runs and lets this user in"
                ),
            )
        }
        _ => Failure::new(Exit::Failed, format!("reading {shown}: {error}")),
    })
}
