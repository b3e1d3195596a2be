//! A cursor over borrowed bytes (RFC 9000 §1.3 notation, RFC 8446 §3 vectors).
//!
//! Invariant: a failed read leaves the cursor where it was.

use super::{DecodeError, to_usize};

/// Reads integers and slices from the front of a byte slice.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            total: bytes.len(),
        }
    }

    /// Bytes read so far.
    pub const fn position(&self) -> usize {
        self.total - self.rest.len()
    }

    /// Bytes not yet read.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte, without reading it.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next `length` bytes.
    #[inline(never)]
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(DecodeError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `length` bytes, for a length that came off the wire and may not fit a `usize`.
    pub fn take_u64(&mut self, length: u64) -> Result<&'a [u8], DecodeError> {
        self.take(usize::try_from(length).map_err(|_| DecodeError::UnexpectedEnd)?)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| DecodeError::UnexpectedEnd)
    }

    /// A reader over the next `length` bytes, which are read from this one.
    pub fn sub(&mut self, length: usize) -> Result<Self, DecodeError> {
        Ok(Self::new(self.take(length)?))
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        // One byte was read.
        self.integer(1).map(|value| value as u8)
    }

    /// Two bytes, network order.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        // Two bytes were read.
        self.integer(2).map(|value| value as u16)
    }

    /// Three bytes, network order.
    pub fn u24(&mut self) -> Result<u32, DecodeError> {
        self.integer(3)
    }

    /// Four bytes, network order.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.integer(4)
    }

    /// An integer of `size` bytes (up to 4), network order.
    #[inline(never)]
    fn integer(&mut self, size: usize) -> Result<u32, DecodeError> {
        let bytes = self.take(size)?.iter();
        Ok(bytes.fold(0, |value, &byte| value << 8 | u32::from(byte)))
    }

    /// A variable-length integer (RFC 9000 §16).
    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        match self.varint_or_none() {
            NO_VARINT => Err(DecodeError::UnexpectedEnd),
            value => Ok(value),
        }
    }

    /// [`NO_VARINT`] if it is not there whole: unlike a result, a number comes back in registers.
    #[inline(never)]
    fn varint_or_none(&mut self) -> u64 {
        let Some(first) = self.peek() else {
            return NO_VARINT;
        };
        let Ok([_, others @ ..]) = self.take(1 << (first >> 6)) else {
            return NO_VARINT;
        };
        let value = u64::from(first & 0x3f);
        let append = |value, &byte: &u8| value << 8 | u64::from(byte);
        others.iter().fold(value, append)
    }

    /// A vector with a one-byte length in front.
    pub fn vector_u8(&mut self) -> Result<Self, DecodeError> {
        self.vector(1)
    }

    /// A vector with a two-byte length in front.
    pub fn vector_u16(&mut self) -> Result<Self, DecodeError> {
        self.vector(2)
    }

    /// A vector with a three-byte length in front.
    pub fn vector_u24(&mut self) -> Result<Self, DecodeError> {
        self.vector(3)
    }

    #[inline(never)]
    fn vector(&mut self, prefix: usize) -> Result<Self, DecodeError> {
        let mut ahead = *self;
        let length = ahead.integer(prefix)?;
        let body = ahead.sub(to_usize(length))?;
        *self = ahead;
        Ok(body)
    }

    /// The value that `read` makes of all the rest; trailing bytes are an error.
    pub fn all<T, E: From<DecodeError>>(
        mut self,
        read: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let value = read(&mut self)?;
        self.end()?;
        Ok(value)
    }

    /// Succeeds if nothing is left.
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Invalid)
        }
    }
}

/// No variable-length integer is so large.
const NO_VARINT: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9000#A.1 test
    #[test]
    fn varint_vectors() {
        let cases: [(&[u8], u64); 5] = [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ];
        for (bytes, value) in cases {
            let mut reader = Reader::new(bytes);
            assert_eq!(reader.varint(), Ok(value));
            assert!(reader.is_empty());
            for cut in 0..bytes.len() {
                let mut short = Reader::new(&bytes[..cut]);
                assert_eq!(short.varint(), Err(DecodeError::UnexpectedEnd));
                assert_eq!(short.position(), 0);
            }
        }
    }

    #[test]
    fn vectors_are_read_whole_or_not_at_all() {
        let mut reader = Reader::new(&[0, 3, 1, 2]);
        assert!(reader.vector_u16().is_err());
        assert_eq!(reader.position(), 0);
        let mut reader = Reader::new(&[0, 2, 1, 2, 9]);
        assert_eq!(reader.vector_u16().unwrap().rest(), &[1, 2]);
        assert_eq!(reader.u8(), Ok(9));
    }
}
