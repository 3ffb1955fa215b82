//! The policy: one TOML file that says what happens to every column of every table.
//!
//! [`Policy::parse`] turns its text into a checked [`Policy`], or reports every [`Mistake`] at
//! once, each with its line, its column and what to do. This crate decides all that the text alone
//! can decide. It does no I/O: it opens no file, reads no environment variable and knows no
//! database.
//!
//! ```
//! use fieldseal_policy::Policy;
//!
//! let policy = Policy::parse(
//!     r#"
//!     [source]
//!     id = "shop"
//!     engine = "mysql"
//!     files.dir = "source"
//!
//!     [target]
//!     url = "sqlite://target.db"
//!
//!     [keys]
//!     deployment = "demo"
//!     local.root_file = "root.key"
//!
//!     [tables."shop.customers"]
//!     key = { id = "integer" }
//!     [tables."shop.customers".columns]
//!     email = { seal = "contact", kind = "text" }
//!     points = "keep"
//!     "#,
//! )?;
//! assert_eq!(policy.tables()[0].columns.len(), 2);
//!
//! let mistakes = Policy::parse("[sauce]").unwrap_err();
//! let first = mistakes.iter().next().expect("there is at least one");
//! assert_eq!((first.line, first.column), (1, 1));
//! # Ok::<(), fieldseal_policy::Mistakes>(())
//! ```

mod check;
mod layout;
mod mistakes;
mod policy;
#[cfg(feature = "schema")]
mod schema;
mod spelling;
mod table;
mod weakening;

pub use mistakes::{Mistake, Mistakes};
pub use policy::{
    KeyProvider, Keys, Location, Policy, SecondKey, Source, SourceKind, StreamStart, Target,
    UnlistedTables,
};
#[cfg(feature = "schema")]
pub use schema::json_schema;
pub use table::{
    Absent, Bind, BlindIndex, Column, FirstLoad, KeyChange, KeyColumn, MaskColumn, Seal, Table,
    Treatment, Unlisted,
};

use mistakes::{Gathered, Spot};
use spelling::{File, Spelling};
use toml::de::{DeTable, DeValue};

impl Policy {
    /// Reads and checks the text of a policy file.
    ///
    /// # Errors
    /// Every mistake of the file. While it is not TOML at all, only what makes it so.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let mut gathered = Gathered::default();
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let offset = error.span().map_or(0, |span| span.start);
            let spot = Spot {
                offset,
                ..Spot::file()
            };
            gathered.add(&spot, format!("not TOML: {}", error.message()));
        }
        if !gathered.is_empty() {
            return Err(gathered.into_mistakes(text));
        }
        let value = DeValue::Table(table.into_inner());
        let file = File::read(&value, &Spot::file(), &mut gathered);
        let policy = file.and_then(|file| check::policy(&file, &mut gathered));
        match policy {
            Some(policy) if gathered.is_empty() => Ok(policy),
            _ => Err(gathered.into_mistakes(text)),
        }
    }
}
