//! What happens to the shop, and the DMS records of it in four shards. Owns the story; the bytes
//! of a record are the encoder's.
//!
//! The story: rows are loaded while others change; then come further changes, the set pieces
//! below, and last the loads that were on their way too long. Loads are partitioned by primary
//! key, as are changes of customers; changes of orders by table. So a row's load and its changes
//! may stand in different shards, and so may the two halves of a key's change. Nothing is
//! promised about which shard is read first: whatever the order, the rule that a load is below
//! every change leads to the shop's last state. No load belongs to a registered generation: the
//! policy must say `first_load = "unregistered"` or register one at position 0.

mod journal;
mod story;
mod stream;

use std::path::Path;

use crate::shop::Table;
use crate::{DemoError, Needles, Told, Truth};
use story::Story;

/// The fewest rows that leave room for every set piece.
pub const MIN_ROWS: u64 = 40;

/// What was written.
pub struct Scenario {
    /// What the new database must hold when everything is applied.
    pub truth: Truth,
    /// How many records must end in quarantine: the broken one and the one with an unlisted
    /// column. Both are followed by a good record of the same row.
    pub quarantined: u64,
    /// How many records were written, control records and repeated ones included.
    pub records: u64,
    /// Every planted value: of sealed and dropped columns, after images and before images.
    pub needles: Needles,
}

/// Writes DMS's output about a shop of `rows` rows, half customers and half orders, into the
/// folder `dir`: `shard-0.jsonl`, `shard-1.jsonl` (`json-unformatted`), `shard-2.json` and
/// `shard-3.json` (`json`). The same seed gives the same bytes.
///
/// # Errors
/// [`DemoError`] when there are fewer than [`MIN_ROWS`] rows, or a file cannot be written.
pub fn write_source(dir: &Path, rows: u64, seed: u64) -> Result<Scenario, DemoError> {
    write_source_telling(dir, rows, seed, &mut |_, _| {})
}

/// The same, and tells of rows made, rows loaded and changes as it goes.
///
/// # Errors
/// Those of [`write_source`].
pub fn write_source_telling(
    dir: &Path,
    rows: u64,
    seed: u64,
    told: Told<'_>,
) -> Result<Scenario, DemoError> {
    if rows < MIN_ROWS {
        return Err(DemoError::TooFewRows(rows));
    }
    let (more, few) = (rows / 10, rows / 20);
    let mut story = Story::create(dir, seed, rows, more + few, told)?;
    story.open_shop();
    for table in Table::ALL {
        story.announce(table)?;
    }
    story.load_while_changing()?;
    story.change(more)?;
    story.set_pieces()?;
    story.change(few)?;
    story.load_late()?;
    story.end()
}
