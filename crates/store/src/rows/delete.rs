//! Deleting rows under the guard. Owns the statement; the decision was made before, and the
//! version test here keeps out whoever does not take our locks.

use fieldseal_db::{Bind, DbError, Sql, Transaction};
use fieldseal_pipeline::SealedRow;

use super::{bind, existing::key_condition};
use crate::sizes::steps;
use crate::table::{TargetTable, version_column};

/// Rows of one statement: an OR of so many keys is still read as so many look-ups.
const CHUNK: usize = 64;

/// Deletes each row that is older than its change.
pub(super) async fn delete(
    tx: &mut Transaction,
    table: &TargetTable,
    rows: &[&SealedRow],
) -> Result<(), DbError> {
    let dialect = tx.dialect();
    let one = format!(
        "({} AND {} < ?)",
        key_condition(dialect, table),
        version_column(dialect)
    );
    for chunk in steps(rows, CHUNK) {
        let sql = Sql::dynamic(format!(
            "DELETE FROM {} WHERE {}",
            table.name(dialect),
            vec![one.as_str(); chunk.len()].join(" OR ")
        ));
        let versions: Vec<_> = chunk.iter().map(|row| row.version()).collect();
        let mut binds: Vec<Bind<'_>> = Vec::new();
        for (row, version) in chunk.iter().zip(&versions) {
            binds.extend(row.key_columns().iter().map(bind));
            binds.push(Bind::from(version.as_bytes()));
        }
        tx.execute(sql, &binds).await?;
    }
    Ok(())
}
