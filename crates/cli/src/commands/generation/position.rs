//! L for `generation begin`: given by the operator, or read at the source and waited for. Owns
//! the clock and the words; what must be waited for is the source crate's.

use std::time::Duration;

use fieldseal_model::Position;
use fieldseal_source::{CommitOrder, Reading, SourceDatabase, StillOpen};
use tokio::time::Instant;

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::print::{counted, say};
use crate::progress::Counting;

/// How often the source is asked. InnoDB's list of transactions is a copy that is renewed only
/// when nobody has looked at it for a tenth of a second.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// What the command line says of L.
pub(super) struct Asked<'a> {
    pub(super) position: Option<&'a str>,
    pub(super) order: CommitOrder,
    pub(super) patience: Duration,
}

/// Where L comes from.
pub(super) enum Wanted {
    /// From the operator.
    Given(Position),
    /// From the server at this URL.
    ReadAt(String),
}

impl Asked<'_> {
    /// Exactly one of `--position` and the policy's URL.
    pub(super) fn checked(&self, config: &Config) -> Result<Wanted, Failure> {
        let usage = |text: String| Failure::new(Exit::Usage, text);
        match (self.position, config.source_url()?) {
            (Some(_), Some(_)) => Err(usage(
                "the policy names the source's URL, where L is read; leave --position out, or \
                 take the URL out of the policy"
                    .to_owned(),
            )),
            (None, None) => Err(usage(
                "nobody says what L is: name the source's URL in the policy ([source] url_env or \
                 url_file), or give --position"
                    .to_owned(),
            )),
            (Some(text), None) => Position::parse(config.policy.source().engine, text)
                .map(Wanted::Given)
                .map_err(|error| usage(format!("--position: {error}"))),
            (None, Some(url)) => Ok(Wanted::ReadAt(url)),
        }
    }
}

/// L; read at the source, it is handed out only once a load may begin.
pub(super) async fn of(
    wanted: Wanted,
    asked: &Asked<'_>,
    config: &Config,
) -> Result<Position, Failure> {
    let url = match wanted {
        Wanted::Given(position) => return Ok(position),
        Wanted::ReadAt(url) => url,
    };
    let engine = config.policy.source().engine;
    let place = fieldseal_db::redact_url(&url);
    let failed = |error| {
        let text = format!("nothing has begun: the source at {place}");
        Failure::source_database(&text, &error)
    };
    let source = SourceDatabase::connect(&url, engine)
        .await
        .map_err(failed)?;
    let reading = source
        .read_position(&config.policy, asked.order)
        .await
        .map_err(failed)?;
    say(&format!(
        "L is {}, read at {place}",
        reading.position.display(engine)
    ))?;
    if let Some(caution) = reading.caution() {
        say(&format!("caution: {caution}"))?;
    }
    settled(&source, &reading, asked.patience, failed).await?;
    source.close().await;
    Ok(reading.position)
}

/// Waits until everything older than L is visible.
async fn settled(
    source: &SourceDatabase,
    reading: &Reading,
    patience: Duration,
    failed: impl Fn(fieldseal_source::SourceError) -> Failure,
) -> Result<(), Failure> {
    let mut counting = Counting::waiting("waiting for the source", "transactions still open");
    let mut shown = StillOpen::default();
    // None: so much patience that no clock can say when it ends.
    let until = Instant::now().checked_add(patience);
    loop {
        let open = source.still_open(reading).await.map_err(&failed)?;
        if open.transactions == 0 {
            return Ok(());
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Err(Failure::new(
                Exit::NotAsItShouldBe,
                format!(
                    "nothing has begun: after {} s {}; end it, or try again with a longer --wait",
                    patience.as_secs(),
                    said(&open)
                ),
            ));
        }
        if open != shown {
            counting.say(&format!("waiting: {}", said(&open)))?;
            shown = open.clone();
        }
        counting.reached(open.transactions);
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Which transactions, for a person who may end them.
fn said(open: &StillOpen) -> String {
    let mut about = Vec::new();
    if !open.processes.is_empty() {
        let numbers: Vec<String> = open.processes.iter().map(ToString::to_string).collect();
        about.push(format!("of process {}", numbers.join(", ")));
    }
    if open.prepared > 0 {
        about.push(format!("{} of two-phase commit, prepared", open.prepared));
    }
    let about = if about.is_empty() {
        String::new()
    } else {
        format!(" ({})", about.join("; "))
    };
    let count = counted(open.transactions, "transaction");
    format!("{count} older than L not ended yet at the source{about}")
}
