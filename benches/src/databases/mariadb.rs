//! MariaDB's ceilings: LOAD DATA, a plain multi-row INSERT, and the guarded INSERT of the store.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use fieldseal_db::{Bind, Database, DbError, Sql};
use fieldseal_pipeline::Bound;
use tempfile::TempDir;

use super::{Ceilings, Scratch, Way};
use crate::null::ReadyRow;
use crate::report::Failure;

/// Rows of one file of the bulk path, and of one statement of the others.
const BULK: usize = 50_000;
const STATEMENT: usize = 500;

const COLUMNS: [&str; 13] = [
    "id",
    "full_name",
    "birth_date",
    "email",
    "phone",
    "address",
    "notes",
    "status",
    "country",
    "visits",
    "credit",
    "created_at",
    "_fieldseal_version",
];

/// Rows as parameters, and as files that the server reads.
pub(super) struct Ready {
    batches: Vec<Vec<ReadyRow>>,
    folder: TempDir,
    files: usize,
}

impl Ceilings for Ready {
    fn ready(batches: Vec<Vec<ReadyRow>>, _: &Scratch) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        // The server runs under an account of its own.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let rows: Vec<&ReadyRow> = batches.iter().flatten().collect();
        let mut files = 0;
        for chunk in rows.chunks(BULK) {
            let mut text = Vec::new();
            for row in chunk {
                line(row, &mut text);
            }
            fs::write(folder.path().join(files.to_string()), text)?;
            files += 1;
        }
        Ok(Self {
            batches,
            folder,
            files,
        })
    }

    fn steps(&self, way: Way) -> usize {
        match way {
            Way::Bulk => self.files,
            _ => self.batches.len(),
        }
    }

    async fn step(&self, way: Way, number: usize, database: &Database) -> Result<(), Failure> {
        let done = match way {
            Way::Bulk => self.load_data(number, database).await,
            _ => insert(database, &self.batches[number], way == Way::Guarded).await,
        };
        done.map_err(|error| Failure::of("a ceiling", &error))
    }
}

impl Ready {
    async fn load_data(&self, number: usize, database: &Database) -> Result<(), DbError> {
        let file = self.folder.path().join(number.to_string());
        let sql = format!(
            "LOAD DATA INFILE '{}' INTO TABLE customers CHARACTER SET binary ({})",
            file.display(),
            COLUMNS.join(",")
        );
        database.execute_script(Sql::dynamic(sql)).await
    }
}

async fn insert(database: &Database, rows: &[ReadyRow], guarded: bool) -> Result<(), DbError> {
    let mut tx = database.begin().await?;
    for chunk in rows.chunks(STATEMENT) {
        let mut binds = Vec::with_capacity(chunk.len() * COLUMNS.len());
        for row in chunk {
            binds.extend(row.values.iter().map(bind));
            binds.push(Bind::from(&row.version));
        }
        tx.execute(statement(chunk.len(), guarded), &binds).await?;
    }
    tx.commit().await
}

/// As `crates/store/src/rows/upsert.rs` spells it for this table.
fn statement(rows: usize, guarded: bool) -> Sql {
    let tuple = format!("({})", ["?"; COLUMNS.len()].join(","));
    let mut sql = format!(
        "INSERT INTO customers ({}) VALUES {}",
        COLUMNS.join(","),
        vec![tuple; rows].join(",")
    );
    if guarded {
        let newer = "_fieldseal_version < VALUES(_fieldseal_version)";
        let set: Vec<String> = COLUMNS[1..]
            .iter()
            .map(|column| format!("{column} = IF({newer}, VALUES({column}), {column})"))
            .collect();
        // Writing to a String does not fail.
        let _ = write!(sql, " ON DUPLICATE KEY UPDATE {}", set.join(", "));
    }
    Sql::dynamic(sql)
}

fn bind(bound: &Bound) -> Bind<'_> {
    match bound {
        Bound::Null => Bind::Text(None),
        Bound::Int(number) => Bind::from(*number),
        Bound::Unsigned(number) => Bind::Unsigned(*number),
        Bound::Text(text) => Bind::from(text.as_str()),
        Bound::Bytes(bytes) => Bind::from(bytes.as_ref()),
    }
}

/// LOAD DATA's default form: tabs between, `\` before what would be read otherwise.
fn line(row: &ReadyRow, out: &mut Vec<u8>) {
    for value in &row.values {
        match value {
            Bound::Null => out.extend_from_slice(b"\\N"),
            Bound::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Bound::Unsigned(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Bound::Text(text) => escaped(text.as_bytes(), out),
            Bound::Bytes(bytes) => escaped(bytes, out),
        }
        out.push(b'\t');
    }
    escaped(&row.version, out);
    out.push(b'\n');
}

fn escaped(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            0 => out.extend_from_slice(b"\\0"),
            b'\t' | b'\n' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            byte => out.push(*byte),
        }
    }
}
