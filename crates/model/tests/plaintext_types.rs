//! The types that hold plaintext cannot be printed, cloned or compared by accident.

use std::fmt::{Debug, Display};

use fieldseal_model::{Cell, Plaintext, Row, Value};
use static_assertions::assert_not_impl_any;

assert_not_impl_any!(Plaintext: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(Cell: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(Row: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(Value: Debug, Display, Clone, PartialEq);

#[test]
fn only_expose_reads_it() {
    assert_eq!(Plaintext::from("ada").expose(), b"ada");
}
