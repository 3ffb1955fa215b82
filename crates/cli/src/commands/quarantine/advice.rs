//! What a person can do about a held record, by its reason. Owns the wording only; why a record is
//! held is decided where it is planned.

/// What to do about records that are held for `reason`.
pub(super) fn advice(reason: &str) -> &'static str {
    match reason {
        "unlisted-column" => {
            "list the column in the policy (or say unlisted = \"drop\") and make it in the \
             target, then replay; `fieldseal inspect` on the source's file names the column"
        }
        "column-absent" => {
            "turn IncludeNullAndEmpty on for later records (docs/DMS-SETUP.md); to take this one, \
             say in the policy what `absent` means, then replay"
        }
        "load-of-no-generation" => {
            "register the load with `fieldseal generation begin`, load the table again, then \
             discard this one; if it is the first and only load, say first_load = \
             \"unregistered\" and replay"
        }
        "no-before-image" => {
            "turn BeforeImageSettings on for later records (docs/DMS-SETUP.md); to take this one, \
             promise key_change = \"never\" in the policy, then replay"
        }
        "zero-date" => "say zero_date = \"null\" for the column, then replay",
        "lost-precision" => {
            "its digits are lost: have DMS send the column as a string (docs/DMS-SETUP.md), let \
             the row come again by a new generation, then discard this one"
        }
        "no-transaction-record-id" | "no-transaction-id" | "no-stream-position" => {
            "it cannot be ordered: turn IncludeTransactionDetails on (docs/DMS-SETUP.md), let the \
             row come again by a new generation, then discard this one"
        }
        "broken-aggregate" => {
            "the producer's library put records together, and their checksum or form is wrong: \
             what was in it is lost; let the rows come again by a new generation, then discard \
             this one"
        }
        "does-not-fit" | "target-refused" | "null-in-not-null" | "mask-does-not-fit"
        | "too-long-to-seal" => {
            "make the target's column wide enough for the source's values (`fieldseal check` and \
             `fieldseal schema` know how), then replay"
        }
        "too-precise" | "too-wide" | "wrong-type" | "not-a-number" | "not-an-integer"
        | "not-finite" | "not-a-boolean" | "not-hex" | "not-a-uuid" | "not-json-text"
        | "not-a-date" | "not-a-datetime" | "not-a-time" | "foreign-zone" => {
            "compare the column's kind in the policy with its type at the source; if the kind is \
             right, the value was spoilt on its way: let the row come again by a new generation, \
             then discard this one"
        }
        "key-absent" | "key-null" | "odd-key" => {
            "compare the table's `key` in the policy with the source's primary key, correct it, \
             then replay"
        }
        _ => {
            "see it with --reveal; if the policy or the target can be mended for it, do so and \
             replay; else let the row come again by a new generation, then discard this one"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn the_commonest_reasons_have_words_of_their_own() {
        let other = advice("what-nobody-ever-wrote");
        for reason in [
            "unlisted-column",
            "column-absent",
            "load-of-no-generation",
            "no-before-image",
            "no-transaction-record-id",
            "broken-aggregate",
            "does-not-fit",
        ] {
            assert_ne!(advice(reason), other, "{reason}");
        }
    }
}
