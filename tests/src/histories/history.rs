//! One history: what the source, the task and the workers do, step by step. Owns what each step
//! means and when it can be taken; what an operator does stands in `operator`.

use std::sync::Arc;

use fieldseal_db::Bind;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{BatchLimits, Progress, RunOptions, StopReason, run};
use tokio::sync::watch;

use super::origin::{Edit, KEYS, Logged, Origin, Rows, TABLES};
use super::rig::Rig;
use super::rng::Rng;
use super::stream::{Stream, name};
use super::task::{Task, What};
use super::worker::{Fault, KILLED};

/// What can happen. A step that makes no sense at its moment does nothing, so that any list of
/// steps is a history and a failing one can be shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Write,
    Rotate,
    Scan,
    Send,
    Repeat,
    Read,
    ReadAll,
    Rewind,
    Stop,
    Resume,
    LoseDeletes,
    Begin,
    BeginEarly,
    Reload,
    RestartLoad,
    StrayLoad,
    Junk,
    Complete,
    Sweep,
    Replay,
    Epoch,
    NewShard,
    CloseShard,
}

/// How often each happens, in parts of the sum.
const WEIGHTS: [(Op, usize); 23] = [
    (Op::Write, 22),
    (Op::Rotate, 2),
    (Op::Scan, 12),
    (Op::Send, 18),
    (Op::Repeat, 5),
    (Op::Read, 20),
    (Op::ReadAll, 2),
    (Op::Rewind, 3),
    (Op::Stop, 2),
    (Op::Resume, 4),
    (Op::LoseDeletes, 1),
    (Op::Begin, 3),
    (Op::BeginEarly, 1),
    (Op::Reload, 2),
    (Op::RestartLoad, 1),
    (Op::StrayLoad, 1),
    (Op::Junk, 1),
    (Op::Complete, 5),
    (Op::Sweep, 4),
    (Op::Replay, 4),
    (Op::Epoch, 1),
    (Op::NewShard, 1),
    (Op::CloseShard, 1),
];

/// One step with its own seed, so that leaving others out changes nothing in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) op: Op,
    pub(super) seed: u64,
}

/// The steps of a history.
pub(super) fn steps(rng: &mut Rng) -> Vec<Step> {
    let sum = WEIGHTS.iter().map(|(_, weight)| weight).sum();
    let draw = |rng: &mut Rng| {
        let mut at = rng.below(sum);
        let op = WEIGHTS.iter().find(|(_, weight)| {
            let found = at < *weight;
            at = at.saturating_sub(*weight);
            found
        });
        Step {
            op: op.map_or(Op::Write, |(op, _)| *op),
            seed: rng.next(),
        }
    };
    (0..10 + rng.below(30)).map(|_| draw(rng)).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capture {
    Running,
    /// Deletes are not captured.
    WithoutDeletes,
    Stopped,
}

/// What the operator knows of a table.
#[derive(Default)]
pub(super) struct TableState {
    /// The newest generation, until it is complete.
    pub(super) open: Option<u32>,
    pub(super) completed: bool,
    /// The keys that the present load has not looked at yet.
    pub(super) unscanned: Option<Vec<u32>>,
    /// The load was cut short: nobody would complete it.
    pub(super) aborted: bool,
    /// The pipeline must find out by itself that the generation is no good.
    pub(super) doomed: bool,
    /// Every change since the newest generation's L (or the start) was captured.
    pub(super) trusted: bool,
    /// Where the newest generation of this lineage began.
    pub(super) began: Option<u64>,
}

pub(super) struct History<'a> {
    pub(super) rig: &'a Rig,
    pub(super) rng: Rng,
    pub(super) origin: Origin,
    /// An earlier state, to be restored.
    pub(super) backup: Vec<Rows>,
    pub(super) task: Task,
    pub(super) stream: Stream,
    pub(super) capture: Capture,
    /// Changes that a stopped task has yet to read from the log.
    pub(super) backlog: Vec<Logged>,
    pub(super) tables: Vec<TableState>,
    pub(super) journal: Vec<String>,
}

