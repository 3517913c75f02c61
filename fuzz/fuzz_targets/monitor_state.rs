//! [`treering_fuzz::monitor_state`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::monitor_state(bytes));
