//! The binary asking a real source: `generation begin` that reads L, waits and says when DMS may
//! start, and `check`. Owns what a person sees; what is asked is tested in `source`.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

use std::fs;
use std::process::Output;
use std::time::Duration;

use fieldseal_db::{Connect, Database, Sql};
use fieldseal_dms::{
    Encoder, PartitionKey, RowRecord, Spelling, Transaction, Wire, mysql_stream_position,
    postgres_stream_position,
};
use fieldseal_model::{Engine, Operation, Position};
use fieldseal_tests::databases::{Server, TestDatabase, run};
use fieldseal_tests::harness::binary::fieldseal;
use tempfile::TempDir;

/// A folder with a policy whose source is the test's database.
struct Folder(TempDir);

impl Folder {
    /// With the target migrated; `source` is further lines of `[source]`.
    fn new(engine: &str, url: &str, schema: &str, source: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let policy = format!(
            "[source]\nid = \"shop\"\nengine = \"{engine}\"\nfiles.dir = \"records\"\n{source}\n\
             [target]\nurl = \"sqlite://target.db\"\n\
             [keys]\ndeployment = \"tests\"\nlocal.root_file = \"root.key\"\n\
             [tables.\"{schema}.orders\"]\nid = \"orders\"\nkey = {{ id = \"integer\" }}\n\
             columns.customer = \"keep\"\n"
        );
        fs::create_dir(folder.0.path().join("records")).unwrap();
        fs::write(folder.0.path().join("policy.toml"), policy).unwrap();
        fs::write(folder.0.path().join("source.url"), format!("{url}\n")).unwrap();
        folder.call(&["migrate"], 0);
        folder
    }

    fn call(&self, args: &[&str], code: i32) -> (String, String) {
        said(self.output(args), code)
    }

    fn output(&self, args: &[&str]) -> Output {
        let config = ["--config", "policy.toml"];
        fieldseal(self.0.path(), &[args, &config].concat())
    }

    fn generations(&self) -> String {
        self.call(&["generation", "list"], 0).0
    }
}

fn said(output: Output, code: i32) -> (String, String) {
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    (out, err)
}

const BEGIN: [&str; 5] = ["generation", "begin", "--all", "--capture", "stopped"];
const URL: &str = "url_file = \"source.url\"";

#[tokio::test]
async fn l_is_read_at_mariadb_and_the_generation_begins_there() {
    let test = TestDatabase::on(Server::MariaDb).await;
    let folder = Folder::new("mariadb", &test.url, "shop", URL);
    let (out, _) = folder.call(&BEGIN, 0);
    let (_, rest) = out.split_once("L is ").expect("L is said");
    let (position, rest) = rest.split_once(',').unwrap();
    assert!(rest.contains("generation 1 of orders begins"), "{out}");
    assert!(rest.contains("DMS may be started now"), "{out}");
    assert!(folder.generations().contains(position), "{out}");
    let (_, password) = test.url.split_once(':').unwrap();
    let (password, _) = password.rsplit_once('@').unwrap();
    assert!(!out.contains(password), "no password is printed");

    let quiet = [&BEGIN[..], &["--no-heartbeat"]].concat();
    folder.call(&quiet, 0);
    let by_hand = [&BEGIN[..], &["--position", "bin.000009:4"]].concat();
    let (_, both) = folder.call(&by_hand, 2);
    assert!(both.contains("leave --position out"), "{both}");
    test.end().await;
}

