//! INSERT and UPDATE of a row. Owns which columns a row has: in the plaintext database there are
//! no indexes and masks. Text is made of quoted names and parameters only.

use fieldseal_db::{Dialect, quote};
use sqlx::error::BoxDynError;
use sqlx::query::Query;
use sqlx::{Arguments as _, AssertSqlSafe, Database, Encode, Type};

use crate::{Beside, Cell, Plain, Table};

/// A row whose columns can be bound with a driver. `#[derive(Sealed)]` makes it for the rows it
/// generates.
pub trait BindRow<DB: Database> {
    /// The table.
    #[doc(hidden)]
    fn table() -> &'static Table;

    /// Hands over every column.
    #[doc(hidden)]
    fn bind(&self, binds: &mut Binds<DB>) -> Result<(), BoxDynError>;
}

/// Collects columns and parameters of a statement.
pub struct Binds<DB: Database> {
    table: &'static Table,
    part: Part,
    columns: Vec<String>,
    arguments: DB::Arguments,
}

/// Which columns are collected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    /// What tells the row: its key, and what its values are bound to.
    Keys,
    Others,
    /// Kept columns that sealed values are bound to. They never change: an UPDATE compares them, or
    /// what it does not seal anew would not open any more.
    Bound,
    /// Others, with nothing where sealed values will stand.
    Draft,
}

impl<DB: Database> Binds<DB> {
    /// A key column.
    ///
    /// # Errors
    /// What sqlx says.
    pub fn key<'v, V>(&mut self, column: &str, value: V) -> Result<(), BoxDynError>
    where
        V: Encode<'v, DB> + Type<DB>,
    {
        self.add(column, value, Part::Keys)
    }

    /// A kept column.
    ///
    /// # Errors
    /// What sqlx says.
    pub fn kept<'v, V>(&mut self, column: &str, value: V) -> Result<(), BoxDynError>
    where
        V: Encode<'v, DB> + Type<DB>,
    {
        let part = if self.table.binds(column) {
            Part::Bound
        } else {
            Part::Others
        };
        self.add(column, value, part)
    }

    /// A sealed column.
    ///
    /// # Errors
    /// What sqlx says.
    pub fn cell<'v, V>(&mut self, column: &str, cell: &'v Cell<V>) -> Result<(), BoxDynError>
    where
        V: Plain<DB>,
        Vec<u8>: Encode<'v, DB> + Type<DB>,
    {
        match (self.part, cell) {
            (Part::Draft, Cell::Sealed(Some(_))) => self.add(column, Vec::new(), Part::Others),
            _ => self.add(column, cell, Part::Others),
        }
    }

    /// A blind index or a mask, where the row has one.
    ///
    /// # Errors
    /// What sqlx says.
    pub fn beside<'v, V>(&mut self, column: &str, beside: &'v Beside<V>) -> Result<(), BoxDynError>
    where
        Option<V>: Encode<'v, DB> + Type<DB>,
    {
        match beside {
            Beside::Absent => Ok(()),
            Beside::Stored(value) => self.add(column, value, Part::Others),
        }
    }

    fn add<'v, V>(&mut self, column: &str, value: V, part: Part) -> Result<(), BoxDynError>
    where
        V: Encode<'v, DB> + Type<DB>,
    {
        let collected = match self.part {
            Part::All => true,
            Part::Keys => matches!(part, Part::Keys | Part::Bound),
            Part::Draft => matches!(part, Part::Others | Part::Bound),
            Part::Others | Part::Bound => part == Part::Others,
        };
        if !collected {
            return Ok(());
        }
        self.arguments.add(value)?;
        self.columns.push(column.to_owned());
        Ok(())
    }
}

/// A quoted name.
pub(crate) fn name<DB: Database>(name: &str) -> String {
    quote(dialect::<DB>(), name)
}

/// The dialect of a driver: only MySQL quotes names in a way of its own.
pub(crate) fn dialect<DB: Database>() -> Dialect {
    match DB::NAME {
        "MySQL" => Dialect::MySql,
        "SQLite" => Dialect::Sqlite,
        _ => Dialect::Postgres,
    }
}

