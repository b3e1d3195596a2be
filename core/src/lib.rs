//! HTTP/3 over QUIC as a bounded, sans-IO state machine: no heap, no sockets, no clock of its own.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub(crate) mod fmt;
pub mod time;

pub mod codec;
pub mod limits;
pub mod mem;

pub mod crypto;
pub mod wire;

pub mod ack;
pub mod context;
pub mod frame_writer;
pub mod path;
pub mod recovery;
pub mod space;
pub mod stream;
pub mod tls;
pub mod trace;

pub mod connection;

pub mod http3;
pub mod qpack;

pub mod io;

pub use limits::Limits;
pub use time::{Duration, Instant};
