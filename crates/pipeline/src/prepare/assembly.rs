//! The items of a run, put together in stream order. Owns what is counted, what taints, and where
//! a batch ends early because its shard must stop.

use std::collections::BTreeMap;

use fieldseal_dms::{Control, ControlOperation};
use fieldseal_model::{Engine, Epoch, Place, Position};

use super::hold::Held;
use super::items::{Item, Outcome};
use super::{Preparer, Run};
use crate::batch::{Counts, LoadStart, Taint};
use crate::coalesce::coalesce;
use crate::plan::{PlanStop, Planned, PlannedRow};
use crate::seal::seals_needed;
use crate::{Labels, StopReason, StreamRecord};

/// Why a change at or beyond L that the stopped task made taints its table.
const BETRAYED: &str = "change-of-the-stopped-task-beyond-l";

/// A batch that is planned and waits for its grants.
pub(super) struct Plan {
    pub(super) rows: Vec<PlannedRow>,
    pub(super) held: Vec<Held>,
    pub(super) taints: Vec<Taint>,
    pub(super) load_starts: Vec<LoadStart>,
    pub(super) counts: BTreeMap<Option<usize>, Counts>,
    pub(super) tables: Vec<usize>,
    /// How many seals each domain needs.
    pub(super) seals: Vec<u32>,
    pub(super) consumed: usize,
    pub(super) bytes: u64,
    pub(super) high: Option<Position>,
    pub(super) stop: Option<StopReason>,
}

/// Puts items together in stream order.
pub(super) struct Assembly<'a> {
    preparer: &'a Preparer,
    run: &'a Run,
    labels: &'a Labels,
    epoch: Epoch,
    pub(super) plan: Plan,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(preparer: &'a Preparer, run: &'a Run, labels: &'a Labels) -> Self {
        let plan = Plan {
            // A row for most records; growing would copy them.
            rows: Vec::with_capacity(run.range.len()),
            held: Vec::new(),
            taints: run.taints.clone(),
            load_starts: Vec::new(),
            counts: BTreeMap::new(),
            tables: Vec::new(),
            seals: Vec::new(),
            consumed: 0,
            bytes: 0,
            high: run.high,
            stop: None,
        };
        Self {
            preparer,
            run,
            labels,
            epoch: labels.epoch_at(&run.from),
            plan,
        }
    }

    fn record(&self, number: usize) -> &'a StreamRecord {
        &self.run.records[self.run.range.start + number]
    }

    /// Why the shard must stop before this record, if it must.
    pub(super) fn stop_at(&mut self, number: usize, items: &[Item]) -> Option<StopReason> {
        let record = self.record(number);
        let epoch = self.labels.epoch_at(&record.sequence);
        if epoch != self.epoch {
            self.epoch = epoch;
            self.plan.high = None;
        }
        for item in items {
            let place = Place {
                shard: self.run.shard.clone(),
                sequence: record.sequence.clone(),
                index: item.index,
            };
            if let Outcome::Planned(Planned::Stop(stop)) = &item.outcome {
                return Some(match stop {
                    PlanStop::UnlistedTable(table) => StopReason::UnlistedTable {
                        place,
                        table: table.clone(),
                    },
                    PlanStop::OtherEngine => StopReason::OtherEngine { place },
                });
            }
            if let (Some(Engine::MySql), Some(now), Some(high)) =
                (item.engine, item.order, self.plan.high)
                && now.file() < high.file()
            {
                return Some(StopReason::FileFellBack {
                    place,
                    from: high.file(),
                    to: now.file(),
                });
            }
        }
        None
    }

    pub(super) fn add(&mut self, number: usize, items: Vec<Item>) {
        let record = self.record(number);
        self.plan.consumed += 1;
        self.plan.bytes += record.data.len() as u64;
        for item in items {
            self.plan.high = self.plan.high.max(item.order);
            match item.outcome {
                Outcome::Internal | Outcome::Planned(Planned::Ignored | Planned::Stop(_)) => {
                    self.counts(None).ignored += 1;
                }
                Outcome::Control(control) => self.control(&control, record),
                Outcome::Planned(Planned::Quarantine(refusal)) => {
                    self.counts(refusal.table).quarantined += 1;
                    // At its first sight: a replay may come after the load was relied on.
                    if let Some(table) = refusal.table.filter(|_| refusal.betrayed) {
                        self.taint(table, BETRAYED);
                    }
                    let record = self.run.range.start + number;
                    let (index, range) = (item.index, item.range);
                    self.plan.held.push(Held {
                        record,
                        index,
                        range,
                        refusal,
                    });
                }
                Outcome::Planned(Planned::Rows {
                    rows,
                    unlisted,
                    betrayed,
                }) => {
                    let Some(table) = rows.first().map(|row| row.table) else {
                        continue;
                    };
                    self.counts(Some(table)).unlisted_columns += unlisted;
                    if betrayed {
                        self.taint(table, BETRAYED);
                    }
                    self.plan.rows.extend(rows);
                }
            }
        }
    }

    fn control(&mut self, control: &Control, record: &StreamRecord) {
        let (planner, name) = (&self.preparer.planner, &control.table);
        let Some(table) = planner.table_number(&name.schema, &name.table) else {
            self.counts(None).ignored += 1;
            return;
        };
        self.counts(Some(table)).controls += 1;
        let labels = &self.labels.tables[table];
        let newest = labels.generations.last().map(|newest| newest.generation);
        // An older generation is replaced by the newest, however often it was loaded.
        if control.operation == ControlOperation::DropTable
            && let Some(generation) = labels.generation_at(&record.sequence)
            && Some(generation.generation) == newest
        {
            self.plan.load_starts.push(LoadStart {
                table,
                generation: generation.generation,
                stamp: control.stamp.clone(),
            });
        }
    }

    fn taint(&mut self, table: usize, reason: &'static str) {
        let taint = Taint { table, reason };
        if !self.plan.taints.contains(&taint) {
            self.plan.taints.push(taint);
        }
    }

    fn counts(&mut self, table: Option<usize>) -> &mut Counts {
        self.plan.counts.entry(table).or_insert_with(|| Counts {
            table,
            ..Counts::default()
        })
    }

    /// Coalesces, counts the seals and lists the tables the batch touches.
    pub(super) fn finish(mut self) -> Plan {
        let coalesced = coalesce(std::mem::take(&mut self.plan.rows));
        for (table, count) in coalesced.superseded {
            self.counts(Some(table)).superseded += count;
        }
        for table in coalesced.contradicted {
            self.taint(table, "two-changes-of-one-version-differ");
        }
        self.plan.seals = seals_needed(&self.preparer.planner, &coalesced.rows);
        self.plan.rows = coalesced.rows;
        let rows = self.plan.rows.iter().map(|row| row.table);
        let counted = self.plan.counts.keys().flatten().copied();
        let tainted = self.plan.taints.iter().map(|taint| taint.table);
        let mut tables: Vec<usize> = rows.chain(counted).chain(tainted).collect();
        tables.sort_unstable();
        tables.dedup();
        // The highest position depends on the labels even where no table does, and an epoch
        // raises the revision of every table: any one of them tells.
        if tables.is_empty() {
            tables.push(0);
        }
        self.plan.tables = tables;
        self.plan
    }
}
