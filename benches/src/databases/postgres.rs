//! PostgreSQL's ceilings: COPY straight into the table, and the guarded merge of the store.

use fieldseal_db::{Bind, Database, DbError, Transaction};
use fieldseal_pipeline::Bound;

use super::{Ceilings, Scratch, Way};
use crate::null::ReadyRow;
use crate::report::Failure;

/// Rows of one COPY of the bulk path.
const BULK: usize = 50_000;

/// The column of type timestamp, whose binary form differs from the staged text.
const CREATED_AT: usize = 11;

/// COPY data, in the binary format (PostgreSQL documentation, COPY, "Binary Format"), and the rows
/// of each batch for the guarded statement.
pub(super) struct Ready {
    bulk: Vec<Vec<u8>>,
    batches: Vec<Vec<ReadyRow>>,
}

/// As `crates/store/src/rows/merge.rs` spells it for this table.
const MERGE: &str = "INSERT INTO customers (id, full_name, birth_date, email, phone, address, \
    notes, status, country, visits, credit, created_at, _fieldseal_version) \
    SELECT CAST(b.c0 AS bigint), b.c1, b.c2, b.c3, b.c4, b.c5, b.c6, CAST(b.c7 AS text), \
    CAST(b.c8 AS text), CAST(b.c9 AS bigint), CAST(b.c10 AS bigint), \
    CAST(b.c11 AS timestamp(6)), b.version \
    FROM UNNEST(CAST(? AS bytea[]), CAST(? AS bigint[]), CAST(? AS bytea[]), CAST(? AS bytea[]), \
    CAST(? AS bytea[]), CAST(? AS bytea[]), CAST(? AS bytea[]), CAST(? AS bytea[]), \
    CAST(? AS text[]), CAST(? AS text[]), CAST(? AS bigint[]), CAST(? AS bigint[]), \
    CAST(? AS text[])) WITH ORDINALITY AS b (version, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, \
    c10, c11, ordinal) ORDER BY b.ordinal \
    ON CONFLICT (id) DO UPDATE SET full_name = EXCLUDED.full_name, \
    birth_date = EXCLUDED.birth_date, email = EXCLUDED.email, phone = EXCLUDED.phone, \
    address = EXCLUDED.address, notes = EXCLUDED.notes, status = EXCLUDED.status, \
    country = EXCLUDED.country, visits = EXCLUDED.visits, credit = EXCLUDED.credit, \
    created_at = EXCLUDED.created_at, _fieldseal_version = EXCLUDED._fieldseal_version \
    WHERE customers._fieldseal_version < EXCLUDED._fieldseal_version";

const COPY_BULK: &str = "COPY customers (id, full_name, birth_date, email, phone, address, notes, \
    status, country, visits, credit, created_at, _fieldseal_version) FROM STDIN (FORMAT binary)";

impl Ceilings for Ready {
    fn ready(batches: Vec<Vec<ReadyRow>>, _: &Scratch) -> Result<Self, Failure> {
        let bulk = bulk_parts(&batches)?;
        Ok(Self { bulk, batches })
    }

    fn steps(&self, way: Way) -> usize {
        match way {
            Way::Bulk => self.bulk.len(),
            _ => self.batches.len(),
        }
    }

    async fn step(&self, way: Way, number: usize, database: &Database) -> Result<(), Failure> {
        let done = async {
            let mut tx = database.begin().await?;
            match way {
                Way::Bulk => drop(tx.copy_in(COPY_BULK, &self.bulk[number]).await?),
                _ => merge(&mut tx, &self.batches[number]).await?,
            }
            tx.commit().await
        };
        done.await.map_err(|error| Failure::of("a ceiling", &error))
    }
}

