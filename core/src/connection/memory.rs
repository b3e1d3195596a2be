//! The memory of one connection: the tables of its components and the limits they were made for.
//!
//! Invariant: the tables have the lengths that follow from the limits.

use crate::limits::Limits;
use crate::mem::Table;
use crate::recovery::SentMemory;
use crate::space::NumberRange;
use crate::stream::StreamMemory;

/// What a connection lives in. Made by `Storage::memory`, or by `Memory::boxed`.
pub struct Memory<'m> {
    pub(crate) limits: Limits,
    pub(crate) streams: StreamMemory<'m>,
    pub(crate) sent: SentMemory<'m>,
    pub(crate) received: Table<'m, NumberRange>,
    pub(crate) early: Table<'m, u8>,
    #[cfg(feature = "datagrams")]
    pub(crate) datagrams: Table<'m, u8>,
}

impl<'m> Memory<'m> {
    /// Memory from tables that were made elsewhere; they must have the lengths that `limits` says.
    pub fn new(
        limits: Limits,
        streams: StreamMemory<'m>,
        sent: SentMemory<'m>,
        received: Table<'m, NumberRange>,
        early: Table<'m, u8>,
    ) -> Self {
        debug_assert!(
            limits.problem().is_none(),
            "limits that contradict each other"
        );
        Self {
            limits,
            streams,
            sent,
            received,
            early,
            #[cfg(feature = "datagrams")]
            datagrams: Table::empty(),
        }
    }

    /// The same with places for DATAGRAM frames, twice `Limits::datagrams` bytes: half for each direction. Without
    /// the feature `datagrams` there are none.
    #[must_use]
    #[cfg_attr(not(feature = "datagrams"), expect(unused_mut, unused_variables))]
    pub fn datagrams(mut self, bytes: Table<'m, u8>) -> Self {
        #[cfg(feature = "datagrams")]
        {
            self.datagrams = bytes;
        }
        self
    }

    /// The bounds it was made for.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }
}
