//! The source's indexes, from its catalogue. Owns one question for each dialect, and the words for
//! what is no plain index.

use fieldseal_db::{Bind, Database, DbError, Dialect, Row, quote};
use fieldseal_model::TableName;

use super::{IndexColumn, SourceIndex};

/// An index over the result of a function, or of an operator.
pub(in crate::schema) const EXPRESSION: &str = "is over an expression";
/// MySQL's prefix lengths.
pub(in crate::schema) const BEGINNING: &str = "holds only the beginning of a column";
/// Full text, geometry, hashes and PostgreSQL's other access methods.
pub(in crate::schema) const OTHER_KIND: &str = "is no B-tree index";
const PARTIAL: &str = "holds only some of the rows";
const OPERATORS: &str = "compares by an operator class of its own";

/// The indexes of one table, columns in the index's order. Each row of an answer is one column: the
/// index, whether it is unique, the column, whether it descends, and a word for what is odd.
pub(super) async fn read(
    database: &Database,
    name: &TableName,
) -> Result<Vec<SourceIndex>, DbError> {
    let rows = match database.dialect() {
        Dialect::MySql => database
            .query(
                "SELECT index_name, CASE non_unique WHEN 0 THEN 'yes' ELSE '' END, column_name, \
                     CASE collation WHEN 'D' THEN 'yes' ELSE '' END, \
                     CASE WHEN index_type <> 'BTREE' THEN 'kind' \
                     WHEN column_name IS NULL THEN 'expression' \
                     WHEN sub_part IS NOT NULL THEN 'beginning' ELSE '' END \
                     FROM information_schema.statistics \
                     WHERE table_schema = ? AND table_name = ? ORDER BY index_name, seq_in_index",
                &[Bind::from(&name.schema), Bind::from(&name.table)],
            )
            .await?,
        Dialect::Postgres => {
            let relation = format!(
                "{}.{}",
                quote(Dialect::Postgres, &name.schema),
                quote(Dialect::Postgres, &name.table)
            );
            // INCLUDE columns stand behind the last key column; one that is not valid serves nobody.
            database
                .query(
                    "SELECT c.relname::text, CASE WHEN i.indisunique THEN 'yes' ELSE '' END, \
                     a.attname::text, \
                     CASE i.indoption[k.place - 1] & 1 WHEN 1 THEN 'yes' ELSE '' END, \
                     CASE WHEN m.amname <> 'btree' THEN 'kind' \
                     WHEN a.attname IS NULL THEN 'expression' \
                     WHEN i.indpred IS NOT NULL THEN 'partial' \
                     WHEN NOT o.opcdefault THEN 'operators' ELSE '' END \
                     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
                     JOIN pg_am m ON m.oid = c.relam \
                     CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY \
                     AS k(attnum, place) \
                     JOIN pg_opclass o ON o.oid = i.indclass[k.place - 1] \
                     LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
                     WHERE i.indrelid = to_regclass(?) AND i.indisvalid \
                     AND k.place <= i.indnkeyatts ORDER BY 1, k.place",
                    &[Bind::from(&relation)],
                )
                .await?
        }
        // Rows that stand in no index of their own (INTEGER PRIMARY KEY) have none here.
        Dialect::Sqlite => {
            database
                .query(
                    "SELECT l.name, CASE l.\"unique\" WHEN 1 THEN 'yes' ELSE '' END, x.name, \
                     CASE x.\"desc\" WHEN 1 THEN 'yes' ELSE '' END, \
                     CASE WHEN x.name IS NULL THEN 'expression' \
                     WHEN l.partial = 1 THEN 'partial' ELSE '' END \
                     FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x WHERE x.key = 1 \
                     ORDER BY l.name, x.seqno",
                    &[Bind::from(&name.table)],
                )
                .await?
        }
    };
    together(&rows)
}

fn together(rows: &[Row]) -> Result<Vec<SourceIndex>, DbError> {
    let mut found: Vec<SourceIndex> = Vec::new();
    for row in rows {
        let name = row.text(0)?;
        if found.last().is_none_or(|last| last.name != name) {
            found.push(SourceIndex {
                name,
                unique: row.text(1)? == "yes",
                columns: Vec::new(),
                odd: None,
            });
        }
        let index = found.last_mut().ok_or(DbError::unexpected())?;
        if let Some(name) = row.opt_text(2)? {
            let descending = row.text(3)? == "yes";
            index.columns.push(IndexColumn { name, descending });
        }
        let odd = match row.text(4)?.as_str() {
            "kind" => Some(OTHER_KIND),
            "expression" => Some(EXPRESSION),
            "beginning" => Some(BEGINNING),
            "partial" => Some(PARTIAL),
            "operators" => Some(OPERATORS),
            _ => None,
        };
        index.odd = index.odd.or(odd);
    }
    Ok(found)
}
