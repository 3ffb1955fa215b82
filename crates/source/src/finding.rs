//! What is wrong with a source, or may be. Owns the shape; which things are wrong is told by
//! `settings` and `tables`.

use std::fmt;

use fieldseal_model::TableName;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Capture from this source loses or misreads changes.
    Error,
    /// It works; somebody should have decided so.
    Warning,
}

/// One finding. Names tables, columns and settings, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The source's table, unless it is about the server.
    pub table: Option<TableName>,
    /// What is found.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl Finding {
    pub(crate) fn server(
        severity: Severity,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            table: None,
            what: what.into(),
            advice: advice.into(),
        }
    }

    pub(crate) fn table(
        severity: Severity,
        table: &TableName,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            table: Some(table.clone()),
            ..Self::server(severity, what, advice)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.table {
            Some(table) => write!(f, "table {table}: ")?,
            None => f.write_str("the source's server: ")?,
        }
        write!(f, "{}; {}", self.what, self.advice)
    }
}
