//! [`treering_fuzz::log_config`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::log_config(bytes));
