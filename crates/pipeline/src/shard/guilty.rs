//! Which objects of a single record the target refuses. Owns the search; it applies nothing, so
//! that the record is applied once, with its checkpoint, whatever is found.

use std::collections::BTreeSet;

use super::{FIRST_WAIT, ShardLoop};
use crate::prepare::Run;
use crate::{StopReason, Target, TargetError};

/// How often one record is tried out. Enough to find eight objects among 500; a table that refuses
/// everything would otherwise cost two transactions per object, each as large as the record.
const TRIES: usize = 128;

impl<T: Target> ShardLoop<T> {
    /// Whether every object of the single record of `run` is held.
    pub(super) fn holds_all(&self, run: &Run) -> bool {
        run.hold.len() == self.preparer.objects(&run.records[run.range.start]) as usize
    }

    /// The refused single record of `run`, with what is at fault to be held: at least one object,
    /// and all where trying does not tell, as where only a commit brings the refusal out. Nothing
    /// where the labels have changed: whoever applies it notices, and it is planned anew.
    pub(super) async fn held_back(&mut self, run: Run) -> Result<Run, StopReason> {
        let all = self.preparer.objects(&run.records[run.range.start]);
        // Refused with some of it held: what was found did not tell.
        let hold = if all > 1 && run.hold.is_empty() {
            match self.guilty(&run, all).await? {
                Some(guilty) if guilty.is_empty() => (0..all).collect(),
                Some(guilty) => guilty,
                None => BTreeSet::new(),
            }
        } else {
            (0..all).collect()
        };
        Ok(Run { hold, ..run })
    }

    /// Begins with every object held and lets go of as many as the target takes together, or as are
    /// found in so many tries; none if the labels have changed.
    async fn guilty(&mut self, run: &Run, all: u32) -> Result<Option<BTreeSet<u32>>, StopReason> {
        let mut held: BTreeSet<u32> = (0..all).collect();
        // The second half first: of two changes of one row, the newer makes the older needless.
        let mut pending = vec![0..all / 2, all / 2..all];
        for _ in 0..TRIES {
            let Some(objects) = pending.pop() else { break };
            let kept = held.iter().copied().filter(|at| !objects.contains(at));
            let trial = Run {
                hold: kept.collect(),
                ..run.clone()
            };
            match self.try_out(&trial).await? {
                Tried::Taken => held = trial.hold,
                Tried::Refused if objects.len() > 1 => {
                    let middle = objects.start + (objects.end - objects.start) / 2;
                    pending.extend([objects.start..middle, middle..objects.end]);
                }
                Tried::Refused => {}
                Tried::StaleLabels => return Ok(None),
            }
        }
        Ok(Some(held))
    }

    /// Plans, seals and tries the record with some of it held.
    async fn try_out(&mut self, trial: &Run) -> Result<Tried, StopReason> {
        let prepared = self.prepare(trial.clone()).await?;
        let mut wait = FIRST_WAIT;
        let tried = loop {
            match self.target.try_out(&prepared.batch).await {
                Ok(()) => break Tried::Taken,
                Err(TargetError::Data { .. }) => break Tried::Refused,
                Err(TargetError::StaleLabels) => break Tried::StaleLabels,
                Err(error) => self.wait_out(error, &mut wait).await?,
            }
        };
        prepared.team.clone().discard(prepared);
        Ok(tried)
    }
}

enum Tried {
    Taken,
    Refused,
    StaleLabels,
}
