//! The edge of the engine: a socket, a clock, 32 bytes of entropy, and one loop over them.
//!
//! The engine itself sees none of these traits: it is driven by verbs that take bytes and the time.

use core::net::SocketAddr;

use crate::connection::{Receive, Transmit};
use crate::time::Instant;

mod drive;
#[cfg(feature = "embedded-nal")]
pub mod nal;
#[cfg(feature = "embedded-nal-async")]
pub mod nal_async;

pub use drive::{Driven, drive};

/// What became of a datagram that was offered to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Sent {
    /// The socket took it (or dropped it: the network may do that, too).
    Sent,
    /// No room now: the same bytes are to be offered again later.
    Full,
}

/// A UDP socket that never blocks in `send` and blocks in `wait` only.
pub trait Socket {
    /// What can go wrong for good.
    type Error: core::fmt::Debug;

    /// Hands over the datagrams of `transmit`, whose bytes are `bytes[..transmit.len]`.
    fn send(&mut self, transmit: &Transmit, bytes: &[u8]) -> Result<Sent, Self::Error>;

    /// Fills `buffer` with one datagram; `None` when none is waiting. A longer datagram is cut.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<(usize, Receive)>, Self::Error>;

    /// Returns at the first of: a datagram may be waiting, the time is `until`, any other reason.
    ///
    /// `None` waits for a datagram alone. Returning early is always allowed; a socket that cannot wait
    /// returns at once, and its user's loop spins.
    fn wait(&mut self, until: Option<Instant>) -> Result<(), Self::Error>;

    /// Our own address, where the socket knows it.
    fn local(&self) -> Option<SocketAddr> {
        None
    }
}

/// A monotonic clock.
pub trait Clock {
    /// The time now. It never goes backwards.
    fn now(&self) -> Instant;
}

/// A source of true randomness, asked once for each connection.
pub trait Entropy {
    /// What can go wrong.
    type Error: core::fmt::Debug;

    /// Fills the seed from which a connection's randomness is expanded.
    ///
    /// A product must fill it from a hardware generator or an equivalent: everything the connection
    /// keeps secret follows from these bytes.
    fn fill(&mut self, seed: &mut [u8; 32]) -> Result<(), Self::Error>;
}
