//! DMS records for tests, written by the encoder that is compared byte for byte with DMS's own.
//! Owns numbering: change n stands n transactions into one binlog file.

use fieldseal_dms::{
    ControlOperation, ControlRecord, Encoder, PartitionKey, RowRecord, Spelling, Transaction, Wire,
    mysql_stream_position,
};
use fieldseal_model::{Operation, Position};

/// Cells by column name.
pub type Cells<'a> = &'a [(&'a str, Wire<'a>)];

const STAMP: &str = "2024-05-02T08:00:00.000000Z";

/// The position of change `n`.
#[must_use]
pub const fn position(n: u32) -> Position {
    Position::mysql(7, 1_000 + n * 1_000)
}

/// A row of a full load.
#[must_use]
pub fn load(table: &str, cells: Cells<'_>) -> Vec<u8> {
    row(Operation::Load, table, None, cells, None)
}

/// Change `n`, an insert.
#[must_use]
pub fn insert(n: u32, table: &str, cells: Cells<'_>) -> Vec<u8> {
    row(Operation::Insert, table, Some(n), cells, None)
}

/// Change `n`, an update; `before` holds the old key where it has changed.
#[must_use]
pub fn update(n: u32, table: &str, cells: Cells<'_>, before: Cells<'_>) -> Vec<u8> {
    row(Operation::Update, table, Some(n), cells, Some(before))
}

/// Change `n`, a delete.
#[must_use]
pub fn delete(n: u32, table: &str, cells: Cells<'_>) -> Vec<u8> {
    row(Operation::Delete, table, Some(n), cells, None)
}

/// Change `n`, or a row of a full load.
#[must_use]
pub fn row(
    operation: Operation,
    table: &str,
    n: Option<u32>,
    cells: Cells<'_>,
    before: Option<Cells<'_>>,
) -> Vec<u8> {
    row_at(operation, table, n.map(position), cells, before)
}

/// A record with everything said: a change at this position, or a row of a full load.
///
/// # Panics
/// If `table` is not `schema.table`.
#[must_use]
pub fn row_at(
    operation: Operation,
    table: &str,
    at: Option<Position>,
    cells: Cells<'_>,
    before: Option<Cells<'_>>,
) -> Vec<u8> {
    let (schema, table) = table.split_once('.').expect("`schema.table`");
    let place = at.map(|at| {
        let offset = at.offset();
        mysql_stream_position("mysql-bin", at, offset, offset + 300, offset + 400)
    });
    let transaction = at
        .zip(place.as_deref())
        .map(|(at, stream_position)| Transaction {
            id: at.0,
            record: 1,
            previous: None,
            commit_timestamp: "2024-05-02T07:59:59.000000Z",
            stream_position,
        });
    Encoder::new(Spelling::Compact).row(&RowRecord {
        operation,
        schema,
        table,
        timestamp: STAMP,
        partition_key: PartitionKey::SchemaTable,
        transaction,
        data: cells,
        before,
    })
}

/// A control record, made at this second.
///
/// # Panics
/// If `table` is not `schema.table`.
#[must_use]
pub fn control(operation: ControlOperation, table: &str, second: u32) -> Vec<u8> {
    let (schema, table) = table.split_once('.').expect("`schema.table`");
    Encoder::new(Spelling::Compact).control(&ControlRecord {
        operation,
        schema,
        table,
        timestamp: &format!("2024-05-02T08:00:{second:02}.000000Z"),
        task: "TASK",
        definition: None,
    })
}
