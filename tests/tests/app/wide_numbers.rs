//! Numbers wider than any driver's own types, in the plaintext database of before the move: every
//! digit comes back, and a column that has not kept them is an error.

use fieldseal::{Sealed, Vault};
use fieldseal_tests::databases::{Server, TestDatabase, run};
use rust_decimal::Decimal;
use sqlx::Connection as _;

#[derive(Sealed)]
#[sealed(table = "shop.accounts")]
struct Account {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "money")]
    number: u128,
    #[sealed(domain = "money")]
    balance: i128,
    #[sealed(domain = "money")]
    text: Option<i128>,
    #[sealed(domain = "money")]
    narrow: Option<u128>,
    #[sealed(domain = "money")]
    price: Decimal,
}

on_every_server!(|server, Connection| {
    let old = TestDatabase::on(server).await;
    // SQLite has no wide numbers: a column that is not TEXT keeps fifteen digits of them.
    let (wide, price, text) = match server {
        Server::Sqlite => ("TEXT", "TEXT", "TEXT"),
        Server::Postgres => ("NUMERIC(39)", "NUMERIC", "TEXT"),
        // The widest there is on MySQL has 65 digits.
        Server::MariaDb | Server::MySql => ("DECIMAL(39)", "DECIMAL(40, 10)", "VARCHAR(40)"),
    };
    let table = format!(
        "CREATE TABLE accounts (id BIGINT PRIMARY KEY, number {wide}, balance {wide}, \
         text {text}, narrow BIGINT, price {price})"
    );
    run(&old.database, &[&table]).await;
    let vault = Vault::plaintext(&old.url).await.unwrap();
    let mut connection = Connection::connect(&old.url).await.unwrap();
    let accounts = [
        account(1, u128::MAX, i128::MIN, "79228162514264337.5935439503"),
        account(2, 0, 10_000, "-0.01"),
        account(3, 99_999_999, -1, "100000000"),
    ];
    for account in &accounts {
        let row = vault.seal(account).await.unwrap();
        let insert = fieldseal::insert(&row).unwrap();
        insert.execute(&mut connection).await.unwrap();
    }
    let rows = sqlx::query_as("SELECT * FROM accounts ORDER BY id");
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    let found: Vec<Account> = vault.open_all(rows).await.unwrap();
    assert_eq!(found.len(), accounts.len());
    for (found, wanted) in found.iter().zip(&accounts) {
        assert_eq!(
            (found.number, found.balance),
            (wanted.number, wanted.balance)
        );
        assert_eq!((found.text, found.narrow), (wanted.text, wanted.narrow));
        assert_eq!(found.price, wanted.price);
    }

    // Somebody's fraction, and a number below what an unsigned field holds.
    for (column, odd) in [("text", "'1.5'"), ("narrow", "-1")] {
        let spoil = format!("UPDATE accounts SET {column} = {odd} WHERE id = 1");
        run(&old.database, &[&spoil]).await;
        let row = sqlx::query_as::<_, SealedAccount>("SELECT * FROM accounts WHERE id = 1");
        assert!(row.fetch_one(&mut connection).await.is_err(), "{spoil}");
        let mend = format!("UPDATE accounts SET {column} = NULL WHERE id = 1");
        run(&old.database, &[&mend]).await;
    }
    connection.close().await.unwrap();
    old.end().await;
});

fn account(id: i64, number: u128, balance: i128, price: &str) -> Account {
    Account {
        id,
        number,
        balance,
        text: Some(balance),
        narrow: u64::try_from(number).ok().map(u128::from),
        price: price.parse().unwrap(),
    }
}
