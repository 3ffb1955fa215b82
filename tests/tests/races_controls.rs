//! The controls of `races_store`: the same race in plain SQL, once with the locks as
//! `docs/ORDERING.md`, point 6, wants them, and once for each way to get them wrong. The right way
//! shows nothing; a wrong way that shows nothing fails its test, since then the race itself is no
//! longer there to be seen.

#![expect(clippy::print_stdout, reason = "a test says what it counted")]

use fieldseal_db::{Bind, Database, DbError, DbErrorKind, Dialect, Sql};
use fieldseal_tests::databases::{Server, TestDatabase};

/// Keys of one round.
const KEYS: u32 = 10;

/// The right way runs so many rounds; a wrong way stops at the first faults it shows.
const ROUNDS: u32 = 400;
const MOST_ROUNDS: u32 = 20_000;
const ENOUGH_GHOSTS: u64 = 5 * KEYS as u64;
const ENOUGH_DEADLOCKS: u64 = 3;

/// How the table's lock is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// First, once, at READ COMMITTED: as the store does.
    Right,
    /// Not at all.
    Unlocked,
    /// First, but at REPEATABLE READ, and behind another read: all that is read later is as old
    /// as that one. (On PostgreSQL the lock's own statement is such a read.)
    RepeatableRead,
    /// By the statement that writes, which sees what was there before it waited. (MariaDB and
    /// MySQL take the lock before they look wherever that can be: in a join, if the condition can
    /// be made one, or if it does not depend on what is seen. Hence one that does, by a value.)
    InsideTheStatement,
    /// On a row that is not there.
    RowMissing,
    /// Shared, and then exclusively.
    Upgraded,
}

/// What a race showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shown {
    rounds: u32,
    /// Rows whose key a newer delete had removed.
    ghosts: u64,
    /// Transactions that the database ended for another one's sake.
    deadlocks: u64,
}

macro_rules! ways {
    ($($server:ident $variant:ident: $right:ident, $($wrong:ident $way:ident $fault:ident),*;)*) => { $(
        mod $server {
            use super::{Server, Way, right, shows};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $right() {
                right(Server::$variant).await;
            }
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $wrong() {
                    shows(Server::$variant, Way::$way, |shown| shown.$fault).await;
                }
            )*
        }
    )* };
}

ways! {
    sqlite Sqlite: locked_first,
        unlocked Unlocked ghosts,
        upgraded Upgraded deadlocks;
    postgres Postgres: locked_first,
        unlocked Unlocked ghosts,
        repeatable_read RepeatableRead ghosts,
        inside_the_statement InsideTheStatement ghosts,
        row_missing RowMissing ghosts,
        upgraded Upgraded deadlocks;
    mariadb MariaDb: locked_first,
        unlocked Unlocked ghosts,
        repeatable_read RepeatableRead ghosts,
        inside_the_statement InsideTheStatement ghosts,
        row_missing RowMissing ghosts,
        upgraded Upgraded deadlocks;
    mysql MySql: locked_first,
        unlocked Unlocked ghosts,
        repeatable_read RepeatableRead ghosts,
        inside_the_statement InsideTheStatement ghosts,
        row_missing RowMissing ghosts,
        upgraded Upgraded deadlocks;
}

async fn right(server: Server) {
    if !server.is_there() {
        return;
    }
    let shown = race(server, Way::Right, ROUNDS).await;
    assert_eq!((shown.ghosts, shown.deadlocks), (0, 0));
}

async fn shows(server: Server, way: Way, fault: impl Fn(&Shown) -> u64) {
    if !server.is_there() {
        return;
    }
    let shown = race(server, way, MOST_ROUNDS).await;
    assert!(
        fault(&shown) > 0,
        "{way:?} shows no fault any more: the control is broken"
    );
}

