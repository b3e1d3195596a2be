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
pub const LENGTH_MAX: u32 = 10;

/// The integer in the `bits` lowest bits (1 to 8) of the next byte and behind them; `usize::MAX` for one that is
/// larger, which is then more than there can be of anything.
///
/// # Errors
/// `UnexpectedEnd` leaves the cursor where it was; `Invalid` for 2^62 and more, and for endless padding.
//= rfc9204#4.1.1
pub fn decode(cursor: &mut Cursor<'_>, bits: u32) -> Result<usize, DecodeError> {
    let mut ahead = cursor.clone();
    let mask = u8::MAX >> (8 - bits);
    let first = ahead.u8()? & mask;
    let mut value = u64::from(first);
    let mut shift = 0;
    let mut goes_on = first == mask;
    while goes_on {
        let byte = ahead.u8()?;
        // At most 7 bits at shift 56 on top of 2^56 + 255: no overflow.
        value += u64::from(byte & 0x7f) << shift;
        shift += 7;
        goes_on = byte & 0x80 != 0;
        if value >> 62 != 0 || goes_on && shift == 7 * (LENGTH_MAX - 1) {
            return Err(DecodeError::Invalid);
        }
    }
    *cursor = ahead;
    Ok(usize::try_from(value).unwrap_or(usize::MAX))
}

/// Hands out the bytes of `value` in the `bits` lowest bits (1 to 8) behind `pattern`.
pub fn encode(pattern: u8, bits: u32, value: usize, mut put: impl FnMut(u8)) {
    let mask = u8::MAX >> (8 - bits);
    let Some(mut rest) = value.checked_sub(usize::from(mask)) else {
        // Below the mask.
        put(pattern | value as u8);
        return;
    };
    put(pattern | mask);
    while rest >= 0x80 {
        // The lowest seven bits; the next one is set in any case.
        put(0x80 | rest as u8);
        rest >>= 7;
    }
    put(rest as u8); // less than 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn encoded(pattern: u8, bits: u32, value: usize) -> Vec<u8> {
        let mut out = Vec::new();
        encode(pattern, bits, value, |byte| out.push(byte));
        out
    }

    fn decoded(bytes: &[u8], bits: u32) -> Result<usize, DecodeError> {
        let mut cursor = Cursor::new(&bytes, 0, bytes.len());
        let value = decode(&mut cursor, bits);
        let read = if value.is_ok() { bytes.len() } else { 0 };
        assert!(cursor.position() == read || value == Err(DecodeError::Invalid));
        value
    }

    //= rfc7541#C.1 test
    #[test]
    fn examples_of_the_rfc() {
        assert_eq!(encoded(0, 5, 10), [0x0a]);
        assert_eq!(encoded(0, 5, 1337), [0x1f, 0x9a, 0x0a]);
        assert_eq!(encoded(0, 8, 42), [0x2a]);
        assert_eq!(decoded(&[0xea], 5), Ok(10));
        assert_eq!(decoded(&[0x1f, 0x9a, 0x0a], 5), Ok(1337));
        assert_eq!(decoded(&[0x2a], 8), Ok(42));
    }

    //= rfc9204#4.1.1 test
    #[test]
    fn sixty_two_bits_are_read_and_more_are_refused() {
        // 2^62 - 1 - 127, and one more, in groups of seven bits.
        let mut bytes = [0x7f, 0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f];
        let largest = usize::try_from((1_u64 << 62) - 1).unwrap_or(usize::MAX);
        assert_eq!(decoded(&bytes, 7), Ok(largest));
        bytes[1] = 0x81;
        assert_eq!(decoded(&bytes, 7), Err(DecodeError::Invalid));
        let mut padded = [0x80; 16];
        padded[0] = 0xff;
        assert_eq!(decoded(&padded, 8), Err(DecodeError::Invalid));
        assert_eq!(decoded(&[0xff; 16], 8), Err(DecodeError::Invalid));
        assert_eq!(decoded(&padded[..5], 8), Err(DecodeError::UnexpectedEnd));
        assert_eq!(decoded(&[], 8), Err(DecodeError::UnexpectedEnd));
    }

    proptest! {
        #[test]
        fn round_trip(value: usize, shift in 2_u32..usize::BITS, bits in 1_u32..=8) {
            let value = value >> shift;
            let pattern = !(u8::MAX >> (8 - bits));
            let encoded = encoded(pattern, bits, value);
            prop_assert_eq!(encoded[0] & pattern, pattern);
            prop_assert_eq!(decoded(&encoded, bits), Ok(value));
        }
    }
}
