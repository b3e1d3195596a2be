//! Received bytes that lie in several pieces, and a cursor over them.
//!
//! Invariant: a cursor never looks at or beyond its end.

use crate::codec::DecodeError;

/// In-order bytes in contiguous pieces, as a receive stream holds them in its chunks.
pub trait Source {
    /// The bytes from `offset` up to the end of the piece that holds them; empty where nothing has arrived.
    fn chunk(&self, offset: usize) -> &[u8];
}

impl Source for &[u8] {
    fn chunk(&self, offset: usize) -> &[u8] {
        self.get(offset..).unwrap_or(&[])
    }
}

/// Reads a range of a [`Source`] front to back.
#[derive(Clone)]
pub struct Cursor<'s> {
    source: &'s dyn Source,
    /// What is left of the current piece, cut at `end`.
    piece: &'s [u8],
    /// Offset in the source of the first byte of `piece`.
    at: usize,
    end: usize,
}

impl<'s> Cursor<'s> {
    /// A cursor over the bytes from `start` to before `end`.
    pub fn new(source: &'s dyn Source, start: usize, end: usize) -> Self {
        Self {
            source,
            piece: &[],
            at: start,
            end: end.max(start),
        }
    }

    /// Offset of the next byte in the source.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Bytes left before the end, arrived or not.
    pub fn remaining(&self) -> usize {
        self.end - self.at
    }

    /// Some bytes that come next, without reading them; empty at the end or where nothing has arrived.
    pub fn piece(&mut self) -> &'s [u8] {
        if self.piece.is_empty() {
            let piece = self.source.chunk(self.at);
            self.piece = piece.get(..self.remaining()).unwrap_or(piece);
        }
        self.piece
    }

    /// Reads `count` bytes of what [`Cursor::piece`] showed; more than that are not read.
    pub fn advance(&mut self, count: usize) {
        let count = count.min(self.piece.len());
        self.piece = self.piece.get(count..).unwrap_or_default();
        self.at += count;
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        let &byte = self.piece().first().ok_or(DecodeError::UnexpectedEnd)?;
        self.advance(1);
        Ok(byte)
    }

    /// A variable-length integer (RFC 9000 §16); nothing is read if it is not there whole.
    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut ahead = self.clone();
        let first = ahead.u8()?;
        let mut value = u64::from(first & 0x3f);
        for _ in 1..1_u8 << (first >> 6) {
            value = value << 8 | u64::from(ahead.u8()?);
        }
        *self = ahead;
        Ok(value)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Bytes cut into pieces of `piece` bytes, to find out what a split does.
    pub(crate) struct Pieces<'a> {
        pub(crate) bytes: &'a [u8],
        pub(crate) piece: usize,
    }

    impl Source for Pieces<'_> {
        fn chunk(&self, offset: usize) -> &[u8] {
            let end = (offset / self.piece + 1) * self.piece;
            self.bytes
                .get(offset..end.min(self.bytes.len()))
                .unwrap_or(&[])
        }
    }

    #[test]
    fn integers_are_read_across_every_split_or_not_at_all() {
        let bytes = [0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c, 0x25];
        for piece in 1..=bytes.len() {
            let source = Pieces {
                bytes: &bytes,
                piece,
            };
            let mut cursor = Cursor::new(&source, 0, bytes.len());
            assert_eq!(cursor.varint(), Ok(151_288_809_941_952_652));
            assert_eq!(cursor.varint(), Ok(37));
            assert_eq!(cursor.varint(), Err(DecodeError::UnexpectedEnd));
            for end in 0..8 {
                let mut cursor = Cursor::new(&source, 0, end);
                assert_eq!(cursor.varint(), Err(DecodeError::UnexpectedEnd));
                assert_eq!((cursor.position(), cursor.remaining()), (0, end));
            }
        }
    }
}
