//! What stands in for DMS: it captures the log, loads tables, and puts records on shards, late,
//! twice and out of order. Owns the outbox; the bytes are the `dms` crate's encoder's.

use fieldseal_dms::{
    ControlOperation, ControlRecord, Encoder, PartitionKey, RowRecord, Spelling, Transaction, Wire,
    mysql_stream_position,
};
use fieldseal_model::{Operation, Position};

use super::origin::{Content, Edit, Logged};
use super::rng::Rng;
use super::stream::Stream;

pub(super) const SCHEMA: &str = "shop";
pub(super) const NAMES: [&str; super::origin::TABLES] = ["orders", "clients"];

/// A record on its way to some shard.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) what: What,
    pub(super) table: usize,
    /// A change's place in the log.
    pub(super) position: u64,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Load,
    Control,
    Change,
    Junk,
}

impl Outgoing {
    /// The log file that a shard may not fall behind.
    fn file(&self) -> Option<u32> {
        (self.what == What::Change).then(|| Position(self.position).file())
    }
}

pub(super) struct Task {
    encoder: Encoder,
    /// Microseconds of the replication instance's clock.
    clock: u64,
    /// Made, and not on any shard yet.
    pub(super) outbox: Vec<Outgoing>,
    /// Changes of this lineage that are on a shard: what may come again.
    pub(super) sent: Vec<Outgoing>,
}

