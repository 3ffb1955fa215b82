//! What each column of the policy becomes in the target. Owns that choice per role.

use fieldseal_db::Dialect;
use fieldseal_envelope::{Mask, sealed_len};
use fieldseal_model::{Kind, ValueType, ZeroDate};
use fieldseal_pipeline::TargetType;
use fieldseal_policy::{Absent, Column, KeyColumn, Seal, Table, Treatment};

use super::source::{SourceColumn, SourceTable};
use super::spell::{self, Spelled};
use crate::findings::canonical_max;
use crate::table::VERSION_COLUMN;

/// A line of a CREATE TABLE.
pub(super) struct PrintedColumn {
    pub(super) name: String,
    /// Type, NULL or NOT NULL, and default.
    pub(super) definition: String,
    /// A comment behind it.
    pub(super) note: Option<String>,
}

/// A table's columns in the layout's order, the version column last.
pub(super) fn of_table(
    table: &Table,
    dialect: Dialect,
    source: Option<&SourceTable>,
    mismatches: &mut Vec<String>,
) -> Vec<PrintedColumn> {
    let mut printer = Printer {
        table,
        dialect,
        source,
        mismatches,
        columns: Vec::new(),
    };
    for key in &table.key {
        printer.key(key);
    }
    for column in &table.columns {
        match &column.treatment {
            Treatment::Keep => printer.kept(column),
            Treatment::Seal(seal) => printer.sealed(column, seal),
            Treatment::Drop => {}
        }
    }
    let version = spell::version(dialect);
    printer.push(
        VERSION_COLUMN,
        version.to_owned(),
        Some("which change wrote the row".into()),
    );
    printer.columns
}

struct Printer<'a> {
    table: &'a Table,
    dialect: Dialect,
    source: Option<&'a SourceTable>,
    mismatches: &'a mut Vec<String>,
    columns: Vec<PrintedColumn>,
}

impl<'a> Printer<'a> {
    fn push(&mut self, name: &str, definition: String, note: Option<String>) {
        self.columns.push(PrintedColumn {
            name: name.to_owned(),
            definition,
            note,
        });
    }

    /// The source's column, if a source is known; noted as a mismatch when that lacks it.
    fn source(&mut self, name: &str) -> Option<&'a SourceColumn> {
        let source = self.source?;
        let found = source.column(name);
        if found.is_none() {
            self.mismatches.push(format!(
                "the source's table {} has no column {name}; correct the policy",
                self.table.source
            ));
        }
        found
    }

    fn key(&mut self, key: &KeyColumn) {
        let source = self.source(&key.name);
        let fits = |source: &&SourceColumn| source.ty.value_type().kind == key.ty.kind;
        let ty = source.filter(fits).map_or_else(
            || of_kind(&key.ty, self.dialect),
            |source| source.ty.clone(),
        );
        let Some(spelled) = spell::key(self.dialect, &ty, key, self.table.key.len()) else {
            self.mismatches.push(format!(
                "table {}, key column {}: {} has no type for a {} key; choose another target",
                self.table.id,
                key.name,
                self.dialect.name(),
                key.ty.kind
            ));
            return;
        };
        let definition = spell::with_null(self.dialect, &ty, &spelled.sql, false);
        self.push(&key.target, definition, spelled.note.map(str::to_owned));
    }

    fn kept(&mut self, column: &Column) {
        let source = self.source(&column.name);
        let mut bound = self.table.bound_columns().iter();
        let bound = bound.find(|bound| bound.name == column.name);
        let width = column.width.map(u64::from);
        let (ty, spelled) = match (source, bound) {
            (source, Some(bound)) => return self.bound(column, bound, source),
            (Some(source), None) => (source.ty.clone(), spell::kept(self.dialect, source)),
            (None, None) if width.is_some() => {
                let ty = TargetType::Bytes { max: width };
                let spelled = spell::of_type(self.dialect, &ty, true);
                (ty, spelled)
            }
            (None, None) => {
                let note = "CHECK: a guess that takes only strings; give --from, or the type";
                let sql = "TEXT".to_owned();
                (
                    TargetType::Opaque,
                    Spelled {
                        sql,
                        note: Some(note),
                    },
                )
            }
        };
        let nullable = source.is_none_or(|source| source.nullable)
            || column.absent == Absent::Null
            || column.zero_date == ZeroDate::Null;
        let definition = spell::with_null(self.dialect, &ty, &spelled.sql, nullable);
        self.push(&column.target, definition, spelled.note.map(str::to_owned));
    }

    /// A kept column that sealed values are bound to: of the source's type where that gives back
    /// what the policy says it holds, else of one that does.
    fn bound(&mut self, column: &Column, bound: &KeyColumn, source: Option<&SourceColumn>) {
        let source = source.filter(|source| source.ty.carries(&bound.ty));
        let (ty, spelled) = match (source, bound.ty.kind) {
            (Some(source), kind) if kind != Kind::Uuid => {
                (source.ty.clone(), spell::kept(self.dialect, source))
            }
            _ => {
                let ty = of_any_length(&bound.ty, self.dialect);
                let spelled = spell::of_type(self.dialect, &ty, bound.ty.width.is_some());
                (ty, spelled)
            }
        };
        let definition = spell::with_null(self.dialect, &ty, &spelled.sql, false);
        self.push(&column.target, definition, spelled.note.map(str::to_owned));
    }

    fn sealed(&mut self, column: &Column, seal: &Seal) {
        let source = self.source(&column.name);
        let longest = canonical_max(&seal.ty)
            .or_else(|| source.and_then(|source| longest(seal.ty.kind, &source.ty)));
        let room = longest.map(|longest| sealed_len(longest, seal.pad));
        let note = format!("sealed {}, {}", seal.ty.kind, seal.domain.as_str());
        self.push(&column.target, spell::bytes(self.dialect, room), Some(note));
        for index in &seal.indexes {
            let unique = if index.unique {
                "; unique only from just before the cutover"
            } else {
                ""
            };
            let note = format!("blind index {} of {}{unique}", index.name, column.target);
            let length = index.bytes.bytes();
            self.push(
                &index.column,
                spell::exact_bytes(self.dialect, length),
                Some(note),
            );
        }
        for mask in &seal.masks {
            let (what, chars) = match mask.mask {
                Mask::KeepLast(kept) => ("last characters", Some(4 + u64::from(kept))),
                Mask::EmailDomain => (
                    "e-mail domain",
                    source.and_then(|source| max_chars(&source.ty)),
                ),
            };
            let text = spell::mask(self.dialect, chars);
            self.push(
                &mask.column,
                text,
                Some(format!("in clear: {what} of {}", column.target)),
            );
        }
    }
}

