//! The application crate's part of `tests/vectors/` (`docs/FORMAT.md`, section 8): values of every
//! type that a field may have, sealed by the crate, for every implementation to open.
//!
//! What is sealed twice has two nonces, so the sealed bytes are those of the day on which a file was
//! made; all else of a file must be what this code makes today, and the bytes must open here to the
//! same value of the same type, as must today's, which differ from them in nothing but what the nonce
//! changes. To write files for new cases:
//! `FIELDSEAL_WRITE_VECTORS=1 cargo xtask test -- -p fieldseal-tests --test app vectors`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{NaiveDate, NaiveTime};
use fieldseal::{Column, FieldValue, Kind, Pii, RowKey, Value, Vault};
use fieldseal_envelope::Purpose;
use fieldseal_tests::databases::Server;
use fieldseal_tests::harness::{DEPLOYMENT, hex};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
use uuid::Uuid;

use crate::{known, shop};

/// The keys of the other makers' files: 00…1f, and 20…3f for indexes.
fn data_key(_: &str, purpose: Purpose) -> [u8; 32] {
    let first = if purpose == Purpose::Index { 0x20 } else { 0 };
    std::array::from_fn(|number| first + u8::try_from(number).unwrap())
}

#[tokio::test]
async fn the_files_are_what_this_code_makes() {
    let provider = known::provider(data_key);
    let rig = shop::rig_with(Server::Sqlite, Some(Arc::clone(&provider))).await;
    let vault = Vault::start(DEPLOYMENT).provider(provider);
    let mut maker = Maker {
        vault: vault.open_over(Arc::clone(&rig.keys)).await.unwrap(),
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"),
        write: std::env::var_os("FIELDSEAL_WRITE_VECTORS").is_some(),
        names: BTreeSet::new(),
    };
    numbers(&mut maker).await;
    texts(&mut maker).await;
    moments(&mut maker).await;
    places(&mut maker).await;
    indexes(&mut maker).await;
    maker.nothing_else();
    rig.end().await;
}

async fn numbers(maker: &mut Maker) {
    maker.value("i8-least", "The least i8.", i8::MIN).await;
    maker.value("u64-most", "The most u64.", u64::MAX).await;
    maker
        .value("i128-least", "The least i128.", i128::MIN)
        .await;
    maker.value("u128-most", "The most u128.", u128::MAX).await;
    maker.value("bool-false", "A false.", false).await;
    let floats = [
        ("f64-least", "The least float above 0.", 5e-324),
        ("f64-most", "The most finite float.", f64::MAX),
        ("f64-minus-zero", "A minus 0, which is 0.", -0.0),
        ("f64-third", "A third.", 1.0 / 3.0),
    ];
    for (name, about, float) in floats {
        maker.value(name, about, float).await;
    }
    maker
        .value("f32-tenth", "A tenth as an f32.", 0.1_f32)
        .await;
    let decimals = [
        (
            "decimal-most",
            "The most Decimal.",
            "79228162514264337593543950335",
        ),
        (
            "decimal-least",
            "The least Decimal above 0.",
            "0.0000000000000000000000000001",
        ),
        (
            "decimal-zeros",
            "A Decimal with zeros behind it.",
            "-36.500",
        ),
        ("decimal-zero", "A Decimal of nothing but zeros.", "-0.00"),
    ];
    for (name, about, text) in decimals {
        let decimal: Decimal = text.parse().unwrap();
        maker.value(name, about, decimal).await;
    }
}

async fn texts(maker: &mut Maker) {
    maker
        .value("text-empty", "An empty String.", String::new())
        .await;
    let odd = "e\u{301}\u{0}\u{feff} \u{1f980}\n".to_owned();
    maker
        .value(
            "text-odd",
            "NUL, a mark of order, an astral character.",
            odd,
        )
        .await;
    maker
        .value("pii", "A Pii.", Pii::new("Ada Lovelace".to_owned()))
        .await;
    maker
        .value("bytes-empty", "An empty Vec.", Vec::<u8>::new())
        .await;
    maker
        .value("bytes-all", "Every byte.", (0..=255).collect::<Vec<u8>>())
        .await;
    maker.value("uuid-nil", "The nil UUID.", Uuid::nil()).await;
    maker
        .value("uuid-most", "The UUID of ones.", Uuid::max())
        .await;
    let json = serde_json::json!({"b": [1.5, null, true], "a": {"é": "\u{0}"}});
    maker
        .value("json", "JSON as serde_json writes it.", json)
        .await;
    let raw = RawValue::from_string("{ \"n\": 1.10, \"n\": 2 }".to_owned());
    maker
        .value("json-raw", "JSON as it was written.", raw.unwrap())
        .await;
}

