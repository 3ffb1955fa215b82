//! A run of records to one sealed batch: decode, plan, coalesce, seal. Owns the order of those
//! steps and the keys they need.

mod assembly;
mod hold;
mod items;
mod teams;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use fieldseal_dms::Decoder;
use fieldseal_envelope::{Domain, Grant, IndexKey, Pad, Purpose, SealError};
use fieldseal_keys::{Keyring, KeyringError};
use fieldseal_model::{Position, SequenceNumber};
use fieldseal_policy::Policy;
use rayon::prelude::*;

use self::assembly::{Assembly, Plan};
use self::items::Item;
pub(crate) use self::teams::Team;
use self::teams::Teams;
use crate::batch::{Origin, SealedBatch, TableUse, Taint};
use crate::plan::Planner;
use crate::seal::{Grants, seal_rows};
use crate::{Labels, PipelineError, StopReason, StreamRecord, TableLayout, Target, TargetColumn};

/// Turns records into sealed batches. One for a run, shared by its shards.
pub struct Preparer {
    planner: Planner,
    keyring: Arc<Keyring>,
    decoder: Decoder,
    quarantine: Domain,
    quarantine_pad: Pad,
    source_id: String,
    teams: Teams,
}

/// A sealed batch with what the loop needs to know of it.
pub struct Prepared<B = SealedBatch> {
    /// What to apply, as it was sealed or as the target made it ready.
    pub batch: B,
    /// How many records go to quarantine.
    pub quarantined: u64,
    /// Tables whose order can no longer be trusted.
    pub(crate) taints: Vec<Taint>,
    /// How many of the records are in it; fewer than were given when the shard must stop.
    pub records: usize,
    /// Their length.
    pub bytes: u64,
    /// Why the shard must stop behind them.
    pub stop: Option<StopReason>,
    /// The highest source position behind them.
    pub high: Option<Position>,
    /// Who made it, and is to drop it.
    pub(crate) team: Team,
}

impl Prepared {
    /// The same, brought into the form in which the target sends it.
    pub(crate) fn ready<T: Target>(self, target: &T) -> Prepared<T::Ready> {
        Prepared {
            batch: target.ready(self.batch),
            quarantined: self.quarantined,
            taints: self.taints,
            records: self.records,
            bytes: self.bytes,
            stop: self.stop,
            high: self.high,
            team: self.team,
        }
    }
}

/// A run of records that is planned: its effects are known and wait to be sealed.
pub(crate) struct PlannedRun {
    run: Run,
    labels: Arc<Labels>,
    plan: Plan,
    team: Team,
}

impl PlannedRun {
    /// Whether the shard must stop behind it.
    pub(crate) const fn stops(&self) -> bool {
        self.plan.stop.is_some()
    }

    /// The highest source position behind it.
    pub(crate) const fn high(&self) -> Option<Position> {
        self.plan.high
    }

    /// The run's own origin: the move of its shard's checkpoint.
    fn origin(&self) -> Origin {
        let (run, plan) = (&self.run, &self.plan);
        Origin::Shard {
            to: plan.consumed.checked_sub(1).map_or_else(
                || run.from.clone(),
                |last| run.records[run.range.start + last].sequence.clone(),
            ),
            shard: run.shard.clone(),
            fence: run.fence,
            from: run.from.clone(),
            high: plan.high,
        }
    }
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
    /// Objects of this single record that the target refuses: to be kept sealed.
    pub(crate) hold: BTreeSet<u32>,
    /// What was seen when more was planned together: a change and its contradiction may since
    /// have come apart, by halving or by holding one of them.
    pub(crate) taints: Vec<Taint>,
}

impl Run {
    /// All that is left up to `end`, as before anything was found out under labels that no longer
    /// hold: what taints shows again, since it is planned together again.
    pub(crate) fn anew(self, end: usize) -> Self {
        Self {
            range: self.range.start..end,
            hold: BTreeSet::new(),
            taints: Vec::new(),
            ..self
        }
    }
}

