//! What is planted, and where. Owns the values: long, random-looking, of every kind, each one
//! standing in one place of one record.

use fieldseal_demo::{Index, Needles};
use fieldseal_dms::{ControlOperation, Wire};
use fieldseal_model::Operation;
use fieldseal_tests::harness::{hex, records};

pub(crate) const TABLE: &str = "shop.guests";

pub(crate) const TABLES: &str = r#"
[tables."shop.guests"]
key = { code = "text" }
first_load = "unregistered"
absent = "null"
[tables."shop.guests".columns]
born     = { seal = "identity", kind = "date" }
visits   = { seal = "identity", kind = "integer" }
paid     = { seal = "payment", kind = "decimal", scale = 2 }
weight   = { seal = "identity", kind = "float" }
likes    = { seal = "contact", kind = "json" }
photo    = { seal = "identity", kind = "bytes" }
badge    = { seal = "identity", kind = "uuid" }
seen     = { seal = "identity", kind = "timestamp" }
secret   = "drop"
city     = "keep"
city_note = "keep"
[tables."shop.guests".columns.email]
seal = "contact"
kind = "text"
pad = 32
index = [{ name = "exact", normalise = ["trim/1"], column = "email_bidx" }]
mask = [{ email_domain = true, column = "email_domain" }]
"#;

/// A kept value that a constraint of the target refuses.
pub(crate) const REFUSED_CITY: &str = "kept-refused-city-Wq8Zt3";

const SEALED_EMAIL: &str = "sealed.Qx7Lm2Vb@canary.example";
const SEALED_DIGITS: &str = "73918462051739";
const SEALED_DECIMAL: &str = "4829173650284.71";
const SEALED_FLOAT: &str = "0.8261739405162738";
const SEALED_JSON: &str = "jsonlike-Ty6Rw9Pz";
const SEALED_BYTES: &str = "bytes-of-photo-Hn4Kd8";
const SEALED_UUID: &str = "6f1d9c3a-52b8-4e07-9a64-c1d08e7b35f2";
const SEALED_STAMP: &str = "1987-06-05T04:03:02.918273Z";
const DROPPED: &str = "dropped-Vz5Xc8Bn\"/é";
const UNLISTED: &str = "unlisted-Jk3Hg7Fd";
/// The name of a column that the policy does not know.
pub(crate) const UNLISTED_NAME: &str = "unlisted_name_Op9Iu4";
const BEFORE: &str = "before-image-Mn6Bv1";
const CUT: &str = "cut-in-the-middle-Lk2Jh";
const TWICE: &str = "key-twice-Gf8Ds5Aq";
const BAD_UTF8: &str = "beside-bad-utf8-Zx4Cv";
const STRANGE_KEY: &str = "key-of-unknown-Rt7Yu";
const STRANGE_VALUE: &str = "cell-of-unknown-Ui3Op";
const STATEMENT: &str = "statement-of-awsdms-Er5Tz";
const WRONG_TYPE: &str = "wrong-type-Wd2Ef6Gh";
const NESTED: &str = "nested-cell-Bn9Mk3Lo";
const METADATA: &str = "metadata-Pq8Rs1Tu";
const NOT_JSON: &str = "no-json-at-all-Xy4Za";
const JSON_CUT: &str = "json-lob-cut-Ab7Cd2";
const NORMAL: &str = "   \u{a0}normalised-Ef3Gh9  ";
const NORMAL_CORE: &str = "normalised-Ef3Gh9";
const QUARANTINED_EMAIL: &str = "held.Ij5Kl1Mn@canary.example";
const LOADED: &str = "loaded.Cf6Gy2Hu@canary.example";

/// Kept: it may stand in the new database's own tables and nowhere else.
const KEPT_KEY: &str = "kept-key-Op7Qr3St";
const KEPT_CITY: &str = "kept-city-Uv9Wx5Yz";

/// Kept, and too long for a TEXT of MariaDB.
const KEPT_LONG: &str = "kept-too-long-Ab2Cd4Ef";

/// What may stand nowhere.
const SECRETS: [&str; 27] = [
    SEALED_EMAIL,
    SEALED_DIGITS,
    SEALED_DECIMAL,
    SEALED_FLOAT,
    SEALED_JSON,
    SEALED_BYTES,
    SEALED_UUID,
    SEALED_STAMP,
    DROPPED,
    UNLISTED,
    UNLISTED_NAME,
    BEFORE,
    CUT,
    TWICE,
    BAD_UTF8,
    STRANGE_KEY,
    STRANGE_VALUE,
    STATEMENT,
    WRONG_TYPE,
    NESTED,
    METADATA,
    NOT_JSON,
    JSON_CUT,
    NORMAL_CORE,
    QUARANTINED_EMAIL,
    LOADED,
    "1987-06-05 04:03:02.918273",
];