impl Task {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let spelling = if rng.once_in(2) {
            Spelling::Compact
        } else {
            Spelling::Pretty
        };
        Self {
            encoder: Encoder::new(spelling),
            clock: 0,
            outbox: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// A new stamp, later than all before.
    pub(super) fn stamp(&mut self) -> String {
        self.clock += 1_700_003;
        let (seconds, micros) = (self.clock / 1_000_000, self.clock % 1_000_000);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!("2026-01-01T{hours:02}:{minutes:02}:{seconds:02}.{micros:06}Z")
    }

    pub(super) fn load(&mut self, rng: &mut Rng, table: usize, key: u32, row: &Content) {
        let stamp = self.stamp();
        let key_text = key.to_string();
        let note = row.note.to_string();
        let partition = PartitionKey::PrimaryKey(&key_text);
        let data = cells(&key_text, row, &note, rng.once_in(25));
        let bytes = self
            .encoder
            .row(&record(Operation::Load, table, &stamp, partition, &data));
        self.outbox.push(Outgoing {
            what: What::Load,
            table,
            position: 0,
            bytes,
        });
    }

    /// The pair with which each load begins.
    pub(super) fn controls(&mut self, table: usize) {
        for operation in [ControlOperation::DropTable, ControlOperation::CreateTable] {
            let timestamp = self.stamp();
            let bytes = self.encoder.control(&ControlRecord {
                operation,
                schema: SCHEMA,
                table: NAMES[table],
                timestamp: &timestamp,
                task: "TASK",
                definition: None,
            });
            self.outbox.push(Outgoing {
                what: What::Control,
                table,
                position: 0,
                bytes,
            });
        }
    }

    /// Bytes that nobody can read.
    pub(super) fn junk(&mut self) {
        let bytes = b"{\"data\": {".to_vec();
        self.outbox.push(Outgoing {
            what: What::Junk,
            table: 0,
            position: 0,
            bytes,
        });
    }

    pub(super) fn change(&mut self, rng: &mut Rng, logged: &Logged) {
        let bytes = self.encode(rng, logged);
        let (table, position) = (logged.table, logged.position);
        self.outbox.push(Outgoing {
            what: What::Change,
            table,
            position,
            bytes,
        });
    }

    fn encode(&mut self, rng: &mut Rng, logged: &Logged) -> Vec<u8> {
        let stamp = self.stamp();
        let position = Position(logged.position);
        let begin = position.offset() + 4;
        let place = mysql_stream_position("mysql-bin", position, begin, begin + 1, begin + 9);
        let transaction = Transaction {
            id: logged.position,
            record: logged.record,
            previous: None,
            commit_timestamp: &stamp,
            stream_position: &place,
        };
        let extra = rng.once_in(15);
        let (operation, key, row) = match &logged.edit {
            Edit::Insert { key, new } => (Operation::Insert, *key, new),
            Edit::Update { key, new, .. } => (Operation::Update, *key, new),
            Edit::Move { to, new, .. } => (Operation::Update, *to, new),
            Edit::Delete { key, old } => (Operation::Delete, *key, old),
        };
        let (key, note) = (key.to_string(), row.note.to_string());
        let data = cells(&key, row, &note, extra);
        let old_key;
        let old_note;
        let before = match &logged.edit {
            Edit::Insert { .. } | Edit::Delete { .. } => None,
            // Nothing of the key changed; the same key as text; the whole old row.
            Edit::Update { old, .. } => Some(match rng.below(3) {
                0 => Vec::new(),
                1 => vec![("id", Wire::Text(&key))],
                _ => {
                    old_note = old.note.to_string();
                    cells(&key, old, &old_note, false)
                }
            }),
            Edit::Move { from, .. } => {
                old_key = from.to_string();
                Some(vec![("id", Wire::Number(&old_key))])
            }
        };
        let mut record = record(
            operation,
            logged.table,
            &stamp,
            PartitionKey::SchemaTable,
            &data,
        );
        record.transaction = Some(transaction);
        record.before = before.as_deref();
        self.encoder.row(&record)
    }

    /// Puts some record of the outbox on some shard. Loads may wait as long as they like, and
    /// changes of one log file may pass each other.
    pub(super) fn send(&mut self, rng: &mut Rng, stream: &Stream) {
        let oldest = self.outbox.iter().filter_map(Outgoing::file).min();
        let may_go = |out: &Outgoing| out.file().is_none() || out.file() == oldest;
        let ready: Vec<usize> = (0..self.outbox.len())
            .filter(|at| may_go(&self.outbox[*at]))
            .collect();
        let front = ready.len().min(3);
        let at = if rng.once_in(4) {
            rng.pick(&ready)
        } else {
            rng.pick(&ready[..front])
        };
        let Some(at) = at else { return };
        let out = self.outbox.remove(at);
        if put(rng, stream, &out) {
            if out.what == What::Change {
                self.sent.push(out);
            } else if out.what != What::Junk && rng.once_in(8) {
                // The stream's client tries again what had arrived already.
                put(rng, stream, &out);
            }
        } else {
            self.outbox.insert(at, out);
        }
    }

    pub(super) fn send_all(&mut self, rng: &mut Rng, stream: &Stream) {
        while !self.outbox.is_empty() {
            self.send(rng, stream);
        }
    }

    /// A change comes again, perhaps on another shard.
    pub(super) fn repeat(&mut self, rng: &mut Rng, stream: &Stream) {
        if self.sent.is_empty() {
            return;
        }
        let again = &self.sent[rng.below(self.sent.len())];
        // What still waits may not find that every shard has gone on to a later file.
        let oldest = self.outbox.iter().filter_map(Outgoing::file).min();
        if oldest.is_none_or(|oldest| again.file() <= Some(oldest)) {
            put(rng, stream, again);
        }
    }

    /// Whether a record that is no change still waits for its shard.
    pub(super) fn owes_load(&self, table: usize) -> bool {
        let of_load = |out: &Outgoing| matches!(out.what, What::Load | What::Control);
        self.outbox
            .iter()
            .any(|out| of_load(out) && out.table == table)
    }
}

fn put(rng: &mut Rng, stream: &Stream, out: &Outgoing) -> bool {
    let mut shards = stream.open_shards();
    let file = out.file();
    shards.retain(|shard| file.is_none_or(|file| stream.takes(*shard, file)));
    let Some(shard) = rng.pick(&shards) else {
        return false;
    };
    let position = file.map(|_| out.position);
    stream.append(shard, 1 + rng.next() % 4, position, out.bytes.clone());
    true
}

fn cells<'a>(
    key: &'a str,
    row: &'a Content,
    note: &'a str,
    extra: bool,
) -> Vec<(&'static str, Wire<'a>)> {
    let secret = row.secret.as_deref().map_or(Wire::Null, Wire::Text);
    let mut cells = vec![
        ("id", Wire::Number(key)),
        ("secret", secret),
        ("note", Wire::Number(note)),
    ];
    if extra {
        // A column that nobody has decided about yet.
        cells.push(("extra", Wire::Text("not in the policy")));
    }
    cells
}

fn record<'a>(
    operation: Operation,
    table: usize,
    timestamp: &'a str,
    partition_key: PartitionKey<'a>,
    data: &'a [(&'a str, Wire<'a>)],
) -> RowRecord<'a> {
    RowRecord {
        operation,
        schema: SCHEMA,
        table: NAMES[table],
        timestamp,
        partition_key,
        transaction: None,
        data,
        before: None,
    }
}
