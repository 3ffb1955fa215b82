//! Splitting a stream record into objects, the before image, numbers kept whole, and what is
//! printed of it all. The many broken shapes are in `hostile`.

use fieldseal_dms::{
    AGGREGATED, ControlOperation, DecodeError, Decoded, Decoder, InternalOperation, MARK, Record,
    SEPARATOR, decode,
};
use fieldseal_model::{Cell, Change, Engine, Operation, Position};

fn row<'a>(decoder: &'a Decoder, text: &'a str) -> Change<'a> {
    let mut all: Vec<Decoded> = decoder.decode(text.as_bytes()).collect();
    assert_eq!(all.len(), 1);
    match all.remove(0).result {
        Ok(Record::Row(change)) => change,
        other => panic!("{other:?}"),
    }
}

/// A load with these cells and these further keys at the top.
fn load(cells: &str, more: &str) -> String {
    format!(
        r#"{{"data":{{{cells}}}{more},"metadata":{{"timestamp":"2024-01-02T03:04:05.000006Z","record-type":"data","operation":"load","schema-name":"shop","table-name":"customers"}}}}"#
    )
}

fn shown(cell: Option<&Cell>) -> String {
    match cell {
        None => "absent".to_owned(),
        Some(Cell::Null) => "null".to_owned(),
        Some(Cell::Boolean(truth)) => truth.to_string(),
        Some(Cell::Number(number)) => String::from_utf8(number.expose().to_vec()).unwrap(),
        Some(Cell::Text(text)) => format!("{:?}", std::str::from_utf8(text.expose()).unwrap()),
    }
}

#[test]
fn cells_keep_every_character() {
    let text = load(
        r#""a":18446744073709551617,"b":1.10,"c":-0,"d":1E+2,"e":"0x0A","f":null,"g":true,"h":"\u00e9\n","i\t":"" "#,
        "",
    );
    let decoder = Decoder::default();
    let change = row(&decoder, &text);
    for (column, expected) in [
        ("a", "18446744073709551617"),
        ("b", "1.10"),
        ("c", "-0"),
        ("d", "1E+2"),
        ("e", "\"0x0A\""),
        ("f", "null"),
        ("g", "true"),
        ("h", "\"é\\n\""),
        ("i\t", "\"\""),
        ("j", "absent"),
    ] {
        assert_eq!(shown(change.row.get(column)), expected, "{column}");
    }
    let names: Vec<&str> = change.row.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e", "f", "g", "h", "i\t"]);
    assert_eq!(change.operation, Operation::Load);
    assert_eq!(change.order, None);
    assert_eq!(change.stamp, "2024-01-02T03:04:05.000006Z");
    assert_eq!(change.table.to_string(), "shop.customers");
}

#[test]
fn ranges_cover_the_objects_and_the_broken_rest() {
    let one = load("\"id\":1", "");
    let stream = format!("\r\n{one}{one}\n\t [1] {one} oops {one}");
    let found: Vec<(String, Option<DecodeError>)> = decode(stream.as_bytes())
        .map(|decoded| {
            let text = stream[decoded.range.clone()].to_owned();
            (text, decoded.result.err())
        })
        .collect();
    let rest = format!("oops {one}");
    assert_eq!(
        found,
        [
            (one.clone(), None),
            (one.clone(), None),
            ("[1]".to_owned(), Some(DecodeError::NotObject)),
            (one.clone(), None),
            (rest, Some(DecodeError::NotJson)),
        ]
    );
}

#[test]
fn objects_before_invalid_utf8_are_decoded() {
    let one = load("\"id\":1", "");
    let mut stream = format!("{one}{one}").into_bytes();
    let last = stream.len() - 20;
    stream[last] = 0xff;
    let found: Vec<Decoded> = decode(&stream).collect();
    assert_eq!(found.len(), 2);
    assert!(found[0].result.is_ok());
    assert_eq!(found[1].result.as_ref().err(), Some(&DecodeError::NotUtf8));
    assert_eq!(found[1].range, one.len()..stream.len());
}

#[test]
fn a_byte_order_mark_is_refused_whole() {
    let stream = format!("\u{feff}{}", load("\"id\":1", ""));
    let found: Vec<Decoded> = decode(stream.as_bytes()).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].range, 0..stream.len());
    assert_eq!(
        found[0].result.as_ref().err(),
        Some(&DecodeError::ByteOrderMark)
    );
}

#[test]
fn an_aggregate_that_was_not_taken_apart_is_refused_by_its_name() {
    let stream = [&AGGREGATED[..], load("\"id\":1", "").as_bytes()].concat();
    let found: Vec<Decoded> = decode(&stream).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].range, 0..stream.len());
    let error = *found[0].result.as_ref().err().unwrap();
    assert_eq!(error, DecodeError::BrokenAggregate);
    assert_eq!(error.reason(), "broken-aggregate");
    let told = error.to_string();
    assert!(
        told.contains("aggregated") && told.contains("checksum"),
        "{told}"
    );
}

