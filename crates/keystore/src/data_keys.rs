//! The tables `fieldseal_data_keys` and `fieldseal_key_wraps`. Owns their statements; retries
//! nothing.

use fieldseal_db::{Bind, Database, DbError, Dialect, Row, Sql, Transaction};
use fieldseal_envelope::{Domain, KeyId, Purpose};
use fieldseal_keys::{
    ActiveKey, Addition, KeyState, KeyStoreError, KeyUse, NewKey, Reservation, StoredKey,
    StoredWrap,
};

use crate::database::{corrupt, end, refused};

/// Ids per query: SQLite allows 32,766 parameters, PostgreSQL and MySQL 65,535.
const IDS_PER_QUERY: usize = 500;

pub(crate) async fn active(
    database: &Database,
    domain: &Domain,
    purpose: Purpose,
) -> Result<Option<ActiveKey>, KeyStoreError> {
    let select = "SELECT key_id, reserved, use_limit FROM fieldseal_data_keys \
                  WHERE domain = ? AND purpose = ? AND slot = 1";
    let binds = [Bind::from(domain.as_str()), Bind::from(purpose.as_str())];
    let rows = database.query(select, &binds).await.map_err(refused)?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(ActiveKey {
        id: key_id(row, 0)?,
        reserved: count(row, 1)?,
        limit: count(row, 2)?,
    }))
}

/// A unique violation means that another key is the active one.
pub(crate) async fn insert_active(database: &Database, key: &NewKey) -> Result<(), DbError> {
    let mut transaction = database.begin().await?;
    let outcome = insert_with_wraps(&mut transaction, key).await;
    end(transaction, outcome).await
}

async fn insert_with_wraps(transaction: &mut Transaction, key: &NewKey) -> Result<(), DbError> {
    if transaction.dialect() == Dialect::MySql {
        // One inserter at a time. InnoDB checks a unique index under a shared lock, and takes one
        // even for an entry that was just deleted: processes that replace a used-up key all at
        // once would deadlock over and over. The deployment's row is there from the start.
        let lock = "SELECT id FROM fieldseal_meta WHERE id = 1 FOR UPDATE";
        transaction.query(lock, &[]).await?;
    }
    let insert = "INSERT INTO fieldseal_data_keys \
                  (key_id, domain, purpose, state, slot, reserved, use_limit) \
                  VALUES (?, ?, ?, ?, 1, 0, ?)";
    let id = key.id.as_bytes();
    let binds = [
        Bind::from(id),
        Bind::from(key.domain.as_str()),
        Bind::from(key.purpose.as_str()),
        Bind::from(KeyState::Active.as_str()),
        Bind::from(signed(key.limit)),
    ];
    transaction.execute(insert, &binds).await?;
    for wrap in &key.wraps {
        insert_wrap(transaction, key.id, wrap).await?;
    }
    Ok(())
}

async fn insert_wrap(
    transaction: &mut Transaction,
    id: KeyId,
    wrap: &StoredWrap,
) -> Result<(), DbError> {
    let insert = "INSERT INTO fieldseal_key_wraps (key_id, wrapping_key, wrapped) VALUES (?, ?, ?)";
    let binds = [
        Bind::from(id.as_bytes()),
        Bind::from(&wrap.wrapping_key),
        Bind::from(wrap.wrapped.as_slice()),
    ];
    transaction.execute(insert, &binds).await.map(drop)
}

/// A unique violation means that the key has a wrap under that wrapping key.
pub(crate) async fn add_wrap(
    database: &Database,
    id: KeyId,
    wrap: &StoredWrap,
) -> Result<Addition, DbError> {
    let mut transaction = database.begin().await?;
    let outcome = add_to_living(&mut transaction, id, wrap).await;
    end(transaction, outcome).await
}

async fn add_to_living(
    transaction: &mut Transaction,
    id: KeyId,
    wrap: &StoredWrap,
) -> Result<Addition, DbError> {
    // Held to the end: a key that is destroyed meanwhile must not come back by a wrap.
    let select = match transaction.dialect() {
        // It has one writer at a time, which this is.
        Dialect::Sqlite => "SELECT state FROM fieldseal_data_keys WHERE key_id = ?",
        _ => "SELECT state FROM fieldseal_data_keys WHERE key_id = ? FOR UPDATE",
    };
    let rows = transaction
        .query(select, &[Bind::from(id.as_bytes())])
        .await?;
    let state = rows.first().map(|row| row.text(0)).transpose()?;
    match state.as_deref().and_then(KeyState::from_word) {
        Some(KeyState::Active | KeyState::OpenOnly) => {
            insert_wrap(transaction, id, wrap).await?;
            Ok(Addition::Added)
        }
        Some(KeyState::Destroyed) | None => Ok(Addition::NotNeeded),
    }
}

