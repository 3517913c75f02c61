//! [`treering_fuzz::tile_path`], fed by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| treering_fuzz::tile_path(bytes));
