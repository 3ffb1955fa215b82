//! What an operator does by the book: generations, epochs, completion, sweep, held records, and
//! the end at which the target must equal the source. Owns when which answer is the right one.

use fieldseal_model::Position;
use fieldseal_pipeline::{Capture as Reliance, ReplayOutcome, replay};
use fieldseal_store::{Beginning, Completion, Gone, HeldEntry, KnownShards, Seen};

use super::history::{Capture, History, Outcome, TableState};
use super::origin::TABLES;
use super::rig::table_id;
use super::stream::name;
use super::task::What;

/// Reasons that no corrected policy mends.
const HOPELESS: &str = "load-of-no-generation";

impl History<'_> {
    /// The policy vouches for the first loads: nobody registers them.
    pub(super) async fn first_loads(&mut self) {
        let generations = self
            .rig
            .store
            .generations()
            .await
            .expect("generations can be listed");
        for table in 0..TABLES {
            let generation = generations.iter().find(|g| g.table == table_id(table));
            let generation = generation.expect("migrating has registered the first load");
            self.tables[table].open = Some(generation.generation.0);
            self.tables[table].trusted = true;
            self.start_scan(table);
        }
    }

    /// A full load of everything by a new task, begun while the old one is stopped.
    pub(super) async fn begin_all(&mut self) -> Outcome {
        self.stop();
        self.finish_old_task();
        // Sometimes nothing was written since the last beginning: the store must notice.
        let began = self.tables.iter().filter_map(|state| state.began).max();
        if let Some(began) = began.filter(|_| self.rng.once_in(4))
            && self.register(&[0, 1], began, Reliance::Stopped).await?
        {
            return Err("a position was taken twice".to_owned());
        }
        self.origin.heartbeat(&mut self.rng);
        let at = self.origin.position();
        if !self.register(&[0, 1], at, Reliance::Stopped).await? {
            return Err("a proper beginning was refused".to_owned());
        }
        self.start_task();
        Ok(())
    }

    /// All that the old task emitted lies before the marks; what it never emitted is gone.
    fn finish_old_task(&mut self) {
        if self.rng.once_in(3) {
            self.lose_outbox();
        }
        self.task.send_all(&mut self.rng, &self.stream);
        (0..self.rng.below(3)).for_each(|_| self.write());
    }

    fn start_task(&mut self) {
        // What happens before the task starts is neither captured nor missed: the load reads later.
        (0..self.rng.below(3)).for_each(|_| self.write());
        self.backlog.clear();
        self.capture = Capture::Running;
        (0..TABLES).for_each(|table| self.start_scan(table));
    }

    /// Begins a generation of each table; answers whether the store agreed.
    async fn register(
        &mut self,
        tables: &[usize],
        at: u64,
        reliance: Reliance,
    ) -> Result<bool, String> {
        let ids: Vec<String> = tables
            .iter()
            .map(|table| table_id(*table).to_owned())
            .collect();
        let known = self.known_shards().await?;
        let marks = self.stream.ends();
        let started = self.task.stamp();
        self.note(format!("  begin {ids:?} at {at:#x}, marks {marks:?}"));
        let store = &self.rig.store;
        let begun = store
            .begin_generations(&ids, Position(at), reliance, &started, &known, &marks)
            .await;
        let old = tables
            .iter()
            .any(|table| self.tables[*table].began >= Some(at));
        let begun = match begun.map_err(|error| error.to_string())? {
            Beginning::Begun(_) if old => return Err("two loads have one position".to_owned()),
            Beginning::Begun(begun) => begun,
            Beginning::PositionPassed { .. } | Beginning::PositionNotNew { .. } => {
                return Ok(false);
            }
            refused => return Err(format!("a beginning was refused: {refused:?}")),
        };
        // The store answers in the order of the ids, which is that of the numbers.
        for (table, generation) in tables.iter().zip(begun) {
            let state = &mut self.tables[*table];
            *state = TableState {
                open: Some(generation.0),
                trusted: true,
                began: Some(at),
                ..Default::default()
            };
        }
        Ok(true)
    }

    /// An operator who reads L too early: the old task had emitted changes beyond it.
    pub(super) async fn begin_early(&mut self) -> Outcome {
        let Some(at) = (!self.task.sent.is_empty())
            .then(|| self.task.sent[self.rng.below(self.task.sent.len())].position)
        else {
            return Ok(());
        };
        self.stop();
        self.finish_old_task();
        let beyond = |table: usize| {
            self.task
                .sent
                .iter()
                .any(|sent| sent.table == table && sent.position >= at)
        };
        let doomed: Vec<bool> = (0..TABLES).map(beyond).collect();
        if !self.register(&[0, 1], at, Reliance::Stopped).await? {
            return Ok(());
        }
        for (state, doomed) in self.tables.iter_mut().zip(doomed) {
            state.doomed = doomed;
        }
        self.start_task();
        Ok(())
    }

    /// A running task loads one table again, and capture goes on without a break.
    pub(super) async fn reload(&mut self, table: usize) -> Outcome {
        let busy = self.tables[table].unscanned.is_some() || self.task.owes_load(table);
        if self.capture != Capture::Running || busy {
            return Ok(());
        }
        self.origin.heartbeat(&mut self.rng);
        let at = self.origin.position();
        if !self.register(&[table], at, Reliance::Unbroken).await? {
            return Err("a proper reload was refused".to_owned());
        }
        self.start_scan(table);
        Ok(())
    }

    /// A load that nobody announced: every row of it must be held.
    pub(super) async fn stray_load(&mut self, table: usize) -> Outcome {
        let state = &self.tables[table];
        let busy = state.unscanned.is_some() || self.task.owes_load(table);
        if self.capture != Capture::Running || state.open.is_some() || busy {
            return Ok(());
        }
        self.task.controls(table);
        let rows = self.origin.tables[table].clone();
        for (key, row) in &rows {
            self.task.load(&mut self.rng, table, *key, row);
        }
        self.task.send_all(&mut self.rng, &self.stream);
        self.read_everything().await?;
        let held = self.held().await?;
        let strays = held.iter().filter(|held| {
            held.reason == HOPELESS && held.table.as_deref() == Some(table_id(table))
        });
        if strays.count() < rows.len() {
            return Err("a load of no generation was not held".to_owned());
        }
        Ok(())
    }

    /// Tries to complete a table's generation, and knows what the answer must be.
    pub(super) async fn complete(&mut self, table: usize) -> Outcome {
        let state = &self.tables[table];
        let Some(open) = state.open else {
            return Ok(());
        };
        if state.unscanned.is_some() || state.aborted || self.task.owes_load(table) {
            return Ok(());
        }
        let held = self.held().await?;
        // A held record can hide what would taint the table until it is replayed.
        if state.doomed && !held.is_empty() {
            return Ok(());
        }
        let generation = Some(i64::from(open));
        let blocked = held
            .iter()
            .any(|held| held.generation == generation || held.table.is_none());
        let due = !state.doomed && !blocked && self.everything_applied().await?;
        let ends = self.stream.ends();
        let answer = self
            .rig
            .store
            .complete_generation(table_id(table), &ends, Gone::Dropped, Seen::Nothing)
            .await;
        match answer.map_err(|error| error.to_string())? {
            Completion::Complete(_) if due => {
                self.note(format!("  generation {open} is complete"));
                self.tables[table].open = None;
                self.tables[table].completed = true;
                Ok(())
            }
            Completion::NotYet(_) if !due => Ok(()),
            Completion::Complete(_) => Err(format!("generation {open} was completed too early")),
            Completion::NotYet(why) => {
                Err(format!("generation {open} cannot be completed: {why:?}"))
            }
        }
    }

    async fn everything_applied(&self) -> Result<bool, String> {
        let applied = self.applied().await?;
        Ok(self
            .stream
            .lasts()
            .into_iter()
            .enumerate()
            .all(|(shard, (last, closed))| {
                let known = applied.iter().find(|(known, ..)| *known == name(shard));
                match known {
                    Some((_, _, was_closed)) if closed => *was_closed,
                    Some((_, at, _)) => *at >= last,
                    None => last == 0 && !closed,
                }
            }))
    }

    /// One step of a sweep; answers whether nothing is left.
    pub(super) async fn sweep(&mut self, table: usize) -> Result<bool, String> {
        let limit = self.rng.between(1, 3);
        let step = self.rig.store.sweep_step(table_id(table), limit).await;
        step.map(|step| step.done)
            .map_err(|error| error.to_string())
    }

    pub(super) async fn held(&self) -> Result<Vec<HeldEntry>, String> {
        self.rig
            .store
            .held(0, 10_000)
            .await
            .map_err(|error| error.to_string())
    }

    /// Replays a few held records, in any order.
    pub(super) async fn replay_some(&mut self) -> Outcome {
        let mut held = self.held().await?;
        self.rng.shuffle(&mut held);
        held.truncate(self.rng.below(4));
        for entry in held {
            self.replay_one(entry).await?;
        }
        Ok(())
    }

    /// Under the corrected policy everything applies that has a label and can be read.
    async fn replay_one(&mut self, entry: HeldEntry) -> Outcome {
        let mendable = matches!(entry.reason.as_str(), "unlisted-column" | "target-refused");
        self.note(format!(
            "  replay {} at {}: {}",
            entry.record.shard, entry.record.sequence, entry.reason
        ));
        let outcome = replay(&*self.rig.worker, &self.rig.lenient, &entry.record).await;
        let outcome = outcome.map_err(|error| error.to_string())?;
        if mendable == (outcome == ReplayOutcome::Applied) {
            Ok(())
        } else {
            Err(format!(
                "a record held for {} came to {outcome:?}",
                entry.reason
            ))
        }
    }

    /// Replays what can be replayed and discards the rest.
    async fn clear_quarantine(&mut self) -> Outcome {
        let mut held = self.held().await?;
        self.rng.shuffle(&mut held);
        for entry in held {
            if entry.table.is_none() || entry.reason == HOPELESS {
                let discarded = self.rig.store.discard(entry.record.id).await;
                if !discarded.map_err(|error| error.to_string())? {
                    return Err("a held record could not be discarded".to_owned());
                }
            } else {
                self.replay_one(entry).await?;
            }
        }
        Ok(())
    }

    async fn known_shards(&self) -> Result<KnownShards, String> {
        let known = self.rig.store.known_shards().await;
        known.map_err(|error| error.to_string())
    }

    /// Positions begin anew: a planned failover, or a restore that lost something.
    pub(super) async fn epoch(&mut self) -> Outcome {
        let planned = self.capture == Capture::Running && self.rng.once_in(2);
        if !planned {
            self.capture = Capture::Stopped;
            self.lose_outbox();
            self.backlog.clear();
            if self.rng.once_in(2) {
                self.origin.tables = self.backup.clone();
            }
            for state in &mut self.tables {
                state.trusted = false;
                state.aborted |= state.unscanned.take().is_some();
            }
        }
        self.task.send_all(&mut self.rng, &self.stream);
        self.task.sent.clear();
        self.origin.begin_lineage(&mut self.rng);
        self.stream.begin_lineage();
        self.tables.iter_mut().for_each(|state| state.began = None);
        let known = self.known_shards().await?;
        let marks = self.stream.ends();
        self.note(format!("  epoch, planned: {planned}, marks {marks:?}"));
        match self
            .rig
            .store
            .begin_epoch(&known, &marks)
            .await
            .map_err(|error| error.to_string())?
        {
            Beginning::Begun(_) => {}
            refused => return Err(format!("an epoch was refused: {refused:?}")),
        }
        if !planned && self.rng.once_in(2) {
            self.capture = Capture::Running;
        }
        Ok(())
    }

    /// Brings the history to its end as the book says, and compares.
    pub(super) async fn settle(&mut self) -> Outcome {
        self.note("settle".to_owned());
        for round in 0..4 {
            if round > 0 && !self.tables.iter().any(TableState::needs_generation) {
                break;
            }
            if round > 0 || self.tables.iter().any(TableState::nothing_open) {
                self.begin_all().await?;
            }
            self.finish_loads().await?;
        }
        if self.tables.iter().any(TableState::needs_generation) {
            return Err("the operator did not come to an end".to_owned());
        }
        self.aftermath().await?;
        self.compare().await
    }

    async fn finish_loads(&mut self) -> Outcome {
        self.resume();
        while self.tables.iter().any(|state| state.unscanned.is_some()) {
            (0..TABLES).for_each(|table| self.scan(table));
            if self.rng.once_in(3) {
                self.write();
            }
        }
        self.task.send_all(&mut self.rng, &self.stream);
        self.read_everything().await?;
        // Only what is held stands in the way now.
        if self.rng.once_in(3) {
            self.complete(0).await?;
        }
        self.clear_quarantine().await?;
        for table in 0..TABLES {
            self.complete(table).await?;
            if self.rng.once_in(2) {
                while !self.sweep(table).await? {}
            }
        }
        Ok(())
    }

    /// After completion: more changes, old records once more, held ones last, the sweep.
    async fn aftermath(&mut self) -> Outcome {
        (0..self.rng.below(3)).for_each(|_| self.write());
        (0..self.rng.below(4)).for_each(|_| self.task.repeat(&mut self.rng, &self.stream));
        // Swept once, before or behind the rest: what comes below the floor later must not need
        // another sweep.
        let swept = !self.rng.once_in(3);
        if swept {
            self.sweep_all().await?;
        }
        for _ in 0..self.rng.below(3) {
            self.rewind().await?;
        }
        if self.rng.once_in(4) {
            let table = self.rng.below(TABLES);
            self.stray_load(table).await?;
        }
        self.task.send_all(&mut self.rng, &self.stream);
        self.read_everything().await?;
        self.clear_quarantine().await?;
        if !swept {
            self.sweep_all().await?;
        }
        Ok(())
    }

    async fn sweep_all(&mut self) -> Outcome {
        for table in 0..TABLES {
            while !self.sweep(table).await? {}
        }
        Ok(())
    }

    async fn compare(&mut self) -> Outcome {
        if self.task.outbox.iter().any(|out| out.what != What::Junk)
            || !self.held().await?.is_empty()
        {
            return Err("the history did not come to an end".to_owned());
        }
        for table in 0..TABLES {
            let (expected, found) = (&self.origin.tables[table], self.rig.rows(table).await?);
            if *expected != found {
                return Err(format!(
                    "table {table} is {found:?} and should be {expected:?}"
                ));
            }
        }
        let taints = "SELECT table_id FROM fieldseal_tables WHERE taint IS NOT NULL";
        if self.rig.ask(taints).await?.is_empty() {
            Ok(())
        } else {
            Err("a table is tainted at the end".to_owned())
        }
    }
}

impl TableState {
    /// Nothing there that could still become right by itself.
    fn nothing_open(&self) -> bool {
        self.open.is_none() && !(self.completed && self.trusted)
    }

    fn needs_generation(&self) -> bool {
        !self.completed || !self.trusted
    }
}
