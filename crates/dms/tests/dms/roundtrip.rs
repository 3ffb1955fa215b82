//! Encode, then decode: the identity, in both spellings, over random records.

use fieldseal_dms::{
    Decoder, Encoder, PartitionKey, Record, RowRecord, Settings, Spelling, Transaction, Wire,
    mysql_stream_position, postgres_stream_position, to_value,
};
use fieldseal_model::{
    Cell, Change, Engine, Kind, Operation, Position, Row, SourceOrder, ValueType,
};
use proptest::prelude::*;

/// An owned wire cell, so that proptest can make and print it.
#[derive(Clone, Debug)]
enum Made {
    Null,
    Boolean(bool),
    Number(String),
    Text(String),
    Bytes(Vec<u8>),
}

impl Made {
    fn wire(&self) -> Wire<'_> {
        match self {
            Self::Null => Wire::Null,
            Self::Boolean(truth) => Wire::Boolean(*truth),
            Self::Number(number) => Wire::Number(number),
            Self::Text(text) => Wire::Text(text),
            Self::Bytes(bytes) => Wire::Bytes(bytes),
        }
    }

    /// What must come back of it.
    fn equals(&self, cell: &Cell) -> bool {
        match (self, cell) {
            (Self::Null, Cell::Null) => true,
            (Self::Boolean(truth), Cell::Boolean(found)) => truth == found,
            (Self::Number(number), Cell::Number(found)) => number.as_bytes() == found.expose(),
            (Self::Text(text), Cell::Text(found)) => text.as_bytes() == found.expose(),
            (Self::Bytes(bytes), Cell::Text(_)) => {
                let value = to_value(cell, &ValueType::of(Kind::Bytes))
                    .unwrap()
                    .unwrap();
                value.expose() == bytes
            }
            _ => false,
        }
    }

    fn left_out(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Boolean(_) | Self::Number(_) => false,
        }
    }
}

#[derive(Clone, Debug)]
struct MadeRecord {
    operation: Operation,
    schema: String,
    table: String,
    key: Option<String>,
    order: (bool, u32, u32, u32),
    previous: Option<(u64, u32)>,
    data: Vec<(String, Made)>,
    before: Option<Vec<(String, Made)>>,
}

fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][-+]?[0-9]{1,4})?"
}

fn cell() -> impl Strategy<Value = Made> {
    prop_oneof![
        Just(Made::Null),
        any::<bool>().prop_map(Made::Boolean),
        number().prop_map(Made::Number),
        any::<String>().prop_map(Made::Text),
        "[\\x00-\\x7f\"\\\\]{0,40}".prop_map(Made::Text),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Made::Bytes),
    ]
}

fn cells() -> impl Strategy<Value = Vec<(String, Made)>> {
    let name = prop_oneof!["[a-z_]{1,8}", "\\PC{1,6}", any::<String>()];
    prop::collection::btree_map(name.prop_filter("a name", |n| !n.is_empty()), cell(), 0..40)
        .prop_map(|cells| cells.into_iter().collect())
}

fn record() -> impl Strategy<Value = MadeRecord> {
    let operation = prop::sample::select(vec![
        Operation::Load,
        Operation::Insert,
        Operation::Update,
        Operation::Delete,
    ]);
    let name = || any::<String>().prop_filter("a name", |n| !n.is_empty());
    let table = name().prop_filter("not DMS's own", |n| {
        !n.to_lowercase().starts_with("awsdms_")
    });
    let order = (any::<bool>(), any::<u32>(), any::<u32>(), 1..u32::MAX);
    let previous = prop::option::of((any::<u64>(), any::<u32>()));
    let key = prop::option::of(any::<String>());
    (
        operation,
        name(),
        table,
        key,
        order,
        previous,
        cells(),
        prop::option::of(cells()),
    )
        .prop_map(
            |(operation, schema, table, key, order, previous, data, before)| MadeRecord {
                operation,
                schema,
                table,
                key,
                order,
                previous,
                data,
                before,
            },
        )
}

fn settings() -> impl Strategy<Value = Settings> {
    (any::<[bool; 4]>(), "before-image|beforeImage|old|\\PC{1,5}").prop_map(|(set, name)| {
        Settings {
            null_and_empty: set[0],
            partition_value: set[1],
            partition_schema_table: set[2],
            no_hex_prefix: set[3],
            before_image: format!("before {name}"),
            ..Settings::default()
        }
    })
}

fn wires(cells: &[(String, Made)]) -> Vec<(&str, Wire<'_>)> {
    cells
        .iter()
        .map(|(name, cell)| (name.as_str(), cell.wire()))
        .collect()
}

/// The bytes, and the order that must come back.
fn encode(made: &MadeRecord, encoder: &Encoder) -> (Vec<u8>, Option<SourceOrder>) {
    let (postgres, high, low, record) = made.order;
    let position = Position::mysql(high, low);
    let (engine, place) = if postgres {
        (Engine::Postgres, postgres_stream_position(position))
    } else {
        (
            Engine::MySql,
            mysql_stream_position("db.bin", position, low, low, high),
        )
    };
    let is_load = made.operation == Operation::Load;
    let transaction = Transaction {
        id: position.0,
        record,
        previous: made.previous,
        commit_timestamp: "2024-01-02T03:04:05.000000Z",
        stream_position: &place,
    };
    let before = made.before.as_deref().map(wires);
    let bytes = encoder.row(&RowRecord {
        operation: made.operation,
        schema: &made.schema,
        table: &made.table,
        timestamp: "2024-01-02T03:04:06.123456Z",
        partition_key: made
            .key
            .as_deref()
            .map_or(PartitionKey::SchemaTable, PartitionKey::PrimaryKey),
        transaction: (!is_load).then_some(transaction),
        data: &wires(&made.data),
        before: before.as_deref(),
    });
    let order = SourceOrder {
        engine,
        position,
        record,
    };
    (bytes, (!is_load).then_some(order))
}

