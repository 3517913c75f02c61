//! [`treering_fuzz::log_answer`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::log_answer(bytes));
