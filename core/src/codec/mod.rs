//! Bytes in and out: the only code in the engine that indexes raw buffers.

mod reader;
mod varint;
mod writer;

pub use reader::Reader;
pub use varint::VarInt;
pub use writer::{Full, Writer};

/// Why bytes could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DecodeError {
    /// The input ends inside a value.
    UnexpectedEnd,
    /// The bytes are all there and mean nothing legal.
    Invalid,
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::UnexpectedEnd => "input ends inside a value",
            Self::Invalid => "not a legal encoding",
        })
    }
}

impl core::error::Error for DecodeError {}
