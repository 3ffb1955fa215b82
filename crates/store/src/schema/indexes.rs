//! Which indexes the target's tables get: the blind indexes' own, and the source's plain ones on
//! columns that are kept. Owns that choice, the comments that say what was left out, and the names.
//!
//! All of them are plain. A unique one would refuse a state that the source never had: rows are
//! written in the order they arrive, so two may have one value for a moment, and MySQL's upsert would
//! overwrite the other row (`docs/ORDERING.md`, point 8).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use fieldseal_db::{Dialect, quote};
use fieldseal_model::Engine;
use fieldseal_pipeline::TargetType;
use fieldseal_policy::{Policy, Table, Treatment};

use super::column::PrintedColumn;
use super::source::{SourceIndex, SourceTable};

/// The indexes of one table of the target.
pub(super) struct Indexes<'a> {
    table: &'a Table,
    dialect: Dialect,
    plain: Vec<Plain>,
    comments: Vec<String>,
}

/// A plain index over columns of the target.
struct Plain {
    /// Its name at the source; none for a blind index.
    name: Option<String>,
    /// Each with whether it descends.
    columns: Vec<(String, bool)>,
}

impl<'a> Indexes<'a> {
    /// `columns` are those that are printed for the table.
    pub(super) fn of_table(
        table: &'a Table,
        dialect: Dialect,
        engine: Engine,
        source: Option<&SourceTable>,
        columns: &[PrintedColumn],
    ) -> Self {
        let mut all = Self {
            table,
            dialect,
            plain: Vec::new(),
            comments: Vec::new(),
        };
        all.blind();
        if let Some(source) = source {
            let fit = Fit {
                dialect,
                engine,
                source,
                columns,
            };
            // A dump and the catalogue list them in different orders.
            let mut indexes: Vec<&SourceIndex> = source.indexes.iter().collect();
            indexes.sort_by(|one, other| one.name.cmp(&other.name));
            for index in indexes {
                all.carry_over(index, &fit);
            }
        }
        all
    }

    fn blind(&mut self) {
        for index in self.table.sealed().flat_map(|(_, seal)| &seal.indexes) {
            if index.unique {
                self.comments.push(format!(
                    "Unique only from just before the cutover on: {}",
                    index.column
                ));
            }
            self.plain.push(Plain {
                name: None,
                columns: vec![(index.column.clone(), false)],
            });
        }
    }

    /// The names of a source are not ours: in a comment they are escaped, so that none ends it.
    fn carry_over(&mut self, index: &SourceIndex, fit: &Fit<'_>) {
        let name = &index.name;
        let mut columns = Vec::with_capacity(index.columns.len());
        for column in &index.columns {
            match self.target_of(&column.name) {
                Ok(target) => columns.push((target, column.descending)),
                Err(why) => {
                    let column = &column.name;
                    return self.comment(format!(
                        "Left out: the source's index {name:?}, since its column {column:?} {why}."
                    ));
                }
            }
        }
        let Err(why) = index
            .odd
            .map_or(Ok(()), Err)
            .and_then(|()| fit.check(index, &columns))
        else {
            return self.carry(index, columns);
        };
        self.comment(format!(
            "Left out: the source's index {name:?}, which {why}."
        ));
    }

    fn carry(&mut self, index: &SourceIndex, columns: Vec<(String, bool)>) {
        let names = columns.iter().map(|(name, _)| name);
        if names.eq(self.table.key.iter().map(|key| &key.target)) {
            return;
        }
        if index.unique {
            let name = &index.name;
            self.comment(format!(
                "Plain here, unique at the source: {name:?}. Rows are written in the order they"
            ));
            self.comment("arrive, so that two may have one value for a moment; make it unique just before the".into());
            self.comment("cutover.".into());
        }
        if !self.plain.iter().any(|plain| plain.columns == columns) {
            self.plain.push(Plain {
                name: Some(index.name.clone()),
                columns,
            });
        }
    }

    fn comment(&mut self, text: String) {
        self.comments.push(text);
    }

    /// The target's column that holds the source's as it is; or why there is none.
    fn target_of(&self, source: &str) -> Result<String, String> {
        // Records may spell a name in another case than the source does.
        let same = |name: &str| name.eq_ignore_ascii_case(source);
        if let Some(key) = self.table.key.iter().find(|key| same(&key.name)) {
            return Ok(key.target.clone());
        }
        let column = self.table.columns.iter().find(|column| same(&column.name));
        let column = column.ok_or("is not in the policy")?;
        match &column.treatment {
            Treatment::Keep => Ok(column.target.clone()),
            Treatment::Drop => Err("is dropped".to_owned()),
            Treatment::Seal(seal) => {
                let blind: Vec<&str> = seal.indexes.iter().map(|i| i.column.as_str()).collect();
                Err(if blind.is_empty() {
                    "is sealed and has no blind index".to_owned()
                } else {
                    format!("is sealed; look it up by {}", blind.join(", "))
                })
            }
        }
    }

    /// The indexes, behind the lines of the table's columns, and the end of its statement.
    pub(super) fn print(&self, names: &mut Names, out: &mut String) {
        let table = quote(self.dialect, &self.table.target);
        if self.dialect == Dialect::MySql {
            let mut taken = Names::of_mysql_table(&self.plain);
            for plain in &self.plain {
                let name = plain.name.as_ref().map_or_else(String::new, |name| {
                    let free = taken.free(name, MYSQL_NAME);
                    format!("{} ", quote(self.dialect, &free))
                });
                let _ = write!(out, ",\n    KEY {name}({})", self.list(plain));
            }
            out.push_str("\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n");
        } else {
            out.push_str("\n);\n");
        }
        for comment in &self.comments {
            let _ = writeln!(out, "-- {comment}");
        }
        for plain in &self.plain {
            let list = self.list(plain);
            let _ = match self.dialect {
                Dialect::MySql => Ok(()),
                // PostgreSQL makes a free name itself.
                Dialect::Postgres => writeln!(out, "CREATE INDEX ON {table} ({list});"),
                Dialect::Sqlite => {
                    let own = plain
                        .name
                        .as_ref()
                        .or(plain.columns.first().map(|(name, _)| name));
                    let own = own.map_or("", String::as_str);
                    let free = names.free(&format!("{}_{own}", self.table.target), usize::MAX);
                    let index = quote(self.dialect, &free);
                    writeln!(out, "CREATE INDEX {index} ON {table} ({list});")
                }
            };
        }
    }

