//! A run of records to one sealed batch: decode, plan, coalesce, seal. Owns the order of those
//! steps, what is counted, and where a batch ends early because its shard must stop.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use fieldseal_dms::{Control, ControlOperation, Decoder, Record};
use fieldseal_envelope::{Domain, Grant, IndexKey, Pad, Purpose, SealError};
use fieldseal_keys::{Keyring, KeyringError};
use fieldseal_model::{Engine, Epoch, Operation, Place, Position, SequenceNumber};
use fieldseal_policy::Policy;
use rayon::prelude::*;

use crate::batch::{Counts, LoadStart, Origin, QuarantineEntry, SealedBatch, TableUse, Taint};
use crate::coalesce::coalesce;
use crate::plan::{PlanStop, Planned, PlannedRow, Planner, Refusal};
use crate::seal::{Grants, seal_rows, seals_needed};
use crate::{Labels, PipelineError, StopReason, StreamRecord, TableLayout, TargetColumn};

/// Turns records into sealed batches. One for a run, shared by its shards.
pub struct Preparer {
    planner: Planner,
    keyring: Arc<Keyring>,
    decoder: Decoder,
    quarantine: Domain,
    quarantine_pad: Pad,
    source_id: String,
}

/// A sealed batch with what the loop needs to know of it.
pub struct Prepared {
    /// What to apply.
    pub batch: SealedBatch,
    /// How many of the records are in it; fewer than were given when the shard must stop.
    pub records: usize,
    /// Their length.
    pub bytes: u64,
    /// Why the shard must stop behind them.
    pub stop: Option<StopReason>,
    /// The highest source position behind them.
    pub high: Option<Position>,
}

/// Which records to prepare, and in which state their shard is before them.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) shard: String,
    pub(crate) fence: i64,
    pub(crate) from: SequenceNumber,
    pub(crate) high: Option<Position>,
    pub(crate) records: Arc<Vec<StreamRecord>>,
    pub(crate) range: Range<usize>,
    /// The target refuses this single record: keep it whole.
    pub(crate) hold: bool,
}

/// What one object of a record came to, before anything is put together.
struct Item {
    index: u32,
    range: Range<usize>,
    order: Option<Position>,
    engine: Option<Engine>,
    name: Option<fieldseal_model::TableName>,
    outcome: Outcome,
}

enum Outcome {
    Planned(Planned),
    Control(Control),
    Internal,
}

/// A batch that is planned and waits for its grants.
struct Plan {
    rows: Vec<PlannedRow>,
    held: Vec<Held>,
    taints: Vec<Taint>,
    load_starts: Vec<LoadStart>,
    counts: BTreeMap<Option<usize>, Counts>,
    tables: Vec<usize>,
    consumed: usize,
    bytes: u64,
    high: Option<Position>,
    stop: Option<StopReason>,
}

struct Held {
    record: usize,
    index: u32,
    range: Range<usize>,
    refusal: Refusal,
}

impl Preparer {
    /// Puts together what planning needs: layouts as the target describes them, and the index
    /// keys of the policy's blind indexes.
    ///
    /// # Errors
    /// [`PipelineError::Keys`] when an index key cannot be had, [`PipelineError::Layout`] when
    /// the target's columns cannot carry what the policy puts there.
    ///
    /// # Panics
    /// Never: `quarantine` is a domain and 256 a padding.
    pub async fn new(
        policy: &Policy,
        targets: Vec<Vec<TargetColumn>>,
        keyring: Arc<Keyring>,
    ) -> Result<Self, PipelineError> {
        let layouts: Vec<TableLayout> = policy.tables().iter().map(TableLayout::of).collect();
        let mistakes: Vec<String> = policy
            .tables()
            .iter()
            .zip(&layouts)
            .zip(&targets)
            .flat_map(|((table, layout), target)| layout.mistakes(table, target))
            .map(|mistake| mistake.to_string())
            .collect();
        if !mistakes.is_empty() {
            return Err(PipelineError::Layout(mistakes.join("; ")));
        }
        let keys = index_keys(policy, &keyring).await?;
        let planner = Planner::new(policy, layouts, targets, |domain, column, blind| {
            let key = &keys[domain];
            IndexKey::derive(key, domain, column, &blind.name, &blind.definition)
        });
        Ok(Self {
            planner,
            keyring,
            decoder: Decoder::default(),
            quarantine: "quarantine"
                .parse()
                .expect("a domain in lower case letters"),
            quarantine_pad: Pad::new(256).expect("256 is within 2 to 4096"),
            source_id: policy.source().id.clone(),
        })
    }

    /// Prepares a run of records under these labels.
    pub(crate) async fn prepare(
        self: &Arc<Self>,
        run: Run,
        labels: Arc<Labels>,
    ) -> Result<Prepared, KeyringError> {
        let plan = self.on_threads(&run, &labels).await;
        let origin = Origin::Shard {
            to: plan.consumed.checked_sub(1).map_or_else(
                || run.from.clone(),
                |last| run.records[run.range.start + last].sequence.clone(),
            ),
            shard: run.shard.clone(),
            fence: run.fence,
            from: run.from.clone(),
            high: plan.high,
        };
        self.seal(plan, &run, &labels, origin).await
    }

