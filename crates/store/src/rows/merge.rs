//! Writing rows on PostgreSQL: COPY into a temporary table, then one guarded merge. Owns the
//! staging table and the binary COPY format (PostgreSQL documentation, COPY, "Binary Format").

use fieldseal_db::{Bind, DbError, Dialect, Sql, Transaction, quote};
use fieldseal_pipeline::{Bound, RowChange, SealedRow, TargetType};

use crate::table::{TargetTable, version_column};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Merges rows; answers for each whether a newer or equal version was stored already.
pub(super) async fn merge(
    tx: &mut Transaction,
    table: &TargetTable,
    rows: &[&SealedRow],
) -> Result<Vec<bool>, DbError> {
    let staging = quote(
        Dialect::Postgres,
        &format!("fieldseal_staging_{}", table.number),
    );
    tx.execute(create(table, &staging), &[]).await?;
    let data = encode(rows)?;
    tx.copy_in(
        Sql::dynamic(format!("COPY {staging} FROM STDIN (FORMAT binary)")),
        &data,
    )
    .await?;
    let mut lost = vec![false; rows.len()];
    for row in tx
        .query(statement(table, &staging), &[] as &[Bind<'_>])
        .await?
    {
        let ordinal = usize::try_from(row.int(0)?).map_err(|_| DbError::unexpected())?;
        *lost.get_mut(ordinal).ok_or(DbError::unexpected())? = true;
    }
    Ok(lost)
}

/// How a column is staged: integers and bytes as they are, everything else as the text that the
/// server's own input function reads exactly.
fn staged_type(ty: &TargetType) -> &'static str {
    match ty {
        TargetType::Integer { .. } => "bigint",
        TargetType::Bytes { .. } => "bytea",
        _ => "text",
    }
}

fn create(table: &TargetTable, staging: &str) -> Sql {
    let mut columns = vec!["ordinal bigint".to_owned(), "version bytea".to_owned()];
    for (number, column) in table.columns.iter().enumerate() {
        columns.push(format!("c{number} {}", staged_type(&column.ty)));
    }
    Sql::dynamic(format!(
        "CREATE TEMPORARY TABLE IF NOT EXISTS {staging} ({}) ON COMMIT DELETE ROWS",
        columns.join(", ")
    ))
}

/// One statement writes and answers who lost. The guard is in the conflict clause, which sees
/// the row as it is when its lock is held.
fn statement(table: &TargetTable, staging: &str) -> Sql {
    let dialect = Dialect::Postgres;
    let (name, version) = (table.name(dialect), version_column(dialect));
    let columns = table.quoted_columns(dialect);
    let keys = table.quoted_keys(dialect);
    let cast = |number: usize| match table.columns[number].ty {
        TargetType::Bytes { .. } => format!("c{number}"),
        _ => format!("CAST(c{number} AS {})", table.casts[number]),
    };
    let values: Vec<String> = (0..columns.len()).map(cast).collect();
    let set: Vec<String> = columns[keys.len()..]
        .iter()
        .chain([&version])
        .map(|column| format!("{column} = EXCLUDED.{column}"))
        .collect();
    let matched: Vec<String> = keys
        .iter()
        .enumerate()
        .map(|(number, key)| format!("merged.{key} = {}", cast(number)))
        .collect();
    Sql::dynamic(format!(
        "WITH merged AS (INSERT INTO {name} ({columns}, {version}) \
         SELECT {values}, version FROM {staging} ORDER BY ordinal \
         ON CONFLICT ({keys}) DO UPDATE SET {set} WHERE {name}.{version} < EXCLUDED.{version} \
         RETURNING {keys}) \
         SELECT ordinal FROM {staging} WHERE NOT EXISTS (SELECT FROM merged WHERE {matched})",
        columns = columns.join(", "),
        values = values.join(", "),
        keys = keys.join(", "),
        set = set.join(", "),
        matched = matched.join(" AND "),
    ))
}

fn encode(rows: &[&SealedRow]) -> Result<Vec<u8>, DbError> {
    let mut out = Vec::with_capacity(rows.len() * 512);
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&[0; 8]);
    for (ordinal, row) in rows.iter().enumerate() {
        let RowChange::Upsert(values) = row.change() else {
            return Err(DbError::unexpected());
        };
        let fields = 2 + row.key_columns().len() + values.len();
        let fields = i16::try_from(fields).map_err(|_| DbError::unexpected())?;
        out.extend_from_slice(&fields.to_be_bytes());
        field(&mut out, &(ordinal as u64).to_be_bytes())?;
        field(&mut out, row.version().as_bytes())?;
        for bound in row.key_columns().iter().chain(values) {
            match bound {
                Bound::Null => out.extend_from_slice(&(-1_i32).to_be_bytes()),
                Bound::Int(number) => field(&mut out, &number.to_be_bytes())?,
                Bound::Unsigned(number) => field(&mut out, number.to_string().as_bytes())?,
                Bound::Text(text) => field(&mut out, text.as_bytes())?,
                Bound::Bytes(bytes) => field(&mut out, bytes)?,
            }
        }
    }
    out.extend_from_slice(&(-1_i16).to_be_bytes());
    Ok(out)
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), DbError> {
    let length = i32::try_from(bytes.len()).map_err(|_| DbError::unexpected())?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}
