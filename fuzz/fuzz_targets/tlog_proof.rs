//! [`treering_fuzz::tlog_proof`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::tlog_proof(bytes));
