//! Reading one shard. Owns its iterator, its pace, what was fetched and not handed out yet, the
//! jitter after a failure, and that nothing was dropped unread at the place where it goes on.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{
    BatchLimits, Fetched, ReaderState, ShardReader, SourceError, StreamRecord,
};
use tokio::time::{Duration, Instant};

use crate::aggregate;
use crate::calls::{Answer, Calls, From};
use crate::failure::{CallError, Kind, dropped, jittered, permanent};
use crate::pace::Pace;

/// `GetRecords` takes no larger number (API_GetRecords).
const MOST_RECORDS: usize = 10_000;

/// What a record is taken to be long before the first one was seen.
const USUAL_BYTES: usize = 1 << 10;

/// A throttled shard is left alone for at most this long; AWS counts by the second.
const THROTTLED: Duration = Duration::from_secs(1);

/// The longest jitter after any other failure, beside what the shard's loop waits.
const FAILED: Duration = Duration::from_millis(100);

/// A shard that was read to its end less than this share of the retention ago has dropped nothing
/// unread. The rest is for clocks, and for answers that took their time.
const SURELY_KEPT: f64 = 0.9;

/// Reads one shard of a stream.
pub struct KinesisReader {
    calls: Arc<dyn Calls>,
    /// The stream and the shard, for errors.
    place: String,
    /// Its id at Kinesis.
    shard: String,
    /// Where an iterator is to stand when there is none.
    from: From,
    /// What was handed out or waits to be; no record at or before it is taken again.
    last: SequenceNumber,
    iterator: Option<String>,
    pace: Pace,
    waiting: VecDeque<StreamRecord>,
    /// What the last answer said.
    state: ReaderState,
    behind: Option<u64>,
    /// Mean length of the last answer's records.
    usual_bytes: usize,
    /// The next record must be this one, or one before it: it was read before or is named by the
    /// policy, and behind a record that is still there nothing was dropped.
    expected: Option<SequenceNumber>,
    end: EndSeen,
}

/// When a shard was last seen at its end, and how long records are kept behind that.
pub(crate) struct EndSeen {
    retention: Duration,
    /// So long before `since`.
    age: Option<Duration>,
    since: Instant,
}

impl EndSeen {
    pub(crate) fn new(retention: Duration, age: Option<Duration>) -> Self {
        Self {
            retention,
            age,
            since: Instant::now(),
        }
    }

    fn at(&mut self, asked: Instant) {
        (self.age, self.since) = (Some(Duration::ZERO), asked);
    }

    /// Whether everything that was dropped by now had been read.
    fn is_recent(&self) -> bool {
        let age = self.age.map(|age| age + self.since.elapsed());
        age.is_some_and(|age| age < self.retention.mul_f64(SURELY_KEPT))
    }

    /// Whether records may be dropped before a reader comes to them that is this far behind.
    fn is_at_the_edge(&self, behind: Option<u64>) -> bool {
        let edge = self.retention.mul_f64(SURELY_KEPT);
        behind.is_some_and(|behind| Duration::from_millis(behind) >= edge)
    }

    /// Whether it was seen at all, but so long ago that records may have come and gone since.
    pub(crate) fn is_stale(&self) -> bool {
        self.age.is_some() && !self.is_recent()
    }
}

impl KinesisReader {
    /// A reader that begins at `from`. Nothing at or before `last` is delivered.
    pub(crate) fn new(
        calls: Arc<dyn Calls>,
        stream: &str,
        shard: &str,
        from: From,
        last: SequenceNumber,
        pace: Pace,
        end: EndSeen,
    ) -> Self {
        Self {
            calls,
            place: format!("stream {stream}, shard {shard}"),
            shard: shard.to_owned(),
            from,
            last,
            iterator: None,
            pace,
            waiting: VecDeque::new(),
            state: ReaderState::More,
            behind: None,
            usual_bytes: USUAL_BYTES,
            expected: None,
            end,
        }
    }

    /// Takes its place, and makes sure of it.
    pub(crate) async fn begin(&mut self) -> Result<(), SourceError> {
        const ONE: BatchLimits = BatchLimits {
            records: 1,
            bytes: 1,
        };
        self.position().await?;
        while self.expected.is_some() {
            self.fetch(ONE).await?;
        }
        Ok(())
    }

    /// Takes its place, or the oldest record's where that is gone: to look, not to go on.
    pub(crate) async fn begin_anywhere(&mut self) -> Result<(), SourceError> {
        self.end.at(Instant::now());
        self.position().await.map(|_| ())
    }

