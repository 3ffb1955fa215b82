//! The stream as a source. Owns its description, the listing of its shards and their names,
//! opening one, and markers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fieldseal_aws::SdkConfig;
use fieldseal_model::SequenceNumber;
use fieldseal_pipeline::{RecordSource, ShardInfo, SourceError};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, sleep_until};

use crate::calls::{Calls, From, Listed, Status, StreamFacts};
use crate::client::SdkCalls;
use crate::failure::{CallError, Kind, dropped, jittered, permanent};
use crate::lineage::parents_first;
use crate::pace::Pace;
use crate::reader::{EndSeen, KinesisReader, lost};
use crate::{KinesisSettings, Start};

/// How often a call that is not a reader's is tried, and the longest wait after its first failure.
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Shards are listed at most so often. AWS takes 1,000 calls a second for one stream
/// (API_ListShards), from everybody together; one listing of many shards takes several.
const BETWEEN_LISTINGS: Duration = Duration::from_millis(100);

/// A Kinesis data stream.
pub struct KinesisSource {
    calls: Arc<dyn Calls>,
    settings: KinesisSettings,
    facts: StreamFacts,
    /// What was listed last, and when shards may be listed again.
    listed: Mutex<(Vec<Listed>, Instant)>,
    /// The shard that holds the record from which the policy says to begin, once it was looked for.
    holder: OnceCell<Option<String>>,
}

impl KinesisSource {
    /// The stream that `settings` name, looked at once.
    ///
    /// # Errors
    /// [`SourceError`] when it is gone, being made or deleted, in another region, or these
    /// credentials may not describe it.
    pub async fn connect(
        config: &SdkConfig,
        settings: KinesisSettings,
    ) -> Result<Self, SourceError> {
        if let (Some(wanted), Some(region)) = (arn_region(&settings.stream), config.region())
            && wanted != region.as_ref()
        {
            return Err(permanent(format!(
                "stream {} is in region {wanted}, and {region} is configured: set source.region to the stream's",
                settings.stream
            )));
        }
        let calls = SdkCalls::new(config, &settings.stream);
        Self::over(Arc::new(calls), settings).await
    }

    pub(crate) async fn over(
        calls: Arc<dyn Calls>,
        settings: KinesisSettings,
    ) -> Result<Self, SourceError> {
        let facts = describe(&*calls, &settings.stream).await?;
        Ok(Self {
            calls,
            settings,
            facts,
            listed: Mutex::new((Vec::new(), Instant::now())),
            holder: OnceCell::new(),
        })
    }