fn check_row(made: &[(String, Made)], found: &Row, keeps_empty: bool) -> Result<(), TestCaseError> {
    let expected: Vec<&(String, Made)> = made
        .iter()
        .filter(|(_, cell)| keeps_empty || !cell.left_out())
        .collect();
    prop_assert_eq!(expected.len(), found.len());
    for ((name, cell), (found_name, found_cell)) in expected.into_iter().zip(found.iter()) {
        prop_assert_eq!(name, found_name);
        prop_assert!(cell.equals(found_cell), "column {}", name);
    }
    Ok(())
}

fn check(
    made: &MadeRecord,
    found: &Change,
    order: Option<SourceOrder>,
    keeps_empty: bool,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(made.operation, found.operation);
    prop_assert_eq!(&made.schema, &found.table.schema);
    prop_assert_eq!(&made.table, &found.table.table);
    prop_assert_eq!(order, found.order);
    prop_assert_eq!("2024-01-02T03:04:06.123456Z", &found.stamp);
    check_row(&made.data, &found.row, keeps_empty)?;
    prop_assert_eq!(made.before.is_some(), found.before.is_some());
    if let (Some(made), Some(found)) = (&made.before, &found.before) {
        check_row(made, found, keeps_empty)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn encode_then_decode_is_the_identity(
        records in prop::collection::vec(record(), 1..4),
        settings in settings(),
        pretty: bool,
    ) {
        let spelling = if pretty { Spelling::Pretty } else { Spelling::Compact };
        let keeps_empty = settings.null_and_empty;
        let decoder = Decoder::with_before_image(settings.before_image.clone());
        let encoder = Encoder { spelling, settings };
        let mut stream = Vec::new();
        let mut orders = Vec::new();
        for made in &records {
            let (bytes, order) = encode(made, &encoder);
            // One line, or tabs; and a JSON document to another parser.
            let _: serde::de::IgnoredAny = serde_json::from_slice(&bytes).unwrap();
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
            let one_line = lines == 1;
            prop_assert_ne!(pretty, one_line);
            stream.extend_from_slice(&bytes);
            orders.push(order);
        }
        let found: Vec<_> = decoder.decode(&stream).collect();
        prop_assert_eq!(found.len(), records.len());
        for ((made, found), order) in records.iter().zip(found).zip(orders) {
            match found.result {
                Ok(Record::Row(change)) => check(made, &change, order, keeps_empty)?,
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }

    #[test]
    fn any_bytes_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        covers(&bytes)?;
    }

    /// Text with the words that open doors.
    #[test]
    fn any_tokens_end_without_a_panic(
        tokens in prop::collection::vec(prop::sample::select(TOKENS.to_vec()), 0..60),
    ) {
        covers(tokens.concat().as_bytes())?;
    }

    /// Strings of any characters and escapes mean the same to serde_json.
    #[test]
    fn strings_as_another_parser_reads_them(
        pieces in prop::collection::vec(
            prop_oneof![
                any::<char>().prop_map(|c| serde_json::to_string(&c.to_string()).unwrap()[1..].trim_end_matches('"').to_owned()),
                prop::sample::select(vec!["\\u0041", "\\u00E9", "\\ud83d", "\\ude00", "\\n", "\\/", "\\\\", "\\\"", "\\u0000"]).prop_map(str::to_owned),
            ],
            0..20,
        ),
    ) {
        let literal = format!("\"{}\"", pieces.concat());
        let text = format!(r#"{{"data":{{"a":{literal}}},"metadata":{{"timestamp":"2024-01-02T03:04:05.000006Z","record-type":"data","operation":"load","schema-name":"s","table-name":"t"}}}}"#);
        let found = fieldseal_dms::decode(text.as_bytes()).next().unwrap().result.ok();
        let ours = found.map(|record| match record {
            Record::Row(change) => match change.row.get("a") {
                Some(Cell::Text(text)) => String::from_utf8(text.expose().to_vec()).unwrap(),
                _ => panic!("not a text"),
            },
            other => panic!("{other:?}"),
        });
        prop_assert_eq!(ours, serde_json::from_str::<String>(&literal).ok());
    }
}

const TOKENS: [&str; 26] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"data\"",
    "\"metadata\"",
    "\"control\"",
    "\"table-def\"",
    "\"columns\"",
    "\"before-image\"",
    "\"_doc\"",
    "\"record-type\"",
    "\"operation\"",
    "\"load\"",
    "\"a\"",
    "1",
    "-1e5",
    "null",
    "true",
    "\"\\ud83d\"",
    " ",
    "\n",
    "\u{feff}",
    "é",
];

/// The objects' ranges stand one behind the other inside the bytes, and there is at least one.
fn covers(bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut end = 0;
    let mut count = 0;
    for decoded in fieldseal_dms::decode(bytes) {
        prop_assert!(decoded.range.start >= end && decoded.range.end <= bytes.len());
        end = decoded.range.end;
        count += 1;
    }
    prop_assert!(count > 0);
    Ok(())
}
