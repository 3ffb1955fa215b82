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
    let binds = collect(row, Part::All, DB::Arguments::default())?;
    let marks = marks::<DB>(0, binds.columns.len());
    let text = inserting::<DB>(R::table(), &names::<DB>(&binds.columns), &marks);
    Ok(sqlx::query_with(AssertSqlSafe(text), binds.arguments))
}

/// `INSERT` of a row without its sealed values, whose `key` the database makes and answers. MySQL has
/// no RETURNING; but for NULL it makes a number where the column itself is counted, and else refuses:
/// another column's counter must not pass for the key's.
pub(crate) fn draft<DB, R>(
    row: &R,
    key: &str,
) -> Result<(AssertSqlSafe<String>, DB::Arguments), sqlx::Error>
where
    DB: Database,
    R: BindRow<DB>,
{
    let binds = collect(row, Part::Draft, DB::Arguments::default())?;
    let marks = marks::<DB>(0, binds.columns.len());
    let (mut columns, key) = (names::<DB>(&binds.columns), name::<DB>(key));
    let text = if dialect::<DB>() == Dialect::MySql {
        columns.push(key);
        inserting::<DB>(
            R::table(),
            &columns,
            &[marks, vec!["NULL".to_owned()]].concat(),
        )
    } else {
        let insert = inserting::<DB>(R::table(), &columns, &marks);
        format!("{insert} RETURNING CAST({key} AS BIGINT)")
    };
    Ok((AssertSqlSafe(text), binds.arguments))
}

fn inserting<DB: Database>(table: &Table, columns: &[String], values: &[String]) -> String {
    let table = name::<DB>(&table.name);
    let (columns, values) = (columns.join(", "), values.join(", "));
    format!("INSERT INTO {table} ({columns}) VALUES ({values})")
}

fn names<DB: Database>(columns: &[String]) -> Vec<String> {
    columns.iter().map(|column| name::<DB>(column)).collect()
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

/// `UPDATE` of a row that [`draft`] inserted, and that got the key `id`: it finds none where the row was
/// sealed for another key. It answers 1, but on MySQL, which has no RETURNING.
pub(crate) fn fill<DB, R>(
    row: &R,
    key: &str,
    id: i64,
) -> Result<(AssertSqlSafe<String>, DB::Arguments), sqlx::Error>
where
    DB: Database,
    R: BindRow<DB>,
    for<'v> i64: Encode<'v, DB> + Type<DB>,
{
    let others = collect(row, Part::Others, DB::Arguments::default())?;
    let keys = collect(row, Part::Keys, others.arguments)?;
    let mut arguments = keys.arguments;
    arguments.add(id).map_err(sqlx::Error::Encode)?;
    let set = equations::<DB>(&others.columns, 0).join(", ");
    let set_marks = others.columns.len();
    let condition = equations::<DB>(&keys.columns, set_marks).join(" AND ");
    let (key, mark) = (
        name::<DB>(key),
        marks::<DB>(set_marks + keys.columns.len(), 1),
    );
    let (key, returning) = match dialect::<DB>() {
        // It compares a text with no number; the row is found by the condition before.
        Dialect::Postgres => (
            format!("CAST({key} AS BIGINT)"),
            " RETURNING CAST(1 AS BIGINT)",
        ),
        Dialect::Sqlite => (key, " RETURNING CAST(1 AS BIGINT)"),
        Dialect::MySql => (key, ""),
    };
    let (table, mark) = (name::<DB>(&R::table().name), mark.concat());
    let text = format!("UPDATE {table} SET {set} WHERE {condition} AND {key} = {mark}{returning}");
    Ok((AssertSqlSafe(text), arguments))
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
