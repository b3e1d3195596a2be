//! One verified HTTP/3 request with no allocator at all: the proof that none is needed.
//!
//! The program has no global allocator, so nothing it is built from can have one in use: it would not link.
//! `client` is the part that a product would write; `host` runs it over the operating system's UDP, and
//! `board` is its image for a microcontroller, which is linked and measured.
#![no_std]
#![no_main]

mod client;

#[cfg(target_os = "none")]
mod board;
#[cfg(unix)]
mod host;
