//! HTTP/3 over QUIC as a bounded, sans-IO state machine: no heap, no sockets, no clock of its own.
//!
//! Bytes and the time go in, bytes and deadlines come out; the same engine runs on a microcontroller with
//! 64 KB of RAM, in a WASI sandbox and on a desktop. What a connection may use is fixed when it is made, by
//! [`Limits`], and what it promises to the server follows from that.
//!
//! The layers, each using only what stands below it:
//!
//! ```text
//! 5  io, storage                         sockets, clocks, statics: the edge
//! 4  http3, qpack                        requests and responses
//! 3  connection                          the order in which components are asked
//! 2  tls, stream, recovery, space, path  protocol components; they know the time, not each other
//! 1  wire, crypto                        bytes to values and back, and keys
//! 0  mem, codec, limits                  containers and cursors that know nothing of QUIC
//! ```
//!
//! A user's loop is: all input that is ready ([`Client::handle_datagram`]), then [`Client::poll_event`]
//! until it is empty, then [`Client::poll_transmit`] until it is empty, then wait for
//! [`Client::poll_timeout`]. [`io::drive`] is that loop for any socket and clock.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![allow(
    clippy::unused_self,
    reason = "what a feature would look at is there without it, too"
)]

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
#[cfg(feature = "ack-frequency")]
pub mod ack_frequency;
pub mod context;
#[cfg(feature = "datagrams")]
pub mod datagram;
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
#[cfg(feature = "testing")]
pub mod properties;
mod storage;

pub use connection::ClientConfig;
pub use http3::{Client, Event, Field, Request};
pub use limits::Limits;
pub use recovery::congestion;
pub use rustls_pki_types::TrustAnchor;
pub use storage::Storage;
#[doc(hidden)]
pub use storage::{Lengths, storage_lengths};
pub use time::{Duration, Instant};
pub use tls::WallClock;
