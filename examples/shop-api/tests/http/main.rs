//! The service over HTTP, on a free port: over the database that `fieldseal demo` leaves, over the
//! same shop sealed into each server, and over a plaintext database. Nothing it logs may hold a
//! value.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

mod http;
mod stage;

use http::Service;
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};
use stage::{Demo, Server};

/// Planted in what is sent; must never be logged.
const NEEDLE: &str = "zoe.needle";

#[tokio::test]
async fn over_what_the_demo_leaves() {
    let demo = Demo::run();
    let url = format!("sqlite://{}", demo.path("target.db"));
    let service = Service::start(&["--url", &url, "--root-key", &demo.path("root.key")]);
    all_requests(&service, true);
    // What it wrote is sealed.
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let stored = "SELECT count(*) FROM customers WHERE typeof(email) = 'text'";
    let stored: i64 = sqlx::query_scalar(stored)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(stored, 0);
    refuses_a_value_in_clear(&service, &mut connection).await;
    quiet(service);

    let refused = Service::refused(&["--plaintext", &url]);
    assert!(
        refused.contains("the database holds sealed data"),
        "{refused}"
    );
}

#[tokio::test]
async fn over_postgres() {
    over_a_server(Server::Postgres).await;
}

#[tokio::test]
async fn over_mariadb() {
    over_a_server(Server::MariaDb).await;
}

async fn over_a_server(server: Server) {
    let demo = Demo::run();
    let url = demo.sealed_into(server).await;
    let service = Service::start(&["--url", &url, "--root-key", &demo.path("root.key")]);
    all_requests(&service, true);
    quiet(service);
    let refused = Service::refused(&["--plaintext", &url]);
    assert!(
        refused.contains("the database holds sealed data"),
        "{refused}"
    );
    server.drop_database(&url).await;
}

#[tokio::test]
async fn over_the_plaintext_database_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/old.db?mode=rwc", folder.path().display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let table = sqlx::raw_sql(include_str!("../../old-shop.sql"));
    table.execute(&mut connection).await.unwrap();
    for id in 1..=3 {
        let row = "INSERT INTO customers (id, name, internal_score) VALUES (?, 'Ann', 3)";
        sqlx::query(row)
            .bind(id)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    let service = Service::start(&["--plaintext", &url]);
    all_requests(&service, false);
    let clear = "SELECT count(*) FROM customers WHERE email = 'clear@example.org'";
    let (status, _) = service.ask("POST", "/customers", &json!({"email": "clear@example.org"}));
    assert_eq!(status, 201);
    let clear: i64 = sqlx::query_scalar(clear)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(clear, 1);
    let log = quiet(service);
    assert!(
        log.contains("WARN") && log.contains("PLAINTEXT MODE"),
        "{log}"
    );
}

/// Creates, reads, lists, searches, updates and deletes: the same over either database.
fn all_requests(service: &Service, sealed: bool) {
    let email = format!("{NEEDLE}@example.org");
    let sent = json!({"name": NEEDLE, "email": email, "phone": "+49 30 1234", "points": 3});
    let (status, made) = service.ask("POST", "/customers", &sent);
    assert_eq!((status, &made["email"]), (201, &json!(email)));
    let path = format!("/customers/{}", made["id"]);
    assert_eq!(service.ask("GET", &path, &Value::Null), (200, made.clone()));

    // The shop's own rows are there, page by page.
    let (status, first) = service.ask("GET", "/customers?limit=2", &Value::Null);
    assert_eq!((status, first.as_array().unwrap().len()), (200, 2));
    assert!(first[0]["name"].is_string());
    let after = format!("/customers?limit=1&after={}", first[0]["id"]);
    let (_, next) = service.ask("GET", &after, &Value::Null);
    assert_eq!(next, json!([first[1]]));

    // The index's normalisers are the sealed database's.
    let asked = if sealed {
        email.to_uppercase()
    } else {
        email.clone()
    };
    let found = service.ask("POST", "/customers/search", &json!({"email": asked}));
    assert_eq!(found, (200, json!([made])));

    let changed = json!({"name": NEEDLE, "email": format!("other.{email}"), "loyalty": "gold"});
    let (status, changed) = service.ask("PUT", &path, &changed);
    assert_eq!((status, &changed["phone"]), (200, &Value::Null));
    assert_eq!(service.ask("GET", &path, &Value::Null), (200, changed));
    let found = service.ask("POST", "/customers/search", &json!({"email": email}));
    assert_eq!(found, (200, json!([])));

    assert_eq!(service.ask("DELETE", &path, &Value::Null).0, 204);
    for method in ["GET", "DELETE"] {
        assert_eq!(service.ask(method, &path, &Value::Null).0, 404, "{method}");
    }
    assert_eq!(service.ask("PUT", &path, &json!({"name": NEEDLE})).0, 404);
    let wrong = json!({"points": NEEDLE});
    assert_eq!(service.ask("POST", "/customers", &wrong).0, 422);
}

/// A value that somebody wrote past the vault is an error, not an answer.
async fn refuses_a_value_in_clear(service: &Service, connection: &mut SqliteConnection) {
    let (_, page) = service.ask("GET", "/customers?limit=1", &Value::Null);
    let id = page[0]["id"].as_i64().unwrap();
    let clear = sqlx::query("UPDATE customers SET phone = ? WHERE id = ?");
    clear
        .bind(NEEDLE)
        .bind(id)
        .execute(connection)
        .await
        .unwrap();
    let (status, _) = service.ask("GET", &format!("/customers/{id}"), &Value::Null);
    assert_eq!(status, 500);
}

/// Ends the service; the log, which holds no value.
fn quiet(service: Service) -> String {
    let log = service.end();
    assert!(!log.contains(NEEDLE), "a value in the log:\n{log}");
    log
}
