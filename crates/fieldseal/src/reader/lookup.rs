//! Looking rows up by a blind index, and checking the indexes of opened rows. Owns the rule that
//! a row found by index is returned only if its opened value normalises to what was asked.

use std::collections::HashMap;

use fieldseal_db::quote;
use fieldseal_envelope::{ColumnRef, IndexKey, IndexLength};
use fieldseal_model::Value;
use fieldseal_policy::{BlindIndex, Column, Seal, Table};

use super::{OpenedCell, OpenedRow, ReadError, Reader};

/// The index keys of one table, by column and index name.
pub(super) struct IndexKeys(HashMap<(String, String), IndexKey>);

impl IndexKeys {
    pub(super) async fn of(vault: &Reader, table: &Table) -> Result<Self, ReadError> {
        let mut keys = HashMap::new();
        for (column, seal) in table.sealed() {
            for blind in &seal.indexes {
                let key = index_key(vault, table, column, seal, blind).await?;
                keys.insert((column.name.clone(), blind.name.clone()), key);
            }
        }
        Ok(Self(keys))
    }

    /// Whether `stored` is the index `blind` of `value`, compared in constant time.
    pub(super) fn matches(
        &self,
        column: &Column,
        blind: &BlindIndex,
        value: Option<&Value>,
        stored: Option<&[u8]>,
    ) -> bool {
        let Some(key) = self.0.get(&(column.name.clone(), blind.name.clone())) else {
            return false;
        };
        match value {
            Some(value) => key.verify(value, blind.bytes, stored).unwrap_or(false),
            None => stored.is_none(),
        }
    }
}

impl Reader {
    /// Rows whose column equals `value` under the named blind index's normalisers.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::FoundDoesNotOpen`] when the column of a row with that index
    /// cannot be opened and compared.
    pub async fn find(
        &self,
        table: &Table,
        column: &str,
        index: &str,
        value: &Value,
    ) -> Result<Vec<OpenedRow>, ReadError> {
        let no_index = || ReadError::NoIndex {
            table: table.id.to_string(),
            column: column.to_owned(),
        };
        let (policy_column, seal, blind) = table
            .sealed()
            .filter(|(c, _)| c.name == column)
            .find_map(|(c, seal)| {
                let blind = seal.indexes.iter().find(|blind| blind.name == index)?;
                Some((c, seal, blind))
            })
            .ok_or_else(no_index)?;
        let key = index_key(self, table, policy_column, seal, blind).await?;
        let compute =
            |value: &Value, length| key.compute(value, length).map_err(|_| ReadError::OddQuery);
        let Some(wanted) = compute(value, blind.bytes)? else {
            return Ok(Vec::new());
        };
        let dialect = self.database.dialect();
        let rest = format!("WHERE {} = ?", quote(dialect, &blind.column));
        let rows = self.read(table, &rest, &[Value::bytes(wanted)]).await?;
        // The stored index may be short: the whole hash decides.
        let whole = IndexLength::new(32).map_err(|_| ReadError::OddQuery)?;
        let wanted = compute(value, whole)?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            match row.cell(&policy_column.target) {
                Some(OpenedCell::Opened(value))
                    if key.compute(value, whole).is_ok_and(|value| value == wanted) =>
                {
                    found.push(row);
                }
                // Perhaps somebody else's row with this index put into it: never an answer, and
                // no reason to say that there is none.
                Some(OpenedCell::Failed(failure)) => {
                    return Err(ReadError::FoundDoesNotOpen {
                        table: table.target.clone(),
                        column: column.to_owned(),
                        failure: failure.clone(),
                    });
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

async fn index_key(
    vault: &Reader,
    table: &Table,
    column: &Column,
    seal: &Seal,
    blind: &BlindIndex,
) -> Result<IndexKey, ReadError> {
    let data_key = vault
        .keyring
        .index_key(&seal.domain)
        .await
        .map_err(|error| ReadError::Keys(error.to_string()))?;
    let reference = ColumnRef::new(table.id.clone(), column.id.clone());
    Ok(IndexKey::derive(
        &data_key,
        &seal.domain,
        &reference,
        &blind.name,
        &blind.definition,
    ))
}
