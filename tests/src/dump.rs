//! Everything a database holds, as bytes to be searched. Owns reading every cell of every table
//! whatever its type.

use fieldseal_db::{Bind, Database, Dialect, Row, Sql, quote};

/// Every table with its cells, one to a line.
///
/// # Panics
/// If the database cannot be read.
pub async fn dump(database: &Database) -> Vec<(String, Vec<u8>)> {
    let dialect = database.dialect();
    let mut dumped = Vec::new();
    for table in tables(database).await {
        let columns = columns(database, &table).await;
        let shown: Vec<String> = columns
            .iter()
            .map(|column| as_bytes(dialect, column))
            .collect();
        let sql = format!(
            "SELECT {} FROM {}",
            shown.join(", "),
            quote(dialect, &table)
        );
        let mut all = Vec::new();
        for row in query(database, sql, &[]).await {
            for index in 0..columns.len() {
                let cell = row.opt_bytes(index).expect("it is bytes");
                all.extend(cell.unwrap_or_default());
                all.push(b'\n');
            }
        }
        dumped.push((table, all));
    }
    dumped
}

async fn query(database: &Database, sql: String, binds: &[Bind<'_>]) -> Vec<Row> {
    database
        .query(Sql::dynamic(sql), binds)
        .await
        .expect("the catalogue can be read")
}

async fn tables(database: &Database) -> Vec<String> {
    let sql = match database.dialect() {
        Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
        Dialect::Postgres => {
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
        }
        Dialect::MySql => {
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
        }
    };
    let rows = query(database, sql.to_owned(), &[]).await;
    rows.iter()
        .map(|row| row.text(0).expect("a name"))
        .collect()
}

async fn columns(database: &Database, table: &str) -> Vec<String> {
    let sql = match database.dialect() {
        Dialect::Sqlite => "SELECT name FROM pragma_table_xinfo(?)",
        Dialect::Postgres => {
            "SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ?"
        }
        Dialect::MySql => {
            "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?"
        }
    };
    let rows = query(database, sql.to_owned(), &[table.into()]).await;
    rows.iter()
        .map(|row| row.text(0).expect("a name"))
        .collect()
}

fn as_bytes(dialect: Dialect, column: &str) -> String {
    let column = quote(dialect, column);
    match dialect {
        Dialect::Sqlite => format!("CAST({column} AS BLOB)"),
        // bytea prints as hexadecimal, which the search knows.
        Dialect::Postgres => format!("convert_to({column}::text, 'UTF8')"),
        Dialect::MySql => format!("CAST({column} AS BINARY)"),
    }
}