/// A source that was restored hands out positions that lie below those of changes it sent before:
/// its new ones would all lose. Also where capture is unbroken, in which changes beyond L are no
/// surprise otherwise.
async fn a_log_that_fell_back_needs_a_new_epoch(server: Server, record: Vec<u8>) {
    let test = TestDatabase::on(server).await;
    let engine = match server {
        Server::Postgres => "postgres",
        _ => "mariadb",
    };
    let folder = Folder::new(engine, &test.url, "shop", URL);
    let tables = folder.call(&["schema"], 0).0;
    let target = format!("sqlite://{}/target.db", folder.0.path().display());
    let target = Database::connect(&target, Connect::default())
        .await
        .unwrap();
    target.execute_script(Sql::dynamic(tables)).await.unwrap();
    target.close().await;
    // Nothing was applied yet, so any L will do.
    folder.call(&BEGIN, 0);
    fs::write(folder.0.path().join("records/a.jsonl"), record).unwrap();
    folder.call(&["run", "--until-idle"], 0);
    for capture in ["stopped", "unbroken"] {
        let begin = ["generation", "begin", "--all", "--capture", capture];
        let (out, err) = folder.call(&begin, 4);
        assert!(!out.contains("DMS may be started"), "{out}");
        assert!(err.contains("fieldseal epoch begin"), "{capture}: {err}");
    }
    let (found, _) = folder.call(&["check"], 4);
    assert!(found.contains("error (source): its log ends at"), "{found}");
    folder.call(&["epoch", "begin"], 0);
    let found = folder.output(&["check"]);
    let found = String::from_utf8(found.stdout).unwrap();
    assert!(!found.contains("its log ends at"), "{found}");
    folder.call(&BEGIN, 0);
    test.end().await;
}

/// An insert into `shop.orders` at this position.
fn change(at: Position, place: &str) -> Vec<u8> {
    Encoder::new(Spelling::Compact).row(&RowRecord {
        operation: Operation::Insert,
        schema: "shop",
        table: "orders",
        timestamp: "2024-05-02T08:00:00.000000Z",
        partition_key: PartitionKey::SchemaTable,
        transaction: Some(Transaction {
            id: at.0,
            record: 1,
            previous: None,
            commit_timestamp: "2024-05-02T07:59:59.000000Z",
            stream_position: place,
        }),
        data: &[("id", Wire::Number("1")), ("customer", Wire::Text("7"))],
        before: None,
    })
}

#[tokio::test]
async fn a_log_that_fell_back_needs_a_new_epoch_on_mariadb() {
    let at = Position::mysql(900_000, 4_000);
    let place = mysql_stream_position("mysql-bin", at, 4_000, 4_300, 4_400);
    let record = change(at, &place);
    a_log_that_fell_back_needs_a_new_epoch(Server::MariaDb, record).await;
}

#[tokio::test]
async fn a_log_that_fell_back_needs_a_new_epoch_on_postgres() {
    let at = Position::parse(Engine::Postgres, "FFFFFF/10").unwrap();
    let record = change(at, &postgres_stream_position(at));
    a_log_that_fell_back_needs_a_new_epoch(Server::Postgres, record).await;
}

#[tokio::test]
async fn without_a_url_the_operator_says_what_l_is() {
    let folder = Folder::new("mysql", "", "shop", "");
    let (_, neither) = folder.call(&BEGIN, 2);
    assert!(neither.contains("--position"), "{neither}");
    let (_, neither) = folder.call(&["schema", "--from-source"], 2);
    assert!(neither.contains("url_env or url_file"), "{neither}");
    let by_hand = [&BEGIN[..], &["--position", "bin.000009:4"]].concat();
    let (out, _) = folder.call(&by_hand, 0);
    assert!(out.contains("a write was committed there"), "{out}");
}

