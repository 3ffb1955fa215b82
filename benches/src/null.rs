//! Targets that store nothing: one that only commits, and one that keeps the batches' rows for
//! the ceilings.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use fieldseal_envelope::TableId;
use fieldseal_model::{Epoch, Generation, Position, RowVersion, SequenceNumber};
use fieldseal_pipeline::{
    Bound, Capture, ColumnRole, Committed, GenerationLabel, Labels, Mark, RowChange, SealedBatch,
    ShardState, TableLabels, TableLayout, TableOutcome, Target, TargetColumn, TargetError,
    TargetType,
};

/// One row as the target would have written it: key, columns, version.
pub(crate) struct ReadyRow {
    pub(crate) values: Vec<Bound>,
    pub(crate) version: [u8; 16],
}

impl ReadyRow {
    /// The length of its sealed values.
    pub(crate) fn sealed_bytes(&self) -> usize {
        let length = |value: &Bound| match value {
            Bound::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        self.values.iter().map(length).sum()
    }
}

/// Commits at once. What `keep` says decides whether the rows are remembered.
pub(crate) struct NullTarget {
    tables: Vec<TableId>,
    keep: bool,
    batches: Mutex<Vec<Vec<ReadyRow>>>,
}

impl NullTarget {
    pub(crate) fn new(layouts: &[TableLayout]) -> Self {
        Self {
            tables: layouts.iter().map(|layout| layout.table.clone()).collect(),
            keep: false,
            batches: Mutex::default(),
        }
    }

    pub(crate) fn keeping(layouts: &[TableLayout]) -> Self {
        Self {
            keep: true,
            ..Self::new(layouts)
        }
    }

    /// The rows of every batch, in the order they were applied.
    pub(crate) fn into_batches(self) -> Vec<Vec<ReadyRow>> {
        self.batches
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Target for NullTarget {
    type Ready = SealedBatch;

    async fn describe(
        &self,
        layouts: &[TableLayout],
    ) -> Result<Vec<Vec<TargetColumn>>, TargetError> {
        Ok(layouts.iter().map(columns).collect())
    }

    async fn shards(&self) -> Result<BTreeMap<String, bool>, TargetError> {
        Ok(BTreeMap::new())
    }

    async fn add_shards(&self, _: &[String]) -> Result<(), TargetError> {
        Ok(())
    }

    async fn take_shard(&self, _: &str, _: &[String]) -> Result<ShardState, TargetError> {
        Ok(ShardState {
            fence: 1,
            checkpoint: SequenceNumber::start(),
            high: None,
            closed: false,
            end_seen: None,
        })
    }

    async fn labels(&self, _: &str) -> Result<Labels, TargetError> {
        let table = |table: &TableId| TableLabels {
            table: table.clone(),
            revision: 1,
            floor: RowVersion::ZERO,
            generations: vec![GenerationLabel {
                generation: Generation(1),
                epoch: Epoch(1),
                position: Position(0),
                capture: Capture::Unbroken,
                started: None,
                begin: Mark::Start,
                end: None,
            }],
        };
        Ok(Labels {
            epochs: vec![(Epoch(1), Mark::Start)],
            tables: self.tables.iter().map(table).collect(),
        })
    }

    fn ready(&self, batch: SealedBatch) -> SealedBatch {
        batch
    }

    async fn apply(&self, batch: &SealedBatch) -> Result<Committed, TargetError> {
        if self.keep {
            let rows = batch.rows().iter().filter_map(ready).collect();
            self.batches
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(rows);
        }
        let count = batch.rows().len() as u64;
        let outcomes = vec![TableOutcome {
            table: Some(0),
            outcome: "inserts",
            count,
        }];
        Ok(Committed::after_commit(count).with_outcomes(outcomes))
    }

    async fn try_out(&self, _: &SealedBatch) -> Result<(), TargetError> {
        Ok(())
    }

    async fn close_shard(&self, _: &str, _: i64) -> Result<(), TargetError> {
        Ok(())
    }
}

fn ready(row: &fieldseal_pipeline::SealedRow) -> Option<ReadyRow> {
    let RowChange::Upsert(values) = row.change() else {
        return None;
    };
    Some(ReadyRow {
        values: row.key_columns().iter().chain(values).cloned().collect(),
        version: *row.version().as_bytes(),
    })
}

/// As the servers describe the bench's table.
fn columns(layout: &TableLayout) -> Vec<TargetColumn> {
    let column = |(name, role): &(String, ColumnRole)| TargetColumn {
        name: name.clone(),
        ty: match (role, name.as_str()) {
            (ColumnRole::Sealed(_), _) => TargetType::Bytes { max: None },
            (_, "id" | "visits" | "credit") => TargetType::Integer {
                min: i64::MIN.into(),
                max: i64::MAX.into(),
            },
            (_, "created_at") => TargetType::DateTime { digits: 6 },
            _ => TargetType::Text {
                max_chars: Some(16),
                max_bytes: None,
                fixed: false,
                nul: false,
            },
        },
        nullable: !matches!(role, ColumnRole::Key(_)),
    };
    layout.columns.iter().map(column).collect()
}
