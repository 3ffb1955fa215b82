//! Reading the CREATE TABLE statements that `mysqldump --no-data` writes. Owns that one form: a
//! column or a key on each line, names in backticks; anything else inside a table is refused. What a
//! key's line says is in `key`.

mod key;

use fieldseal_source::Cascade;

use super::SchemaError;
use super::source::{SourceColumn, SourceColumns, SourceIndex, SourceTable, without_digits};
use crate::describe::mysql_type;

/// Words that begin the lines of a table that are no columns.
const NO_COLUMNS: [&str; 8] = [
    "PRIMARY",
    "KEY",
    "UNIQUE",
    "FULLTEXT",
    "SPATIAL",
    "CONSTRAINT",
    "CHECK",
    "PERIOD",
];

/// A table whose closing line, which names its character set, was not read yet.
struct Open<'a> {
    line: usize,
    schema: Option<String>,
    name: String,
    columns: Vec<(usize, String, &'a str)>,
    indexes: Vec<SourceIndex>,
    cascades: Vec<Cascade>,
}

pub(super) fn read(text: &str) -> Result<SourceColumns, SchemaError> {
    let mut tables = Vec::new();
    let mut schema = None;
    let mut open: Option<Open<'_>> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        let refuse = |what| SchemaError::Sql { line: number, what };
        let Some(table) = &mut open else {
            if let Some(name) = after(line, "USE ") {
                schema = backticked(name).map(|(name, _)| name);
            } else if let Some(rest) = after(line, "CREATE TABLE ") {
                let rest = after(rest, "IF NOT EXISTS ").unwrap_or(rest);
                open = Some(begin(number, rest, schema.clone()).ok_or_else(|| {
                    refuse(
                        "a table must begin as CREATE TABLE `name` ( with its columns on lines of \
                         their own; use mysqldump --no-data, or --from with the source's URL",
                    )
                })?);
            } else if adds_foreign_key(line) {
                return Err(refuse(
                    "a foreign key that is added to a table later is not understood; use \
                     mysqldump --no-data, which names it in its CREATE TABLE, or --from with the \
                     source's URL",
                ));
            }
            continue;
        };
        if line.starts_with(')') {
            if let Some(table) = open.take() {
                tables.push(end(table, line)?);
            }
        } else if let Some((name, rest)) = backticked(line) {
            table.columns.push((number, name, rest));
        } else if let Some(cascade) = Cascade::of_line(line) {
            table.cascades.push(cascade);
        } else if let Some(index) = key::of_line(line) {
            table.indexes.push(index);
        } else {
            let word = line
                .split([' ', '('])
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase();
            if !NO_COLUMNS.contains(&word.as_str()) && !line.is_empty() {
                return Err(refuse(
                    "neither a column in backticks nor a key; use mysqldump --no-data, or --from \
                     with the source's URL",
                ));
            }
        }
    }
    match open {
        Some(table) => Err(SchemaError::Sql {
            line: table.line,
            what: "the table does not end",
        }),
        None => Ok(SourceColumns {
            tables,
            strict: true,
        }),
    }
}

/// Whether a line outside every table adds a foreign key to one: `ALTER TABLE`, or the line that
/// goes on with it. Comments are none.
fn adds_foreign_key(line: &str) -> bool {
    let line = unquoted(line).to_ascii_uppercase();
    line.contains("FOREIGN KEY") && !line.starts_with("--") && !line.starts_with('#')
}

/// What follows `word`, in any case, at the beginning of the line.
fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let begins = line.get(..word.len())?.eq_ignore_ascii_case(word);
    begins.then(|| line[word.len()..].trim_start())
}

fn begin<'a>(line: usize, rest: &str, schema: Option<String>) -> Option<Open<'a>> {
    let (first, rest) = backticked(rest)?;
    let (schema, name, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let (name, rest) = backticked(rest)?;
            (Some(first), name, rest)
        }
        None => (schema, first, rest),
    };
    (rest.trim() == "(").then(|| Open {
        line,
        schema,
        name,
        columns: Vec::new(),
        indexes: Vec::new(),
        cascades: Vec::new(),
    })
}

fn end(table: Open<'_>, closing: &str) -> Result<SourceTable, SchemaError> {
    let default = word_after(closing, "CHARSET=");
    let columns = table.columns.into_iter().map(|(line, name, rest)| {
        column(name, rest, default.as_deref()).map_err(|what| SchemaError::Sql { line, what })
    });
    Ok(SourceTable {
        columns: columns.collect::<Result<_, _>>()?,
        indexes: table.indexes,
        cascades: table.cascades,
        schema: table.schema,
        name: table.name,
    })
}

fn column(name: String, rest: &str, charset: Option<&str>) -> Result<SourceColumn, &'static str> {
    let parts = mysql_type::split(rest).ok_or("the column's type does not end on its line")?;
    let attributes = unquoted(parts.rest).to_ascii_uppercase();
    // The type with UNSIGNED, without what may hold the same word elsewhere.
    let mut declared = parts.base.clone();
    if let Some(arguments) = parts.arguments {
        declared.push_str(&format!("({arguments})"));
    }
    if attributes.trim_start().starts_with("UNSIGNED") {
        declared.push_str(" unsigned");
    }
    let own = word_after(&attributes, "CHARACTER SET ").map(|name| name.to_ascii_lowercase());
    let ty = mysql_type::parse(&declared, own.as_deref().or(charset))
        .unwrap_or_else(|_| without_digits(&declared));
    Ok(SourceColumn {
        name,
        ty,
        nullable: !attributes.contains("NOT NULL"),
        fixed_bytes: parts.base == "binary",
        declared,
    })
}

/// The name in backticks at the beginning, and what follows.
fn backticked(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.strip_prefix('`')?.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        if char != '`' {
            name.push(char);
        } else if chars.next_if(|(_, next)| *next == '`').is_some() {
            name.push('`');
        } else {
            return Some((name, &text[at + 2..]));
        }
    }
    None
}

fn word_after(text: &str, before: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    let word: String = rest
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

/// The text without what stands in quotes: defaults and comments may hold any word.
fn unquoted(text: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let mut out = String::new();
    for char in text.chars() {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '\'' => quoted = !quoted,
            _ if !quoted => out.push(char),
            _ => {}
        }
    }
    out
}
