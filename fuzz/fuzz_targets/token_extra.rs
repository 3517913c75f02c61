//! [`treering_fuzz::token_extra`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::token_extra(bytes));