    /// The stream as it is now.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn describe(&self) -> Result<StreamFacts, SourceError> {
        describe(&*self.calls, &self.settings.stream).await
    }

    /// Lists all shards whose records are not yet dropped, open and closed.
    async fn list(&self) -> Result<Vec<Listed>, SourceError> {
        let due = self.lock().1;
        if due > Instant::now() {
            sleep_until(due).await;
        }
        self.lock().1 = Instant::now() + jittered(BETWEEN_LISTINGS);
        let mut shards = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = tried(|| self.calls.list(token.clone())).await;
            let page = page.map_err(|error| error.told(&self.place()))?;
            shards.extend(page.shards);
            match page.next {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        let shards = parents_first(shards);
        self.lock().0.clone_from(&shards);
        Ok(shards)
    }

    /// A shard by its name, from the last listing if it has it.
    async fn shard(&self, name: &str) -> Result<Listed, SourceError> {
        let id = self.id(name)?;
        let find = |listed: &[Listed]| listed.iter().find(|shard| shard.id == id).cloned();
        if let Some(found) = find(&self.lock().0) {
            return Ok(found);
        }
        find(&self.list().await?).ok_or_else(|| {
            permanent(format!(
                "{} has no shard {id}: its records were dropped for their age",
                self.place()
            ))
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Vec<Listed>, Instant)> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> String {
        format!("stream {}", self.settings.stream)
    }

    /// A shard's name: every stream has a `shardId-000000000000`, also one that was deleted and
    /// made again, so the moment the stream was made is a part of it.
    fn name(&self, id: &str) -> String {
        format!("{id}@{}", self.facts.created)
    }

    fn id<'a>(&self, name: &'a str) -> Result<&'a str, SourceError> {
        let made = format!("@{}", self.facts.created);
        name.strip_suffix(&made).ok_or_else(|| {
            permanent(format!(
                "shard {name} is not of {}: it is of another stream, or of one that had the same name",
                self.place()
            ))
        })
    }

    /// Where a shard begins that was never read.
    async fn start(&self, shard: &Listed) -> Result<From, SourceError> {
        match &self.settings.start {
            Start::TrimHorizon => Ok(From::Oldest),
            Start::Timestamp(millis) => Ok(From::Timestamp(*millis)),
            Start::Sequence(sequence) => self.start_at(sequence, shard).await,
        }
    }

    /// Numbers of different shards say nothing about each other, so every shard but the one that
    /// holds the record is read from its oldest record: too much does no harm.
    async fn start_at(
        &self,
        sequence: &SequenceNumber,
        shard: &Listed,
    ) -> Result<From, SourceError> {
        let is_listed = |id: &String| self.lock().0.iter().any(|listed| listed.id == *id);
        // A shard that goes on from another is no question of where to begin.
        if shard.first > *sequence && shard.parents.iter().any(is_listed) {
            return Ok(From::Oldest);
        }
        let holder = self.holder.get_or_try_init(|| self.holder_of(sequence));
        match holder.await? {
            Some(holder) if *holder == shard.id => Ok(From::At(sequence.clone())),
            Some(_) => Ok(From::Oldest),
            None => Err(permanent(format!(
                "{}: record {sequence}, from which source.start says to begin, is in no shard: it was dropped for its age, or is of another stream; begin at a timestamp or at the trim horizon",
                self.place()
            ))),
        }
    }

    /// Nothing but asking tells which shard a number is of.
    async fn holder_of(&self, sequence: &SequenceNumber) -> Result<Option<String>, SourceError> {
        let listed = self.lock().0.clone();
        let from = From::At(sequence.clone());
        for shard in listed.iter().filter(|shard| shard.first <= *sequence) {
            match tried(|| self.calls.iterator(&shard.id, &from)).await {
                Ok(_) => return Ok(Some(shard.id.clone())),
                Err(error) if matches!(error.kind, Kind::Invalid | Kind::Gone) => {}
                Err(error) => return Err(error.told(&self.place())),
            }
        }
        Ok(None)
    }

    fn reader(
        &self,
        shard: &Listed,
        from: From,
        after: &SequenceNumber,
        end: EndSeen,
    ) -> KinesisReader {
        let settings = &self.settings;
        KinesisReader::new(
            Arc::clone(&self.calls),
            &settings.stream,
            &shard.id,
            from,
            after.clone(),
            Pace::new(settings.reads_per_second, settings.read_bytes_per_second),
            end,
        )
    }

    fn end_seen(&self, age: Option<Duration>) -> EndSeen {
        let hours = u64::from(self.facts.retention_hours);
        EndSeen::new(Duration::from_secs(hours * 3600), age)
    }

    /// A reader behind `after`, or behind what is left of the shard where that is gone: to look at
    /// the shard, not to apply it.
    ///
    /// # Errors
    /// As [`open`](RecordSource::open).
    pub async fn look(
        &self,
        shard: &str,
        after: &SequenceNumber,
    ) -> Result<KinesisReader, SourceError> {
        let shard = self.shard(shard).await?;
        let from = if *after == SequenceNumber::start() {
            self.start(&shard).await?
        } else {
            From::At(after.clone())
        };
        let mut reader = self.reader(&shard, from, after, self.end_seen(None));
        reader.begin_anywhere().await?;
        Ok(reader)
    }
}

#[async_trait]
impl RecordSource for KinesisSource {
    type Reader = KinesisReader;

    async fn shards(&self) -> Result<Vec<ShardInfo>, SourceError> {
        let info = |shard: Listed| ShardInfo {
            name: self.name(&shard.id),
            parents: shard.parents.iter().map(|id| self.name(id)).collect(),
        };
        Ok(self.list().await?.into_iter().map(info).collect())
    }

