//! What an account may not do, and a session that is not strict.

use fieldseal_db::{Connect, Database, Sql};
use fieldseal_store::findings;

use crate::databases::Server::{MariaDb, Postgres};
use crate::databases::TestDatabase;
use crate::printed;

/// An account that may do less, made by the administrator of the servers.
#[tokio::test]
async fn privileges_of_the_account() {
    for server in [Postgres, MariaDb] {
        let test = TestDatabase::on(server).await;
        let (policy, printed) = printed(&test);
        let account = test
            .url
            .rsplit('/')
            .next()
            .expect("the URL names a database")
            .to_owned();
        let make = match server {
            MariaDb => format!(
                "CREATE USER '{account}'@'%' IDENTIFIED BY 'pw'; \
                 GRANT SELECT, INSERT ON people TO '{account}'@'%';"
            ),
            _ => format!(
                "CREATE ROLE {account} LOGIN PASSWORD 'pw'; \
                 GRANT SELECT, INSERT ON people TO {account}; \
                 REVOKE TEMPORARY ON DATABASE {account} FROM PUBLIC;"
            ),
        };
        let script = Sql::dynamic(format!("{printed}\n{make}"));
        test.database
            .execute_script(script)
            .await
            .expect("the administrator may do this");
        let (scheme, rest) = test.url.split_once("://").expect("a URL has a scheme");
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        let url = format!("{scheme}://{account}:pw@{place}");
        let lesser = Database::connect(&url, Connect::default())
            .await
            .expect("it may log in");
        let found = findings(&lesser, &policy)
            .await
            .expect("the target answers");
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        let all = texts.join("\n");
        assert!(all.contains("may not UPDATE, DELETE"), "{server:?}: {all}");
        match server {
            MariaDb => assert!(all.contains("cannot see whether it has triggers"), "{all}"),
            _ => assert!(all.contains("temporary tables"), "{all}"),
        }
        lesser.close().await;
        let drop = match server {
            MariaDb => format!("DROP USER '{account}'@'%'"),
            _ => format!("DROP OWNED BY {account}; DROP ROLE {account};"),
        };
        test.database
            .execute_script(Sql::dynamic(drop))
            .await
            .expect("it was made above");
        test.end().await;
    }
}

/// A session whose sql_mode is not strict, set for new sessions by the URL's account alone.
#[tokio::test]
async fn a_lenient_sql_mode_is_refused() {
    let test = TestDatabase::on(MariaDb).await;
    let (policy, printed) = printed(&test);
    test.database
        .execute_script(Sql::dynamic(printed))
        .await
        .expect("it is valid");
    let lenient = test.one_connection().await;
    lenient
        .execute("SET SESSION sql_mode = ''", &[])
        .await
        .expect("a session may");
    let found = findings(&lenient, &policy)
        .await
        .expect("the target answers");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].to_string().contains("sql_mode is not strict"),
        "{}",
        found[0]
    );
    lenient.close().await;
    test.end().await;
}
