//! What the service reads on the day before the move it reads on the day behind it: decimals have
//! the zeros of their column's scale, whoever sealed them and however they are opened.

use fieldseal::{Column, FieldValue, Kind, OddValue, Pii, RowKey, Sealed, Value, Vault};
use fieldseal_dms::Wire;
use fieldseal_policy::Policy;
use fieldseal_tests::databases::{Server, TestDatabase, run};
use fieldseal_tests::harness::{MemorySource, Rig, policy, records};
use rust_decimal::Decimal;
use sqlx::Connection as _;

#[derive(Sealed)]
#[sealed(table = "shop.ledger")]
struct Entry {
    #[sealed(key)]
    id: i64,
    #[sealed(
        domain = "money",
        scale = 2,
        index(name = "exact", column = "amount_bidx", accept_leak)
    )]
    amount: Pii<Decimal>,
    #[sealed(domain = "money", scale = 4)]
    rate: Option<Decimal>,
    #[sealed(domain = "money", scale = 0)]
    whole: Decimal,
    #[sealed(domain = "money", scale = 2, kind = "decimal")]
    fee: Money,
}

/// A type of the application's own.
struct Money(Decimal);

impl FieldValue for Money {
    const KIND: Kind = Kind::Decimal;

    fn to_value(&self) -> Result<Value, OddValue> {
        self.0.to_value()
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        Decimal::from_value(value).map(Self)
    }

    fn fill_scale(&mut self, scale: u32) {
        self.0.fill_scale(scale);
    }
}

impl<DB: sqlx::Database> fieldseal::Plain<DB> for Money
where
    Decimal: fieldseal::Plain<DB>,
{
    fn compatible(ty: &DB::TypeInfo) -> bool {
        Decimal::compatible(ty)
    }

    fn type_info() -> Option<DB::TypeInfo> {
        Decimal::type_info()
    }

    fn decode(value: DB::ValueRef<'_>) -> Result<Self, sqlx::error::BoxDynError> {
        Decimal::decode(value).map(Self)
    }

    fn encode(
        &self,
        buffer: &mut DB::ArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        self.0.encode(buffer)
    }
}

/// The pipeline's word for the same.
fn ledger() -> Policy {
    policy(
        r#"
[tables."shop.ledger"]
key = { id = "integer" }
[tables."shop.ledger".columns]
rate = { seal = "money", kind = "decimal", scale = 4 }
whole = { seal = "money", kind = "decimal", scale = 0 }
fee = { seal = "money", kind = "decimal", scale = 2 }
[tables."shop.ledger".columns.amount]
seal = "money"
kind = "decimal"
scale = 2
index = [{ name = "exact", column = "amount_bidx", accept_leak = true }]
"#,
    )
}

