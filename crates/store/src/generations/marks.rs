//! Marks: where a generation or an epoch begins or ends in each shard. Owns `fieldseal_marks`.

use fieldseal_db::{Bind, DbError, Dialect, Transaction};
use fieldseal_model::SequenceNumber;

use crate::store::Store;

/// Where each shard's present end is; `None` for a closed shard.
pub type ShardMarks = [(String, Option<SequenceNumber>)];

/// The shards that were ever read. Asked for before the source lists its own, so that one of
/// these that is not listed is gone, and one that appears meanwhile is not taken for gone.
#[derive(Clone, Debug)]
pub struct KnownShards(Vec<String>);

impl Store {
    /// The shards that were ever read, to be asked for before the source lists its own.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn known_shards(&self) -> Result<KnownShards, DbError> {
        let rows = self
            .database
            .query("SELECT shard FROM fieldseal_shards ORDER BY shard", &[])
            .await?;
        let names: Result<_, DbError> = rows.iter().map(|row| row.text(0)).collect();
        names.map(KnownShards)
    }
}

impl KnownShards {
    /// The marks, and for every shard that the source has no more: nowhere in it. Without a mark
    /// it would inherit the new label from its start, and what is held of it would lose the label
    /// of first sight.
    pub(super) fn with_gone(&self, marks: &ShardMarks) -> Vec<(String, Option<SequenceNumber>)> {
        let listed = |shard: &String| marks.iter().any(|(name, _)| name == shard);
        let gone = self.0.iter().filter(|shard| !listed(shard));
        let mut all = marks.to_vec();
        all.extend(gone.map(|shard| (shard.clone(), None)));
        all
    }
}

pub(super) async fn write_marks(
    tx: &mut Transaction,
    kind: &str,
    number: i64,
    marks: &ShardMarks,
) -> Result<(), DbError> {
    // An end mark may be there from a completion that is said again.
    let sql = match tx.dialect() {
        Dialect::MySql => {
            "INSERT INTO fieldseal_marks (kind, number, shard, sequence) VALUES (?,?,?,?) ON DUPLICATE KEY UPDATE sequence = VALUES(sequence)"
        }
        _ => {
            "INSERT INTO fieldseal_marks (kind, number, shard, sequence) VALUES (?,?,?,?) ON CONFLICT (kind, number, shard) DO UPDATE SET sequence = EXCLUDED.sequence"
        }
    };
    for (shard, mark) in marks {
        tx.execute(
            sql,
            &[
                Bind::from(kind),
                Bind::from(number),
                Bind::from(shard),
                Bind::from(mark.as_ref().map(SequenceNumber::as_str)),
            ],
        )
        .await?;
    }
    Ok(())
}
