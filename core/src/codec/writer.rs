//! A cursor that fills a borrowed buffer and never runs over its end.
//!
//! Invariant: a refused write leaves the cursor where it was.

use super::{VarInt, to_u64};

/// The buffer has no room for what was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Writes integers and slices to the front of a byte slice.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl<'a> Writer<'a> {
    /// A writer at the start of `buffer`.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Bytes that still fit.
    pub fn remaining(&self) -> usize {
        self.buffer.len() - self.length
    }

    /// What was written.
    pub fn written(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    /// What was written, to be changed in place.
    pub fn written_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.length).unwrap_or_default()
    }

    /// Goes back to an earlier length; a later one is ignored.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// The next `length` bytes, as they are, to be filled by the caller.
    pub fn space(&mut self, length: usize) -> Result<&mut [u8], Full> {
        self.free(length)
    }

    /// Inlined, so that the length of what it returns is known where it is filled.
    #[inline(always)]
    fn free(&mut self, length: usize) -> Result<&mut [u8], Full> {
        let (_, free) = self.buffer.split_at_mut_checked(self.length).ok_or(Full)?;
        let space = free.get_mut(..length).ok_or(Full)?;
        self.length += length;
        Ok(space)
    }

    /// Copies `bytes`.
    #[inline(never)]
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        for (place, &byte) in self.free(bytes.len())?.iter_mut().zip(bytes) {
            *place = byte;
        }
        Ok(())
    }

    /// `length` zero bytes.
    #[inline(never)]
    pub fn zeros(&mut self, length: usize) -> Result<(), Full> {
        self.free(length)?.fill(0);
        Ok(())
    }

    /// One byte.
    #[inline(never)]
    pub fn u8(&mut self, value: u8) -> Result<(), Full> {
        *self.buffer.get_mut(self.length).ok_or(Full)? = value;
        self.length += 1;
        Ok(())
    }

    /// Two bytes, network order.
    pub fn u16(&mut self, value: u16) -> Result<(), Full> {
        self.integer(2, value.into())
    }

    /// Three bytes, network order; the highest byte of `value` is dropped.
    pub fn u24(&mut self, value: u32) -> Result<(), Full> {
        self.integer(3, value.into())
    }

    /// Four bytes, network order.
    pub fn u32(&mut self, value: u32) -> Result<(), Full> {
        self.integer(4, value.into())
    }

    /// The lowest `size` bytes of `value`, network order.
    #[inline(never)]
    fn integer(&mut self, size: usize, mut value: u64) -> Result<(), Full> {
        for place in self.free(size)?.iter_mut().rev() {
            // The lowest byte; the others follow.
            *place = value as u8;
            value >>= 8;
        }
        Ok(())
    }

    /// A variable-length integer in its shortest form (RFC 9000 §16); 2^62 and more do not fit.
    #[inline(never)]
    pub fn varint(&mut self, value: u64) -> Result<(), Full> {
        self.varint_sized(value, VarInt::size(value))
    }

    /// A variable-length integer in `size` bytes (1, 2, 4 or 8); a value too large for them does not fit.
    #[inline(never)]
    pub fn varint_sized(&mut self, value: u64, size: usize) -> Result<(), Full> {
        let prefix = match size {
            1 => 0,
            2 => 0x40,
            4 => 0x80,
            8 => 0xc0,
            _ => return Err(Full),
        };
        if value > VarInt::MAX.get() || size < VarInt::size(value) {
            return Err(Full);
        }
        let start = self.length;
        self.integer(size, value)?;
        if let Some(first) = self.buffer.get_mut(start) {
            *first |= prefix;
        }
        Ok(())
    }

    /// What `write` writes, with its length in two bytes in front. Nothing is kept if it does not fit.
    pub fn vector_u16(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), Full>,
    ) -> Result<(), Full> {
        self.vector(2, write)
    }

    /// The same with a length of one byte.
    pub fn vector_u8(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), Full>,
    ) -> Result<(), Full> {
        self.vector(1, write)
    }

    /// The same with a length of three bytes.
    pub fn vector_u24(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), Full>,
    ) -> Result<(), Full> {
        self.vector(3, write)
    }

    fn vector(
        &mut self,
        prefix: usize,
        write: impl FnOnce(&mut Self) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let start = self.begin_vector(prefix);
        let written = write(self);
        self.end_vector(start, prefix, written)
    }

    /// Leaves room for a prefix and says where. If there is too little, nothing more fits, and
    /// [`Self::end_vector`] will notice.
    #[inline(never)]
    fn begin_vector(&mut self, prefix: usize) -> usize {
        let start = self.length;
        self.length = self.buffer.len().min(start + prefix);
        start
    }

    /// Puts the length of the vector from `start` on into the prefix there, or takes everything back. It and its
    /// counterpart are no part of [`Self::vector`], which is compiled for each of its closures.
    #[inline(never)]
    fn end_vector(
        &mut self,
        start: usize,
        prefix: usize,
        written: Result<(), Full>,
    ) -> Result<(), Full> {
        let end = core::mem::replace(&mut self.length, start);
        written?;
        let length = to_u64(end.checked_sub(start + prefix).ok_or(Full)?);
        if length >> (8 * prefix) != 0 {
            return Err(Full);
        }
        self.integer(prefix, length)?;
        self.length = end;
        Ok(())
    }

    /// Runs `write`, and takes everything back if it did not fit.
    pub fn whole<T>(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<T, Full>,
    ) -> Result<T, Full> {
        let start = self.length;
        let result = write(self);
        if result.is_err() {
            self.length = start;
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::*;

    #[test]
    fn varints_round_trip_at_every_edge() {
        for value in [
            0,
            63,
            64,
            16_383,
            16_384,
            (1 << 30) - 1,
            1 << 30,
            VarInt::MAX.get(),
        ] {
            let mut buffer = [0; 8];
            let mut writer = Writer::new(&mut buffer);
            writer.varint(value).unwrap();
            assert_eq!(writer.len(), VarInt::size(value));
            assert_eq!(Reader::new(writer.written()).varint(), Ok(value));
        }
        assert_eq!(Writer::new(&mut [0; 8]).varint(1 << 62), Err(Full));
        assert_eq!(Writer::new(&mut [0; 8]).varint_sized(64, 1), Err(Full));
    }

    #[test]
    fn a_vector_that_does_not_fit_leaves_no_trace() {
        let mut buffer = [0; 4];
        let mut writer = Writer::new(&mut buffer);
        writer.u8(7).unwrap();
        assert_eq!(writer.vector_u16(|writer| writer.u16(1)), Err(Full));
        assert_eq!(writer.written(), &[7]);
        assert_eq!(writer.vector_u16(|writer| writer.u8(1)), Ok(()));
        assert_eq!(writer.written(), &[7, 0, 1, 1]);
        assert_eq!(writer.vector_u8(|_| Ok(())), Err(Full));
        writer.truncate(3);
        assert_eq!(writer.vector_u16(|_| Ok(())), Err(Full));
        assert_eq!(writer.vector_u8(|_| Ok(())), Ok(()));
        assert_eq!(writer.written(), &[7, 0, 1, 0]);
    }

    #[test]
    fn a_vector_is_no_longer_than_its_prefix_can_say() {
        let mut buffer = [0; 300];
        let mut writer = Writer::new(&mut buffer);
        assert_eq!(writer.vector_u8(|writer| writer.zeros(256)), Err(Full));
        assert!(writer.is_empty());
        assert_eq!(writer.vector_u8(|writer| writer.zeros(255)), Ok(()));
        assert_eq!(writer.written()[0], 255);
    }
}
