//! Making and registering: Fieldseal's own tables, the first epoch, the policy's tables. Owns
//! `migrations/store/`; the tables that hold the sealed rows are the operator's to make.

use fieldseal_db::{
    Bind, Database, DbError, Dialect, Migration, pending_migrations, run_migrations,
};
use fieldseal_model::RowVersion;
use fieldseal_policy::{FirstLoad, Policy, Table};

const fn first(script: &'static str) -> [Migration; 1] {
    [Migration {
        name: "store/0001",
        script,
    }]
}

const SQLITE: [Migration; 1] = first(include_str!(
    "../../../migrations/store/sqlite/0001_store.sql"
));
const POSTGRES: [Migration; 1] = first(include_str!(
    "../../../migrations/store/postgres/0001_store.sql"
));
const MYSQL: [Migration; 1] = first(include_str!(
    "../../../migrations/store/mysql/0001_store.sql"
));

fn all(database: &Database) -> &'static [Migration] {
    match database.dialect() {
        Dialect::Sqlite => &SQLITE,
        Dialect::Postgres => &POSTGRES,
        Dialect::MySql => &MYSQL,
    }
}

/// The names of the migrations that have not run.
///
/// # Errors
/// [`DbError`].
pub async fn pending(database: &Database) -> Result<Vec<&'static str>, DbError> {
    let pending = pending_migrations(database, all(database)).await?;
    Ok(pending.iter().map(|migration| migration.name).collect())
}

/// Runs what is pending, begins the first epoch, and registers every table of the policy. Doing
/// it twice is fine.
///
/// # Errors
/// [`DbError`] of the first step that failed.
pub async fn migrate(database: &Database, policy: &Policy) -> Result<Vec<&'static str>, DbError> {
    let ran = run_migrations(database, all(database)).await?;
    let ignore = insert_ignore(database.dialect());
    database.execute(ignore.epoch, &[]).await?;
    for table in policy.tables() {
        let id = table.id.as_str();
        database
            .execute(
                ignore.table,
                &[Bind::from(id), Bind::from(RowVersion::ZERO.as_bytes())],
            )
            .await?;
        if table.first_load == FirstLoad::Unregistered {
            register_first_load(database, table).await?;
        }
    }
    Ok(ran)
}

struct InsertIgnore {
    epoch: &'static str,
    table: &'static str,
}

const fn insert_ignore(dialect: Dialect) -> InsertIgnore {
    match dialect {
        Dialect::MySql => InsertIgnore {
            epoch: "INSERT IGNORE INTO fieldseal_epochs (epoch) VALUES (1)",
            table: "INSERT IGNORE INTO fieldseal_tables (table_id, floor, revision) VALUES (?, ?, 1)",
        },
        _ => InsertIgnore {
            epoch: "INSERT INTO fieldseal_epochs (epoch) VALUES (1) ON CONFLICT DO NOTHING",
            table: "INSERT INTO fieldseal_tables (table_id, floor, revision) VALUES (?, ?, 1) ON CONFLICT (table_id) DO NOTHING",
        },
    }
}

/// A first load that the policy vouches for is a generation with L = 0 and no marks: every shard
/// inherits it from its start. It is made once, and never after another generation.
async fn register_first_load(database: &Database, table: &Table) -> Result<(), DbError> {
    database
        .execute(
            "INSERT INTO fieldseal_generations (generation, table_id, epoch, position, capture, started, load_stamp, state) \
             SELECT COALESCE((SELECT MAX(g.generation) FROM fieldseal_generations g), 0) + 1, t.table_id, 1, '0', 'unbroken', NULL, NULL, 'open' \
             FROM fieldseal_tables t WHERE t.table_id = ? \
             AND NOT EXISTS (SELECT 1 FROM fieldseal_generations g WHERE g.table_id = t.table_id)",
            &[Bind::from(table.id.as_str())],
        )
        .await?;
    Ok(())
}
