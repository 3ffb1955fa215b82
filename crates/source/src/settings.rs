//! How a source's server must be set so that DMS captures every change whole. Owns the settings
//! and what to do about each; which of them DMS asks for is in its User Guide ("Using a
//! MySQL-compatible database as a source", "Using a PostgreSQL database as a source").

use std::collections::BTreeMap;

use fieldseal_db::{DbError, DbErrorKind};
use fieldseal_model::Engine;
use fieldseal_policy::Policy;

use crate::position::BinlogStatus;
use crate::{Finding, Severity, SourceDatabase, SourceError};

const DOING: &str = "reading the source's settings";

/// What is found about the server.
pub(crate) async fn of_server(
    source: &SourceDatabase,
    policy: &Policy,
) -> Result<Vec<Finding>, SourceError> {
    match source.engine {
        Engine::MySql => of_mysql(source, policy).await,
        Engine::Postgres => of_postgres(source).await,
    }
}

fn error(what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding::server(Severity::Error, what, advice)
}

async fn of_mysql(source: &SourceDatabase, policy: &Policy) -> Result<Vec<Finding>, SourceError> {
    let rows = source
        .database
        .query(
            "SHOW GLOBAL VARIABLES WHERE variable_name IN ('log_bin', 'binlog_format', \
             'binlog_row_image', 'binlog_row_value_options', 'binlog_order_commits', \
             'binlog_transaction_compression', 'log_slave_updates', 'log_replica_updates')",
            &[],
        )
        .await;
    let settings: Result<BTreeMap<String, String>, DbError> = rows.and_then(|rows| {
        let setting = |row: &fieldseal_db::Row| Ok((row.text(0)?, row.text(1)?));
        rows.iter().map(setting).collect()
    });
    let settings =
        settings.map_err(|error| SourceError::of(DOING, "ask its administrator", error))?;
    let is = |name: &str, wanted: &str| {
        settings
            .get(name)
            .is_none_or(|value| value.eq_ignore_ascii_case(wanted))
    };
    let mut found = Vec::new();
    if !is("log_bin", "ON") {
        found.push(error(
            "writes no binlog, and DMS has nothing to read",
            "set log_bin and restart it (Amazon RDS: turn automated backups on)",
        ));
        return Ok(found);
    }
    let wanted = [
        (
            "binlog_format",
            "ROW",
            "DMS cannot tell which rows a statement changes; set it in the server's configuration \
             and let every connection begin anew",
        ),
        (
            "binlog_row_image",
            "FULL",
            "columns would be missing from updates with no sign in the record; set it in the \
             server's configuration and let every connection begin anew",
        ),
        (
            "binlog_row_value_options",
            "",
            "updates of JSON columns would lack the value; clear it",
        ),
        (
            "binlog_transaction_compression",
            "OFF",
            "DMS does not read compressed transactions; turn it off",
        ),
        (
            "binlog_order_commits",
            "ON",
            "nobody can tell when every transaction below a position is visible; turn it on",
        ),
    ];
    for (name, value, why) in wanted {
        if !is(name, value) {
            let value = if value.is_empty() { "empty" } else { value };
            found.push(error(format!("{name} is not {value}"), why));
        }
    }
    let logs_replicated = is("log_slave_updates", "ON") && is("log_replica_updates", "ON");
    if !logs_replicated {
        found.extend(of_replica(source).await?);
    }
    match source.binlog_status().await {
        Ok(Some(status)) => filters(&status, policy, &mut found),
        Ok(None) => {}
        Err(refused @ SourceError::Privilege { .. }) => {
            found.push(Finding::server(
                Severity::Warning,
                refused.to_string(),
                "or give L to `generation begin` by --position",
            ));
        }
        Err(other) => return Err(other),
    }
    Ok(found)
}

/// A replica that does not log what it replicates has an all but empty binlog.
async fn of_replica(source: &SourceDatabase) -> Result<Option<Finding>, SourceError> {
    const ADVICE: &str =
        "if DMS reads a replica, set log_slave_updates (log_replica_updates) on it";
    let rows = match source.database.query("SHOW SLAVE STATUS", &[]).await {
        // A syntax error: MySQL 8.4 knows only the newer words.
        Err(error) if error.code() == Some("1064") => {
            source.database.query("SHOW REPLICA STATUS", &[]).await
        }
        answered => answered,
    };
    match rows {
        Ok(rows) if rows.is_empty() => Ok(None),
        Ok(_) => Ok(Some(error(
            "is a replica that does not log what it replicates, and DMS would see none of it",
            ADVICE,
        ))),
        Err(refused) if refused.kind() == DbErrorKind::Privilege => Ok(Some(Finding::server(
            Severity::Warning,
            "does not log what it replicates, and the account may not see whether it is a replica",
            ADVICE,
        ))),
        Err(error) => Err(SourceError::of(DOING, ADVICE, error)),
    }
}

fn filters(status: &BinlogStatus, policy: &Policy, found: &mut Vec<Finding>) {
    let mut schemas: Vec<&str> = policy
        .tables()
        .iter()
        .map(|table| table.source.schema.as_str())
        .collect();
    schemas.sort_unstable();
    schemas.dedup();
    for schema in schemas {
        if !status.logs(schema) {
            found.push(error(
                format!("does not log the database {schema}"),
                "change binlog_do_db or binlog_ignore_db",
            ));
        }
    }
}

async fn of_postgres(source: &SourceDatabase) -> Result<Vec<Finding>, SourceError> {
    let failed = |error| SourceError::of(DOING, "ask its administrator", error);
    let rows = source
        .database
        .query(
            "SELECT current_setting('wal_level'), pg_is_in_recovery()::text",
            &[],
        )
        .await
        .map_err(failed)?;
    let row = rows.first().ok_or_else(|| failed(DbError::unexpected()))?;
    let mut found = Vec::new();
    if row.text(0).map_err(failed)? != "logical" {
        found.push(error(
            "wal_level is not logical, and DMS cannot read its log",
            "set it and restart (Amazon RDS: rds.logical_replication = 1)",
        ));
    }
    if row.text(1).map_err(failed)? == "true" {
        found.push(Finding::server(
            Severity::Warning,
            "is a standby, at which `generation begin` cannot read L",
            "name the primary if DMS reads that, or give L by --position",
        ));
    }
    Ok(found)
}
