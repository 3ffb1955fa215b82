//! How many seals this process may still make with which key. Owns the blocks reserved for it
//! and its own count per key; does not know how a block is reserved.

use std::collections::{HashMap, VecDeque};

use fieldseal_envelope::{Domain, KeyId, Purpose};

use super::{KeyringSettings, MAX_USES};

/// Who seals draw from: the keys of one domain and purpose.
pub(super) type Lane = (Domain, Purpose);

/// Reserved blocks by lane, and what this process ever reserved by key.
pub(super) struct Budget {
    settings: KeyringSettings,
    process: u32,
    lanes: HashMap<Lane, Blocks>,
    /// Never forgotten while the process lives: the store's count is a hint that somebody may
    /// have turned back, this one is not.
    reserved: HashMap<KeyId, u64>,
}

struct Blocks {
    blocks: VecDeque<(KeyId, u32)>,
    next: u32,
}

impl Budget {
    pub(super) fn new(settings: KeyringSettings) -> Self {
        Self {
            settings,
            process: std::process::id(),
            lanes: HashMap::new(),
            reserved: HashMap::new(),
        }
    }

    /// Drops the blocks if this is no longer the process they were reserved for: a forked child
    /// has a copy of them, and both would draw the same seals.
    pub(super) fn belong_to(&mut self, process: u32) {
        if self.process != process {
            self.process = process;
            self.lanes.clear();
        }
    }

    /// The key whose block is drawn from next.
    pub(super) fn next_key(&self, lane: &Lane) -> Option<KeyId> {
        let (id, _) = self.lanes.get(lane)?.blocks.front()?;
        Some(*id)
    }

    /// Takes up to `wanted` seals of `id`, if its block is still the next one; 0 if not.
    pub(super) fn take(&mut self, lane: &Lane, id: KeyId, wanted: u32) -> u32 {
        let Some(lane) = self.lanes.get_mut(lane) else {
            return 0;
        };
        let Some((front, left)) = lane.blocks.front_mut() else {
            return 0;
        };
        if *front != id {
            return 0;
        }
        let taken = wanted.min(*left);
        *left -= taken;
        if *left == 0 {
            lane.blocks.pop_front();
        }
        taken
    }

    /// How large the next block of a lane should be, at most `left`.
    pub(super) fn block(&self, lane: &Lane, left: u64) -> u32 {
        let next = self
            .lanes
            .get(lane)
            .map_or(self.settings.first_block, |blocks| blocks.next);
        u32::try_from(left).unwrap_or(u32::MAX).min(next)
    }

    /// Adds a block that was reserved, and doubles the size of the lane's next one.
    pub(super) fn add(&mut self, lane: &Lane, id: KeyId, seals: u32) {
        let KeyringSettings {
            first_block,
            max_block,
            ..
        } = self.settings;
        *self.reserved.entry(id).or_default() += u64::from(seals);
        let lane = self.lanes.entry(lane.clone()).or_insert_with(|| Blocks {
            blocks: VecDeque::new(),
            next: first_block,
        });
        lane.blocks.push_back((id, seals));
        lane.next = lane.next.saturating_mul(2).min(max_block.max(first_block));
    }

    /// How many more seals of a key this process may reserve.
    pub(super) fn left(&self, id: KeyId) -> u64 {
        let limit = self.settings.max_uses.min(MAX_USES);
        limit.saturating_sub(self.reserved.get(&id).copied().unwrap_or(0))
    }

    /// Marks a key as used up for this process, whatever the store may say of it later, and drops
    /// its blocks.
    pub(super) fn spend(&mut self, id: KeyId) {
        self.reserved.insert(id, MAX_USES);
        for lane in self.lanes.values_mut() {
            lane.blocks.retain(|(of, _)| *of != id);
        }
    }

    /// Drops every block, so that the next seal reserves anew.
    pub(super) fn clear(&mut self) {
        self.lanes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_child_has_no_blocks_and_its_own_count_goes_on() {
        let mut budget = Budget::new(KeyringSettings {
            max_uses: 100,
            ..KeyringSettings::default()
        });
        let lane = ("contact".parse().unwrap(), Purpose::Seal);
        let id = KeyId::from_bytes([7; 16]);
        budget.add(&lane, id, 40);
        budget.belong_to(std::process::id());
        assert_eq!(budget.take(&lane, id, 10), 10);

        budget.belong_to(std::process::id() + 1);
        assert_eq!(budget.next_key(&lane), None);
        assert_eq!(budget.take(&lane, id, 10), 0);
        assert_eq!(budget.left(id), 60);
    }

    #[test]
    fn a_block_is_never_larger_than_what_is_left() {
        let budget = Budget::new(KeyringSettings::default());
        let lane = ("contact".parse().unwrap(), Purpose::Seal);
        assert_eq!(budget.block(&lane, 5), 5);
        assert_eq!(budget.block(&lane, u64::MAX), 1 << 12);
    }
}
