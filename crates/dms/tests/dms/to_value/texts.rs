//! Text and JSON.

use fieldseal_model::{Cell, Kind, ValueType};

use super::{check, of, t, text};

#[test]
fn text_is_kept_as_it_is() {
    check(
        &of(Kind::Text),
        &[
            (t(""), ""),
            (t(" Zoë \u{1f600} "), " Zoë \u{1f600} "),
            (t("a\0b"), "a\0b"),
            (t("e\u{301}"), "e\u{301}"),
            (t("null"), "null"),
        ],
    );
    let fixed = ValueType {
        fixed_char: true,
        ..of(Kind::Text)
    };
    check(
        &fixed,
        &[(t(" ab  "), " ab"), (t("  "), ""), (t("a\t "), "a\t")],
    );
}

#[test]
fn bytes_that_are_not_utf8_are_no_text() {
    let cell = Cell::Text(fieldseal_model::Piece::Bytes(&[0xff]));
    assert_eq!(text(&cell, &of(Kind::Text)), "wrong-type");
}

#[test]
fn json_is_checked_and_kept() {
    check(
        &of(Kind::Json),
        &[
            (
                t("{\"b\": 1.50,  \"a\": [ ] }"),
                "{\"b\": 1.50,  \"a\": [ ] }",
            ),
            (t("null"), "null"),
            (t("{\"a\":1,\"a\":2}"), "{\"a\":1,\"a\":2}"),
            (t(" 1 "), " 1 "),
            // Cut off by the LOB limit.
            (t("{\"a\": \"long te"), "not-json-text"),
            (t(""), "not-json-text"),
            (t("{} {}"), "not-json-text"),
            (t("{'a': 1}"), "not-json-text"),
        ],
    );
    let deep = "[".repeat(100_000);
    assert_eq!(text(&t(&deep), &of(Kind::Json)), "not-json-text");
}
