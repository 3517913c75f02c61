//! [`treering_fuzz::evidence_file`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::evidence_file(bytes));
