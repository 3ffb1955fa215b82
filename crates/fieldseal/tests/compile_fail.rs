//! Programs that must not compile, each for the reason that stands beside it.

#[test]
fn personal_data_is_not_shown_copied_or_sent_by_accident() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/pii_*.rs");
}

#[cfg(feature = "derive")]
#[test]
fn a_struct_that_is_no_sealed_table() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/sealed_*.rs");
}
