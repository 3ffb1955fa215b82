//! Bad days on demand: which calls fail, and how. A seeded generator decides, so a run can be told again.
//! How a fault looks on the wire is the matter of `wire` and of each service.

use std::collections::BTreeMap;
use std::mem::discriminant;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Something that goes wrong. A number is the share of calls (or of records) that it strikes, 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// HTTP 500 `InternalFailure` (`CommonErrors`). Half of them are told after the call had its effect: a
    /// 5xx does not say whether it had.
    ServerErrors(f64),
    /// The service's own way to say "slower": `ProvisionedThroughputExceededException` (`API_GetRecords`,
    /// `API_PutRecords`) or `LimitExceededException` (`API_ListShards`); KMS: `ThrottlingException` (Developer
    /// Guide, "Throttling AWS KMS requests").
    Throttling(f64),
    /// The connection is cut; nothing has happened. What a network does is on no page: this and the next
    /// three are the double's own.
    DroppedBefore(f64),
    /// The connection is cut after the effect, before the answer.
    DroppedAfter(f64),
    /// Each answer waits this long.
    Latency(Duration),
    /// Every connection is cut at once, as when nobody listens.
    Outage,
    /// This access key id may do nothing: `AccessDeniedException` (`CommonErrors`; its text is the double's
    /// own). Several can be set.
    Denied(String),
    /// Kinesis: `GetRecords` says that the iterator has expired (`API_GetRecords`,
    /// `ExpiredIteratorException`), here also before its five minutes are over.
    ExpiredIterators(f64),
    /// Kinesis: `GetRecords` answers no records although there are some (`API_GetRecords`: "It might take
    /// multiple calls to get to a portion of the shard that contains records").
    EmptyReads(f64),
    /// Kinesis: a share of the entries of `PutRecords` fails with `InternalFailure` or for throughput
    /// (`API_PutRecordsResultEntry`).
    FailedEntries(f64),
    /// Kinesis: a share of the entries is stored twice, as after a producer's retry (Developer Guide, "Handle
    /// duplicate records").
    DuplicatedPuts(f64),
    /// Kinesis: a share of the `PutRecords` calls stores its entries in another order (`API_PutRecords`:
    /// "`PutRecords` doesn't guarantee the ordering of records").
    ReorderedPuts(f64),
}

/// The faults of one double; clones are the same faults.
#[derive(Clone, Debug)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    set: Vec<Active>,
    random: Random,
    /// By operation and kind of fault.
    struck: BTreeMap<(String, &'static str), u64>,
}

#[derive(Debug)]
struct Active {
    fault: Fault,
    /// `None`: every operation.
    operation: Option<String>,
    /// `None`: until it is cleared.
    calls_left: Option<u32>,
}

