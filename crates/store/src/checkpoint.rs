//! Checkpoints and fences. Owns `fieldseal_shards`: who may commit for a shard, and from where.

use std::collections::BTreeMap;
use std::time::Duration;

use fieldseal_db::{Bind, Database, DbError, Dialect, Row, Sql, Transaction};
use fieldseal_model::{Position, SequenceNumber};
use fieldseal_pipeline::ShardState;

/// Takes a shard over by raising its fence, and reads where it stands.
pub(crate) async fn take(database: &Database, shard: &str) -> Result<ShardState, DbError> {
    let insert = insert(database.dialect());
    database.execute(insert, &[Bind::from(shard)]).await?;
    let mut tx = database.begin().await?;
    tx.execute(
        "UPDATE fieldseal_shards SET fence = fence + 1 WHERE shard = ?",
        &[Bind::from(shard)],
    )
    .await?;
    let now = seconds_now(tx.dialect());
    let select = format!(
        "SELECT fence, sequence, high, closed, {now} - end_seen FROM fieldseal_shards WHERE shard = ?"
    );
    let rows = tx.query(Sql::dynamic(select), &[Bind::from(shard)]).await?;
    let state = shard_state(rows.first().ok_or(DbError::unexpected())?)?;
    tx.commit().await?;
    Ok(state)
}

fn shard_state(row: &Row) -> Result<ShardState, DbError> {
    Ok(ShardState {
        fence: row.int(0)?,
        checkpoint: sequence(&row.text(1)?)?,
        high: row.opt_text(2)?.map(|text| position(&text)).transpose()?,
        closed: row.int(3)? != 0,
        // None also where the clock has gone back since.
        end_seen: row
            .opt_int(4)?
            .and_then(|age| u64::try_from(age).ok())
            .map(Duration::from_secs),
    })
}

/// The server's clock, in SQL.
fn seconds_now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "unixepoch()",
        Dialect::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)",
        Dialect::MySql => "CAST(UNIX_TIMESTAMP() AS SIGNED)",
    }
}

/// What became of moving a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advance {
    /// It stood where the batch says and stands behind the batch now.
    Done,
    /// An earlier try of the same batch had committed.
    Already,
    /// Another worker holds the shard.
    Fenced,
}

/// Moves a checkpoint, in the last round trip of the transaction that applies what lies before it;
/// `counters` go with it.
pub(crate) async fn advance(
    tx: &mut Transaction,
    shard: &str,
    fence: i64,
    from: &SequenceNumber,
    to: &SequenceNumber,
    high: Option<Position>,
    counters: Option<(Sql, Vec<Bind<'_>>)>,
) -> Result<Advance, DbError> {
    // Before its first record a shard has no position of its own.
    let high = high.filter(|_| *to != SequenceNumber::start());
    let high = high.map(|position| position.0.to_string());
    let sql = Sql::from(
        "UPDATE fieldseal_shards SET sequence = ?, high = ? WHERE shard = ? AND fence = ? AND sequence = ?",
    );
    let binds = [
        Bind::from(to.as_str()),
        Bind::Text(high.as_deref()),
        Bind::from(shard),
        Bind::from(fence),
        Bind::from(from.as_str()),
    ];
    let moved = match counters {
        Some((add, added)) => tx.execute_both((add, &added), (sql, &binds)).await?,
        None => tx.execute(sql, &binds).await?,
    };
    if moved == 1 {
        return Ok(Advance::Done);
    }
    let rows = tx
        .query(
            "SELECT fence, sequence FROM fieldseal_shards WHERE shard = ?",
            &[Bind::from(shard)],
        )
        .await?;
    let row = rows.first().ok_or(DbError::unexpected())?;
    let committed = row.int(0)? == fence && sequence(&row.text(1)?)? == *to;
    Ok(if committed {
        Advance::Already
    } else {
        Advance::Fenced
    })
}

/// Notes that nothing is behind the checkpoint just now; nothing is noted by who does not hold the
/// shard, or of another checkpoint.
pub(crate) async fn note_end(
    database: &Database,
    shard: &str,
    fence: i64,
    checkpoint: &SequenceNumber,
) -> Result<(), DbError> {
    let now = seconds_now(database.dialect());
    let update = format!(
        "UPDATE fieldseal_shards SET end_seen = {now} WHERE shard = ? AND fence = ? AND sequence = ?"
    );
    let binds = [
        Bind::from(shard),
        Bind::from(fence),
        Bind::from(checkpoint.as_str()),
    ];
    database
        .execute(Sql::dynamic(update), &binds)
        .await
        .map(|_| ())
}

/// Notes that a shard was applied to its end; answers whether the fence still holds.
pub(crate) async fn close(database: &Database, shard: &str, fence: i64) -> Result<bool, DbError> {
    let closed = database
        .execute(
            "UPDATE fieldseal_shards SET closed = 1 WHERE shard = ? AND fence = ?",
            &[Bind::from(shard), Bind::from(fence)],
        )
        .await?;
    Ok(closed == 1)
}

/// A stored sequence number.
pub(crate) fn sequence(text: &str) -> Result<SequenceNumber, DbError> {
    text.parse().map_err(|_| DbError::unexpected())
}

/// A stored position.
pub(crate) fn position(text: &str) -> Result<Position, DbError> {
    text.parse()
        .map(Position)
        .map_err(|_| DbError::unexpected())
}

/// Adds a shard, unread; another worker may add the same one at the same moment.
fn insert(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::MySql => {
            "INSERT IGNORE INTO fieldseal_shards (shard, fence, sequence, high, closed) VALUES (?, 0, '0', NULL, 0)"
        }
        _ => {
            "INSERT INTO fieldseal_shards (shard, fence, sequence, high, closed) VALUES (?, 0, '0', NULL, 0) ON CONFLICT DO NOTHING"
        }
    }
}

/// Every shard, and whether it was applied to its end.
pub(crate) async fn shards(database: &Database) -> Result<BTreeMap<String, bool>, DbError> {
    let rows = database
        .query("SELECT shard, closed FROM fieldseal_shards", &[])
        .await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?, row.int(1)? != 0)))
        .collect()
}

/// Adds shards that are not there yet, unread, in one transaction.
pub(crate) async fn add(database: &Database, shards: &[String]) -> Result<(), DbError> {
    let mut tx = database.begin().await?;
    let insert = insert(tx.dialect());
    for shard in shards {
        tx.execute(insert, &[Bind::from(shard)]).await?;
    }
    tx.commit().await
}