pub(crate) async fn keys(
    database: &Database,
    ids: &[KeyId],
) -> Result<Vec<StoredKey>, KeyStoreError> {
    let mut keys: Vec<StoredKey> = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS_PER_QUERY) {
        let marks = vec!["?"; ids.len()].join(", ");
        let select = Sql::dynamic(format!(
            "SELECT k.key_id, k.domain, k.purpose, k.state, w.wrapping_key, w.wrapped \
             FROM fieldseal_data_keys k \
             LEFT JOIN fieldseal_key_wraps w ON w.key_id = k.key_id \
             WHERE k.key_id IN ({marks}) ORDER BY k.key_id, w.wrapping_key"
        ));
        let binds: Vec<_> = ids.iter().map(|id| Bind::from(id.as_bytes())).collect();
        let rows = database.query(select, &binds).await.map_err(refused)?;
        for row in &rows {
            let id = key_id(row, 0)?;
            if keys.last().is_none_or(|key| key.id != id) {
                keys.push(StoredKey {
                    id,
                    domain: row.text(1).map_err(refused)?,
                    purpose: row.text(2).map_err(refused)?,
                    state: KeyState::from_word(&row.text(3).map_err(refused)?),
                    wraps: Vec::new(),
                });
            }
            let wrapping_key = row.opt_text(4).map_err(refused)?;
            let wrapped = row.opt_bytes(5).map_err(refused)?;
            if let (Some(key), Some(wrapping_key), Some(wrapped)) =
                (keys.last_mut(), wrapping_key, wrapped)
            {
                key.wraps.push(StoredWrap {
                    wrapping_key,
                    wrapped,
                });
            }
        }
    }
    Ok(keys)
}

/// One statement outside any transaction, so that it is committed when it answers. A database
/// that does not answer may have committed it: those seals are lost, never used twice.
pub(crate) async fn reserve(
    database: &Database,
    id: KeyId,
    seals: u32,
    limit: u64,
) -> Result<Reservation, KeyStoreError> {
    // The caller's limit stands beside the stored one because anyone who can write to the table
    // can raise the stored one.
    let update = "UPDATE fieldseal_data_keys SET reserved = reserved + ? \
                  WHERE key_id = ? AND state = 'active' \
                  AND reserved <= use_limit - ? AND reserved <= ?";
    let binds = [
        Bind::from(seals),
        Bind::from(id.as_bytes()),
        Bind::from(seals),
        Bind::from(signed(limit) - i64::from(seals)),
    ];
    match database.execute(update, &binds).await.map_err(refused)? {
        0 => Ok(Reservation::Refused),
        1 => Ok(Reservation::Reserved),
        _ => Err(corrupt("fieldseal_data_keys holds one key_id twice")),
    }
}

pub(crate) async fn retire(database: &Database, id: KeyId) -> Result<(), DbError> {
    let update = "UPDATE fieldseal_data_keys SET state = 'open_only', slot = NULL \
                  WHERE key_id = ? AND state = 'active'";
    let binds = [Bind::from(id.as_bytes())];
    database.execute(update, &binds).await.map(drop)
}

pub(crate) async fn retire_all(database: &Database) -> Result<u64, DbError> {
    let update = "UPDATE fieldseal_data_keys SET state = 'open_only', slot = NULL \
                  WHERE state = 'active' AND purpose IN ('seal', 'value')";
    database.execute(update, &[]).await
}

pub(crate) async fn list(database: &Database) -> Result<Vec<KeyUse>, KeyStoreError> {
    let select = "SELECT k.key_id, k.domain, k.purpose, k.state, k.reserved, k.use_limit, \
                  w.wrapping_key FROM fieldseal_data_keys k \
                  LEFT JOIN fieldseal_key_wraps w ON w.key_id = k.key_id \
                  ORDER BY k.domain, k.purpose, k.key_id, w.wrapping_key";
    let rows = database.query(select, &[]).await.map_err(refused)?;
    let mut keys: Vec<KeyUse> = Vec::new();
    for row in &rows {
        let id = key_id(row, 0)?;
        if keys.last().is_none_or(|key| key.id != id) {
            keys.push(KeyUse {
                id,
                domain: row.text(1).map_err(refused)?,
                purpose: row.text(2).map_err(refused)?,
                state: KeyState::from_word(&row.text(3).map_err(refused)?),
                reserved: count(row, 4)?,
                limit: count(row, 5)?,
                wrapping_keys: Vec::new(),
            });
        }
        let name = row.opt_text(6).map_err(refused)?;
        if let (Some(key), Some(name)) = (keys.last_mut(), name) {
            key.wrapping_keys.push(name);
        }
    }
    Ok(keys)
}

fn key_id(row: &Row, index: usize) -> Result<KeyId, KeyStoreError> {
    let bytes = row.bytes(index).map_err(refused)?;
    let bytes = <[u8; 16]>::try_from(bytes);
    let id = bytes.map_err(|_| corrupt("fieldseal_data_keys.key_id is not 16 bytes"))?;
    Ok(KeyId::from_bytes(id))
}

fn count(row: &Row, index: usize) -> Result<u64, KeyStoreError> {
    let number = row.int(index).map_err(refused)?;
    u64::try_from(number).map_err(|_| corrupt("fieldseal_data_keys holds a negative count"))
}

/// Limits are at most 2^30; anything larger means no limit of the caller's.
fn signed(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
