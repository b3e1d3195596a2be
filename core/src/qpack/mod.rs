//! QPACK (RFC 9204): field sections to bytes and back, with the static table.
//!
//! The dynamic table's capacity is announced as 0, so a section never refers to it, never waits for it,
//! and both instruction streams carry next to nothing. Its place is [`Section`] (references) and
//! [`instruction`] (inserts and acknowledgements).
//!
//! ```text
//!   Field ──Encoder──▶ bytes in the send stream          bytes in the receive chunks ──Section──▶ Line
//!              │                                                        ▲                │
//!        static_table, huffman, prefix                               Source        static_table, huffman
//! ```

pub mod decoder;
pub mod encoder;
mod field;
pub mod huffman;
pub mod instruction;
pub mod prefix;
#[cfg(feature = "testing")]
pub mod properties;
mod source;
pub mod static_table;

use crate::wire::{Code, Rule};

pub use decoder::{Line, Section};
pub use encoder::Encoder;
pub use field::Field;
pub(crate) use field::Lines;
pub use source::{Cursor, Source};

/// Why the peer's compressed fields or instructions end the connection (RFC 9204 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error(&'static Rule);

/// QPACK_DECOMPRESSION_FAILED: a field section that has no meaning.
const DECOMPRESSION_FAILED: Code = Code::new(0x200);
/// QPACK_ENCODER_STREAM_ERROR: an instruction of the peer's encoder that it may not send.
const ENCODER_STREAM_ERROR: Code = Code::new(0x201);
/// QPACK_DECODER_STREAM_ERROR: an instruction of the peer's decoder that it may not send.
const DECODER_STREAM_ERROR: Code = Code::new(0x202);

impl Error {
    const fn new(rule: &'static Rule) -> Self {
        Self(rule)
    }

    /// The rule that was broken.
    pub const fn rule(self) -> &'static Rule {
        self.0
    }

    /// What was wrong, for people; empty without the feature `reasons`.
    pub const fn reason(self) -> &'static str {
        self.0.reason()
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match Code::new(self.0.code()) {
            ENCODER_STREAM_ERROR => "QPACK_ENCODER_STREAM_ERROR",
            DECODER_STREAM_ERROR => "QPACK_DECODER_STREAM_ERROR",
            _ => "QPACK_DECOMPRESSION_FAILED",
        })?;
        write!(f, ": {}", self.reason())
    }
}

impl core::error::Error for Error {}
