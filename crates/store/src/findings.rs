//! What `fieldseal check` says of the target, all at once, each finding with what to do. Owns the
//! findings' shape and order; `describe` refuses at the start what is an error of a table here.

mod account;
mod server;
mod table;
mod widths;

use std::fmt;

use fieldseal_db::{Database, DbError};
use fieldseal_pipeline::TableLayout;
use fieldseal_policy::Policy;

use crate::describe;

pub(crate) use table::of_table;
pub(crate) use widths::canonical_max;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The target must not be written like this.
    Error,
    /// It works; somebody should have decided so.
    Warning,
}

/// One thing that is wrong with the target, or may be. Names tables and columns, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The target's table, unless it is about the server.
    pub table: Option<String>,
    /// The column, if it is about one.
    pub column: Option<String>,
    /// What is found.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl Finding {
    fn server(severity: Severity, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            severity,
            table: None,
            column: None,
            what: what.into(),
            advice: advice.into(),
        }
    }

    fn table(
        severity: Severity,
        table: &str,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            table: Some(table.to_owned()),
            ..Self::server(severity, what, advice)
        }
    }

    fn column(
        severity: Severity,
        table: &str,
        column: &str,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            column: Some(column.to_owned()),
            ..Self::table(severity, table, what, advice)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.table, &self.column) {
            (Some(table), Some(column)) => write!(f, "table {table}, column {column}: ")?,
            (Some(table), None) => write!(f, "table {table}: ")?,
            _ => f.write_str("the target's server: ")?,
        }
        write!(f, "{}; {}", self.what, self.advice)
    }
}

/// Everything that is wrong with the target of `policy`, or may be.
///
/// Statements that change nothing are run and rolled back, to learn what the account may do.
///
/// # Errors
/// [`DbError`] when the database cannot be asked.
pub async fn findings(database: &Database, policy: &Policy) -> Result<Vec<Finding>, DbError> {
    let dialect = database.dialect();
    let mut found = server::of_server(database).await?;
    for table in policy.tables() {
        let layout = TableLayout::of(table);
        let facts = describe::facts(database, &layout.target).await?;
        found.extend(of_table(dialect, &layout, facts.as_ref()));
        let Some(facts) = facts else { continue };
        found.extend(widths::of_policy(dialect, table, &layout, &facts));
        found.extend(account::of_table(database, &layout.target, &facts).await?);
    }
    found.extend(account::of_own_tables(database).await?);
    Ok(found)
}