    /// Gets an iterator, unless there is one.
    ///
    /// At a record that was read before, not behind it. Kinesis refuses a number whose record was
    /// dropped, or quietly begins with what is left, and its documentation promises neither.
    async fn position(&mut self) -> Result<String, SourceError> {
        if let Some(iterator) = &self.iterator {
            return Ok(iterator.clone());
        }
        let all_was_read = self.end.is_recent();
        let mut found = self.calls.iterator(&self.shard, &self.from).await;
        if all_was_read && matches!(&found, Err(error) if error.kind == Kind::Invalid) {
            found = self.calls.iterator(&self.shard, &From::Oldest).await;
        }
        let iterator = found.map_err(|error| self.failed(&error))?;
        self.expected = match &self.from {
            From::At(sequence) if !all_was_read => Some(sequence.clone()),
            _ => None,
        };
        Ok(self.iterator.insert(iterator).clone())
    }

    /// Fetches once. Whatever is given up at an `await` leaves the iterator where it was, so the
    /// same records come again.
    async fn fetch(&mut self, limits: BatchLimits) -> Result<(), SourceError> {
        self.pace.wait().await;
        let mut iterator = self.position().await?;
        let mut asked = self.pace.send();
        let most = self.most(limits);
        let mut answer = self.calls.records(&iterator, most).await;
        if matches!(&answer, Err(error) if error.kind == Kind::ExpiredIterator) {
            self.iterator = None;
            iterator = self.position().await?;
            self.pace.wait().await;
            asked = self.pace.send();
            answer = self.calls.records(&iterator, most).await;
        }
        let answer = answer.map_err(|error| self.failed(&error))?;
        self.make_sure(&answer)?;
        self.take(answer, asked);
        Ok(())
    }

    /// That no record was dropped between the one that is expected and the first that came.
    fn make_sure(&mut self, answer: &Answer) -> Result<(), SourceError> {
        let Some(expected) = &self.expected else {
            return Ok(());
        };
        match answer.records.first() {
            Some(first) if first.sequence <= *expected => self.expected = None,
            None if answer.next.is_some() && answer.behind.is_some_and(|behind| behind > 0) => {}
            _ => return Err(self.no_such_place()),
        }
        Ok(())
    }

    /// How many records are about as many bytes as are wanted, and no more than a second's worth.
    fn most(&self, limits: BatchLimits) -> i32 {
        let bytes = limits.bytes.min(self.pace.bytes_in_a_second());
        let count = bytes / self.usual_bytes.max(1);
        let count = count.min(limits.records).clamp(1, MOST_RECORDS);
        i32::try_from(count).unwrap_or(1)
    }

    fn take(&mut self, answer: Answer, asked: Instant) {
        let bytes: usize = answer.records.iter().map(|record| record.data.len()).sum();
        self.pace.brought(bytes);
        let count = answer.records.len();
        if let Some(usual) = bytes.checked_div(count) {
            self.usual_bytes = usual;
        }
        self.behind = answer.behind;
        let before = self.last.clone();
        for record in answer.records {
            // Kinesis may deliver a record again; the checkpoint never falls.
            if record.sequence > self.last {
                self.last = record.sequence.clone();
                self.waiting.push_back(StreamRecord {
                    sequence: record.sequence,
                    data: aggregate::joined(record.data),
                });
            }
        }
        if count > 0 {
            self.from = From::At(self.last.clone());
        }
        self.state = match (&answer.next, answer.behind) {
            (None, _) => ReaderState::Closed,
            // Kinesis gives empty answers on its way through a shard.
            (Some(_), None | Some(0)) if count == 0 => ReaderState::CaughtUp,
            (Some(_), _) => ReaderState::More,
        };
        self.iterator = answer.next;
        // An iterator would pass over what is dropped between two answers.
        if self.end.is_at_the_edge(answer.behind) && self.last > before {
            self.iterator = None;
        }
        if self.state == ReaderState::CaughtUp || answer.behind == Some(0) {
            self.end.at(asked);
        }
    }

    fn failed(&mut self, error: &CallError) -> SourceError {
        let rest = match error.kind {
            Kind::Throttled => THROTTLED,
            _ => FAILED,
        };
        self.pace.rest(jittered(rest));
        if error.kind == Kind::Invalid && error.operation == "GetShardIterator" {
            return self.no_such_place();
        }
        if error.kind == Kind::ExpiredIterator {
            self.iterator = None;
        }
        error.told(&self.place)
    }

