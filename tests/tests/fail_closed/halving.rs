//! A value that the target refuses although planning could not know: the batch is halved until
//! the record at fault stands alone, and of that record what is at fault is found by trying. Owns
//! that exactly this is held and counts are exact.

use std::sync::Arc;

use fieldseal_db::Sql;
use fieldseal_dms::Wire;
use fieldseal_pipeline::{ReplayOutcome, StopReason, replay};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::faults::{ApplyFault, FaultyTarget};
use fieldseal_tests::harness::{MemorySource, Rig, counter, records};

use super::{TABLE, people, person, person_with};

/// A rig whose table takes no row with 666 points.
async fn rig(server: Server) -> Rig {
    let policy = people("", "");
    let tables = fieldseal_store::create_tables(&policy, server.dialect(), None);
    let tables = tables.expect("the policy can be spelled");
    let checked = tables.replacen(
        "PRIMARY KEY",
        "CONSTRAINT no_beast CHECK (points <> '666'), PRIMARY KEY",
        1,
    );
    assert_ne!(checked, tables);
    Rig::with(server, policy, &checked, |provider| provider).await
}

async fn exactly_the_bad_records_are_held(server: Server) {
    let rig = rig(server).await;
    let beast = |id| person_with(id, "beast@example.org", "666");
    let mut all: Vec<Vec<u8>> = (1..=250).map(person).collect();
    for bad in [37, 101, 102, 250] {
        all[bad as usize - 1] = beast(bad);
    }
    // A changed key whose new row is refused: its old row stays as well.
    let moved = [
        ("id", Wire::Number("900")),
        ("email", Wire::Text("moved@example.org")),
        ("points", Wire::Text("666")),
    ];
    all.push(records::update(
        300,
        TABLE,
        &moved,
        &[("id", Wire::Number("5"))],
    ));
    all.push(person(301));
    let progress = rig.run(MemorySource::of(all)).await;

    assert_eq!(
        progress.records(),
        252,
        "each record is behind exactly one checkpoint"
    );
    assert_eq!(progress.quarantined(), 5);
    assert_eq!(
        rig.held_reasons().await,
        ["37", "101", "102", "250", "251"].map(|place| format!("{place} target-refused"))
    );
    let rows = rig.open_all(TABLE).await;
    assert_eq!(rows.len(), 247);
    for id in (1..=250).filter(|id| ![37, 101, 102, 250].contains(id)) {
        assert_eq!(
            rows[&id.to_string()]["email"],
            format!("person{id}@example.org")
        );
    }
    let status = rig.table_status(TABLE).await;
    assert_eq!(counter(&status, "inserts"), 247);
    assert_eq!(counter(&status, "updates"), 0);
    assert_eq!(counter(&status, "quarantined"), 5);
    assert_eq!(rig.status().await.shards[0].sequence, "252");

    replayed_when_the_reason_is_gone(&rig, server).await;
    rig.end().await;
}

