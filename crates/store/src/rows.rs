//! Writing and deleting rows under the guard. Owns which rows win (`RowVersion::supersedes`,
//! with the version test repeated in the statement that writes) and counting outcomes.

mod delete;
mod existing;
mod merge;
mod upsert;

use std::collections::HashMap;

use fieldseal_db::{Bind, DbError, Dialect, Transaction};
use fieldseal_model::RowVersion;
use fieldseal_pipeline::{Bound, RowChange, SealedRow};

use crate::counters::Tallies;
use crate::ready::{Group, Statement};
use crate::table::TargetTable;
use crate::tombstones;

/// A row to write with the digest of its key.
type Digested<'a> = (&'a SealedRow, [u8; 32]);

/// Writes one table's rows of a batch under the table's lock.
pub(crate) async fn write(
    tx: &mut Transaction,
    table: &TargetTable,
    group: Group<'_>,
    floor: RowVersion,
    tallies: &mut Tallies,
) -> Result<(), DbError> {
    let (rows, digests) = (group.rows, group.digests.to_vec());
    let buried = tombstones::read(tx, table, &digests).await?;
    let mut upserts = Vec::with_capacity(rows.len());
    let mut deletes = Vec::new();
    for (row, digest) in rows.iter().zip(digests) {
        if !row
            .version()
            .supersedes(buried.get(&digest).copied(), floor)
        {
            tallies.row(row.table(), row.counted_as(), false);
            continue;
        }
        match row.change() {
            RowChange::Upsert(_) => upserts.push((row, digest)),
            RowChange::Delete => deletes.push((row, digest)),
        }
    }
    // Encoded for all rows: of no use for some of them.
    let whole = group.whole.filter(|_| upserts.len() == rows.len());
    write_upserts(tx, table, &upserts, whole, tallies).await?;
    write_deletes(tx, table, &deletes, floor, tallies).await
}

async fn write_upserts(
    tx: &mut Transaction,
    table: &TargetTable,
    upserts: &[Digested<'_>],
    whole: Option<Vec<Statement>>,
    tallies: &mut Tallies,
) -> Result<(), DbError> {
    if upserts.is_empty() {
        return Ok(());
    }
    let rows: Vec<&SealedRow> = upserts.iter().map(|(row, _)| *row).collect();
    let lost = if tx.dialect() == Dialect::Postgres {
        merge::merge(tx, table, &rows, whole).await?
    } else {
        let stored = existing::versions(tx, table, &rows).await?;
        let winners: Vec<&SealedRow> = rows
            .iter()
            .zip(&stored)
            .filter(|(row, stored)| wins(row, **stored))
            .map(|(r, _)| *r)
            .collect();
        let whole = whole.filter(|_| winners.len() == rows.len());
        run(tx, table, &winners, whole).await?;
        rows.iter()
            .zip(&stored)
            .map(|(row, stored)| !wins(row, *stored))
            .collect()
    };
    for (row, lost) in rows.iter().zip(lost) {
        tallies.row(row.table(), row.counted_as(), !lost);
    }
    Ok(())
}

/// The statements that write these rows, each whole, unless a newer version is stored meanwhile.
pub(crate) fn statements(
    dialect: Dialect,
    max_packet: usize,
    table: &TargetTable,
    rows: &[&SealedRow],
) -> Result<Vec<Statement>, DbError> {
    match dialect {
        Dialect::Postgres => Ok(vec![merge::statement(table, rows)?]),
        _ => upsert::statements(dialect, max_packet, table, rows),
    }
}

/// Runs the statements that write `rows`, ready made or made now; answers how many were touched.
async fn run(
    tx: &mut Transaction,
    table: &TargetTable,
    rows: &[&SealedRow],
    ready: Option<Vec<Statement>>,
) -> Result<u64, DbError> {
    let statements = match ready {
        Some(statements) => statements,
        None => statements(tx.dialect(), tx.max_packet(), table, rows)?,
    };
    let mut touched = 0;
    for statement in statements {
        touched += tx
            .execute_encoded(statement.sql, statement.parameters)
            .await?;
    }
    Ok(touched)
}

/// Deletes hold the table's lock exclusively, so what is read stays true until the commit.
async fn write_deletes(
    tx: &mut Transaction,
    table: &TargetTable,
    deletes: &[Digested<'_>],
    floor: RowVersion,
    tallies: &mut Tallies,
) -> Result<(), DbError> {
    if deletes.is_empty() {
        return Ok(());
    }
    let rows: Vec<&SealedRow> = deletes.iter().map(|(row, _)| *row).collect();
    let stored = existing::versions(tx, table, &rows).await?;
    let mut winners = Vec::new();
    for ((row, digest), stored) in deletes.iter().zip(&stored) {
        let won = row.version().supersedes(*stored, floor);
        tallies.row(row.table(), row.counted_as(), won);
        if won {
            winners.push((*row, *digest));
        }
    }
    let present: Vec<&SealedRow> = deletes
        .iter()
        .zip(&stored)
        .filter(|((row, _), stored)| stored.is_some() && wins(row, **stored))
        .map(|((row, _), _)| *row)
        .collect();
    delete::delete(tx, table, &present).await?;
    tombstones::write(tx, table, &winners).await
}

/// The floor was applied before.
fn wins(row: &SealedRow, stored: Option<RowVersion>) -> bool {
    row.version().supersedes(stored, RowVersion::ZERO)
}

/// A parameter for a planned value.
fn bind(bound: &Bound) -> Bind<'_> {
    match bound {
        // Typed by the column at prepare time on the servers that care.
        Bound::Null => Bind::Text(None),
        Bound::Int(number) => Bind::from(*number),
        Bound::Unsigned(number) => Bind::Unsigned(*number),
        Bound::Text(text) => Bind::from(text.as_str()),
        Bound::Bytes(bytes) => Bind::from(bytes.as_ref()),
    }
}

/// Rows by a text that names their key, for matching a server's answer to the batch.
fn by_key<'a>(rows: impl Iterator<Item = (usize, Vec<u8>)> + 'a) -> HashMap<Vec<u8>, usize> {
    rows.map(|(number, key)| (key, number)).collect()
}