/// `INSERT` of a row that [`Vault::seal`](crate::Vault::seal) made, ready to be executed.
///
/// # Errors
/// What sqlx says of a value that cannot be bound.
pub fn insert<DB, R>(row: &R) -> Result<Query<'static, DB, DB::Arguments>, sqlx::Error>
where
    DB: Database,
    R: BindRow<DB>,
    DB::Arguments: sqlx::IntoArguments<DB>,
{
    let (text, arguments) = inserting(row, Part::All)?;
    Ok(sqlx::query_with(AssertSqlSafe(text), arguments))
}

/// `INSERT` of a row without its key and its sealed values; with `key`, it answers that column.
pub(crate) fn draft<DB, R>(
    row: &R,
    key: Option<&str>,
) -> Result<(AssertSqlSafe<String>, DB::Arguments), sqlx::Error>
where
    DB: Database,
    R: BindRow<DB>,
{
    let (mut text, arguments) = inserting(row, Part::Draft)?;
    if let Some(key) = key {
        text.push_str(&format!(" RETURNING CAST({} AS BIGINT)", name::<DB>(key)));
    }
    Ok((AssertSqlSafe(text), arguments))
}

fn inserting<DB, R>(row: &R, part: Part) -> Result<(String, DB::Arguments), sqlx::Error>
where
    DB: Database,
    R: BindRow<DB>,
{
    let binds = collect(row, part, DB::Arguments::default())?;
    let names: Vec<String> = binds
        .columns
        .iter()
        .map(|column| name::<DB>(column))
        .collect();
    let (names, marks) = (names.join(", "), marks::<DB>(0, names.len()).join(", "));
    let table = name::<DB>(&R::table().name);
    let text = format!("INSERT INTO {table} ({names}) VALUES ({marks})");
    Ok((text, binds.arguments))
}

/// `UPDATE` of every column but the key of the row with this key, ready to be executed. Columns that
/// sealed values are bound to are compared like the key, since they never change: with another
/// value no row is found.
///
/// # Errors
/// What sqlx says of a value that cannot be bound.
pub fn update<DB, R>(row: &R) -> Result<Query<'static, DB, DB::Arguments>, sqlx::Error>
where
    DB: Database,
    R: BindRow<DB>,
    DB::Arguments: sqlx::IntoArguments<DB>,
{
    let others = collect(row, Part::Others, DB::Arguments::default())?;
    let keys = collect(row, Part::Keys, others.arguments)?;
    let set = equations::<DB>(&others.columns, 0).join(", ");
    let condition = equations::<DB>(&keys.columns, others.columns.len()).join(" AND ");
    let table = name::<DB>(&R::table().name);
    let text = format!("UPDATE {table} SET {set} WHERE {condition}");
    Ok(sqlx::query_with(AssertSqlSafe(text), keys.arguments))
}

/// How many rows there are that the row's [`update`] would find: a database may keep another value
/// than it was given.
pub(crate) fn count<DB, R>(row: &R) -> Result<(AssertSqlSafe<String>, DB::Arguments), sqlx::Error>
where
    DB: Database,
    R: BindRow<DB>,
{
    let keys = collect(row, Part::Keys, DB::Arguments::default())?;
    let condition = equations::<DB>(&keys.columns, 0).join(" AND ");
    let table = name::<DB>(&R::table().name);
    let text = format!("SELECT COUNT(*) FROM {table} WHERE {condition}");
    Ok((AssertSqlSafe(text), keys.arguments))
}

fn collect<DB, R>(row: &R, part: Part, arguments: DB::Arguments) -> Result<Binds<DB>, sqlx::Error>
where
    DB: Database,
    R: BindRow<DB>,
{
    let mut binds = Binds {
        table: R::table(),
        part,
        columns: Vec::new(),
        arguments,
    };
    row.bind(&mut binds).map_err(sqlx::Error::Encode)?;
    Ok(binds)
}

fn equations<DB: Database>(columns: &[String], from: usize) -> Vec<String> {
    columns
        .iter()
        .zip(marks::<DB>(from, columns.len()))
        .map(|(column, mark)| format!("{} = {mark}", name::<DB>(column)))
        .collect()
}

/// The marks of `count` parameters behind the first `from`.
fn marks<DB: Database>(from: usize, count: usize) -> Vec<String> {
    let mark = |number: usize| match dialect::<DB>() {
        Dialect::Postgres => format!("${number}"),
        Dialect::MySql | Dialect::Sqlite => "?".to_owned(),
    };
    (from + 1..=from + count).map(mark).collect()
}