    fn no_such_place(&self) -> SourceError {
        let place = &self.place;
        permanent(match &self.from {
            From::At(sequence) if *sequence == self.last => {
                let why = format!(
                    "record {sequence}, the last one that was read, was dropped for its age"
                );
                return dropped(lost(place, &why));
            }
            From::At(sequence) => format!(
                "{place}: record {sequence}, from which source.start says to begin, is not in this shard any more; begin at a timestamp or at the trim horizon"
            ),
            From::Timestamp(_) => format!(
                "{place}: Kinesis does not take the timestamp of source.start; it must not lie in the future"
            ),
            From::Oldest => format!("{place}: Kinesis gives no iterator for it"),
        })
    }
}

/// What to do where records may be lost.
pub(crate) fn lost(place: &str, why: &str) -> String {
    format!(
        "{place}: {why}, and nothing tells whether others that came behind it were dropped unread; stop the DMS task, run `fieldseal generation begin` for every table, load them again, then start again"
    )
}

#[async_trait]
impl ShardReader for KinesisReader {
    async fn due(&mut self) {
        self.pace.wait().await;
    }

    async fn next(&mut self, limits: BatchLimits) -> Result<Fetched, SourceError> {
        if self.waiting.is_empty() && self.state != ReaderState::Closed {
            self.fetch(limits).await?;
        }
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < limits.records.max(1) && bytes < limits.bytes.max(1) {
            let Some(record) = self.waiting.pop_front() else {
                break;
            };
            bytes += record.data.len().max(1);
            records.push(record);
        }
        let state = match self.waiting.is_empty() {
            true => self.state,
            false => ReaderState::More,
        };
        Ok(Fetched {
            records,
            state,
            lag: self.behind,
        })
    }
}

#[cfg(test)]
mod tests {
    use fieldseal_model::SequenceNumber;
    use fieldseal_pipeline::{
        BatchLimits, Fetched, ReaderState, RecordSource, ShardReader, SourceError,
    };
    use tokio::time::{Duration, Instant, timeout};

    use super::KinesisReader;
    use crate::calls::From;
    use crate::failure::Kind;
    use crate::scripted::{Scripted, listed};
    use crate::{KinesisSource, Start};

    const LIMITS: BatchLimits = BatchLimits {
        records: 100,
        bytes: 1 << 20,
    };

    /// A shard `a` with the records 10, 20, … and its reader.
    async fn reader(records: u64, bytes: usize) -> (Scripted, KinesisReader) {
        let scripted = Scripted::default();
        {
            let mut script = scripted.script();
            script.pages = vec![vec![listed("a", &[])]];
            let numbers = (1..=records).map(|n| n * 10).collect();
            script.records.insert("a".to_owned(), numbers);
            script.record_bytes = bytes;
        }
        let source = scripted.source(Start::TrimHorizon).await;
        let reader = open(&source, 0).await.unwrap();
        (scripted, reader)
    }

    async fn open(source: &KinesisSource, after: u64) -> Result<KinesisReader, SourceError> {
        source.open("a@7", &SequenceNumber::from(after)).await
    }

