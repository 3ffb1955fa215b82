//! Clauses of the ordering rule (`docs/ORDERING.md`) that random histories on SQLite cannot miss:
//! locks and guards as each server has them, what a worker must notice while it runs, and records
//! that no source writes by itself. Each test sets up the one moment at which its clause decides;
//! `tests/mutations/README.md` says which patch takes which clause out.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a panic is the failure, and it says what it tried"
)]

/// Each test on each server, in modules by whose names one server's can be chosen.
macro_rules! on_servers {
    ($($test:ident),* $(,)?) => {
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(super::Server::Postgres).await;
                }
            )*
        }

        mod mariadb {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(super::Server::MariaDb).await;
                }
            )*
        }
    };
}

mod guards;
mod holder;
mod locks;
mod records;
mod transactions;
mod workers;

use fieldseal_db::{Bind, Row, Transaction};
use fieldseal_model::{Engine, Epoch, RowKey, RowVersion, SourceOrder, Value};
use fieldseal_tests::course;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{Rig, policy};

/// Tables of one key column `id` and one sealed column `note`, in the order of their ids.
const OTHERS: &str = course::TABLES[0];
const THINGS: &str = course::TABLES[1];

async fn rig(server: Server) -> Rig {
    Rig::new(server, policy(course::POLICY)).await
}

/// The version of the course's `n`th change in this epoch.
fn version_in(epoch: u32, n: u32) -> RowVersion {
    let order = SourceOrder {
        engine: Engine::MySql,
        position: fieldseal_tests::harness::records::position(n),
        record: 1,
    };
    RowVersion::of_change(Epoch(epoch), order).unwrap()
}

/// A tombstone of a key of `things`, put there by hand.
async fn bury(tx: &mut Transaction, id: u64, version: RowVersion) {
    let value = Value::integer(&id.to_string()).unwrap();
    let digest = RowKey::new([&value]).unwrap().digest();
    let sql = "INSERT INTO fieldseal_tombstones (table_number, digest, version) SELECT number, ?, ? FROM fieldseal_tables WHERE table_id = ?";
    let binds = [
        Bind::from(&digest),
        Bind::from(version.as_bytes()),
        Bind::from(THINGS),
    ];
    tx.execute(sql, &binds).await.unwrap();
}

/// The versions stored in `things`, by key.
async fn versions(rig: &Rig) -> Vec<(i64, Vec<u8>)> {
    let sql = "SELECT id, _fieldseal_version FROM things ORDER BY id";
    let rows = rig.query(sql, &[]).await;
    let row = |row: &Row| (row.int(0).unwrap(), row.bytes(1).unwrap());
    rows.iter().map(row).collect()
}

/// What `versions` answers for these keys at the course's changes of the first epoch.
fn at(rows: &[(i64, u32)]) -> Vec<(i64, Vec<u8>)> {
    let version = |n| course::version(n).as_bytes().to_vec();
    rows.iter().map(|(id, n)| (*id, version(*n))).collect()
}
