//! Which migrations have run. Owns the table `fieldseal_migrations`; the scripts belong to the
//! crates that embed them.

use crate::{Bind, Database, DbError, Dialect};

/// One step of a schema: a script that was never changed once it was released.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Unique over all crates, such as `store/0001`.
    pub name: &'static str,
    /// The script.
    pub script: &'static str,
}

const CREATE: &str =
    "CREATE TABLE IF NOT EXISTS fieldseal_migrations (name VARCHAR(100) NOT NULL PRIMARY KEY)";

/// The migrations that have not run yet, in order. A database without the bookkeeping table has
/// run none.
///
/// # Errors
/// [`DbError`] when the database cannot be read.
pub async fn pending_migrations(
    database: &Database,
    migrations: &[Migration],
) -> Result<Vec<Migration>, DbError> {
    if !table_exists(database).await? {
        return Ok(migrations.to_vec());
    }
    let rows = database
        .query("SELECT name FROM fieldseal_migrations", &[])
        .await?;
    let done = rows
        .iter()
        .map(|row| row.text(0))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(migrations
        .iter()
        .filter(|m| !done.iter().any(|name| name == m.name))
        .copied()
        .collect())
}

/// Runs what is pending and answers the names of what it ran. Scripts use `IF NOT EXISTS`, so
/// that one cut short between its statements and its name (MySQL commits each DDL statement by
/// itself) can run again.
///
/// # Errors
/// [`DbError`] of the first step that failed.
pub async fn run_migrations(
    database: &Database,
    migrations: &[Migration],
) -> Result<Vec<&'static str>, DbError> {
    database.execute(CREATE, &[]).await?;
    let pending = pending_migrations(database, migrations).await?;
    for migration in &pending {
        database.execute_script(migration.script).await?;
        let insert = match database.dialect() {
            Dialect::MySql => "INSERT IGNORE INTO fieldseal_migrations (name) VALUES (?)",
            _ => "INSERT INTO fieldseal_migrations (name) VALUES (?) ON CONFLICT DO NOTHING",
        };
        database
            .execute(insert, &[Bind::from(migration.name)])
            .await?;
    }
    Ok(pending.iter().map(|migration| migration.name).collect())
}

async fn table_exists(database: &Database) -> Result<bool, DbError> {
    let sql = match database.dialect() {
        Dialect::Sqlite => {
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'fieldseal_migrations'"
        }
        Dialect::Postgres => {
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'fieldseal_migrations'"
        }
        Dialect::MySql => {
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'fieldseal_migrations'"
        }
    };
    let rows = database.query(sql, &[]).await?;
    Ok(rows.first().ok_or(DbError::unexpected())?.int(0)? > 0)
}
