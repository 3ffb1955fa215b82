//! What is wrong with a database as it is set up, or may be. Owns the shape and its words; what is
//! wrong with a source or a target is found by those who know what it is for.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The database must not be used like this.
    Error,
    /// It works; somebody should have decided so.
    Warning,
}

/// One finding. Names tables, columns and settings, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The table, unless it is about the server.
    pub table: Option<String>,
    /// The column, if it is about one.
    pub column: Option<String>,
    /// What is found.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl Finding {
    /// About the server.
    pub fn server(severity: Severity, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            severity,
            table: None,
            column: None,
            what: what.into(),
            advice: advice.into(),
        }
    }

    /// About a table.
    pub fn table(
        severity: Severity,
        table: impl fmt::Display,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            table: Some(table.to_string()),
            ..Self::server(severity, what, advice)
        }
    }

    /// About a column of a table.
    pub fn column(
        severity: Severity,
        table: impl fmt::Display,
        column: impl Into<String>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            column: Some(column.into()),
            ..Self::table(severity, table, what, advice)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.table, &self.column) {
            (Some(table), Some(column)) => write!(f, "table {table}, column {column}: ")?,
            (Some(table), None) => write!(f, "table {table}: ")?,
            _ => f.write_str("its server: ")?,
        }
        write!(f, "{}; {}", self.what, self.advice)
    }
}
