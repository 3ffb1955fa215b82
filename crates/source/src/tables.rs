//! What the source's tables must be like. Owns asking for their keys, replica identity,
//! enumerations and cascading foreign keys; types and widths are not looked at here.

use std::collections::BTreeMap;

use fieldseal_db::{Bind, DbError, Dialect, Row, quote};
use fieldseal_model::{Engine, TableName};
use fieldseal_policy::Table;

use crate::{Cascade, Finding, Severity, SourceDatabase, SourceError, cascades, unlisted_cascades};

const DOING: &str = "looking at the source's tables";
const GRANT: &str = "GRANT SELECT on the policy's tables to it";

/// A table as the source has it.
#[derive(Default)]
struct Facts {
    /// Columns that no row leaves NULL and no two rows share: the primary key and others.
    keys: Vec<Vec<String>>,
    /// Columns that hold one of a few labels.
    enumerations: Vec<String>,
    cascades: Vec<Cascade>,
    /// PostgreSQL: whether the log holds whole rows.
    whole_rows: bool,
}

/// What is found about one of the policy's tables.
pub(crate) async fn of_table(
    source: &SourceDatabase,
    table: &Table,
) -> Result<Vec<Finding>, SourceError> {
    let facts = match source.engine {
        Engine::MySql => source.mysql_facts(&table.source).await,
        Engine::Postgres => source.postgres_facts(&table.source).await,
    };
    let facts = facts.map_err(|error| SourceError::of(DOING, GRANT, error))?;
    let Some(facts) = facts else {
        return Ok(vec![Finding::table(
            Severity::Error,
            &table.source,
            "is not there, or the account may not see it",
            "correct the policy, or GRANT SELECT on the table to the account",
        )]);
    };
    Ok(judged(table, &facts))
}

fn judged(table: &Table, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut refuse = |what: String, advice: String| {
        found.push(Finding::table(Severity::Error, &table.source, what, advice));
    };
    let is_key = |columns: &Vec<String>| {
        columns.len() == table.key.len()
            && columns
                .iter()
                .all(|name| table.key.iter().any(|key| same(&key.name, name)))
    };
    if !facts.keys.iter().any(is_key) {
        refuse(
            if facts.keys.is_empty() {
                "has no primary key and no unique key without NULL".to_owned()
            } else {
                "the policy's key is neither its primary key nor a unique key without NULL"
                    .to_owned()
            },
            match facts.keys.first() {
                Some(columns) => format!("name as key: {}", columns.join(", ")),
                None => "give the table a primary key".to_owned(),
            },
        );
    }
    if !facts.whole_rows {
        refuse(
            "its log does not hold whole rows, so that updates lack columns".to_owned(),
            format!("run ALTER TABLE {} REPLICA IDENTITY FULL", table.source),
        );
    }
    for (what, advice) in unlisted_cascades(table, &facts.cascades) {
        refuse(what, advice);
    }
    for (column, seal) in table.sealed() {
        let few = facts
            .enumerations
            .iter()
            .any(|name| same(&column.name, name));
        for index in seal
            .indexes
            .iter()
            .filter(|index| few && !index.accept_leak)
        {
            let (what, advice) = few_values(&column.name, &index.name);
            refuse(what, advice);
        }
    }
    let known = |name: &String| facts.cascades.iter().any(|c| same(&c.name, name));
    for name in table.accept_cascades.iter().filter(|name| !known(name)) {
        found.push(Finding::table(
            Severity::Warning,
            &table.source,
            format!("accept_cascades lists {name:?}, and no foreign key of that name changes rows unlogged"),
            "take it out of the policy",
        ));
    }
    found
}

/// What is wrong with a blind index over an enumeration, and what to do: the policy cannot see it,
/// since its kind is text.
#[must_use]
pub fn few_values(column: &str, index: &str) -> (String, String) {
    (
        format!(
            "the column {column:?} is an enumeration, and the index {index:?} betrays its values, \
             since there are few to try or to count"
        ),
        "remove the index, or say accept_leak = true".to_owned(),
    )
}

