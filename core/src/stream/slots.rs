//! Which stream lives in which slot.
//!
//! ```text
//!   bidirectional (requests, then those being drained) │ ours, one way │ the peer's, one way
//! ```
//! Invariant: a stream is in at most one slot, and only in a slot of its kind.

use crate::limits::{LOCAL_UNIDIRECTIONAL, Limits, REMOTE_UNIDIRECTIONAL};
use crate::mem::Table;
use crate::wire::{Direction, Side, StreamId};
use core::ops::Range;

/// The slots, by the streams in them.
#[derive(Debug)]
pub(super) struct Slots<'m> {
    /// Stream id + 1, or 0 for a free slot.
    keys: Table<'m, u32>,
    bidirectional: usize,
    side: Side,
}

impl<'m> Slots<'m> {
    pub fn new(keys: Table<'m, u32>, limits: &Limits, side: Side) -> Self {
        Self {
            keys,
            bidirectional: limits.bidirectional_slots(),
            side,
        }
    }

    /// The slot of the stream `id`.
    pub fn find(&self, id: u64) -> Option<usize> {
        self.position(id, key(id)?)
    }

    /// A slot for the stream `id`, which has none.
    pub fn take(&mut self, id: u64) -> Option<usize> {
        let key = key(id)?;
        let slot = self.position(id, 0)?;
        *self.keys.get_mut(slot)? = key;
        Some(slot)
    }

    pub fn free(&mut self, slot: usize) {
        if let Some(key) = self.keys.get_mut(slot) {
            *key = 0;
        }
    }

    /// The first slot for streams of `id`'s kind that holds `key`: its home, if that does.
    #[inline(never)]
    fn position(&self, id: u64, key: u32) -> Option<usize> {
        let range = self.range(id);
        let keys = self.keys.get(range.clone())?;
        // Which bits make the home does not matter.
        let home = (id as usize >> 2).checked_rem(keys.len())?;
        if keys.get(home) == Some(&key) {
            return Some(range.start + home);
        }
        let place = keys.iter().position(|have| *have == key)?;
        Some(range.start + place)
    }

    /// The stream in `slot`.
    pub fn id(&self, slot: usize) -> Option<StreamId> {
        let key = *self.keys.get(slot)?;
        let id = u64::from(key.checked_sub(1)?);
        let (initiator, direction) = kind(id);
        StreamId::new(initiator, direction, id >> 2)
    }

    pub fn is_bidirectional(&self, slot: usize) -> bool {
        slot < self.bidirectional
    }

    /// Where the sending part is kept.
    pub fn sender(&self, slot: usize) -> Option<usize> {
        (slot < self.bidirectional + LOCAL_UNIDIRECTIONAL).then_some(slot)
    }

    /// Where the receiving part is kept.
    pub fn receiver(&self, slot: usize) -> Option<usize> {
        if self.is_bidirectional(slot) {
            return Some(slot);
        }
        (slot >= self.bidirectional + LOCAL_UNIDIRECTIONAL).then(|| slot - LOCAL_UNIDIRECTIONAL)
    }

    fn range(&self, id: u64) -> Range<usize> {
        let (initiator, direction) = kind(id);
        let first = self.bidirectional;
        match direction {
            Direction::Bidirectional => 0..first,
            Direction::Unidirectional if initiator == self.side => {
                first..first + LOCAL_UNIDIRECTIONAL
            }
            Direction::Unidirectional => {
                let first = first + LOCAL_UNIDIRECTIONAL;
                first..first + REMOTE_UNIDIRECTIONAL
            }
        }
    }
}

/// What a slot with the stream `id` holds; `None` for one of which too many came before.
fn key(id: u64) -> Option<u32> {
    u32::try_from(id).ok()?.checked_add(1)
}

/// Initiator and direction of the stream `id`.
fn kind(id: u64) -> (Side, Direction) {
    let initiator = if id & 1 == 0 {
        Side::Client
    } else {
        Side::Server
    };
    let direction = if id & 2 == 0 {
        Direction::Bidirectional
    } else {
        Direction::Unidirectional
    };
    (initiator, direction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_found_also_where_they_are_not_at_home() {
        const LIMITS: Limits = Limits::TINY.draining(2);
        let mut keys = [0; LIMITS.stream_slots()];
        let mut slots = Slots::new(Table::from(&mut keys[..]), &LIMITS, Side::Client);
        let taken = [0, 4, 8, 12].map(|id| slots.take(id).unwrap());
        assert_eq!(taken, [0, 1, 2, 3]);
        assert_eq!(slots.take(16), None);
        slots.free(2);
        assert_eq!((slots.find(8), slots.id(2)), (None, None));
        assert_eq!(slots.take(16), Some(2));
        assert_eq!(slots.find(16), Some(2));
        assert_eq!(slots.id(2).map(StreamId::get), Some(16));
        assert_eq!((slots.take(2), slots.take(3)), (Some(4), Some(7)));
        assert_eq!((slots.sender(4), slots.receiver(4)), (Some(4), None));
        assert_eq!((slots.sender(7), slots.receiver(7)), (None, Some(4)));
        assert_eq!((slots.sender(3), slots.receiver(3)), (Some(3), Some(3)));
        assert_eq!(slots.find(u64::from(u32::MAX)), None);
        assert_eq!(slots.find(1 << 32), None);
    }
}