#[test]
fn a_refused_object_still_names_its_table() {
    let table = |text: &str| {
        let found = decode(text.as_bytes()).next().unwrap();
        assert!(found.result.is_err());
        found.refused_table.map(|table| table.to_string())
    };
    let customers = Some("shop.customers".to_owned());
    assert_eq!(table(&load("\"id\":[1]", "")), customers);
    assert_eq!(table(&load("\"id\":1,\"id\":2", "")), customers);
    assert_eq!(table(&load("", "").replace("load", "merge")), customers);
    assert_eq!(table(&load("", "").replace("\"load\"", "7")), customers);
    assert_eq!(table(&load("", "").replace("{},", "null,")), customers);
    assert_eq!(table(&load("", "").replace("\"customers\"", "[]")), None);
    assert_eq!(table(&load("", "").replace("\"customers\"", "\"\"")), None);
    assert_eq!(table("{\"metadata\":7}"), None);
    assert_eq!(table("{}"), None);
    assert_eq!(table("[]"), None);
    let good = load("\"id\":1", "");
    assert!(
        decode(good.as_bytes())
            .next()
            .unwrap()
            .refused_table
            .is_none()
    );
}

#[test]
fn the_iterator_stays_at_its_end() {
    for bytes in [&b""[..], b" ", b"{}", b"{", b"\xff", b"\xef\xbb\xbf"] {
        let mut records = decode(bytes);
        assert!(records.next().is_some(), "{bytes:?}");
        assert!(
            records.next().is_none() && records.next().is_none(),
            "{bytes:?}"
        );
    }
}

