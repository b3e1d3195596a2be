//! [`quicpro_core::properties::send_buffer`], for any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quicpro_core::properties::send_buffer(bytes));
