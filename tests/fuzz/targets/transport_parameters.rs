//! [`quicpro_core::properties::transport_parameters`], for any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quicpro_core::properties::transport_parameters(bytes));