pub(crate) fn secrets() -> Needles {
    let mut needles = Needles::default();
    SECRETS.iter().for_each(|value| needles.plant(value));
    // The spellings of other kinds' bytes that the search does not know of itself.
    needles.plant(&SEALED_UUID.replace('-', ""));
    needles.plant(&SEALED_UUID.replace('-', "").to_uppercase());
    let float: f64 = SEALED_FLOAT.parse().expect("a number");
    needles.plant(&hex(&float.to_be_bytes()));
    assert_eq!(
        needles.len(),
        SECRETS.len() + 3,
        "every value is long enough to be searched for"
    );
    needles
}

/// What may stand in the new database's tables only.
pub(crate) fn kept() -> Needles {
    let mut needles = Needles::default();
    for value in [KEPT_KEY, KEPT_CITY, KEPT_LONG, REFUSED_CITY] {
        needles.plant(value);
    }
    needles
}

fn guest<'a>(key: &'a str, cells: &[(&'a str, Wire<'a>)]) -> Vec<(&'a str, Wire<'a>)> {
    let mut all = vec![("code", Wire::Text(key))];
    all.extend_from_slice(cells);
    all
}

/// One record after another, each with something planted.
pub(crate) fn records() -> Vec<Vec<u8>> {
    let mut all = applied();
    all.extend(refused_cells());
    all.extend(odd_records());
    all.extend(broken_texts());
    all
}

fn applied() -> Vec<Vec<u8>> {
    use Wire::{Bytes, Number, Text};
    let json = format!("{{\"tea\":\"{SEALED_JSON}\"}}");
    let whole = guest(
        KEPT_KEY,
        &[
            ("email", Text(SEALED_EMAIL)),
            ("born", Text("1991-02-03")),
            ("visits", Number(SEALED_DIGITS)),
            ("paid", Text(SEALED_DECIMAL)),
            ("weight", Number(SEALED_FLOAT)),
            ("likes", Text(&json)),
            ("photo", Bytes(SEALED_BYTES.as_bytes())),
            ("badge", Text(SEALED_UUID)),
            ("seen", Text(SEALED_STAMP)),
            ("secret", Text(DROPPED)),
            ("city", Text(KEPT_CITY)),
        ],
    );
    let before = [
        ("code", Text(KEPT_KEY)),
        ("email", Text(BEFORE)),
        ("city", Text(KEPT_CITY)),
    ];
    let gone = guest(
        "gone",
        &[("email", Text(BEFORE)), (UNLISTED_NAME, Text(UNLISTED))],
    );
    vec![
        records::load(TABLE, &guest("loaded", &[("email", Text(LOADED))])),
        records::insert(1, TABLE, &whole),
        records::update(2, TABLE, &whole, &before),
        records::delete(3, TABLE, &gone),
        records::insert(4, TABLE, &guest("normal", &[("email", Text(NORMAL))])),
        // The constraint of the target refuses this one: the server has the row to show.
        records::insert(
            5,
            TABLE,
            &guest(
                "refused",
                &[("email", Text(SEALED_EMAIL)), ("city", Text(REFUSED_CITY))],
            ),
        ),
    ]
}

/// Every kind with a cell that it cannot be.
fn refused_cells() -> Vec<Vec<u8>> {
    let cut = format!("{{\"tea\":\"{JSON_CUT}");
    let columns = ["born", "visits", "paid", "weight", "photo", "badge", "seen"];
    let mut all: Vec<Vec<u8>> = (10..)
        .zip(columns)
        .map(|(n, column)| {
            let cells = guest(
                KEPT_KEY,
                &[
                    ("email", Wire::Text(QUARANTINED_EMAIL)),
                    (column, Wire::Text(WRONG_TYPE)),
                ],
            );
            records::insert(n, TABLE, &cells)
        })
        .collect();
    let cells = guest(KEPT_KEY, &[("email", Wire::Number(SEALED_DIGITS))]);
    all.push(records::insert(20, TABLE, &cells));
    all.push(records::insert(
        21,
        TABLE,
        &guest(KEPT_KEY, &[("likes", Wire::Text(&cut))]),
    ));
    let lost = format!("{}e+19", &SEALED_DECIMAL[..1]);
    let cells = guest(
        KEPT_KEY,
        &[
            ("visits", Wire::Number(&lost)),
            ("email", Wire::Text(WRONG_TYPE)),
        ],
    );
    all.push(records::insert(22, TABLE, &cells));
    let unlisted = guest(KEPT_KEY, &[(UNLISTED_NAME, Wire::Text(UNLISTED))]);
    all.push(records::insert(23, TABLE, &unlisted));
    let long = KEPT_LONG.repeat(4_000);
    all.push(records::insert(
        26,
        TABLE,
        &guest("long", &[("city", Wire::Text(&long))]),
    ));
    let image = [("code", Wire::Text(BEFORE))];
    let half = guest(KEPT_KEY, &[("city", Wire::Text(KEPT_CITY))]);
    all.push(records::update(24, TABLE, &half, &image));
    all.push(records::row(
        Operation::Update,
        TABLE,
        Some(25),
        &half,
        None,
    ));
    all
}

