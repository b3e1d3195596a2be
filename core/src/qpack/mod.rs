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
mod source;
pub mod static_table;

pub use decoder::{Line, Section};
pub use encoder::Encoder;
pub use field::Field;
pub use source::{Cursor, Source};

/// Why the peer's compressed fields or instructions end the connection (RFC 9204 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error {
    /// QPACK_DECOMPRESSION_FAILED: a field section that has no meaning, and what is wrong with it.
    Decompression(&'static str),
    /// QPACK_ENCODER_STREAM_ERROR: an instruction of the peer's encoder that it may not send.
    EncoderStream(&'static str),
    /// QPACK_DECODER_STREAM_ERROR: an instruction of the peer's decoder that it may not send.
    DecoderStream(&'static str),
}

impl Error {
    /// What was wrong, for people.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Decompression(reason)
            | Self::EncoderStream(reason)
            | Self::DecoderStream(reason) => reason,
        }
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let name = match self {
            Self::Decompression(_) => "QPACK_DECOMPRESSION_FAILED",
            Self::EncoderStream(_) => "QPACK_ENCODER_STREAM_ERROR",
            Self::DecoderStream(_) => "QPACK_DECODER_STREAM_ERROR",
        };
        write!(f, "{name}: {}", self.reason())
    }
}

impl core::error::Error for Error {}
