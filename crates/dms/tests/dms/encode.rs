//! The encoder's bytes against hand-written files, in both spellings.

use fieldseal_dms::{
    ColumnDef, ControlOperation, ControlRecord, Encoder, PartitionKey, RowRecord, Spelling,
    TableDef, Transaction, Wire, mysql_stream_position, postgres_stream_position,
};
use fieldseal_model::{Operation, Position};

use crate::describe::folder;

const STAMP: &str = "2024-05-02T08:00:00.000001Z";
const COMMIT: &str = "2024-05-02T07:59:59.000000Z";

const CELLS: [(&str, Wire<'_>); 8] = [
    ("id", Wire::Number("42")),
    ("name", Wire::Text("Zoë \"Z\" O'Hara\\")),
    ("email", Wire::Null),
    ("notes", Wire::Text("a\tb\r\nc\u{1}\u{1f}/\u{8}\u{c}")),
    ("photo", Wire::Bytes(&[0, 255, 169])),
    ("active", Wire::Boolean(true)),
    ("score", Wire::Text("12.50")),
    ("empty", Wire::Text("")),
];

fn assert_file(name: &str, bytes: &[u8]) {
    let path = folder("tests/fixtures/dms/encode").join(name);
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        String::from_utf8(bytes.to_vec()).unwrap(),
        expected,
        "{name}"
    );
}

fn row<'a>(operation: Operation, data: &'a [(&'a str, Wire<'a>)]) -> RowRecord<'a> {
    RowRecord {
        operation,
        schema: "shop",
        table: "customers",
        timestamp: STAMP,
        partition_key: PartitionKey::PrimaryKey("42"),
        transaction: None,
        data,
        before: None,
    }
}

#[test]
fn an_insert_with_every_kind_of_cell() {
    let start = Position::mysql(7, 1000);
    let place = mysql_stream_position("mysql-bin-changelog", start, 1074, 1300, 1380);
    let record = RowRecord {
        transaction: Some(Transaction {
            id: start.0,
            record: 3,
            previous: Some((Position::mysql(7, 0).0, 1)),
            commit_timestamp: COMMIT,
            stream_position: &place,
        }),
        ..row(Operation::Insert, &CELLS)
    };
    assert_file(
        "insert.compact.json",
        &Encoder::new(Spelling::Compact).row(&record),
    );
    assert_file(
        "insert.pretty.json",
        &Encoder::new(Spelling::Pretty).row(&record),
    );

    let mut unasked = Encoder::new(Spelling::Compact);
    unasked.settings.transaction_details = false;
    unasked.settings.null_and_empty = false;
    unasked.settings.partition_value = false;
    unasked.settings.no_hex_prefix = true;
    assert_file("insert-dms-defaults.compact.json", &unasked.row(&record));
}

#[test]
fn an_update_of_the_key() {
    let place = postgres_stream_position(Position(0x2_7c00_7328));
    let record = RowRecord {
        partition_key: PartitionKey::SchemaTable,
        transaction: Some(Transaction {
            id: 1140,
            record: 1,
            previous: None,
            commit_timestamp: COMMIT,
            stream_position: &place,
        }),
        before: Some(&[("id", Wire::Number("42"))]),
        ..row(Operation::Update, &[("id", Wire::Number("43"))])
    };
    for (spelling, name) in [
        (Spelling::Compact, "update-of-key.compact.json"),
        (Spelling::Pretty, "update-of-key.pretty.json"),
    ] {
        let mut encoder = Encoder::new(spelling);
        encoder.settings.before_image = "old".to_owned();
        assert_file(name, &encoder.row(&record));
    }
}

#[test]
fn an_empty_before_image_takes_two_lines() {
    let record = RowRecord {
        partition_key: PartitionKey::SchemaTable,
        before: Some(&[]),
        ..row(Operation::Update, &CELLS[..1])
    };
    let bytes = Encoder::new(Spelling::Pretty).row(&record);
    assert_file("update-empty-before.pretty.json", &bytes);
}

#[test]
fn a_load_has_no_transaction() {
    for (spelling, name) in [
        (Spelling::Compact, "load.compact.json"),
        (Spelling::Pretty, "load.pretty.json"),
    ] {
        let mut encoder = Encoder::new(spelling);
        encoder.settings.partition_schema_table = false;
        let record = row(Operation::Load, &CELLS[..1]);
        assert_file(name, &encoder.row(&record));
    }
}

#[test]
fn control_records() {
    let create = ControlRecord {
        operation: ControlOperation::CreateTable,
        schema: "shop",
        table: "customers",
        timestamp: STAMP,
        task: "TASK4EXAMPLE",
        definition: Some(TableDef {
            columns: &[
                ColumnDef {
                    name: "id",
                    ty: "INT64",
                    length: None,
                    nullable: false,
                },
                ColumnDef {
                    name: "name",
                    ty: "STRING",
                    length: Some(80),
                    nullable: true,
                },
            ],
            primary_key: &["id", "name"],
            collation: Some("utf8mb4_bin"),
        }),
    };
    let compact = Encoder::new(Spelling::Compact);
    let mut pretty = Encoder::new(Spelling::Pretty);
    assert_file("create-table.compact.json", &compact.control(&create));
    assert_file("create-table.pretty.json", &pretty.control(&create));
    let drop = ControlRecord {
        operation: ControlOperation::DropTable,
        definition: None,
        ..create
    };
    assert_file("drop-table.compact.json", &compact.control(&drop));
    pretty.settings.control_details = false;
    pretty.settings.partition_value = false;
    assert_file("drop-table-no-details.pretty.json", &pretty.control(&drop));
}

/// What a validated test of an AWS emulator asserts of the real service's `json`.
#[test]
fn the_pretty_spelling_starts_as_dms_does() {
    let bytes =
        Encoder::new(Spelling::Pretty).row(&row(Operation::Load, &[("ID", Wire::Number("3"))]));
    assert!(bytes.starts_with(b"{\n\t\"data\":\t{\n\t\t\"ID\":\t3"));
    assert!(bytes.ends_with(b"\n\t}\n}"));
}
