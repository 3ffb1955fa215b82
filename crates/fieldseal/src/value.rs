//! What Rust type a sealed field may have, and how its values become canonical bytes and back.
//!
//! Owns the pairing of a Rust type with one kind, and the refusal of everything that does not
//! fit. The canonical forms themselves are the model's (`docs/FORMAT.md`, section 3): what the
//! pipeline seals for a value that came from the source has the bytes that `to_value` makes of
//! the same value here. Knows no key and no database.

#[cfg(any(feature = "chrono", feature = "time"))]
mod calendar;
#[cfg(feature = "chrono")]
mod of_chrono;
#[cfg(feature = "json")]
mod of_json;
#[cfg(feature = "rust_decimal")]
mod of_rust_decimal;
#[cfg(feature = "time")]
mod of_time;
#[cfg(feature = "uuid")]
mod of_uuid;

use fieldseal_model::{Kind, Plaintext, Value};

/// A Rust type that a sealed field may have.
///
/// | Rust | kind | feature |
/// |---|---|---|
/// | `String` | text | – |
/// | `i8` … `i128`, `u8` … `u128` | integer | – |
/// | `bool` | boolean | – |
/// | `f32`, `f64` | float | – |
/// | `Vec<u8>` | bytes | – |
/// | `rust_decimal::Decimal` | decimal | `rust_decimal` |
/// | `uuid::Uuid`, `uuid::fmt::Hyphenated` | uuid | `uuid` |
/// | `serde_json::Value`, `Box<serde_json::value::RawValue>` | json | `json` |
/// | `chrono::NaiveDate`, `time::Date` | date | `chrono`, `time` |
/// | `chrono::NaiveDateTime`, `time::PrimitiveDateTime` | datetime | `chrono`, `time` |
/// | `chrono::DateTime<Utc>`, `time::OffsetDateTime` | timestamp | `chrono`, `time` |
/// | `chrono::NaiveTime`, `time::Time` | time | `chrono`, `time` |
/// | [`Pii`](crate::Pii) of each | the same | |
///
/// A field that may be NULL has an `Option` of one of them: see [`Field`](crate::Field).
///
/// `Uuid` and `Hyphenated` are sealed to the same value. They differ in the plaintext database alone,
/// and only where MySQL, MariaDB or SQLite holds it: there `Uuid` is written as 16 bytes, `Hyphenated`
/// as text; each is read from either.
///
/// An application's own type implements it through one of these, as here (one of kind decimal has
/// [`fill_scale`](Self::fill_scale) too):
///
/// ```
/// use fieldseal::{FieldValue, Kind, OddValue, Value};
///
/// struct Email(String);
///
/// impl FieldValue for Email {
///     const KIND: Kind = Kind::Text;
///
///     fn to_value(&self) -> Result<Value, OddValue> {
///         self.0.to_value()
///     }
///
///     fn from_value(value: &Value) -> Result<Self, OddValue> {
///         String::from_value(value).map(Self)
///     }
/// }
/// ```
pub trait FieldValue: Sized {
    /// The kind of every value of this type but NULL. A policy that gives the column another kind
    /// does not fit this type.
    const KIND: Kind;

    /// The canonical form.
    ///
    /// # Errors
    /// [`OddValue::NoForm`], where the kind has no form for the value.
    fn to_value(&self) -> Result<Value, OddValue>;

    /// The value with this canonical form.
    ///
    /// # Errors
    /// [`OddValue`]: another kind, or a value that the type cannot hold without a loss.
    fn from_value(value: &Value) -> Result<Self, OddValue>;

    /// The value with the canonical form that was opened into `bytes`. Text and bytes take over
    /// their memory, so that nothing is copied; no other type needs one of its own.
    ///
    /// # Errors
    /// As [`from_value`](Self::from_value), and [`OddValue::NotCanonical`].
    fn take_opened(kind: Kind, bytes: Plaintext) -> Result<Self, OddValue> {
        let value = Value::from_canonical(kind, bytes.into_exposed());
        Self::from_value(&value.map_err(|_| OddValue::NotCanonical { kind })?)
    }

    /// Gives the value the zeros at its end that a column with `scale` digits behind the point gives
    /// it: 12.5 becomes 12.50 where they are two. The canonical form has none. Called for the kind
    /// decimal only, where the column has a scale; the value stays the same number.
    ///
    /// A type of the application's own that has a decimal in it passes this on.
    fn fill_scale(&mut self, _scale: u32) {}
}

/// A value that does not fit: never says what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OddValue {
    /// NULL for a field that is no `Option`.
    #[error("NULL, but the field's type has no place for it")]
    Null,
    /// A value of another kind: the field's type is not that of the column.
    #[error("a value of kind {found}, but the field's type takes {wanted}")]
    WrongKind {
        /// What the field's type takes.
        wanted: Kind,
        /// What the value is.
        found: Kind,
    },
    /// The type is too narrow for the value, which is not cut to fit.
    #[error("a value of kind {kind} that a field of type {rust} cannot hold without a loss")]
    DoesNotFit {
        /// Its kind.
        kind: Kind,
        /// The field's type.
        rust: &'static str,
    },
    /// Bytes that are not the one form that their kind allows: nobody seals them who seals by
    /// `docs/FORMAT.md`.
    #[error("bytes that are no canonical form of kind {kind}")]
    NotCanonical {
        /// The kind that they are said to be of.
        kind: Kind,
    },
    /// The value cannot be written in the canonical form.
    #[error("a value that has no form of kind {kind}: {reason}")]
    NoForm {
        /// The kind it should have.
        kind: Kind,
        /// Why there is none.
        reason: &'static str,
    },
}

