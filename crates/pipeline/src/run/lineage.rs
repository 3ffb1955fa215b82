//! Which shards of a run may be read: parents before children, and none whose past was lost. Owns
//! that decision; knows no shard's records.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Labels, Mark, ShardInfo, StopReason, Target, TargetError};

/// What is known of the shards of one run.
#[derive(Default)]
pub(super) struct Lineage {
    /// Shards that this run reads or has read.
    started: BTreeSet<String>,
    /// Those that were read to where they ended.
    closed: BTreeSet<String>,
    /// Those that were read to their present end, in a run that ends there.
    idle: BTreeSet<String>,
    /// What the target knows of: shards, and whether each was applied to its end.
    known: Option<BTreeMap<String, bool>>,
    /// Shards that are gone and were not applied to their end: whether a later generation has
    /// made up for them.
    gone: BTreeMap<String, bool>,
    /// Shards that go on from one whose records are lost.
    cut_off: BTreeSet<String>,
    /// What was refused and not told yet: kept here, since a comparison that breaks off is made
    /// again and passes over what it has found already.
    refused: Refused,
}

/// What stops a shard before it is read.
pub(super) type Refused = Vec<(String, StopReason)>;

impl Lineage {
    /// Compares what the source lists with what the target knows, and adds what is new to it: a
    /// shard is known from its first sight on, so that it cannot vanish unnoticed.
    ///
    /// With nothing known, the stream's history begins with what is listed, whatever was dropped
    /// before. From then on a shard that is gone must have been applied to its end, and so must
    /// everything a new shard goes on from.
    pub(super) async fn compare<T: Target>(
        &mut self,
        target: &T,
        listed: &[ShardInfo],
    ) -> Result<Refused, TargetError> {
        let known = match self.known.take() {
            Some(known) => known,
            None => target.shards().await?,
        };
        let known = self.known.insert(known);
        let names: BTreeSet<&String> = listed.iter().map(|shard| &shard.name).collect();
        for (shard, closed) in known.iter() {
            let is_gone = !closed && !names.contains(shard) && !self.started.contains(shard);
            if !is_gone || self.gone.contains_key(shard) {
                continue;
            }
            let labels = target.labels(shard).await?;
            let harmless = made_up_for(&labels, |mark| *mark == Mark::Never);
            self.gone.insert(shard.clone(), harmless);
            if !harmless {
                self.refused.push((shard.clone(), StopReason::Lost));
            }
        }
        let mut new = BTreeSet::new();
        let begins = known.is_empty();
        for shard in listed {
            if self.cut_off.contains(&shard.name) {
                continue;
            }
            let is_new = !known.contains_key(&shard.name);
            let is_lost = |parent: &&String| match self.gone.get(*parent) {
                Some(harmless) => !harmless,
                None => {
                    let unknown = !known.contains_key(*parent) && !names.contains(*parent);
                    is_new && !begins && unknown
                }
            };
            if let Some(parent) = shard.parents.iter().find(is_lost)
                && !made_up_for(&target.labels(&shard.name).await?, |mark| {
                    *mark != Mark::Start
                })
            {
                let parent = parent.clone();
                self.cut_off.insert(shard.name.clone());
                let refused = (shard.name.clone(), StopReason::ParentLost { parent });
                self.refused.push(refused);
            } else if is_new {
                new.insert(shard.name.clone());
            }
        }
        if !new.is_empty() {
            let new: Vec<String> = new.into_iter().collect();
            target.add_shards(&new).await?;
            known.extend(new.into_iter().map(|shard| (shard, false)));
        }
        Ok(std::mem::take(&mut self.refused))
    }

    /// What `shard` goes on from: its parents, and theirs as far as they are listed.
    pub(super) fn ancestors(shard: &ShardInfo, listed: &[ShardInfo]) -> Vec<String> {
        let mut all = shard.parents.clone();
        let mut next = 0;
        while let Some(name) = all.get(next) {
            let known = listed.iter().find(|listed| listed.name == *name);
            let further = known.map_or(&[][..], |known| &known.parents);
            let new: Vec<String> = further
                .iter()
                .filter(|parent| !all.contains(parent))
                .cloned()
                .collect();
            all.extend(new);
            next += 1;
        }
        all
    }

