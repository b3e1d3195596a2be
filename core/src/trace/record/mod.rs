//! Events as fixed-size records in RAM, for machines without a disk: decoded elsewhere, by `quicpro qlog decode`.
//!
//! ```text
//! word  0        1        2         3         4..5     6       7
//!       "qpro"   "ring"   version   records   written  next    0      then the records, 8 words each:
//! byte  0     1  2..8      8..32
//!       kind  a  time, us  24 bytes of fields              head
//!       255   n  n bytes of what did not fit the head      continuation
//! ```
//! A packet is a head, a record for each of its frames, and continuations for long acknowledgements. What streams,
//! tokens and handshake messages carry is not kept, only how long it is; header fields are not kept at all.
//!
//! Invariant: the memory is the caller's and is never grown; the oldest record is overwritten, and counted.

mod recorder;
mod replay;
#[cfg(test)]
mod tests;

pub use recorder::{Recorder, dump, ring_words};
pub use replay::{Replayed, RingError, SCRATCH_BYTES, replay};

/// Bytes of a record.
pub const RECORD_BYTES: usize = 32;

/// What the first two words say.
const MAGIC: [u32; 2] = [u32::from_le_bytes(*b"qpro"), u32::from_le_bytes(*b"ring")];

/// The version of this layout.
const VERSION: u32 = 1;

/// 32-bit words in front of the records, and words of each.
const WORDS: usize = RECORD_BYTES / 4;

/// Bytes of fields in a head.
const FIELDS: usize = 24;

/// Bytes that a continuation carries.
const CONTINUED_MAX: usize = RECORD_BYTES - 2;

/// Bytes of a frame that its head carries, behind its length and the number of those kept.
const FRAME_INLINE: usize = FIELDS - 4;

/// The kinds of records. 0 is memory that was never written.
mod kind {
    pub(super) const STARTED: u8 = 1;
    pub(super) const VERSIONS: u8 = 2;
    pub(super) const STATE: u8 = 3;
    pub(super) const PROTOCOL: u8 = 4;
    pub(super) const PARAMETERS: u8 = 5;
    pub(super) const SENT: u8 = 6;
    pub(super) const RECEIVED: u8 = 7;
    pub(super) const FRAME: u8 = 8;
    pub(super) const ACKNOWLEDGED: u8 = 9;
    pub(super) const LOST: u8 = 10;
    pub(super) const DISCARDED: u8 = 11;
    pub(super) const METRICS: u8 = 12;
    pub(super) const PHASE: u8 = 13;
    pub(super) const MTU: u8 = 14;
    pub(super) const KEYS_INSTALLED: u8 = 15;
    pub(super) const KEYS_DISCARDED: u8 = 16;
    pub(super) const KEY_UPDATED: u8 = 17;
    pub(super) const MIGRATION: u8 = 18;
    pub(super) const STREAM: u8 = 19;
    pub(super) const HTTP3_SETTINGS: u8 = 20;
    pub(super) const HTTP3_STREAM: u8 = 21;
    pub(super) const HTTP3_FRAME: u8 = 22;
    pub(super) const CLOSED: u8 = 23;
    pub(super) const CONTINUED: u8 = 255;
}
