//! Reading one shard. Owns its iterator, its pace, what was fetched and not handed out yet, and
//! the jitter after a failure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{
    BatchLimits, Fetched, ReaderState, ShardReader, SourceError, StreamRecord,
};

use crate::aggregate;
use crate::calls::{Answer, Calls, From};
use crate::failure::{CallError, Kind, jittered, permanent};
use crate::pace::Pace;

/// `GetRecords` takes no larger number (API_GetRecords).
const MOST_RECORDS: usize = 10_000;

/// What a record is taken to be long before the first one was seen.
const USUAL_BYTES: usize = 1 << 10;

/// A throttled shard is left alone for at most this long; AWS counts by the second.
const THROTTLED: Duration = Duration::from_secs(1);

/// The longest jitter after any other failure, beside what the shard's loop waits.
const FAILED: Duration = Duration::from_millis(100);

/// A reader this much behind, as a share of the retention, stands at the oldest record there is.
const AT_THE_EDGE: f64 = 0.99;

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
    /// Records are kept for so many milliseconds; looked at once, behind a checkpoint.
    retention: Option<u64>,
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
        retention: Option<u64>,
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
            retention,
        }
    }

    /// Gets an iterator, unless there is one.
    pub(crate) async fn position(&mut self) -> Result<String, SourceError> {
        if let Some(iterator) = &self.iterator {
            return Ok(iterator.clone());
        }
        let found = self.calls.iterator(&self.shard, &self.from).await;
        let iterator = found.map_err(|error| self.failed(&error))?;
        Ok(self.iterator.insert(iterator).clone())
    }

    /// Fetches once. Whatever is given up at an `await` leaves the iterator where it was, so the
    /// same records come again.
    async fn fetch(&mut self, limits: BatchLimits) -> Result<(), SourceError> {
        self.pace.wait().await;
        let mut iterator = self.position().await?;
        self.pace.send();
        let most = self.most(limits);
        let mut answer = self.calls.records(&iterator, most).await;
        if matches!(&answer, Err(error) if error.kind == Kind::ExpiredIterator) {
            self.iterator = None;
            iterator = self.position().await?;
            self.pace.wait().await;
            self.pace.send();
            answer = self.calls.records(&iterator, most).await;
        }
        let answer = answer.map_err(|error| self.failed(&error))?;
        self.take(answer);
        Ok(())
    }

    /// How many records are about as many bytes as are wanted, and no more than a second's worth.
    fn most(&self, limits: BatchLimits) -> i32 {
        let bytes = limits.bytes.min(self.pace.bytes_in_a_second());
        let count = bytes / self.usual_bytes.max(1);
        let count = count.min(limits.records).clamp(1, MOST_RECORDS);
        i32::try_from(count).unwrap_or(1)
    }

    fn take(&mut self, answer: Answer) {
        let bytes: usize = answer.records.iter().map(|record| record.data.len()).sum();
        self.pace.brought(bytes);
        let count = answer.records.len();
        if let Some(usual) = bytes.checked_div(count) {
            self.usual_bytes = usual;
        }
        self.behind = answer.behind;
        self.look_behind();
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
            self.from = From::After(self.last.clone());
        }
        self.state = match (&answer.next, answer.behind) {
            (None, _) => ReaderState::Closed,
            // Kinesis gives empty answers on its way through a shard.
            (Some(_), None | Some(0)) if count == 0 => ReaderState::CaughtUp,
            (Some(_), _) => ReaderState::More,
        };
        self.iterator = answer.next;
    }

    /// Behind a checkpoint that is as old as records get, some may have been dropped unread.
    fn look_behind(&mut self) {
        let (Some(retention), Some(behind)) = (self.retention.take(), self.behind) else {
            return;
        };
        if behind as f64 >= retention as f64 * AT_THE_EDGE {
            tracing::warn!(
                place = %self.place,
                "the checkpoint is as old as the oldest records of the stream: if the shard was not read for as long as they are kept, some were dropped unread, and every table needs a new generation; if nothing was written to it for so long, all is well"
            );
        }
    }

    fn failed(&mut self, error: &CallError) -> SourceError {
        let rest = match error.kind {
            Kind::Throttled => THROTTLED,
            _ => FAILED,
        };
        self.pace.rest(jittered(rest));
        if error.kind == Kind::Invalid && error.operation == "GetShardIterator" {
            return permanent(self.no_such_place());
        }
        if error.kind == Kind::ExpiredIterator {
            self.iterator = None;
        }
        error.told(&self.place)
    }

    fn no_such_place(&self) -> String {
        let place = &self.place;
        match &self.from {
            From::After(sequence) => format!(
                "{place}: Kinesis has no record {sequence} to go on from: it was dropped for its age, and what came behind it with it, so records are lost; stop the DMS task, run `fieldseal generation begin` for every table, load them again, then start again"
            ),
            From::At(sequence) => format!(
                "{place}: record {sequence}, from which source.start says to begin, is not in this shard; a stream of several shards begins at a timestamp or at the trim horizon"
            ),
            From::Timestamp(_) => format!(
                "{place}: Kinesis does not take the timestamp of source.start; it must not lie in the future"
            ),
            From::Oldest => format!("{place}: Kinesis gives no iterator for it"),
        }
    }
}

#[async_trait]
impl ShardReader for KinesisReader {
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
    use std::time::Duration;

    use fieldseal_model::SequenceNumber;
    use fieldseal_pipeline::{BatchLimits, Fetched, ReaderState, RecordSource, ShardReader};
    use tokio::time::{Instant, timeout};

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

    async fn open(
        source: &KinesisSource,
        after: u64,
    ) -> Result<KinesisReader, fieldseal_pipeline::SourceError> {
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
        assert_eq!(numbers(&reader.next(two).await.unwrap()), [30, 40]);
        let iterators = scripted.script().iterators.clone();
        assert_eq!(
            iterators,
            [From::Oldest, From::After(SequenceNumber::from(20))]
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

    #[tokio::test(start_paused = true)]
    async fn shards_that_were_never_read_begin_where_the_policy_says() {
        let (scripted, _) = reader(5, 10).await;
        let sequence = |n| Start::Sequence(SequenceNumber::from(n));
        for (start, from) in [
            (Start::TrimHorizon, From::Oldest),
            (Start::Timestamp(9), From::Timestamp(9)),
            (sequence(30), From::At(SequenceNumber::from(30))),
            // The shard began behind it.
            (sequence(0), From::Oldest),
        ] {
            let source = scripted.source(start).await;
            open(&source, 0).await.unwrap();
            assert_eq!(scripted.script().iterators.last(), Some(&from));
        }
    }
}
