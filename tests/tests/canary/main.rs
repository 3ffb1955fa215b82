//! Planted values go through the whole pipeline, with a fault on every branch, and must be found
//! nowhere but in rows that were opened: not in logs of any level, errors, panics, status,
//! quarantine, the new database, or any file. Owns the runs; what is planted is in `planted`, what
//! is searched in `evidence`.

mod binary;
mod evidence;
mod planted;
mod readers;

use std::sync::Arc;

use fieldseal_db::Sql;
use fieldseal_keys::KeyProvider;
use fieldseal_pipeline::{RunSummary, Target, replay};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::faults::{ApplyFault, FaultyProvider, FaultyTarget, Outage};
use fieldseal_tests::harness::{MemorySource, Rig, policy_with};
use tokio::sync::watch;

use evidence::Evidence;
use planted::{TABLE, TABLES};

/// A rig whose table also refuses a kept value that planning does not know of, so that the server
/// has a whole row to complain about.
async fn rig(server: Server) -> (Rig, Arc<FaultyProvider>) {
    let policy = policy_with("unlisted_tables = \"skip\"\nmax_batch_rows = 7", TABLES);
    let tables = fieldseal_store::create_tables(&policy, server.dialect(), None);
    let tables = tables.expect("the policy can be spelled").replacen(
        "PRIMARY KEY",
        &format!("CHECK (city <> '{}'), PRIMARY KEY", planted::REFUSED_CITY),
        1,
    );
    let mut faulty = None;
    let rig = Rig::with(server, policy, &tables, |inner| {
        let provider = FaultyProvider::around(inner);
        faulty = Some(Arc::clone(&provider));
        provider as Arc<dyn KeyProvider>
    });
    (rig.await, faulty.expect("made by now"))
}

fn source() -> MemorySource {
    planted::records()
        .chunks(9)
        .enumerate()
        .fold(MemorySource::default(), |source, (number, records)| {
            source.shard(&format!("s{number}"), records.to_vec())
        })
}

/// Runs everything into `target`, and shuts down once `until` says so.
async fn run<T: Target>(
    rig: &Rig,
    target: Arc<T>,
    until: impl Fn() -> bool + Send + 'static,
) -> RunSummary {
    let (stop, shutdown) = watch::channel(false);
    let stopper = tokio::spawn(async move {
        while !until() {
            tokio::task::yield_now().await;
        }
        let _ = stop.send(true);
    });
    let (summary, progress) = rig.run_until(source(), target, shutdown).await;
    stopper.abort();
    evidence::note(format!("{summary:?} {progress:?}"));
    for (shard, reason) in &summary.stopped {
        evidence::note(format!("{shard}: {reason} {reason:?}"));
    }
    summary
}

async fn collect(rig: Rig, evidence: &Evidence) {
    if rig.database.database.query("SELECT 1", &[]).await.is_ok() {
        let status = rig.status().await;
        evidence::note(format!("{status:?}"));
        evidence::note(format!("{:?}", rig.keys.list().await));
        for entry in rig.held().await {
            evidence::note(format!(
                "{} {:?} {:?} {} {:?} {:?} {}",
                entry.record.shard,
                entry.table,
                entry.operation,
                entry.reason,
                entry.column,
                entry.generation,
                entry.size
            ));
            match replay(&*rig.store, &rig.preparer, &entry.record).await {
                Ok(outcome) => evidence::note(format!("{outcome:?}")),
                Err(error) => evidence::note(format!("{error} {error:?}")),
            }
        }
        evidence.dump(&rig.database.database).await;
    }
    evidence.copy_files(&rig.database);
    rig.end().await;
}

async fn nothing_planted_is_found_whatever_the_target_does(server: Server) {
    use ApplyFault::{
        AnswerLost, ConnectionsGone, Fatal, Refused, Stale, TakenOver, Unreachable, Works,
    };
    let evidence = Evidence::new();
    for faults in [
        &[][..],
        &[Unreachable, Unreachable, AnswerLost],
        &[Refused, Refused, Refused, Stale, AnswerLost],
        &[TakenOver],
    ] {
        let (rig, _) = rig(server).await;
        let target = FaultyTarget::first(&rig.store, faults);
        let summary = run(&rig, target, || false).await;
        if faults.is_empty() {
            assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
            readers::tamper_and_read(&rig).await;
        }
        collect(rig, &evidence).await;
    }
    // The database is gone in the middle of it, or something is broken for good.
    for fault in [ConnectionsGone, Fatal] {
        let (rig, _) = rig(server).await;
        let target = FaultyTarget::for_ever(&rig.store, &[Works, Works, fault]);
        let watched = Arc::clone(&target);
        let summary = run(&rig, target, move || watched.calls() > 8).await;
        // A worker that waits for its target is told to end; one that cannot go on stops.
        let ended = if fault == Fatal {
            !summary.stopped.is_empty()
        } else {
            summary.shut_down
        };
        assert!(ended, "{server:?} {fault:?}");
        collect(rig, &evidence).await;
    }
    evidence.must_be_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_planted_is_found_whatever_the_target_does_on_sqlite() {
    nothing_planted_is_found_whatever_the_target_does(Server::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_planted_is_found_whatever_the_target_does_on_postgres() {
    nothing_planted_is_found_whatever_the_target_does(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_planted_is_found_whatever_the_target_does_on_mariadb() {
    nothing_planted_is_found_whatever_the_target_does(Server::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_planted_is_found_when_the_keys_are_away() {
    let evidence = Evidence::new();
    for outage in [Outage::Down, Outage::Denied] {
        let (rig, provider) = rig(Server::Sqlite).await;
        provider.fail(outage, 0);
        let watched = Arc::clone(&provider);
        run(&rig, Arc::clone(&rig.store), move || watched.refused() > 3).await;
        collect(rig, &evidence).await;
    }
    evidence.must_be_clean();
}

/// The target changes under a running service: a column is gone, then the whole table.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_planted_is_found_when_the_target_loses_its_tables() {
    let evidence = Evidence::new();
    for server in [Server::Sqlite, Server::Postgres, Server::MariaDb] {
        for statement in [
            "ALTER TABLE guests DROP COLUMN city_note",
            "DROP TABLE guests",
        ] {
            let (rig, _) = rig(server).await;
            let script = Sql::dynamic(statement.to_owned());
            let done = rig.database.database.execute_script(script).await;
            done.expect("the table can be changed");
            let summary = run(&rig, Arc::clone(&rig.store), || false).await;
            assert!(!summary.stopped.is_empty(), "{server:?} {statement}");
            evidence.copy_files(&rig.database);
            rig.end().await;
        }
    }
    evidence.must_be_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_found_in_what_is_said_of_a_bad_configuration() {
    let evidence = Evidence::new();
    readers::bad_configuration(&evidence).await;
    evidence.must_be_clean();
}

/// The search would find what is there: every planted value in the records themselves, and in
/// what a leaking program would have written.
#[test]
fn the_search_finds_every_planted_value_where_it_stands() {
    planted::control();
    assert!(TABLES.contains(TABLE));
}
