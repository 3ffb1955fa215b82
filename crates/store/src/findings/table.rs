//! What makes a table unfit to be written by the stream, told from its facts and layout alone
//! (`docs/ORDERING.md`, refusals). Owns those rules; widths for a policy are in `widths`.

use fieldseal_db::{Dialect, Finding, Severity};
use fieldseal_pipeline::{ColumnRole, TableLayout, TargetType};

use crate::describe::{ColumnFacts, TableFacts, same_name};
use crate::table::VERSION_COLUMN;

const AS_PRINTED: &str = "make it as `fieldseal schema` prints it";

/// Everything found about one table; `None`: there is no such table.
pub(crate) fn of_table(
    dialect: Dialect,
    layout: &TableLayout,
    facts: Option<&TableFacts>,
) -> Vec<Finding> {
    let table = layout.target.as_str();
    let mut found = Vec::new();
    if dialect == Dialect::Postgres {
        too_long_names(layout, &mut found);
    }
    let Some(facts) = facts else {
        found.push(Finding::table(
            Severity::Error,
            table,
            "is missing",
            AS_PRINTED,
        ));
        return found;
    };
    for (what, advice) in &facts.odd {
        found.push(Finding::table(Severity::Error, table, *what, *advice));
    }
    primary_key(dialect, layout, facts, &mut found);
    guards(table, facts, &mut found);
    version_column(dialect, table, facts, &mut found);
    for (name, role) in &layout.columns {
        match facts.column(dialect, name) {
            None => found.push(Finding::column(
                Severity::Error,
                table,
                name,
                "is missing",
                format!("{AS_PRINTED}, or leave it out of the policy"),
            )),
            Some(column) => written_column(table, *role, column, &mut found),
        }
    }
    for column in &facts.columns {
        let written = layout
            .columns
            .iter()
            .any(|(name, _)| same_name(dialect, name, &column.name));
        if !written && !same_name(dialect, &column.name, VERSION_COLUMN) {
            unwritten_column(table, column, &mut found);
        }
    }
    found
}

/// PostgreSQL cuts names at 63 bytes, and would then look for another one.
fn too_long_names(layout: &TableLayout, found: &mut Vec<Finding>) {
    const WHAT: &str = "the name is longer than PostgreSQL's 63 bytes";
    const ADVICE: &str = "give it a shorter `target` in the policy";
    if layout.target.len() > 63 {
        found.push(Finding::table(
            Severity::Error,
            &layout.target,
            WHAT,
            ADVICE,
        ));
    }
    for (name, _) in layout.columns.iter().filter(|(name, _)| name.len() > 63) {
        found.push(Finding::column(
            Severity::Error,
            &layout.target,
            name,
            WHAT,
            ADVICE,
        ));
    }
}

fn primary_key(
    dialect: Dialect,
    layout: &TableLayout,
    facts: &TableFacts,
    found: &mut Vec<Finding>,
) {
    let keys = &layout.columns[..layout.keys];
    let same = facts.primary_key.len() == keys.len()
        && keys.iter().all(|(name, _)| {
            facts
                .primary_key
                .iter()
                .any(|column| same_name(dialect, column, name))
        });
    if !same {
        let names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
        found.push(Finding::table(
            Severity::Error,
            &layout.target,
            "its primary key is not the policy's key, or is deferrable",
            format!("declare PRIMARY KEY ({})", names.join(", ")),
        ));
    }
}

/// What must wait until just before the cutover: it could refuse or redirect a write, or write
/// on its own.
fn guards(table: &str, facts: &TableFacts, found: &mut Vec<Finding>) {
    let all = [
        ("unique index", &facts.unique, "make it a plain index"),
        ("foreign key", &facts.foreign_keys, "drop it"),
        ("trigger", &facts.triggers, "drop it"),
    ];
    for (what, names, verb) in all {
        for name in names {
            found.push(Finding::table(
                Severity::Error,
                table,
                format!("has the {what} {name}, which cannot stand while rows arrive in any order"),
                format!("{verb} now and bring it back just before the cutover"),
            ));
        }
    }
}