    fn list(&self, plain: &Plain) -> String {
        let columns = plain.columns.iter().map(|(name, descending)| {
            let order = if *descending { " DESC" } else { "" };
            format!("{}{order}", quote(self.dialect, name))
        });
        columns.collect::<Vec<_>>().join(", ")
    }
}

/// MySQL's names have 64 characters at most.
const MYSQL_NAME: usize = 64;

/// Names that are taken, in lower case: servers compare them without regard to it.
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// SQLite: tables and indexes have one space of names.
    pub(super) fn new(policy: &Policy) -> Self {
        let tables = policy.tables().iter();
        Self(tables.map(|table| table.target.to_lowercase()).collect())
    }

    /// MySQL: a space for each table, in which an index without a name has its column's.
    fn of_mysql_table(plain: &[Plain]) -> Self {
        let unnamed = plain.iter().filter(|plain| plain.name.is_none());
        let columns = unnamed.flat_map(|plain| &plain.columns);
        let mut names: BTreeSet<String> = columns.map(|(name, _)| name.to_lowercase()).collect();
        names.insert("primary".to_owned());
        Self(names)
    }

    /// `wish`, with a number behind it if it is taken; taken from now on.
    fn free(&mut self, wish: &str, most: usize) -> String {
        let mut name: String = wish.chars().take(most).collect();
        let mut number = 2;
        while !self.0.insert(name.to_lowercase()) {
            let tail = format!("_{number}");
            let kept = most.saturating_sub(tail.len());
            name = wish.chars().take(kept).chain(tail.chars()).collect();
            number += 1;
        }
        name
    }
}

/// Whether an index that the source could make can be made in the target, and holds every value.
struct Fit<'a> {
    dialect: Dialect,
    engine: Engine,
    source: &'a SourceTable,
    columns: &'a [PrintedColumn],
}

/// InnoDB, row format DYNAMIC: a longer definition is refused.
const MYSQL_ENTRY: u64 = 3_072;
/// PostgreSQL refuses a row whose entry is longer than a third of a page (2,704 bytes); something
/// is left for what stands around the values.
const POSTGRES_ENTRY: u64 = 2_600;
const NO_ORDER: &str = "is over a type that has no such index here";
const TOO_LONG: &str = "would hold values too long for an index entry here";

impl Fit<'_> {
    /// `columns` are the target's for those of `index`, in its order.
    fn check(&self, index: &SourceIndex, columns: &[(String, bool)]) -> Result<(), &'static str> {
        let most = match self.dialect {
            Dialect::Sqlite => return Ok(()),
            Dialect::MySql => MYSQL_ENTRY,
            Dialect::Postgres => POSTGRES_ENTRY,
        };
        let mut total = 0_u64;
        for ((target, _), column) in columns.iter().zip(&index.columns) {
            total = total.saturating_add(self.bytes(target, &column.name)?);
        }
        if total > most { Err(TOO_LONG) } else { Ok(()) }
    }

    /// The most bytes that a column of the target takes in an index's entry.
    fn bytes(&self, target: &str, source: &str) -> Result<u64, &'static str> {
        // A column of a fixed size, whatever it is.
        const SMALL: u64 = 32;
        let printed = self.columns.iter().find(|column| column.name == target);
        let definition = printed.map_or("", |column| column.definition.as_str());
        let (word, length) = declared(definition);
        Ok(match (self.dialect, word) {
            (_, "JSON" | "XML") => return Err(NO_ORDER),
            (Dialect::Postgres, _) if self.engine == Engine::Postgres => 0,
            (_, "VARCHAR" | "CHAR") => length.unwrap_or(1).saturating_mul(4),
            (_, "VARBINARY" | "BINARY") => length.unwrap_or(1),
            (Dialect::Postgres, "TEXT" | "BYTEA") => self.longest(source)?,
            (_, word) if word.ends_with("TEXT") || word.ends_with("BLOB") => return Err(TOO_LONG),
            _ => SMALL,
        })
    }

    /// What the source lets into a column whose type in the target has no limit.
    fn longest(&self, source: &str) -> Result<u64, &'static str> {
        match self.source.column(source).map(|column| &column.ty) {
            Some(TargetType::Bytes { max: Some(max) }) => Ok(*max),
            Some(TargetType::Text {
                max_bytes: Some(max),
                ..
            }) => Ok(*max),
            Some(TargetType::Choice { labels, .. }) => {
                Ok(labels.iter().map(|label| label.len() as u64 + 1).sum())
            }
            Some(TargetType::Bits { .. } | TargetType::Uuid) => Ok(16),
            _ => Err(TOO_LONG),
        }
    }
}

/// The first word of a column's definition, and the number in parentheses behind it.
fn declared(definition: &str) -> (&str, Option<u64>) {
    let end = definition
        .find(|char: char| !char.is_ascii_alphanumeric())
        .unwrap_or(definition.len());
    let (word, rest) = definition.split_at(end);
    let number = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    (word, number.and_then(|(number, _)| number.parse().ok()))
}
