//! Four shards of DMS records as files. Owns which shard a record goes to, its spelling, and the
//! gathering of what was planted.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use fieldseal_dms::{
    ColumnDef, ControlOperation, ControlRecord, Encoder, PartitionKey, RowRecord, Spelling,
    TableDef, Transaction, Wire,
};
use fieldseal_model::{Kind, Operation};

use super::journal::Order;
use crate::DemoError;
use crate::needles::Needles;
use crate::rng::Rng;
use crate::shop::{Cell, Fate, KEY, SCHEMA, Table};

const TASK: &str = "DZ6YKQ3RTEXAMPLETASK4XN5SM";

/// Every file with DMS's spelling in it.
const SHARDS: [(&str, Spelling); 4] = [
    ("shard-0.jsonl", Spelling::Compact),
    ("shard-1.jsonl", Spelling::Compact),
    ("shard-2.json", Spelling::Pretty),
    ("shard-3.json", Spelling::Pretty),
];

/// A record of a transaction that DMS may send again after it was restarted.
const REPEATABLE: usize = 20;

pub(super) struct Stream {
    shards: Vec<Shard>,
    recent: Vec<(usize, Vec<u8>)>,
    needles: Needles,
    records: u64,
}

struct Shard {
    path: PathBuf,
    file: BufWriter<File>,
    encoder: Encoder,
}

/// One row record to come.
pub(super) struct Event<'a> {
    pub(super) operation: Operation,
    pub(super) table: Table,
    pub(super) id: u64,
    pub(super) row: &'a [Cell],
    /// The row before an update, with its key.
    pub(super) before: Option<(u64, &'a [Cell])>,
    pub(super) flaw: Flaw,
}

/// What is wrong with a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// It ends too soon.
    CutOff,
    /// It has a column that no policy lists, with this value.
    Unlisted(&'static str),
}

impl Stream {
    pub(super) fn create(dir: &Path) -> Result<Self, DemoError> {
        fs::create_dir_all(dir).map_err(DemoError::io("make", dir))?;
        let mut shards = Vec::new();
        for (name, spelling) in SHARDS {
            let path = dir.join(name);
            let file = File::create(&path).map_err(DemoError::io("write", &path))?;
            shards.push(Shard {
                path,
                file: BufWriter::new(file),
                encoder: Encoder::new(spelling),
            });
        }
        Ok(Self {
            shards,
            recent: Vec::new(),
            needles: Needles::default(),
            records: 0,
        })
    }

    /// `drop-table` and `create-table`, which DMS sends before it loads a table.
    pub(super) fn announce(&mut self, table: Table, stamps: [&str; 2]) -> Result<(), DemoError> {
        let mut columns = vec![definition(KEY, "INT64", false)];
        columns.extend(
            table
                .columns()
                .iter()
                .map(|c| definition(c.name, c.dms_type, true)),
        );
        let create = TableDef {
            columns: &columns,
            primary_key: &[KEY],
            collation: None,
        };
        let shard = shard_of(&format!("{TASK}.{SCHEMA}.{}", table.name()));
        for (operation, definition, timestamp) in [
            (ControlOperation::DropTable, None, stamps[0]),
            (ControlOperation::CreateTable, Some(create), stamps[1]),
        ] {
            let bytes = self.shards[shard].encoder.control(&ControlRecord {
                operation,
                schema: SCHEMA,
                table: table.name(),
                timestamp,
                task: TASK,
                definition,
            });
            self.write(shard, &bytes)?;
        }
        Ok(())
    }

    /// One row record; a load has no order.
    pub(super) fn row(
        &mut self,
        event: &Event<'_>,
        stamp: &str,
        order: Option<&Order>,
    ) -> Result<(), DemoError> {
        let key = event.id.to_string();
        let (partition_key, shard) = route(event, &key);
        let texts = wire_texts(event.table, event.row);
        let mut data = wire(event.table, &key, event.row, &texts);
        if let Flaw::Unlisted(value) = event.flaw {
            data.push(("passport_no", Wire::Text(value)));
            self.needles.plant(value);
        }
        self.plant(event.table, event.row);
        let old_key = event
            .before
            .map(|(id, _)| id.to_string())
            .unwrap_or_default();
        let old_texts = event
            .before
            .map(|(_, row)| wire_texts(event.table, row))
            .unwrap_or_default();
        let before = event.before.map(|(_, row)| match event.table {
            // `ColumnFilter`: all for customers, pk-only for orders.
            Table::Customers => {
                self.plant(event.table, row);
                wire(event.table, &old_key, row, &old_texts)
            }
            Table::Orders => vec![(KEY, Wire::Number(&old_key))],
        });
        let mut bytes = self.shards[shard].encoder.row(&RowRecord {
            operation: event.operation,
            schema: SCHEMA,
            table: event.table.name(),
            timestamp: stamp,
            partition_key,
            transaction: order.map(|order| Transaction {
                id: order.id,
                record: order.record,
                previous: order.previous,
                commit_timestamp: &order.committed,
                stream_position: &order.stream_position,
            }),
            data: &data,
            before: before.as_deref(),
        });
        match event.flaw {
            // Cut inside the metadata: everything planted stays in the file.
            Flaw::CutOff => {
                let newline = bytes.ends_with(b"\n");
                bytes.truncate(bytes.len() - 12);
                bytes.extend_from_slice(if newline { b"\n" } else { b"" });
            }
            Flaw::None if order.is_some() => {
                if self.recent.len() == REPEATABLE {
                    self.recent.remove(0);
                }
                self.recent.push((shard, bytes.clone()));
            }
            Flaw::None | Flaw::Unlisted(_) => {}
        }
        self.write(shard, &bytes)
    }

