//! What a server must be and how it must be set. Owns the versions that are supported.

use fieldseal_db::{Database, DbError, Dialect, Finding, Severity};

/// What is found about the server and this account's session.
pub(super) async fn of_server(database: &Database) -> Result<Vec<Finding>, DbError> {
    match database.dialect() {
        Dialect::Sqlite => Ok(Vec::new()),
        Dialect::Postgres => of_postgres(database).await,
        Dialect::MySql => of_mysql(database).await,
    }
}

/// A record of Kinesis has at most 1 MiB, and 10 MiB where its stream's limit was raised ("Handle
/// large records", Kinesis Data Streams Developer Guide). MariaDB's own default is this.
const WANTED_PACKET: u64 = 16 * 1024 * 1024;

fn error(what: impl Into<String>, advice: &str) -> Finding {
    Finding::server(Severity::Error, what, advice)
}

async fn of_postgres(database: &Database) -> Result<Vec<Finding>, DbError> {
    let rows = database
        .query(
            "SELECT current_setting('server_version_num'), current_setting('server_encoding'), \
             (pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on')::text, \
             has_database_privilege(current_database(), 'TEMPORARY')::text, \
             COALESCE(current_schema()::text, '')",
            &[],
        )
        .await?;
    let row = rows.first().ok_or(DbError::unexpected())?;
    let mut found = Vec::new();
    let version: u32 = row.text(0)?.parse().map_err(|_| DbError::unexpected())?;
    if version < 130_000 {
        found.push(error(
            format!("is PostgreSQL {}", version / 10_000),
            "use PostgreSQL 13 or later",
        ));
    }
    if row.text(1)? != "UTF8" {
        found.push(error(
            "the database's encoding lacks characters",
            "make the database with ENCODING 'UTF8'",
        ));
    }
    if row.text(2)? == "true" {
        found.push(error(
            "is read-only",
            "name the primary in the policy's target",
        ));
    }
    if row.text(3)? != "true" {
        found.push(error(
            "the account may not make temporary tables",
            "GRANT TEMPORARY ON DATABASE … to it",
        ));
    }
    if row.text(4)?.is_empty() {
        found.push(error(
            "the search_path names no schema",
            "set the account's search_path",
        ));
    }
    Ok(found)
}

async fn of_mysql(database: &Database) -> Result<Vec<Finding>, DbError> {
    let rows = database
        .query(
            "SELECT VERSION(), @@SESSION.sql_mode, CAST(@@GLOBAL.read_only AS CHAR), \
             COALESCE(DATABASE(), ''), CAST(@@GLOBAL.max_allowed_packet AS CHAR)",
            &[],
        )
        .await?;
    let row = rows.first().ok_or(DbError::unexpected())?;
    let mut found = Vec::new();
    let version = row.text(0)?;
    if !is_supported(&version) {
        found.push(error(
            format!("is version {version}"),
            "use MySQL 8 or later, or MariaDB 10.6 or later",
        ));
    }
    let mode = row.text(1)?;
    if !["STRICT_TRANS_TABLES", "STRICT_ALL_TABLES"]
        .iter()
        .any(|word| mode.contains(word))
    {
        found.push(error(
            "sql_mode is not strict: values that do not fit would be cut off",
            "add STRICT_TRANS_TABLES to the server's sql_mode",
        ));
    }
    if !["0", "OFF"].contains(&row.text(2)?.as_str()) {
        // Some accounts may write all the same.
        found.push(Finding::server(
            Severity::Warning,
            "is read-only for most accounts",
            "name the primary in the policy's target",
        ));
    }
    if row.text(3)?.is_empty() {
        found.push(error(
            "the URL names no database",
            "add the database to the target's URL",
        ));
    }
    let packet: u64 = row.text(4)?.parse().map_err(|_| DbError::unexpected())?;
    found.extend(small_packets(packet));
    Ok(found)
}

/// A row, or a record that is held, is sent in one packet; sealed it is somewhat longer.
fn small_packets(max_allowed: u64) -> Option<Finding> {
    (max_allowed < WANTED_PACKET).then(|| {
        Finding::server(
            Severity::Warning,
            format!("max_allowed_packet is {max_allowed}: what is longer goes to quarantine, or stops its shard"),
            "set the server's max_allowed_packet to 16777216 or more, then start again",
        )
    })
}

fn is_supported(version: &str) -> bool {
    let mut numbers = version
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    let version_numbers = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version_numbers
        >= if version.contains("MariaDB") {
            (10, 6)
        } else {
            (8, 0)
        }
}

#[cfg(test)]
mod tests {
    use super::{WANTED_PACKET, is_supported, small_packets};

    #[test]
    fn small_packets_are_said() {
        assert!(small_packets(WANTED_PACKET - 1).is_some());
        assert!(small_packets(WANTED_PACKET).is_none());
    }

    #[test]
    fn versions() {
        for good in [
            "10.11.6-MariaDB-0+deb12u1",
            "11.4.2-MariaDB",
            "8.0.36",
            "9.7.0",
            "10.6.0-MariaDB",
        ] {
            assert!(is_supported(good), "{good}");
        }
        for bad in ["10.5.9-MariaDB", "5.7.44-log", "", "10.x-MariaDB"] {
            assert!(!is_supported(bad), "{bad}");
        }
    }
}
