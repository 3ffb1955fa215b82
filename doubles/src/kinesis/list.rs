//! `ListShards`: filters and pages.

use serde::Deserialize;
use serde_json::json;

use super::control::OfStream;
use super::encode::{from_seconds, open_token, seal_token};
use super::failure::{expired_token, invalid, not_found, validation};
use super::shard::{Shard, ShardId};
use super::stream::Stream;
use super::{Kinesis, encode};
use crate::wire::Failure;

/// `API_ListShards`: 1000 shards a page unless said otherwise, 10,000 at most; a token lives 300 seconds.
const PAGE: usize = 1000;
const MAX_PAGE: usize = 10_000;
const TOKEN_LIFE: u64 = 300_000;
const KIND: &str = "shards";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListShards {
    #[serde(flatten)]
    stream: OfStream,
    next_token: Option<String>,
    exclusive_start_shard_id: Option<String>,
    stream_creation_timestamp: Option<f64>,
    max_results: Option<usize>,
    shard_filter: Option<ShardFilter>,
}

/// `API_ShardFilter`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ShardFilter {
    r#type: String,
    shard_id: Option<String>,
    timestamp: Option<f64>,
}

/// Which shards are wanted, in a form that fits a token.
#[derive(Clone, Copy)]
enum Wanted {
    /// Open at this time.
    At(u64),
    /// Open at this time or later.
    From(u64),
    Open,
}

/// Where a list goes on.
struct Page {
    stream: String,
    created: u64,
    wanted: Wanted,
    after: Option<ShardId>,
}

impl Kinesis {
    pub(super) fn list_shards(&self, input: &ListShards) -> Result<Vec<u8>, Failure> {
        let size = input.max_results.unwrap_or(PAGE);
        if !(1..=MAX_PAGE).contains(&size) {
            return Err(validation(
                "Value at 'maxResults' failed to satisfy constraint: 1 to 10000",
            ));
        }
        let now = self.now();
        let mut page = match &input.next_token {
            Some(token) => continued(token, input, now)?,
            None => self.first(input, now)?,
        };
        let streams = self.streams();
        let stream = streams
            .get(&page.stream)
            .filter(|stream| stream.created == page.created);
        let stream = stream.ok_or_else(|| not_found("the stream has been deleted"))?;
        let horizon = stream.horizon(now);
        let left: Vec<&Shard> = stream
            .shards
            .iter()
            .filter(|shard| !shard.expired(horizon) && page.wanted.has(shard))
            .filter(|shard| page.after.is_none_or(|after| shard.id > after))
            .take(size + 1)
            .collect();
        let given = &left[..left.len().min(size)];
        let shards: Vec<_> = given.iter().map(|shard| encode::shard(shard)).collect();
        let mut answer = json!({ "Shards": shards });
        if left.len() > size {
            page.after = given.last().map(|shard| shard.id);
            answer["NextToken"] = json!(page.seal(now));
        }
        Ok(answer.to_string().into_bytes())
    }

    fn first(&self, input: &ListShards, now: u64) -> Result<Page, Failure> {
        let name = self.name(&input.stream)?;
        let streams = self.streams();
        let stream = streams.get(&name).ok_or_else(|| self.no_stream(&name))?;
        let mut after = input
            .exclusive_start_shard_id
            .as_deref()
            .map(shard_id)
            .transpose()?;
        let wanted = match &input.shard_filter {
            None => Wanted::From(0),
            Some(filter) => filter.read(stream, now, &mut after)?,
        };
        Ok(Page {
            created: stream.created,
            stream: name,
            wanted,
            after,
        })
    }
}

impl ShardFilter {
    /// A shard to begin after goes to `after`.
    fn read(
        &self,
        stream: &Stream,
        now: u64,
        after: &mut Option<ShardId>,
    ) -> Result<Wanted, Failure> {
        // Before the stream there is nothing, so its beginning is the oldest horizon.
        let horizon = stream.horizon(now).max(stream.created);
        match (self.r#type.as_str(), &self.shard_id, self.timestamp) {
            ("AFTER_SHARD_ID", Some(id), None) => {
                *after = Some(shard_id(id)?);
                Ok(Wanted::From(0))
            }
            ("AT_TRIM_HORIZON", None, None) => Ok(Wanted::At(horizon)),
            ("FROM_TRIM_HORIZON", None, None) => Ok(Wanted::From(0)),
            ("AT_LATEST", None, None) => Ok(Wanted::Open),
            ("AT_TIMESTAMP", None, Some(at)) => Ok(Wanted::At(from_seconds(at).max(horizon))),
            ("FROM_TIMESTAMP", None, Some(at)) => Ok(Wanted::From(from_seconds(at).max(horizon))),
            _ => Err(invalid(
                "ShardFilter has an unknown type, or a ShardId or Timestamp too many or too few",
            )),
        }
    }
}

fn shard_id(text: &str) -> Result<ShardId, Failure> {
    ShardId::parse(text).ok_or_else(|| invalid("a shard's id is spelled shardId-000000000000"))
}

/// The token tells the stream; naming it again is refused (`API_ListShards`).
fn continued(token: &str, input: &ListShards, now: u64) -> Result<Page, Failure> {
    let named = input.stream.stream_name.is_some()
        || input.stream_creation_timestamp.is_some()
        || input.exclusive_start_shard_id.is_some();
    if named {
        return Err(invalid(
            "NextToken and StreamName cannot be provided together.",
        ));
    }
    let (page, issued) = Page::open(token).ok_or_else(|| invalid("Invalid NextToken"))?;
    if now.saturating_sub(issued) > TOKEN_LIFE {
        return Err(expired_token("the NextToken is older than 300 seconds"));
    }
    Ok(page)
}

impl Wanted {
    fn has(self, shard: &Shard) -> bool {
        let closed = shard.closed.as_ref().map(|closed| closed.at);
        match self {
            Self::At(at) => shard.opened <= at && closed.is_none_or(|closed| closed >= at),
            Self::From(at) => closed.is_none_or(|closed| closed >= at),
            Self::Open => closed.is_none(),
        }
    }
}

impl Page {
    fn seal(&self, now: u64) -> String {
        let (kind, at) = match self.wanted {
            Wanted::At(at) => ("at", at),
            Wanted::From(at) => ("from", at),
            Wanted::Open => ("open", 0),
        };
        let after = self.after.map(|id| id.to_string()).unwrap_or_default();
        let numbers = [self.created, at, now].map(|number| number.to_string());
        let [created, at, now] = &numbers;
        seal_token(&[KIND, &self.stream, created, kind, at, &after, now])
    }

    /// With the time at which it was given out.
    fn open(token: &str) -> Option<(Self, u64)> {
        let parts = open_token(token)?;
        let [token_kind, stream, created, kind, at, after, issued] = &parts[..] else {
            return None;
        };
        let at = at.parse().ok()?;
        let wanted = match kind.as_str() {
            "at" => Wanted::At(at),
            "from" => Wanted::From(at),
            _ => Wanted::Open,
        };
        let page = Self {
            stream: stream.clone(),
            created: created.parse().ok()?,
            wanted,
            after: ShardId::parse(after),
        };
        (token_kind == KIND).then_some((page, issued.parse().ok()?))
    }
}