fn version_column(dialect: Dialect, table: &str, facts: &TableFacts, found: &mut Vec<Finding>) {
    let mut refuse = |what: &str| {
        found.push(Finding::column(
            Severity::Error,
            table,
            VERSION_COLUMN,
            what,
            AS_PRINTED,
        ));
    };
    let Some(column) = facts.column(dialect, VERSION_COLUMN) else {
        return refuse("is missing");
    };
    // Shorter cannot hold a version; longer and filled up would not equal one.
    let holds = match column.ty {
        Ok(TargetType::Bytes {
            max: Some(16) | None,
        }) => true,
        Ok(TargetType::Bytes { max: Some(max) }) => max > 16 && !column.fixed_bytes,
        _ => false,
    };
    if !holds || column.generated {
        refuse("must hold 16 bytes (BINARY(16), BYTEA or BLOB)");
    }
    if column.nullable {
        refuse("must be NOT NULL");
    }
    if !column.default.as_deref().is_some_and(is_highest_version) {
        refuse(
            "must have sixteen FF bytes as its default, so that a row written by somebody else \
             is never overwritten",
        );
    }
}

/// Whether the default's expression is sixteen FF bytes.
fn is_highest_version(expression: &str) -> bool {
    let lower = expression.to_ascii_lowercase();
    // MariaDB shows each byte of a plain binary default that is no UTF-8 as a question mark.
    // Sixteen real question marks would be a version beyond any source's as well.
    if lower == format!("'{}'", "?".repeat(16)) {
        return true;
    }
    let Some((before, after)) = lower.split_once(&"f".repeat(32)) else {
        return false;
    };
    let is_digit = |c: char| c.is_ascii_hexdigit();
    !before.ends_with(is_digit) && !after.starts_with(is_digit)
}

fn written_column(table: &str, role: ColumnRole, column: &ColumnFacts, found: &mut Vec<Finding>) {
    let name = column.name.as_str();
    let mut refuse = |what: &str, advice: &str| {
        found.push(Finding::column(Severity::Error, table, name, what, advice));
    };
    if column.generated {
        refuse("is computed by the database", "make it a plain column");
    }
    if let Some(why) = column.refused {
        refuse("does not keep what is written", why);
    }
    let is_text = match &column.ty {
        Ok(ty) => matches!(ty, TargetType::Text { .. }),
        Err(why) => {
            refuse("does not keep every value exactly", why);
            false
        }
    };
    if column.lacks_characters {
        refuse(
            "its character set lacks characters",
            "convert it to utf8mb4",
        );
    }
    let is_key = matches!(role, ColumnRole::Key(_));
    if is_key && matches!(column.ty, Ok(TargetType::Bits { .. })) {
        refuse(
            "a BIT is not found again by its bytes",
            "declare the key VARBINARY or BLOB",
        );
    }
    if is_key && is_text && !column.compares_as_bytes {
        refuse(
            "texts that differ would be one key under its collation",
            "give it a collation that compares bytes without padding: utf8mb4_0900_bin (MySQL), \
             utf8mb4_nopad_bin (MariaDB), a deterministic one (PostgreSQL), BINARY (SQLite)",
        );
    }
    if matches!(role, ColumnRole::Sealed(_)) && column.fixed_bytes {
        refuse(
            "BINARY(n) fills values up, and they would not open",
            "declare VARBINARY or BLOB",
        );
    }
    // A sealed column must take NULL too: a NULL is not sealed unless the policy says so.
    if matches!(role, ColumnRole::Index(..) | ColumnRole::Mask(..)) && !column.nullable {
        refuse(
            "must take NULL, for values that have no index or mask",
            "drop its NOT NULL",
        );
    }
}

fn unwritten_column(table: &str, column: &ColumnFacts, found: &mut Vec<Finding>) {
    if column.generated {
        return;
    }
    let filled = column.nullable || column.default.is_some() || column.numbered;
    let (severity, what, advice) = if filled {
        (
            Severity::Warning,
            "is not in the policy: every row gets its default",
            "list it in the policy, or leave it to the application",
        )
    } else {
        (
            Severity::Error,
            "is not in the policy, is NOT NULL and has no default: every row would be refused",
            "drop NOT NULL, give it a default, or list it in the policy",
        )
    };
    found.push(Finding::column(severity, table, &column.name, what, advice));
}

#[cfg(test)]
mod tests {
    use super::is_highest_version;

    #[test]
    fn the_default_is_exactly_sixteen_bytes_of_ff() {
        let f = "F".repeat(32);
        for good in [
            format!("X'{f}'"),
            format!("'\\x{f}'::bytea"),
            format!("decode('{f}'::text, 'hex'::text)"),
            format!("0x{f}"),
            format!("unhex('{f}')"),
            format!("'{}'", "?".repeat(16)),
        ] {
            assert!(is_highest_version(&good), "{good}");
        }
        for bad in [
            format!("X'{f}F'"),
            format!("X'0{f}'"),
            "X'FF'".to_owned(),
            String::new(),
        ] {
            assert!(!is_highest_version(&bad), "{bad}");
        }
    }
}
