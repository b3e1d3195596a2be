//! The handle by which the application reads from a stream.
//!
//! Invariant: bytes come in order, once, without gaps; the end is told only after the last of them.

use super::receiver::{Receiver, RecvState, STOP};
use super::{Set, Streams};
use crate::codec::{VarInt, to_u64};
use crate::mem::fill;

/// Why nothing was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ReadError {
    /// Nothing there yet; an event says when to try again.
    Blocked,
    /// The peer gave up sending, with this code.
    Reset(u64),
    /// Reading was stopped before.
    Closed,
}

impl core::fmt::Display for ReadError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Blocked => f.write_str("nothing to read yet"),
            Self::Reset(code) => write!(f, "the peer reset the stream with code {code:#x}"),
            Self::Closed => f.write_str("reading was stopped"),
        }
    }
}

impl core::error::Error for ReadError {}

/// The receiving part of one stream, borrowed.
#[derive(Debug)]
pub struct RecvStream<'a, 'm> {
    pub(super) streams: &'a mut Streams<'m>,
    pub(super) slot: usize,
}

impl RecvStream<'_, '_> {
    /// Copies bytes to the front of `out` and returns how many; 0 only at the end of the stream, or if
    /// `out` is empty.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, ReadError> {
        let mut count = 0;
        while let Some(rest) = out.get_mut(count..)
            && !rest.is_empty()
        {
            // The end is told by a call of its own: with it the stream may go.
            if count > 0 && self.available() == 0 {
                break;
            }
            let length = fill(rest, &mut self.peek()?);
            if length == 0 {
                break;
            }
            self.consume(length);
            count += length;
        }
        Ok(count)
    }

    /// The bytes that come next, as far as they lie together; empty at the end of the stream.
    ///
    /// Once the end was told, here or by [`read`](Self::read) or [`received_all`](Self::received_all), the
    /// stream may go.
    pub fn peek(&mut self) -> Result<&[u8], ReadError> {
        match self.receiver() {
            Some(receiver) if receiver.is_reset() => {
                return Err(ReadError::Reset(self.streams.acknowledge_reset(self.slot)));
            }
            Some(receiver) if !receiver.is_stopped => {}
            _ => return Err(ReadError::Closed),
        }
        if self.received_all() {
            return Ok(&[]);
        }
        let bytes = self.peek_at(0);
        if bytes.is_empty() {
            return Err(ReadError::Blocked);
        }
        Ok(bytes)
    }

    /// The bytes from `offset` bytes behind the read offset on, as far as they lie together. Empty if those
    /// did not arrive yet, or do not exist.
    pub fn peek_at(&self, offset: usize) -> &[u8] {
        self.streams.peek_at(self.slot, offset)
    }

    /// Bytes that can be read now.
    pub fn available(&self) -> usize {
        // The window has at most 1 GiB.
        self.receiver()
            .map_or(0, |receiver| receiver.unread() as usize)
    }

    /// Lets go of the next `count` bytes, at most of those that are [`available`](Self::available), so that
    /// the peer may send more.
    pub fn consume(&mut self, count: usize) {
        let slot = self.slot;
        let count = self.streams.with_receiver(slot, |receiver, pool| {
            to_u64(receiver.buffer.consume(pool, count))
        });
        if count > 0 {
            self.streams.refresh_receiver(slot);
        }
        // An edge for who reads less than there is, or does not know of the end yet.
        let is_more_to_tell = self.receiver().is_some_and(|receiver| {
            receiver.unread() > 0
                || (receiver.state == RecvState::SizeKnown && receiver.is_at_end())
        });
        if is_more_to_tell {
            self.streams.insert(Set::Readable, slot);
        }
    }

    /// Wants no more: what comes is thrown away, and the peer is told `code`.
    pub fn stop(&mut self, code: VarInt) {
        let slot = self.slot;
        let Some(receiver) = self.receiver().filter(|receiver| !receiver.is_left()) else {
            return;
        };
        let is_size_unknown = receiver.state == RecvState::Recv;
        let end = receiver.final_size().unwrap_or(0);
        self.streams.with_receiver(slot, |receiver, pool| {
            receiver.is_stopped = true;
            receiver.control = 0;
            if is_size_unknown {
                receiver.code = code.get();
            }
            receiver.discard(pool, end)
        });
        self.streams.remove(Set::Readable, slot);
        self.streams.remove(Set::Reset, slot);
        if is_size_unknown {
            self.streams.demand_of_receiver(slot, STOP);
        }
        self.streams.settle(slot);
    }

    /// Everything up to the end was consumed. Once this was told the stream may go.
    pub fn received_all(&mut self) -> bool {
        if !self.receiver().is_some_and(Receiver::is_at_end) {
            return false;
        }
        let slot = self.slot;
        self.streams.with_receiver(slot, |receiver, _| {
            receiver.state = RecvState::DataRead;
            0
        });
        self.streams.remove(Set::Readable, slot);
        self.streams.settle(slot);
        true
    }

    /// Bytes of the whole stream, once its end is known.
    pub fn final_size(&self) -> Option<u64> {
        self.receiver()?.final_size()
    }

    /// Bytes consumed so far.
    pub fn read_offset(&self) -> u64 {
        self.receiver()
            .map_or(0, |receiver| receiver.buffer.read_offset())
    }

    fn receiver(&self) -> Option<&Receiver> {
        self.streams.receiver(self.slot)
    }
}