/// Races until faults are shown, at most `rounds` times.
async fn race(server: Server, way: Way, rounds: u32) -> Shown {
    let test = TestDatabase::on(server).await;
    prepare(&test.database).await;
    let one = Racer::connect(&test, way).await;
    let other = Racer::connect(&test, way).await;
    let mut shown = Shown::default();
    while shown.rounds < rounds
        && shown.ghosts < ENOUGH_GHOSTS
        && shown.deadlocks < ENOUGH_DEADLOCKS
    {
        let keys = Keys(shown.rounds * KEYS);
        // A batch that only writes has no reason to upgrade its lock.
        let (first, second) = if way == Way::Upgraded {
            tokio::join!(one.delete(keys), other.delete(keys))
        } else {
            tokio::join!(one.delete(keys), other.write_late(keys))
        };
        shown.deadlocks += gave_way(first) + gave_way(second);
        shown.rounds += 1;
        shown.ghosts += ghosts(&test.database, keys).await;
    }
    println!("{server:?}, {way:?}: {shown:?}");
    one.database.close().await;
    other.database.close().await;
    test.end().await;
    shown
}

fn gave_way(outcome: Result<(), DbError>) -> u64 {
    match outcome {
        Ok(()) => 0,
        Err(error) if error.kind() == DbErrorKind::Contention => 1,
        Err(error) => panic!("the race itself failed: {error}"),
    }
}

async fn prepare(database: &Database) {
    let engine = match database.dialect() {
        Dialect::MySql => " ENGINE = InnoDB",
        _ => "",
    };
    for (table, columns) in [
        (
            "race_rows",
            "id BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL",
        ),
        (
            "race_tombstones",
            "id BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL",
        ),
        ("race_locks", "id BIGINT NOT NULL PRIMARY KEY"),
    ] {
        let create = Sql::dynamic(format!("CREATE TABLE {table} ({columns}){engine}"));
        database
            .execute(create, &[])
            .await
            .expect("the table is made");
    }
    let insert = "INSERT INTO race_locks (id) VALUES (1)";
    database
        .execute(insert, &[])
        .await
        .expect("the lock's row is written");
}

async fn ghosts(database: &Database, keys: Keys) -> u64 {
    let sql = "SELECT COUNT(*) FROM race_rows r JOIN race_tombstones t ON t.id = r.id AND t.version > r.version WHERE r.id BETWEEN ? AND ?";
    let rows = database.query(sql, &keys.binds()).await;
    let rows = rows.expect("the ghosts are counted");
    u64::try_from(rows[0].int(0).expect("a count")).expect("no negative count")
}

/// The keys of one round, from this one on.
#[derive(Clone, Copy)]
struct Keys(u32);

impl Keys {
    fn binds(self) -> [Bind<'static>; 2] {
        [Bind::from(self.0), Bind::from(self.0 + KEYS - 1)]
    }

    fn condition(self) -> String {
        format!("id BETWEEN {} AND {}", self.0, self.0 + KEYS - 1)
    }

    /// All of them as a table.
    fn table(self) -> String {
        let keys: Vec<String> = (self.0..self.0 + KEYS)
            .map(|key| format!("SELECT {key} AS id"))
            .collect();
        format!("({}) k", keys.join(" UNION ALL "))
    }
}

/// One connection that takes part.
struct Racer {
    database: Database,
    way: Way,
}

