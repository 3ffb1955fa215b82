//! A field of every type, sealed by the crate into each database: the crate opens all of it again,
//! and so does the binary's `fieldseal open`, digit by digit.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use fieldseal::{Pii, Sealed};
use fieldseal_policy::Policy;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{DEPLOYMENT, Rig, binary};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use sqlx::{Connection as _, MySqlConnection, PgConnection, SqliteConnection};
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};
use uuid::Uuid;

#[derive(Sealed)]
#[sealed(table = "shop.everything")]
struct Everything {
    #[sealed(key)]
    id: i64,
    #[sealed(domain = "all")]
    small: i8,
    #[sealed(domain = "all")]
    least: i128,
    #[sealed(domain = "all")]
    most: u128,
    #[sealed(domain = "all")]
    truth: bool,
    #[sealed(domain = "all")]
    float: f64,
    #[sealed(domain = "all", width = 32)]
    narrow: f32,
    #[sealed(domain = "all", pad = 16)]
    word: Pii<String>,
    #[sealed(domain = "all")]
    bytes: Vec<u8>,
    #[sealed(domain = "all", kind = "json")]
    json: serde_json::Value,
    #[sealed(domain = "all")]
    raw: Box<RawValue>,
    #[sealed(domain = "all")]
    uuid: Uuid,
    #[sealed(domain = "all")]
    price: Decimal,
    #[sealed(domain = "all", scale = 2)]
    scaled: Pii<Decimal>,
    #[sealed(domain = "all")]
    day: NaiveDate,
    #[sealed(domain = "all")]
    moment: NaiveDateTime,
    #[sealed(domain = "all")]
    instant: DateTime<Utc>,
    #[sealed(domain = "all")]
    clock: NaiveTime,
    #[sealed(domain = "all")]
    other_day: Date,
    #[sealed(domain = "all")]
    other_moment: PrimitiveDateTime,
    #[sealed(domain = "all")]
    other_instant: OffsetDateTime,
    #[sealed(domain = "all")]
    other_clock: Time,
    #[sealed(domain = "all")]
    absent: Option<Decimal>,
    #[sealed(domain = "all", pad = 16, seal_null)]
    hidden: Option<NaiveDate>,
}

/// The pipeline's word for the same.
const TABLE: &str = r#"
[tables."shop.everything"]
key = { id = "integer" }
[tables."shop.everything".columns]
small = { seal = "all", kind = "integer" }
least = { seal = "all", kind = "integer" }
most = { seal = "all", kind = "integer" }
truth = { seal = "all", kind = "boolean" }
float = { seal = "all", kind = "float" }
narrow = { seal = "all", kind = "float", width = 32 }
word = { seal = "all", kind = "text", pad = 16 }
bytes = { seal = "all", kind = "bytes" }
json = { seal = "all", kind = "json" }
raw = { seal = "all", kind = "json" }
uuid = { seal = "all", kind = "uuid" }
price = { seal = "all", kind = "decimal" }
scaled = { seal = "all", kind = "decimal", scale = 2 }
day = { seal = "all", kind = "date" }
moment = { seal = "all", kind = "datetime" }
instant = { seal = "all", kind = "timestamp" }
clock = { seal = "all", kind = "time" }
other_day = { seal = "all", kind = "date" }
other_moment = { seal = "all", kind = "datetime" }
other_instant = { seal = "all", kind = "timestamp" }
other_clock = { seal = "all", kind = "time" }
absent = { seal = "all", kind = "decimal" }
hidden = { seal = "all", kind = "date", pad = 16, seal_null = true }
"#;

fn everything() -> Everything {
    let day = NaiveDate::from_ymd_opt(1987, 6, 5).unwrap();
    let clock = NaiveTime::from_hms_micro_opt(14, 3, 2, 500).unwrap();
    let other_day = Date::from_calendar_date(9999, time::Month::December, 31).unwrap();
    let other_clock = Time::from_hms(23, 59, 59).unwrap();
    let other_moment = PrimitiveDateTime::new(other_day, other_clock);
    Everything {
        id: -7,
        small: i8::MIN,
        least: i128::MIN,
        most: u128::MAX,
        truth: true,
        float: 5e-324,
        narrow: 0.1,
        word: Pii::new("Zoë \"'\\ 🦀 ".to_owned()),
        bytes: vec![0, 1, 0xff],
        json: serde_json::json!({"b": [1.5, null], "a": "\u{0}"}),
        raw: RawValue::from_string("{ \"n\": 1.10 }".to_owned()).unwrap(),
        uuid: Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        price: "-79228162514264337593543950335".parse().unwrap(),
        scaled: Pii::new("-0.10".parse().unwrap()),
        day,
        moment: day.and_time(clock),
        instant: day.and_time(clock).and_utc(),
        clock,
        other_day,
        other_moment,
        other_instant: other_moment.assume_utc(),
        other_clock,
        absent: None,
        hidden: None,
    }
}