    async fn open(
        &self,
        shard: &str,
        after: &SequenceNumber,
    ) -> Result<KinesisReader, SourceError> {
        self.open_seen(shard, after, None).await
    }

    async fn open_seen(
        &self,
        shard: &str,
        after: &SequenceNumber,
        age: Option<Duration>,
    ) -> Result<KinesisReader, SourceError> {
        let shard = self.shard(shard).await?;
        let end = self.end_seen(age);
        let from = if *after != SequenceNumber::start() {
            From::At(after.clone())
        } else if end.is_stale() {
            let place = format!("{}, shard {}", self.place(), shard.id);
            let why = "nothing was ever read of it, and it was seen at its end so long ago that what came since may have been dropped for its age";
            return Err(dropped(lost(&place, why)));
        } else {
            self.start(&shard).await?
        };
        let mut reader = self.reader(&shard, from, after, end);
        // Here rather than at the first fetch: a checkpoint that is not there any more is told
        // by opening.
        reader.begin().await?;
        Ok(reader)
    }

    async fn mark(&self, shard: &str) -> Result<Option<SequenceNumber>, SourceError> {
        let mut listed = self.shard(shard).await?;
        for _ in 0..TRIES {
            if listed.closed {
                return Ok(None);
            }
            let put = tried(|| self.calls.put_mark(&listed.first_hash)).await;
            let put = put.map_err(|error| error.told(&self.place()))?;
            if put.shard == listed.id {
                return Ok(Some(put.sequence));
            }
            // The shard was closed since it was listed; its child ignores the marker.
            self.list().await?;
            listed = self.shard(shard).await?;
        }
        Err(SourceError {
            what: format!(
                "{}: markers for shard {} go to another one although it is listed as open; try again when the stream is no longer UPDATING",
                self.place(),
                listed.id
            ),
            transient: true,
            lost: false,
        })
    }

    fn shards_end(&self) -> bool {
        true
    }
}

async fn describe(calls: &dyn Calls, stream: &str) -> Result<StreamFacts, SourceError> {
    let facts = tried(|| calls.describe()).await;
    let facts = facts.map_err(|error| error.told(&format!("stream {stream}")))?;
    match facts.status {
        Status::Ready => Ok(facts),
        Status::Creating => Err(SourceError {
            what: format!("stream {stream} is still being made; try again when it is ACTIVE"),
            transient: true,
            lost: false,
        }),
        Status::Deleting => Err(permanent(format!(
            "stream {stream} is being deleted: what was not read of it is lost; name another stream (source.stream), and begin a new generation of every table there"
        ))),
    }
}

/// Makes a call until it works, fails for good, or was tried a few times.
async fn tried<T, C>(call: impl Fn() -> C) -> Result<T, CallError>
where
    C: Future<Output = Result<T, CallError>>,
{
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match call().await {
            // A page's token is not tried again: listing begins anew.
            Err(error) if error.is_transient() && error.kind != Kind::ExpiredIterator => {
                tracing::debug!(call = error.operation, code = %error.code, "tried again");
                sleep(jittered(wait)).await;
                wait *= 2;
            }
            done => return done,
        }
    }
    call().await
}

