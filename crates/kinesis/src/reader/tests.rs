//! Readers over scripted calls: pace, failures, and what stops a shard.

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
async fn nothing_but_empty_answers_as_old_as_records_get_stop_the_shard() {
    let (scripted, _) = reader(0, 10).await;
    keep(&scripted, &[20, 30]);
    for (hours, empty_reads, goes_on) in [(23, 40, true), (1, 1_000, true), (23, 1_000, false)] {
        scripted.script().behind = hours * 3_600_000;
        scripted.script().empty_reads = empty_reads;
        match read_on(&scripted, 20, None).await {
            Ok(read) => assert!(goes_on && read == [30]),
            Err(error) => {
                assert!(!goes_on && !error.transient, "{error}");
                assert!(error.what.contains("generation begin"), "{error}");
            }
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
