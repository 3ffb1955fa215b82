//! What the target's tables look like, read once at the start. Owns the facts that are read and
//! turning them into the pipeline's columns; which facts are refused is decided in `findings`,
//! and the catalogues are read by one module for each dialect.

pub(crate) mod mysql;
pub(crate) mod mysql_type;
pub(crate) mod postgres;
pub(crate) mod sqlite;
#[cfg(test)]
pub(crate) mod tests;

use fieldseal_db::{Database, DbError, Dialect, Severity};
use fieldseal_pipeline::{TableLayout, TargetColumn, TargetError, TargetType};

use crate::error::target_error;
use crate::findings;

/// A table as the catalogue has it.
#[derive(Debug, Default)]
pub(crate) struct TableFacts {
    /// In the table's order.
    pub(crate) columns: Vec<ColumnFacts>,
    /// The primary key's columns, in its order.
    pub(crate) primary_key: Vec<String>,
    /// Unique indexes beside the primary key, by name.
    pub(crate) unique: Vec<String>,
    /// Foreign keys out of and into the table, by name.
    pub(crate) foreign_keys: Vec<String>,
    /// Triggers, by name.
    pub(crate) triggers: Vec<String>,
    /// What else about the table makes it no plain table: what it is, and what to do.
    pub(crate) odd: Vec<(&'static str, &'static str)>,
}

/// A column as the catalogue has it.
#[derive(Debug)]
pub(crate) struct ColumnFacts {
    pub(crate) name: String,
    /// What it holds, or why values put there could change, with what to do.
    pub(crate) ty: Result<TargetType, &'static str>,
    /// The type as the server spells it; a cast to it is valid SQL.
    pub(crate) declared: String,
    pub(crate) nullable: bool,
    /// The default's expression.
    pub(crate) default: Option<String>,
    /// Computed by the database.
    pub(crate) generated: bool,
    /// Gets a number of its own when none is written.
    pub(crate) numbered: bool,
    /// Texts that differ in any byte are two keys.
    pub(crate) compares_as_bytes: bool,
    /// The text's character set lacks characters.
    pub(crate) lacks_characters: bool,
    /// BINARY(n): filled up with 00.
    pub(crate) fixed_bytes: bool,
    /// Why no stream can write it, and what to do.
    pub(crate) refused: Option<&'static str>,
}

impl ColumnFacts {
    /// A nullable column without anything special.
    pub(crate) fn plain(
        name: String,
        declared: String,
        ty: Result<TargetType, &'static str>,
    ) -> Self {
        Self {
            name,
            ty,
            declared,
            nullable: true,
            default: None,
            generated: false,
            numbered: false,
            compares_as_bytes: true,
            lacks_characters: false,
            fixed_bytes: false,
            refused: None,
        }
    }
}

impl TableFacts {
    /// The column of this name, as the dialect compares names.
    pub(crate) fn column(&self, dialect: Dialect, name: &str) -> Option<&ColumnFacts> {
        let found = |column: &&ColumnFacts| same_name(dialect, &column.name, name);
        self.columns.iter().find(found)
    }
}

/// Whether two column names are one. The policy refuses names that differ only in case.
pub(crate) fn same_name(dialect: Dialect, one: &str, other: &str) -> bool {
    match dialect {
        Dialect::Postgres => one == other,
        Dialect::MySql => one.to_lowercase() == other.to_lowercase(),
        Dialect::Sqlite => one.eq_ignore_ascii_case(other),
    }
}

/// The facts of the table that an unqualified `table` names, or `None` when there is none.
pub(crate) async fn facts(database: &Database, table: &str) -> Result<Option<TableFacts>, DbError> {
    match database.dialect() {
        Dialect::Sqlite => sqlite::facts(database, table).await,
        Dialect::Postgres => postgres::facts(database, table).await,
        Dialect::MySql => mysql::facts(database, table).await,
    }
}

/// The columns of a layout's table, in the layout's order, typed so that values bind exactly.
///
/// # Errors
/// [`TargetError::Fatal`] with everything that makes the table unfit, as `findings` reports it.
pub(crate) async fn describe(
    database: &Database,
    layout: &TableLayout,
) -> Result<Vec<TargetColumn>, TargetError> {
    let dialect = database.dialect();
    let facts = facts(database, &layout.target)
        .await
        .map_err(|error| target_error(&error))?;
    let refusals: Vec<String> = findings::of_table(dialect, layout, facts.as_ref())
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    if !refusals.is_empty() {
        return Err(TargetError::Fatal(refusals.join("; ")));
    }
    Ok(columns(dialect, layout, &facts.unwrap_or_default()))
}

/// The layout's columns that are there and have a type that values bind to.
pub(crate) fn columns(
    dialect: Dialect,
    layout: &TableLayout,
    facts: &TableFacts,
) -> Vec<TargetColumn> {
    let described = |name: &String| {
        let column = facts.column(dialect, name)?;
        let ty = column.ty.clone().ok()?;
        Some(TargetColumn {
            name: name.clone(),
            ty,
            nullable: column.nullable,
        })
    };
    layout
        .columns
        .iter()
        .filter_map(|(name, _)| described(name))
        .collect()
}

/// PostgreSQL: the type of each of the layout's columns, to cast a staged text to.
///
/// # Errors
/// [`TargetError`]; Fatal when a column is missing.
pub(crate) async fn cast_types(
    database: &Database,
    layout: &TableLayout,
) -> Result<Vec<String>, TargetError> {
    let facts = facts(database, &layout.target)
        .await
        .map_err(|error| target_error(&error))?;
    let facts = facts.unwrap_or_default();
    let cast = |name: &String| {
        let column = facts.column(database.dialect(), name);
        column.map(|column| column.declared.clone()).ok_or_else(|| {
            TargetError::Fatal(format!(
                "table {}, column {name}: is missing; make it as `fieldseal schema` prints it",
                layout.target
            ))
        })
    };
    layout.columns.iter().map(|(name, _)| cast(name)).collect()
}
