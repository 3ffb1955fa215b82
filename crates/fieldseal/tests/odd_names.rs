//! `#[derive(Sealed)]` over names that it could take for its own, and over columns whose names are
//! none in Rust. That it compiles is most of the test.

#![cfg(all(feature = "derive", feature = "sqlite"))]
#![deny(non_snake_case)]

use std::path::Path;

use fieldseal::{Beside, Cell, Sealed, Vault};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

// A derive that calls a type parameter so takes it for the field's type.
type R = i64;
type DB = i32;

#[derive(Debug, PartialEq, Sealed)]
#[sealed(table = "shop.odd", bind(id, r#type))]
#[allow(non_snake_case)]
struct Odd {
    #[sealed(key, kind = "integer")]
    id: R,
    #[sealed(kind = "integer")]
    r#type: DB,
    // Each of these is a name in what is generated.
    #[sealed(domain = "odd")]
    fields: String,
    #[sealed(domain = "odd")]
    values: String,
    #[sealed(domain = "odd")]
    cells: String,
    #[sealed(domain = "odd")]
    binds: String,
    #[sealed(domain = "odd")]
    opening: String,
    #[sealed(domain = "odd")]
    sealed_0: String,
    row: String,
    f: String,
    #[sealed(domain = "odd")]
    r#fn: String,
    #[sealed(domain = "odd")]
    camelCase: String,
    #[sealed(
        domain = "odd",
        column = "1st",
        index(name = "x", column = "match"),
        index(name = "the long one", column = "gen"),
        mask(keep_last = 2, column = "async")
    )]
    first: String,
}

/// The same word without `r#`, which it does not need here.
#[derive(Sealed)]
#[sealed(table = "shop.bound", bind(type))]
struct Bound {
    #[sealed(key)]
    id: i64,
    r#type: i64,
    #[sealed(domain = "odd")]
    value: String,
}

/// A column that is bound and kept says its kind with the details.
#[derive(Sealed)]
#[sealed(table = "shop.parcels", bind(id, mark))]
struct Parcel {
    #[sealed(key)]
    id: i64,
    #[sealed(kind = "bytes", width = 4)]
    mark: Vec<u8>,
    #[sealed(domain = "odd")]
    note: String,
}

#[tokio::test]
async fn a_bound_column_may_have_details() {
    let vault = Vault::plaintext("sqlite::memory:").await.unwrap();
    let parcel = Parcel {
        id: 1,
        mark: vec![1, 2, 0, 0],
        note: "n".to_owned(),
    };
    let back: Parcel = vault
        .open(vault.seal(&parcel).await.unwrap())
        .await
        .unwrap();
    assert_eq!(
        (back.id, back.mark, back.note),
        (parcel.id, parcel.mark, parcel.note)
    );
}

fn odd() -> Odd {
    let text = str::to_owned;
    Odd {
        id: 1,
        r#type: 2,
        fields: text("fields"),
        values: text("values"),
        cells: text("cells"),
        binds: text("binds"),
        opening: text("opening"),
        sealed_0: text("sealed"),
        row: text("row"),
        f: text("f"),
        r#fn: text("fn"),
        camelCase: text("camel"),
        first: text("first"),
    }
}

#[tokio::test]
async fn every_field_goes_to_its_column_and_back() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("odd_names.db");
    let _ = std::fs::remove_file(&file);
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    let create = "CREATE TABLE odd (id INTEGER, type INTEGER, fields TEXT, \"values\" TEXT, cells TEXT, \
                  binds TEXT, opening TEXT, sealed_0 TEXT, row TEXT, f TEXT, fn TEXT, \"camelCase\" TEXT, \"1st\" TEXT)";
    sqlx::query(create).execute(&mut database).await.unwrap();
    let url = format!("sqlite://{}", file.display());
    let vault = Vault::plaintext(&url).await.unwrap();

    let row = vault.seal(&odd()).await.unwrap();
    let insert = fieldseal::insert(&row).unwrap();
    insert.execute(&mut database).await.unwrap();
    let each = "SELECT fields || \"values\" || cells || binds || opening || sealed_0 || row || f || fn || \
                \"camelCase\" || \"1st\" FROM odd";
    let (each,): (String,) = sqlx::query_as(each).fetch_one(&mut database).await.unwrap();
    assert_eq!(each, "fieldsvaluescellsbindsopeningsealedrowffncamelfirst");

    let lookup = vault.lookup(Odd::_1ST_X, "first".to_owned()).await.unwrap();
    assert_eq!(lookup.column(), "1st");
    let rows = sqlx::query_as("SELECT * FROM odd").fetch_all(&mut database);
    let rows = vault
        .open_found(&lookup, rows.await.unwrap())
        .await
        .unwrap();
    assert_eq!(rows, [odd()]);
    let _ = Odd::_1ST_THE_LONG_ONE;
}

#[tokio::test]
async fn a_column_beside_that_is_a_keyword_is_found_by_its_name() {
    let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let create = "CREATE TABLE odd (\"1st\" BLOB, \"match\" BLOB, gen BLOB, async TEXT, id, type, \
                  fields BLOB, \"values\" BLOB, cells BLOB, binds BLOB, opening BLOB, sealed_0 BLOB, row, f, fn BLOB, \
                  \"camelCase\" BLOB)";
    sqlx::query(create).execute(&mut database).await.unwrap();
    let row = SealedOdd {
        id: 1,
        r#type: 2,
        fields: Cell::Sealed(None),
        values: Cell::Sealed(None),
        cells: Cell::Sealed(None),
        binds: Cell::Sealed(None),
        opening: Cell::Sealed(None),
        sealed_0: Cell::Sealed(None),
        row: String::new(),
        f: String::new(),
        r#fn: Cell::Sealed(None),
        camelCase: Cell::Sealed(None),
        first: Cell::Sealed(None),
        r#match: Beside::Stored(Some(vec![1])),
        r#gen: Beside::Stored(Some(vec![2])),
        r#async: Beside::Stored(Some("st".to_owned())),
    };
    let insert = fieldseal::insert(&row).unwrap();
    insert.execute(&mut database).await.unwrap();
    let back: SealedOdd = sqlx::query_as("SELECT * FROM odd")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(back.r#match.stored(), Some(&vec![1]));
    assert_eq!(back.r#gen.stored(), Some(&vec![2]));
    assert_eq!(back.r#async.stored().map(String::as_str), Some("st"));
}
