//! Sending and receiving datagrams that are neither repeated nor put in order (RFC 9221).
//!
//! Invariant: what is accepted fits what the server takes and what a packet on the path in use carries; congestion
//! control holds it back as it does any data.

use super::{Connection, State};
use crate::crypto::TAG_LENGTH;
use crate::datagram::data_max;
pub use crate::datagram::{DatagramStats, Precedence};

/// The longest packet number.
const NUMBER_LENGTH_MAX: usize = 4;

/// Why a datagram was not taken to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SendDatagramError {
    /// The queue is full (`Limits::datagrams`), or the handshake is not complete: later.
    Blocked,
    /// The server takes none, or our limits have no memory for any.
    NotSupported,
    /// Longer than [`Connection::max_datagram_size`].
    TooLarge,
    /// The connection is closing or over.
    Closed,
}

impl core::fmt::Display for SendDatagramError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Blocked => "no datagram can be sent now",
            Self::NotSupported => "datagrams are not supported",
            Self::TooLarge => "the datagram is too large for the path or the server",
            Self::Closed => "the connection is over",
        })
    }
}

impl core::error::Error for SendDatagramError {}

/// Why no datagram was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RecvDatagramError {
    /// None is there.
    Blocked,
    /// The oldest has so many bytes, more than the buffer. It stays.
    TooLarge(usize),
}

impl core::fmt::Display for RecvDatagramError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Blocked => f.write_str("no datagram has arrived"),
            Self::TooLarge(length) => write!(f, "the datagram has {length} bytes"),
        }
    }
}

impl core::error::Error for RecvDatagramError {}

impl Connection<'_> {
    /// Bytes of the longest datagram that can be sent now; `None` if none can: before the handshake is complete, or
    /// if the server takes none.
    ///
    /// It follows the path in use ([`Connection::datagram_size`]): it grows as longer packets are found to arrive, and
    /// shrinks when the path changes, turns out to carry less, or the server's connection ID becomes a longer one. A
    /// datagram that was taken and has become too long by the time it could leave is given up and counted as lost.
    pub fn max_datagram_size(&self) -> Option<usize> {
        if !self.state.is_established() || self.promise.datagram_frame_max == 0 {
            return None;
        }
        let frame = usize::try_from(self.promise.datagram_frame_max).unwrap_or(usize::MAX);
        Some(data_max(frame.min(self.datagram_frame_room())))
    }

    /// Bytes of the largest frame that a packet carries.
    pub(super) fn datagram_frame_room(&self) -> usize {
        let destination = self.parts.remote_cids.current().as_slice().len();
        let packet = usize::from(self.recovery.datagram_size());
        packet.saturating_sub(1 + destination + NUMBER_LENGTH_MAX + TAG_LENGTH)
    }

    /// Takes `data` to be sent in one DATAGRAM frame, once. It arrives whole or not at all; which of both is counted
    /// in [`Connection::datagram_stats`].
    ///
    /// # Errors
    /// Those of [`SendDatagramError`]; nothing was taken then.
    pub fn send_datagram(&mut self, data: &[u8]) -> Result<(), SendDatagramError> {
        if self.state == State::Handshaking {
            return Err(SendDatagramError::Blocked);
        }
        if !self.state.is_open() {
            return Err(SendDatagramError::Closed);
        }
        //= rfc9221#3
        let Some(largest) = self.max_datagram_size() else {
            return Err(SendDatagramError::NotSupported);
        };
        if self.parts.datagrams.frame_max() == 0 {
            return Err(SendDatagramError::NotSupported);
        }
        if data.len() > largest || data.len() >= self.parts.datagrams.frame_max() {
            return Err(SendDatagramError::TooLarge);
        }
        if !self.parts.datagrams.send(data) {
            return Err(SendDatagramError::Blocked);
        }
        Ok(())
    }

    /// Copies the oldest datagram received into `out`; says how many bytes that were.
    ///
    /// # Errors
    /// There is none, or `out` is too short for it.
    pub fn recv_datagram(&mut self, out: &mut [u8]) -> Result<usize, RecvDatagramError> {
        let length = self.parts.datagrams.front();
        let length = length.ok_or(RecvDatagramError::Blocked)?;
        let Some(out) = out.get_mut(..length) else {
            return Err(RecvDatagramError::TooLarge(length));
        };
        self.parts.datagrams.take_front(out);
        Ok(length)
    }

    /// Whether datagrams or streams go into packets first from now on; they take turns if this is never called
    /// (RFC 9221 §5.1).
    pub fn set_datagram_precedence(&mut self, precedence: Precedence) {
        self.parts.datagrams.set_precedence(precedence);
    }

    /// What became of the datagrams of this connection.
    pub fn datagram_stats(&self) -> DatagramStats {
        self.parts.datagrams.stats()
    }
}