#[tokio::test]
async fn nothing_begins_before_every_open_transaction_of_postgres_has_ended() {
    let test = TestDatabase::on(Server::Postgres).await;
    let folder = Folder::new("postgres", &test.url, "public", URL);
    run(&test.database, &["CREATE TABLE t (id INT)"]).await;
    let writer = test.one_connection().await;
    run(&writer, &["BEGIN", "INSERT INTO t VALUES (1)"]).await;
    let gave_up = [&BEGIN[..], &["--wait", "0"]].concat();
    let (out, err) = folder.call(&gave_up, 4);
    assert!(err.contains("nothing has begun: after 0 s"), "{err}");
    assert!(!out.contains("DMS may be started"), "{out}");
    assert!(
        !folder.generations().contains("orders"),
        "nothing has begun"
    );

    let asking = async || {
        let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND query LIKE 'WITH open AS%'";
        test.database.query(sql, &[]).await.unwrap()[0]
            .int(0)
            .unwrap()
    };
    while asking().await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let patient = [&BEGIN[..], &["--wait", "120"]].concat();
    let (begun, folder) = {
        let folder = std::sync::Arc::new(folder);
        let begins = std::sync::Arc::clone(&folder);
        let begun = tokio::task::spawn_blocking(move || begins.output(&patient));
        (begun, folder)
    };
    // The command asks whether the transaction has ended, so it has read L and waits.
    while asking().await == 0 {
        assert!(!begun.is_finished(), "it waits");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(
        !folder.generations().contains("orders"),
        "nothing has begun"
    );
    run(&writer, &["COMMIT"]).await;
    let (out, _) = said(begun.await.unwrap(), 0);
    assert!(out.contains("waiting: "), "{out}");
    assert!(out.contains("DMS may be started now"), "{out}");
    assert!(folder.generations().contains("orders"));
    writer.close().await;
    test.end().await;
}

#[tokio::test]
async fn check_and_schema_refuse_a_cascade_until_it_is_listed() {
    let test = TestDatabase::on(Server::MariaDb).await;
    run(
        &test.database,
        &[
            "CREATE TABLE customers (id INT PRIMARY KEY) ENGINE=InnoDB",
            "CREATE TABLE orders (id INT PRIMARY KEY, customer INT, CONSTRAINT of_customer \
             FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE) ENGINE=InnoDB",
        ],
    )
    .await;
    let (_, schema) = test.url.rsplit_once('/').unwrap();
    let folder = Folder::new("mysql", &test.url, schema, URL);
    let from = ["schema", "--from", &test.url];
    let (_, refused) = folder.call(&from, 4);
    assert!(
        refused.contains("\"of_customer\" has ON DELETE CASCADE"),
        "{refused}"
    );
    let (out, _) = folder.call(&["check"], 4);
    assert!(out.contains("error (source): table"), "{out}");
    assert!(
        out.contains("\"of_customer\" has ON DELETE CASCADE"),
        "{out}"
    );

    let path = folder.0.path().join("policy.toml");
    let policy = fs::read_to_string(&path).unwrap();
    let listed = policy.replace(
        "key = { id = \"integer\" }",
        "key = { id = \"integer\" }\naccept_cascades = [\"of_customer\"]",
    );
    fs::write(&path, listed).unwrap();
    folder.call(&from, 0);
    let (out, _) = folder.call(&["check"], 4);
    // What is left is the target's, whose tables were not made.
    assert!(!out.contains("error (source)"), "{out}");
    test.end().await;
}

/// The test servers have no TLS, and by this address they are another host's.
#[tokio::test]
async fn a_source_on_another_host_is_asked_by_tls_only() {
    for server in [Server::MariaDb, Server::Postgres] {
        let test = TestDatabase::on(server).await;
        let url = test.url.replace("127.0.0.1", "0.0.0.0");
        assert_ne!(url, test.url);
        let engine = match server {
            Server::Postgres => "postgres",
            _ => "mysql",
        };
        let folder = Folder::new(engine, &url, "shop", URL);
        for from in [
            &["schema", "--from-source"][..],
            &["schema", "--from", &url],
        ] {
            let (_, err) = folder.call(from, 6);
            assert!(
                err.contains("cannot be reached"),
                "{server:?}, {from:?}: {err}"
            );
        }
        let (out, _) = folder.call(&["check"], 4);
        assert!(out.contains("cannot be reached"), "{server:?}: {out}");
        test.end().await;
    }
}

/// What stands where the source's URL should be may be one with a slip in it, password and all.
#[test]
fn what_is_no_url_of_the_source_is_neither_shown_nor_read() {
    for slip in [
        "host=db user=app password=hunter2 dbname=shop",
        "db.example.com?user=app&password=hunter2",
        "app:hunter2/x",
        "POSTGRES://app:hunter2@db/x",
        "policy.toml",
        "",
    ] {
        let folder = Folder::new("postgres", slip, "public", URL);
        let (out, err) = folder.call(&["schema", "--from-source"], 3);
        assert!(err.contains("--from-source: "), "{slip}: {err}");
        for part in ["hunter2", "app", "policy.toml:", "CREATE TABLE"] {
            assert!(
                !out.contains(part) && !err.contains(part),
                "{slip}: {out}{err}"
            );
        }
    }
    let folder = Folder::new("postgres", "", "public", "");
    let both = ["schema", "--from-source", "--from", "x"];
    folder.call(&both, 2);
    folder.call(&["schema", "--from", ""], 2);
}

/// A kind is permanent once it is recorded, so it is compared with the source's column before.
#[tokio::test]
async fn check_and_schema_refuse_a_kind_that_the_source_has_not() {
    let test = TestDatabase::on(Server::MariaDb).await;
    let table = "CREATE TABLE orders (id INT PRIMARY KEY, customer INT, born DATE, more INT)";
    run(&test.database, &[table]).await;
    let (_, schema) = test.url.rsplit_once('/').unwrap();
    let folder = Folder::new("mysql", &test.url, schema, URL);
    let path = folder.0.path().join("policy.toml");
    let policy = fs::read_to_string(&path).unwrap();
    let sealed = |kind: &str| {
        let column = format!("columns.born = {{ seal = \"identity\", kind = \"{kind}\" }}\n");
        fs::write(&path, format!("{policy}{column}")).unwrap();
    };
    sealed("integer");
    let from = ["schema", "--from", &test.url];
    let wanted = "column born: the source declares it date, the policy kind = \"integer\": no value \
                  would be taken; say kind = \"date\"";
    let (_, refused) = folder.call(&from, 4);
    assert!(refused.contains(wanted), "{refused}");
    let (out, _) = folder.call(&["check"], 4);
    assert!(out.contains("error (source): table"), "{out}");
    assert!(out.contains(wanted), "{out}");

    sealed("date");
    let printed = folder.call(&from, 0).0;
    // The policy's own source, so that no password stands in the command.
    assert_eq!(folder.call(&["schema", "--from-source"], 0).0, printed);
    assert!(printed.contains("customer\" INTEGER"), "{printed}");
    let (out, _) = folder.call(&["check"], 4);
    // What is left is the target's, whose tables were not made.
    assert!(!out.contains("error (source)"), "{out}");
    let unlisted = "warning (source): table";
    assert!(
        out.contains(unlisted) && out.contains("columns more:"),
        "{out}"
    );
    test.end().await;
}

/// What `run` refuses at its start, `check` says before, and changes nothing.
#[tokio::test]
async fn check_compares_the_policy_with_what_is_recorded() {
    let folder = Folder::new("mysql", "", "shop", "");
    let path = folder.0.path().join("policy.toml");
    let policy = fs::read_to_string(&path).unwrap();
    let sealed = |domain: &str| {
        let column = format!("columns.note = {{ seal = \"{domain}\", kind = \"text\" }}\n");
        fs::write(&path, format!("{policy}{column}")).unwrap();
    };
    sealed("contact");
    let (out, _) = folder.call(&["check"], 4);
    assert!(!out.contains("was recorded as"), "{out}");
    folder.call(&["migrate"], 0);
    sealed("identity");
    let (out, _) = folder.call(&["check"], 4);
    assert!(out.contains("was recorded as"), "{out}");
    sealed("contact");
    let (out, _) = folder.call(&["check"], 4);
    assert!(!out.contains("was recorded as"), "{out}");
}