async fn replayed_when_the_reason_is_gone(rig: &Rig, server: Server) {
    let held = rig.held().await;
    let refused = replay(&*rig.store, &rig.preparer, &held[0].record).await;
    assert_eq!(
        refused.ok(),
        Some(ReplayOutcome::StillHeld("target-refused"))
    );
    assert_eq!(rig.held().await.len(), 5);
    if server == Server::Sqlite {
        return; // A constraint of a SQLite table is there for good.
    }
    let table = rig.quote("people");
    let drop = format!("ALTER TABLE {table} DROP CONSTRAINT no_beast");
    let dropped = rig
        .database
        .database
        .execute_script(Sql::dynamic(drop))
        .await;
    dropped.expect("the constraint can be dropped");
    for entry in &held {
        let outcome = replay(&*rig.store, &rig.preparer, &entry.record).await;
        assert_eq!(outcome.ok(), Some(ReplayOutcome::Applied));
    }
    assert!(rig.held().await.is_empty());
    let rows = rig.open_all(TABLE).await;
    assert_eq!(rows.len(), 251);
    assert_eq!(rows["37"]["email"], "beast@example.org");
    assert!(!rows.contains_key("5") && rows["900"]["points"] == "666");
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_bad_records_are_held_on_sqlite() {
    exactly_the_bad_records_are_held(Server::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_bad_records_are_held_on_postgres() {
    exactly_the_bad_records_are_held(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_bad_records_are_held_on_mariadb() {
    exactly_the_bad_records_are_held(Server::MariaDb).await;
}

/// As the producer library puts records together: several changes under one sequence number.
async fn of_one_record_only_the_bad_objects_are_held(server: Server) {
    let rig = rig(server).await;
    let mut objects: Vec<Vec<u8>> = (2..=31).map(person).collect();
    for bad in [2, 17, 18, 31] {
        objects[bad as usize - 2] = person_with(bad, "beast@example.org", "666");
    }
    // The newer change of the same record makes this one needless.
    objects.push(person_with(40, "beast@example.org", "666"));
    let better = [
        ("id", Wire::Number("40")),
        ("email", Wire::Text("better@example.org")),
        ("points", Wire::Text("7")),
    ];
    objects.push(records::update(41, TABLE, &better, &[]));
    let all = vec![person(1), objects.concat(), person(50)];
    let progress = rig.run(MemorySource::of(all)).await;

    assert_eq!(progress.records(), 3);
    assert_eq!(progress.quarantined(), 4);
    let held = rig.held().await;
    let places: Vec<(String, u32)> = held
        .iter()
        .map(|entry| (entry.record.sequence.to_string(), entry.record.index))
        .collect();
    assert_eq!(places, [0, 15, 16, 29].map(|index| ("2".to_owned(), index)));
    assert!(held.iter().all(|entry| entry.reason == "target-refused"));
    let rows = rig.open_all(TABLE).await;
    assert_eq!(rows.len(), 29);
    assert_eq!(rows["40"]["email"], "better@example.org");
    let status = rig.table_status(TABLE).await;
    assert_eq!(counter(&status, "inserts"), 28);
    assert_eq!(counter(&status, "updates"), 1);
    assert_eq!(counter(&status, "skipped"), 1);
    assert_eq!(counter(&status, "quarantined"), 4);
    assert_eq!(rig.status().await.shards[0].sequence, "3");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_record_only_the_bad_objects_are_held_on_sqlite() {
    of_one_record_only_the_bad_objects_are_held(Server::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_record_only_the_bad_objects_are_held_on_postgres() {
    of_one_record_only_the_bad_objects_are_held(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_record_only_the_bad_objects_are_held_on_mariadb() {
    of_one_record_only_the_bad_objects_are_held(Server::MariaDb).await;
}

/// Two changes of one row and one version that differ, of which the target refuses one, by itself
/// or with a stranger in the batch: what they say of their table must not be lost with it.
async fn contradictions_taint_however_they_come_apart(server: Server) {
    let beast = |id| person_with(id, "beast@example.org", "666");
    let as_change = |change: u32, points: &str| {
        let cells = [
            ("id", Wire::Number("7")),
            ("email", Wire::Text("seven@example.org")),
            ("points", Wire::Text(points)),
        ];
        records::insert(change, TABLE, &cells)
    };
    let together = vec![person(1), [as_change(8, "666"), as_change(8, "1")].concat()];
    let halved = vec![as_change(8, "1"), person(9), as_change(8, "2"), beast(10)];
    for (records, held) in [(together, 1), (halved, 1)] {
        let rig = rig(server).await;
        let last = records.len().to_string();
        let progress = rig.run(MemorySource::of(records)).await;
        assert_eq!(progress.quarantined(), held);
        let status = rig.table_status(TABLE).await;
        assert_eq!(
            status.taint.as_deref(),
            Some("two-changes-of-one-version-differ")
        );
        assert_eq!(rig.open_all(TABLE).await["7"]["points"], "1");
        assert_eq!(rig.status().await.shards[0].sequence, last);
        rig.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictions_taint_however_they_come_apart_on_sqlite() {
    contradictions_taint_however_they_come_apart(Server::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictions_taint_however_they_come_apart_on_postgres() {
    contradictions_taint_however_they_come_apart(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictions_taint_however_they_come_apart_on_mariadb() {
    contradictions_taint_however_they_come_apart(Server::MariaDb).await;
}

/// A refusal that only the commit brings out, and one that is gone when it is looked for.
#[tokio::test(flavor = "multi_thread")]
async fn what_trying_does_not_find_is_held_with_its_whole_record() {
    use ApplyFault::{Refused, Stale, Unreachable, Works};
    let rig = rig(Server::Sqlite).await;
    let beast = person_with(4, "beast@example.org", "666");
    let all = vec![
        [person(1), person(2)].concat(),
        [person(3), beast].concat(),
        person(5),
    ];
    let faults = [
        // The whole batch; the first record, its second object, its first, and all of it held.
        [Refused, Refused, Works, Works, Works].as_slice(),
        // The rest; the second record; its second object; then the labels change.
        &[Works, Works, Unreachable, Works, Stale],
        // The second record; its second object, its first; the record without the beast.
        &[Works, Works, Works, Refused],
    ];
    let target = FaultyTarget::first(&rig.store, &faults.concat());
    let (summary, progress) = rig.run_into(MemorySource::of(all), target).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert_eq!(progress.quarantined(), 4);
    let held = rig.held_reasons().await;
    assert_eq!(
        held,
        ["1", "1", "2", "2"].map(|at| format!("{at} target-refused"))
    );
    assert_eq!(rig.open_all(TABLE).await.len(), 1);
    assert_eq!(rig.status().await.shards[0].sequence, "3");
    rig.end().await;
}

/// A table that takes nothing must not cost more than all its records are worth.
#[tokio::test(flavor = "multi_thread")]
async fn the_search_in_one_record_comes_to_an_end() {
    let rig = rig(Server::Sqlite).await;
    let mut objects = vec![person(1)];
    objects.extend((2..=200).map(|id| person_with(id, "beast@example.org", "666")));
    let target = FaultyTarget::first(&rig.store, &[]);
    let all = MemorySource::of(vec![objects.concat(), person(300)]);
    let (summary, progress) = rig.run_into(all, Arc::clone(&target)).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert!(
        target.calls() < 140,
        "it was tried {} times",
        target.calls()
    );
    assert_eq!(
        progress.quarantined(),
        200,
        "what was not yet let go is held"
    );
    assert_eq!(rig.open_all(TABLE).await.len(), 1);
    assert_eq!(rig.status().await.shards[0].sequence, "2");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_refuses_even_a_held_record_stops_its_shard() {
    let rig = Rig::new(Server::Sqlite, people("", "")).await;
    let mut faults = vec![ApplyFault::Refused; 100];
    faults.push(ApplyFault::Fatal); // So that a loop without end ends.
    let target = FaultyTarget::first(&rig.store, &faults);
    let (summary, _) = rig
        .run_into(
            MemorySource::of(vec![person(1), person(2)]),
            Arc::clone(&target),
        )
        .await;
    let Some(StopReason::Target(_)) = summary.stopped.get("s0") else {
        panic!("the shard must stop")
    };
    assert!(target.calls() < 10, "it was tried {} times", target.calls());
    assert!(rig.open_all(TABLE).await.is_empty());
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_and_labels_that_change_leave_everything_exact() {
    use ApplyFault::{AnswerLost, Stale, Unreachable};
    let rig = Rig::new(Server::Sqlite, people("", "")).await;
    let faults = [
        Unreachable,
        AnswerLost,
        Stale,
        AnswerLost,
        AnswerLost,
        Unreachable,
    ];
    let target = FaultyTarget::first(&rig.store, &faults);
    let all = (1..=350).map(person).collect();
    let (summary, _) = rig.run_into(MemorySource::of(all), target).await;
    assert!(summary.stopped.is_empty(), "{:?}", summary.stopped);
    assert_eq!(rig.open_all(TABLE).await.len(), 350);
    assert_eq!(counter(&rig.table_status(TABLE).await, "inserts"), 350);
    assert_eq!(counter(&rig.table_status(TABLE).await, "skipped"), 0);
    assert_eq!(rig.status().await.shards[0].sequence, "350");
    rig.end().await;
}
