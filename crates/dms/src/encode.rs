//! Rows and control records to DMS's JSON. Owns which keys stand where; the two spellings are in
//! `writer`. Used by the demo, the tests and captures that stand in for DMS; what it writes is
//! plaintext, as DMS's own output is.

mod writer;

use fieldseal_model::{Operation, Position};

use crate::ControlOperation;
use writer::Writer;

/// DMS's two message formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `json`, the default: LF, one tab per level, `"key":` and a tab, no newline at the end.
    Pretty,
    /// `json-unformatted`: one line with a newline at its end.
    Compact,
}

/// The endpoint's settings (`KinesisSettings`), as far as they change what is written. The
/// default is what `docs/DMS-SETUP.md` asks for, not what DMS does unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `IncludeTransactionDetails`
    pub transaction_details: bool,
    /// `IncludeNullAndEmpty`: without it, NULL and empty columns are left out.
    pub null_and_empty: bool,
    /// `IncludePartitionValue`
    pub partition_value: bool,
    /// `PartitionIncludeSchemaTable`
    pub partition_schema_table: bool,
    /// `IncludeControlDetails`
    pub control_details: bool,
    /// `NoHexPrefix`
    pub no_hex_prefix: bool,
    /// `FieldName` of `BeforeImageSettings`
    pub before_image: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            transaction_details: true,
            null_and_empty: true,
            partition_value: true,
            partition_schema_table: true,
            control_details: true,
            no_hex_prefix: false,
            before_image: "before-image".to_owned(),
        }
    }
}

/// A cell as DMS puts it on the wire. No `Debug`: it is plaintext.
#[derive(Clone, Copy)]
pub enum Wire<'a> {
    /// NULL.
    Null,
    /// A JSON boolean.
    Boolean(bool),
    /// A number's characters, which must be a JSON number; written as they are.
    Number(&'a str),
    /// A string.
    Text(&'a str),
    /// Bytes, written as upper-case hexadecimal.
    Bytes(&'a [u8]),
}

/// `partition-key-type` and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionKey<'a> {
    /// `schema-table`; has no value in the record.
    SchemaTable,
    /// `primary-key`, with the key's text. No documentation says how DMS joins several columns.
    PrimaryKey(&'a str),
}

/// What orders a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction<'a> {
    /// `transaction-id`
    pub id: u64,
    /// `transaction-record-id`, from 1.
    pub record: u32,
    /// `prev-transaction-id` and `prev-transaction-record-id`; absent on the first record of a
    /// run.
    pub previous: Option<(u64, u32)>,
    /// `commit-timestamp`
    pub commit_timestamp: &'a str,
    /// `stream-position`; see [`mysql_stream_position`] and [`postgres_stream_position`].
    pub stream_position: &'a str,
}

/// One row record to write.
#[derive(Clone, Copy)]
pub struct RowRecord<'a> {
    /// What happened.
    pub operation: Operation,
    /// `schema-name`
    pub schema: &'a str,
    /// `table-name`
    pub table: &'a str,
    /// `timestamp`
    pub timestamp: &'a str,
    /// What the record is partitioned by.
    pub partition_key: PartitionKey<'a>,
    /// The order of a change; a load has none.
    pub transaction: Option<Transaction<'a>>,
    /// `data`
    pub data: &'a [(&'a str, Wire<'a>)],
    /// The before image; `Some(&[])` is `{}`.
    pub before: Option<&'a [(&'a str, Wire<'a>)]>,
}

/// One column of a table definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnDef<'a> {
    /// The column's name.
    pub name: &'a str,
    /// DMS's word for the type, such as `INT64` or `STRING`.
    pub ty: &'a str,
    /// The length, where the type has one.
    pub length: Option<u32>,
    /// Whether NULL is allowed.
    pub nullable: bool,
}

/// The table definition of a control record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableDef<'a> {
    /// The columns.
    pub columns: &'a [ColumnDef<'a>],
    /// The primary key's columns; left out when there is none.
    pub primary_key: &'a [&'a str],
    /// `collation-name`, where the source has one.
    pub collation: Option<&'a str>,
}

/// One control record to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlRecord<'a> {
    /// What happened.
    pub operation: ControlOperation,
    /// `schema-name`
    pub schema: &'a str,
    /// `table-name`
    pub table: &'a str,
    /// `timestamp`
    pub timestamp: &'a str,
    /// The task's id: control records are partitioned by it.
    pub task: &'a str,
    /// The table definition; without one, `control` is `{}`.
    pub definition: Option<TableDef<'a>>,
}

/// Writes records as DMS does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoder {
    /// Which of the two formats.
    pub spelling: Spelling,
    /// The endpoint's settings.
    pub settings: Settings,
}

impl Encoder {
    /// An encoder with the settings that `docs/DMS-SETUP.md` asks for.
    #[must_use]
    pub fn new(spelling: Spelling) -> Self {
        Self {
            spelling,
            settings: Settings::default(),
        }
    }