impl Preparer {
    /// Puts together what planning needs: layouts as the target describes them, and the index
    /// keys of the policy's blind indexes.
    ///
    /// # Errors
    /// [`PipelineError::Keys`] when an index key cannot be had, [`PipelineError::Layout`] when
    /// the target's columns cannot carry what the policy puts there, [`PipelineError::Threads`]
    /// when there are none to be had.
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
            teams: Teams::new()?,
        })
    }

    /// Plans a run of records under these labels.
    pub(crate) async fn plan(self: &Arc<Self>, run: Run, labels: Arc<Labels>) -> PlannedRun {
        let team = self.teams.next();
        let this = Arc::clone(self);
        team.clone()
            .run(move || PlannedRun {
                plan: this.assemble(&run, &labels),
                run,
                labels,
                team,
            })
            .await
    }

    /// Seals a planned run and brings it into the form in which `target` sends it.
    pub(crate) async fn finish<T: Target>(
        self: &Arc<Self>,
        planned: PlannedRun,
        target: &Arc<T>,
    ) -> Result<Prepared<T::Ready>, KeyringError> {
        let (origin, target) = (planned.origin(), Arc::clone(target));
        self.seal(planned, origin, move |prepared| prepared.ready(&*target))
            .await
    }

    /// Prepares one held record again, for its replay.
    pub(crate) async fn prepare_held(
        self: &Arc<Self>,
        id: i64,
        run: Run,
        labels: Arc<Labels>,
    ) -> Result<Prepared, KeyringError> {
        let origin = Origin::Held {
            id,
            shard: run.shard.clone(),
        };
        let planned = self.plan(run, labels).await;
        self.seal(planned, origin, |prepared| prepared).await
    }

    /// How many objects a record holds, whatever they are.
    pub(crate) fn objects(&self, record: &StreamRecord) -> u32 {
        u32::try_from(self.decoder.decode(record.data.expose()).count()).unwrap_or(u32::MAX)
    }

    /// The keyring, for opening held records.
    pub(crate) fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// The quarantine's domain.
    pub(crate) const fn quarantine_domain(&self) -> &Domain {
        &self.quarantine
    }

    fn assemble(&self, run: &Run, labels: &Labels) -> Plan {
        let records = &run.records[run.range.clone()];
        let items: Vec<Vec<Item>> = records
            .par_iter()
            .with_min_len(16)
            .map(|record| self.items(record, labels, &run.hold))
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

    /// Seals a planned run; `behind` is done with it on the same thread.
    async fn seal<R: Send + 'static>(
        self: &Arc<Self>,
        planned: PlannedRun,
        origin: Origin,
        behind: impl FnOnce(Prepared) -> R + Send + 'static,
    ) -> Result<R, KeyringError> {
        let plan = &planned.plan;
        let mut grants = Vec::with_capacity(plan.seals.len());
        for (domain, seals) in self.planner.domains.iter().zip(&plan.seals) {
            grants.push(self.grant(domain, Purpose::Seal, *seals).await?);
        }
        let held = u32::try_from(plan.held.len()).unwrap_or(u32::MAX);
        let held_grants = self.grant(&self.quarantine, Purpose::Value, held).await?;
        let (this, team) = (Arc::clone(self), planned.team.clone());
        team.run(move || {
            this.sealed(planned, origin, &Grants(grants), &held_grants)
                .map(behind)
        })
        .await
        .map_err(|error| KeyringError::Configuration {
            reason: error.to_string(),
        })
    }

    fn sealed(
        &self,
        planned: PlannedRun,
        origin: Origin,
        grants: &Grants,
        held_grants: &[Grant],
    ) -> Result<Prepared, SealError> {
        let PlannedRun {
            run,
            labels,
            plan,
            team,
        } = planned;
        let quarantine = self.hold(&plan.held, &run, held_grants)?;
        let tables = plan.tables.iter().map(|table| TableUse {
            table: *table,
            revision: labels.tables[*table].revision,
        });
        Ok(Prepared {
            quarantined: quarantine.len() as u64,
            taints: plan.taints.clone(),
            batch: SealedBatch {
                origin,
                tables: tables.collect(),
                rows: seal_rows(&self.planner, plan.rows, grants)?,
                quarantine,
                taints: plan.taints,
                load_starts: plan.load_starts,
                counts: plan.counts.into_values().collect(),
            },
            records: plan.consumed,
            bytes: plan.bytes,
            stop: plan.stop,
            high: plan.high,
            team,
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