fn odd_records() -> Vec<Vec<u8>> {
    let strange = [
        ("id", Wire::Text(STRANGE_KEY)),
        ("iban", Wire::Text(STRANGE_VALUE)),
    ];
    let statement = [
        ("STATEMENT", Wire::Text(STATEMENT)),
        ("ERROR", Wire::Text(STATEMENT)),
    ];
    vec![
        records::insert(30, "shop.strangers", &strange),
        records::delete(31, "shop.strangers", &strange),
        records::insert(32, "shop.awsdms_apply_exceptions", &statement),
        records::control(ControlOperation::DropTable, TABLE, 0),
        records::control(ControlOperation::DropTable, TABLE, 1),
        // One version, two rows: an alarm that must not show either.
        records::insert(
            33,
            TABLE,
            &guest("twin", &[("email", Wire::Text(SEALED_EMAIL))]),
        ),
        records::insert(33, TABLE, &guest("twin", &[("email", Wire::Text(LOADED))])),
    ]
}

fn broken_texts() -> Vec<Vec<u8>> {
    let good = |n: u32, value: &str| {
        let cells = guest(KEPT_KEY, &[("email", Wire::Text(value))]);
        String::from_utf8(records::insert(n, TABLE, &cells)).expect("the encoder writes UTF-8")
    };
    let swapped = |n: u32, from: &str, to: &str| {
        let text = good(n, QUARANTINED_EMAIL);
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    };
    let cut = good(40, CUT);
    let mut bad_utf8 = good(41, BAD_UTF8).into_bytes();
    let at = bad_utf8
        .windows(6)
        .position(|w| w == b"beside")
        .expect("it is there");
    bad_utf8[at - 1] = 0xff;
    vec![
        cut.as_bytes()[..cut.find("Lk2Jh").expect("it is there") + 7].to_vec(),
        bad_utf8,
        swapped(
            42,
            "\"email\":",
            &format!("\"email\":\"{TWICE}\",\"email\":"),
        ),
        swapped(
            43,
            "\"email\":",
            &format!("\"likes\":{{\"a\":[\"{NESTED}\"]}},\"email\":"),
        ),
        swapped(
            44,
            "\"operation\":\"insert\"",
            &format!("\"operation\":\"{METADATA}\""),
        ),
        swapped(45, "2024-05-02T08:00:00.000000Z", METADATA),
        swapped(
            46,
            "\"record-type\":\"data\"",
            &format!("\"record-type\":\"{METADATA}\""),
        ),
        swapped(47, "mysql-bin.000007", &format!("{METADATA}.000007")),
        swapped(
            48,
            "\"table-name\":\"guests\"",
            &format!("\"table-name\":[\"{METADATA}\"]"),
        ),
        swapped(
            49,
            "\"schema-name\":\"shop\"",
            &format!("\"schema-name\":\"\",\"x\":\"{METADATA}\""),
        ),
        swapped(
            50,
            "\"metadata\":",
            &format!(
                "\"x-{METADATA}\":{{\"code\":\"{BEFORE}\"}},\"before-image\":{{\"code\":1}},\"metadata\":"
            ),
        ),
        format!("{NOT_JSON}\n").into_bytes(),
        format!("[\"{NOT_JSON}\"]").into_bytes(),
    ]
}

/// Every planted value is found in the records themselves.
pub(crate) fn control() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut text = records().concat();
    // These stand in no record as they are: one is another spelling, three are other bytes.
    let mut more = vec![SECRETS[SECRETS.len() - 1].to_owned()];
    more.push(SEALED_UUID.replace('-', ""));
    more.push(SEALED_UUID.replace('-', "").to_uppercase());
    let float: f64 = SEALED_FLOAT.parse().expect("a number");
    more.push(hex(&float.to_be_bytes()));
    text.extend_from_slice(more.join("\n").as_bytes());
    std::fs::write(folder.path().join("records"), &text).expect("it can be written");
    for needles in [secrets(), kept()] {
        let index = Index::new(&needles);
        let report = index
            .search(folder.path(), None)
            .expect("the folder can be read");
        assert_eq!(report.needles_found, needles.len());
    }
}
