//! Applying a held record again: opened, planned under the labels of its own place, and put
//! through the same guard as any other. Owns that path; which records are held is the target's.

use std::collections::BTreeSet;
use std::sync::Arc;

use fieldseal_envelope::{Purpose, sealed_key_id};
use fieldseal_model::{Plaintext, SequenceNumber};

use crate::prepare::{Preparer, Run};
use crate::{Labels, StopReason, StreamRecord, Target, TargetError};

/// A record in quarantine.
pub struct HeldRecord {
    /// Its number in the quarantine.
    pub id: i64,
    /// Where it came from.
    pub shard: String,
    /// Its place there.
    pub sequence: SequenceNumber,
    /// Which object of the record.
    pub index: u32,
    /// The sealed record.
    pub payload: Vec<u8>,
}

/// What a replay came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayOutcome {
    /// It went through the guard, whether it was newer or older than what is stored, and is no
    /// longer held.
    Applied,
    /// It is refused as before, or for this reason now, and stays held.
    StillHeld(&'static str),
}

/// Replays one held record.
///
/// # Errors
/// [`StopReason`] when it does not open, or the target or the keys fail.
pub async fn replay<T: Target>(
    target: &T,
    preparer: &Arc<Preparer>,
    held: &HeldRecord,
) -> Result<ReplayOutcome, StopReason> {
    let data = Arc::new(vec![StreamRecord {
        sequence: held.sequence.clone(),
        data: open_held(preparer, held).await?,
    }]);
    loop {
        let labels = target.labels(&held.shard).await.map_err(stop)?;
        let prepared = preparer
            .prepare_held(held.id, run_of(held, &data), Arc::<Labels>::new(labels))
            .await
            .map_err(|error| StopReason::Keys(error.to_string()))?;
        if let Some(stop) = prepared.stop {
            return Err(stop);
        }
        if let Some(entry) = prepared.batch.quarantine().first() {
            return Ok(ReplayOutcome::StillHeld(entry.reason));
        }
        match target.apply(&target.ready(prepared.batch)).await {
            Ok(_committed) => return Ok(ReplayOutcome::Applied),
            Err(TargetError::StaleLabels) => {}
            Err(TargetError::Data { .. }) => return Ok(ReplayOutcome::StillHeld("target-refused")),
            Err(error) => return Err(stop(error)),
        }
    }
}

/// Opens a held record's payload. Plaintext: shown only where a person asks for it by name.
///
/// # Errors
/// [`StopReason::Keys`] when its key cannot be had or it does not open.
pub async fn open_held(
    preparer: &Arc<Preparer>,
    held: &HeldRecord,
) -> Result<Plaintext, StopReason> {
    let fail = |text: String| StopReason::Keys(format!("quarantined record {}: {text}", held.id));
    let id = sealed_key_id(&held.payload).map_err(|error| fail(error.to_string()))?;
    let key = preparer
        .keyring()
        .opener(id, preparer.quarantine_domain(), Purpose::Value)
        .await
        .map_err(|error| fail(error.to_string()))?;
    let parts = preparer.held_parts(&held.shard, &held.sequence, held.index);
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    key.open_value(&parts, &held.payload)
        .map_err(|error| fail(error.to_string()))
}

fn run_of(held: &HeldRecord, data: &Arc<Vec<StreamRecord>>) -> Run {
    Run {
        shard: held.shard.clone(),
        fence: 0,
        from: held.sequence.clone(),
        high: None,
        records: Arc::clone(data),
        range: 0..1,
        hold: BTreeSet::new(),
        taints: Vec::new(),
    }
}

fn stop(error: TargetError) -> StopReason {
    match error {
        TargetError::Fenced { .. } => StopReason::Fenced,
        error => StopReason::Target(error.to_string()),
    }
}
