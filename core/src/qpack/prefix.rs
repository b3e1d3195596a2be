//! Integers that share their first byte with a pattern (RFC 7541 §5.1, RFC 9204 §4.1.1).
//!
//! ```text
//!     0   1   2   3   4   5   6   7
//!   +---+---+---+---+---+---+---+---+
//!   |  pattern  |  value, or all ones and 7 bits a byte from here on, lowest first
//!   +-----------+-------------------+
//! ```
//!
//! Invariant: a decoded integer is below 2^62 and took at most [`LENGTH_MAX`] bytes.

use super::Cursor;
use crate::codec::DecodeError;

/// The first byte and nine of seven bits each: enough for every 62-bit value. A longer encoding pads with
/// zeros, which only hides something.
pub const LENGTH_MAX: usize = 10;

/// The pattern bits of the first byte (the others zero), and the integer behind them in its `bits` lowest
/// bits (1 to 8).
///
/// # Errors
/// `UnexpectedEnd` leaves the cursor where it was; `Invalid` for 2^62 and more, and for endless padding.
pub fn decode(cursor: &mut Cursor<'_>, bits: u32) -> Result<(u8, u64), DecodeError> {
    let mut ahead = cursor.clone();
    let first = ahead.u8()?;
    let mask = u8::MAX >> (8 - bits);
    let mut value = u64::from(first & mask);
    if value == u64::from(mask) {
        value = continuation(&mut ahead, value)?;
    }
    *cursor = ahead;
    Ok((first & !mask, value))
}

//= rfc9204#4.1.1
fn continuation(cursor: &mut Cursor<'_>, first: u64) -> Result<u64, DecodeError> {
    let mut value = first;
    for shift in (0..7 * (LENGTH_MAX as u32 - 1)).step_by(7) {
        let byte = cursor.u8()?;
        // At most 7 bits at shift 56 on top of 2^56 + 255: no overflow.
        value += u64::from(byte & 0x7f) << shift;
        if value >> 62 != 0 {
            return Err(DecodeError::Invalid);
        }
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(DecodeError::Invalid)
}

/// An encoded integer: at most [`LENGTH_MAX`] bytes, or 11 from 2^63 on.
#[derive(Clone, Copy, Debug)]
pub struct Encoded {
    bytes: [u8; LENGTH_MAX + 1],
    length: usize,
}

impl Encoded {
    /// `value` in the `bits` lowest bits (1 to 8) behind `pattern`.
    pub fn new(pattern: u8, bits: u32, value: u64) -> Self {
        let mut encoded = Self {
            bytes: [0; LENGTH_MAX + 1],
            length: 0,
        };
        let mask = u8::MAX >> (8 - bits);
        if value < u64::from(mask) {
            encoded.push(pattern | value as u8);
            return encoded;
        }
        encoded.push(pattern | mask);
        let mut rest = value - u64::from(mask);
        while rest >= 0x80 {
            encoded.push(0x80 | (rest & 0x7f) as u8);
            rest >>= 7;
        }
        encoded.push(rest as u8);
        encoded
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }
}

/// Bytes that `value` takes behind a pattern that leaves `bits` bits (1 to 8).
pub const fn size(bits: u32, value: u64) -> usize {
    let mask = (u8::MAX >> (8 - bits)) as u64;
    if value < mask {
        return 1;
    }
    let mut size = 2;
    let mut rest = value - mask;
    while rest >= 0x80 {
        rest >>= 7;
        size += 1;
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(bytes: &[u8], bits: u32) -> Result<(u8, u64), DecodeError> {
        decode(&mut Cursor::new(&bytes, 0, bytes.len()), bits)
    }

    //= rfc7541#C.1 test
    #[test]
    fn examples_of_the_rfc() {
        assert_eq!(Encoded::new(0, 5, 10).as_slice(), [0x0a]);
        assert_eq!(Encoded::new(0, 5, 1337).as_slice(), [0x1f, 0x9a, 0x0a]);
        assert_eq!(Encoded::new(0, 8, 42).as_slice(), [0x2a]);
        assert_eq!(decoded(&[0xea], 5), Ok((0xe0, 10)));
        assert_eq!(decoded(&[0x1f, 0x9a, 0x0a], 5), Ok((0, 1337)));
        assert_eq!(decoded(&[0x2a], 8), Ok((0, 42)));
    }

    //= rfc9204#4.1.1 test
    #[test]
    fn sixty_two_bits_are_read_and_more_are_refused() {
        let largest = (1 << 62) - 1;
        for bits in 1..=8 {
            let encoded = Encoded::new(0, bits, largest);
            assert_eq!(decoded(encoded.as_slice(), bits), Ok((0, largest)));
            let encoded = Encoded::new(0, bits, largest + 1);
            assert_eq!(decoded(encoded.as_slice(), bits), Err(DecodeError::Invalid));
        }
        let mut padded = [0x80; 16];
        padded[0] = 0xff;
        assert_eq!(decoded(&padded, 8), Err(DecodeError::Invalid));
        assert_eq!(decoded(&[0xff; 16], 8), Err(DecodeError::Invalid));
        assert_eq!(decoded(&padded[..5], 8), Err(DecodeError::UnexpectedEnd));
        assert_eq!(decoded(&[], 8), Err(DecodeError::UnexpectedEnd));
    }

    proptest! {
        #[test]
        fn round_trip(value in 0_u64..1 << 62, shift in 0_u32..62, bits in 1_u32..=8) {
            let value = value >> shift;
            let pattern = !(u8::MAX >> (8 - bits));
            let encoded = Encoded::new(pattern, bits, value);
            prop_assert_eq!(encoded.as_slice().len(), size(bits, value));
            prop_assert_eq!(decoded(encoded.as_slice(), bits), Ok((pattern, value)));
        }
    }
}
