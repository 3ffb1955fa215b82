//! The columns, indexes and cascades of the source, from its database or from a file of its CREATE
//! TABLE statements. Owns asking for them; the catalogues' indexes are read in `indexes`, the file
//! by `dump`.

mod indexes;

use std::path::Path;

use fieldseal_db::{Connect, Database, Dialect, quote};
use fieldseal_model::TableName;
use fieldseal_pipeline::TargetType;
use fieldseal_policy::Policy;
use fieldseal_source::Cascade;

pub(super) use self::indexes::{BEGINNING, EXPRESSION, OTHER_KIND};
use super::{SchemaError, dump};
use crate::describe::{ColumnFacts, mysql, mysql_type, postgres, sqlite};

/// What the source's tables look like.
#[derive(Debug, Default)]
pub struct SourceColumns {
    /// The tables found.
    pub tables: Vec<SourceTable>,
    /// Whether types bind the values; SQLite's do not.
    pub strict: bool,
}

/// One table of the source.
#[derive(Debug)]
pub struct SourceTable {
    /// Its schema, where that is known.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// Its columns, in its order.
    pub columns: Vec<SourceColumn>,
    /// Its indexes, that of its primary key among them.
    pub indexes: Vec<SourceIndex>,
    /// Its foreign keys whose changes never reach the binlog.
    pub cascades: Vec<Cascade>,
}

/// One column of the source.
#[derive(Debug)]
pub struct SourceColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub ty: TargetType,
    /// The type as the source spells it.
    pub declared: String,
    /// Whether it takes NULL.
    pub nullable: bool,
    /// BINARY(n): filled up with 00.
    pub fixed_bytes: bool,
}

/// One index of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceIndex {
    /// Its name.
    pub name: String,
    /// Whether no two rows may agree in it.
    pub unique: bool,
    /// The columns it names, in its order; an expression names none.
    pub columns: Vec<IndexColumn>,
    /// Why it is no plain index over whole columns, if it is none.
    pub odd: Option<&'static str>,
}

/// One column of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexColumn {
    /// The column's name.
    pub name: String,
    /// Whether the greatest comes first.
    pub descending: bool,
}

impl SourceColumns {
    /// The table of this name; one whose schema is not known may be in any.
    #[must_use]
    pub fn table(&self, name: &TableName) -> Option<&SourceTable> {
        self.tables.iter().find(|table| {
            table.name == name.table
                && table
                    .schema
                    .as_ref()
                    .is_none_or(|schema| *schema == name.schema)
        })
    }
}

impl SourceTable {
    /// The column of this name; records may spell it in another case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&SourceColumn> {
        let exact = self.columns.iter().find(|column| column.name == name);
        exact.or_else(|| {
            self.columns
                .iter()
                .find(|column| column.name.eq_ignore_ascii_case(name))
        })
    }
}

/// Reads the columns of the policy's source tables from a database's URL, or from a file of
/// CREATE TABLE statements as `mysqldump --no-data` writes them. A table that is not there is
/// left out.
///
/// # Errors
/// [`SchemaError`] when the database or the file cannot be read or is not understood.
pub async fn read_source_columns(
    policy: &Policy,
    from: &str,
) -> Result<SourceColumns, SchemaError> {
    if Dialect::of_url(from).is_err() {
        let text = tokio::fs::read_to_string(Path::new(from))
            .await
            .map_err(SchemaError::File)?;
        return dump::read(&text);
    }
    let settings = Connect::guest(1);
    let database = Database::connect(from, settings)
        .await
        .map_err(SchemaError::Database)?;
    let mut tables = Vec::new();
    for table in policy.tables() {
        let columns = columns(&database, &table.source).await?;
        if !columns.is_empty() {
            let cascades = fieldseal_source::cascades(&database, &table.source).await;
            let indexes = indexes::read(&database, &table.source).await;
            tables.push(SourceTable {
                schema: Some(table.source.schema.clone()),
                name: table.source.table.clone(),
                columns,
                indexes: indexes.map_err(SchemaError::Database)?,
                cascades: cascades.map_err(SchemaError::Database)?,
            });
        }
    }
    let strict = database.dialect() != Dialect::Sqlite;
    database.close().await;
    Ok(SourceColumns { tables, strict })
}

async fn columns(database: &Database, name: &TableName) -> Result<Vec<SourceColumn>, SchemaError> {
    let dialect = database.dialect();
    let facts = match dialect {
        // A SQLite file has no schemas.
        Dialect::Sqlite => sqlite::columns(database, &name.table).await,
        Dialect::MySql => mysql::columns(database, Some(&name.schema), &name.table).await,
        Dialect::Postgres => {
            let relation = format!(
                "{}.{}",
                quote(dialect, &name.schema),
                quote(dialect, &name.table)
            );
            postgres::columns(database, &relation).await
        }
    };
    let facts = facts.map_err(SchemaError::Database)?;
    Ok(facts
        .into_iter()
        .map(|facts| of_facts(dialect, facts))
        .collect())
}

fn of_facts(dialect: Dialect, facts: ColumnFacts) -> SourceColumn {
    let ty = match (facts.ty, dialect) {
        (Ok(ty), _) => ty,
        (Err(_), Dialect::MySql) => without_digits(&facts.declared),
        (Err(_), _) => TargetType::Opaque,
    };
    SourceColumn {
        name: facts.name,
        ty,
        declared: facts.declared,
        nullable: facts.nullable,
        fixed_bytes: facts.fixed_bytes,
    }
}

/// A FLOAT(m,d) at the source is a FLOAT in the target: what was rounded stays as it is.
pub(super) fn without_digits(declared: &str) -> TargetType {
    let base = declared.split('(').next().unwrap_or_default();
    mysql_type::parse(base, None).unwrap_or(TargetType::Opaque)
}