    fn numbers(fetched: &Fetched) -> Vec<u64> {
        let records = fetched.records.iter();
        records
            .map(|record| record.sequence.as_str().parse().unwrap())
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn reads_keep_within_calls_and_bytes_a_second() {
        let (scripted, mut reader) = reader(0, 0).await;
        for _ in 0..11 {
            reader.next(LIMITS).await.unwrap();
        }
        let reads = scripted.script().reads.clone();
        assert!(reads[10].0 - reads[0].0 >= Duration::from_secs(2));

        // 2 MiB a second of records of 128 KiB: 16 a second.
        let (scripted, mut reader) = self::reader(160, 128 << 10).await;
        let begun = Instant::now();
        let mut seen = 0;
        while seen < 160 {
            seen += reader.next(LIMITS).await.unwrap().records.len();
        }
        let (last, _) = *scripted.script().reads.last().unwrap();
        assert!(last - begun >= Duration::from_secs(4), "{:?}", last - begun);
        assert!(last - begun < Duration::from_secs(20), "{:?}", last - begun);
        // What one call asks for follows the records' length.
        assert!(scripted.script().reads[1].1 <= 8);
    }

    #[tokio::test(start_paused = true)]
    async fn an_expired_iterator_is_replaced_behind_the_last_record() {
        let (scripted, mut reader) = reader(5, 10).await;
        let two = BatchLimits {
            records: 2,
            ..LIMITS
        };
        assert_eq!(numbers(&reader.next(two).await.unwrap()), [10, 20]);
        scripted
            .script()
            .fails
            .insert("GetRecords", [Kind::ExpiredIterator].into());
        // The last one comes again and is not taken again.
        assert_eq!(numbers(&reader.next(two).await.unwrap()), [30]);
        assert_eq!(numbers(&reader.next(two).await.unwrap()), [40, 50]);
        let iterators = scripted.script().iterators.clone();
        assert_eq!(
            iterators,
            [From::Oldest, From::At(SequenceNumber::from(20))]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_given_up_loses_nothing() {
        let (scripted, mut reader) = reader(4, 10).await;
        scripted.script().hangs = true;
        let given_up = timeout(Duration::from_secs(3), reader.next(LIMITS)).await;
        assert!(given_up.is_err());
        scripted.script().hangs = false;
        // While it waits for its pace, too.
        let given_up = timeout(Duration::from_millis(1), reader.next(LIMITS)).await;
        let first = match given_up {
            Ok(fetched) => fetched.unwrap(),
            Err(_) => reader.next(LIMITS).await.unwrap(),
        };
        assert_eq!(numbers(&first), [10, 20, 30, 40]);
        assert!(reader.next(LIMITS).await.unwrap().records.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_that_may_pass_are_transient_and_lose_nothing() {
        let (scripted, mut reader) = reader(1, 10).await;
        let kinds = [Kind::Throttled, Kind::Service, Kind::Unreachable];
        scripted.script().fails.insert("GetRecords", kinds.into());
        for _ in kinds {
            let failed = reader.next(LIMITS).await.err().unwrap();
            assert!(failed.transient, "{failed}");
        }
        let begun = scripted.script().reads[0].0;
        assert!(scripted.script().reads[1].0 - begun >= Duration::from_millis(500));
        assert_eq!(numbers(&reader.next(LIMITS).await.unwrap()), [10]);
        scripted
            .script()
            .fails
            .insert("GetRecords", [Kind::Denied].into());
        let failed = reader.next(LIMITS).await.err().unwrap();
        assert!(
            !failed.transient && failed.what.contains("may not"),
            "{failed}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn empty_answers_on_the_way_are_not_the_end() {
        let (scripted, mut reader) = reader(3, 10).await;
        scripted.script().empty_reads = 2;
        for _ in 0..2 {
            let fetched = reader.next(LIMITS).await.unwrap();
            assert_eq!(fetched.state, ReaderState::More);
            assert_eq!(fetched.lag, Some(3));
        }
        let fetched = reader.next(LIMITS).await.unwrap();
        assert_eq!(
            (numbers(&fetched).len(), fetched.state),
            (3, ReaderState::More)
        );
        let fetched = reader.next(LIMITS).await.unwrap();
        assert_eq!(
            (fetched.state, fetched.lag),
            (ReaderState::CaughtUp, Some(0))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_shard_ends_once_everything_is_handed_out() {
        let (scripted, mut reader) = reader(3, 600_000).await;
        scripted.script().pages[0][0].closed = true;
        let mut seen = Vec::new();
        loop {
            let fetched = reader.next(LIMITS).await.unwrap();
            seen.extend(numbers(&fetched));
            if fetched.state == ReaderState::Closed {
                break;
            }
        }
        assert_eq!(seen, [10, 20, 30]);
        let after = reader.next(LIMITS).await.unwrap();
        assert!(after.records.is_empty() && after.state == ReaderState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_checkpoint_that_is_gone_is_an_error_that_says_what_to_do() {
        let (scripted, _) = reader(3, 10).await;
        let source = scripted.source(Start::TrimHorizon).await;
        scripted
            .script()
            .fails
            .insert("GetShardIterator", [Kind::Invalid].into());
        let failed = open(&source, 20).await.err().unwrap();
        assert!(!failed.transient);
        assert!(failed.what.contains("generation begin"), "{failed}");
        let mut reader = open(&source, 20).await.unwrap();
        assert_eq!(numbers(&reader.next(LIMITS).await.unwrap()), [30]);
    }

    /// The shard keeps these only.
    fn keep(scripted: &Scripted, numbers: &[u64]) {
        let mut script = scripted.script();
        script.records.insert("a".to_owned(), numbers.to_vec());
    }

    const fn hours(hours: u64) -> Option<Duration> {
        Some(Duration::from_secs(hours * 3600))
    }

    /// Opens `a` at this checkpoint, seen at its end so long ago, and reads what follows.
    async fn read_on(
        scripted: &Scripted,
        after: u64,
        age: Option<Duration>,
    ) -> Result<Vec<u64>, SourceError> {
        let source = scripted.source(Start::TrimHorizon).await;
        let after = SequenceNumber::from(after);
        let mut reader = source.open_seen("a@7", &after, age).await?;
        Ok(numbers(&reader.next(LIMITS).await?))
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_that_was_dropped_unseen_stops_the_shard_whatever_kinesis_says() {
        let (scripted, _) = reader(0, 10).await;
        for strict in [false, true] {
            scripted.script().strict = strict;
            // Nothing was dropped behind a record that is there.
            keep(&scripted, &[20, 30]);
            assert_eq!(read_on(&scripted, 20, None).await.unwrap(), [30]);
            scripted.script().empty_reads = 2;
            assert_eq!(read_on(&scripted, 20, None).await.unwrap(), [30]);
            for left in [&[30, 40][..], &[]] {
                keep(&scripted, left);
                for age in [None, hours(23), hours(100)] {
                    let stopped = read_on(&scripted, 20, age).await.err().unwrap();
                    assert!(!stopped.transient, "{stopped}");
                    assert!(stopped.what.contains("generation begin"), "{stopped}");
                }
                // Seen at its end yesterday evening: what was dropped since had been read.
                assert_eq!(read_on(&scripted, 20, hours(12)).await.unwrap(), left);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_shard_of_which_nothing_was_read_is_not_begun_again_after_the_retention() {
        let (scripted, _) = reader(2, 10).await;
        for age in [None, hours(12)] {
            assert_eq!(read_on(&scripted, 0, age).await.unwrap(), [10, 20]);
        }
        let stopped = read_on(&scripted, 0, hours(30)).await.err().unwrap();
        assert!(!stopped.transient && stopped.what.contains("generation begin"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_slept_for_longer_than_records_are_kept_stops() {
        for (slept, goes_on) in [(600, true), (25 * 3600, false)] {
            let (scripted, mut reader) = reader(2, 10).await;
            while reader.next(LIMITS).await.unwrap().state != ReaderState::CaughtUp {}
            keep(&scripted, &[50]);
            tokio::time::advance(Duration::from_secs(slept)).await;
            let kinds = [Kind::ExpiredIterator].into();
            scripted.script().fails.insert("GetRecords", kinds);
            match reader.next(LIMITS).await {
                Ok(fetched) => assert!(goes_on && numbers(&fetched) == [50]),
                Err(error) => assert!(!goes_on && !error.transient, "{error}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_overtaken_by_the_dropping_of_records_stops() {
        for (behind, goes_on) in [(1, true), (23, false)] {
            let (scripted, mut reader) = reader(0, 10).await;
            keep(&scripted, &[10, 20, 30, 40, 50]);
            scripted.script().behind = behind * 3_600_000;
            let one = BatchLimits {
                records: 1,
                ..LIMITS
            };
            let mut seen = Vec::new();
            while seen != [10, 20] {
                seen.extend(numbers(&reader.next(one).await.unwrap()));
            }
            // Dropped behind an iterator that stays good for five minutes.
            keep(&scripted, &[0, 0, 0, 40, 50]);
            match reader.next(LIMITS).await {
                Ok(fetched) => assert!(goes_on, "{:?}", numbers(&fetched)),
                Err(error) => assert!(!goes_on && !error.transient, "{error}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_only_looks_sees_what_is_left() {
        let (scripted, _) = reader(0, 10).await;
        keep(&scripted, &[30]);
        scripted.script().strict = true;
        let source = scripted.source(Start::TrimHorizon).await;
        let mut reader = source.look("a@7", &SequenceNumber::from(20)).await.unwrap();
        assert_eq!(numbers(&reader.next(LIMITS).await.unwrap()), [30]);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_the_pace_takes_no_call() {
        let (scripted, mut reader) = reader(1, 10).await;
        reader.next(LIMITS).await.unwrap();
        let sent = scripted.script().reads[0].0;
        reader.due().await;
        assert!(sent.elapsed() >= Duration::from_millis(200));
        assert_eq!(scripted.script().reads.len(), 1);
        // Now the call follows at once.
        let begun = Instant::now();
        reader.next(LIMITS).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn shards_that_were_never_read_begin_where_the_policy_says() {
        let (scripted, _) = reader(5, 10).await;
        let sequence = |n| Start::Sequence(SequenceNumber::from(n));
        for (start, from) in [
            (Start::TrimHorizon, From::Oldest),
            (Start::Timestamp(9), From::Timestamp(9)),
            (sequence(30), From::At(SequenceNumber::from(30))),
        ] {
            let source = scripted.source(start).await;
            open(&source, 0).await.unwrap();
            assert_eq!(scripted.script().iterators.last(), Some(&from));
        }
    }
}