/// What went wrong, in words for whoever reads the failed test.
pub(super) type Outcome = Result<(), String>;

impl<'a> History<'a> {
    /// A history at its beginning, on an emptied rig.
    pub(super) async fn begin(rig: &'a Rig, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let unregistered = rng.once_in(3);
        rig.reset(unregistered).await;
        let mut origin = Origin::new(&mut rng);
        // Rows from before anybody captured anything.
        (0..rng.below(5)).for_each(|_| drop(origin.transact(&mut rng)));
        let mut history = Self {
            rig,
            task: Task::new(&mut rng),
            stream: Stream::new(2 + rng.below(2)),
            backup: origin.tables.clone(),
            origin,
            capture: if rng.once_in(2) {
                Capture::Running
            } else {
                Capture::Stopped
            },
            backlog: Vec::new(),
            tables: (0..TABLES).map(|_| TableState::default()).collect(),
            journal: Vec::new(),
            rng,
        };
        if unregistered {
            history.capture = Capture::Running;
            history.first_loads().await;
        }
        history
    }

    /// Takes every step.
    pub(super) async fn play(&mut self, steps: &[Step]) -> Outcome {
        for step in steps {
            self.rng = Rng::new(step.seed);
            self.note(format!("{:?}", step.op));
            self.step(step.op).await?;
        }
        Ok(())
    }

    pub(super) fn note(&mut self, text: String) {
        self.journal.push(text);
    }

    async fn step(&mut self, op: Op) -> Outcome {
        let table = self.rng.below(TABLES);
        match op {
            Op::Write => self.write(),
            Op::Rotate => self.origin.rotate(),
            Op::Scan => self.scan(table),
            Op::Send => (0..self.rng.between(1, 6)).for_each(|_| self.send()),
            Op::Repeat => self.task.repeat(&mut self.rng, &self.stream),
            Op::Read => return self.read_some().await,
            Op::ReadAll => return self.read_side_by_side().await,
            Op::Rewind => return self.rewind().await,
            Op::Stop => self.stop(),
            Op::Resume => self.resume(),
            Op::LoseDeletes if self.capture == Capture::Running => {
                self.capture = Capture::WithoutDeletes;
            }
            Op::LoseDeletes => {}
            Op::Begin => return self.begin_all().await,
            Op::BeginEarly => return self.begin_early().await,
            Op::Reload => return self.reload(table).await,
            Op::RestartLoad => self.restart_load(table),
            Op::StrayLoad => return self.stray_load(table).await,
            Op::Junk if self.capture == Capture::Running => self.task.junk(),
            Op::Junk => {}
            Op::Complete => return self.complete(table).await,
            Op::Sweep => return self.sweep(table).await.map(drop),
            Op::Replay => return self.replay_some().await,
            Op::Epoch => return self.epoch().await,
            Op::NewShard if self.stream.count() < 4 => self.stream.add_shard(),
            Op::NewShard => {}
            Op::CloseShard => {
                let shard = self.rng.below(self.stream.count());
                self.stream.close(shard);
            }
        }
        Ok(())
    }

    /// One transaction at the source; the task sees of it what it captures.
    pub(super) fn write(&mut self) {
        if self.rng.once_in(5) {
            self.backup = self.origin.tables.clone();
        }
        let logged = self.origin.transact(&mut self.rng);
        self.note(format!("  {logged:?}"));
        match self.capture {
            Capture::Stopped => self.backlog.extend(logged),
            Capture::Running => self.capture_changes(&logged),
            Capture::WithoutDeletes => {
                let (lost, seen): (Vec<Logged>, Vec<Logged>) = logged
                    .into_iter()
                    .partition(|l| matches!(l.edit, Edit::Delete { .. }));
                lost.iter()
                    .for_each(|lost| self.tables[lost.table].trusted = false);
                self.capture_changes(&seen);
            }
        }
    }

