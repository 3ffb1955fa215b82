//! What a policy allows although it protects less: no mistakes, but worth saying. Owns the list;
//! who shows it is not known here.

use crate::policy::Policy;
use crate::table::{Bind, Table};

impl Policy {
    /// One line for each choice of this policy that protects less than the default would.
    #[must_use]
    pub fn weakenings(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.target.insecure {
            lines.push(
                "target: insecure = true allows a connection without TLS, on which passwords and \
                 every kept column can be read"
                    .to_owned(),
            );
        }
        if self.source.insecure {
            lines.push(
                "source: insecure = true allows a connection without TLS, on which the password \
                 can be read"
                    .to_owned(),
            );
        }
        lines.extend(self.tables.iter().flat_map(of_table));
        lines
    }
}

fn of_table(table: &Table) -> Vec<String> {
    let id = table.id.as_str();
    let mut lines = Vec::new();
    if table.bind == Bind::Column && table.sealed().next().is_some() {
        lines.push(format!(
            "table {id:?}: bind = \"column\" lets whoever writes to the database swap sealed \
             values between rows"
        ));
    }
    for (column, seal) in table.sealed() {
        for index in seal.indexes.iter().filter(|index| index.accept_leak) {
            lines.push(format!(
                "table {id:?}, column {:?}: the index {:?} can betray values of few choices",
                column.name, index.name
            ));
        }
    }
    lines
}
