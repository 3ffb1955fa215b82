//! What is allowed: turns a well spelled file into a [`Policy`], or gathers what is wrong with
//! it. Each function returns `None` only after a mistake was gathered.

mod aws;
mod bind;
mod column;
mod key;
mod name;
mod scalar;
mod seal;
mod table;
mod top;
mod value_type;

use fieldseal_envelope::TableId;
use fieldseal_model::TableName;

use crate::mistakes::{Gathered, Spot};
use crate::policy::Policy;
use crate::spelling::{At, Entries, File, TableSection};
use crate::table::Table;
use name::Claims;

/// Checks a whole file. Every part is checked whether or not another one failed.
pub(crate) fn policy(file: &File, gathered: &mut Gathered) -> Option<Policy> {
    let source = file.source.get();
    let checked_source = source.and_then(|at| top::source(&at.value, &at.spot, gathered));
    let unlisted_tables = source.and_then(|at| top::unlisted_tables(&at.value));
    let target = file
        .target
        .get()
        .and_then(|at| top::target(&at.value, &at.spot, gathered));
    let keys = file
        .keys
        .get()
        .and_then(|at| top::keys(&at.value, &at.spot, gathered));
    let admin = value_type::optional(&file.admin, |at| top::admin(&at.value, gathered));
    let tables = file.tables.get().and_then(|at| tables(at, gathered));
    Some(Policy {
        source: checked_source?,
        target: target?,
        keys: keys?,
        tables: tables?,
        unlisted_tables: unlisted_tables?,
        admin: admin?,
    })
}

fn tables(at: &At<Entries<TableSection>>, gathered: &mut Gathered) -> Option<Vec<Table>> {
    let entries = &at.value.0;
    if entries.is_empty() {
        gathered.add(
            &at.spot,
            "name at least one table: [tables.\"schema.table\"]",
        );
        return None;
    }
    let mut claims = TableClaims::new();
    let mut whole = true;
    let mut tables = Vec::with_capacity(entries.len());
    for (name, section) in entries {
        let table = section
            .as_ref()
            .and_then(|section| table::table(name, &section.value, &mut claims, gathered));
        match table {
            Some(table) => tables.push(table),
            None => whole = false,
        }
    }
    tables.sort_by(|a, b| a.id.cmp(&b.id));
    whole.then_some(tables)
}

/// What no two tables may share.
struct TableClaims {
    ids: Claims,
    sources: Claims,
    targets: Claims,
}

impl TableClaims {
    fn new() -> Self {
        Self {
            ids: Claims::of(
                "table id",
                "ids are unique and permanent; give this table another `id`",
            ),
            sources: Claims::of("source table", "one source table is described once"),
            targets: Claims::of(
                "target table",
                "two source tables cannot share one; give this table another `target`",
            ),
        }
    }

    /// Whether those names of a table that are good are its own.
    fn claim(
        &mut self,
        [id_spot, source_spot, target_spot]: [&Spot; 3],
        id: Option<&TableId>,
        source: Option<&TableName>,
        target: Option<&str>,
        gathered: &mut Gathered,
    ) -> bool {
        let id = id.is_none_or(|id| self.ids.claim(id.as_str(), id_spot, gathered));
        let source = source.is_none_or(|source| {
            // Shown with one dot, but a schema or table may hold a dot itself.
            let key = format!("{:?}{:?}", source.schema, source.table);
            self.sources
                .claim_as(key, &source.to_string(), source_spot, gathered)
        });
        let target =
            target.is_none_or(|target| self.targets.claim_any_case(target, target_spot, gathered));
        id && source && target
    }
}
