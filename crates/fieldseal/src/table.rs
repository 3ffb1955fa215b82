//! One table as the application knows it, and the trait that ties a struct to it. Owns what sealed
//! values are bound to; its columns are `column`'s.

use fieldseal_model::{Kind, RowKey, Value, ValueType};

use crate::column_keys::Cells;
use crate::conform::{Misfit, conform};
use crate::opening::RowOpening;
use crate::seal::{Fields, Values};
use crate::{At, Column, Error, FieldValue, InvalidTable};

/// A table: its name in the database, its key, what its sealed values are bound to, and its sealed
/// columns in the order of the struct's fields.
#[derive(Clone, Debug)]
pub struct Table {
    pub(crate) name: String,
    pub(crate) key: Vec<String>,
    bound: Vec<(String, ValueType)>,
    pub(crate) columns: Vec<Column>,
}

impl Table {
    /// A table by its name in the database.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            key: Vec::new(),
            bound: Vec::new(),
            columns: Vec::new(),
        }
    }

    /// A column of the row key.
    #[must_use]
    pub fn key(mut self, column: &str) -> Self {
        self.key.push(column.to_owned());
        self
    }

    /// A column that sealed values are bound to; in the policy's order. A moment must be given as
    /// precisely as its column keeps it (a MySQL `DATETIME`: whole seconds), for values are sealed
    /// for what is given; more than six digits behind the second are refused.
    ///
    /// # Errors
    /// [`InvalidTable`] for a kind that no key may have.
    pub fn bound(mut self, column: &str, ty: ValueType) -> Result<Self, InvalidTable> {
        if !ty.kind.may_be_key() {
            let place = format!("{}.{column}", self.name);
            let reason = format!("a key column cannot be of kind {}", ty.kind);
            return Err(InvalidTable::at(&place)(reason));
        }
        self.bound.push((column.to_owned(), ty));
        Ok(self)
    }

    /// Whether sealed values are bound to the column.
    pub(crate) fn binds(&self, column: &str) -> bool {
        self.bound.iter().any(|(bound, _)| bound == column)
    }

    /// Whether sealed values are bound to more than the key, or to something else.
    pub(crate) fn binds_beside_key(&self) -> bool {
        self.bound
            .iter()
            .any(|(bound, _)| !self.key.contains(bound))
    }

    /// A sealed column.
    #[must_use]
    pub fn column(mut self, column: Column) -> Self {
        self.columns.push(column);
        self
    }

    /// Its name in the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A struct whose fields are the columns of a sealed table. Derive it.
pub trait Sealed: Sized + Send + 'static {
    /// The row that sqlx fetches and binds: sealed fields are [`Cell`](crate::Cell)s, and what
    /// stands beside them has fields of its own.
    type Row: Send + 'static;

    /// The table.
    fn table() -> &'static Table;

    /// What is to be sealed.
    #[doc(hidden)]
    fn values(&self, values: &mut Values) -> Result<(), Error>;

    /// The row, with its sealed fields.
    #[doc(hidden)]
    fn row(&self, fields: &mut Fields) -> Result<Self::Row, Error>;

    /// What is to be opened.
    #[doc(hidden)]
    fn cells(row: &Self::Row, cells: &mut Cells);

    /// The struct, opened.
    #[doc(hidden)]
    fn open(row: Self::Row, opening: &mut RowOpening<'_>) -> Result<Self, Error>;
}

/// Collects the values that a row's sealed fields are bound to.
pub struct Binding {
    table: &'static Table,
    key: RowKey,
    bound: usize,
}

impl Binding {
    pub(crate) fn of(table: &'static Table) -> Self {
        Self {
            table,
            key: RowKey::unbound(),
            bound: 0,
        }
    }

    /// Forgets the values, for those of the next row.
    pub(crate) fn clear(&mut self) {
        self.key.clear();
        self.bound = 0;
    }

    /// The next bound column's value.
    ///
    /// # Errors
    /// [`Error::WrongKind`], [`Error::TooWide`].
    pub fn push<V: FieldValue>(&mut self, value: &V) -> Result<(), Error> {
        let Some((column, ty)) = self.table.bound.get(self.bound) else {
            return Err(self.no_key("it has more values than the table has key columns"));
        };
        let at = || At {
            table: self.table.name.clone(),
            column: column.clone(),
            key: None,
        };
        let value = value.to_value().map_err(|error| Error::WrongKind {
            at: at(),
            reason: error.to_string(),
        })?;
        let value = conform(value, ty).map_err(|misfit| misfit.error(at(), ty))?;
        if is_finer_than_columns(&value) {
            return Err(Misfit::TooWide.error(at(), ty));
        }
        let pushed = self.key.push(&value);
        pushed.map_err(|error| self.no_key(&error.to_string()))?;
        self.bound += 1;
        Ok(())
    }

