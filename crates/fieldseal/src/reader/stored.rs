//! Key columns as a database prints them, back to canonical values. Owns undoing each server's
//! spelling (`2026-01-02 03:04:05.600000`, `12.50`, `…+00`); the forms are the model's.

use fieldseal_db::{DbError, Dialect, Row, quote};
use fieldseal_model::{Kind, Plaintext, Value, ValueType};

/// How a key column is selected so that it can be read back exactly.
pub(super) fn select(dialect: Dialect, column: &str, ty: &ValueType) -> String {
    let name = quote(dialect, column);
    match ty.kind {
        Kind::Bytes => name,
        Kind::Uuid => uuid_digits(dialect, &name),
        _ => as_text(dialect, &name),
    }
}

/// A UUID as hexadecimal digits, whether the column is of a UUID type or holds its 16 bytes, which
/// are no text.
fn uuid_digits(dialect: Dialect, quoted: &str) -> String {
    match dialect {
        // MariaDB's UUID type gives the digits of its bytes too.
        Dialect::MySql | Dialect::Sqlite => format!("HEX({quoted})"),
        // BYTEA prints as `\x…`.
        Dialect::Postgres => format!("REPLACE(CAST({quoted} AS TEXT), '\\x', '')"),
    }
}

/// Any column as text.
pub(super) fn as_text(dialect: Dialect, quoted: &str) -> String {
    match dialect {
        Dialect::MySql => format!("CAST({quoted} AS CHAR)"),
        Dialect::Sqlite | Dialect::Postgres => format!("CAST({quoted} AS TEXT)"),
    }
}

/// A kept column of any type as text. Bytes are shown as PostgreSQL shows them: they need not be
/// text, and one such cell must not make its table unreadable.
pub(super) fn select_kept(dialect: Dialect, column: &str) -> String {
    let name = quote(dialect, column);
    let text = as_text(dialect, &name);
    match dialect {
        Dialect::Sqlite => {
            format!(
                "CASE typeof({name}) WHEN 'blob' THEN '\\x' || lower(hex({name})) ELSE {text} END"
            )
        }
        // Numbers and dates have the character set `binary` too, but no column's coercibility:
        // theirs is 5, a text's or bytes' is 2 (MySQL reference manual, "Information Functions").
        // Put as bytes first: HEX of a BIT column would be that of its number.
        Dialect::MySql => {
            format!(
                "CASE WHEN CHARSET({name}) = 'binary' AND COERCIBILITY({name}) = 2 \
                 THEN CONCAT(CHAR(92 USING utf8mb4), 'x', LOWER(HEX(CAST({name} AS BINARY)))) \
                 ELSE {text} END"
            )
        }
        Dialect::Postgres => text,
    }
}

/// The value of a key column selected by [`select`]; `None` when it is NULL or not of the kind.
pub(super) fn key_value(row: &Row, index: usize, ty: &ValueType) -> Result<Option<Value>, DbError> {
    if ty.kind == Kind::Bytes {
        return Ok(row
            .opt_bytes(index)?
            .map(|bytes| Value::bytes(padded(bytes, ty))));
    }
    let Some(text) = row.opt_text(index)? else {
        return Ok(None);
    };
    Ok(parse(&text, ty))
}

/// The value of a key as a person or an application names it.
pub(super) fn parse(text: &str, ty: &ValueType) -> Option<Value> {
    match ty.kind {
        Kind::Integer => Value::integer(text).ok(),
        Kind::Decimal => Value::decimal(text).ok(),
        Kind::Text if ty.fixed_char => Some(Value::text(text.trim_end_matches(' '))),
        Kind::Text => Some(Value::text(text)),
        Kind::Uuid => Value::from_canonical(Kind::Uuid, unhex(&text.replace('-', ""))?).ok(),
        Kind::Bytes => Some(Value::bytes(padded(unhex(text)?, ty))),
        Kind::Date => Value::from_canonical(Kind::Date, text.as_bytes().to_vec()).ok(),
        Kind::DateTime => Value::from_canonical(Kind::DateTime, datetime(text).into_bytes()).ok(),
        Kind::Timestamp => {
            let utc = text.trim_end_matches('Z').trim_end_matches("+00");
            Value::from_canonical(Kind::Timestamp, format!("{}Z", datetime(utc)).into_bytes()).ok()
        }
        Kind::Null | Kind::Float | Kind::Boolean | Kind::Json | Kind::Time => None,
    }
}

fn datetime(text: &str) -> String {
    let text = text.replacen(' ', "T", 1);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn padded(mut bytes: Vec<u8>, ty: &ValueType) -> Vec<u8> {
    let width = ty.width.map_or(0, |width| width as usize);
    if bytes.len() < width {
        bytes.resize(width, 0);
    }
    bytes
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
    };
    digits
        .chunks_exact(2)
        .map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?))
        .collect()
}

/// A UUID key as people write it, from its digits; what is no UUID is shown as it is.
pub(super) fn uuid_text(digits: &str) -> String {
    let bare = digits.replace('-', "").to_ascii_lowercase();
    if bare.len() != 32 || !bare.is_ascii() {
        return digits.to_owned();
    }
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &bare[range]);
    parts.join("-")
}

/// Text of a kept column, wiped when it is dropped.
pub(super) fn kept(row: &Row, index: usize) -> Result<Option<Plaintext>, DbError> {
    Ok(row
        .opt_text(index)?
        .map(|text| Plaintext::new(text.into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::{parse, uuid_text};
    use fieldseal_model::{Kind, ValueType};

    fn shown(kind: Kind, text: &str) -> Option<String> {
        parse(text, &ValueType::of(kind)).and_then(|v| v.expose_text().map(str::to_owned))
    }

    #[test]
    fn a_uuid_is_shown_as_people_write_it() {
        let text = "6ccd780c-baba-1026-9564-5b8c656024db";
        assert_eq!(uuid_text(text), text);
        assert_eq!(uuid_text("6CCD780CBABA102695645B8C656024DB"), text);
        for odd in ["", "00", "ääääääääääääääää"] {
            assert_eq!(uuid_text(odd), odd);
        }
    }

    #[test]
    fn every_servers_spelling_is_one_value() {
        for text in [
            "2026-01-02 03:04:05.600000",
            "2026-01-02 03:04:05.6",
            "2026-01-02T03:04:05.6",
        ] {
            assert_eq!(
                shown(Kind::DateTime, text).as_deref(),
                Some("2026-01-02T03:04:05.6")
            );
        }
        for text in [
            "2026-01-02 03:04:05+00",
            "2026-01-02 03:04:05",
            "2026-01-02T03:04:05Z",
        ] {
            assert_eq!(
                shown(Kind::Timestamp, text).as_deref(),
                Some("2026-01-02T03:04:05Z")
            );
        }
        assert_eq!(shown(Kind::Decimal, "12.50").as_deref(), Some("12.5"));
        assert_eq!(shown(Kind::Integer, "x"), None);
    }
}
