//! [`treering_fuzz::claims_table`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::claims_table(bytes));