/// Records may spell a name in another case than the source does.
fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

impl SourceDatabase {
    async fn mysql_facts(&self, name: &TableName) -> Result<Option<Facts>, DbError> {
        let binds = [Bind::from(&name.schema), Bind::from(&name.table)];
        let columns = self
            .database
            .query(
                "SELECT column_name, data_type FROM information_schema.columns \
                 WHERE table_schema = ? AND table_name = ?",
                &binds,
            )
            .await?;
        if columns.is_empty() {
            return Ok(None);
        }
        let mut enumerations = Vec::new();
        for row in &columns {
            if ["enum", "set"].contains(&row.text(1)?.to_ascii_lowercase().as_str()) {
                enumerations.push(row.text(0)?);
            }
        }
        // An index over an expression has no column name, one over a beginning has a sub_part.
        let parts = self
            .database
            .query(
                "SELECT index_name, column_name, \
                 CASE WHEN nullable = '' AND sub_part IS NULL THEN 'whole' ELSE '' END \
                 FROM information_schema.statistics WHERE table_schema = ? AND table_name = ? \
                 AND non_unique = 0 ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index",
                &binds,
            )
            .await?;
        Ok(Some(Facts {
            keys: keys(&parts)?,
            enumerations,
            cascades: cascades(&self.database, name).await?,
            whole_rows: true,
        }))
    }

    async fn postgres_facts(&self, name: &TableName) -> Result<Option<Facts>, DbError> {
        let relation = format!(
            "{}.{}",
            quote(Dialect::Postgres, &name.schema),
            quote(Dialect::Postgres, &name.table)
        );
        let binds = [Bind::from(&relation)];
        let table = self
            .database
            .query(
                "SELECT (relreplident = 'f')::text FROM pg_class WHERE oid = to_regclass(?)",
                &binds,
            )
            .await?;
        let Some(table) = table.first() else {
            return Ok(None);
        };
        let enumerations = self
            .database
            .query(
                "SELECT a.attname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
                 WHERE a.attrelid = to_regclass(?) AND a.attnum > 0 AND NOT a.attisdropped \
                 AND t.typtype = 'e'",
                &binds,
            )
            .await?;
        let parts = self
            .database
            .query(
                "SELECT i.indexrelid::regclass::text, a.attname::text, \
                 CASE WHEN a.attnotnull THEN 'whole' ELSE '' END FROM pg_index i \
                 CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place) \
                 LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
                 WHERE i.indrelid = to_regclass(?) AND i.indisunique AND i.indisvalid \
                 AND i.indpred IS NULL AND k.place <= i.indnkeyatts \
                 ORDER BY i.indisprimary DESC, 1, k.place",
                &binds,
            )
            .await?;
        Ok(Some(Facts {
            keys: keys(&parts)?,
            enumerations: enumerations
                .iter()
                .map(|row| row.text(0))
                .collect::<Result<_, _>>()?,
            cascades: Vec::new(),
            whole_rows: table.text(0)? == "true",
        }))
    }
}

/// The unique indexes of whole columns without NULL, the primary key first. Each row is an index,
/// a column, and `whole` where the column is so.
fn keys(parts: &[Row]) -> Result<Vec<Vec<String>>, DbError> {
    let mut order = Vec::new();
    let mut indexes: BTreeMap<String, Option<Vec<String>>> = BTreeMap::new();
    for row in parts {
        let index = row.text(0)?;
        let column = row
            .opt_text(1)?
            .filter(|_| row.text(2).is_ok_and(|word| word == "whole"));
        let columns = indexes.entry(index.clone()).or_insert_with(|| {
            order.push(index);
            Some(Vec::new())
        });
        match (columns.as_mut(), column) {
            (Some(names), Some(name)) => names.push(name),
            _ => *columns = None,
        }
    }
    Ok(order
        .iter()
        .filter_map(|index| indexes.get(index).cloned().flatten())
        .collect())
}
