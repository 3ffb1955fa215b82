//! Reading a table's facts from SQLite's pragmas. A declared type is only an affinity there
//! (<https://www.sqlite.org/datatype3.html>, section 3.1); types whose affinity could rewrite a
//! text are refused.

use fieldseal_db::{Bind, Database, DbError, Row};
use fieldseal_pipeline::TargetType;

use super::{ColumnFacts, TableFacts};

pub(super) async fn facts(database: &Database, table: &str) -> Result<Option<TableFacts>, DbError> {
    let mut columns = columns(database, table).await?;
    if columns.is_empty() {
        return Ok(None);
    }
    let names = async |sql: &'static str| names(database, sql, table).await;
    let folded = names(
        "SELECT x.name FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x \
         WHERE l.origin = 'pk' AND x.key = 1 AND x.coll <> 'BINARY'",
    )
    .await?;
    for column in &mut columns {
        column.compares_as_bytes = !folded.contains(&column.name);
    }
    let plain = names(
        "SELECT name FROM sqlite_master WHERE name = ? COLLATE NOCASE AND type = 'table' \
         AND sql NOT LIKE 'CREATE VIRTUAL%'",
    )
    .await?;
    let mut odd = Vec::new();
    if plain.is_empty() {
        odd.push((
            "is no plain table",
            "make a table as `fieldseal schema` prints it",
        ));
    }
    Ok(Some(TableFacts {
        columns,
        primary_key: names("SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0 ORDER BY pk")
            .await?,
        unique: names(
            "SELECT name FROM pragma_index_list(?) WHERE \"unique\" = 1 AND origin <> 'pk' \
             ORDER BY name",
        )
        .await?,
        foreign_keys: foreign_keys(database, table).await?,
        triggers: names(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' \
             AND tbl_name = ? COLLATE NOCASE ORDER BY name",
        )
        .await?,
        odd,
    }))
}

async fn foreign_keys(database: &Database, table: &str) -> Result<Vec<String>, DbError> {
    let rows = database
        .query(
            "SELECT DISTINCT 'to ' || f.\"table\" || ' of ' || m.name FROM sqlite_master m, \
             pragma_foreign_key_list(m.name) f WHERE m.type = 'table' \
             AND (m.name = ? COLLATE NOCASE OR f.\"table\" = ? COLLATE NOCASE) ORDER BY 1",
            &[Bind::from(table), Bind::from(table)],
        )
        .await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// The columns of a table; none when it is not there.
pub(crate) async fn columns(database: &Database, table: &str) -> Result<Vec<ColumnFacts>, DbError> {
    let rows = database
        .query(
            "SELECT name, type, CAST(\"notnull\" AS INTEGER), dflt_value, \
             CAST(pk AS INTEGER), CAST(hidden AS INTEGER) FROM pragma_table_xinfo(?)",
            &[Bind::from(table)],
        )
        .await?;
    let keys = rows
        .iter()
        .filter(|row| row.int(4).is_ok_and(|pk| pk > 0))
        .count();
    rows.iter().map(|row| column(row, keys)).collect()
}

fn column(row: &Row, keys: usize) -> Result<ColumnFacts, DbError> {
    let declared = row.text(1)?;
    let is_key = row.int(4)? > 0;
    let ty = column_type(&declared);
    Ok(ColumnFacts {
        nullable: row.int(2)? == 0 && !is_key,
        default: row.opt_text(3)?,
        generated: row.int(5)? != 0,
        numbered: is_key && keys == 1 && declared.eq_ignore_ascii_case("integer"),
        ..ColumnFacts::plain(row.text(0)?, declared, ty)
    })
}

fn column_type(declared: &str) -> Result<TargetType, &'static str> {
    let upper = declared.to_ascii_uppercase();
    let has = |part: &str| upper.contains(part);
    // The first five are SQLite's own rules, in its order.
    Ok(if has("INT") {
        TargetType::Integer {
            min: i64::MIN.into(),
            max: i64::MAX.into(),
        }
    } else if has("TEXT") && has("DECIMAL") {
        // Kept as text, which is exact; nothing in SQLite itself is an exact decimal.
        TargetType::Decimal {
            precision: precision(&upper),
            unsigned: false,
        }
    } else if has("TEXT") && has("JSON") {
        TargetType::Json { doubles: false }
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        TargetType::Text {
            max_chars: None,
            max_bytes: None,
            fixed: false,
            nul: true,
        }
    } else if has("BLOB") {
        TargetType::Bytes { max: None }
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        TargetType::Float { single: false }
    // What is left has the affinity NUMERIC, which rewrites only texts that look like numbers.
    } else if has("BINARY") {
        TargetType::Bytes { max: None }
    } else if let Some(width) = upper.strip_prefix("BIT") {
        let width = width.trim_matches(['(', ')']).parse().unwrap_or(1);
        TargetType::Bits { width }
    } else if has("BOOL") {
        TargetType::Integer { min: 0, max: 1 }
    } else if has("DATETIME") {
        TargetType::DateTime { digits: 9 }
    } else if has("TIMESTAMP") {
        TargetType::Timestamp {
            digits: 9,
            narrow: false,
        }
    } else if upper == "DATE" {
        TargetType::Date
    } else if upper == "TIME" || upper.starts_with("TIME(") {
        TargetType::Time {
            digits: 9,
            durations: true,
        }
    } else {
        return Err(
            "SQLite would rewrite texts that look like numbers in a column of this type; \
                    declare it TEXT, DECIMALTEXT or JSONTEXT",
        );
    })
}

/// The digits of `DECIMALTEXT(10,2)`.
fn precision(declared: &str) -> Option<(u32, u32)> {
    let (_, inside) = declared.split_once('(')?;
    let (all, behind) = inside.strip_suffix(')')?.split_once(',')?;
    Some((all.trim().parse().ok()?, behind.trim().parse().ok()?))
}

async fn names(
    database: &Database,
    sql: &'static str,
    table: &str,
) -> Result<Vec<String>, DbError> {
    let rows = database.query(sql, &[Bind::from(table)]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}
