//! The handle by which the application sends on a stream.
//!
//! Invariant: what was accepted is delivered or the stream is reset; nothing is accepted in part unless the
//! count says so.

use super::sender::{Fin, Priority, SendState, Sender};
use super::{Set, Streams};
use crate::codec::{VarInt, to_u64};

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WriteError {
    /// No room now; an event says when to try again.
    Blocked,
    /// The peer wants no more, with this code; the stream is reset.
    Stopped(u64),
    /// The stream was finished or reset before.
    Closed,
}

impl core::fmt::Display for WriteError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Blocked => f.write_str("no room to send"),
            Self::Stopped(code) => write!(f, "the peer stopped reading with code {code:#x}"),
            Self::Closed => f.write_str("the stream was finished or reset"),
        }
    }
}

impl core::error::Error for WriteError {}

/// The sending part of one stream, borrowed.
#[derive(Debug)]
pub struct SendStream<'a, 'm> {
    pub(super) streams: &'a mut Streams<'m>,
    pub(super) slot: usize,
}

impl SendStream<'_, '_> {
    /// Takes as many bytes from the front of `data` as there is room for, and returns how many.
    /// If that is not all, an event says when to go on.
    pub fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.check()?;
        let length = self.capacity().min(data.len());
        if length < data.len() {
            self.wait();
        }
        if length == 0 && !data.is_empty() {
            return Err(WriteError::Blocked);
        }
        self.append(data.get(..length).unwrap_or_default())?;
        Ok(length)
    }

    /// Takes all `parts`, one after another, or nothing. What the peer allows does not matter here, so that
    /// a whole begun is sent as credit comes.
    pub fn write_whole(&mut self, parts: &[&[u8]]) -> Result<(), WriteError> {
        let length = parts
            .iter()
            .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        self.reserve(length)?;
        parts.iter().try_for_each(|part| self.append(part))
    }

    /// Bytes that [`write`](Self::write) would take now. What the peer does not allow yet is taken for one
    /// chunk only: a stream whose peer does not read holds no memory that others could send with.
    pub fn capacity(&self) -> usize {
        self.streams.capacity(self.slot)
    }

    /// Succeeds if the next `length` bytes can be taken now, and then they are, in however many writes; else
    /// an event says when to ask again. As for a whole, what the peer allows does not matter.
    pub fn reserve(&mut self, length: usize) -> Result<(), WriteError> {
        self.check()?;
        if length > self.streams.room(self.slot) {
            self.wait();
            return Err(WriteError::Blocked);
        }
        if let Some(sender) = self.streams.sender_mut(self.slot) {
            sender.promised = sender.buffer.end() + to_u64(length);
        }
        Ok(())
    }

    /// Bytes that [`write_whole`](Self::write_whole) can take once others' data has left: a longer whole
    /// may never have room.
    pub fn largest_whole(&self) -> usize {
        let pool = &self.streams.send;
        // What the handshake borrows comes back.
        let rest = pool.chunks().saturating_sub(self.streams.senders.len());
        // One chunk may be begun already.
        (rest / 2).saturating_mul(pool.chunk_len())
    }

    /// Nothing more will be written. Everything written and the end are delivered.
    pub fn finish(&mut self) -> Result<(), WriteError> {
        self.check()?;
        if let Some(sender) = self.streams.sender_mut(self.slot) {
            sender.fin = Fin::Wanted;
        }
        self.streams.remove(Set::Waiting, self.slot);
        self.streams.remove(Set::Writable, self.slot);
        self.streams.refresh_sender(self.slot);
        self.streams.settle(self.slot);
        Ok(())
    }

    /// Gives up: what did not arrive yet may never arrive, and the peer is told `code`.
    /// After everything was acknowledged this does nothing.
    //= rfc9000#11.2
    pub fn reset(&mut self, code: VarInt) {
        if self.sender().is_some_and(Sender::is_open) {
            self.streams.reset_sender(self.slot, code.get());
        }
    }

    /// When this stream's data is sent in relation to others'.
    //= rfc9000#2.3
    pub fn set_priority(&mut self, priority: Priority) {
        if let Some(sender) = self.streams.sender_mut(self.slot) {
            let set = Set::Data.index() + sender.urgency();
            sender.priority = priority;
            self.streams.flags.remove(set, self.slot);
            self.streams.refresh_sender(self.slot);
        }
    }

    /// Everything written, and the end, arrived at the peer.
    pub fn is_acknowledged(&self) -> bool {
        self.sender()
            .is_some_and(|sender| sender.state == SendState::DataRecvd)
    }

    /// The peer's code, if it stopped reading.
    pub fn stopped(&self) -> Option<u64> {
        let sender = self.sender()?;
        sender.is_stopped.then_some(sender.code)
    }

    fn sender(&self) -> Option<&Sender> {
        self.streams.sender(self.slot)
    }

    fn check(&self) -> Result<(), WriteError> {
        match self.sender() {
            Some(sender) if sender.is_writable() => Ok(()),
            Some(sender) if sender.is_stopped => Err(WriteError::Stopped(sender.code)),
            _ => Err(WriteError::Closed),
        }
    }

    /// Asks for an event once there is room.
    fn wait(&mut self) {
        self.streams.insert(Set::Waiting, self.slot);
    }

    fn append(&mut self, data: &[u8]) -> Result<(), WriteError> {
        let written = self
            .streams
            .with_sender(self.slot, |sender, pool| sender.buffer.write(pool, data));
        self.streams.refresh_sender(self.slot);
        // The capacity was asked before.
        debug_assert!(written == Some(Ok(())), "capacity is kept");
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(WriteError::Blocked),
        }
    }
}
