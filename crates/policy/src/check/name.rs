//! Names: their syntax, and that no two things claim the same one.

use std::collections::HashMap;

use crate::mistakes::{Gathered, Spot, shown};
use crate::spelling::At;

/// What a deployment or a source may be called.
pub(super) fn permanent(at: &At<String>, gathered: &mut Gathered) -> Option<String> {
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if (1..=64).contains(&at.value.len()) && at.value.bytes().all(allowed) {
        return Some(at.value.clone());
    }
    gathered.add(&at.spot, "must be 1 to 64 characters of a-z, 0-9 and \"-\"");
    None
}

/// A table or column as a database or a record may name it.
pub(super) fn database(name: &str, spot: &Spot, gathered: &mut Gathered) -> bool {
    // MySQL's limit; PostgreSQL's is 63 bytes, which `check` compares with the database at hand.
    let good = (1..=64).contains(&name.chars().count()) && !name.contains(char::is_control);
    if !good {
        gathered.add(
            spot,
            "a name is 1 to 64 characters, none of them a control character; correct it",
        );
    }
    good
}

/// The name of a table in the new database.
pub(super) fn target_table(name: &str, spot: &Spot, gathered: &mut Gathered) -> bool {
    if name.to_lowercase().starts_with("fieldseal_") {
        gathered.add(
            spot,
            "target tables that begin with \"fieldseal_\" are Fieldseal's own; \
             choose another `target`",
        );
        return false;
    }
    database(name, spot, gathered)
}

/// Names of one sort that are taken, each with the path of the entry that took it.
pub(super) struct Claims {
    /// What is claimed, in messages.
    what: &'static str,
    /// What to do when it is taken.
    advice: &'static str,
    taken: HashMap<String, String>,
}

impl Claims {
    pub(super) fn of(what: &'static str, advice: &'static str) -> Self {
        Self {
            what,
            advice,
            taken: HashMap::new(),
        }
    }

    /// Columns of one table of the new database.
    pub(super) fn of_target_columns() -> Self {
        Self::of(
            "target column",
            "every column, index and mask needs a target column of its own",
        )
    }

    /// Whether `name` was free; gathers who has it otherwise.
    pub(super) fn claim(&mut self, name: &str, spot: &Spot, gathered: &mut Gathered) -> bool {
        self.claim_as(name.to_owned(), name, spot, gathered)
    }

    /// As [`Claims::claim`] for names that some databases compare without case.
    pub(super) fn claim_any_case(
        &mut self,
        name: &str,
        spot: &Spot,
        gathered: &mut Gathered,
    ) -> bool {
        self.claim_as(name.to_lowercase(), name, spot, gathered)
    }

    /// As [`Claims::claim`], where `key` is what must differ and `name` what is shown.
    pub(super) fn claim_as(
        &mut self,
        key: String,
        name: &str,
        spot: &Spot,
        gathered: &mut Gathered,
    ) -> bool {
        if let Some(first) = self.taken.get(&key) {
            let (what, name, advice) = (self.what, shown(name), self.advice);
            gathered.add(
                spot,
                format!("the {what} {name} is already used by {first}; {advice}"),
            );
            return false;
        }
        self.taken.insert(key, spot.path.clone());
        true
    }

    /// Claims a column of the new database.
    pub(super) fn target_column(
        &mut self,
        name: &str,
        spot: &Spot,
        gathered: &mut Gathered,
    ) -> bool {
        if name.eq_ignore_ascii_case("_fieldseal_version") {
            gathered.add(
                spot,
                "the column _fieldseal_version is Fieldseal's own; choose another name",
            );
            return false;
        }
        database(name, spot, gathered) && self.claim_any_case(name, spot, gathered)
    }
}
