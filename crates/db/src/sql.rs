//! SQL text: quoting of identifiers, parameters per dialect, and the one place that vouches for
//! dynamic SQL. Owns no statement.

use std::borrow::Cow;
use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::Dialect;

/// A statement with `?` for each parameter. Never holds a value: only literals of the code,
/// identifiers that went through [`quote`], and parameters.
#[derive(Clone, Debug)]
pub struct Sql(Cow<'static, str>);

impl Sql {
    /// A statement put together from literals and quoted identifiers.
    #[must_use]
    pub const fn dynamic(text: String) -> Self {
        Self(Cow::Owned(text))
    }

    /// Several statements as one text.
    pub(crate) fn together(statements: &[Self]) -> Self {
        let texts: Vec<&str> = statements.iter().map(|sql| sql.0.as_ref()).collect();
        Self::dynamic(texts.join("; "))
    }

    /// One statement that runs the first beside the second.
    pub(crate) fn beside(first: &Self, second: &Self) -> Self {
        Self::dynamic(format!("WITH beside AS ({}) {}", first.0, second.0))
    }

    /// The text as the driver wants it.
    ///
    /// This is the module where dynamic SQL is vouched for: see the type's invariant.
    pub(crate) fn spell(&self, dialect: Dialect) -> SqlStr {
        match dialect {
            Dialect::Postgres if self.0.contains('?') => {
                AssertSqlSafe(number_parameters(&self.0)).into_sql_str()
            }
            _ => match &self.0 {
                Cow::Borrowed(text) => text.into_sql_str(),
                Cow::Owned(text) => AssertSqlSafe(text.clone()).into_sql_str(),
            },
        }
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<&Self> for Sql {
    fn from(sql: &Self) -> Self {
        sql.clone()
    }
}

/// An identifier in the dialect's quotes. NUL cannot be quoted and is left out: the server then
/// refuses the name instead of reading another one.
#[must_use]
pub fn quote(dialect: Dialect, identifier: &str) -> String {
    let mark = if dialect == Dialect::MySql { '`' } else { '"' };
    let mut out = String::with_capacity(identifier.len() + 2);
    out.push(mark);
    for char in identifier.chars().filter(|c| *c != '\0') {
        if char == mark {
            out.push(mark);
        }
        out.push(char);
    }
    out.push(mark);
    out
}

/// `?` to `$1`, `$2` …, leaving quoted text alone.
fn number_parameters(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut quoted = None;
    let mut number = 0_u32;
    for char in text.chars() {
        match (quoted, char) {
            (None, '?') => {
                number += 1;
                // Writing to a String does not fail.
                let _ = write!(out, "${number}");
                continue;
            }
            (None, '\'' | '"') => quoted = Some(char),
            (Some(mark), char) if char == mark => quoted = None,
            _ => {}
        }
        out.push(char);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{number_parameters, quote};
    use crate::Dialect;

    #[test]
    fn parameters_outside_quotes_are_numbered() {
        assert_eq!(
            number_parameters("SELECT '?' , \"a?\" FROM t WHERE a = ? AND b = ?"),
            "SELECT '?' , \"a?\" FROM t WHERE a = $1 AND b = $2"
        );
    }

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(quote(Dialect::Postgres, "a\"b"), "\"a\"\"b\"");
        assert_eq!(quote(Dialect::MySql, "a`b\0"), "`a``b`");
        assert_eq!(quote(Dialect::Sqlite, "order"), "\"order\"");
    }
}