    /// The bytes of one row record.
    #[must_use]
    pub fn row(&self, record: &RowRecord<'_>) -> Vec<u8> {
        let mut out = Writer::new(self.spelling);
        out.open();
        out.key("data");
        self.cells(&mut out, record.data);
        if let Some(before) = record.before {
            out.key(&self.settings.before_image);
            self.cells(&mut out, before);
        }
        out.key("metadata");
        out.open();
        out.text_field("timestamp", record.timestamp);
        out.text_field("record-type", "data");
        out.text_field("operation", record.operation.name());
        self.partition(&mut out, record);
        out.text_field("schema-name", record.schema);
        out.text_field("table-name", record.table);
        if let Some(transaction) = &record.transaction {
            self.transaction(&mut out, transaction);
        }
        out.close();
        out.close();
        out.finish()
    }

    /// The bytes of one control record.
    #[must_use]
    pub fn control(&self, record: &ControlRecord<'_>) -> Vec<u8> {
        let mut out = Writer::new(self.spelling);
        out.open();
        // Without the setting the key is not there at all.
        if self.settings.control_details {
            out.key("control");
            out.open();
            if let Some(definition) = &record.definition {
                table_definition(&mut out, definition);
            }
            out.close();
        }
        out.key("metadata");
        out.open();
        out.text_field("timestamp", record.timestamp);
        out.text_field("record-type", "control");
        out.text_field("operation", record.operation.name());
        out.text_field("partition-key-type", "task-id");
        if self.settings.partition_value {
            out.text_field("partition-key-value", record.task);
        }
        out.text_field("schema-name", record.schema);
        out.text_field("table-name", record.table);
        out.close();
        out.close();
        out.finish()
    }

    fn cells(&self, out: &mut Writer, cells: &[(&str, Wire<'_>)]) {
        out.open();
        for (name, cell) in cells {
            let empty = match cell {
                Wire::Null => true,
                Wire::Text(text) => text.is_empty(),
                Wire::Bytes(bytes) => bytes.is_empty(),
                Wire::Boolean(_) | Wire::Number(_) => false,
            };
            if empty && !self.settings.null_and_empty {
                continue;
            }
            out.key(name);
            match cell {
                Wire::Null => out.raw("null"),
                Wire::Boolean(true) => out.raw("true"),
                Wire::Boolean(false) => out.raw("false"),
                Wire::Number(number) => out.raw(number),
                Wire::Text(text) => out.text(text),
                Wire::Bytes(bytes) => out.hex(bytes, !self.settings.no_hex_prefix),
            }
        }
        out.close();
    }

    fn partition(&self, out: &mut Writer, record: &RowRecord<'_>) {
        let PartitionKey::PrimaryKey(key) = record.partition_key else {
            out.text_field("partition-key-type", "schema-table");
            return;
        };
        out.text_field("partition-key-type", "primary-key");
        if !self.settings.partition_value {
            return;
        }
        if self.settings.partition_schema_table {
            let value = format!("{}.{}.{key}", record.schema, record.table);
            out.text_field("partition-key-value", &value);
        } else {
            out.text_field("partition-key-value", key);
        }
    }

    fn transaction(&self, out: &mut Writer, transaction: &Transaction<'_>) {
        out.number_field("transaction-id", transaction.id);
        if !self.settings.transaction_details {
            return;
        }
        out.number_field("transaction-record-id", transaction.record.into());
        if let Some((id, record)) = transaction.previous {
            out.number_field("prev-transaction-id", id);
            out.number_field("prev-transaction-record-id", record.into());
        }
        out.text_field("commit-timestamp", transaction.commit_timestamp);
        out.text_field("stream-position", transaction.stream_position);
    }
}

fn table_definition(out: &mut Writer, definition: &TableDef<'_>) {
    out.key("table-def");
    out.open();
    out.key("columns");
    out.open();
    for column in definition.columns {
        out.key(column.name);
        out.open();
        out.text_field("type", column.ty);
        if let Some(length) = column.length {
            out.number_field("length", length.into());
        }
        out.key("nullable");
        out.raw(if column.nullable { "true" } else { "false" });
        out.close();
    }
    out.close();
    if !definition.primary_key.is_empty() {
        out.key("primary-key");
        out.text_array(definition.primary_key);
    }
    if let Some(collation) = definition.collation {
        out.text_field("collation-name", collation);
    }
    out.close();
}

/// MySQL's `stream-position` of a change whose transaction starts at `transaction` (which is
/// also its `transaction-id`), with its first event at `begin` and the row's event at `event`,
/// ending before `next`, all in the same binlog file; `base` is the file name without its number.
#[must_use]
pub fn mysql_stream_position(
    base: &str,
    transaction: Position,
    begin: u32,
    event: u32,
    next: u32,
) -> String {
    let file = transaction.file();
    let id = transaction.0;
    format!("{base}.{file:06}:{event}:0:{next}:{id}:{base}.{file:06}:{begin}")
}

/// PostgreSQL's `stream-position` of a change at `position`.
#[must_use]
pub fn postgres_stream_position(position: Position) -> String {
    let (high, low) = (position.0 >> 32, position.0 & 0xffff_ffff);
    format!("{high:08X}/{low:08X}.2.{high:08X}/{low:08X}")
}
