//! A cursor over borrowed bytes (RFC 9000 §1.3 notation, RFC 8446 §3 vectors).
//!
//! Invariant: a failed read leaves the cursor where it was.

use super::DecodeError;

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
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(DecodeError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(*head)
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
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes, network order.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// Three bytes, network order.
    pub fn u24(&mut self) -> Result<u32, DecodeError> {
        let [a, b, c] = self.array()?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes, network order.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// A variable-length integer (RFC 9000 §16).
    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        let first = self.peek().ok_or(DecodeError::UnexpectedEnd)?;
        let bytes = self.take(1 << (first >> 6))?;
        let value = bytes
            .iter()
            .fold(0, |value, &byte| (value << 8) | u64::from(byte));
        Ok(value & (u64::MAX >> (66 - 8 * bytes.len())))
    }

    /// A vector with a one-byte length in front.
    pub fn vector_u8(&mut self) -> Result<Self, DecodeError> {
        self.vector(|reader| reader.u8().map(usize::from))
    }

    /// A vector with a two-byte length in front.
    pub fn vector_u16(&mut self) -> Result<Self, DecodeError> {
        self.vector(|reader| reader.u16().map(usize::from))
    }

    /// A vector with a three-byte length in front.
    pub fn vector_u24(&mut self) -> Result<Self, DecodeError> {
        self.vector(|reader| reader.u24().map(|length| length as usize))
    }

    fn vector(
        &mut self,
        length: fn(&mut Self) -> Result<usize, DecodeError>,
    ) -> Result<Self, DecodeError> {
        let mut ahead = *self;
        let wanted = length(&mut ahead)?;
        let body = ahead.sub(wanted)?;
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