    /// Prepares one held record again, for its replay.
    pub(crate) async fn prepare_held(
        self: &Arc<Self>,
        id: i64,
        run: Run,
        labels: Arc<Labels>,
    ) -> Result<Prepared, KeyringError> {
        let plan = self.on_threads(&run, &labels).await;
        let origin = Origin::Held {
            id,
            shard: run.shard.clone(),
        };
        self.seal(plan, &run, &labels, origin).await
    }

    /// The keyring, for opening held records.
    pub(crate) fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// The quarantine's domain.
    pub(crate) const fn quarantine_domain(&self) -> &Domain {
        &self.quarantine
    }

    /// What a quarantined payload is bound to (`docs/FORMAT.md`, section 2).
    pub(crate) fn held_parts(
        &self,
        shard: &str,
        sequence: &SequenceNumber,
        index: u32,
    ) -> [Vec<u8>; 5] {
        [
            self.keyring.deployment().as_bytes().to_vec(),
            self.source_id.as_bytes().to_vec(),
            shard.as_bytes().to_vec(),
            sequence.as_str().as_bytes().to_vec(),
            index.to_string().into_bytes(),
        ]
    }

    async fn on_threads(self: &Arc<Self>, run: &Run, labels: &Arc<Labels>) -> Plan {
        let (this, run, labels) = (Arc::clone(self), run.clone(), Arc::clone(labels));
        tokio::task::spawn_blocking(move || this.plan(&run, &labels))
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    fn plan(&self, run: &Run, labels: &Labels) -> Plan {
        let records = &run.records[run.range.clone()];
        let items: Vec<Vec<Item>> = records
            .par_iter()
            .with_min_len(16)
            .map(|record| self.items(record, labels, run.hold))
            .collect();
        let mut assembly = Assembly::new(self, run, labels);
        for (number, items) in items.into_iter().enumerate() {
            if let Some(stop) = assembly.stop_at(number, &items) {
                assembly.plan.stop = Some(stop);
                break;
            }
            assembly.add(number, items);
        }
        assembly.finish()
    }

    fn items(&self, record: &StreamRecord, labels: &Labels, hold: bool) -> Vec<Item> {
        let decoded = self.decoder.decode(record.data.expose());
        let mut items = Vec::with_capacity(1);
        for (index, object) in decoded.enumerate() {
            let mut item = Item {
                index: u32::try_from(index).unwrap_or(u32::MAX),
                range: object.range,
                order: None,
                engine: None,
                name: None,
                outcome: Outcome::Internal,
            };
            match object.result {
                Ok(Record::Row(change)) => {
                    item.order = change.order.map(|order| order.position);
                    item.engine = change.order.map(|order| order.engine);
                    let planned = self.planner.plan(&change, &record.sequence, labels);
                    item.outcome = Outcome::Planned(match planned {
                        Planned::Rows { .. } if hold => Planned::Quarantine(Refusal {
                            table: self.planner.table_number(&change.table),
                            operation: Some(change.operation),
                            reason: "target-refused",
                            column: None,
                            generation: held_generation(&self.planner, &change, record, labels),
                        }),
                        planned => planned,
                    });
                    item.name = Some(change.table);
                }
                Ok(Record::Control(control)) => item.outcome = Outcome::Control(control),
                Ok(Record::Internal(_)) => {}
                Err(error) => {
                    item.outcome = Outcome::Planned(Planned::Quarantine(Refusal {
                        table: object
                            .refused_table
                            .as_ref()
                            .and_then(|name| self.planner.table_number(name)),
                        operation: None,
                        reason: error.reason(),
                        column: None,
                        generation: None,
                    }));
                }
            }
            items.push(item);
        }
        items
    }

    async fn seal(
        self: &Arc<Self>,
        plan: Plan,
        run: &Run,
        labels: &Labels,
        origin: Origin,
    ) -> Result<Prepared, KeyringError> {
        let needed = seals_needed(&self.planner, &plan.rows);
        let mut grants = Vec::with_capacity(needed.len());
        for (domain, seals) in self.planner.domains.iter().zip(needed) {
            grants.push(self.grant(domain, Purpose::Seal, seals).await?);
        }
        let held = u32::try_from(plan.held.len()).unwrap_or(u32::MAX);
        let held_grants = self.grant(&self.quarantine, Purpose::Value, held).await?;
        let tables = plan
            .tables
            .iter()
            .map(|table| TableUse {
                table: *table,
                revision: labels.tables[*table].revision,
            })
            .collect();
        let (this, run) = (Arc::clone(self), run.clone());
        tokio::task::spawn_blocking(move || {
            let quarantine = this.hold(&plan.held, &run, &held_grants);
            let rows = seal_rows(&this.planner, plan.rows, &Grants(grants));
            let (quarantine, rows) = match (quarantine, rows) {
                (Ok(quarantine), Ok(rows)) => (quarantine, rows),
                (Err(error), _) | (_, Err(error)) => return Err(error),
            };
            Ok(Prepared {
                batch: SealedBatch {
                    origin,
                    tables,
                    rows,
                    quarantine,
                    taints: plan.taints,
                    load_starts: plan.load_starts,
                    counts: plan.counts.into_values().collect(),
                },
                records: plan.consumed,
                bytes: plan.bytes,
                stop: plan.stop,
                high: plan.high,
            })
        })
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
        .map_err(|error: SealError| KeyringError::Configuration {
            reason: error.to_string(),
        })
    }

    async fn grant(
        &self,
        domain: &Domain,
        purpose: Purpose,
        seals: u32,
    ) -> Result<Vec<Grant>, KeyringError> {
        if seals == 0 {
            Ok(Vec::new())
        } else {
            self.keyring.grant(domain, purpose, seals).await
        }
    }

    fn hold(
        &self,
        held: &[Held],
        run: &Run,
        grants: &[Grant],
    ) -> Result<Vec<QuarantineEntry>, SealError> {
        let mut entries = Vec::with_capacity(held.len());
        for entry in held {
            let record = &run.records[entry.record];
            let parts = self.held_parts(&run.shard, &record.sequence, entry.index);
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let data = &record.data.expose()[entry.range.clone()];
            let grant = grants
                .iter()
                .find(|grant| grant.left() > 0)
                .ok_or(SealError::Used)?;
            entries.push(QuarantineEntry {
                sequence: record.sequence.clone(),
                index: entry.index,
                table: entry.refusal.table,
                operation: entry.refusal.operation,
                reason: entry.refusal.reason,
                column: entry.refusal.column.clone(),
                generation: entry.refusal.generation,
                size: data.len() as u64,
                payload: grant.seal_value(&parts, data, Some(self.quarantine_pad))?,
            });
        }
        Ok(entries)
    }
}

/// Puts items together in stream order.
struct Assembly<'a> {
    preparer: &'a Preparer,
    run: &'a Run,
    labels: &'a Labels,
    epoch: Epoch,
    plan: Plan,
}

