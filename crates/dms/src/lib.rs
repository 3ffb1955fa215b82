//! AWS DMS records, as they stand in a Kinesis stream, to changes and back.
//!
//! This crate owns what DMS writes: the JSON envelope, its two spellings, its words for
//! operations, its positions, and the ways in which it spells one value. It is a total function:
//! any bytes give records or errors, never a panic. It knows no policy (which columns exist, what
//! kind they have), no key and no I/O.
//!
//! - [`decode()`] and [`Decoder`]: bytes of one stream record to the [`Record`]s in it.
//! - [`to_value`]: one cell to the canonical [`Value`](fieldseal_model::Value) of the kind that
//!   the policy declares.
//! - [`Encoder`]: the other direction, byte-shaped like DMS's own two formats.
//!
//! It is tolerant where DMS is known to vary and strict everywhere else; each tolerance stands in
//! the documentation of the item that grants it. No error of this crate carries a value.

mod convert;
mod decode;
mod encode;
mod error;
mod record;

pub use convert::to_value;
pub use decode::{AGGREGATED, Decoded, Decoder, MARK, Records, SEPARATOR, decode};
pub use encode::{
    ColumnDef, ControlRecord, Encoder, PartitionKey, RowRecord, Settings, Spelling, TableDef,
    Transaction, Wire, mysql_stream_position, postgres_stream_position,
};
pub use error::{ConvertError, DecodeError, Field};
pub use record::{Control, ControlOperation, Internal, InternalOperation, Record};
