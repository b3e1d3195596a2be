//! HTTP/3 on a microcontroller: what the programs of `src/bin` share.
//!
//! `board`, `clock` and `network` are what a product replaces by its own; `client` is what it writes.
#![no_std]

pub mod arguments;
pub mod board;
pub mod client;
pub mod clock;
pub mod entropy;
pub mod exit;
pub mod extensions;
pub mod measure;
pub mod network;
pub mod trust;

// What defmt's macros call in the end.
use defmt_semihosting as _;
