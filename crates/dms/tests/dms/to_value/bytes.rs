//! Bytes, bit fields and UUIDs.

use fieldseal_model::{Cell, Kind, ValueType};

use super::{check_hex, hex, n, of, t};

#[test]
fn bytes_with_and_without_prefix() {
    check_hex(
        &of(Kind::Bytes),
        &[
            (t("0x80057D942E"), "80057d942e"),
            (t("80057d942e"), "80057d942e"),
            (t("0XaB"), "ab"),
            (t("0x"), ""),
            (t(""), ""),
            (t("0x8"), "not-hex"),
            (t("0x8g"), "not-hex"),
            (t("0x0x80"), "not-hex"),
            (t("0x 80"), "not-hex"),
            (t("zz"), "not-hex"),
            (t("é"), "not-hex"),
        ],
    );
    let binary = ValueType {
        width: Some(4),
        ..of(Kind::Bytes)
    };
    check_hex(
        &binary,
        &[
            (t("0xAB"), "ab000000"),
            (t(""), "00000000"),
            (t("0xABCDEF01"), "abcdef01"),
            (t("0xABCDEF0100"), "too-wide"),
        ],
    );
}

#[test]
fn bit_fields_are_big_endian() {
    let bits = |bits| ValueType {
        bits: Some(bits),
        ..of(Kind::Bytes)
    };
    check_hex(
        &bits(12),
        &[
            (t("0x0FFF"), "0fff"),
            (t("FF"), "00ff"),
            (t("0x0000000000000FFF"), "0fff"),
            (t(""), "0000"),
            (n("5"), "0005"),
            (n("4095"), "0fff"),
            (n("4096"), "too-wide"),
            (t("0x1000"), "too-wide"),
            (Cell::Boolean(true), "0001"),
            (Cell::Boolean(false), "0000"),
            (n("1.5"), "not-a-number"),
            (n("-1"), "not-a-number"),
            (t("0xF"), "not-hex"),
        ],
    );
    check_hex(
        &bits(64),
        &[
            (t("0xFFFFFFFFFFFFFFFF"), "ffffffffffffffff"),
            (n("9007199254740991"), "001fffffffffffff"),
            (n("9007199254740992"), "lost-precision"),
            (n("99999999999999999999"), "not-a-number"),
            (t("0x01FFFFFFFFFFFFFFFF"), "too-wide"),
        ],
    );
}

#[test]
fn uuids() {
    let canonical = "33b5205683844 71a9e8c74b9cc7b5c0d".replace(' ', "");
    for good in [
        "33b52056-8384-471a-9e8c-74b9cc7b5c0d",
        "33B52056-8384-471A-9E8C-74B9CC7B5C0D",
        "33b520568384471a9e8c74b9cc7b5c0d",
        "0x33B520568384471A9E8C74B9CC7B5C0D",
    ] {
        assert_eq!(hex(&t(good), &of(Kind::Uuid)), canonical, "{good}");
    }
    for bad in [
        "",
        "33b52056-8384-471a-9e8c-74b9cc7b5c0",
        "33b52056-8384-471a-9e8c74b9-cc7b5c0d",
        "{33b52056-8384-471a-9e8c-74b9cc7b5c0d}",
        "33b52056-8384-471a-9e8c-74b9cc7b5c0g",
        "33b52056-8384-471a-9e8c-74b9cc7b5-0d",
        "0x33B520568384471A9E8C74B9CC7B5C",
        "\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}",
    ] {
        assert_eq!(hex(&t(bad), &of(Kind::Uuid)), "not-a-uuid", "{bad}");
    }
}

#[test]
fn uuids_of_binary_columns_get_their_zeros_back() {
    let binary = ValueType {
        width: Some(16),
        ..of(Kind::Uuid)
    };
    let stripped = "33b520568384471a9e8c74b9cc7b0000";
    check_hex(
        &binary,
        &[
            (t("0x33B520568384471A9E8C74B9CC7B0000"), stripped),
            (t("0x33B520568384471A9E8C74B9CC7B00"), stripped),
            (t("0x33B520568384471A9E8C74B9CC7B"), stripped),
            // `NoHexPrefix`
            (t("33b520568384471a9e8c74b9cc7b"), stripped),
            (t("0x"), "00000000000000000000000000000000"),
            (t("33b52056-8384-471a-9e8c-74b9cc7b0000"), stripped),
            (t("0x33B520568384471A9E8C74B9CC7B000000"), "not-a-uuid"),
            (t("0x33B520568384471A9E8C74B9CC7B0"), "not-a-uuid"),
            (t("33b52056-8384-471a-9e8c-74b9cc7b00"), "not-a-uuid"),
        ],
    );
}
