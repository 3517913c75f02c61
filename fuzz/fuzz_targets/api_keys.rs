//! [`treering_fuzz::api_keys`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::api_keys(bytes));
