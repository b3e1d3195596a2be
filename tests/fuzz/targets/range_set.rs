//! [`quicpro_core::properties::range_set`], for any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quicpro_core::properties::range_set(bytes));