/// Arrays of what is there already: pointers are all that is made here.
async fn merge(tx: &mut Transaction, rows: &[ReadyRow]) -> Result<(), DbError> {
    let versions: Vec<Option<&[u8]>> = rows
        .iter()
        .map(|row| Some(row.version.as_slice()))
        .collect();
    let ints = |column: usize| -> Vec<Option<i64>> {
        rows.iter()
            .map(|row| match &row.values[column] {
                Bound::Int(number) => Some(*number),
                _ => None,
            })
            .collect()
    };
    let texts = |column: usize| -> Vec<Option<&str>> {
        rows.iter()
            .map(|row| match &row.values[column] {
                Bound::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    };
    let bytes = |column: usize| -> Vec<Option<&[u8]>> {
        rows.iter()
            .map(|row| match &row.values[column] {
                Bound::Bytes(bytes) => Some(bytes.as_ref()),
                _ => None,
            })
            .collect()
    };
    let (id, visits, credit) = (ints(0), ints(9), ints(10));
    let sealed: Vec<Vec<Option<&[u8]>>> = (1..=6).map(bytes).collect();
    let (status, country, created_at) = (texts(7), texts(8), texts(CREATED_AT));
    let mut binds = vec![Bind::ByteStrings(&versions), Bind::Ints(&id)];
    binds.extend(sealed.iter().map(|column| Bind::ByteStrings(column)));
    binds.extend([Bind::Texts(&status), Bind::Texts(&country)]);
    binds.extend([
        Bind::Ints(&visits),
        Bind::Ints(&credit),
        Bind::Texts(&created_at),
    ]);
    tx.execute(MERGE, &binds).await.map(drop)
}

/// The rows of all batches in parts of the bulk path's size.
fn bulk_parts(batches: &[Vec<ReadyRow>]) -> Result<Vec<Vec<u8>>, Failure> {
    let rows: Vec<&ReadyRow> = batches.iter().flatten().collect();
    rows.chunks(BULK).map(bulk).collect()
}

fn bulk(rows: &[&ReadyRow]) -> Result<Vec<u8>, Failure> {
    let mut odd = false;
    let data = copy(rows, 13, |_, row, out| {
        for (number, value) in row.values.iter().enumerate() {
            match value {
                Bound::Text(text) if number == CREATED_AT => {
                    let micros = timestamp(text);
                    odd |= micros.is_none();
                    field(out, &micros.unwrap_or_default().to_be_bytes());
                }
                value => bound(out, value),
            }
        }
        field(out, &row.version);
    });
    if odd {
        return Err(Failure(
            "a timestamp of the workload has another form".to_owned(),
        ));
    }
    Ok(data)
}

fn copy(
    rows: &[&ReadyRow],
    fields: i16,
    mut write: impl FnMut(usize, &ReadyRow, &mut Vec<u8>),
) -> Vec<u8> {
    let mut out = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for (ordinal, row) in rows.iter().enumerate() {
        out.extend_from_slice(&fields.to_be_bytes());
        write(ordinal, row, &mut out);
    }
    out.extend_from_slice(&(-1_i16).to_be_bytes());
    out
}

fn bound(out: &mut Vec<u8>, bound: &Bound) {
    match bound {
        Bound::Null => out.extend_from_slice(&(-1_i32).to_be_bytes()),
        Bound::Int(number) => field(out, &number.to_be_bytes()),
        Bound::Unsigned(number) => field(out, number.to_string().as_bytes()),
        Bound::Text(text) => field(out, text.as_bytes()),
        Bound::Bytes(bytes) => field(out, bytes),
    }
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// `2024-MM-DD HH:MM:SS.ffffff` in microseconds since 2000-01-01.
fn timestamp(text: &str) -> Option<i64> {
    const BEFORE: [i64; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];
    // 2000 to 2023, of which six are leap years.
    const DAYS_TO_2024: i64 = 24 * 365 + 6;
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    if !text.starts_with("2024-") {
        return None;
    }
    let month = usize::try_from(number(5..7)?).ok()?;
    let days = DAYS_TO_2024 + BEFORE.get(month.checked_sub(1)?)? + number(8..10)? - 1;
    let seconds = ((days * 24 + number(11..13)?) * 60 + number(14..16)?) * 60 + number(17..19)?;
    let fraction = text.get(20..).unwrap_or_default();
    let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
    Some(seconds * 1_000_000 + micros)
}