async fn moments(maker: &mut Maker) {
    let first = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
    let leap = Date::from_calendar_date(2000, time::Month::February, 29).unwrap();
    maker
        .value("date-first", "The first day, by chrono.", first)
        .await;
    maker.value("date-leap", "A leap day, by time.", leap).await;
    let last = NaiveTime::from_hms_nano_opt(23, 59, 59, 999_999_999).unwrap();
    maker
        .value("time-last", "The last time, by chrono.", last)
        .await;
    let tenth = Time::from_hms_milli(0, 0, 0, 100).unwrap();
    maker
        .value("time-tenth", "A tenth of a second, by time.", tenth)
        .await;
    let moment = first.and_time(last);
    maker
        .value("datetime-nanos", "Nanoseconds, by chrono.", moment)
        .await;
    let whole = PrimitiveDateTime::new(leap, Time::MIDNIGHT);
    maker
        .value("datetime-whole", "A whole second, by time.", whole)
        .await;
    maker
        .value(
            "timestamp-nanos",
            "Nanoseconds, by chrono.",
            moment.and_utc(),
        )
        .await;
    let offset = UtcOffset::from_hms(5, 45, 0).unwrap();
    let there: OffsetDateTime = whole.assume_offset(offset);
    maker
        .value("timestamp-offset", "Midnight in Nepal, by time.", there)
        .await;
}

/// Padding, NULL, and row keys of other kinds than integers.
async fn places(maker: &mut Maker) {
    let card = Some("4111111111111111".to_owned());
    let padded = Case {
        pad: Some(32),
        ..Case::of("padded", "A padded String.")
    };
    maker.column(padded, card.clone()).await;
    let null = Case {
        pad: Some(16),
        null: true,
        ..Case::of("null", "A sealed NULL.")
    };
    maker.column(null, None::<Decimal>).await;
    let uuid = Uuid::from_u128(7).to_value().unwrap();
    let day = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap().to_value();
    let keys = vec![Value::text("de"), uuid, day.unwrap()];
    let keyed = Case {
        key: keys,
        ..Case::of("key-of-three", "A key of a text, a UUID, a date.")
    };
    maker.column(keyed, card.clone()).await;
    let unbound = Case {
        key: Vec::new(),
        ..Case::of("unbound", "Bound to its column only.")
    };
    maker.column(unbound, card).await;
    maker
        .free(
            "free",
            "A free value of two parts.",
            &[b"cache", b"person/4"],
            b"\0likes tea",
        )
        .await;
    maker
        .free(
            "free-empty",
            "An empty free value of an empty part.",
            &[b""],
            b"",
        )
        .await;
}

async fn indexes(maker: &mut Maker) {
    let email = " ADA@Example.ORG\u{a0}".to_owned();
    maker
        .index("index-email", &["trim/1", "nfkc_casefold/1"], 16, email)
        .await;
    let phone = "+49 (30) 12-34".to_owned();
    maker.index("index-digits", &["digits/1"], 8, phone).await;
    maker.index("index-u128", &[], 16, u128::MAX).await;
    let decimal: Decimal = "1.500".parse().unwrap();
    maker.index("index-decimal", &[], 32, decimal).await;
    maker.index("index-uuid", &[], 16, Uuid::from_u128(7)).await;
    let day = NaiveDate::from_ymd_opt(1987, 6, 5).unwrap();
    maker.index("index-date", &[], 8, day).await;
    maker
        .index("index-pii", &["trim/1"], 16, Pii::new(" Ada ".to_owned()))
        .await;
}

struct Maker {
    vault: Vault,
    folder: PathBuf,
    write: bool,
    names: BTreeSet<String>,
}

/// How a column's value is sealed.
struct Case {
    name: &'static str,
    about: &'static str,
    key: Vec<Value>,
    pad: Option<u32>,
    null: bool,
}

impl Case {
    fn of(name: &'static str, about: &'static str) -> Self {
        let key = vec![42_i64.to_value().unwrap()];
        Self {
            name,
            about,
            key,
            pad: None,
            null: false,
        }
    }
}

impl Maker {
    async fn value<V: FieldValue>(&mut self, name: &'static str, about: &'static str, value: V) {
        self.column(Case::of(name, about), Some(value)).await;
    }

