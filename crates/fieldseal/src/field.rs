//! The types that a sealed field may have: a value, an `Option` of one, an `Access` to either.
//! Owns what becomes of NULL and of denied keys; values are `value`'s.

use crate::{Access, Denied, FieldValue};

/// The type of a sealed field: any [`FieldValue`], `Option` of one where the column may be NULL,
/// [`Access`] of either where this process may be denied the domain.
pub trait Field: Sized {
    /// What is sealed.
    type Value: FieldValue;

    /// The value to seal: `Ok(None)` for NULL.
    ///
    /// # Errors
    /// [`Denied`]: it was never opened, so there is nothing to seal.
    fn value(&self) -> Result<Option<&Self::Value>, &Denied>;

    /// The field of what was found.
    ///
    /// # Errors
    /// What was found, where the type has no place for it.
    fn of(found: Found<Self::Value>) -> Result<Self, Found<Self::Value>>;
}

/// What opening a column gave.
pub enum Found<V> {
    /// A value.
    Value(V),
    /// NULL.
    Null,
    /// A key was denied.
    Denied(Denied),
}

impl<V: FieldValue> Field for V {
    type Value = V;

    fn value(&self) -> Result<Option<&V>, &Denied> {
        Ok(Some(self))
    }

    fn of(found: Found<V>) -> Result<Self, Found<V>> {
        match found {
            Found::Value(value) => Ok(value),
            other => Err(other),
        }
    }
}

impl<V: FieldValue> Field for Option<V> {
    type Value = V;

    fn value(&self) -> Result<Option<&V>, &Denied> {
        Ok(self.as_ref())
    }

    fn of(found: Found<V>) -> Result<Self, Found<V>> {
        match found {
            Found::Value(value) => Ok(Some(value)),
            Found::Null => Ok(None),
            denied @ Found::Denied(_) => Err(denied),
        }
    }
}

impl<F: Field> Field for Access<F> {
    type Value = F::Value;

    fn value(&self) -> Result<Option<&F::Value>, &Denied> {
        match self {
            Self::Granted(field) => field.value(),
            Self::Denied(denied) => Err(denied),
        }
    }

    fn of(found: Found<F::Value>) -> Result<Self, Found<F::Value>> {
        match found {
            Found::Denied(denied) => Ok(Self::Denied(denied)),
            found => F::of(found).map(Self::Granted),
        }
    }
}
