//! A folder of recorded DMS output as a record source: each file is a shard.
//!
//! This crate owns which files are shards, where one record in a file ends and the next begins,
//! and how a file is read on from a checkpoint. It does not know what a record means: JSON is
//! decoded elsewhere, and nothing here looks at a value.
//!
//! - A shard is a regular file (or a link to one) named `*.json`, `*.jsonl`, `*.json.gz` or
//!   `*.jsonl.gz`; its name is the file's name. Hidden files and all others are ignored.
//! - A record is one top-level object. Objects may follow each other line by line, as in
//!   `json-unformatted`, or directly (`}{`), as when records of the `json` format are joined.
//!   What is not an object is a record too, a broken one, so that it is seen downstream.
//! - A record's sequence number is the byte offset behind it, in the uncompressed file.
//! - Files may grow. A shard is therefore never closed, only caught up with.

mod buffer;
mod cursor;
mod failure;
mod folder;
mod input;
mod reader;
mod split;
mod stream;

pub use folder::{FolderSource, Tail};
pub use reader::FileReader;
pub use stream::RecordStream;

/// The longest record that is read: one that is longer could not be sealed for quarantine, and
/// is most likely no record at all.
pub const MAX_RECORD_BYTES: usize = 16 << 20;
