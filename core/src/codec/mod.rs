//! Bytes in and out: the only code in the engine that indexes raw buffers.

mod convert;
mod reader;
mod varint;
mod writer;

pub use convert::{to_u64, to_usize};
pub use reader::Reader;
pub use varint::VarInt;
pub use writer::{Full, Writer};

/// Copies as many bytes as both have. Unlike the slice's own method it has no length to insist on, and cannot panic.
pub fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// The same to a place within `to`; nothing where that is outside.
pub fn copy_at(to: &mut [u8], at: usize, from: &[u8]) {
    copy(to.get_mut(at..).unwrap_or_default(), from);
}

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
