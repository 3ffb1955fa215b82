//! Numbers wider than any driver's own types, in the plaintext database of before the move: every
//! digit comes back, and a column that has not kept them is an error.

use fieldseal::{Sealed, Vault};
use fieldseal_tests::databases::{Server, TestDatabase, run};
use rust_decimal::Decimal;
use sqlx::{Connection as _, SqliteConnection};

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

#[derive(Sealed)]
#[sealed(table = "shop.prices")]
struct Price {
    #[sealed(key)]
    id: i64,
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
    // No more digits than SQLite keeps in every column.
    let long = match server {
        Server::Sqlite => "79228162514.2645",
        _ => "79228162514264337.5935439503",
    };
    let accounts = [
        account(1, u128::MAX, i128::MIN, long),
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

/// SQLite makes a REAL of a decimal where the column's affinity lets it, and then an integer of
/// that if it can; it never says so.
#[tokio::test]
async fn sqlite_keeps_every_digit_of_a_decimal_or_it_is_refused() {
    for column in ["NUMERIC", "DECIMAL(30, 10)", "REAL", "TEXT"] {
        let mut prices = Prices::in_a(column).await;
        let kept = [
            "12.5",
            "-0.01",
            "999999999999.999",
            "-100000000000000",
            "1.50000000000000000000",
            "0.0000000000000123456789012345",
            "79228162514264300000000000000",
        ];
        let kept = kept.map(|kept| kept.parse::<Decimal>().unwrap());
        let longest = (0..=28).flat_map(|scale| {
            let longest = [999_999_999_999_999, -900_719_925_474_099];
            longest.map(|digits| Decimal::new(digits, scale))
        });
        for kept in kept.into_iter().chain(longest) {
            prices.write(&kept.to_string()).await.unwrap();
            assert_eq!(prices.read().await.unwrap(), kept, "{column}");
        }
        // The last two would become an integer, and a REAL that looks like what it is not.
        let wide = [
            "1234567890123.45678",
            "9007199254740993",
            "1.00000000000000000001",
            "1000000000000000001",
        ];
        for wide in wide {
            let refused = prices.write(wide).await.unwrap_err().to_string();
            assert!(refused.contains("15 significant digits"), "{refused}");
            assert!(prices.none().await, "{column}");
        }
        prices.end().await;
    }
}

/// What another program has written: read as it is, or refused.
#[tokio::test]
async fn sqlite_reads_no_decimal_from_a_real_that_is_none() {
    for column in ["NUMERIC", "TEXT"] {
        let mut prices = Prices::in_a(column).await;
        prices.foreign("'1234567890123.45678'").await;
        let found = prices.read().await;
        if column == "TEXT" {
            assert_eq!(found.unwrap(), "1234567890123.45678".parse().unwrap());
            // More than a `Decimal` has behind the point.
            prices.foreign("'0.00000000000000000000000000015'").await;
            assert!(prices.read().await.is_err());
        } else {
            let refused = found.unwrap_err().to_string();
            assert!(refused.contains("TEXT column"), "{refused}");
            for real in ["0.1 + 0.2", "1e40", "9e999"] {
                prices.foreign(real).await;
                assert!(prices.read().await.is_err(), "{real}");
            }
            prices.foreign("12.5").await;
            assert_eq!(
                prices.read().await.unwrap(),
                "12.5".parse::<Decimal>().unwrap()
            );
        }
        prices.end().await;
    }
}

/// A table of one price.
struct Prices {
    old: TestDatabase,
    vault: Vault,
    connection: SqliteConnection,
}

impl Prices {
    async fn in_a(column: &str) -> Self {
        let old = TestDatabase::on(Server::Sqlite).await;
        let table = format!("CREATE TABLE prices (id BIGINT PRIMARY KEY, price {column})");
        run(&old.database, &[&table]).await;
        let vault = Vault::plaintext(&old.url).await.unwrap();
        let connection = SqliteConnection::connect(&old.url).await.unwrap();
        Self {
            old,
            vault,
            connection,
        }
    }

    async fn write(&mut self, price: &str) -> Result<(), sqlx::Error> {
        run(&self.old.database, &["DELETE FROM prices"]).await;
        let price = price.parse().unwrap();
        let row = self.vault.seal(&Price { id: 1, price }).await.unwrap();
        let insert = fieldseal::insert(&row)?;
        insert.execute(&mut self.connection).await.map(|_| ())
    }

    async fn foreign(&self, price: &str) {
        let insert = format!("INSERT INTO prices VALUES (1, {price})");
        run(&self.old.database, &["DELETE FROM prices", &insert]).await;
    }

    async fn read(&mut self) -> Result<Decimal, sqlx::Error> {
        let row = sqlx::query_as("SELECT * FROM prices");
        let row: SealedPrice = row.fetch_one(&mut self.connection).await?;
        let found: Price = self.vault.open(row).await.unwrap();
        Ok(found.price)
    }

    async fn none(&mut self) -> bool {
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM prices");
        let count: i64 = count.fetch_one(&mut self.connection).await.unwrap();
        count == 0
    }

    async fn end(self) {
        self.connection.close().await.unwrap();
        self.old.end().await;
    }
}

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
