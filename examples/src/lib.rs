//! The examples are programs in `src/bin`; this library compiles what the README shows.
#![forbid(unsafe_code)]
#![doc = include_str!("../../README.md")]

pub mod bare;
