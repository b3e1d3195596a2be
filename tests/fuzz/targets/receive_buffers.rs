//! [`quicpro_core::properties::receive_buffers`], for any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quicpro_core::properties::receive_buffers(bytes));
