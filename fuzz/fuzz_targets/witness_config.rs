//! [`treering_fuzz::witness_config`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::witness_config(bytes));
