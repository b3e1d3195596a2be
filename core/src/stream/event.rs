//! What the application is told about streams: derived from flags, never queued.
//!
//! Invariant: an event is an edge. One that was polled comes again only after something happened or was
//! refused, so that draining always ends.

use super::receiver::RecvState;
use super::{Set, Streams, by};
use crate::wire::{Direction, StreamId};

/// Something happened to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StreamEvent {
    /// The peer opened a stream.
    Opened {
        /// Which.
        id: StreamId,
    },
    /// Bytes or the end can be read.
    Readable {
        /// Of which stream.
        id: StreamId,
    },
    /// A write was refused, and would not be now.
    Writable {
        /// Of which stream.
        id: StreamId,
    },
    /// Everything that was sent has arrived, the end included.
    Finished {
        /// Of which stream.
        id: StreamId,
    },
    /// The peer gave up sending.
    Reset {
        /// On which stream.
        id: StreamId,
        /// The application's code.
        code: u64,
    },
    /// The peer does not want to read any further; what was not sent yet never will be.
    Stopped {
        /// Which stream.
        id: StreamId,
        /// The application's code.
        code: u64,
    },
    /// A stream can be opened after that was refused.
    Available {
        /// Of which kind.
        direction: Direction,
    },
}

impl Streams<'_> {
    /// The next event.
    pub fn poll_event(&mut self) -> Option<StreamEvent> {
        let event = self.next_event();
        self.reap();
        event.or_else(|| self.next_available())
    }

    fn next_event(&mut self) -> Option<StreamEvent> {
        self.wake_writers();
        if let Some((_, id)) = self.poll(Set::Opened) {
            return Some(StreamEvent::Opened { id });
        }
        if let Some((slot, id)) = self.poll(Set::Reset) {
            let code = self.acknowledge_reset(slot);
            return Some(StreamEvent::Reset { id, code });
        }
        if let Some((slot, id)) = self.poll(Set::Stopped) {
            let code = self.sender(slot).map_or(0, |sender| sender.code);
            return Some(StreamEvent::Stopped { id, code });
        }
        if let Some((_, id)) = self.poll(Set::Readable) {
            return Some(StreamEvent::Readable { id });
        }
        if let Some((_, id)) = self.poll(Set::Finished) {
            return Some(StreamEvent::Finished { id });
        }
        let (_, id) = self.poll(Set::Writable)?;
        Some(StreamEvent::Writable { id })
    }

    fn next_available(&mut self) -> Option<StreamEvent> {
        for direction in [Direction::Bidirectional, Direction::Unidirectional] {
            let opening = &mut self.opening[by(direction)];
            if opening.is_available {
                opening.is_available = false;
                opening.is_refused = false;
                return Some(StreamEvent::Available { direction });
            }
        }
        None
    }

    /// Takes the next slot out of an event's set, going round.
    fn poll(&mut self, set: Set) -> Option<(usize, StreamId)> {
        let number = set.index();
        let slot = self.flags.next(number, usize::from(self.cursors[number]))?;
        self.flags.remove(number, slot);
        // There are at most 2^15 slots.
        self.cursors[number] = slot as u16 + 1;
        Some((slot, self.slots.id(slot)?))
    }

    /// The application knows that the peer has reset the stream. Returns the code.
    pub(super) fn acknowledge_reset(&mut self, slot: usize) -> u64 {
        let Some(receiver) = self.receiver_mut(slot) else {
            return 0;
        };
        if receiver.state == RecvState::ResetRecvd {
            receiver.state = RecvState::ResetRead;
        }
        let code = receiver.code;
        self.remove(Set::Reset, slot);
        self.settle(slot);
        code
    }

    /// Finds the refused writers that have room now.
    fn wake_writers(&mut self) {
        if !core::mem::take(&mut self.is_send_freed) {
            return;
        }
        let mut from = 0;
        while let Some(slot) = self.flags.at_least(Set::Waiting.index(), from) {
            from = slot + 1;
            if self.capacity(slot) > 0 {
                self.remove(Set::Waiting, slot);
                self.insert(Set::Writable, slot);
            }
        }
    }
}
