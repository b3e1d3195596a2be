//! The memory that the streams of one connection need. Plain tables; all zeros is the empty state.

use super::SETS;
use super::receiver::Receiver;
use super::sender::Sender;
use crate::limits::Limits;
use crate::mem::{Flags, PoolMemory, Table};

/// Tables whose lengths follow from one [`Limits`].
#[derive(Debug, Default)]
pub struct StreamMemory<'m> {
    /// [`Limits::stream_slots`] entries.
    pub keys: Table<'m, u32>,
    /// [`Limits::sending_slots`] entries of [`Sender::EMPTY`].
    pub senders: Table<'m, Sender>,
    /// [`Limits::receiving_slots`] entries of [`Receiver::EMPTY`].
    pub receivers: Table<'m, Receiver>,
    /// [`StreamMemory::flag_words`] entries.
    pub flags: Table<'m, u32>,
    /// [`Limits::receive_chunks`] chunks of [`Limits::receive_chunk`] bytes.
    pub receive: PoolMemory<'m>,
    /// [`Limits::send_chunks`] chunks of [`Limits::send_chunk`] bytes.
    pub send: PoolMemory<'m>,
}

impl StreamMemory<'_> {
    /// Words of bit sets over the slots.
    pub const fn flag_words(limits: &Limits) -> usize {
        Flags::words(SETS, limits.stream_slots())
    }

    /// Memory on the heap.
    #[cfg(feature = "alloc")]
    pub fn boxed(limits: &Limits) -> Self {
        Self {
            keys: Table::boxed(limits.stream_slots(), 0),
            senders: Table::boxed(limits.sending_slots(), Sender::EMPTY),
            receivers: Table::boxed(limits.receiving_slots(), Receiver::EMPTY),
            flags: Table::boxed(Self::flag_words(limits), 0),
            receive: PoolMemory::boxed(limits.receive_chunks(), limits.receive_chunk),
            send: PoolMemory::boxed(limits.send_chunks(), limits.send_chunk),
        }
    }
}
