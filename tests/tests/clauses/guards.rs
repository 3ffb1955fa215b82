//! The guard as each server spells it, where the store's own look at the stored versions cannot
//! stand in for it: two that write one new row at once, and a sweep beside the application. Owns
//! those moments.

use fieldseal_db::{Bind, Transaction};
use fieldseal_model::{Operation, RowVersion};
use fieldseal_tests::course::{change, version};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{MemorySource, Rig};

use crate::holder::{Mode, holding, while_it_waits, write};
use crate::{THINGS, at, bury, rig, versions};

async fn put(tx: &mut Transaction, id: i64, version: RowVersion) {
    let insert = "INSERT INTO things (id, note, _fieldseal_version) VALUES (?, NULL, ?)";
    let binds = [Bind::from(id), Bind::from(version.as_bytes())];
    write(tx, insert, &binds).await;
}

/// Both share the table's lock, and neither sees the other's row before it writes.
async fn of_two_that_write_one_new_row_the_newer_stays(server: Server) {
    for (ours, theirs) in [(7, 8), (8, 7)] {
        let rig = rig(server).await;
        let mut held = holding(&rig, &[THINGS], Mode::Shared).await;
        put(&mut held, 1, version(theirs)).await;
        let writes = MemorySource::of(vec![change(Operation::Insert, THINGS, 1, ours)]);
        while_it_waits(&rig, rig.run(writes), held, async |_| {}).await;
        assert_eq!(versions(&rig).await, at(&[(1, 8)]));
        let row = &rig.open_all(THINGS).await["1"];
        let note = row.get("note").map(String::as_str);
        let newer = (ours > theirs).then_some("note 1 of change 8");
        assert_eq!(note, newer, "the row is of one version as a whole");
        rig.end().await;
    }
}

/// Changes of one row in their order, and the rows that are left.
type Case<'a> = (&'a [(Operation, u32)], &'a [(i64, u32)]);

/// Each change a batch of its own, in this order.
async fn run_each(rig: &Rig, changes: &[(Operation, u32)]) {
    for (number, (operation, n)) in changes.iter().enumerate() {
        let source = MemorySource::default();
        let record = change(*operation, THINGS, 1, *n);
        rig.run(source.shard(&format!("shard-{number}"), vec![record]))
            .await;
    }
}

async fn neither_a_row_nor_a_tombstone_is_lowered(server: Server) {
    use Operation::{Delete, Insert, Update};
    let cases: [Case<'_>; 4] = [
        (&[(Insert, 7), (Update, 8), (Update, 5)], &[(1, 8)]),
        (&[(Insert, 7), (Delete, 6)], &[(1, 7)]),
        (&[(Delete, 10), (Delete, 6), (Insert, 8)], &[]),
        (&[(Delete, 6), (Delete, 10), (Insert, 8)], &[]),
    ];
    for (changes, expected) in cases {
        let rig = rig(server).await;
        run_each(&rig, changes).await;
        assert_eq!(versions(&rig).await, at(expected), "{changes:?}");
        for (id, n) in expected {
            let row = &rig.open_all(THINGS).await[&id.to_string()];
            assert_eq!(row["note"], format!("note {id} of change {n}"));
        }
        rig.end().await;
    }
}

/// The application does not take the table's lock; what it has just written is its own.
async fn a_sweep_leaves_what_was_refreshed_meanwhile(server: Server) {
    let rig = rig(server).await;
    let mut tx = rig.database.database.begin().await.unwrap();
    for (id, n) in [(1, 5), (2, 5), (3, 20)] {
        put(&mut tx, id, version(n)).await;
    }
    let raise = "UPDATE fieldseal_tables SET floor = ? WHERE table_id = ?";
    let floor = version(10);
    let binds = [Bind::from(floor.as_bytes()), Bind::from(THINGS)];
    write(&mut tx, raise, &binds).await;
    bury(&mut tx, 4, version(6)).await;
    bury(&mut tx, 5, version(12)).await;
    tx.commit().await.unwrap();

    let refresh = "UPDATE things SET _fieldseal_version = ? WHERE id = 2";
    let mut tx = rig.database.database.begin().await.unwrap();
    write(&mut tx, refresh, &[Bind::from(version(15).as_bytes())]).await;
    let sweep = rig.store.sweep_step(THINGS, 10);
    let swept = while_it_waits(&rig, sweep, tx, async |_| {}).await.unwrap();
    assert_eq!((swept.rows, swept.tombstones, swept.done), (1, 1, true));
    assert_eq!(versions(&rig).await, at(&[(2, 15), (3, 20)]));
    rig.end().await;
}

/// What the application wrote bears the highest version by itself.
async fn a_row_of_the_application_is_never_overwritten(server: Server) {
    let rig = rig(server).await;
    rig.sql("INSERT INTO things (id, note) VALUES (1, NULL)", &[])
        .await;
    run_each(&rig, &[(Operation::Update, 7), (Operation::Delete, 8)]).await;
    let rows = versions(&rig).await;
    assert_eq!(rows, [(1, RowVersion::FOREIGN.as_bytes().to_vec())]);
    rig.end().await;
}

on_servers! {
    of_two_that_write_one_new_row_the_newer_stays,
    neither_a_row_nor_a_tombstone_is_lowered,
    a_sweep_leaves_what_was_refreshed_meanwhile,
    a_row_of_the_application_is_never_overwritten,
}
