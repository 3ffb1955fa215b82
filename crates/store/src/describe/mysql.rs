//! Reading a table's facts from MySQL's and MariaDB's information_schema.

use fieldseal_db::{Bind, Database, DbError, Row, Sql};

use super::{ColumnFacts, TableFacts, mysql_type};

/// Collations that compare bytes and let trailing spaces count.
const AS_BYTES: [&str; 3] = ["utf8mb4_0900_bin", "utf8mb4_nopad_bin", "binary"];

pub(super) async fn facts(database: &Database, table: &str) -> Result<Option<TableFacts>, DbError> {
    let columns = columns(database, None, table).await?;
    if columns.is_empty() {
        return Ok(None);
    }
    let names = async |sql: &'static str| names(database, sql, &[Bind::from(table)]).await;
    let mut facts = TableFacts {
        columns,
        primary_key: names(
            "SELECT column_name FROM information_schema.statistics WHERE table_schema = DATABASE() \
             AND table_name = ? AND index_name = 'PRIMARY' ORDER BY seq_in_index",
        )
        .await?,
        unique: names(
            "SELECT DISTINCT index_name FROM information_schema.statistics \
             WHERE table_schema = DATABASE() AND table_name = ? AND non_unique = 0 \
             AND index_name <> 'PRIMARY' ORDER BY index_name",
        )
        .await?,
        foreign_keys: foreign_keys(database, table).await?,
        triggers: names(
            "SELECT trigger_name FROM information_schema.triggers \
             WHERE event_object_schema = DATABASE() AND event_object_table = ? \
             ORDER BY trigger_name",
        )
        .await?,
        odd: Vec::new(),
    };
    let cut = names(
        "SELECT column_name FROM information_schema.statistics WHERE table_schema = DATABASE() \
         AND table_name = ? AND index_name = 'PRIMARY' AND sub_part IS NOT NULL",
    )
    .await?;
    if !cut.is_empty() {
        facts.odd.push((
            "its primary key holds only the beginning of a column, so that two rows would be one",
            "make the primary key of whole columns",
        ));
    }
    let engines = names(
        "SELECT CONCAT(table_type, ' ', COALESCE(engine, '')) FROM information_schema.tables \
         WHERE table_schema = DATABASE() AND table_name = ?",
    )
    .await?;
    match engines.first().map(String::as_str) {
        Some("BASE TABLE InnoDB") => {}
        Some(other) if other.starts_with("BASE TABLE") => facts.odd.push((
            "its engine has no transactions",
            "run ALTER TABLE … ENGINE = InnoDB",
        )),
        _ => facts.odd.push((
            "is no plain table",
            "make a table as `fieldseal schema` prints it",
        )),
    }
    Ok(Some(facts))
}

async fn foreign_keys(database: &Database, table: &str) -> Result<Vec<String>, DbError> {
    names(
        database,
        "SELECT DISTINCT CONCAT(constraint_name, ' of ', table_name) AS name \
         FROM information_schema.key_column_usage WHERE referenced_table_name IS NOT NULL \
         AND ((table_schema = DATABASE() AND table_name = ?) \
         OR (referenced_table_schema = DATABASE() AND referenced_table_name = ?)) ORDER BY name",
        &[Bind::from(table), Bind::from(table)],
    )
    .await
}

/// The columns of a table in `schema`, or in the connection's own; none when it is not there.
pub(crate) async fn columns(
    database: &Database,
    schema: Option<&str>,
    table: &str,
) -> Result<Vec<ColumnFacts>, DbError> {
    let rows = database
        .query(
            "SELECT column_name, column_type, is_nullable, character_set_name, collation_name, \
             extra, column_default FROM information_schema.columns \
             WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? \
             ORDER BY ordinal_position",
            &[Bind::from(schema), Bind::from(table)],
        )
        .await?;
    rows.iter().map(column).collect()
}

fn column(row: &Row) -> Result<ColumnFacts, DbError> {
    let declared = row.text(1)?;
    let charset = row.opt_text(3)?;
    let collation = row.opt_text(4)?;
    let extra = row.text(5)?.to_ascii_lowercase();
    let numbered = extra.contains("auto_increment");
    let ty = mysql_type::parse(&declared, charset.as_deref());
    let choice = matches!(ty, Ok(fieldseal_pipeline::TargetType::Choice { .. }));
    let refused = if extra.contains("on update") {
        Some("ON UPDATE CURRENT_TIMESTAMP would change it; leave that out until the cutover")
    } else {
        None
    };
    Ok(ColumnFacts {
        nullable: row.text(2)? == "YES",
        // MariaDB spells a default of NULL out.
        default: row.opt_text(6)?.filter(|default| default != "NULL"),
        generated: extra.contains("virtual generated") || extra.contains("stored generated"),
        numbered,
        compares_as_bytes: collation.is_none_or(|name| AS_BYTES.contains(&name.as_str())),
        lacks_characters: !choice && charset.is_some_and(|name| name != "utf8mb4"),
        fixed_bytes: declared.starts_with("binary"),
        refused,
        ..ColumnFacts::plain(row.text(0)?, declared, ty)
    })
}

async fn names(
    database: &Database,
    sql: impl Into<Sql>,
    binds: &[Bind<'_>],
) -> Result<Vec<String>, DbError> {
    database
        .query(sql, binds)
        .await?
        .iter()
        .map(|row| row.text(0))
        .collect()
}
