//! [`treering_fuzz::ed25519_differential`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::ed25519_differential(bytes));
