//! Where each shard stands, as the ports show it: listed, taken, when it last gave a sign of
//! life. Owns what "owned and committing" means; times come from the callers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::ShardInfo;
use tokio::time::Instant;

/// What is known of the run's shards.
#[derive(Default)]
pub(crate) struct Standing {
    /// When the shards were last asked for, whatever the answer.
    asked: Option<Instant>,
    /// The shards that were listed last, with their parents.
    listed: BTreeMap<String, Vec<String>>,
    /// Those that this process has taken.
    held: BTreeMap<String, Held>,
    /// Those that were read to their end.
    closed: BTreeSet<String>,
}

/// A shard that was taken.
struct Held {
    /// When it was taken, last committed, or was last found with nothing to commit.
    sign: Instant,
    /// What was fetched and is not committed: its last record, and when it came.
    pending: VecDeque<(SequenceNumber, Instant)>,
}

/// How many shards are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct States {
    pub(crate) reading: u64,
    pub(crate) stopped: u64,
    pub(crate) closed: u64,
    pub(crate) waiting: u64,
}

impl Standing {
    pub(crate) fn asked(&mut self, now: Instant) {
        self.asked = Some(now);
    }

    pub(crate) fn last_asked(&self) -> Option<Instant> {
        self.asked
    }

    pub(crate) fn listed(&mut self, shards: &[ShardInfo]) {
        self.listed = shards
            .iter()
            .map(|shard| (shard.name.clone(), shard.parents.clone()))
            .collect();
    }

    pub(crate) fn taken(&mut self, shard: &str, closed: bool, now: Instant) {
        let held = Held {
            sign: now,
            pending: VecDeque::new(),
        };
        self.held.insert(shard.to_owned(), held);
        if closed {
            self.closed(shard);
        }
    }

    /// A fetch answered; `last` is its last record.
    pub(crate) fn fetched(&mut self, shard: &str, last: Option<&SequenceNumber>, now: Instant) {
        let Some(held) = self.held.get_mut(shard) else {
            return;
        };
        match last {
            Some(last) => held.pending.push_back((last.clone(), now)),
            // With nothing to commit, an answer is all that can be asked for.
            None if held.pending.is_empty() => held.sign = now,
            None => {}
        }
    }

    /// A batch of the shard is committed up to `to`; answers how long ago it was fetched, if it
    /// was the last of its fetch.
    pub(crate) fn committed(
        &mut self,
        shard: &str,
        to: &SequenceNumber,
        now: Instant,
    ) -> Option<Duration> {
        let held = self.held.get_mut(shard)?;
        held.sign = now;
        let whole = held.pending.partition_point(|(last, _)| last <= to);
        let (_, fetched) = held.pending.drain(..whole).next_back()?;
        Some(now.duration_since(fetched))
    }

    pub(crate) fn closed(&mut self, shard: &str) {
        self.closed.insert(shard.to_owned());
    }

    pub(crate) fn is_closed(&self, shard: &str) -> bool {
        self.closed.contains(shard)
    }

    /// A shard may stop that was never taken, or is not even listed: its records are lost.
    pub(crate) fn states(&self, stopped: &BTreeSet<String>) -> States {
        let goes_on = |shard: &&String| !stopped.contains(*shard);
        let is_open = |shard: &&String| !self.closed.contains(*shard);
        let is_held = |shard: &&String| self.held.contains_key(*shard);
        let held = self.held.keys().filter(goes_on);
        let listed = self.listed.keys().filter(goes_on);
        States {
            reading: held.filter(is_open).count() as u64,
            stopped: stopped.len() as u64,
            closed: self.closed.iter().filter(goes_on).count() as u64,
            waiting: listed.filter(|shard| !is_held(shard)).count() as u64,
        }
    }

