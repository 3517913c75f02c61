//! [`treering_fuzz::mirror_message`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::mirror_message(bytes));
