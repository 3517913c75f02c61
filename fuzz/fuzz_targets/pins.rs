//! [`treering_fuzz::pins`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::pins(bytes));
