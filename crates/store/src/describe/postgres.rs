//! Reading a table's facts from PostgreSQL's pg_catalog, as the current search_path finds it.

use fieldseal_db::{Bind, Database, DbError, Dialect, Row, quote};
use fieldseal_pipeline::TargetType;

use super::{ColumnFacts, TableFacts};

pub(super) async fn facts(database: &Database, table: &str) -> Result<Option<TableFacts>, DbError> {
    let relation = quote(Dialect::Postgres, table);
    let columns = columns(database, &relation).await?;
    if columns.is_empty() {
        return Ok(None);
    }
    let relation = relation.as_str();
    let names = async |sql: &'static str| names(database, sql, relation).await;
    Ok(Some(TableFacts {
        columns,
        // ON CONFLICT takes no deferrable key.
        primary_key: names(
            "SELECT a.attname::text FROM pg_index i \
             CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place) \
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
             WHERE i.indrelid = to_regclass(?) AND i.indisprimary AND i.indimmediate \
             AND i.indisvalid AND k.place <= i.indnkeyatts ORDER BY k.place",
        )
        .await?,
        unique: names(
            "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
             WHERE i.indrelid = to_regclass(?) AND (i.indisunique OR i.indisexclusion) \
             AND NOT i.indisprimary ORDER BY 1",
        )
        .await?,
        foreign_keys: names(
            "SELECT c.conname::text || ' of ' || c.conrelid::regclass::text FROM pg_constraint c \
             CROSS JOIN (SELECT to_regclass(?) AS oid) t \
             WHERE c.contype = 'f' AND t.oid IN (c.conrelid, c.confrelid) ORDER BY 1",
        )
        .await?,
        triggers: names(
            "SELECT tgname::text FROM pg_trigger WHERE tgrelid = to_regclass(?) \
             AND NOT tgisinternal ORDER BY 1",
        )
        .await?,
        odd: odd(database, relation).await?,
    }))
}

async fn odd(
    database: &Database,
    relation: &str,
) -> Result<Vec<(&'static str, &'static str)>, DbError> {
    let rows = database
        .query(
            "SELECT (relkind NOT IN ('r', 'p'))::text, row_security_active(oid)::text, \
             relhasrules::text, (relpersistence <> 'p')::text \
             FROM pg_class WHERE oid = to_regclass(?)",
            &[Bind::from(relation)],
        )
        .await?;
    let row = rows.first().ok_or(DbError::unexpected())?;
    let all = [
        (
            "is no plain table",
            "make a table as `fieldseal schema` prints it",
        ),
        (
            "row security hides rows from this account",
            "use an account with BYPASSRLS, or the table's owner",
        ),
        (
            "has rules, which rewrite statements",
            "drop its rules until the cutover",
        ),
        ("is unlogged or temporary", "run ALTER TABLE … SET LOGGED"),
    ];
    let mut found = Vec::new();
    for (index, what) in all.into_iter().enumerate() {
        if row.text(index)? == "true" {
            found.push(what);
        }
    }
    Ok(found)
}

/// The columns of a relation, named as SQL names it; none when it is not there.
pub(crate) async fn columns(
    database: &Database,
    relation: &str,
) -> Result<Vec<ColumnFacts>, DbError> {
    let rows = database
        .query(
            "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), \
             CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname::text \
             ELSE '' END, \
             (CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END)::bigint, \
             t.typtype::text, a.attnotnull::text, pg_get_expr(d.adbin, d.adrelid), \
             a.attgenerated::text, a.attidentity::text, \
             COALESCE(c.collisdeterministic, true)::text, a.atttypid::bigint \
             FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
             LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
             LEFT JOIN pg_collation c ON c.oid = a.attcollation \
             WHERE a.attrelid = to_regclass(?) AND a.attnum > 0 AND NOT a.attisdropped \
             ORDER BY a.attnum",
            &[Bind::from(relation)],
        )
        .await?;
    let mut columns = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut column = column(row)?;
        if row.text(4)? == "e" {
            let labels = labels(database, row.int(10)?).await?;
            column.ty = Ok(TargetType::Choice { labels, set: false });
        }
        columns.push(column);
    }
    Ok(columns)
}

