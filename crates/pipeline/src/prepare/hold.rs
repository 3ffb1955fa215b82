//! Records that go to quarantine: sealed whole, and bound to their place
//! (`docs/FORMAT.md`, section 2).

use std::ops::Range;

use fieldseal_envelope::{Grant, SealError};
use fieldseal_model::SequenceNumber;

use super::{Preparer, Run};
use crate::batch::QuarantineEntry;
use crate::plan::Refusal;

/// An object of a record that is to be held.
pub(super) struct Held {
    pub(super) record: usize,
    pub(super) index: u32,
    pub(super) range: Range<usize>,
    pub(super) refusal: Refusal,
}

impl Preparer {
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

    pub(super) fn hold(
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