impl<'a> Assembly<'a> {
    fn new(preparer: &'a Preparer, run: &'a Run, labels: &'a Labels) -> Self {
        let plan = Plan {
            rows: Vec::new(),
            held: Vec::new(),
            taints: Vec::new(),
            load_starts: Vec::new(),
            counts: BTreeMap::new(),
            tables: Vec::new(),
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
    fn stop_at(&mut self, number: usize, items: &[Item]) -> Option<StopReason> {
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
                let table = item.name.clone()?;
                return Some(match stop {
                    PlanStop::UnlistedTable => StopReason::UnlistedTable { place, table },
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

    fn add(&mut self, number: usize, items: Vec<Item>) {
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
                        self.taint(table, "change-of-the-stopped-task-beyond-l");
                    }
                    self.plan.rows.extend(rows);
                }
            }
        }
    }

    fn control(&mut self, control: &Control, record: &StreamRecord) {
        let Some(table) = self.preparer.planner.table_number(&control.table) else {
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

    /// Coalesces and lists the tables the batch touches.
    fn finish(mut self) -> Plan {
        let coalesced = coalesce(std::mem::take(&mut self.plan.rows));
        for (table, count) in coalesced.superseded {
            self.counts(Some(table)).superseded += count;
        }
        for table in coalesced.contradicted {
            self.taint(table, "two-changes-of-one-version-differ");
        }
        self.plan.rows = coalesced.rows;
        let rows = self.plan.rows.iter().map(|row| row.table);
        let counted = self.plan.counts.keys().flatten().copied();
        let mut tables: Vec<usize> = rows.chain(counted).collect();
        tables.sort_unstable();
        tables.dedup();
        self.plan.tables = tables;
        self.plan
    }
}

fn held_generation(
    planner: &Planner,
    change: &fieldseal_model::Change,
    record: &StreamRecord,
    labels: &Labels,
) -> Option<fieldseal_model::Generation> {
    if change.operation != Operation::Load {
        return None;
    }
    let table = planner.table_number(&change.table)?;
    labels.tables[table]
        .generation_at(&record.sequence)
        .map(|g| g.generation)
}

/// The index data key of every domain that has a blind index.
async fn index_keys(
    policy: &Policy,
    keyring: &Keyring,
) -> Result<BTreeMap<Domain, Arc<fieldseal_envelope::DataKey>>, PipelineError> {
    let mut keys = BTreeMap::new();
    let seals = policy
        .tables()
        .iter()
        .flat_map(fieldseal_policy::Table::sealed);
    for (_, seal) in seals.filter(|(_, seal)| !seal.indexes.is_empty()) {
        if !keys.contains_key(&seal.domain) {
            let key = keyring
                .index_key(&seal.domain)
                .await
                .map_err(|error| PipelineError::Keys(error.to_string()))?;
            keys.insert(seal.domain.clone(), key);
        }
    }
    Ok(keys)
}