/// As `fieldseal open` writes it.
const OPENED: &str = concat!(
    r#"{"id":"-7","small":-128,"least":-170141183460469231731687303715884105728,"#,
    r#""most":340282366920938463463374607431768211455,"truth":true,"float":5e-324,"#,
    r#""narrow":0.10000000149011612,"word":"Zoë \"'\\ 🦀 ","bytes":"0x0001ff","#,
    r#""json":"{\"a\":\"\\u0000\",\"b\":[1.5,null]}","raw":"{ \"n\": 1.10 }","#,
    r#""uuid":"01234567-89ab-cdef-0123-456789abcdef","price":-79228162514264337593543950335,"#,
    r#""scaled":-0.10,"#,
    r#""day":"1987-06-05","moment":"1987-06-05T14:03:02.0005","#,
    r#""instant":"1987-06-05T14:03:02.0005Z","clock":"14:03:02.0005","other_day":"9999-12-31","#,
    r#""other_moment":"9999-12-31T23:59:59","other_instant":"9999-12-31T23:59:59Z","#,
    r#""other_clock":"23:59:59","absent":null,"hidden":null}"#,
    "\n"
);

macro_rules! everything {
    ($name:ident, $server:expr, $connection:ty) => {
        #[tokio::test]
        async fn $name() {
            let server: Server = $server;
            if !server.is_there() {
                return;
            }
            let (rig, policy) = rig(server).await;
            let vault = crate::shop::vault(&rig).await;
            let mut connection = <$connection>::connect(&rig.database.url).await.unwrap();
            let row = vault.seal(&everything()).await.unwrap();
            let done = fieldseal::insert(&row).unwrap().execute(&mut connection);
            done.await.unwrap();
            let rows = sqlx::query_as::<_, SealedEverything>("SELECT * FROM everything");
            let rows = rows.fetch_all(&mut connection).await.unwrap();
            let opened: Vec<Everything> = vault.open_all(rows).await.unwrap();
            same(&opened[0], &everything());
            connection.close().await.unwrap();

            std::fs::write(rig.database.path("url"), &rig.database.url).unwrap();
            std::fs::write(rig.database.path("policy.toml"), policy).unwrap();
            let folder = rig.database.path("");
            let args = ["open", "--config", "policy.toml", "--table", "everything"];
            let output = binary::fieldseal(&folder, &args);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
            assert_eq!(String::from_utf8(output.stdout).unwrap(), OPENED);
            rig.end().await;
        }
    };
}

everything!(on_sqlite, Server::Sqlite, SqliteConnection);
everything!(on_postgres, Server::Postgres, PgConnection);
everything!(on_mariadb, Server::MariaDb, MySqlConnection);
everything!(on_mysql, Server::MySql, MySqlConnection);

/// A rig, and the text of its policy for the binary.
async fn rig(server: Server) -> (Rig, String) {
    let text = format!(
        "[source]\nid = \"shop\"\nengine = \"mysql\"\nfiles.dir = \"source\"\n\
         [target]\nurl_file = \"url\"\n\
         [keys]\ndeployment = \"{DEPLOYMENT}\"\nlocal.root_file = \"root.key\"\n{TABLE}"
    );
    let policy = Policy::parse(&text).unwrap();
    (Rig::new(server, policy).await, text)
}

fn same(found: &Everything, wanted: &Everything) {
    assert_eq!(found.id, wanted.id);
    assert_eq!(found.small, wanted.small);
    assert_eq!((found.least, found.most), (wanted.least, wanted.most));
    assert_eq!(found.truth, wanted.truth);
    assert_eq!(found.float.to_bits(), wanted.float.to_bits());
    assert_eq!(found.narrow.to_bits(), wanted.narrow.to_bits());
    assert_eq!(found.word.expose(), wanted.word.expose());
    assert_eq!(found.bytes, wanted.bytes);
    assert_eq!(found.json, wanted.json);
    assert_eq!(found.raw.get(), wanted.raw.get());
    assert_eq!((found.uuid, found.price), (wanted.uuid, wanted.price));
    let scaled = found.scaled.expose().to_string();
    assert_eq!(scaled, wanted.scaled.expose().to_string());
    assert_eq!((found.day, found.moment), (wanted.day, wanted.moment));
    assert_eq!((found.instant, found.clock), (wanted.instant, wanted.clock));
    assert_eq!(found.other_day, wanted.other_day);
    assert_eq!(found.other_moment, wanted.other_moment);
    assert_eq!(found.other_instant, wanted.other_instant);
    assert_eq!(found.other_clock, wanted.other_clock);
    assert_eq!((found.absent, found.hidden), (None, None));
}