    /// What stands against being ready: all that stopped, whether listed or not, and each listed
    /// shard that is not as it should be.
    pub(crate) fn against(
        &self,
        stopped: &BTreeSet<String>,
        now: Instant,
        quiet: Duration,
    ) -> Vec<String> {
        let mut against = Vec::new();
        if self.listed.is_empty() {
            against.push("no shard was listed yet".to_owned());
        }
        let stops = stopped.iter();
        against.extend(stops.map(|shard| format!("shard {shard} has stopped")));
        let going_on = self
            .listed
            .iter()
            .filter(|(shard, _)| !stopped.contains(*shard));
        for (shard, parents) in going_on {
            match self.held.get(shard) {
                None if self.waits(parents) => {}
                None => against.push(format!("shard {shard} is not taken yet")),
                Some(_) if self.is_closed(shard) => {}
                Some(held) => {
                    let silent = now.duration_since(held.sign);
                    if silent > quiet {
                        let seconds = silent.as_secs();
                        against.push(format!(
                            "shard {shard} has neither committed nor been found empty for \
                             {seconds} s"
                        ));
                    }
                }
            }
        }
        against
    }

    /// Whether a child waits for a parent as it should.
    fn waits(&self, parents: &[String]) -> bool {
        let open = |parent: &String| {
            let known = self.listed.contains_key(parent) || self.held.contains_key(parent);
            known && !self.is_closed(parent)
        };
        parents.iter().any(open)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use fieldseal_pipeline::ShardInfo;
    use tokio::time::Instant;

    use super::{Standing, States};

    const QUIET: Duration = Duration::from_secs(60);

    fn shard(name: &str, parents: &[&str]) -> ShardInfo {
        ShardInfo {
            name: name.to_owned(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        }
    }

    fn against(standing: &Standing, now: Instant) -> Vec<String> {
        standing.against(&BTreeSet::new(), now, QUIET)
    }

    #[tokio::test]
    async fn a_child_that_waits_for_its_parent_is_in_order() {
        let now = Instant::now();
        let mut standing = Standing::default();
        assert_eq!(against(&standing, now).len(), 1, "nothing is listed");
        standing.listed(&[shard("parent", &[]), shard("child", &["parent"])]);
        assert_eq!(against(&standing, now), ["shard parent is not taken yet"]);
        standing.taken("parent", false, now);
        assert_eq!(against(&standing, now), [""; 0]);
        standing.closed("parent");
        assert_eq!(against(&standing, now), ["shard child is not taken yet"]);
        standing.taken("child", false, now);
        assert_eq!(against(&standing, now), [""; 0]);
    }

    #[tokio::test]
    async fn a_shard_that_fetches_and_does_not_commit_goes_quiet() {
        let start = Instant::now();
        let mut standing = Standing::default();
        standing.listed(&[shard("a", &[])]);
        standing.taken("a", false, start);
        let at = |seconds| start + Duration::from_secs(seconds);
        // Empty answers are signs of life as long as nothing waits to be committed.
        standing.fetched("a", None, at(50));
        assert_eq!(against(&standing, at(100)), [""; 0]);
        let last = "7".parse().unwrap();
        standing.fetched("a", Some(&last), at(100));
        standing.fetched("a", None, at(109));
        assert_eq!(against(&standing, at(111)).len(), 1);
        // Half of it is a sign of life; only all of it tells how long it took.
        assert_eq!(
            standing.committed("a", &"3".parse().unwrap(), at(112)),
            None
        );
        assert_eq!(against(&standing, at(112)), [""; 0]);
        let took = standing.committed("a", &last, at(115));
        assert_eq!(took, Some(Duration::from_secs(15)));
        standing.fetched("a", None, at(200));
        assert_eq!(against(&standing, at(201)), [""; 0]);
        let stopped = BTreeSet::from(["a".to_owned()]);
        assert_eq!(standing.against(&stopped, at(201), QUIET).len(), 1);
    }

    /// What the stream no longer has is never taken, nor is what goes on from it.
    #[tokio::test]
    async fn shards_that_stopped_before_they_were_taken_count() {
        let now = Instant::now();
        let mut standing = Standing::default();
        standing.listed(&[
            shard("a", &[]),
            shard("child", &["lost"]),
            shard("waits", &["a"]),
        ]);
        standing.taken("a", false, now);
        let stopped = BTreeSet::from(["child", "lost"].map(str::to_owned));
        assert_eq!(
            standing.states(&stopped),
            States {
                reading: 1,
                stopped: 2,
                closed: 0,
                waiting: 1,
            }
        );
        assert_eq!(
            standing.against(&stopped, now, QUIET),
            ["shard child has stopped", "shard lost has stopped"]
        );
    }
}
