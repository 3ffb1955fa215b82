//! Any bytes through the DMS decoder, every conversion, the encoder and the decoder again.

use fieldseal_dms::{
    Decoder, Encoder, PartitionKey, Record, RowRecord, Spelling, Transaction, Wire,
    mysql_stream_position, postgres_stream_position, to_value,
};
use fieldseal_model::{Cell, Change, Engine, Kind, Row, Value, ValueType, ZeroDate};

/// Decodes `data`; converts every cell to every kind; writes every row again in both spellings
/// and reads it back.
///
/// # Panics
/// When an object's range lies outside the data, when a converted value is not canonical, or
/// when a row does not come back as it was.
pub fn fuzz_decode(data: &[u8]) {
    let mut end = 0;
    for decoded in fieldseal_dms::decode(data) {
        assert!(end <= decoded.range.start && decoded.range.end <= data.len());
        end = decoded.range.end;
        if let Ok(Record::Row(change)) = &decoded.result {
            let rows = std::iter::once(&change.row).chain(&change.before);
            for (_, cell) in rows.flat_map(Row::iter) {
                convert(cell);
            }
            encode(change, Spelling::Pretty);
            encode(change, Spelling::Compact);
        }
    }
    // A named before image takes another way through the top level.
    for decoded in Decoder::with_before_image("a").decode(data) {
        assert!(decoded.range.end <= data.len());
    }
}

fn convert(cell: &Cell) {
    for (_, kind) in Kind::NAMED {
        let plain = ValueType::of(kind);
        let mut narrow = plain.clone();
        narrow.width = Some(32);
        narrow.scale = Some(2);
        narrow.fixed_char = true;
        narrow.zero_date = ZeroDate::Null;
        let mut bits = plain.clone();
        bits.bits = Some(12);
        for ty in [plain, narrow, bits] {
            if let Ok(Some(value)) = to_value(cell, &ty) {
                assert!(value.kind() == kind);
                assert!(Value::from_canonical(kind, value.expose().to_vec()).is_ok());
            }
        }
    }
}

fn encode(change: &Change, spelling: Spelling) {
    let place = change.order.map(|order| match order.engine {
        Engine::MySql => {
            let at = order.position.offset();
            mysql_stream_position("bin", order.position, at, at, at)
        }
        Engine::Postgres => postgres_stream_position(order.position),
    });
    let transaction = change
        .order
        .zip(place.as_deref())
        .map(|(order, place)| Transaction {
            id: order.position.0,
            record: order.record,
            previous: None,
            commit_timestamp: "",
            stream_position: place,
        });
    let before = change.before.as_ref().map(wires);
    let bytes = Encoder::new(spelling).row(&RowRecord {
        operation: change.operation,
        schema: &change.table.schema,
        table: &change.table.table,
        timestamp: &change.stamp,
        partition_key: PartitionKey::SchemaTable,
        transaction,
        data: &wires(&change.row),
        before: before.as_deref(),
    });
    let mut again = fieldseal_dms::decode(&bytes);
    let Some(Ok(Record::Row(back))) = again.next().map(|decoded| decoded.result) else {
        panic!("a row that was decoded does not decode once encoded");
    };
    assert!(again.next().is_none());
    assert!(back.table == change.table && back.operation == change.operation);
    assert!(back.order == change.order && back.stamp == change.stamp);
    assert!(same(&back.row, &change.row));
    match (&back.before, &change.before) {
        (None, None) => {}
        (Some(back), Some(before)) => assert!(same(back, before)),
        _ => panic!("the before image came or went"),
    }
}

fn wires<'a>(row: &'a Row<'_>) -> Vec<(&'a str, Wire<'a>)> {
    let text = |bytes| std::str::from_utf8(bytes).expect("the decoder makes only UTF-8");
    row.iter()
        .map(|(name, cell)| {
            let wire = match cell {
                Cell::Null => Wire::Null,
                Cell::Boolean(truth) => Wire::Boolean(*truth),
                Cell::Number(number) => Wire::Number(text(number.expose())),
                Cell::Text(content) => Wire::Text(text(content.expose())),
            };
            (name, wire)
        })
        .collect()
}

fn same(one: &Row, other: &Row) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other.iter())
            .all(|((name, cell), (other_name, other_cell))| {
                name == other_name
                    && match (cell, other_cell) {
                        (Cell::Null, Cell::Null) => true,
                        (Cell::Boolean(one), Cell::Boolean(other)) => one == other,
                        (Cell::Number(one), Cell::Number(other))
                        | (Cell::Text(one), Cell::Text(other)) => one.expose() == other.expose(),
                        _ => false,
                    }
            })
}
