//! [`treering_fuzz::digest_list`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::digest_list(bytes));
