//! Rows whose key the database makes. Owns doing it in the caller's one transaction: the row is
//! inserted with nothing in its sealed columns, its key is learnt, and what was sealed for that key
//! is put in.

use fieldseal_db::Dialect;
use sqlx::error::ErrorKind;
use sqlx::{Database, Encode, Executor, IntoArguments, Transaction, Type};

use crate::bind::{self, BindRow, dialect};
use crate::{Error, Sealed, Vault};

/// Why a row with a key that the database makes was not inserted. Roll the transaction back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InsertError {
    /// It was not sealed.
    #[error(transparent)]
    Seal(Error),
    /// The database refused.
    #[error("inserting a row failed")]
    Database(#[source] sqlx::Error),
    /// The key has several columns, or is none that the database could make.
    #[error("{table}: the database makes a key of one column only")]
    Key {
        /// The table.
        table: String,
    },
    /// The database made no key: the column is not `AUTO_INCREMENT`.
    #[error("{table}: the database made no key; declare the key column AUTO_INCREMENT")]
    NoKey {
        /// The table.
        table: String,
    },
    /// The row was not found again by its key: `row` was given another, or something hides it.
    #[error(
        "{table}: the row that was inserted is not found again by the key that the database made; seal \
         it for the key that is given, and look for a policy, rule or trigger that hides the row or \
         keeps its columns from being updated"
    )]
    Lost {
        /// The table.
        table: String,
    },
    /// The row is not found by the columns that its values are bound to beside the key.
    #[error(
        "{table}: the row that was inserted is not found by the columns its values are bound to: the \
         database keeps another value there than it is given"
    )]
    Bound {
        /// The table.
        table: String,
    },
}

impl Vault {
    /// Inserts a row whose key is made by the database (`AUTO_INCREMENT`, `IDENTITY`, SQLite's
    /// `INTEGER PRIMARY KEY`) and answers that key. `row` is called twice: with 0, for what does
    /// not depend on the key, and with the key. On SQLite, whose one writer the transaction is then,
    /// let the first have a value wherever the second has one: what it seals is reserved beforehand.
    ///
    /// Until the second statement sealed columns hold empty bytes, which nobody takes for a value
    /// and no other transaction sees; a constraint on their length must let those pass.
    ///
    /// # Errors
    /// [`InsertError`].
    pub async fn insert_with_new_key<DB, T>(
        &self,
        transaction: &mut Transaction<'_, DB>,
        row: impl Fn(i64) -> T,
    ) -> Result<i64, InsertError>
    where
        DB: Database,
        T: Sealed + Sync,
        T::Row: BindRow<DB>,
        DB::Arguments: IntoArguments<DB>,
        for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
        for<'r> (i64,): sqlx::FromRow<'r, DB::Row>,
        for<'v> i64: Encode<'v, DB> + Type<DB>,
    {
        let table = T::table();
        let [key] = table.key.as_slice() else {
            let table = table.name.clone();
            return Err(InsertError::Key { table });
        };
        // SQLite has one writer: what must be written beside the transaction is written before it
        // writes.
        let (draft, leave) = self.draft(&row(0)).await.map_err(InsertError::Seal)?;
        let id = inserted::<DB, _>(transaction, &draft, key).await;
        let id = id.map_err(InsertError::Database)?;
        let id = id.ok_or_else(|| InsertError::NoKey {
            table: table.name.clone(),
        })?;
        let sealed = self.seal_by(&row(id), leave).await;
        let sealed = sealed.map_err(InsertError::Seal)?;
        let filled = filled::<DB, _>(transaction, &sealed, key, id).await;
        if filled.map_err(InsertError::Database)? {
            return Ok(id);
        }
        let name = table.name.clone();
        Err(if table.binds_beside_key() {
            InsertError::Bound { table: name }
        } else {
            InsertError::Lost { table: name }
        })
    }
}

/// Puts what was sealed into the row that was inserted; false where it is not found, and then no row
/// was touched.
async fn filled<DB, R>(
    connection: &mut DB::Connection,
    sealed: &R,
    key: &str,
    id: i64,
) -> Result<bool, sqlx::Error>
where
    DB: Database,
    R: BindRow<DB>,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'r> (i64,): sqlx::FromRow<'r, DB::Row>,
    for<'v> i64: Encode<'v, DB> + Type<DB>,
{
    let (fill, arguments) = bind::fill::<DB, _>(sealed, key, id)?;
    if dialect::<DB>() != Dialect::MySql {
        let filled = sqlx::query_as_with::<DB, (i64,), _>(fill, arguments);
        let filled = filled.fetch_all(connection).await?;
        return Ok(filled.len() == 1);
    }
    let fill = sqlx::query_with(fill, arguments);
    fill.execute(&mut *connection).await?;
    let asked = sqlx::query_as::<DB, (i64,)>("SELECT CAST(ROW_COUNT() AS SIGNED)");
    let (rows,) = asked.fetch_one(connection).await?;
    Ok(rows == 1)
}

/// Inserts a row without its key and its sealed values, and asks for the key; `None` where MySQL
/// made none.
async fn inserted<DB, R>(
    connection: &mut DB::Connection,
    draft: &R,
    key: &str,
) -> Result<Option<i64>, sqlx::Error>
where
    DB: Database,
    R: BindRow<DB>,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'r> (i64,): sqlx::FromRow<'r, DB::Row>,
{
    let (insert, arguments) = bind::draft::<DB, _>(draft, key)?;
    if dialect::<DB>() != Dialect::MySql {
        let inserted = sqlx::query_as_with::<DB, (i64,), _>(insert, arguments);
        return inserted.fetch_one(connection).await.map(|(id,)| Some(id));
    }
    // This is the connection's own last key, whoever else inserts. An INSERT that makes no key leaves
    // the one before, which is another row's: it is forgotten.
    let forget = sqlx::query::<DB>("SELECT LAST_INSERT_ID(0)");
    forget.execute(&mut *connection).await?;
    let insert = sqlx::query_with(insert, arguments);
    match insert.execute(&mut *connection).await {
        Err(error) if is_null(&error, key) => return Ok(None),
        done => done?,
    };
    let asked = sqlx::query_as::<DB, (i64,)>("SELECT CAST(LAST_INSERT_ID() AS SIGNED)");
    let (id,) = asked.fetch_one(connection).await?;
    Ok((id != 0).then_some(id))
}

/// Whether the column was refused because it is NULL, which a counted one never is.
fn is_null(error: &sqlx::Error, column: &str) -> bool {
    error.as_database_error().is_some_and(|error| {
        error.kind() == ErrorKind::NotNullViolation
            && error.message().contains(&format!("'{column}'"))
    })
}