    /// The key, once every value is there.
    pub(crate) fn row_key(&self) -> Result<&RowKey, Error> {
        if self.table.bound.len() == self.bound {
            Ok(&self.key)
        } else {
            Err(self.no_key("it lacks a value"))
        }
    }

    pub(crate) fn into_row_key(self) -> Result<RowKey, Error> {
        self.row_key()?;
        Ok(self.key)
    }

    fn no_key(&self, reason: &str) -> Error {
        Error::RowKey {
            table: self.table.name.clone(),
            reason: reason.to_owned(),
        }
    }
}

/// Whether it is a moment with more digits than any database keeps: the row would come back with
/// another key than the one its values are sealed for.
fn is_finer_than_columns(value: &Value) -> bool {
    const DIGITS: usize = 6;
    if !matches!(value.kind(), Kind::DateTime | Kind::Timestamp) {
        return false;
    }
    let fraction = value.expose_text().and_then(|text| text.split_once('.'));
    fraction.is_some_and(|(_, rest)| rest.trim_end_matches('Z').len() > DIGITS)
}

impl Misfit {
    pub(crate) fn error(&self, at: At, ty: &ValueType) -> Error {
        match self {
            Self::Kind => Error::WrongKind {
                at,
                reason: format!("the value is not of the column's kind, {}", ty.kind),
            },
            Self::TooWide => Error::TooWide {
                at,
                takes: takes(ty),
            },
        }
    }
}

/// What a column of this type takes, by the details of its kind.
fn takes(ty: &ValueType) -> String {
    let wide = match (ty.kind, ty.scale, ty.bits, ty.width) {
        (Kind::Decimal, Some(scale), ..) => {
            return format!("at most {scale} digits behind the point (its scale)");
        }
        (Kind::Bytes, _, Some(bits), _) => {
            return format!("just {} bytes (its {bits} bits)", bits.div_ceil(8));
        }
        (Kind::Bytes, _, _, Some(width)) => return format!("at most {width} bytes"),
        (Kind::Float, ..) => "numbers of 32 bits",
        (Kind::DateTime | Kind::Timestamp, ..) => "at most 6 digits behind the second",
        _ => "less",
    };
    wide.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Binding, Table, takes};
    use crate::{Error, FieldValue, Kind, OddValue, Value};
    use fieldseal_model::ValueType;

    /// A moment of either kind, by its canonical text.
    struct DateTime(&'static str);
    struct Timestamp(&'static str);

    macro_rules! moment {
        ($moment:ident) => {
            impl FieldValue for $moment {
                const KIND: Kind = Kind::$moment;

                fn to_value(&self) -> Result<Value, OddValue> {
                    let text = self.0.as_bytes().to_vec();
                    Ok(Value::from_canonical(Self::KIND, text).expect("the text is canonical"))
                }

                fn from_value(_: &Value) -> Result<Self, OddValue> {
                    unreachable!("nothing is opened here")
                }
            }
        };
    }
    moment!(DateTime);
    moment!(Timestamp);

    fn bound<V: FieldValue>(moment: &V) -> Result<(), Error> {
        let table = Table::new("visits").key("at");
        let table = table.bound("at", ValueType::of(V::KIND)).unwrap();
        let mut binding = Binding::of(Box::leak(Box::new(table)));
        binding.push(moment)?;
        binding.row_key().map(|_| ())
    }

    #[test]
    fn a_moment_finer_than_any_column_is_no_row_key() {
        assert_eq!(bound(&DateTime("2026-11-21T13:00:00")), Ok(()));
        assert_eq!(bound(&DateTime("2026-11-21T13:00:00.123456")), Ok(()));
        assert_eq!(bound(&Timestamp("2026-11-21T13:00:00.123456Z")), Ok(()));
        for refused in [
            bound(&DateTime("2026-11-21T13:00:00.1234567")),
            bound(&DateTime("2026-11-21T13:00:00.000000001")),
            bound(&Timestamp("2026-11-21T13:00:00.1234567Z")),
        ] {
            let error = refused.unwrap_err();
            assert!(matches!(error, Error::TooWide { .. }), "{error}");
            let text = error.to_string();
            let wanted = "visits.at: the value is too wide for its column, which takes at most 6 \
                          digits behind the second";
            assert_eq!(text, wanted);
        }
    }

    #[test]
    fn what_a_column_takes_is_told_by_its_details() {
        let decimal = ValueType {
            scale: Some(2),
            ..ValueType::of(Kind::Decimal)
        };
        assert_eq!(
            takes(&decimal),
            "at most 2 digits behind the point (its scale)"
        );
        let binary = ValueType {
            width: Some(16),
            ..ValueType::of(Kind::Bytes)
        };
        assert_eq!(takes(&binary), "at most 16 bytes");
        let bits = ValueType {
            bits: Some(12),
            ..ValueType::of(Kind::Bytes)
        };
        assert_eq!(takes(&bits), "just 2 bytes (its 12 bits)");
    }
}
