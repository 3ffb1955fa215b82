//! How every transaction begins (point 6): asked of the server, on one whose default is another.
//! Owns no rule of the store's.

use fieldseal_db::{Connect, Database, DbErrorKind, Sql};
use fieldseal_tests::databases::{Server, TestDatabase};

#[tokio::test]
async fn a_transaction_is_read_committed_on_postgres() {
    let test = TestDatabase::on(Server::Postgres).await;
    let name = text(&test.database, "SELECT current_database()").await;
    let default =
        format!("ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'");
    let set = test.database.execute(Sql::dynamic(default), &[]).await;
    set.unwrap();
    let fresh = Database::connect(&test.url, Connect::default())
        .await
        .unwrap();
    let session = text(&fresh, "SHOW default_transaction_isolation").await;
    assert_eq!(session, "repeatable read", "the default is another one");
    let idle = "SHOW idle_in_transaction_session_timeout";
    assert_ne!(text(&fresh, idle).await, "0", "an idle holder is ended");
    let mut tx = fresh.begin().await.unwrap();
    let level = tx.query("SHOW transaction_isolation", &[]).await.unwrap();
    assert_eq!(level[0].text(0).unwrap(), "read committed");
    tx.rollback().await.unwrap();
    fresh.close().await;
    test.end().await;
}

/// A connection as an application's pool makes it may lead to a server's session that others get next,
/// behind a proxy: the limit is each transaction's own and nothing of it stays.
#[tokio::test]
async fn a_guest_leaves_nothing_in_the_session_on_postgres() {
    let test = TestDatabase::on(Server::Postgres).await;
    let pool = sqlx::PgPool::connect(&test.url).await.unwrap();
    let lent = Database::from(&pool);
    let idle = "SHOW idle_in_transaction_session_timeout";
    assert_eq!(text(&lent, idle).await, "0", "the session's");
    let mut tx = lent.begin().await.unwrap();
    let within = tx.query(idle, &[]).await.unwrap();
    assert_eq!(within[0].text(0).unwrap(), "1min", "the transaction's");
    let level = tx.query("SHOW transaction_isolation", &[]).await.unwrap();
    assert_eq!(level[0].text(0).unwrap(), "read committed");
    tx.commit().await.unwrap();
    assert_eq!(text(&lent, idle).await, "0", "the session's again");
    lent.close().await;
    pool.close().await;
    test.end().await;
}

#[tokio::test]
async fn a_transaction_is_read_committed_on_mariadb() {
    let test = TestDatabase::on(Server::MariaDb).await;
    let default = text(&test.database, "SELECT @@GLOBAL.tx_isolation").await;
    assert_eq!(default, "REPEATABLE-READ", "the default is another one");
    let idle = text(
        &test.database,
        "SELECT CAST(@@SESSION.wait_timeout AS CHAR)",
    )
    .await;
    assert_eq!(idle, "60", "an idle holder is ended");
    let mut tx = test.database.begin().await.unwrap();
    let level = tx
        .query("SELECT @@SESSION.tx_isolation", &[])
        .await
        .unwrap();
    assert_eq!(level[0].text(0).unwrap(), "READ-COMMITTED");
    tx.rollback().await.unwrap();
    test.end().await;
}

/// SQLite has one lock for all, and a transaction that reads before it has it would read what is
/// no longer so when it writes.
#[tokio::test]
async fn a_transaction_holds_the_lock_from_its_beginning_on_sqlite() {
    let test = TestDatabase::on(Server::Sqlite).await;
    let other = test.one_connection().await;
    let tx = test.database.begin().await.unwrap();
    let begun = other
        .execute_script("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE")
        .await;
    let error = begun.expect_err("the lock is held");
    assert_eq!(error.kind(), DbErrorKind::Contention);
    tx.rollback().await.unwrap();
    other.close().await;
    test.end().await;
}

async fn text(database: &Database, sql: &'static str) -> String {
    let rows = database.query(sql, &[]).await.unwrap();
    rows[0].text(0).unwrap()
}
