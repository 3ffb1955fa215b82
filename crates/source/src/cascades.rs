//! Foreign keys at a MySQL or MariaDB source that change a table's rows by themselves: such
//! changes are not in the binlog (`docs/ORDERING.md`, point 8). Owns telling them from the line
//! that SHOW CREATE TABLE and mysqldump print, and which of them the policy has accepted.
//!
//! PostgreSQL is not asked: it runs a cascade as statements of their own, which are in the log
//! like any other, as are the changes of triggers on every engine.

use fieldseal_db::{Database, DbError, Dialect, Sql, quote};
use fieldseal_model::TableName;
use fieldseal_policy::Table;

/// A foreign key by which a change of the parent changes rows of this table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cascade {
    /// The constraint's name.
    pub name: String,
    /// What it does: `ON DELETE CASCADE, ON UPDATE SET NULL`.
    pub actions: String,
}

impl Cascade {
    /// The cascade of one line of a CREATE TABLE; `None` when the line is another thing, or a
    /// foreign key that only refuses.
    #[must_use]
    pub fn of_line(line: &str) -> Option<Self> {
        const CONSTRAINT: &str = "CONSTRAINT ";
        let line = line.trim();
        let first = line.get(..CONSTRAINT.len())?;
        if !first.eq_ignore_ascii_case(CONSTRAINT) {
            return None;
        }
        let (name, rest) = identifier(line[CONSTRAINT.len()..].trim_start())?;
        // A file may be written by hand: in any case, with any blanks.
        let words = unquoted(rest).to_ascii_uppercase();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if !words.starts_with("FOREIGN KEY") {
            return None;
        }
        let actions: Vec<&str> = ["DELETE", "UPDATE"]
            .iter()
            .flat_map(|event| {
                ["CASCADE", "SET NULL", "SET DEFAULT"]
                    .iter()
                    .map(move |action| (event, action))
            })
            .filter(|(event, action)| words.contains(&format!("ON {event} {action}")))
            .map(|(event, action)| spelled(event, action))
            .collect();
        (!actions.is_empty()).then(|| Self {
            name,
            actions: actions.join(", "),
        })
    }
}

/// The cascades of a table in a source's database; none where it is no MySQL or MariaDB.
///
/// # Errors
/// [`DbError`] when the database cannot be asked, or has no such table.
pub async fn cascades(database: &Database, name: &TableName) -> Result<Vec<Cascade>, DbError> {
    if database.dialect() != Dialect::MySql {
        return Ok(Vec::new());
    }
    let name = format!(
        "{}.{}",
        quote(Dialect::MySql, &name.schema),
        quote(Dialect::MySql, &name.table)
    );
    // Not from information_schema, which shows foreign keys only to accounts that may do more
    // than SELECT, and none at all to others.
    let statement = database
        .query(Sql::dynamic(format!("SHOW CREATE TABLE {name}")), &[])
        .await?;
    let statement = statement.first().ok_or(DbError::unexpected())?.text(1)?;
    Ok(statement.lines().filter_map(Cascade::of_line).collect())
}

/// The words of an action, whole.
fn spelled(event: &str, action: &str) -> &'static str {
    match (event, action) {
        ("DELETE", "CASCADE") => "ON DELETE CASCADE",
        ("DELETE", "SET NULL") => "ON DELETE SET NULL",
        ("DELETE", _) => "ON DELETE SET DEFAULT",
        (_, "CASCADE") => "ON UPDATE CASCADE",
        (_, "SET NULL") => "ON UPDATE SET NULL",
        _ => "ON UPDATE SET DEFAULT",
    }
}

/// One text for each cascade that the policy has not accepted: what, and what to do.
#[must_use]
pub fn unlisted_cascades(table: &Table, found: &[Cascade]) -> Vec<(String, String)> {
    let is_listed = |cascade: &&Cascade| {
        let mut listed = table.accept_cascades.iter();
        // MySQL compares the names of constraints without regard to case.
        listed.any(|name| name.eq_ignore_ascii_case(&cascade.name))
    };
    found
        .iter()
        .filter(|cascade| !is_listed(cascade))
        .map(|cascade| {
            (
                format!(
                    "the foreign key {:?} has {}, and what that changes never reaches the binlog",
                    cascade.name, cascade.actions
                ),
                format!(
                    "make it refuse instead and let the application change the rows, or accept \
                     rows that differ by accept_cascades = [{:?}]",
                    cascade.name
                ),
            )
        })
        .collect()
}

/// A name at the beginning, quoted in either way or not at all, and what follows.
fn identifier(text: &str) -> Option<(String, &str)> {
    let quote = match text.chars().next()? {
        quote @ ('`' | '"') => quote,
        _ => {
            let end = text.find(' ')?;
            return Some((text[..end].to_owned(), &text[end..]));
        }
    };
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, char)) = chars.next() {
        if char != quote {
            name.push(char);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            name.push(quote);
        } else {
            return Some((name, &text[at + 1..]));
        }
    }
    None
}

/// The text without quoted names, which may hold any word.
fn unquoted(text: &str) -> String {
    let mut within = None;
    let mut out = String::new();
    for char in text.chars() {
        match within {
            Some(quote) if quote == char => within = None,
            Some(_) => {}
            None if char == '`' || char == '"' => within = Some(char),
            None => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Cascade;

    fn actions(line: &str) -> Option<(String, String)> {
        Cascade::of_line(line).map(|cascade| (cascade.name, cascade.actions))
    }

    #[test]
    fn each_action_is_seen() {
        for action in [
            "ON DELETE CASCADE",
            "ON UPDATE CASCADE",
            "ON DELETE SET NULL",
            "ON UPDATE SET NULL",
            "ON DELETE SET DEFAULT",
            "ON UPDATE SET DEFAULT",
            "ON DELETE CASCADE, ON UPDATE SET NULL",
        ] {
            let line = format!(
                "  CONSTRAINT `of` FOREIGN KEY (`a`) REFERENCES `s`.`p` (`id`) {},",
                action.replace(',', "")
            );
            assert_eq!(actions(&line), Some(("of".into(), action.into())));
        }
    }

    #[test]
    fn names_are_no_actions_and_refusals_no_cascades() {
        for line in [
            "CONSTRAINT `x` FOREIGN KEY (`a`) REFERENCES `p` (`id`)",
            "CONSTRAINT `x` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE NO ACTION ON UPDATE RESTRICT",
            "CONSTRAINT `x` FOREIGN KEY (`ON DELETE CASCADE`) REFERENCES `p` (`id`)",
            "CONSTRAINT `x` CHECK (`a` <> 'FOREIGN KEY ON DELETE CASCADE')",
            "`CONSTRAINT x FOREIGN KEY ON DELETE CASCADE` int",
            "KEY `x` (`a`)",
        ] {
            assert_eq!(actions(line), None, "{line}");
        }
        let odd = "CONSTRAINT `a``b c` FOREIGN KEY (`d`) REFERENCES `p` (`id`) ON DELETE CASCADE";
        assert_eq!(
            actions(odd),
            Some(("a`b c".into(), "ON DELETE CASCADE".into()))
        );
        let by_hand = "constraint x  foreign key (a) references p (id) on  delete cascade";
        assert_eq!(
            actions(by_hand),
            Some(("x".into(), "ON DELETE CASCADE".into()))
        );
        let ansi =
            "CONSTRAINT \"k\" FOREIGN KEY (\"a\") REFERENCES \"p\" (\"id\") ON DELETE CASCADE";
        assert_eq!(
            actions(ansi),
            Some(("k".into(), "ON DELETE CASCADE".into()))
        );
    }
}
