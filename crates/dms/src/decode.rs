//! The bytes of one stream record to the records in it. Owns where one object ends and the next
//! begins; what an object means is in the modules below it.

mod fields;
mod metadata;
mod order;
mod parts;
mod row;
mod string;

use std::ops::Range;

use fieldseal_model::TableName;

use crate::{DecodeError, Internal, InternalOperation, Record};
use fields::{Fields, Top};

/// A record that Fieldseal itself puts into a shard, so that its sequence number is a place in
/// the shard: where a generation or an epoch begins. It is exactly these bytes, and it is
/// ignored, as DMS's own tables are.
pub const MARK: &[u8] = br#"{"fieldseal":"mark"}"#;

/// Stands before each part of a stream record that was put together from several, so that one
/// that is broken does not take those behind it down with it: U+001E, as in RFC 7464. It counts
/// only in a stream record that begins with it: what breaks another one may be text of a cell.
pub const SEPARATOR: u8 = 0x1e;

/// What an aggregated record of the Kinesis Producer Library begins with ("KPL Aggregated Record
/// Format", amazon-kinesis-producer). Its objects come here taken apart, behind separators; whole
/// comes only what could not be. No UTF-8 begins with these bytes, so nothing else is taken for it.
pub const AGGREGATED: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

/// Decodes the one or several JSON objects of a stream record with the default [`Decoder`].
#[must_use]
pub fn decode(bytes: &[u8]) -> Records<'_> {
    Records::new(bytes, None)
}

/// How records are to be read, where they alone do not tell.
///
/// The only thing a record does not tell is which of its top-level objects is the before image:
/// `BeforeImageSettings` may give it any name. Without a name, it is the object called
/// `before-image`, `before_image` or `beforeImage`, or any other object that is empty or shares
/// at least one column name with `data`. Two such objects are an error. Objects that share none
/// (what a capturing tool wrapped around the record) are ignored, as are unknown keys that hold
/// anything but an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoder {
    before_image: Option<String>,
}

impl Decoder {
    /// A decoder for an endpoint whose `BeforeImageSettings` have this `FieldName`: that key is
    /// the before image and every other unknown key is ignored.
    #[must_use]
    pub fn with_before_image(name: impl Into<String>) -> Self {
        Self {
            before_image: Some(name.into()),
        }
    }

    /// Decodes the one or several JSON objects of a stream record.
    #[must_use]
    pub fn decode<'a>(&'a self, bytes: &'a [u8]) -> Records<'a> {
        Records::new(bytes, self.before_image.as_deref())
    }
}

/// One object of a stream record, or what could not be read of it; borrows from the record's bytes.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// Where its bytes stand in the stream record, so that a quarantine can keep them.
    pub range: Range<usize>,
    /// The record, or why there is none.
    pub result: Result<Record<'a>, DecodeError>,
    /// The table that the metadata of a refused object names, where it can be read. It is as the
    /// object has it: look it up in the policy before showing it.
    pub refused_table: Option<TableName>,
}

impl Decoded<'_> {
    fn unreadable(range: Range<usize>, error: DecodeError) -> Self {
        Self {
            range,
            result: Err(error),
            refused_table: None,
        }
    }
}

/// The objects of one stream record, in order. Objects follow each other directly, with JSON
/// white space between them, or in parts behind a [`SEPARATOR`] each. What cannot be read as JSON
/// reaches to the end of its part: one item, an error, has all of that as its range. Bytes without
/// any object are one error, so that nothing disappears without a trace.
#[derive(Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    /// All of it, or what lies between two separators.
    part: Range<usize>,
    /// The valid part of that, from its start.
    text: &'a str,
    position: usize,
    started: bool,
    before_image: Option<&'a str>,
}

impl<'a> Records<'a> {
    fn new(bytes: &'a [u8], before_image: Option<&'a str>) -> Self {
        let mut records = Self {
            bytes,
            part: 0..0,
            text: "",
            position: 0,
            started: false,
            before_image,
        };
        records.enter(0);
        records
    }