const fn max_chars(ty: &TargetType) -> Option<u64> {
    match ty {
        TargetType::Text { max_chars, .. } => *max_chars,
        _ => None,
    }
}

/// A type of the target that holds a kind's values, where nothing is known of the source.
fn of_kind(ty: &ValueType, dialect: Dialect) -> TargetType {
    match ty.kind {
        Kind::Integer => TargetType::Integer {
            min: i64::MIN.into(),
            max: i64::MAX.into(),
        },
        Kind::Decimal => TargetType::Decimal {
            precision: Some((38, ty.scale.unwrap_or(0))),
            unsigned: false,
        },
        Kind::Float => TargetType::Float {
            single: ty.width == Some(32),
        },
        Kind::Boolean => TargetType::Boolean,
        Kind::Bytes => match ty.bits {
            Some(width) => TargetType::Bits { width },
            None => TargetType::Bytes {
                max: Some(ty.width.unwrap_or(255).into()),
            },
        },
        Kind::Uuid => TargetType::Uuid,
        Kind::Json => TargetType::Json {
            doubles: dialect == Dialect::MySql,
        },
        Kind::Date => TargetType::Date,
        Kind::DateTime => TargetType::DateTime { digits: 6 },
        Kind::Timestamp => TargetType::Timestamp {
            digits: 6,
            narrow: dialect == Dialect::MySql,
        },
        Kind::Time => TargetType::Time {
            digits: 6,
            durations: true,
        },
        Kind::Text | Kind::Null => TargetType::Text {
            max_chars: Some(255),
            max_bytes: None,
            fixed: ty.fixed_char,
            nul: true,
        },
    }
}

/// The same for a column in no index, which need not be short.
fn of_any_length(ty: &ValueType, dialect: Dialect) -> TargetType {
    match ty.kind {
        Kind::Uuid if dialect != Dialect::Postgres => TargetType::Bytes { max: Some(16) },
        Kind::Bytes if ty.bits.is_none() => TargetType::Bytes {
            max: ty.width.map(u64::from),
        },
        Kind::Text => TargetType::Text {
            max_chars: None,
            max_bytes: None,
            fixed: false,
            nul: true,
        },
        Kind::Decimal if ty.scale.is_none() => TargetType::Decimal {
            precision: None,
            unsigned: false,
        },
        _ => of_kind(ty, dialect),
    }
}

/// The most canonical bytes that a value of the source's column becomes, where that is bounded.
fn longest(kind: Kind, source: &TargetType) -> Option<usize> {
    let bytes = match (kind, source) {
        (Kind::Integer, TargetType::Integer { min, max }) => {
            min.to_string().len().max(max.to_string().len()) as u64
        }
        (
            Kind::Decimal | Kind::Integer,
            TargetType::Decimal {
                precision: Some((all, _)),
                ..
            },
        ) => {
            // A sign, a zero before the point, and the point.
            u64::from(*all) + 3
        }
        (
            Kind::Text | Kind::Json,
            TargetType::Text {
                max_chars,
                max_bytes,
                ..
            },
        ) => match (max_chars, max_bytes) {
            (Some(chars), _) => chars * 4,
            (None, bytes) => (*bytes)?,
        },
        (Kind::Text, TargetType::Choice { labels, set }) => {
            let lengths = labels.iter().map(|label| label.len() as u64);
            if *set {
                lengths.map(|length| length + 1).sum()
            } else {
                lengths.max().unwrap_or(0)
            }
        }
        (Kind::Bytes, TargetType::Bytes { max }) => (*max)?,
        (Kind::Bytes, TargetType::Bits { width }) => u64::from(width.div_ceil(8)),
        _ => return None,
    };
    usize::try_from(bytes).ok()
}