impl Faults {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            set: Vec::new(),
            random: Random(seed),
            struck: BTreeMap::new(),
        })))
    }

    /// From now on, for every operation. Takes the place of an earlier fault of the same kind.
    pub fn set(&self, fault: Fault) {
        self.replace(None, fault);
    }

    /// From now on, for this operation only, beside what is set for all.
    pub fn set_for(&self, operation: &str, fault: Fault) {
        self.replace(Some(operation.to_owned()), fault);
    }

    /// For the next `calls` that this operation gets, and no longer.
    pub fn next(&self, operation: &str, fault: Fault, calls: u32) {
        self.state().set.push(Active {
            fault,
            operation: Some(operation.to_owned()),
            calls_left: Some(calls),
        });
    }

    /// A good day again. What has struck stays counted.
    pub fn clear(&self) {
        self.state().set.clear();
    }

    /// How often each kind has struck, by operation and by the fault's name (`ServerErrors`). Counted are
    /// calls, and entries where a fault strikes entries; latency and outages are not.
    #[must_use]
    pub fn struck(&self) -> BTreeMap<(String, &'static str), u64> {
        self.state().struck.clone()
    }

    /// Whether a fault of the sample's kind strikes now. What is left of [`Faults::next`] is counted here,
    /// so each kind is asked once per call.
    pub(crate) fn strike(&self, operation: &str, sample: &Fault) -> bool {
        let mut state = self.state();
        let State { set, random, .. } = &mut *state;
        let mut struck = false;
        for active in set.iter_mut() {
            if active.concerns(operation) && discriminant(&active.fault) == discriminant(sample) {
                struck |= random.share(active.fault.rate());
                active.calls_left = active.calls_left.map(|left| left.saturating_sub(1));
            }
        }
        set.retain(|active| active.calls_left != Some(0));
        if struck {
            state.count(operation, sample);
        }
        struck
    }

    /// Whether a fault that strikes single entries of a call strikes this one; `rate` is what
    /// [`Faults::rate`] said for the call.
    pub(crate) fn strike_entry(&self, operation: &str, sample: &Fault, rate: f64) -> bool {
        let mut state = self.state();
        let struck = state.random.share(rate);
        if struck {
            state.count(operation, sample);
        }
        struck
    }

    /// The share of the sample's kind, for faults that strike single records of a call. Asked once per call,
    /// like [`Faults::strike`].
    pub(crate) fn rate(&self, operation: &str, sample: &Fault) -> f64 {
        let mut state = self.state();
        let mut rate = 0.0_f64;
        for active in &mut state.set {
            if active.concerns(operation) && discriminant(&active.fault) == discriminant(sample) {
                rate = rate.max(active.fault.rate());
                active.calls_left = active.calls_left.map(|left| left.saturating_sub(1));
            }
        }
        state.set.retain(|active| active.calls_left != Some(0));
        rate
    }

    /// How long this call waits. Asked once per call, like [`Faults::strike`].
    pub(crate) fn latency(&self, operation: &str) -> Duration {
        let mut state = self.state();
        let mut longest = Duration::ZERO;
        for active in &mut state.set {
            if let Fault::Latency(latency) = active.fault
                && active.concerns(operation)
            {
                longest = longest.max(latency);
                active.calls_left = active.calls_left.map(|left| left.saturating_sub(1));
            }
        }
        state.set.retain(|active| active.calls_left != Some(0));
        longest
    }

    pub(crate) fn outage(&self) -> bool {
        let state = self.state();
        state.set.iter().any(|active| active.fault == Fault::Outage)
    }

    pub(crate) fn denies(&self, operation: &str, access_key: &str) -> bool {
        let mut state = self.state();
        let sample = Fault::Denied(access_key.to_owned());
        let denied = |active: &Active| active.concerns(operation) && active.fault == sample;
        let denies = state.set.iter().any(denied);
        if denies {
            state.count(operation, &sample);
        }
        denies
    }

    /// True for this share of the questions.
    pub(crate) fn share(&self, rate: f64) -> bool {
        self.state().random.share(rate)
    }

    /// Another order, each equally likely.
    pub(crate) fn shuffle<T>(&self, items: &mut [T]) {
        let mut state = self.state();
        for end in (1..items.len()).rev() {
            items.swap(end, state.random.below(end + 1));
        }
    }

    fn replace(&self, operation: Option<String>, fault: Fault) {
        let mut state = self.state();
        state.set.retain(|active| {
            active.calls_left.is_some()
                || active.operation != operation
                || !active.fault.yields_to(&fault)
        });
        state.set.push(Active {
            fault,
            operation,
            calls_left: None,
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, operation: &str, fault: &Fault) {
        let key = (operation.to_owned(), fault.name());
        *self.struck.entry(key).or_default() += 1;
    }
}

impl Active {
    fn concerns(&self, operation: &str) -> bool {
        self.operation
            .as_deref()
            .is_none_or(|only| only == operation)
    }
}

impl Fault {
    fn rate(&self) -> f64 {
        match self {
            Self::ServerErrors(rate)
            | Self::Throttling(rate)
            | Self::DroppedBefore(rate)
            | Self::DroppedAfter(rate)
            | Self::ExpiredIterators(rate)
            | Self::EmptyReads(rate)
            | Self::FailedEntries(rate)
            | Self::DuplicatedPuts(rate)
            | Self::ReorderedPuts(rate) => *rate,
            Self::Latency(_) | Self::Outage | Self::Denied(_) => 1.0,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::ServerErrors(_) => "ServerErrors",
            Self::Throttling(_) => "Throttling",
            Self::DroppedBefore(_) => "DroppedBefore",
            Self::DroppedAfter(_) => "DroppedAfter",
            Self::Latency(_) => "Latency",
            Self::Outage => "Outage",
            Self::Denied(_) => "Denied",
            Self::ExpiredIterators(_) => "ExpiredIterators",
            Self::EmptyReads(_) => "EmptyReads",
            Self::FailedEntries(_) => "FailedEntries",
            Self::DuplicatedPuts(_) => "DuplicatedPuts",
            Self::ReorderedPuts(_) => "ReorderedPuts",
        }
    }

    fn yields_to(&self, newer: &Self) -> bool {
        match (self, newer) {
            (Self::Denied(old), Self::Denied(new)) => old == new,
            _ => discriminant(self) == discriminant(newer),
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, seeded, good enough for dice.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn share(&mut self, rate: f64) -> bool {
        // 32 bits are exact in a double, and fine enough for a rate.
        let drawn = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        f64::from(drawn) < rate * (f64::from(u32::MAX) + 1.0)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        usize::try_from(self.next() % end).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fault, Faults};

    #[test]
    fn the_same_seed_gives_the_same_bad_day() {
        let day = || {
            let faults = Faults::seeded(7);
            faults.set(Fault::Throttling(0.3));
            (0..1000)
                .filter(|_| faults.strike("A", &Fault::Throttling(1.0)))
                .count()
        };
        assert_eq!(day(), day());
        assert!((250..350).contains(&day()), "{}", day());
    }

    #[test]
    fn a_fault_for_the_next_calls_ends_by_itself() {
        let faults = Faults::seeded(1);
        faults.next("A", Fault::ServerErrors(1.0), 2);
        let strike = |operation| faults.strike(operation, &Fault::ServerErrors(1.0));
        assert!(!strike("B"));
        assert!(strike("A") && strike("A"));
        assert!(!strike("A"));
        let counted = [(("A".to_owned(), "ServerErrors"), 2)];
        assert!(faults.struck().into_iter().eq(counted));
    }

    #[test]
    fn latency_for_the_next_calls_ends_by_itself() {
        let faults = Faults::seeded(1);
        let long = Duration::from_secs(1);
        faults.next("A", Fault::Latency(long), 1);
        assert_eq!(faults.latency("B"), Duration::ZERO);
        assert_eq!(faults.latency("A"), long);
        assert_eq!(faults.latency("A"), Duration::ZERO);
    }

    #[test]
    fn a_fault_set_again_takes_the_place_of_the_first() {
        let faults = Faults::seeded(1);
        faults.set(Fault::Throttling(1.0));
        faults.set(Fault::Throttling(0.0));
        assert!(!faults.strike("A", &Fault::Throttling(1.0)));
        faults.set(Fault::Denied("one".into()));
        faults.set(Fault::Denied("two".into()));
        assert!(faults.denies("A", "one") && faults.denies("A", "two"));
        faults.clear();
        assert!(!faults.denies("A", "one"));
    }
}
