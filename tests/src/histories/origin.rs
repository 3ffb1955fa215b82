//! The source database: a few rows and a log with positions. Owns what is true at each moment;
//! knows no record, no shard and no version.

use std::collections::BTreeMap;

use super::rng::Rng;

/// Keys are 1 to this many: few, so that histories meet.
pub(super) const KEYS: u32 = 5;

/// How many tables there are.
pub(super) const TABLES: usize = 2;

/// The cells of a row. Every content is unique, so that any mix-up shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) secret: Option<String>,
    pub(super) note: i64,
}

pub(super) type Rows = BTreeMap<u32, Content>;

/// What a statement did to one row.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Insert {
        key: u32,
        new: Content,
    },
    Update {
        key: u32,
        old: Content,
        new: Content,
    },
    Move {
        from: u32,
        to: u32,
        new: Content,
    },
    Delete {
        key: u32,
        old: Content,
    },
}

/// One entry of the log.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    pub(super) table: usize,
    pub(super) position: u64,
    pub(super) record: u32,
    pub(super) edit: Edit,
}

pub(super) struct Origin {
    pub(super) tables: Vec<Rows>,
    file: u32,
    offset: u32,
    serial: i64,
}

impl Origin {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            tables: vec![Rows::new(); TABLES],
            file: rng.between(1, 9),
            offset: rng.between(4, 200),
            serial: 0,
        }
    }

    /// The end of the log: everything before it is done, everything later stands at or behind it.
    pub(super) fn position(&self) -> u64 {
        (u64::from(self.file) << 32) | u64::from(self.offset)
    }

    pub(super) fn rotate(&mut self) {
        self.file += 1;
        self.offset = 4;
    }

    /// A commit that changes no row of ours.
    pub(super) fn heartbeat(&mut self, rng: &mut Rng) {
        self.offset += rng.between(1, 30);
    }

    /// Another server, or a reset one: positions count from elsewhere, often from below.
    pub(super) fn begin_lineage(&mut self, rng: &mut Rng) {
        self.file = rng.between(1, self.file + 1);
        self.offset = rng.between(4, 200);
    }

    /// One transaction of one to three statements.
    pub(super) fn transact(&mut self, rng: &mut Rng) -> Vec<Logged> {
        // Nothing lies between two transactions as often as something.
        if rng.once_in(2) {
            self.offset += rng.between(1, 50);
        }
        let position = self.position();
        let mut logged = Vec::new();
        let mut record = 0;
        for _ in 0..rng.between(1, 3) {
            let table = rng.below(TABLES);
            if let Some(edit) = self.edit(rng, table) {
                record += rng.between(1, 2);
                logged.push(Logged {
                    table,
                    position,
                    record,
                    edit,
                });
            }
        }
        self.offset += rng.between(10, 60);
        logged
    }

    fn edit(&mut self, rng: &mut Rng, table: usize) -> Option<Edit> {
        let new = self.content(rng);
        let rows = &mut self.tables[table];
        let key = rng.between(1, KEYS);
        let Some(old) = rows.get(&key).cloned() else {
            rows.insert(key, new.clone());
            return Some(Edit::Insert { key, new });
        };
        match rng.below(5) {
            0 | 1 => {
                rows.remove(&key);
                Some(Edit::Delete { key, old })
            }
            2 => {
                let to = (1..=KEYS).find(|to| !rows.contains_key(to))?;
                rows.remove(&key);
                rows.insert(to, new.clone());
                Some(Edit::Move { from: key, to, new })
            }
            _ => {
                rows.insert(key, new.clone());
                Some(Edit::Update { key, old, new })
            }
        }
    }

    fn content(&mut self, rng: &mut Rng) -> Content {
        self.serial += 1;
        Content {
            secret: (!rng.once_in(6)).then(|| format!("content {}", self.serial)),
            note: self.serial,
        }
    }
}
