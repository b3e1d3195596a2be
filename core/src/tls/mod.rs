//! The TLS 1.3 handshake of a QUIC client, without heap and without I/O (RFC 8446, RFC 9001).
//!
//! ```text
//! ServerHello ─► EncryptedExtensions ─► [CertificateRequest] ─► Certificate ─► (verification)
//!      ▲ └─ HelloRetryRequest                                                      │
//!      └──────── second ClientHello          complete ◄─ Finished ◄─ CertificateVerify
//! ```
//!
//! The connection owns the CRYPTO streams. It hands over contiguous bytes through [`Handshake::read`] and gets back
//! how many were used; everything that has to leave the handshake goes through [`Output`].
//!
//! Invariant: [`Handshake::is_complete`] is true only after the server's certificate was accepted, its signature and
//! its Finished verified, and application secrets were handed over only then.

mod alert;
mod certificate;
mod client;
mod config;
mod error;
mod key_schedule;
pub mod message;
#[cfg(feature = "testing")]
pub mod properties;
mod server_name;
#[cfg(all(test, feature = "x25519", feature = "p256"))]
mod test;
mod transcript;

pub use alert::Alert;
#[cfg(any(feature = "pins", not(feature = "webpki")))]
pub use certificate::public_key::Pin;
pub use client::Handshake;
pub use config::{
    ALPN_HTTP3, ClientConfig, ConfigError, Identity, KeyLog, Question, Trust, Verdict, Verifier,
    WallClock,
};
pub use error::{CertificateError, Error, PeerIncompatible, PeerMisbehaved};
pub use message::{MessageType, Ticket};
pub use server_name::{InvalidServerName, ServerName};

use crate::codec::{Full, Writer};
use crate::crypto::{Secret, Suite};
use crate::wire::TransportError;
use crate::wire::packet::Space;

/// Bytes that came in CRYPTO frames.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The level of the packets they came in.
    pub level: Space,
    /// Contiguous bytes from the first one that was not used yet.
    pub bytes: &'a [u8],
    /// The most bytes that `bytes` can ever have at this level: the length of the buffer behind it. A message that
    /// has to be whole to be read and is longer ends the handshake with [`Error::TooLarge`].
    pub window: usize,
}

/// What a message's writer is given: the bytes sent before at its level, and where it goes.
pub type WriteMessage<'w> = dyn FnMut(&[u8], &mut Writer<'_>) -> Result<(), Full> + 'w;

/// Where the handshake puts what it produces.
pub trait Output {
    /// Calls `write` once, with the CRYPTO bytes sent at `level` so far and a writer behind them; what it writes is
    /// one message to be sent next at `level`, whole and unchanged. If `write` says [`Full`], nothing was written.
    ///
    /// At the Initial level the bytes sent so far must be all of them, the first ClientHello; at the other levels
    /// they may be missing.
    fn message(&mut self, level: Space, write: &mut WriteMessage<'_>) -> Result<(), Full>;

    /// All CRYPTO bytes sent at the Initial level. They are asked for once, at the first answer, when the suite and
    /// with it the hash is known.
    fn client_hello(&self) -> &[u8];

    /// The secrets of `level`: Handshake after ServerHello, then Application when the handshake is complete.
    fn keys(&mut self, level: Space, suite: Suite, client: &Secret, server: &Secret);

    /// The server's transport parameters, encoded. They are authentic only when the handshake is complete.
    fn parameters(&mut self, bytes: &[u8]) -> Result<(), TransportError>;

    /// A ticket for resuming this session, after the handshake. The ones not looked at are lost.
    fn ticket(&mut self, ticket: &Ticket<'_>) {
        let _ = ticket;
    }
}
