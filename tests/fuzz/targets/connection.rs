//! [`quicpro_tests::hostile::connection`], for any script.
#![no_main]

libfuzzer_sys::fuzz_target!(|script: &[u8]| quicpro_tests::hostile::connection(script));