    /// The shards of `listed` that are to be read now; they count as started.
    pub(super) fn start(&mut self, listed: Vec<ShardInfo>) -> Vec<ShardInfo> {
        let names: BTreeSet<String> = listed.iter().map(|shard| shard.name.clone()).collect();
        // A shard that has children by now is closed: what came after its present end is read too.
        for parent in listed.iter().flat_map(|shard| &shard.parents) {
            if names.contains(parent) && self.idle.remove(parent) {
                self.started.remove(parent);
            }
        }
        let startable = |shard: &ShardInfo| self.is_startable(shard, &names);
        let (now, _): (Vec<ShardInfo>, Vec<ShardInfo>) = listed.into_iter().partition(startable);
        self.started
            .extend(now.iter().map(|shard| shard.name.clone()));
        now
    }

    /// A shard is read once its parents are applied to their end. A parent that is neither listed
    /// nor being read was dropped after it was applied, or before history began; one that is
    /// listed and waits for its own parents holds its children back too.
    fn is_startable(&self, shard: &ShardInfo, listed: &BTreeSet<String>) -> bool {
        let done = |parent: &String| {
            self.closed.contains(parent)
                || !(listed.contains(parent) || self.started.contains(parent))
        };
        !self.started.contains(&shard.name)
            && !self.cut_off.contains(&shard.name)
            && shard.parents.iter().all(done)
    }

    /// `shard` was read to where it ended.
    pub(super) fn closed(&mut self, shard: &str) {
        self.closed.insert(shard.to_owned());
    }

    /// `shard` was read to its present end.
    pub(super) fn idle(&mut self, shard: &str) {
        self.idle.insert(shard.to_owned());
    }
}

/// Whether every table was loaded anew since the shard's past was lost: its newest generation has
/// a mark of its own in this shard, and one that says so.
pub(super) fn made_up_for(labels: &Labels, says_so: impl Fn(&Mark) -> bool) -> bool {
    labels.tables.iter().all(|table| {
        let newest = table.generations.last();
        newest.is_some_and(|generation| says_so(&generation.begin))
    })
}

#[cfg(test)]
mod tests {
    use super::Lineage;
    use crate::ShardInfo;

    fn shard(name: &str, parents: &[&str]) -> ShardInfo {
        ShardInfo {
            name: name.to_owned(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        }
    }

    /// What is started when this is listed.
    fn started(lineage: &mut Lineage, listed: &[ShardInfo]) -> Vec<String> {
        let now = lineage.start(listed.to_vec());
        now.into_iter().map(|shard| shard.name).collect()
    }

    #[test]
    fn a_shard_waits_for_every_ancestor_that_is_still_there() {
        let all = [
            shard("grandparent", &[]),
            shard("parent", &["grandparent"]),
            shard("child", &["parent"]),
        ];
        let mut lineage = Lineage::default();
        assert_eq!(started(&mut lineage, &all), ["grandparent"]);
        assert!(started(&mut lineage, &all).is_empty());
        lineage.closed("grandparent");
        assert_eq!(started(&mut lineage, &all), ["parent"]);
        // No longer listed, but this run still reads it.
        assert!(started(&mut lineage, &all[2..]).is_empty());
        lineage.closed("parent");
        assert_eq!(started(&mut lineage, &all[2..]), ["child"]);
        // Dropped before this run.
        assert_eq!(started(&mut Lineage::default(), &all[2..]), ["child"]);
    }

    #[test]
    fn ancestors_are_found_as_far_as_they_are_listed() {
        let all = [
            shard("left", &["gone"]),
            shard("right", &["gone"]),
            shard("merged", &["left", "right"]),
        ];
        let ancestors = Lineage::ancestors(&all[2], &all);
        assert_eq!(ancestors, ["left", "right", "gone"]);
        assert!(Lineage::ancestors(&shard("first", &[]), &all).is_empty());
    }

    #[test]
    fn both_parents_of_a_merge_are_waited_for() {
        let all = [
            shard("left", &[]),
            shard("right", &[]),
            shard("merged", &["left", "right"]),
        ];
        let mut lineage = Lineage::default();
        assert_eq!(started(&mut lineage, &all), ["left", "right"]);
        lineage.closed("left");
        assert!(started(&mut lineage, &all).is_empty());
        lineage.closed("right");
        assert_eq!(started(&mut lineage, &all), ["merged"]);
    }

    #[test]
    fn a_shard_that_was_split_behind_its_present_end_is_read_on_before_its_children() {
        let before = [shard("parent", &[])];
        let after = [shard("parent", &[]), shard("child", &["parent"])];
        let mut lineage = Lineage::default();
        assert_eq!(started(&mut lineage, &before), ["parent"]);
        lineage.idle("parent");
        assert!(started(&mut lineage, &before).is_empty());
        assert_eq!(started(&mut lineage, &after), ["parent"]);
        lineage.closed("parent");
        assert_eq!(started(&mut lineage, &after), ["child"]);
    }
}
