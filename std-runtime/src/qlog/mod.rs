//! qlog: what a connection did, as a file that tools can read (drafts of `quic`'s and `http3`'s event schemas, -13).
//!
//! ```text
//! quicpro-core ──Event──▶ Writer ──▶ JSON text sequence (RFC 7464), application/qlog+json-seq
//!      └─ ring in a device's RAM ──▶ decode_ring ──▶ Writer
//! ```
//! A client writes a file for each of its connections with [`ClientBuilder::qlog_dir`](crate::ClientBuilder::qlog_dir);
//! the command with `--qlog DIR` or `QLOGDIR`. Anyone who drives `quicpro_core` directly hands a [`Writer`] or a
//! [`FileSink`] to `Connection::set_sink`.
//!
//! Lines go through a buffer of 64 KB, so that the thread that carries packets makes a system call for some hundred
//! events and waits for nothing but the operating system's page cache. What cannot be written is lost and logged once;
//! the connection goes on.
//!
//! Invariant: whatever the peer sends, a line's length is bounded, and its secrets (credentials, cookies, reset tokens,
//! keys) are not in it.

mod decode;
mod file;
mod frames;
mod http3;
mod names;
mod parameters;
mod probes;
mod qvis;
mod text;
#[cfg(feature = "plot")]
pub mod view;
mod writer;

pub use decode::decode_ring;
pub use file::FileSink;
pub use qvis::{OlderError, older};
pub use writer::Writer;
