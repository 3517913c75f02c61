//! [`treering_fuzz::submission_body`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::submission_body(bytes));
