//! The memory of HTTP/3: one slot for each request, one bit for each slot, the scratch of one field line.

use super::slot::RequestSlot;
use crate::codec::to_u64;
#[cfg(feature = "alloc")]
use crate::limits::Limits;
use crate::mem::{Flags, Table};

/// Sets of slots that [`Http3Memory::ready`] has words for: those with something to look at.
const SETS: usize = 1;

/// What an HTTP/3 connection lives in, beside its transport.
pub struct Http3Memory<'m> {
    /// One entry for each request: `Limits::requests`.
    pub requests: Table<'m, RequestSlot>,
    /// [`Http3Memory::ready_words`] words.
    pub ready: Table<'m, u32>,
    /// `Limits::field_line` bytes.
    pub scratch: Table<'m, u8>,
}

impl Http3Memory<'_> {
    /// Words of `ready` for so many requests.
    pub const fn ready_words(requests: usize) -> usize {
        Flags::words(SETS, requests)
    }
}

#[cfg(feature = "alloc")]
impl Http3Memory<'static> {
    /// Memory on the heap, allocated once.
    pub fn boxed(limits: &Limits) -> Self {
        Self {
            requests: Table::boxed(limits.requests, RequestSlot::EMPTY),
            ready: Table::boxed(Self::ready_words(limits.requests), 0),
            scratch: Table::boxed(limits.field_line, 0),
        }
    }
}

/// What a [`super::Client`] lives in.
pub struct Memory<'m> {
    /// The transport's part.
    pub transport: crate::connection::Memory<'m>,
    /// The part of HTTP/3.
    pub http3: Http3Memory<'m>,
}

/// Decoded bytes of a field section that are accepted for each encoded byte that is. The encoded bytes cost
/// memory, the decoded ones, which count 32 for each line, only time.
const DECODED_PER_ENCODED: u64 = 4;

/// What SETTINGS_MAX_FIELD_SECTION_SIZE announces, and what a decoded section is held against.
/// `section_max` is `Limits::field_section`.
pub(crate) const fn field_section_size(section_max: usize) -> u64 {
    to_u64(section_max) * DECODED_PER_ENCODED
}
