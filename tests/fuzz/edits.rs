//! The fuzzer of the same name of `harness.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| harness::edits(bytes));
