//! Reading the labels of a shard: epochs, generations and their marks, floors. Owns those
//! queries; what a label means is the pipeline's.

use std::collections::HashMap;

use fieldseal_db::{Bind, DbError, Row};
use fieldseal_envelope::TableId;
use fieldseal_model::{Epoch, Generation, RowVersion};
use fieldseal_pipeline::{Capture, GenerationLabel, Labels, Mark, TableLabels};

use crate::checkpoint::{position, sequence};
use crate::locks::version;
use crate::store::Store;

/// Marks of one shard by kind and number.
pub(crate) type Marks = HashMap<(String, i64), Mark>;

/// Reads the labels of `shard`.
///
/// Not in one transaction: revisions are read first, so that labels that are newer than their
/// revision only make the batch planned again.
pub(crate) async fn read(store: &Store, shard: &str) -> Result<Labels, DbError> {
    let mut tables = tables(store).await?;
    let marks = marks(store, shard).await?;
    let epochs = epochs(store, &marks).await?;
    let generations = store
        .database
        .query(
            "SELECT table_id, generation, epoch, position, capture, started, state FROM fieldseal_generations ORDER BY generation",
            &[],
        )
        .await?;
    for row in &generations {
        let id = row.text(0)?;
        if let Some(table) = tables.iter_mut().find(|table| table.table.as_str() == id) {
            table.generations.push(generation(row, &marks)?);
        }
    }
    Ok(Labels { epochs, tables })
}

/// Every epoch, and where it begins in the shard that has these marks.
pub(crate) async fn epochs(store: &Store, marks: &Marks) -> Result<Vec<(Epoch, Mark)>, DbError> {
    store
        .database
        .query("SELECT epoch FROM fieldseal_epochs ORDER BY epoch", &[])
        .await?
        .iter()
        .map(|row| {
            let number = row.int(0)?;
            Ok((Epoch(narrow(number)?), mark(marks, "epoch", number)))
        })
        .collect()
}

async fn tables(store: &Store) -> Result<Vec<TableLabels>, DbError> {
    let rows = store
        .database
        .query(
            "SELECT table_id, floor, revision FROM fieldseal_tables",
            &[],
        )
        .await?;
    let mut known: HashMap<String, (RowVersion, i64)> = HashMap::new();
    for row in &rows {
        known.insert(row.text(0)?, (version(&row.bytes(1)?)?, row.int(2)?));
    }
    store
        .table_ids
        .iter()
        .map(|id| {
            let (floor, revision) = known.get(id).copied().ok_or(DbError::unexpected())?;
            Ok(TableLabels {
                table: TableId::new(id.as_str()).map_err(|_| DbError::unexpected())?,
                revision,
                floor,
                generations: Vec::new(),
            })
        })
        .collect()
}

/// Every mark in `shard`.
pub(crate) async fn marks(store: &Store, shard: &str) -> Result<Marks, DbError> {
    let rows = store
        .database
        .query(
            "SELECT kind, number, sequence FROM fieldseal_marks WHERE shard = ?",
            &[Bind::from(shard)],
        )
        .await?;
    let mut marks = Marks::new();
    for row in &rows {
        let mark = match row.opt_text(2)? {
            Some(text) => Mark::Behind(sequence(&text)?),
            None => Mark::Never,
        };
        marks.insert((row.text(0)?, row.int(1)?), mark);
    }
    Ok(marks)
}

/// A shard without a mark inherits.
fn mark(marks: &Marks, kind: &str, number: i64) -> Mark {
    marks
        .get(&(kind.to_owned(), number))
        .cloned()
        .unwrap_or(Mark::Start)
}

fn generation(row: &Row, marks: &Marks) -> Result<GenerationLabel, DbError> {
    let number = row.int(1)?;
    let open = row.text(6)? == "open";
    Ok(GenerationLabel {
        generation: Generation(narrow(number)?),
        epoch: Epoch(narrow(row.int(2)?)?),
        position: position(&row.text(3)?)?,
        capture: if row.text(4)? == "stopped" {
            Capture::Stopped
        } else {
            Capture::Unbroken
        },
        started: row.opt_text(5)?,
        begin: mark(marks, "begin", number),
        end: (!open).then(|| mark(marks, "end", number)),
    })
}

/// A stored number that is a u32.
pub(crate) fn narrow(number: i64) -> Result<u32, DbError> {
    u32::try_from(number).map_err(|_| DbError::unexpected())
}
