//! The versions of deleted rows. Owns `fieldseal_tombstones`; a tombstone is never lowered, and
//! stays when its row comes back with a higher version.

use std::collections::HashMap;

use fieldseal_db::{Bind, DbError, Dialect, Sql, Transaction};
use fieldseal_model::RowVersion;
use fieldseal_pipeline::SealedRow;

use crate::locks::version;
use crate::sizes::{padded, steps};
use crate::table::{TargetTable, marks};

/// Keys of one statement: far below every server's limit of parameters.
const CHUNK: usize = 1_024;

/// The tombstones of these rows' keys, by digest. Under the table's lock, in either mode, none
/// can appear that this does not see: only a delete makes one, and that excludes everyone.
pub(crate) async fn read(
    tx: &mut Transaction,
    table: &TargetTable,
    digests: &[[u8; 32]],
) -> Result<HashMap<[u8; 32], RowVersion>, DbError> {
    let mut found = HashMap::new();
    if digests.is_empty() || !any(tx, table).await? {
        return Ok(found);
    }
    for chunk in digests.chunks(CHUNK) {
        let sql = Sql::dynamic(format!(
            "SELECT digest, version FROM fieldseal_tombstones WHERE table_number = ? AND digest IN ({})",
            marks(chunk.len().next_power_of_two())
        ));
        let mut binds = vec![Bind::from(table.number)];
        binds.extend(padded(chunk).map(Bind::from));
        for row in tx.query(sql, &binds).await? {
            let digest = row
                .bytes(0)?
                .try_into()
                .map_err(|_| DbError::unexpected())?;
            found.insert(digest, version(&row.bytes(1)?)?);
        }
    }
    Ok(found)
}

/// A first load has none, and need not ask for its keys.
async fn any(tx: &mut Transaction, table: &TargetTable) -> Result<bool, DbError> {
    let rows = tx
        .query(
            "SELECT table_number FROM fieldseal_tombstones WHERE table_number = ? LIMIT 1",
            &[Bind::from(table.number)],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Keeps the versions of deleted rows, none lowered.
pub(crate) async fn write(
    tx: &mut Transaction,
    table: &TargetTable,
    rows: &[(&SealedRow, [u8; 32])],
) -> Result<(), DbError> {
    for chunk in steps(rows, CHUNK) {
        let values = vec!["(?,?,?)"; chunk.len()].join(",");
        let keep_higher = match tx.dialect() {
            Dialect::MySql => {
                "ON DUPLICATE KEY UPDATE version = IF(version < VALUES(version), VALUES(version), version)"
            }
            _ => {
                "ON CONFLICT (table_number, digest) DO UPDATE SET version = EXCLUDED.version WHERE fieldseal_tombstones.version < EXCLUDED.version"
            }
        };
        let sql = Sql::dynamic(format!(
            "INSERT INTO fieldseal_tombstones (table_number, digest, version) VALUES {values} {keep_higher}"
        ));
        let versions: Vec<RowVersion> = chunk.iter().map(|(row, _)| row.version()).collect();
        let mut binds = Vec::with_capacity(chunk.len() * 3);
        for ((_, digest), version) in chunk.iter().zip(&versions) {
            binds.push(Bind::from(table.number));
            binds.push(Bind::from(digest));
            binds.push(Bind::from(version.as_bytes()));
        }
        tx.execute(sql, &binds).await?;
    }
    Ok(())
}
