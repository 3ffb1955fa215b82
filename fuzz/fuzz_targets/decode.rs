//! The DMS decoder under a fuzzer: `cargo +nightly fuzz run decode`. Built on stable, it runs the
//! files it is given, one after the other.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fieldseal_fuzz::fuzz_decode(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    for path in std::env::args_os().skip(1) {
        fieldseal_fuzz::fuzz_decode(&std::fs::read(path)?);
    }
    Ok(())
}
