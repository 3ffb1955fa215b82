//! Taking a shard that goes on from others. Owns what one that was never read has from those before
//! it: the highest position (`docs/ORDERING.md`, point 3).

use fieldseal_db::{Bind, DbError};
use fieldseal_model::{Epoch, Position, SequenceNumber};
use fieldseal_pipeline::{Labels, ShardState};

use crate::checkpoint::{self, position, sequence};
use crate::labels;
use crate::store::Store;

/// Takes `shard` over. Where nothing of it was applied yet, its highest position is that of its
/// ancestors, so that a file number that falls back is noticed across a split or a merge too.
pub(crate) async fn take(
    store: &Store,
    shard: &str,
    ancestors: &[String],
) -> Result<ShardState, DbError> {
    let mut state = checkpoint::take(&store.database, shard).await?;
    if state.checkpoint == SequenceNumber::start() {
        state.high = inherited(store, shard, ancestors).await?;
    }
    Ok(state)
}

/// The highest position of those ancestors that ended in the epoch in which `shard` begins:
/// positions of another one say nothing.
async fn inherited(
    store: &Store,
    shard: &str,
    ancestors: &[String],
) -> Result<Option<Position>, DbError> {
    let begins = epoch_at(store, shard, &SequenceNumber::start()).await?;
    let mut highest = None;
    for ancestor in ancestors {
        let select = "SELECT sequence, high FROM fieldseal_shards WHERE shard = ?";
        let rows = store
            .database
            .query(select, &[Bind::from(ancestor)])
            .await?;
        // Unknown: dropped before history began.
        let Some(row) = rows.first() else { continue };
        let Some(high) = row.opt_text(1)? else {
            continue;
        };
        let checkpoint = sequence(&row.text(0)?)?;
        if epoch_at(store, ancestor, &checkpoint).await? == begins {
            highest = highest.max(Some(position(&high)?));
        }
    }
    Ok(highest)
}

async fn epoch_at(
    store: &Store,
    shard: &str,
    checkpoint: &SequenceNumber,
) -> Result<Epoch, DbError> {
    let labels = Labels {
        epochs: labels::epochs(store, &labels::marks(store, shard).await?).await?,
        tables: Vec::new(),
    };
    Ok(labels.epoch_at(checkpoint))
}