impl Racer {
    async fn connect(test: &TestDatabase, way: Way) -> Self {
        let database = test.one_connection().await;
        if way == Way::RepeatableRead {
            let sql = match database.dialect() {
                Dialect::Postgres => {
                    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ"
                }
                _ => "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            };
            database
                .execute_script(sql)
                .await
                .expect("the level is set");
        }
        Self { database, way }
    }

    /// Version 10 deletes the keys: whatever is there, and a tombstone for each.
    async fn delete(&self, keys: Keys) -> Result<(), DbError> {
        self.begin().await?;
        self.end(self.delete_inside(keys).await).await
    }

    async fn delete_inside(&self, keys: Keys) -> Result<(), DbError> {
        if self.way == Way::Upgraded {
            self.lock(Mode::Shared).await?;
            self.is_buried(keys).await?;
        }
        self.lock(Mode::Exclusive).await?;
        let guard = self.lock_inside(Mode::Exclusive);
        let delete = format!(
            "DELETE FROM race_rows WHERE {} AND version < 10{guard}",
            keys.condition()
        );
        self.write(delete).await?;
        let bury = format!(
            "INSERT INTO race_tombstones (id, version) SELECT k.id, 10 FROM {table} WHERE NOT EXISTS (SELECT 1 FROM race_tombstones t WHERE t.id = k.id)",
            table = keys.table()
        );
        self.write(bury).await
    }

    /// Version 7 comes late: it writes the keys unless they are buried.
    async fn write_late(&self, keys: Keys) -> Result<(), DbError> {
        self.begin().await?;
        self.end(self.write_late_inside(keys).await).await
    }

    async fn write_late_inside(&self, keys: Keys) -> Result<(), DbError> {
        self.lock(Mode::Shared).await?;
        if self.way != Way::InsideTheStatement && self.is_buried(keys).await? {
            return Ok(());
        }
        let condition = match self.way {
            Way::InsideTheStatement => format!(
                " WHERE NOT EXISTS (SELECT 1 FROM race_tombstones t WHERE t.id = k.id){}",
                self.lock_inside(Mode::Shared)
            ),
            _ => String::new(),
        };
        let insert = format!(
            "INSERT INTO race_rows (id, version) SELECT k.id, 7 FROM {}{condition}",
            keys.table()
        );
        self.write(insert).await
    }

    /// Unprepared: each text is used once.
    async fn write(&self, sql: String) -> Result<(), DbError> {
        self.database.execute_script(Sql::dynamic(sql)).await
    }

    async fn is_buried(&self, keys: Keys) -> Result<bool, DbError> {
        let sql = "SELECT id FROM race_tombstones WHERE id BETWEEN ? AND ?";
        let rows = self.database.query(sql, &keys.binds()).await?;
        Ok(!rows.is_empty())
    }

    /// SQLite has one lock, which is taken by the way a transaction begins.
    async fn begin(&self) -> Result<(), DbError> {
        let sql = match (self.database.dialect(), self.way) {
            (Dialect::Sqlite, Way::Unlocked) => return Ok(()),
            (Dialect::Sqlite, Way::Upgraded) => "BEGIN DEFERRED",
            (Dialect::Sqlite, _) => "BEGIN IMMEDIATE",
            _ => "BEGIN",
        };
        self.database.execute_script(sql).await
    }

    async fn end(&self, done: Result<(), DbError>) -> Result<(), DbError> {
        if self.database.dialect() == Dialect::Sqlite && self.way == Way::Unlocked {
            return done;
        }
        let sql = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.database.execute_script(sql).await;
        // A database may have rolled back already by itself.
        done.and(ended)
    }

    /// The lock in a statement of its own, where the way has one.
    async fn lock(&self, mode: Mode) -> Result<(), DbError> {
        let row = match self.way {
            Way::Unlocked | Way::InsideTheStatement => return Ok(()),
            Way::RowMissing => "2",
            Way::Right | Way::RepeatableRead | Way::Upgraded => "1",
        };
        if self.way == Way::RepeatableRead {
            self.database
                .query("SELECT id FROM race_locks", &[])
                .await?;
        }
        if let Some(sql) = lock_sql(self.database.dialect(), mode, row) {
            self.database.query(Sql::dynamic(sql), &[]).await?;
        }
        Ok(())
    }

    /// The lock as a condition of the statement that writes, where the way has it there.
    fn lock_inside(&self, mode: Mode) -> String {
        if self.way != Way::InsideTheStatement {
            return String::new();
        }
        let row = match (self.database.dialect(), mode) {
            (Dialect::MySql, Mode::Shared) => {
                "1 + (SELECT COUNT(*) FROM race_tombstones t WHERE t.id = k.id)"
            }
            _ => "1",
        };
        let sql = lock_sql(self.database.dialect(), mode, row);
        sql.map_or_else(String::new, |sql| format!(" AND 1 = ({sql})"))
    }
}

#[derive(Clone, Copy)]
enum Mode {
    Shared,
    Exclusive,
}

fn lock_sql(dialect: Dialect, mode: Mode, row: &str) -> Option<String> {
    let suffix = match (dialect, mode) {
        (Dialect::Sqlite, _) => return None,
        (Dialect::MySql, Mode::Shared) => "LOCK IN SHARE MODE",
        (Dialect::Postgres, Mode::Shared) => "FOR SHARE",
        (_, Mode::Exclusive) => "FOR UPDATE",
    };
    Some(format!(
        "SELECT id FROM race_locks WHERE id = {row} {suffix}"
    ))
}
