//! How a policy file is spelled: the sections and their keys, read from TOML with every
//! structural mistake gathered, and the JSON Schema of the same. One declaration per section
//! makes the struct, its reader and its schema, so that they cannot disagree. Does not know what
//! the values mean; that is `check`.

mod aws;
mod column;
mod key;
mod reader;
mod section;
mod suggest;
mod table;
mod top;
mod words;

pub(crate) use aws::{AwsKmsSection, KinesisSection, SecondKeySpelling, StartSpelling};
pub(crate) use column::{ColumnSection, ColumnSpelling, IndexSection, MaskSection, PlainWord};
pub(crate) use key::{BindSpelling, BindWord, KeyEntry, KeySpelling, KeyTypeSpelling};
pub(crate) use reader::{At, Entries, Field, Spelling};
pub(crate) use table::TableSection;
pub(crate) use top::{AdminSection, File, KeysSection, SourceSection, TargetSection};
pub(crate) use words::Word;
