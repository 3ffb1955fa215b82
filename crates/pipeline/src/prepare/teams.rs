//! Threads for planning and sealing. Owns how many work on one batch.
//!
//! Two teams take turns, batch by batch, and each has half of the cores. While one shard's batch
//! is applied, the next is prepared on half of the cores and the rest is left to whatever the
//! target waits for; where preparing is behind, two batches at once use all of them. A batch is
//! planned and sealed by the same team, whose caches and allocators know its cells.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;

use crate::PipelineError;

/// Both teams.
pub(super) struct Teams {
    teams: [Team; 2],
    turn: AtomicUsize,
}

/// One team.
#[derive(Clone)]
pub(crate) struct Team(Arc<ThreadPool>);

impl Teams {
    pub(super) fn new() -> Result<Self, PipelineError> {
        let cores = available_parallelism().map_or(1, usize::from);
        let team = || {
            ThreadPoolBuilder::new()
                .num_threads(cores.div_ceil(2))
                .thread_name(|number| format!("prepare-{number}"))
                .build()
                .map(|pool| Team(Arc::new(pool)))
                .map_err(|_| PipelineError::Threads)
        };
        Ok(Self {
            teams: [team()?, team()?],
            turn: AtomicUsize::new(0),
        })
    }

    /// The team whose turn it is.
    pub(super) fn next(&self) -> Team {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.teams[turn % self.teams.len()].clone()
    }
}

impl Team {
    /// Drops what the team made, there. A batch is some ten thousand small pieces: their memory
    /// goes back at the least cost to the threads that it came from, and who applies batches
    /// need not wait for it.
    pub(crate) fn discard(&self, done: impl Send + 'static) {
        self.0.spawn(move || drop(done));
    }

    /// Does `work` on the team's threads; a panic there goes on here.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> R {
        let (sender, done) = oneshot::channel();
        self.0.spawn(move || {
            // Unwind safe: what a panic leaves behind is dropped with it.
            let outcome = catch_unwind(AssertUnwindSafe(work));
            // Nobody waits when the shard's loop has ended.
            let _ = sender.send(outcome);
        });
        match done.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => unreachable!("the sender sends before it is dropped"),
        }
    }
}