    /// The last changes once more, as after a restart of the task.
    pub(super) fn repeat(&mut self) -> Result<(), DemoError> {
        for (shard, bytes) in std::mem::take(&mut self.recent) {
            self.write(shard, &bytes)?;
        }
        Ok(())
    }

    /// From now on no change so far may be sent again: it would stand in an older binlog file
    /// than what its shard has seen, which is how a source that was set back looks.
    pub(super) fn forget(&mut self) {
        self.recent.clear();
    }

    pub(super) fn end(self) -> Result<(Needles, u64), DemoError> {
        for mut shard in self.shards {
            shard
                .file
                .flush()
                .map_err(DemoError::io("write", shard.path))?;
        }
        Ok((self.needles, self.records))
    }

    fn plant(&mut self, table: Table, row: &[Cell]) {
        for (column, cell) in table.columns().iter().zip(row) {
            if let (Fate::Sealed | Fate::Dropped, Cell::Text(text) | Cell::Number(text)) =
                (column.fate, cell)
            {
                self.needles.plant(text);
            }
        }
    }

    fn write(&mut self, shard: usize, bytes: &[u8]) -> Result<(), DemoError> {
        self.records += 1;
        let Shard { path, file, .. } = &mut self.shards[shard];
        file.write_all(bytes)
            .map_err(DemoError::io("write", path.as_path()))
    }
}

/// What a row record is partitioned by, and its shard.
fn route<'a>(event: &Event<'_>, key: &'a str) -> (PartitionKey<'a>, usize) {
    let name = event.table.name();
    match (event.table, event.operation) {
        (Table::Orders, Operation::Insert | Operation::Update | Operation::Delete) => {
            let shard = shard_of(&format!("{SCHEMA}.{name}"));
            (PartitionKey::SchemaTable, shard)
        }
        (Table::Customers, _) | (Table::Orders, Operation::Load) => {
            let shard = shard_of(&format!("{SCHEMA}.{name}.{key}"));
            (PartitionKey::PrimaryKey(key), shard)
        }
    }
}

/// The shard of a partition value: FNV-1a and a mixing step, where Kinesis takes MD5.
fn shard_of(partition: &str) -> usize {
    let hash = partition
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let shard = Rng::new(hash).below(SHARDS.len() as u64);
    usize::try_from(shard).unwrap_or_default()
}

const fn definition<'a>(name: &'a str, ty: &'a str, nullable: bool) -> ColumnDef<'a> {
    ColumnDef {
        name,
        ty,
        length: None,
        nullable,
    }
}

/// What DMS makes of a cell where that is not the cell itself: a DATETIME gets a `Z` that is not
/// true.
fn wire_texts(table: Table, row: &[Cell]) -> Vec<Option<String>> {
    let text = |(column, cell): (&crate::shop::Column, &Cell)| match cell {
        Cell::Text(text) if column.kind == Kind::DateTime => Some(format!("{text}Z")),
        _ => None,
    };
    table.columns().iter().zip(row).map(text).collect()
}

fn wire<'a>(
    table: Table,
    key: &'a str,
    row: &'a [Cell],
    texts: &'a [Option<String>],
) -> Vec<(&'static str, Wire<'a>)> {
    let mut cells = vec![(KEY, Wire::Number(key))];
    for ((column, cell), text) in table.columns().iter().zip(row).zip(texts) {
        let wire = match (cell, text) {
            (_, Some(text)) => Wire::Text(text),
            (Cell::Null, _) => Wire::Null,
            (Cell::Text(text), _) => Wire::Text(text),
            (Cell::Number(digits), _) => Wire::Number(digits),
        };
        cells.push((column.name, wire));
    }
    cells
}
