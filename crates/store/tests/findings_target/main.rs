//! Every finding about a target, on each real server where it applies: a good target is broken
//! in one way, and exactly that is reported. Owns the breaking; the cases are in its modules.

#[path = "../../../../tests/src/databases.rs"]
#[allow(dead_code, unreachable_pub)]
mod databases;

mod columns;
mod sessions;
mod tables;
mod written_columns;

use databases::{Server, TestDatabase};
use fieldseal_db::Sql;
use fieldseal_policy::Policy;
use fieldseal_store::{Severity, create_tables, findings};

const POLICY: &str = r"
[source]
id = 'shop'
engine = 'mysql'
files.dir = 'source'
[target]
url = 'sqlite://target.db'
[keys]
deployment = 'test'
local.root_file = 'root.key'
[tables.'shop.people']
key = [{ id = 'integer' }, { code = 'text' }]
[tables.'shop.people'.columns]
points = 'keep'
[tables.'shop.people'.columns.email]
seal = 'contact'
kind = 'text'
index = [{ name = 'exact', normalise = ['trim/1'], column = 'email_bidx' }]
mask = [{ keep_last = 4, column = 'email_last' }]
";

/// Changes the printed target and says which finding that makes: severity, column, a word of it.
struct Case<'a> {
    servers: &'a [Server],
    /// What of the printed text is replaced, by what.
    replace: (&'a str, &'a str),
    /// Run after the tables were made.
    then: &'a str,
    severity: Severity,
    column: Option<&'a str>,
    word: &'a str,
}

const ALL: &[Server] = &[Server::Sqlite, Server::Postgres, Server::MariaDb];

const fn case<'a>(
    servers: &'a [Server],
    replace: (&'a str, &'a str),
    column: Option<&'a str>,
    word: &'a str,
) -> Case<'a> {
    Case {
        servers,
        replace,
        then: "",
        severity: Severity::Error,
        column,
        word,
    }
}

const fn then<'a>(servers: &'a [Server], then: &'a str, word: &'a str) -> Case<'a> {
    Case {
        then,
        ..case(servers, ("", ""), None, word)
    }
}

/// The policy, and the target that is printed for it.
fn printed(test: &TestDatabase) -> (Policy, String) {
    let policy = Policy::parse(POLICY).expect("the policy is right");
    let printed = create_tables(&policy, test.dialect(), None).expect("it can be printed");
    (policy, printed)
}

/// The printed target with one change; the findings about it.
async fn check(server: Server, case: &Case<'_>) {
    let test = TestDatabase::on(server).await;
    let (policy, printed) = printed(&test);
    // One spelling of quotes for all dialects, so that one case holds for all.
    let plain = printed
        .replace(['`', '"'], "")
        .replace("COLLATE C", "COLLATE \"C\"");
    let (from, to) = case.replace;
    let changed = if from.is_empty() {
        plain.clone()
    } else {
        plain.replacen(from, to, 1)
    };
    assert!(
        from.is_empty() || changed != plain,
        "{server:?}: no {from} in\n{plain}"
    );
    let script = format!("{changed}\n{}", case.then);
    let run = test.database.execute_script(Sql::dynamic(script)).await;
    run.unwrap_or_else(|error| panic!("{server:?}: {error}\n{changed}\n{}", case.then));
    let found = findings(&test.database, &policy)
        .await
        .expect("the target answers");
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    let all = texts.join("\n");
    assert!(
        found.iter().zip(&texts).any(|(finding, text)| {
            finding.severity == case.severity
                && finding.column.as_deref() == case.column
                && text.contains(case.word)
        }),
        "{server:?}: expected \"{}\", found\n{all}\nin\n{changed}{}",
        case.word,
        case.then
    );
    // One change, one cause: nothing else is an error of another column.
    for finding in found
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
    {
        assert_eq!(finding.column.as_deref(), case.column, "{server:?}: {all}");
    }
    test.end().await;
}

async fn check_all(cases: &[Case<'_>]) {
    for case in cases {
        for server in case.servers {
            check(*server, case).await;
        }
    }
}
