//! Somebody else's transaction that holds what a batch needs. Owns taking a table's lock as the
//! store does, and telling that somebody waits: asked of the server, so no test guesses a time.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use fieldseal_db::{Bind, DbError, Dialect, Row, Sql, Transaction};
use fieldseal_tests::harness::Rig;

/// PostgreSQL's advisory keys: the class in the upper half, the table's number in the lower.
const ADVISORY_CLASS: i64 = 0x4653 << 32;

/// Only a hang lasts so long.
const HANG: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Shared,
    Exclusive,
}

/// A transaction that holds the locks of these tables.
pub(crate) async fn holding(rig: &Rig, tables: &[&str], mode: Mode) -> Transaction {
    let mut tx = rig.database.database.begin().await.unwrap();
    for table in tables {
        let sql = match (tx.dialect(), mode) {
            (Dialect::Postgres, Mode::Shared) => "SELECT COUNT(pg_advisory_xact_lock_shared(?))",
            (Dialect::Postgres, Mode::Exclusive) => "SELECT COUNT(pg_advisory_xact_lock(?))",
            (_, Mode::Shared) => {
                "SELECT floor FROM fieldseal_tables WHERE table_id = ? LOCK IN SHARE MODE"
            }
            (_, Mode::Exclusive) => {
                "SELECT floor FROM fieldseal_tables WHERE table_id = ? FOR UPDATE"
            }
        };
        take(&mut tx, rig, table, sql).await.unwrap();
    }
    tx
}

/// Whether somebody else could have the table's lock alone, at once.
pub(crate) async fn is_free(rig: &Rig, table: &str) -> bool {
    let mut tx = rig.database.database.begin().await.unwrap();
    let sql = match tx.dialect() {
        // As an error where it is not free, as on MariaDB.
        Dialect::Postgres => "SELECT 1 / CAST(pg_try_advisory_xact_lock(?) AS int)",
        _ => "SELECT floor FROM fieldseal_tables WHERE table_id = ? FOR UPDATE NOWAIT",
    };
    let free = take(&mut tx, rig, table, sql).await.is_ok();
    tx.rollback().await.unwrap();
    free
}

/// Drives `work` until it waits for a lock, lets `then` do something with the holder's transaction, commits
/// that, and drives `work` to its end.
///
/// `work` must begin to wait, and it must not end before: that is the test.
pub(crate) async fn while_it_waits<T>(
    rig: &Rig,
    work: impl Future<Output = T>,
    mut held: Transaction,
    then: impl AsyncFnOnce(&mut Transaction),
) -> T {
    let mut work = pin!(tokio::time::timeout(HANG, work));
    tokio::select! {
        _ = &mut work => panic!("it did not wait for who holds the lock"),
        () = somebody_waits(rig) => {}
    }
    then(&mut held).await;
    held.commit().await.unwrap();
    work.await.expect("it goes on when the lock is free")
}

/// Until the server says so.
pub(crate) async fn somebody_waits(rig: &Rig) {
    while waiting(rig).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn waiting(rig: &Rig) -> i64 {
    let rows = match rig.database.dialect() {
        // Not in a transaction: there, what it shows stays as it was at first.
        Dialect::Postgres => {
            let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            rig.query(sql, &[]).await
        }
        _ => innodb_waiting(rig).await,
    };
    rows[0].int(0).unwrap()
}

/// InnoDB's list is a copy that is renewed only when nobody, on the whole server, has asked for a
/// tenth of a second: so all who ask take turns, and each lets that time pass first.
async fn innodb_waiting(rig: &Rig) -> Vec<Row> {
    // One connection for it all: a named lock belongs to its session.
    let mut asking = rig.database.database.begin().await.unwrap();
    for turn in [
        "SELECT GET_LOCK('asks for INNODB_TRX', 60)",
        "SELECT SLEEP(0.12)",
    ] {
        asking.query(turn, &[]).await.unwrap();
    }
    let sql = "SELECT COUNT(*) FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id WHERE p.DB = DATABASE() AND t.trx_state = 'LOCK WAIT'";
    let rows = asking.query(sql, &[]).await.unwrap();
    let next = "SELECT RELEASE_LOCK('asks for INNODB_TRX')";
    asking.query(next, &[]).await.unwrap();
    asking.rollback().await.unwrap();
    rows
}

/// How many table locks somebody else was given (PostgreSQL).
pub(crate) async fn advisory_locks_of_others(held: &mut Transaction) -> i64 {
    let sql = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    held.query(sql, &[]).await.unwrap()[0].int(0).unwrap()
}

/// Runs a statement whose one parameter names the table's lock.
async fn take(
    tx: &mut Transaction,
    rig: &Rig,
    table: &str,
    sql: &'static str,
) -> Result<(), DbError> {
    let rows = "SELECT number FROM fieldseal_tables WHERE table_id = ?";
    let rows = rig.query(rows, &[Bind::from(table)]).await;
    let key = ADVISORY_CLASS | rows[0].int(0).unwrap();
    let lock = match tx.dialect() {
        Dialect::Postgres => Bind::from(key),
        _ => Bind::from(table),
    };
    tx.query(sql, &[lock]).await.map(drop)
}

/// A statement of the holder's own.
pub(crate) async fn write(held: &mut Transaction, sql: &str, binds: &[Bind<'_>]) {
    let sql = Sql::dynamic(sql.to_owned());
    held.execute(sql, binds).await.unwrap();
}