/// Refuses every other kind, and NULL.
fn expect_kind(found: Kind, wanted: Kind) -> Result<(), OddValue> {
    match found {
        found if found == wanted => Ok(()),
        Kind::Null => Err(OddValue::Null),
        found => Err(OddValue::WrongKind { wanted, found }),
    }
}

/// The text of a value of a kind whose form is text.
fn text_of(value: &Value, wanted: Kind) -> Result<&str, OddValue> {
    expect_kind(value.kind(), wanted)?;
    value.expose_text().ok_or(OddValue::NoForm {
        kind: wanted,
        reason: "its bytes are no text",
    })
}

/// A value of bytes that were written canonically; their memory is wiped with it.
fn written(kind: Kind, bytes: Vec<u8>) -> Result<Value, OddValue> {
    Value::from_canonical(kind, bytes).map_err(|_| OddValue::NoForm {
        kind,
        reason: "it is outside the format's range",
    })
}

impl FieldValue for String {
    const KIND: Kind = Kind::Text;

    fn to_value(&self) -> Result<Value, OddValue> {
        Ok(Value::text(self))
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        text_of(value, Self::KIND).map(str::to_owned)
    }

    #[inline]
    fn take_opened(kind: Kind, bytes: Plaintext) -> Result<Self, OddValue> {
        expect_kind(kind, Self::KIND)?;
        Self::from_utf8(bytes.into_exposed()).map_err(|error| {
            drop(Plaintext::new(error.into_bytes()));
            OddValue::NotCanonical { kind }
        })
    }
}

impl FieldValue for Vec<u8> {
    const KIND: Kind = Kind::Bytes;

    fn to_value(&self) -> Result<Value, OddValue> {
        Ok(Value::bytes(self.clone()))
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        expect_kind(value.kind(), Self::KIND)?;
        Ok(value.expose().to_vec())
    }

    #[inline]
    fn take_opened(kind: Kind, bytes: Plaintext) -> Result<Self, OddValue> {
        expect_kind(kind, Self::KIND)?;
        Ok(bytes.into_exposed())
    }
}

impl FieldValue for bool {
    const KIND: Kind = Kind::Boolean;

    fn to_value(&self) -> Result<Value, OddValue> {
        Ok(Value::boolean(*self))
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        Ok(text_of(value, Self::KIND)? == "1")
    }
}

macro_rules! integers {
    ($($rust:ty),*) => {$(
        impl FieldValue for $rust {
            const KIND: Kind = Kind::Integer;

            fn to_value(&self) -> Result<Value, OddValue> {
                written(Self::KIND, self.to_string().into_bytes())
            }

            fn from_value(value: &Value) -> Result<Self, OddValue> {
                text_of(value, Self::KIND)?.parse().map_err(|_| OddValue::DoesNotFit {
                    kind: Self::KIND,
                    rust: stringify!($rust),
                })
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

impl FieldValue for f64 {
    const KIND: Kind = Kind::Float;

    fn to_value(&self) -> Result<Value, OddValue> {
        Value::float(*self).map_err(|_| OddValue::NoForm {
            kind: Self::KIND,
            reason: "NaN and the infinities have none",
        })
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        expect_kind(value.kind(), Self::KIND)?;
        let bytes = value.expose().try_into();
        let bytes = bytes.map_err(|_| OddValue::NoForm {
            kind: Self::KIND,
            reason: "it is not 8 bytes long",
        })?;
        Ok(Self::from_be_bytes(bytes))
    }
}

/// For columns whose policy says `width = 32`; a wider number does not fit.
impl FieldValue for f32 {
    const KIND: Kind = Kind::Float;

    fn to_value(&self) -> Result<Value, OddValue> {
        f64::from(*self).to_value()
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        let wide = f64::from_value(value)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "what was lost is seen by widening again"
        )]
        let narrow = wide as Self;
        if f64::from(narrow) == wide {
            Ok(narrow)
        } else {
            Err(OddValue::DoesNotFit {
                kind: Self::KIND,
                rust: "f32",
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use fieldseal_model::{Kind, Plaintext};

    use super::{FieldValue, OddValue};
    use crate::Pii;

    #[test]
    fn text_and_bytes_take_over_the_memory_they_were_opened_into() {
        let opened = || b"zo\xc3\xab@example.org".to_vec();
        let bytes = opened();
        let address = bytes.as_ptr();
        let text = Pii::<String>::take_opened(Kind::Text, Plaintext::new(bytes)).unwrap();
        assert_eq!(text.expose(), "zo\u{eb}@example.org");
        assert_eq!(text.expose().as_ptr(), address);
        let bytes = opened();
        let address = bytes.as_ptr();
        let taken = Vec::<u8>::take_opened(Kind::Bytes, Plaintext::new(bytes)).unwrap();
        assert_eq!((taken.as_ptr(), taken), (address, opened()));
    }

    #[test]
    fn no_kind_is_taken_for_another_and_no_form_for_the_canonical_one() {
        let taken = |kind| String::take_opened(kind, Plaintext::new(b"2026-11-21".to_vec()));
        let found = Kind::Date;
        let wanted = Kind::Text;
        assert_eq!(taken(found), Err(OddValue::WrongKind { wanted, found }));
        assert_eq!(taken(Kind::Null), Err(OddValue::Null));
        let odd = || Plaintext::new(b"\xff".to_vec());
        let refused = Err(OddValue::NotCanonical { kind: wanted });
        assert_eq!(String::take_opened(wanted, odd()), refused);
        let kind = Kind::Integer;
        let zeros = Plaintext::new(b"007".to_vec());
        assert_eq!(
            i64::take_opened(kind, zeros),
            Err(OddValue::NotCanonical { kind })
        );
    }
}
