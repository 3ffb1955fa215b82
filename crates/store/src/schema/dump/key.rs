//! One index of a CREATE TABLE as mysqldump writes it: a line of its own. Owns telling its name, its
//! columns, and what makes it no plain index.

use super::{after, backticked};
use crate::schema::source::{BEGINNING, EXPRESSION, IndexColumn, OTHER_KIND, SourceIndex};

/// The index of a line; `None` when the line is another thing.
pub(super) fn of_line(line: &str) -> Option<SourceIndex> {
    let (rest, name, unique, kind) = begun(line)?;
    let mut index = SourceIndex {
        name,
        unique,
        columns: Vec::new(),
        odd: kind,
    };
    let mut rest = rest.trim_start().strip_prefix('(')?;
    while let Some((name, behind)) = backticked(rest.trim_start()) {
        let mut behind = behind.trim_start();
        if let Some(length) = behind.strip_prefix('(') {
            index.odd = index.odd.or(Some(BEGINNING));
            behind = length.split_once(')')?.1.trim_start();
        }
        let descending = after(behind, "DESC").is_some();
        behind = after(behind, "DESC")
            .or(after(behind, "ASC"))
            .unwrap_or(behind);
        index.columns.push(IndexColumn { name, descending });
        match behind.strip_prefix(',') {
            Some(next) => rest = next,
            None => {
                rest = behind;
                break;
            }
        }
    }
    if !rest.starts_with(')') {
        // MySQL's ((a + b)), MariaDB's WITHOUT OVERLAPS.
        index.odd = index.odd.or(Some(EXPRESSION));
    } else if after(rest[1..].trim_start(), "USING HASH").is_some() {
        index.odd = index.odd.or(Some(OTHER_KIND));
    }
    Some(index)
}

/// What follows the name, the name, whether it is unique, and what is odd about its kind.
fn begun(line: &str) -> Option<(&str, String, bool, Option<&'static str>)> {
    if let Some(rest) = after(line, "PRIMARY KEY") {
        return Some((rest, "PRIMARY".to_owned(), true, None));
    }
    let (rest, unique, kind) = if let Some(rest) = after(line, "UNIQUE KEY ") {
        (rest, true, None)
    } else if let Some(rest) = after(line, "FULLTEXT KEY ").or(after(line, "SPATIAL KEY ")) {
        (rest, false, Some(OTHER_KIND))
    } else {
        (after(line, "KEY ")?, false, None)
    };
    let (name, rest) = backticked(rest)?;
    Some((rest, name, unique, kind))
}