    async fn column<V: FieldValue>(&mut self, case: Case, value: Option<V>) {
        let mut column = Column::new("shop.app", "sealed", "contact", V::KIND).unwrap();
        if let Some(pad) = case.pad {
            column = column.pad(pad).unwrap();
        }
        if case.null {
            column = column.seal_null();
        }
        let key = if case.key.is_empty() {
            RowKey::unbound()
        } else {
            RowKey::new(&case.key).unwrap()
        };
        let sealed = self.vault.seal_field(&column, &key, value.as_ref()).await;
        let canonical = value.map_or_else(Value::null, |value| value.to_value().unwrap());
        let mut text = begun(case.about, "open column", Purpose::Seal);
        text += "table: shop.app\ncolumn: sealed\n";
        for part in &case.key {
            text += &format!("row key: {} {}\n", kind(part.kind()), bytes(part.expose()));
        }
        text += &format!("kind: {}\n", kind(V::KIND));
        if let Some(pad) = case.pad {
            text += &format!("pad: {pad}\n");
        }
        if case.null {
            text += "seal null: yes\nplaintext kind: z\n";
        }
        text += &format!("plaintext: {}\n", bytes(canonical.expose()));
        let sealed = sealed.unwrap().sealed.unwrap();
        let stored = self.compared(case.name, &text, &sealed);
        for bytes in [stored, sealed] {
            let found = self.vault.open_field(&column, &key, Some(bytes)).await;
            let found: Option<V> = found.unwrap();
            let found = found.map_or_else(Value::null, |value| value.to_value().unwrap());
            assert_eq!(found.kind(), canonical.kind(), "{}", case.name);
            assert_eq!(found.expose(), canonical.expose(), "{}", case.name);
        }
    }

    async fn free(&mut self, name: &str, about: &str, parts: &[&[u8]], value: &[u8]) {
        let sealed = self.vault.seal_value("contact", parts, value).await;
        let sealed = sealed.unwrap();
        let mut text = begun(about, "open value", Purpose::Value);
        for part in parts {
            text += &format!("part: {}\n", bytes(part));
        }
        text += &format!("kind: b\nplaintext: {}\n", bytes(value));
        for bytes in [self.compared(name, &text, &sealed), sealed] {
            let opened = self.vault.open_value("contact", parts, &bytes).await;
            assert_eq!(opened.unwrap().expose(), value, "{name}");
        }
    }

    async fn index<V: FieldValue>(
        &mut self,
        name: &str,
        normalisers: &[&str],
        length: u32,
        value: V,
    ) {
        let column = Column::new("shop.app", "sealed", "contact", V::KIND).unwrap();
        let column = column
            .index("exact", normalisers, length, "sealed_bidx")
            .unwrap();
        let key = RowKey::unbound();
        let sealed = self
            .vault
            .seal_field(&column, &key, Some(&value))
            .await
            .unwrap();
        let canonical = value.to_value().unwrap();
        let definition = [
            &[kind(V::KIND).to_string()],
            &normalisers
                .iter()
                .map(|n| (*n).to_owned())
                .collect::<Vec<_>>()[..],
        ]
        .concat()
        .join("|");
        let text = begun(
            "A blind index of what a field holds.",
            "index",
            Purpose::Index,
        ) + &format!(
            "table: shop.app\ncolumn: sealed\nindex name: exact\ndefinition: {definition}\n\
                 bytes: {length}\nkind: {}\nplaintext: {}\nindex: {}\n",
            kind(V::KIND),
            bytes(canonical.expose()),
            bytes(sealed.indexes[0].as_ref().unwrap())
        );
        let file = self.file(name, &text);
        assert_eq!(file, text, "{name}");
    }

    /// Compares a stored file with what it must say. Its sealed bytes are answered: of today's they
    /// have the length, which is the padding's, the format byte and the key id.
    fn compared(&mut self, name: &str, text: &str, sealed: &[u8]) -> Vec<u8> {
        let stored = self.file(name, &format!("{text}sealed: {}\n", hex(sealed)));
        let (said, stored) = stored.rsplit_once("sealed: ").unwrap();
        assert_eq!(said, text, "{name}");
        let stored = unhex(stored.trim_end());
        assert_eq!(sealed.len(), stored.len(), "{name}: the length");
        assert_eq!(sealed[..17], stored[..17], "{name}: format and key id");
        stored
    }

    /// The stored file, which is written with this text if it is a new one and that is asked for.
    fn file(&mut self, name: &str, text: &str) -> String {
        let name = format!("app-{name}.txt");
        let path = self.folder.join(&name);
        if self.write && !path.exists() {
            std::fs::write(&path, text).unwrap();
        }
        assert!(self.names.insert(name.clone()), "{name} is made twice");
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// No file claims to be of this maker that is not.
    fn nothing_else(&self) {
        for entry in std::fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let ours = text.contains("\nmade by: application\n");
            assert_eq!(ours, self.names.contains(name), "{name}: who made it?");
        }
    }
}

/// The lines that all files have in common.
fn begun(about: &str, what: &str, purpose: Purpose) -> String {
    format!(
        "fieldseal vector: 1\nabout: {about}\nmade by: application\ndo: {what}\nexpect: ok\n\
         data key: {}\ndomain: contact\npurpose: {purpose}\n",
        hex(&data_key("", purpose))
    )
}

fn kind(kind: Kind) -> char {
    char::from(kind.code())
}

fn bytes(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        "empty".to_owned()
    } else {
        hex(bytes)
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(pair).collect()
}
