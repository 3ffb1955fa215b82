//! The record's `metadata`. Owns which of its keys are needed; unknown ones are ignored.

use std::borrow::Cow;

use fieldseal_model::{TableName, TableRef};

use super::fields::Part;
use super::string;
use crate::{DecodeError, Field};

/// What a record says about itself.
pub(super) struct Metadata<'a> {
    pub(super) record_type: Cow<'a, str>,
    pub(super) operation: Cow<'a, str>,
    pub(super) table: TableRef<'a>,
    pub(super) stamp: Cow<'a, str>,
    pub(super) transaction: Transaction<'a>,
}

/// The raw values of what orders a change.
#[derive(Default)]
pub(super) struct Transaction<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) record_id: Option<&'a str>,
    pub(super) stream_position: Option<&'a str>,
}

impl<'a> Metadata<'a> {
    pub(super) fn read(part: Part<'a>) -> Result<Self, DecodeError> {
        let (mut stamp, mut record_type, mut operation) = (None, None, None);
        let (mut schema, mut table) = (None, None);
        let mut transaction = Transaction::default();
        let fields = part.fields(DecodeError::MetadataNotObject)?;
        for (name, value) in fields.into_vec() {
            match name.as_ref() {
                "timestamp" => stamp = Some(value),
                "record-type" => record_type = Some(value),
                "operation" => operation = Some(value),
                "schema-name" => schema = Some(value),
                "table-name" => table = Some(value),
                "transaction-id" => transaction.id = Some(value),
                "transaction-record-id" => transaction.record_id = Some(value),
                "stream-position" => transaction.stream_position = Some(value),
                _ => {}
            }
        }
        let metadata = Self {
            record_type: text(record_type, Field::RecordType)?,
            operation: text(operation, Field::Operation)?,
            table: TableRef {
                schema: text(schema, Field::SchemaName)?,
                table: text(table, Field::TableName)?,
            },
            stamp: text(stamp, Field::Timestamp)?,
            transaction,
        };
        metadata.check()
    }

    fn check(self) -> Result<Self, DecodeError> {
        if !is_stamp(&self.stamp) {
            return Err(DecodeError::OddField(Field::Timestamp));
        }
        if self.table.table.is_empty() {
            return Err(DecodeError::EmptyTableName);
        }
        if self.table.schema.is_empty() && !self.is_internal() {
            return Err(DecodeError::EmptySchemaName);
        }
        Ok(self)
    }

    /// Whether the table is one of DMS's own, or the one that Fieldseal writes to at the source
    /// and that a task with the rule `%` captures. By the table's name alone: with
    /// `ControlSchema` set, the schema is not empty. Oracle-style upper case counts too.
    pub(super) fn is_internal(&self) -> bool {
        const PREFIX: &[u8] = b"awsdms_";
        const HEARTBEAT: &[u8] = b"fieldseal_heartbeat";
        let name = self.table.table.as_bytes();
        let is_of_dms =
            name.len() > PREFIX.len() && name[..PREFIX.len()].eq_ignore_ascii_case(PREFIX);
        is_of_dms || name.eq_ignore_ascii_case(HEARTBEAT)
    }
}

/// The table alone, out of metadata that may be broken otherwise.
pub(super) fn table(part: Part<'_>) -> Option<TableName> {
    let fields = part.fields(DecodeError::MetadataNotObject).ok()?;
    let name = |key| {
        let found = fields.as_slice().iter().find(|(name, _)| name == key);
        let text = string::text(found?.1)?.ok()?;
        Some(text.into_owned())
    };
    let table = name("table-name").filter(|table| !table.is_empty())?;
    Some(TableName {
        schema: name("schema-name")?,
        table,
    })
}

/// The stamp is shown in logs and listings, so it must look like one; DMS prints 6 digits of
/// fraction, its emulators 3.
fn is_stamp(stamp: &str) -> bool {
    let bytes = stamp.as_bytes();
    (20..=35).contains(&bytes.len())
        && bytes[0].is_ascii_digit()
        && bytes
            .iter()
            .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'.' | b'+' | b'T' | b'Z'))
}

fn text(raw: Option<&str>, field: Field) -> Result<Cow<'_, str>, DecodeError> {
    let raw = raw.ok_or(DecodeError::MissingField(field))?;
    string::text(raw).ok_or(DecodeError::OddField(field))?
}
