//! What the account may do. Owns the probes: on PostgreSQL the catalogue answers; elsewhere
//! statements that match no row are run and rolled back, since grants come by many ways.

use fieldseal_db::{Bind, Database, DbError, DbErrorKind, Dialect, Finding, Severity, Sql, quote};

use crate::describe::TableFacts;

/// What the account lacks for a table of the target.
pub(super) async fn of_table(
    database: &Database,
    table: &str,
    facts: &TableFacts,
) -> Result<Vec<Finding>, DbError> {
    let writable = facts.columns.iter().find(|column| !column.generated);
    let Some(column) = writable else {
        return Ok(Vec::new());
    };
    let mut found = lacking(database, table, &column.name).await?;
    if database.dialect() == Dialect::MySql && !sees_triggers(database).await? {
        found.push(Finding::table(
            Severity::Warning,
            table,
            "the account cannot see whether it has triggers",
            "make sure that it has none, or GRANT TRIGGER to the account",
        ));
    }
    Ok(found)
}

/// What the account lacks for the tables that `fieldseal migrate` made.
pub(super) async fn of_own_tables(database: &Database) -> Result<Vec<Finding>, DbError> {
    let sql = match database.dialect() {
        Dialect::Sqlite => {
            "SELECT m.name, (SELECT name FROM pragma_table_info(m.name) LIMIT 1) \
             FROM sqlite_master m WHERE m.type = 'table' AND m.name LIKE 'fieldseal!_%' ESCAPE '!' \
             ORDER BY 1"
        }
        Dialect::Postgres => {
            "SELECT tablename::text, '' FROM pg_tables WHERE schemaname = current_schema() \
             AND tablename LIKE 'fieldseal!_%' ESCAPE '!' ORDER BY 1"
        }
        Dialect::MySql => {
            "SELECT table_name, column_name FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name LIKE 'fieldseal!_%' ESCAPE '!' \
             AND ordinal_position = 1 ORDER BY 1"
        }
    };
    let mut found = Vec::new();
    for row in database.query(sql, &[]).await? {
        found.extend(lacking(database, &row.text(0)?, &row.text(1)?).await?);
    }
    Ok(found)
}

async fn lacking(database: &Database, table: &str, column: &str) -> Result<Vec<Finding>, DbError> {
    let missing = match database.dialect() {
        Dialect::Postgres => by_catalogue(database, table).await?,
        _ => by_probes(database, table, column).await?,
    };
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let missing = missing.join(", ");
    Ok(vec![Finding::table(
        Severity::Error,
        table,
        format!("the account may not {missing}"),
        format!("GRANT {missing} on it to the account"),
    )])
}

const PRIVILEGES: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

async fn by_catalogue(database: &Database, table: &str) -> Result<Vec<&'static str>, DbError> {
    let mut missing = Vec::new();
    for privilege in PRIVILEGES {
        let relation = quote(Dialect::Postgres, table);
        let rows = database
            .query(
                "SELECT has_table_privilege(to_regclass(?), ?)::text",
                &[Bind::from(&relation), Bind::from(privilege)],
            )
            .await?;
        if rows.first().ok_or(DbError::unexpected())?.text(0)? != "true" {
            missing.push(privilege);
        }
    }
    Ok(missing)
}

async fn by_probes(
    database: &Database,
    table: &str,
    column: &str,
) -> Result<Vec<&'static str>, DbError> {
    let dialect = database.dialect();
    let (table, column) = (quote(dialect, table), quote(dialect, column));
    let statements = [
        format!("SELECT 1 FROM {table} WHERE 1 = 0"),
        format!("INSERT INTO {table} ({column}) SELECT {column} FROM {table} WHERE 1 = 0"),
        format!("UPDATE {table} SET {column} = {column} WHERE 1 = 0"),
        format!("DELETE FROM {table} WHERE 1 = 0"),
    ];
    let mut missing = Vec::new();
    for (privilege, statement) in PRIVILEGES.into_iter().zip(statements) {
        let mut transaction = match database.begin().await {
            Err(error) if error.kind() == DbErrorKind::Privilege => return Ok(PRIVILEGES.to_vec()),
            begun => begun?,
        };
        let outcome = transaction.execute(Sql::dynamic(statement), &[]).await;
        transaction.rollback().await?;
        match outcome {
            Err(error) if error.kind() == DbErrorKind::Privilege => missing.push(privilege),
            // A column without a default, a read-only server: reported by findings of their own.
            _ => {}
        }
    }
    Ok(missing)
}

/// information_schema shows triggers only to accounts that may make them.
async fn sees_triggers(database: &Database) -> Result<bool, DbError> {
    for row in database.query("SHOW GRANTS", &[]).await? {
        let grant = row.text(0)?;
        let privileges = grant.split(" ON ").next().unwrap_or_default();
        if privileges.contains("TRIGGER") || privileges.contains("ALL PRIVILEGES") {
            return Ok(true);
        }
    }
    Ok(false)
}