#[test]
fn the_before_image_is_found_under_any_name() {
    let before = |more: &str| {
        let (decoder, text) = (Decoder::default(), load("\"id\":1,\"name\":\"x\"", more));
        let change = row(&decoder, &text);
        change.before.map(|row| row.len())
    };
    assert_eq!(before(""), None);
    assert_eq!(before(r#","before-image":{}"#), Some(0));
    assert_eq!(before(r#","before-image":{"gone":1}"#), Some(1));
    assert_eq!(before(r#","beforeImage":{"id":1}"#), Some(1));
    assert_eq!(before(r#","custom-field":{"id":1,"gone":null}"#), Some(2));
    assert_eq!(before(r#","custom-field":{"_doc":{"id":1}}"#), Some(1));
    assert_eq!(before(r#","custom-field":{}"#), Some(0));
    // Shares no column: what a capturing tool added.
    assert_eq!(
        before(r#","kinesis":{"shard_id":"0"},"z":1,"y":[{"id":1}]"#),
        None
    );
}

#[test]
fn a_named_before_image_is_the_only_one() {
    let decoder = Decoder::with_before_image("old");
    let before = |more: &str| {
        let text = load("\"id\":1,\"name\":\"x\"", more);
        let change = row(&decoder, &text);
        change.before.map(|row| row.len())
    };
    assert_eq!(before(r#","old":{"gone":1},"new":{"id":1}"#), Some(1));
    assert_eq!(before(r#","before-image":{"id":1}"#), None);
    let text = load("\"id\":1", r#","old":7"#);
    let found: Vec<Decoded> = decoder.decode(text.as_bytes()).collect();
    let error = found[0].result.as_ref().err();
    assert_eq!(error, Some(&DecodeError::BeforeImageNotObject));
}

#[test]
fn positions_of_both_engines() {
    let order = |id: &str, place: &str| {
        let text = format!(
            r#"{{"data":{{"id":1}},"metadata":{{"timestamp":"2024-01-02T03:04:05Z","record-type":"data","operation":"delete","schema-name":"s","table-name":"t","transaction-id":{id},"transaction-record-id":7,"stream-position":"{place}"}}}}"#
        );
        row(&Decoder::default(), &text).order.unwrap()
    };
    let mysql = order(
        "9324410911751",
        "bin.002171:36912271:0:36912333:9324410911751:bin.002171:36912209",
    );
    assert_eq!(mysql.engine, Engine::MySql);
    assert_eq!(mysql.position, Position::mysql(2171, 36_912_135));
    assert_eq!(mysql.record, 7);
    let postgres = order("1140", "00000002/7C007328.2.00000003/00000000");
    assert_eq!(postgres.engine, Engine::Postgres);
    assert_eq!(postgres.position, Position(0x2_7c00_7328));
}

#[test]
fn control_records_name_their_columns() {
    let text = r#"{"control":{"table-def":{"columns":{"id":{"type":"INT32"},"n\u0061me":{"type":"STRING"}},"primary-key":["id"]}},"metadata":{"timestamp":"2024-01-02T03:04:05Z","record-type":"control","operation":"add-column","schema-name":"s","table-name":"t"}}"#;
    let found: Vec<Decoded> = decode(text.as_bytes()).collect();
    let Ok(Record::Control(control)) = &found[0].result else {
        panic!("{found:?}");
    };
    assert_eq!(control.operation, ControlOperation::AddColumn);
    assert_eq!(control.columns, ["id", "name"]);
}

#[test]
fn words_of_control_operations() {
    for (word, name) in [
        ("create-table", "create-table"),
        ("drop-table", "drop-table"),
        ("DropTable", "drop-table"),
        ("rename-table", "rename-table"),
        ("change-columns", "change-columns"),
        ("add-column", "add-column"),
        ("drop-column", "drop-column"),
        ("rename-column", "rename-column"),
        ("column-type-change", "column-type-change"),
        ("truncate-table", "other"),
        ("", "other"),
    ] {
        assert_eq!(ControlOperation::from_word(word).name(), name);
    }
}

/// 100,000 names: neither the search for duplicates nor that for the before image may be
/// quadratic. It would take minutes, so the test needs no clock to notice.
#[test]
fn a_hundred_thousand_names() {
    let names: Vec<String> = (0..100_000).map(|n| format!("\"c{n}\":1")).collect();
    let text = load(&names.join(","), &format!(",\"x\":{{{}}}", names.join(",")));
    let decoder = Decoder::default();
    let change = row(&decoder, &text);
    assert_eq!(change.row.len(), 100_000);
    assert_eq!(change.before.map(|row| row.len()), Some(100_000));
}

#[test]
fn nothing_that_is_printed_shows_a_cell() {
    let secret = "ada@example.org";
    let cells = format!("\"id\":1,\"email\":\"{secret}\"");
    for text in [
        load(
            &cells,
            &format!(",\"before-image\":{{\"email\":\"{secret}\"}}"),
        ),
        load(&cells, ",\"data\":{}"),
        load(&format!("{cells},\"{secret}\":{{\"a\":\"{secret}\"}}"), ""),
        load(&cells, "").replace("\"load\"", &format!("\"{secret}\"")),
        load(&cells, "").replace("2024-01-02T03:04:05.000006Z", secret),
    ] {
        for decoded in decode(text.as_bytes()) {
            let mut shown = format!("{decoded:?}");
            if let Err(error) = &decoded.result {
                shown.push_str(&error.to_string());
                shown.push_str(error.reason());
            }
            assert!(!shown.contains("example.org"), "{}", shown.len());
        }
    }
}

#[test]
fn the_marker_is_ignored_and_nothing_like_it_is() {
    let is_mark = |decoded: &Decoded| match &decoded.result {
        Ok(Record::Internal(internal)) => internal.operation == InternalOperation::Mark,
        _ => false,
    };
    let all: Vec<Decoded> = decode(MARK).collect();
    assert!(all.len() == 1 && is_mark(&all[0]));
    let twice = [MARK, load(r#""a":1"#, "").as_bytes(), MARK].concat();
    let found: Vec<bool> = decode(&twice).map(|object| is_mark(&object)).collect();
    assert_eq!(found, [true, false, true]);
    for other in [
        r#"{"fieldseal":"mark","data":{"a":1}}"#,
        r#"{"fieldseal": "mark"}"#,
        r#"{"fieldseal":"marks"}"#,
        r#"{"Fieldseal":"mark"}"#,
    ] {
        let all: Vec<Decoded> = decode(other.as_bytes()).collect();
        assert!(all.len() == 1 && all[0].result.is_err(), "{other}");
    }
}

#[test]
fn a_broken_part_takes_no_other_with_it() {
    let is_row = |decoded: &Decoded| matches!(decoded.result, Ok(Record::Row(_)));
    let good = load(r#""a":1"#, "");
    for broken in [&b"{\"a\":"[..], b"\xff{}", b"]", b"\xef\xbb\xbf{}"] {
        let parts = [good.as_bytes(), broken, good.as_bytes()];
        let parted: Vec<u8> = parts
            .iter()
            .flat_map(|part| [&[SEPARATOR], *part].concat())
            .collect();
        let all: Vec<Decoded> = decode(&parted).collect();
        let found: Vec<bool> = all.iter().map(is_row).collect();
        assert_eq!(found, [true, false, true]);
        assert_eq!(&parted[all[1].range.clone()], broken);
        // A cell's text is no place for a boundary.
        let whole = &parted[1..];
        let all: Vec<Decoded> = decode(whole).collect();
        let found: Vec<bool> = all.iter().map(is_row).collect();
        assert_eq!(found, [true, false]);
        assert_eq!(all[1].range.end, whole.len());
    }
    let empty: Vec<Decoded> = decode(&[SEPARATOR, SEPARATOR, b' ']).collect();
    assert!(empty.len() == 1 && empty[0].result.is_err());
}
