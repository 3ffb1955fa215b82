//! One record to what each of its objects comes to: decoded and planned, nothing put together
//! yet. Pure, so that it runs on any number of threads.

use std::collections::BTreeSet;
use std::ops::Range;

use fieldseal_dms::{Control, Record};
use fieldseal_model::{Change, Engine, Generation, Operation, Position};

use super::Preparer;
use crate::plan::{Planned, Planner, Refusal};
use crate::{Labels, StreamRecord};

/// What one object of a record came to, before anything is put together.
pub(super) struct Item {
    pub(super) index: u32,
    pub(super) range: Range<usize>,
    pub(super) order: Option<Position>,
    pub(super) engine: Option<Engine>,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    Planned(Planned),
    Control(Control),
    Internal,
}

impl Preparer {
    pub(super) fn items(
        &self,
        record: &StreamRecord,
        labels: &Labels,
        hold: &BTreeSet<u32>,
    ) -> Vec<Item> {
        let decoded = self.decoder.decode(record.data.expose());
        let mut items = Vec::with_capacity(1);
        for (index, object) in decoded.enumerate() {
            let mut item = Item {
                index: u32::try_from(index).unwrap_or(u32::MAX),
                range: object.range,
                order: None,
                engine: None,
                outcome: Outcome::Internal,
            };
            match object.result {
                Ok(Record::Row(change)) => {
                    item.order = change.order.map(|order| order.position);
                    item.engine = change.order.map(|order| order.engine);
                    let planned = self.planner.plan(&change, &record.sequence, labels);
                    item.outcome = Outcome::Planned(match planned {
                        Planned::Rows { betrayed, .. } if hold.contains(&item.index) => {
                            Planned::Quarantine(Refusal {
                                table: self.planner.table_of(&change),
                                operation: Some(change.operation),
                                reason: "target-refused",
                                column: None,
                                generation: held_generation(&self.planner, &change, record, labels),
                                betrayed,
                            })
                        }
                        planned => planned,
                    });
                }
                Ok(Record::Control(control)) => item.outcome = Outcome::Control(control),
                Ok(Record::Internal(_)) => {}
                Err(error) => {
                    item.outcome = Outcome::Planned(Planned::Quarantine(Refusal {
                        table: object
                            .refused_table
                            .as_ref()
                            .and_then(|name| self.planner.table_number(&name.schema, &name.table)),
                        operation: None,
                        reason: error.reason(),
                        column: None,
                        generation: None,
                        betrayed: false,
                    }));
                }
            }
            items.push(item);
        }
        items
    }
}

fn held_generation(
    planner: &Planner,
    change: &Change,
    record: &StreamRecord,
    labels: &Labels,
) -> Option<Generation> {
    if change.operation != Operation::Load {
        return None;
    }
    let table = planner.table_of(change)?;
    labels.tables[table]
        .generation_at(&record.sequence)
        .map(|g| g.generation)
}
