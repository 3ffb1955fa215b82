//! Whatever is not understood, not decided or not possible is kept sealed, counted, or stops; it
//! never reaches the new database in clear. One test for each row of the table in the design
//! ("Fail closed"); records of unlisted tables and the many broken shapes are in `hostile`, sealed
//! values that do not open in `attacks`.

mod halving;
mod keys;
mod kinds;
mod readiness;
mod rows;
mod stopping;

use fieldseal_dms::Wire;
use fieldseal_policy::Policy;
use fieldseal_tests::harness::{policy_with, records};

const TABLE: &str = "shop.people";

/// One table with a sealed and a kept column, and these further lines for it.
fn people(lines: &str, columns: &str) -> Policy {
    policy_with(
        "max_batch_rows = 100",
        &format!(
            "[tables.\"{TABLE}\"]\nkey = {{ id = \"integer\" }}\nfirst_load = \"unregistered\"\n{lines}\n\
             [tables.\"{TABLE}\".columns]\nemail = {{ seal = \"contact\", kind = \"text\" }}\n\
             points = \"keep\"\n{columns}"
        ),
    )
}

/// A good insert.
fn person(id: u32) -> Vec<u8> {
    person_with(id, &format!("person{id}@example.org"), "7")
}

fn person_with(id: u32, email: &str, points: &str) -> Vec<u8> {
    let key = id.to_string();
    let cells = [
        ("id", Wire::Number(&key)),
        ("email", Wire::Text(email)),
        ("points", Wire::Text(points)),
    ];
    records::insert(id, TABLE, &cells)
}
