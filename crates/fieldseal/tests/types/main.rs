//! The types that a sealed field may have: every value comes back as it was, another kind is
//! never taken, and the canonical bytes are those that the pipeline seals.

mod dms;
mod refused;
mod round_trip;
mod traits;
mod vectors;

use fieldseal::{FieldValue, Value};

/// There and back. Answers the canonical bytes.
fn round_trip<T: FieldValue + PartialEq + std::fmt::Debug>(before: &T) -> Vec<u8> {
    let value = before.to_value().expect("it has a form");
    assert_eq!(value.kind(), T::KIND);
    let again = Value::from_canonical(T::KIND, value.expose().to_vec());
    let again = again.expect("the form is canonical");
    assert_eq!(&T::from_value(&again).expect("it comes back"), before);
    value.expose().to_vec()
}

/// As [`round_trip`], as text.
fn form<T: FieldValue + PartialEq + std::fmt::Debug>(before: &T) -> String {
    String::from_utf8(round_trip(before)).expect("a kind of text")
}
