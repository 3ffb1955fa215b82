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

/// COPY data, in the binary format (PostgreSQL documentation, COPY, "Binary Format").
pub(super) struct Ready {
    bulk: Vec<Vec<u8>>,
    staged: Vec<Vec<u8>>,
}

const CREATE: &str = "CREATE TEMPORARY TABLE IF NOT EXISTS staging (ordinal bigint, version bytea, \
    c0 bigint, c1 bytea, c2 bytea, c3 bytea, c4 bytea, c5 bytea, c6 bytea, c7 text, c8 text, \
    c9 bigint, c10 bigint, c11 text) ON COMMIT DELETE ROWS";

/// As `crates/store/src/rows/merge.rs` spells it for this table.
const MERGE: &str = "WITH merged AS (INSERT INTO customers (id, full_name, birth_date, email, \
    phone, address, notes, status, country, visits, credit, created_at, _fieldseal_version) \
    SELECT CAST(c0 AS bigint), c1, c2, c3, c4, c5, c6, CAST(c7 AS text), CAST(c8 AS text), \
    CAST(c9 AS bigint), CAST(c10 AS bigint), CAST(c11 AS timestamp(6)), version FROM staging \
    ORDER BY ordinal ON CONFLICT (id) DO UPDATE SET full_name = EXCLUDED.full_name, \
    birth_date = EXCLUDED.birth_date, email = EXCLUDED.email, phone = EXCLUDED.phone, \
    address = EXCLUDED.address, notes = EXCLUDED.notes, status = EXCLUDED.status, \
    country = EXCLUDED.country, visits = EXCLUDED.visits, credit = EXCLUDED.credit, \
    created_at = EXCLUDED.created_at, _fieldseal_version = EXCLUDED._fieldseal_version \
    WHERE customers._fieldseal_version < EXCLUDED._fieldseal_version RETURNING id) \
    SELECT ordinal FROM staging WHERE NOT EXISTS \
    (SELECT FROM merged WHERE merged.id = CAST(c0 AS bigint))";

const COPY_BULK: &str = "COPY customers (id, full_name, birth_date, email, phone, address, notes, \
    status, country, visits, credit, created_at, _fieldseal_version) FROM STDIN (FORMAT binary)";

impl Ceilings for Ready {
    fn ready(batches: Vec<Vec<ReadyRow>>, _: &Scratch) -> Result<Self, Failure> {
        let staged = batches.iter().map(|rows| staged(rows)).collect();
        let rows: Vec<ReadyRow> = batches.into_iter().flatten().collect();
        let bulk = rows.chunks(BULK).map(bulk).collect::<Result<_, _>>()?;
        Ok(Self { bulk, staged })
    }

    fn steps(&self, way: Way) -> usize {
        match way {
            Way::Bulk => self.bulk.len(),
            _ => self.staged.len(),
        }
    }

    async fn step(&self, way: Way, number: usize, database: &Database) -> Result<(), Failure> {
        let done = async {
            let mut tx = database.begin().await?;
            match way {
                Way::Bulk => drop(tx.copy_in(COPY_BULK, &self.bulk[number]).await?),
                _ => merge(&mut tx, &self.staged[number]).await?,
            }
            tx.commit().await
        };
        done.await.map_err(|error| Failure::of("a ceiling", &error))
    }
}

async fn merge(tx: &mut Transaction, staged: &[u8]) -> Result<(), DbError> {
    tx.execute(CREATE, &[]).await?;
    tx.copy_in("COPY staging FROM STDIN (FORMAT binary)", staged)
        .await?;
    tx.query(MERGE, &[] as &[Bind<'_>]).await.map(drop)
}

fn staged(rows: &[ReadyRow]) -> Vec<u8> {
    copy(rows, 14, |ordinal, row, out| {
        field(out, &(ordinal as u64).to_be_bytes());
        field(out, &row.version);
        for value in &row.values {
            bound(out, value);
        }
    })
}

fn bulk(rows: &[ReadyRow]) -> Result<Vec<u8>, Failure> {
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
    rows: &[ReadyRow],
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