fn column(row: &Row) -> Result<ColumnFacts, DbError> {
    let identity = row.text(8)?;
    let generated = !row.text(7)?.is_empty();
    // A generated column keeps its expression where others keep their default.
    let default = row.opt_text(6)?.filter(|_| !generated);
    Ok(ColumnFacts {
        nullable: row.text(5)? != "true",
        default,
        generated,
        numbered: !identity.is_empty(),
        compares_as_bytes: row.text(9)? == "true",
        refused: (identity == "a").then_some(
            "GENERATED ALWAYS AS IDENTITY takes no value; declare it BY DEFAULT instead",
        ),
        ..ColumnFacts::plain(
            row.text(0)?,
            row.text(1)?,
            column_type(&row.text(2)?, row.int(3)?),
        )
    })
}

/// A type of pg_catalog with its modifier (-1: none). The error says why a cast could change a
/// value: a cast cuts and rounds where an assignment would refuse.
fn column_type(name: &str, modifier: i64) -> Result<TargetType, &'static str> {
    let length = u64::try_from(modifier - 4).ok();
    let digits = u32::try_from(modifier).unwrap_or(6);
    Ok(match name {
        "int2" => integer(i16::MIN, i16::MAX),
        "int4" => integer(i32::MIN, i32::MAX),
        "int8" => integer(i64::MIN, i64::MAX),
        "bool" => TargetType::Boolean,
        "numeric" => TargetType::Decimal {
            precision: precision(modifier)?,
            unsigned: false,
        },
        "float4" => TargetType::Float { single: true },
        "float8" => TargetType::Float { single: false },
        "text" => text(None, false),
        "varchar" => text(length, false),
        "bpchar" => text(length, length.is_some()),
        "bytea" => TargetType::Bytes { max: None },
        "json" | "jsonb" => TargetType::Json { doubles: false },
        "uuid" => TargetType::Uuid,
        "date" => TargetType::Date,
        "timestamp" => TargetType::DateTime { digits },
        "timestamptz" => TargetType::Timestamp {
            digits,
            narrow: false,
        },
        "time" => TargetType::Time {
            digits,
            durations: false,
        },
        "name" | "char" => return Err("its type cuts values off; declare it TEXT"),
        _ if modifier != -1 => {
            return Err(
                "its type has a length or precision that could cut values off; \
                        leave the length out, or choose a type such as TEXT",
            );
        }
        _ => TargetType::Opaque,
    })
}

fn integer(min: impl Into<i128>, max: impl Into<i128>) -> TargetType {
    TargetType::Integer {
        min: min.into(),
        max: max.into(),
    }
}

const fn text(max_chars: Option<u64>, fixed: bool) -> TargetType {
    TargetType::Text {
        max_chars,
        max_bytes: None,
        fixed,
        nul: false,
    }
}

/// NUMERIC's modifier: 4, plus precision in the upper half and an 11-bit scale in the lower.
fn precision(modifier: i64) -> Result<Option<(u32, u32)>, &'static str> {
    if modifier < 4 {
        return Ok(None);
    }
    let packed = modifier - 4;
    let scale = packed & 0x7ff;
    if scale >= 0x400 {
        return Err("a negative scale rounds; declare NUMERIC with a scale of 0 or more");
    }
    let part = |number: i64| u32::try_from(number).unwrap_or(0);
    Ok(Some((part((packed >> 16) & 0xffff), part(scale))))
}

async fn labels(database: &Database, ty: i64) -> Result<Vec<String>, DbError> {
    let rows = database
        .query(
            "SELECT enumlabel::text FROM pg_enum WHERE enumtypid::bigint = ? \
             ORDER BY enumsortorder",
            &[Bind::from(ty)],
        )
        .await?;
    rows.iter().map(|row| row.text(0)).collect()
}

async fn names(
    database: &Database,
    sql: &'static str,
    relation: &str,
) -> Result<Vec<String>, DbError> {
    let rows = database.query(sql, &[Bind::from(relation)]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}
