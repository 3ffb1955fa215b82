//! The tables `fieldseal_indexes` and `fieldseal_layout`: lines that are written once and
//! compared ever after. Owns comparing and recording; does not know what a line says.

use std::collections::HashMap;

use fieldseal_db::{Bind, Database, DbError, Transaction};
use fieldseal_keys::{IndexRecord, KeyStoreError, LayoutRecord};

use crate::database::{end, gave_way, refused};

/// One of the two tables.
pub(crate) struct Lines {
    /// How many columns name a line; the line itself is the column after them.
    names: usize,
    select: &'static str,
    insert: &'static str,
}

pub(crate) const INDEXES: Lines = Lines {
    names: 3,
    select: "SELECT table_id, column_id, name, line FROM fieldseal_indexes",
    insert: "INSERT INTO fieldseal_indexes (table_id, column_id, name, line) VALUES (?, ?, ?, ?)",
};

pub(crate) const LAYOUT: Lines = Lines {
    names: 2,
    select: "SELECT table_id, item, line FROM fieldseal_layout",
    insert: "INSERT INTO fieldseal_layout (table_id, item, line) VALUES (?, ?, ?)",
};

/// A line as it is configured.
pub(crate) struct Line<'a> {
    names: Vec<&'a str>,
    line: &'a str,
    /// What to call it when it differs.
    what: String,
}

impl<'a> Line<'a> {
    pub(crate) fn of_index(index: &'a IndexRecord) -> Self {
        let IndexRecord {
            table,
            column,
            name,
            line,
        } = index;
        Self {
            names: vec![table, column, name],
            line,
            what: format!("blind index `{name}` on column `{column}` of table `{table}`"),
        }
    }

    pub(crate) fn of_layout(layout: &'a LayoutRecord) -> Self {
        let LayoutRecord { table, item, line } = layout;
        Self {
            names: vec![table, item],
            line,
            what: match table.as_str() {
                "" => format!("`{item}`"),
                table => format!("`{item}` of table `{table}`"),
            },
        }
    }
}

impl Line<'_> {
    fn names(&self) -> Vec<String> {
        self.names.iter().map(|&name| name.to_owned()).collect()
    }

    /// What is wrong where the line was recorded otherwise.
    fn differs_from(&self, recorded: &Recorded) -> Option<KeyStoreError> {
        let recorded = recorded.get(&self.names())?;
        (recorded != self.line).then(|| KeyStoreError::Differs {
            what: self.what.clone(),
            recorded: recorded.clone(),
            configured: self.line.to_owned(),
        })
    }
}

/// Lines by their names.
type Recorded = HashMap<Vec<String>, String>;

/// Compares every line with what was recorded and records those that were not, all or none.
pub(crate) async fn record(
    database: &Database,
    lines: &Lines,
    wanted: &[Line<'_>],
    attempts: u32,
) -> Result<(), KeyStoreError> {
    let mut attempt = 1;
    loop {
        let missing = missing(database, lines, wanted).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let mut transaction = database.begin().await.map_err(refused)?;
        let outcome = insert(&mut transaction, lines, &missing).await;
        match end(transaction, outcome).await {
            Ok(()) => return Ok(()),
            // Another process recorded meanwhile; compare with what it wrote.
            Err(error)
                if (error.is_unique_violation() || gave_way(&error)) && attempt < attempts =>
            {
                attempt += 1;
            }
            Err(error) => return Err(refused(error)),
        }
    }
}

/// Every line that was recorded otherwise. Records nothing.
pub(crate) async fn differing(
    database: &Database,
    lines: &Lines,
    wanted: &[Line<'_>],
) -> Result<Vec<KeyStoreError>, KeyStoreError> {
    let recorded = recorded(database, lines).await?;
    Ok(wanted
        .iter()
        .filter_map(|line| line.differs_from(&recorded))
        .collect())
}

async fn missing<'w, 'l>(
    database: &Database,
    lines: &Lines,
    wanted: &'w [Line<'l>],
) -> Result<Vec<&'w Line<'l>>, KeyStoreError> {
    let recorded = recorded(database, lines).await?;
    let mut missing = Vec::new();
    for line in wanted {
        if let Some(differs) = line.differs_from(&recorded) {
            return Err(differs);
        }
        if !recorded.contains_key(&line.names()) {
            missing.push(line);
        }
    }
    Ok(missing)
}

/// Every recorded line by its names.
async fn recorded(database: &Database, lines: &Lines) -> Result<Recorded, KeyStoreError> {
    let rows = database.query(lines.select, &[]).await.map_err(refused)?;
    let mut recorded = HashMap::new();
    for row in &rows {
        let names: Result<Vec<String>, DbError> = (0..lines.names).map(|i| row.text(i)).collect();
        let line = row.text(lines.names).map_err(refused)?;
        recorded.insert(names.map_err(refused)?, line);
    }
    Ok(recorded)
}

async fn insert(
    transaction: &mut Transaction,
    lines: &Lines,
    missing: &[&Line<'_>],
) -> Result<(), DbError> {
    for line in missing {
        let mut binds: Vec<Bind<'_>> = line.names.iter().map(|&name| Bind::from(name)).collect();
        binds.push(Bind::from(line.line));
        transaction.execute(lines.insert, &binds).await?;
    }
    Ok(())
}