    /// Goes on with the part that begins at `start`.
    fn enter(&mut self, start: usize) {
        let left = &self.bytes[start..];
        let is_parted = self.bytes.first() == Some(&SEPARATOR);
        let is_next = |byte: &u8| is_parted && *byte == SEPARATOR;
        let length = left.iter().position(is_next);
        let part = &left[..length.unwrap_or(left.len())];
        self.part = start..start + part.len();
        self.text = valid_prefix(part);
        self.position = start;
    }

    /// Ends the part with an error over all that is left of it.
    fn rest(&mut self, start: usize, error: DecodeError) -> Decoded<'a> {
        self.position = self.part.end;
        // Whatever broke before the first bad byte most likely broke because of it.
        let error = if self.text.len() < self.part.len() {
            DecodeError::NotUtf8
        } else {
            error
        };
        Decoded::unreadable(start..self.part.end, error)
    }

    /// The next object of the part.
    fn next_of_part(&mut self) -> Option<Decoded<'a>> {
        let offset = self.position - self.part.start;
        let left = self.text.get(offset..).unwrap_or_default();
        let start = self.position + (left.len() - left.trim_start_matches(SPACE).len());
        if start < self.part.start + self.text.len() {
            return Some(self.value_at(start));
        }
        let is_cut = self.position < self.part.end && self.text.len() < self.part.len();
        is_cut.then(|| self.rest(start, DecodeError::NotUtf8))
    }

    /// The object, array or scalar at `start`; its end becomes the position.
    fn value_at(&mut self, start: usize) -> Decoded<'a> {
        let text = &self.text[start - self.part.start..];
        if !text.starts_with('{') {
            let Some((_, length)) = read_one::<serde::de::IgnoredAny>(text) else {
                return self.rest(start, DecodeError::NotJson);
            };
            self.position = start + length;
            return Decoded::unreadable(start..self.position, DecodeError::NotObject);
        }
        let Some((top, length)) = read_record(text) else {
            return self.rest(start, DecodeError::NotJson);
        };
        self.position = start + length;
        if text.as_bytes()[..length] == *MARK {
            return Decoded {
                range: start..self.position,
                result: Ok(mark()),
                refused_table: None,
            };
        }
        let result = parts::record(top, self.before_image);
        let refused = result.is_err().then(|| read_record(text)).flatten();
        Decoded {
            range: start..self.position,
            result,
            refused_table: refused.and_then(|(top, _)| parts::table(top)),
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Decoded<'a>;

    fn next(&mut self) -> Option<Decoded<'a>> {
        let first = !self.started;
        self.started = true;
        if let Some(error) = refused_whole(self.bytes).filter(|_| first) {
            self.position = self.bytes.len();
            return Some(Decoded::unreadable(0..self.bytes.len(), error));
        }
        loop {
            if let Some(object) = self.next_of_part() {
                return Some(object);
            }
            if self.part.end == self.bytes.len() {
                break;
            }
            self.enter(self.part.end + 1);
        }
        self.position = self.bytes.len();
        first.then(|| self.rest(0, DecodeError::Empty))
    }
}

/// What the first bytes alone tell of the whole stream record.
fn refused_whole(bytes: &[u8]) -> Option<DecodeError> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Some(DecodeError::ByteOrderMark);
    }
    let is_aggregate = bytes.starts_with(&AGGREGATED);
    is_aggregate.then_some(DecodeError::BrokenAggregate)
}

/// The marker as a record of a table that no policy can name.
fn mark() -> Record<'static> {
    Record::Internal(Internal {
        table: TableName {
            schema: String::new(),
            table: "fieldseal_mark".to_owned(),
        },
        operation: InternalOperation::Mark,
        stamp: String::new(),
    })
}

/// JSON's white space (RFC 8259, section 2).
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

fn valid_prefix(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// The first object of `text` and its length. What has an unexpected shape is read a second time,
/// so that it ends where it ends and does not take what follows down with it.
fn read_record(text: &str) -> Option<(Top<'_>, usize)> {
    read_one::<Top<'_>>(text).or_else(|| {
        let (fields, length) = read_one::<Fields<'_>>(text)?;
        Some((Top::from(fields), length))
    })
}

/// The first JSON value of `text` and its length; `None` when it is not JSON.
fn read_one<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Option<(T, usize)> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<T>();
    let value = stream.next()?.ok()?;
    Some((value, stream.byte_offset()))
}
