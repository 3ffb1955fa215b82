//! The target's CREATE TABLE statements for a policy. Owns which column becomes what; how a type
//! is spelled is in `spell`, what the source has is in `source`.

mod column;
mod dump;
mod indexes;
mod kinds;
mod source;
mod spell;

use std::fmt::Write as _;

use fieldseal_db::{DbError, Dialect, Severity, quote};
use fieldseal_pipeline::TargetType;
use fieldseal_policy::{Policy, Table};

use column::PrintedColumn;
use indexes::{Indexes, Names};
pub use kinds::column_findings;
pub use source::{
    IndexColumn, SourceColumn, SourceColumns, SourceIndex, SourceTable, read_source_columns,
};

/// Why no schema can be printed.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// What the policy names and the source does not have, or the target cannot hold; all of it.
    #[error("{}", .0.join("; "))]
    Mismatch(Vec<String>),
    /// The source's database could not be asked.
    #[error("the source: {0}")]
    Database(DbError),
    /// The file with the source's CREATE TABLE statements could not be read.
    #[error("the file of CREATE TABLE statements cannot be read; check its path and its encoding")]
    File(#[source] std::io::Error),
    /// It holds something that is not understood.
    #[error("line {line} of the CREATE TABLE statements: {what}")]
    Sql {
        /// Which line, from 1.
        line: usize,
        /// What is not understood, and what to do.
        what: &'static str,
    },
}

/// The CREATE TABLE statements of the target, in its dialect: sealed, index and mask columns,
/// plain secondary indexes and the version column. With `source`, kept columns have the source's
/// types and sealed ones a width that fits, and the source's own indexes on kept columns come
/// along; without it, the types of kept columns are guesses that a comment marks.
///
/// # Errors
/// [`SchemaError::Mismatch`] with every column that cannot be printed.
pub fn create_tables(
    policy: &Policy,
    dialect: Dialect,
    source: Option<&SourceColumns>,
) -> Result<String, SchemaError> {
    let mut out = format!("-- Made by `fieldseal schema` for {}.\n", spoken(dialect));
    let mut mismatches = Vec::new();
    let mut names = Names::new(policy);
    for table in policy.tables() {
        let found = source.map(|source| source.table(&table.source));
        if let Some(None) = found {
            mismatches.push(format!(
                "the source has no table {}; correct the policy, or read another source",
                table.source
            ));
            continue;
        }
        if let Some(Some(found)) = found {
            unlogged(table, found, &mut mismatches);
            few_values(table, found, &mut mismatches);
            if source.is_some_and(|source| source.strict) {
                unfit(table, found, &mut mismatches);
            }
        }
        let columns = column::of_table(table, dialect, found.flatten(), &mut mismatches);
        let engine = policy.source().engine;
        let indexes = Indexes::of_table(table, dialect, engine, found.flatten(), &columns);
        statement(table, dialect, &columns, &mut out);
        indexes.print(&mut names, &mut out);
    }
    if mismatches.is_empty() {
        Ok(out)
    } else {
        Err(SchemaError::Mismatch(mismatches))
    }
}

/// Foreign keys whose changes never reach the target, unless the policy lists them.
fn unlogged(table: &Table, found: &SourceTable, mismatches: &mut Vec<String>) {
    let unlisted = fieldseal_source::unlisted_cascades(table, &found.cascades);
    mismatches.extend(
        unlisted
            .iter()
            .map(|(what, advice)| format!("table {}: {what}; {advice}", table.source)),
    );
}

/// Blind indexes over enumerations, which betray their few values.
fn few_values(table: &Table, found: &SourceTable, mismatches: &mut Vec<String>) {
    for (column, seal) in table.sealed() {
        let is_few = |source: &SourceColumn| matches!(source.ty, TargetType::Choice { .. });
        if !found.column(&column.name).is_some_and(is_few) {
            continue;
        }
        for index in seal.indexes.iter().filter(|index| !index.accept_leak) {
            let (what, advice) = fieldseal_source::few_values(&column.name, &index.name);
            mismatches.push(format!("table {}: {what}; {advice}", table.source));
        }
    }
}

/// Kinds under which the source's values would be changed or always held.
fn unfit(table: &Table, found: &SourceTable, mismatches: &mut Vec<String>) {
    let findings = kinds::of_table(table, found).into_iter();
    let unfit = findings.filter(|finding| finding.severity == Severity::Error);
    mismatches.extend(unfit.map(|finding| finding.to_string()));
}

const fn spoken(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "SQLite",
        Dialect::Postgres => "PostgreSQL",
        Dialect::MySql => "MySQL and MariaDB",
    }
}

/// The table without its end, which its indexes print: MySQL names them inside.
fn statement(table: &Table, dialect: Dialect, columns: &[PrintedColumn], out: &mut String) {
    let name = quote(dialect, &table.target);
    let _ = writeln!(out, "\nCREATE TABLE {name} (");
    for column in columns {
        let note = column
            .note
            .as_ref()
            .map(|note| format!(" -- {note}"))
            .unwrap_or_default();
        let quoted = quote(dialect, &column.name);
        let _ = writeln!(out, "    {quoted} {},{note}", column.definition);
    }
    let keys: Vec<String> = table
        .key
        .iter()
        .map(|key| quote(dialect, &key.target))
        .collect();
    let _ = write!(out, "    PRIMARY KEY ({})", keys.join(", "));
}

#[cfg(test)]
pub(crate) use spell::version as version_column_for_tests;
#[cfg(test)]
pub(crate) mod tests;
