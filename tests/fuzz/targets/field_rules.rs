//! [`quicpro_core::properties::field_rules`], for any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quicpro_core::properties::field_rules(bytes));
