//! HTTP/3 for WASI 0.2 components.
//!
//! Nothing is here yet: this package reserves the place of the WASI port, which will implement
//! the engine's `Socket`, `Clock` and `Entropy` over wasi:sockets, wasi:clocks and wasi:random.
#![no_std]
#![forbid(unsafe_code)]
