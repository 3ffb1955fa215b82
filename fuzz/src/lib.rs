//! What the fuzz targets do with their input. Owns no corpus and no fuzzer, so that the same
//! functions run under a fuzzer and, over the corpus, as ordinary tests.

mod decode;

pub use decode::fuzz_decode;
