//! A value that is somebody's personal data. Owns that it is neither printed, copied nor
//! serialised by accident, and is wiped in the end; does not know how it was sealed.

use std::fmt;

use fieldseal_model::{Kind, Value};
use zeroize::Zeroize as _;

use crate::value::{FieldValue, OddValue};

/// Personal data: its `Debug` says `Pii(…)`; it has no `Display`, `Clone`, `Deref`, `PartialEq` or
/// `Serialize`, and no [`sqlx::Encode`], so that it cannot be bound to a statement in clear. It is
/// read through [`expose`](Self::expose), so that every reader is found by one search.
///
/// ```
/// use fieldseal::Pii;
///
/// let email = Pii::new("zoe@example.org".to_owned());
/// assert_eq!(format!("{email:?}"), "Pii(…)");
/// assert!(email.expose().ends_with("example.org"));
/// ```
///
/// It is overwritten when it is dropped. What lies on the heap (text, bytes, JSON) is then gone
/// whole; a value that lies in the struct itself (a number, a date) leaves a copy wherever the
/// struct was moved from, as all of Rust's values do.
pub struct Pii<T: Wipe>(T);

/// A type whose memory can be overwritten; a [`Pii`] is dropped so.
///
/// Every type that is a [`FieldValue`] of this crate has it.
pub trait Wipe {
    /// Overwrites the value, all of it, with one that tells nothing.
    fn wipe(&mut self);
}

impl<T: Wipe> Pii<T> {
    /// Takes over a value.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    #[must_use]
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, taken out of its wrapping. For text and bytes no copy is left behind.
    #[must_use]
    pub fn into_exposed(mut self) -> T
    where
        T: Default,
    {
        std::mem::take(&mut self.0)
    }

    /// A deliberate copy. Named so that it is seen in review; both copies are wiped.
    #[must_use]
    pub fn duplicate(&self) -> Self
    where
        T: Clone,
    {
        Self(self.0.clone())
    }
}

impl<T: Wipe> Drop for Pii<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl<T: Wipe> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pii(…)")
    }
}

impl<T: Wipe> From<T> for Pii<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: FieldValue + Wipe> FieldValue for Pii<T> {
    const KIND: Kind = T::KIND;

    fn to_value(&self) -> Result<Value, OddValue> {
        self.0.to_value()
    }

    fn from_value(value: &Value) -> Result<Self, OddValue> {
        T::from_value(value).map(Self)
    }
}

impl<T: Wipe> Wipe for Option<T> {
    fn wipe(&mut self) {
        if let Some(value) = self {
            value.wipe();
        }
    }
}

/// Overwrites a value that lies in one place, so that the compiler cannot leave it out.
#[cfg_attr(
    not(any(
        feature = "chrono",
        feature = "json",
        feature = "rust_decimal",
        feature = "time",
        feature = "uuid"
    )),
    expect(
        dead_code,
        reason = "only the libraries' types lack a wipe of their own"
    )
)]
pub(crate) fn overwrite<T>(place: &mut T, with: T) {
    *place = with;
    zeroize::optimization_barrier(place);
}

macro_rules! wipe_by_zeroize {
    ($($rust:ty),*) => {$(
        impl Wipe for $rust {
            fn wipe(&mut self) {
                self.zeroize();
            }
        }
    )*};
}

wipe_by_zeroize!(String, Vec<u8>, bool, f32, f64);
wipe_by_zeroize!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

/// For libraries' types that have a default and know no zeroize.
#[cfg(any(feature = "chrono", feature = "rust_decimal", feature = "uuid"))]
macro_rules! wipe_by_default {
    ($($rust:ty),*) => {$(
        impl $crate::pii::Wipe for $rust {
            fn wipe(&mut self) {
                $crate::pii::overwrite(self, <$rust>::default());
            }
        }
    )*};
}
#[cfg(any(feature = "chrono", feature = "rust_decimal", feature = "uuid"))]
pub(crate) use wipe_by_default;

#[cfg(test)]
mod tests {
    use super::{Pii, Wipe};
    use crate::FieldValue as _;

    #[test]
    fn nothing_is_shown() {
        let pii = Pii::new("zoe@example.org".to_owned());
        assert_eq!(
            format!("{pii:?} {:?} {:#?}", Some(&pii), &pii),
            "Pii(…) Some(Pii(…)) Pii(…)"
        );
        assert_eq!(pii.duplicate().into_exposed(), "zoe@example.org");
    }

    #[test]
    fn dropping_wipes() {
        struct Told<'a>(&'a std::cell::Cell<u32>);
        impl Wipe for Told<'_> {
            fn wipe(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let times = std::cell::Cell::new(0);
        drop(Pii::new(Told(&times)));
        drop(Pii::new(Some(Told(&times))));
        assert_eq!(times.get(), 2);
    }

    #[test]
    fn what_is_wiped_tells_nothing() {
        let mut text = Some("zoe".to_owned());
        text.wipe();
        assert_eq!(text.as_deref(), Some(""));
        let mut number = 42_u128;
        number.wipe();
        assert_eq!(number, 0);
    }

    #[test]
    fn it_has_the_form_of_what_it_holds() {
        let pii = Pii::new(7_i64);
        let value = pii.to_value().unwrap();
        assert_eq!(Pii::<i64>::from_value(&value).unwrap().expose(), &7);
        assert!(Pii::<String>::from_value(&value).is_err());
    }
}
