//! What `fieldseal check` says of the target, all at once, each finding with what to do. Owns the
//! findings' order; `describe` refuses at the start what is an error of a table here.

mod account;
mod server;
mod table;
mod widths;

use fieldseal_db::{Database, DbError, Finding};
use fieldseal_pipeline::TableLayout;
use fieldseal_policy::Policy;

use crate::describe;

pub(crate) use table::of_table;
pub(crate) use widths::canonical_max;

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
