//! Batches with their statements encoded, so that the transaction sends bytes that are there.
//! Owns when those may be used: only for all rows of a table at once, and only once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use fieldseal_db::{Database, Encoded, Sql};
use fieldseal_pipeline::{RowChange, SealedBatch, SealedRow};

use crate::rows;
use crate::table::TargetTable;

/// A statement with its parameters.
pub(crate) struct Statement {
    pub(crate) sql: Sql,
    pub(crate) parameters: Encoded,
}

/// One table's rows of a batch.
pub(crate) struct Group<'a> {
    pub(crate) table: usize,
    pub(crate) rows: &'a [SealedRow],
    /// The digests of their keys.
    pub(crate) digests: &'a [[u8; 32]],
    /// The statements that write all of them, if nobody took them before.
    pub(crate) whole: Option<Vec<Statement>>,
}

/// A batch as the store applies it. No `Debug`: it may hold cells.
pub struct ReadyBatch {
    batch: SealedBatch,
    /// The digest of each row's key, in the batch's order.
    digests: Vec<[u8; 32]>,
    /// By table number: what writes every row that the batch has for it. The first try takes
    /// them; another one, which is rare, encodes them again.
    whole: Mutex<HashMap<usize, Vec<Statement>>>,
}

impl ReadyBatch {
    /// Encodes what can be encoded before the stored versions are known: rows of tables from
    /// which the batch deletes nothing, on the guess that none of them loses. What cannot be
    /// encoded is left out here, and fails where it is applied.
    pub(crate) fn new(database: &Database, tables: &[TargetTable], batch: SealedBatch) -> Self {
        let (dialect, max_packet) = (database.dialect(), database.max_packet());
        let mut whole = HashMap::new();
        for group in batch.rows().chunk_by(|a, b| a.table() == b.table()) {
            let rows: Vec<&SealedRow> = group.iter().collect();
            let written = |row: &SealedRow| matches!(row.change(), RowChange::Upsert(_));
            if let Some(first) = group.first()
                && group.iter().all(written)
                && let Some(table) = tables.get(first.table())
                && let Ok(statements) = rows::statements(dialect, max_packet, table, &rows)
            {
                whole.insert(first.table(), statements);
            }
        }
        Self {
            digests: batch.rows().iter().map(|row| row.key().digest()).collect(),
            batch,
            whole: Mutex::new(whole),
        }
    }

    /// The batch.
    #[must_use]
    pub const fn batch(&self) -> &SealedBatch {
        &self.batch
    }

    /// The batch's rows, table by table. What was encoded goes with the first call.
    pub(crate) fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        let mut behind = self.digests.as_slice();
        let groups = self.batch.rows().chunk_by(|a, b| a.table() == b.table());
        groups.filter_map(move |rows| {
            let (digests, rest) = behind.split_at(rows.len());
            behind = rest;
            let table = rows.first()?.table();
            Some(Group {
                table,
                rows,
                digests,
                whole: self.take_whole(table),
            })
        })
    }

    fn take_whole(&self, table: usize) -> Option<Vec<Statement>> {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        whole.remove(&table)
    }
}
