//! Point 6 on real servers: who waits for whom, and what is read only after the wait. Owns one
//! moment for each clause; that ghosts and deadlocks follow without them is in the races tests.

use fieldseal_db::{Bind, Dialect};
use fieldseal_model::Operation;
use fieldseal_tests::course::{change, version};
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::MemorySource;

use crate::holder::{
    Mode, advisory_locks_of_others, holding, is_free, somebody_waits, while_it_waits, write,
};
use crate::{OTHERS, THINGS, at, bury, rig, versions};

/// A batch that deletes excludes everyone, and so asks for the stronger lock from the start.
async fn a_delete_waits_for_who_shares_the_table(server: Server) {
    let rig = rig(server).await;
    let held = holding(&rig, &[THINGS], Mode::Shared).await;
    let deletes = MemorySource::of(vec![change(Operation::Delete, THINGS, 1, 10)]);
    while_it_waits(&rig, rig.run(deletes), held, async |held| {
        if held.dialect() == Dialect::Postgres {
            let others = advisory_locks_of_others(held).await;
            assert_eq!(others, 0, "who waits has no weaker lock already");
        }
    })
    .await;
    rig.end().await;
}

/// Batches that only write run side by side.
async fn writes_share_the_table(server: Server) {
    let rig = rig(server).await;
    let held = holding(&rig, &[OTHERS, THINGS], Mode::Shared).await;
    let writes = MemorySource::of(vec![change(Operation::Insert, THINGS, 1, 7)]);
    tokio::select! {
        _ = rig.run(writes) => {}
        () = somebody_waits(&rig) => panic!("it waits for who only shares the table"),
    }
    held.commit().await.unwrap();
    assert_eq!(versions(&rig).await, at(&[(1, 7)]));
    rig.end().await;
}

/// The ghost: what was buried during the wait must be seen after it.
async fn a_write_sees_the_tombstone_it_waited_for(server: Server) {
    let rig = rig(server).await;
    // Another tombstone, so that nobody skips the look-up because there is none at all.
    rig.run(MemorySource::default().shard("first", vec![change(Operation::Delete, THINGS, 9, 1)]))
        .await;
    let held = holding(&rig, &[THINGS], Mode::Exclusive).await;
    let writes = MemorySource::of(vec![change(Operation::Insert, THINGS, 1, 7)]);
    while_it_waits(&rig, rig.run(writes), held, async |held| {
        bury(held, 1, version(10)).await;
    })
    .await;
    assert_eq!(versions(&rig).await, at(&[]));
    rig.end().await;
}

/// The floor that was raised during the wait counts, though nothing else about the table changed.
async fn a_write_sees_the_floor_it_waited_for(server: Server) {
    let rig = rig(server).await;
    let held = holding(&rig, &[THINGS], Mode::Exclusive).await;
    let writes = MemorySource::of(vec![
        change(Operation::Insert, THINGS, 1, 7),
        change(Operation::Insert, THINGS, 2, 12),
    ]);
    while_it_waits(&rig, rig.run(writes), held, async |held| {
        let raise = "UPDATE fieldseal_tables SET floor = ? WHERE table_id = ?";
        let floor = version(10);
        let binds = [Bind::from(floor.as_bytes()), Bind::from(THINGS)];
        write(held, raise, &binds).await;
    })
    .await;
    assert_eq!(versions(&rig).await, at(&[(2, 12)]));
    rig.end().await;
}

/// In one order, so that nobody holds what another one waits for.
async fn tables_are_locked_in_one_order(server: Server) {
    let rig = rig(server).await;
    let held = holding(&rig, &[OTHERS], Mode::Exclusive).await;
    let writes = MemorySource::of(vec![
        change(Operation::Insert, THINGS, 1, 7),
        change(Operation::Insert, OTHERS, 1, 7),
    ]);
    while_it_waits(&rig, rig.run(writes), held, async |_| {
        assert!(
            is_free(&rig, THINGS).await,
            "the first table's lock comes first"
        );
    })
    .await;
    rig.end().await;
}

/// What begins, completes or sweeps takes the table alone, too.
async fn a_beginning_waits_for_who_shares_the_table(server: Server) {
    let rig = rig(server).await;
    let held = holding(&rig, &[THINGS], Mode::Shared).await;
    let known = rig.store.known_shards().await.unwrap();
    let begin = rig.store.begin_epoch(&known, &[]);
    let begun = while_it_waits(&rig, begin, held, async |_| {}).await;
    begun.unwrap();
    rig.end().await;
}

on_servers! {
    a_delete_waits_for_who_shares_the_table,
    writes_share_the_table,
    a_write_sees_the_tombstone_it_waited_for,
    a_write_sees_the_floor_it_waited_for,
    tables_are_locked_in_one_order,
    a_beginning_waits_for_who_shares_the_table,
}