    fn capture_changes(&mut self, logged: &[Logged]) {
        logged
            .iter()
            .for_each(|logged| self.task.change(&mut self.rng, logged));
    }

    pub(super) fn send(&mut self) {
        self.task.send(&mut self.rng, &self.stream);
    }

    /// The load looks at some keys as they are at this moment.
    pub(super) fn scan(&mut self, table: usize) {
        if self.capture == Capture::Stopped {
            return;
        }
        for _ in 0..self.rng.between(1, 3) {
            let Some(keys) = &mut self.tables[table].unscanned else {
                return;
            };
            let Some(key) = keys.pop() else {
                self.tables[table].unscanned = None;
                return;
            };
            // A load may look at a row twice.
            if self.rng.once_in(12) {
                keys.insert(0, key);
            }
            if let Some(row) = self.origin.tables[table].get(&key).cloned() {
                self.note(format!("  load {table}.{key}: {row:?}"));
                self.task.load(&mut self.rng, table, key, &row);
            }
        }
    }

    pub(super) fn start_scan(&mut self, table: usize) {
        self.task.controls(table);
        let mut keys: Vec<u32> = (1..=KEYS).collect();
        self.rng.shuffle(&mut keys);
        self.tables[table].unscanned = Some(keys);
    }

    /// The task breaks off; what it had in hand is sometimes lost.
    pub(super) fn stop(&mut self) {
        if self.capture == Capture::Stopped {
            return;
        }
        self.capture = Capture::Stopped;
        if self.rng.once_in(3) {
            self.lose_outbox();
        }
    }

    pub(super) fn lose_outbox(&mut self) {
        for out in std::mem::take(&mut self.task.outbox) {
            match out.what {
                What::Load | What::Control => self.tables[out.table].aborted = true,
                What::Change => self.tables[out.table].trusted = false,
                What::Junk => {}
            }
        }
        self.note("  the outbox is lost".to_owned());
    }

    /// The task goes on: from where it stood, or from the present end of the log. DMS starts
    /// unfinished loads again by itself.
    pub(super) fn resume(&mut self) {
        if self.capture == Capture::Stopped {
            let backlog = std::mem::take(&mut self.backlog);
            if self.rng.once_in(3) {
                backlog
                    .iter()
                    .for_each(|lost| self.tables[lost.table].trusted = false);
            } else {
                self.capture_changes(&backlog);
            }
            for table in 0..TABLES {
                if self.tables[table].unscanned.is_some() {
                    self.load_again(table);
                }
            }
        }
        self.capture = Capture::Running;
    }

    fn restart_load(&mut self, table: usize) {
        if self.capture == Capture::Running && self.tables[table].open.is_some() {
            self.load_again(table);
        }
    }

    fn load_again(&mut self, table: usize) {
        self.note(format!("  table {table} is loaded again"));
        self.start_scan(table);
        self.tables[table].doomed = self.tables[table].open.is_some();
    }

    /// One shard is read further, by a worker that may die.
    async fn read_some(&mut self) -> Outcome {
        let shard = self.rng.below(self.stream.count());
        let more = self.rng.below(8) + 1;
        let faults = match self.rng.below(12) {
            0 => vec![Fault::Before],
            1 => vec![Fault::Behind],
            2 => vec![Fault::None, Fault::Behind],
            3 if self.rng.once_in(8) => vec![Fault::Unanswered],
            _ => Vec::new(),
        };
        let poisoned = if self.rng.once_in(12) {
            self.rng.pick(&self.stream.sequences(shard))
        } else {
            None
        };
        if !faults.is_empty() || poisoned.is_some() {
            self.note(format!("  faults {faults:?}, {poisoned:?} is refused"));
        }
        self.rig.worker.apply.set(faults);
        self.rig
            .worker
            .apply
            .set_poison(poisoned.map(|at| (name(shard), SequenceNumber::from(at))));
        let read = self.read(&[shard], more, 1).await;
        self.rig.worker.apply.set([]);
        self.rig.worker.apply.set_poison(None);
        read
    }