/// As a database with these scales prints it: amount, rate, whole and fee.
type Printed = [&'static str; 4];

const PRINTED: [Printed; 4] = [
    ["12.50", "0.0000", "0", "0.01"],
    ["-0.10", "-1.5000", "-100", "1.00"],
    ["100.00", "1000000.0001", "10", "0.00"],
    ["9999999999.99", "0.1000", "7", "-3.30"],
];

fn printed(entry: &Entry) -> [String; 4] {
    let rate = entry.rate.as_ref().unwrap();
    [entry.amount.expose(), rate, &entry.whole, &entry.fee.0].map(Decimal::to_string)
}

on_every_server!(|server, Connection| {
    let old = TestDatabase::on(server).await;
    let table = "CREATE TABLE ledger (id BIGINT PRIMARY KEY, amount DECIMAL(12, 2), \
                 rate DECIMAL(12, 4), whole DECIMAL(12, 0), fee DECIMAL(12, 2))";
    run(&old.database, &[table]).await;
    for (texts, id) in PRINTED.iter().zip(1..) {
        let texts = texts.join(", ");
        let insert = format!("INSERT INTO ledger VALUES ({id}, {texts})");
        run(&old.database, &[&insert]).await;
    }
    let vault = Vault::plaintext(&old.url).await.unwrap();
    let mut connection = Connection::connect(&old.url).await.unwrap();
    let rows = sqlx::query_as("SELECT * FROM ledger ORDER BY id");
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    let before: Vec<Entry> = vault.open_all(rows).await.unwrap();
    assert_eq!(before.len(), PRINTED.len());
    for (entry, wanted) in before.iter().zip(PRINTED) {
        assert_eq!(printed(entry), wanted);
    }
    connection.close().await.unwrap();
    old.end().await;

    let rig = Rig::new(server, ledger()).await;
    let vault = crate::shop::vault(&rig).await;
    let mut connection = Connection::connect(&rig.database.url).await.unwrap();
    // The pipeline seals the first half, the crate the other.
    let (first, second) = PRINTED.split_at(2);
    let records = first.iter().zip(1..).map(|(texts, n)| {
        let id = n.to_string();
        let [amount, rate, whole, fee] = texts.map(Wire::Number);
        let cells = [
            ("id", Wire::Number(&id)),
            ("amount", amount),
            ("rate", rate),
            ("whole", whole),
            ("fee", fee),
        ];
        records::insert(n, "shop.ledger", &cells)
    });
    rig.run(MemorySource::of(records.collect())).await;
    for (texts, id) in second.iter().zip(3..) {
        let [amount, rate, whole, fee] = texts.map(|text| text.parse().unwrap());
        let entry = Entry {
            id,
            amount: Pii::new(amount),
            rate: Some(rate),
            whole,
            fee: Money(fee),
        };
        let row = vault.seal(&entry).await.unwrap();
        let insert = fieldseal::insert(&row).unwrap();
        insert.execute(&mut connection).await.unwrap();
    }
    let select = || sqlx::query_as::<_, SealedEntry>("SELECT * FROM ledger ORDER BY id");
    let rows = select().fetch_all(&mut connection).await.unwrap();
    let after = vault.open_each::<Entry>(rows).await.unwrap();
    assert_eq!(after.len(), PRINTED.len());
    for (entry, wanted) in after.into_iter().zip(PRINTED) {
        assert_eq!(printed(&entry.unwrap()), wanted);
    }

    let asked = Pii::<Decimal>::new("12.5".parse().unwrap());
    let lookup = vault.lookup(Entry::AMOUNT_EXACT, asked).await.unwrap();
    let rows = select().fetch_all(&mut connection).await.unwrap();
    let found: Vec<Entry> = vault.open_found(&lookup, rows).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(printed(&found[0]), PRINTED[0]);
    connection.close().await.unwrap();
    rig.end().await;
});

/// What the type cannot hold with more zeros is the same number without them; a column without a
/// scale has none.
#[tokio::test]
async fn one_field() {
    let rig = Rig::new(Server::Sqlite, ledger()).await;
    let vault = crate::shop::vault(&rig).await;
    let most = "79228162514264337593543950335";
    let cases = [
        (Some(2), "-0.1", "-0.10"),
        (Some(28), "0.5", "0.5000000000000000000000000000"),
        (Some(29), "0.5", "0.5"),
        (Some(1_000), "0", "0"),
        (Some(2), most, most),
        (
            Some(2),
            "792281625142643375935439503.3",
            "792281625142643375935439503.30",
        ),
        (
            Some(2),
            "7922816251426433759354395033.5",
            "7922816251426433759354395033.5",
        ),
        (None, "0.10", "0.1"),
    ];
    for (scale, given, wanted) in cases {
        let mut ty = fieldseal_model::ValueType::of(Kind::Decimal);
        ty.scale = scale;
        let column = Column::new("shop.ledger", "amount", "money", Kind::Decimal);
        let column = column.unwrap().of_type(ty);
        let row = RowKey::new(&[Value::integer("1").unwrap()]).unwrap();
        let given: Decimal = given.parse().unwrap();
        let sealed = vault.seal_field(&column, &row, Some(&given)).await.unwrap();
        let opened = vault.open_field(&column, &row, sealed.sealed).await;
        let opened: Pii<Decimal> = opened.unwrap();
        assert_eq!(opened.expose(), &given);
        assert_eq!(opened.expose().to_string(), wanted);
    }
    rig.end().await;
}
