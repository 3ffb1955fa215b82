//! A value that is somebody's personal data. Owns that it is neither printed, copied nor
//! serialised by accident, and is wiped in the end; does not know how it was sealed.

use std::fmt;

use fieldseal_model::{Kind, Plaintext, Value};
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

    #[inline]
    fn take_opened(kind: Kind, bytes: Plaintext) -> Result<Self, OddValue> {
        T::take_opened(kind, bytes).map(Self)
    }

    #[inline]
    fn fill_scale(&mut self, scale: u32) {
        self.0.fill_scale(scale);
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

impl Wipe for Vec<u8> {
    fn wipe(&mut self) {
        fieldseal_model::wipe(self);
    }
}

impl Wipe for String {
    fn wipe(&mut self) {
        drop(wiped(self));
    }
}

/// The memory of a text, which has none then.
fn wiped(text: &mut String) -> Vec<u8> {
    let mut bytes = std::mem::take(text).into_bytes();
    bytes.wipe();
    bytes
}

wipe_by_zeroize!(bool, f32, f64);
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
    use super::{Pii, Wipe, wiped};
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
    fn text_and_bytes_are_overwritten_where_they_are() {
        let mut text = "zoe@example.org".to_owned();
        text.truncate(3);
        let before = (text.as_ptr(), text.capacity());
        let memory = wiped(&mut text);
        assert_eq!((memory.as_ptr(), memory.len()), before);
        assert!(memory.iter().all(|byte| *byte == 0));
        assert_eq!(text.capacity(), 0, "no other memory is left with it");

        let mut bytes = Some(b"zoe".to_vec());
        let before = bytes.as_ref().map(Vec::as_ptr);
        bytes.wipe();
        assert_eq!(bytes.as_ref().map(Vec::as_ptr), before);
        assert!(bytes.is_some_and(|bytes| bytes.len() >= 3 && bytes.iter().all(|b| *b == 0)));
    }

    #[test]
    fn what_lies_in_place_is_another_value_then() {
        fn is_default<T: Wipe + Default + PartialEq>(mut value: T) {
            value.wipe();
            assert!(value == T::default(), "{}", std::any::type_name::<T>());
        }
        macro_rules! each {
            ($($value:expr),*) => {$( is_default($value); )*};
        }
        each!(
            -1_i8, -1_i16, -1_i32, -1_i64, -1_i128, 1_u8, 1_u16, 1_u32, 1_u64, 1_u128
        );
        each!(true, 1.5_f32, 1.5_f64);
    }

    #[test]
    fn it_has_the_form_of_what_it_holds() {
        let pii = Pii::new(7_i64);
        let value = pii.to_value().unwrap();
        assert_eq!(Pii::<i64>::from_value(&value).unwrap().expose(), &7);
        assert!(Pii::<String>::from_value(&value).is_err());
    }
}
