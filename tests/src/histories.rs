//! Random histories of a source, its replication task, hostile streams and dying workers, run
//! through the real pipeline into a real database: at the end the target must equal the source
//! (`docs/ORDERING.md`).
//!
//! This module owns running many of them and showing one that fails. The expected rows come from
//! a plain model (`origin`) that knows no version and no rule. Each history follows from one
//! number; only where shards are read side by side does the scheduler have a say.

mod history;
mod operator;
mod origin;
mod rig;
mod rng;
mod stream;
mod task;
mod worker;

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use self::history::{History, Step, steps};
use self::rig::Rig;
use self::rng::Rng;
use crate::databases::Server;

/// How often a shorter history is tried before the failing one is shown.
const SHORTENINGS: u32 = 300;

/// Runs `FIELDSEAL_HISTORIES` histories (or `count`) from `FIELDSEAL_SEED` (or any) on `server`.
///
/// # Panics
/// When a history does not end as it must; the text shows its seed and its shortest form.
pub fn run_histories(server: Server, count: u64, threads: usize) {
    let count = number("FIELDSEAL_HISTORIES").unwrap_or(count);
    let seed = number("FIELDSEAL_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    let work = Work {
        server,
        seed,
        count,
        next: AtomicU64::new(0),
        failed: AtomicBool::new(false),
        failure: Mutex::new(None),
    };
    let text = format!("{count} histories on {server:?}, FIELDSEAL_SEED={seed}");
    show(&text);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work.thread());
        }
    });
    let failure = work
        .failure
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(failure) = failure {
        panic!("{failure}");
    }
}

struct Work {
    server: Server,
    seed: u64,
    count: u64,
    next: AtomicU64,
    failed: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Work {
    fn thread(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime
            .expect("a runtime can be made")
            .block_on(self.histories());
    }

    async fn histories(&self) {
        let rig = Rig::new(self.server).await;
        while !self.failed.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.count {
                break;
            }
            let seed = self.seed.wrapping_add(number);
            let steps = steps(&mut Rng::new(seed));
            if let Err((what, journal)) = play(&rig, seed, &steps).await {
                self.failed.store(true, Ordering::Relaxed);
                let text = explain(&rig, seed, steps, what, journal).await;
                *self
                    .failure
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(text);
            }
        }
        rig.end().await;
    }
}

/// One history from its beginning to its end.
async fn play(rig: &Rig, seed: u64, steps: &[Step]) -> Result<(), (String, Vec<String>)> {
    let mut history = History::begin(rig, seed).await;
    let mut outcome = history.play(steps).await;
    if outcome.is_ok() {
        // The end has a seed of its own, so that leaving out a step does not change it.
        history.rng = Rng::new(!seed);
        outcome = history.settle().await;
    }
    outcome.map_err(|what| (what, history.journal))
}

/// Leaves out steps as long as the history still fails, and shows what is left.
async fn explain(
    rig: &Rig,
    seed: u64,
    mut steps: Vec<Step>,
    mut what: String,
    mut journal: Vec<String>,
) -> String {
    let full = steps.len();
    let mut tries = 0;
    let mut at = 0;
    while at < steps.len() && tries < SHORTENINGS {
        tries += 1;
        let mut shorter = steps.clone();
        shorter.remove(at);
        match play(rig, seed, &shorter).await {
            Err(still) => {
                steps = shorter;
                (what, journal) = still;
            }
            Ok(()) => at += 1,
        }
    }
    let mut text = format!(
        "{what}\nrun it again with FIELDSEAL_HISTORIES=1 FIELDSEAL_SEED={seed}\n{} of its {full} steps still fail:\n",
        steps.len()
    );
    for line in journal {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number")),
    )
}

#[expect(clippy::print_stdout, reason = "a test shows its seed")]
fn show(text: &str) {
    println!("{text}");
}
