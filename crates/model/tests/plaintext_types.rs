//! The types that hold plaintext cannot be printed, cloned or compared by accident.

use std::fmt::{Debug, Display};

use fieldseal_model::{Cell, Piece, Plaintext, Row, Value, Values};
use static_assertions::assert_not_impl_any;

assert_not_impl_any!(Plaintext: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(Piece<'_>: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(Cell<'_>: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(Row<'_>: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(Values: Debug, Display, Clone, PartialEq);
assert_not_impl_any!(Value: Debug, Display, Clone, PartialEq);

#[test]
fn only_expose_reads_it() {
    assert_eq!(Plaintext::from("ada").expose(), b"ada");
}