    /// All shards at once, sometimes by two workers of which each takes from the other.
    async fn read_side_by_side(&mut self) -> Outcome {
        let more = self.rng.below(6) + 1;
        let workers = 1 + usize::from(self.rng.once_in(3));
        let all: Vec<usize> = (0..self.stream.count()).collect();
        self.read(&all, more, workers).await
    }

    /// Everything that is on the stream.
    pub(super) async fn read_everything(&mut self) -> Outcome {
        let all: Vec<usize> = (0..self.stream.count()).collect();
        self.read(&all, usize::MAX, 1).await
    }

    async fn read(&mut self, shards: &[usize], more: usize, workers: usize) -> Outcome {
        self.stream.show(shards, more);
        self.note(format!("  read {shards:?}, {more} more, {workers} workers"));
        let options = RunOptions {
            until_idle: true,
            limits: BatchLimits {
                records: self.rng.below(5) + 1,
                bytes: 1 << 20,
            },
        };
        let (_stop, shutdown) = watch::channel(false);
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..workers {
            running.spawn(run(
                Arc::new(self.stream.clone()),
                Arc::clone(&self.rig.worker),
                Arc::clone(&self.rig.strict),
                Progress::new(),
                options,
                shutdown.clone(),
            ));
        }
        while let Some(ended) = running.join_next().await {
            let summary = ended.map_err(|panic| panic.to_string())?;
            let summary = summary.map_err(|error| error.to_string())?;
            for (shard, reason) in summary.stopped {
                let expected = match &reason {
                    StopReason::Target(text) => text == KILLED,
                    StopReason::Fenced => workers > 1,
                    _ => false,
                };
                if !expected {
                    return Err(format!("{shard} stopped: {reason}"));
                }
            }
        }
        Ok(())
    }

    /// A checkpoint is set back by hand, and the records are read again.
    pub(super) async fn rewind(&mut self) -> Outcome {
        let shard = self.rng.below(self.stream.count());
        let applied = self.applied().await?;
        let Some((_, at, _)) = applied.iter().find(|(known, ..)| *known == name(shard)) else {
            return Ok(());
        };
        let mut places = vec![0];
        places.extend(
            self.stream
                .sequences(shard)
                .into_iter()
                .filter(|place| place < at),
        );
        let place = self.rng.pick(&places).unwrap_or(0);
        self.note(format!("  {} back from {at} to {place}", name(shard)));
        let high = self
            .stream
            .high_at(shard, place)
            .map(|high| high.to_string());
        let (place, shard) = (place.to_string(), name(shard));
        let sql = "UPDATE fieldseal_shards SET sequence = ?, high = ?, closed = 0 WHERE shard = ?";
        let binds = [
            Bind::from(&place),
            Bind::Text(high.as_deref()),
            Bind::from(&shard),
        ];
        self.rig
            .database
            .execute(sql, &binds)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// Each shard that was ever read, how far it is applied, and whether it is closed.
    pub(super) async fn applied(&self) -> Result<Vec<(String, u64, bool)>, String> {
        let sql = "SELECT shard, sequence, closed FROM fieldseal_shards";
        let rows = self.rig.ask(sql).await?;
        rows.iter()
            .map(|row| {
                let sequence = row.text(1).map_err(|error| error.to_string())?;
                let sequence = sequence.parse().map_err(|_| "an odd sequence".to_owned())?;
                let shard = row.text(0).map_err(|error| error.to_string())?;
                Ok((
                    shard,
                    sequence,
                    row.int(2).map_err(|error| error.to_string())? != 0,
                ))
            })
            .collect()
    }
}