/// `arn:partition:kinesis:REGION:account:stream/name`.
fn arn_region(stream: &str) -> Option<&str> {
    let mut parts = stream.split(':');
    (parts.next() == Some("arn"))
        .then(|| parts.nth(2))
        .flatten()
        .filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests {
    use fieldseal_model::SequenceNumber;
    use fieldseal_pipeline::RecordSource;

    use super::{KinesisSource, arn_region};
    use crate::Start;
    use crate::calls::{From, Listed};
    use crate::failure::Kind;
    use crate::scripted::{Scripted, listed};

    fn closed(id: &str) -> Listed {
        Listed {
            closed: true,
            ..listed(id, &[])
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_pages_are_listed_parents_first_and_failures_in_between_are_tried_again() {
        let scripted = Scripted::default();
        {
            let mut script = scripted.script();
            script.pages = vec![vec![listed("b", &["a"])], vec![closed("a")]];
            let kinds = [Kind::Service, Kind::Throttled].into();
            script.fails.insert("ListShards", kinds);
        }
        let source = scripted.source(Start::TrimHorizon).await;
        let shards = source.shards().await.unwrap();
        let names: Vec<&str> = shards.iter().map(|shard| shard.name.as_str()).collect();
        assert_eq!(names, ["a@7", "b@7"]);
        assert_eq!(shards[1].parents, ["a@7"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_mark_is_the_place_of_a_marker_in_the_shard_itself() {
        let scripted = Scripted::default();
        scripted.script().pages = vec![vec![listed("a", &[]), closed("z")]];
        let source = scripted.source(Start::TrimHorizon).await;
        source.shards().await.unwrap();
        scripted
            .script()
            .fails
            .insert("PutRecord", [Kind::Throttled].into());
        scripted.script().puts = [("a", 70)].into();
        let mark = source.mark("a@7").await.unwrap();
        assert_eq!(mark, Some(SequenceNumber::from(70)));
        assert_eq!(source.mark("z@7").await.unwrap(), None);
        // Closed since it was listed: the marker went to its child.
        scripted.script().puts = [("b", 80)].into();
        scripted.script().after_put = Some(vec![vec![closed("a"), listed("b", &["a"])]]);
        assert_eq!(source.mark("a@7").await.unwrap(), None);
        // Listed as open although markers go elsewhere.
        scripted.script().puts = [("a", 1), ("b", 2)].into();
        scripted.script().puts.pop_front();
        scripted.script().puts.push_back(("b", 90));
        assert_eq!(
            source.mark("b@7").await.unwrap(),
            Some(SequenceNumber::from(2))
        );
    }

    /// Where `shard` begins that was never read.
    async fn begun(source: &KinesisSource, scripted: &Scripted, shard: &str) -> From {
        let start = SequenceNumber::start();
        source.open(shard, &start).await.unwrap();
        scripted.script().iterators.last().unwrap().clone()
    }

    #[tokio::test(start_paused = true)]
    async fn a_sequence_number_begins_its_shard_and_no_other() {
        let scripted = Scripted::default();
        {
            let mut script = scripted.script();
            let child = Listed {
                first: SequenceNumber::from(25),
                ..listed("c", &["b"])
            };
            script.pages = vec![vec![listed("a", &[]), listed("b", &[]), child]];
            for (shard, numbers) in [("a", vec![11, 21]), ("b", vec![10, 20]), ("c", vec![30])] {
                script.records.insert(shard.to_owned(), numbers);
            }
            script.strict = true;
        }
        let twenty = SequenceNumber::from(20);
        let source = scripted.source(Start::Sequence(twenty.clone())).await;
        source.shards().await.unwrap();
        assert_eq!(begun(&source, &scripted, "a@7").await, From::Oldest);
        assert_eq!(begun(&source, &scripted, "b@7").await, From::At(twenty));
        assert_eq!(begun(&source, &scripted, "c@7").await, From::Oldest);
        // In no shard: who begins at what is left may have lost what came before.
        for gone in [0, 15, 99] {
            let gone = Start::Sequence(SequenceNumber::from(gone));
            let source = scripted.source(gone).await;
            source.shards().await.unwrap();
            let start = SequenceNumber::start();
            let failed = source.open("a@7", &start).await.err().unwrap();
            assert!(!failed.transient, "{failed}");
            assert!(failed.what.contains("in no shard"), "{failed}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_shard_of_a_stream_that_had_the_same_name_is_another_shard() {
        let scripted = Scripted::default();
        scripted.script().pages = vec![vec![listed("a", &[])]];
        let source = scripted.source(Start::TrimHorizon).await;
        let start = SequenceNumber::start();
        for name in ["a@6", "a", "b@7"] {
            let failed = source.open(name, &start).await.err().unwrap();
            assert!(!failed.transient, "{failed}");
        }
    }

    #[test]
    fn the_region_of_an_arn() {
        let arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/shop";
        assert_eq!(arn_region(arn), Some("eu-central-1"));
        assert_eq!(arn_region("shop"), None);
    }
}
