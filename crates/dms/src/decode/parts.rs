//! One DMS object to a record. Owns what may stand at its top level and which part of it is
//! which.

use std::collections::HashSet;

use fieldseal_model::{Change, Operation, Row, TableName};

use super::fields::{self, Fields, Name, Part, Top};
use super::metadata::{self, Metadata};
use super::{order, row};
use crate::{Control, ControlOperation, DecodeError, Internal, InternalOperation, Record};

/// Names that always mean the before image: the documentation's, and those seen in the wild.
const BEFORE_IMAGES: [&str; 3] = ["before-image", "before_image", "beforeImage"];

/// What stands at the top level of an object beside its metadata.
struct Parts<'a> {
    data: Option<Part<'a>>,
    control: Option<Part<'a>>,
    /// Everything unknown.
    others: Vec<(Name<'a>, Part<'a>)>,
}

/// Decodes one object.
pub(super) fn record<'a>(
    top: Top<'a>,
    before_image: Option<&str>,
) -> Result<Record<'a>, DecodeError> {
    fields::distinct(&top.0)?;
    let mut metadata = None;
    let mut parts = Parts {
        data: None,
        control: None,
        others: Vec::new(),
    };
    for (name, part) in top.0 {
        match name.as_ref() {
            "data" => parts.data = Some(part),
            "metadata" => metadata = Some(part),
            "control" => parts.control = Some(part),
            _ => parts.others.push((name, part)),
        }
    }
    let metadata = Metadata::read(metadata.ok_or(DecodeError::NoMetadata)?)?;
    match metadata.record_type.as_ref() {
        "data" => {
            let operation = data_operation(&metadata.operation)?;
            if metadata.is_internal() {
                return Ok(internal(&metadata, InternalOperation::Data(operation)));
            }
            change(metadata, operation, parts, before_image).map(Record::Row)
        }
        "control" => {
            let operation = ControlOperation::from_word(&metadata.operation);
            if metadata.is_internal() {
                return Ok(internal(&metadata, InternalOperation::Control(operation)));
            }
            control(metadata, operation, parts).map(Record::Control)
        }
        _ => Err(DecodeError::UnknownRecordType),
    }
}

/// The table of an object that is no record, if its metadata names one.
pub(super) fn table(top: Top<'_>) -> Option<TableName> {
    let (_, part) = top.0.into_iter().find(|(name, _)| name == "metadata")?;
    metadata::table(part)
}

/// `read` and `create` are the words of the documentation of 2019.
fn data_operation(word: &str) -> Result<Operation, DecodeError> {
    match word {
        "load" | "read" => Ok(Operation::Load),
        "insert" | "create" => Ok(Operation::Insert),
        "update" => Ok(Operation::Update),
        "delete" => Ok(Operation::Delete),
        _ => Err(DecodeError::UnknownOperation),
    }
}

fn internal<'a>(metadata: &Metadata<'a>, operation: InternalOperation) -> Record<'a> {
    Record::Internal(Internal {
        table: metadata.table.to_name(),
        operation,
        stamp: metadata.stamp.to_string(),
    })
}

fn change<'a>(
    metadata: Metadata<'a>,
    operation: Operation,
    parts: Parts<'a>,
    before_image: Option<&str>,
) -> Result<Change<'a>, DecodeError> {
    if parts.control.is_some() {
        return Err(DecodeError::MixedRecord);
    }
    let data = parts.data.ok_or(DecodeError::NoData)?;
    // A load has no order of its own, whatever an emulator may put there.
    let order = match operation {
        Operation::Load => None,
        _ => Some(order::order(&metadata.transaction)?),
    };
    let data = row::fields(data, DecodeError::DataNotObject)?;
    let before = before(&data, parts.others, before_image)?;
    Ok(Change {
        table: metadata.table,
        operation,
        order,
        stamp: metadata.stamp,
        row: row::row(data)?,
        before,
    })
}

/// The before image among the unknown keys; see [`Decoder`](crate::Decoder) for the rule.
fn before<'a>(
    data: &Fields<'_>,
    others: Vec<(Name<'a>, Part<'a>)>,
    configured: Option<&str>,
) -> Result<Option<Row<'a>>, DecodeError> {
    let mut found = None;
    for (name, part) in others {
        let known = match configured {
            Some(configured) => name == configured,
            None => BEFORE_IMAGES.contains(&name.as_ref()),
        };
        let is_object = match &part {
            Part::Object(_) => true,
            Part::Raw(raw) => raw.starts_with('{'),
        };
        if !known && (configured.is_some() || !is_object) {
            continue;
        }
        let fields = row::fields(part, DecodeError::BeforeImageNotObject)?;
        if !known && !may_be_before_image(&fields, data) {
            continue;
        }
        if found.replace(fields).is_some() {
            return Err(DecodeError::TwoBeforeImages);
        }
    }
    found.map(row::row).transpose()
}

/// A set, not a nested loop: a hostile record may have 50,000 names on either side.
fn may_be_before_image(fields: &Fields<'_>, data: &Fields<'_>) -> bool {
    let fields = fields.as_slice();
    let columns: HashSet<&str> = data
        .as_slice()
        .iter()
        .map(|(name, _)| name.as_ref())
        .collect();
    fields.is_empty()
        || fields
            .iter()
            .any(|(name, _)| columns.contains(name.as_ref()))
}

fn control(
    metadata: Metadata<'_>,
    operation: ControlOperation,
    parts: Parts<'_>,
) -> Result<Control, DecodeError> {
    if parts.data.is_some() {
        return Err(DecodeError::MixedRecord);
    }
    Ok(Control {
        operation,
        table: metadata.table.to_name(),
        stamp: metadata.stamp.into_owned(),
        columns: parts.control.map_or(Ok(Vec::new()), definition)?,
    })
}

/// The column names in `{"table-def": {"columns": {…}}}`. Their types vary by engine version and
/// drive nothing here.
fn definition(control: Part<'_>) -> Result<Vec<String>, DecodeError> {
    let Some(table) = member(control, "table-def")? else {
        return Ok(Vec::new());
    };
    let Some(columns) = member(Part::Raw(table), "columns")? else {
        return Ok(Vec::new());
    };
    let columns = Fields::read(columns, DecodeError::OddControl)?;
    Ok(columns
        .into_vec()
        .into_iter()
        .map(|(name, _)| name.into_owned())
        .collect())
}

fn member<'a>(object: Part<'a>, key: &str) -> Result<Option<&'a str>, DecodeError> {
    let fields = object.fields(DecodeError::OddControl)?;
    Ok(fields
        .into_vec()
        .into_iter()
        .find_map(|(name, raw)| (name == key).then_some(raw)))
}
