//! The Huffman code of HPACK and QPACK (RFC 7541 §5.2 and Appendix B), both ways.
//!
//! The code is canonical: the lengths alone define it. So flash holds the symbols sorted by length, their ranks, and
//! how many there are of each length, all computed while compiling. A code is found by counting the lengths off,
//! from the shortest: few steps for the letters that occur.
//!
//! Invariant: what [`Decoder`] accepts is exactly what an encoder may produce: no EOS, padding of fewer
//! than 8 bits, all ones.

use crate::codec::{DecodeError, to_usize};

/// Bytes of `text` when encoded.
pub fn encoded_length(text: &[u8]) -> usize {
    let bits: u32 = text.iter().map(|&byte| code(byte).1).sum();
    to_usize(bits.div_ceil(8))
}

/// Encodes `text`, handing out one byte after the other.
pub fn encode(text: &[u8], mut put: impl FnMut(u8)) {
    let mut waiting = 0_u32;
    let mut free = 8;
    for &byte in text {
        let (mut code, mut length) = code(byte);
        while length >= free {
            length -= free;
            // The lowest byte: what is above has been put before.
            put((waiting << free | code >> length) as u8);
            code &= (1 << length) - 1;
            (waiting, free) = (0, 8);
        }
        waiting = waiting << length | code;
        free -= length;
    }
    if free < 8 {
        // The lowest byte, as above.
        put((waiting << free) as u8 | ((1 << free) - 1));
    }
}

/// The code of a byte, and its length in bits.
fn code(byte: u8) -> (u32, u32) {
    let mut rank = u32::from(RANKS[usize::from(byte)]);
    let mut first = 0;
    for (length, &count) in (SHORTEST..).zip(&COUNTS) {
        let count = u32::from(count);
        if rank < count {
            return (first + rank, length);
        }
        rank -= count;
        first = (first + count) << 1;
    }
    // EOS: no byte has it.
    (first, LONGEST)
}

/// The symbol whose code `bits` begin with, and the code's length; `None` for EOS.
fn symbol(bits: u32) -> Option<(u8, u32)> {
    let mut start = 0;
    let mut first = 0;
    for (length, &count) in (SHORTEST..).zip(&COUNTS) {
        let count = u32::from(count);
        // Shorter codes are smaller: never below the first of this length.
        let rank = (bits >> (32 - length)).wrapping_sub(first);
        if rank < count {
            return Some((SYMBOLS[to_usize(start + rank) & 0xff], length));
        }
        start += count;
        first = (first + count) << 1;
    }
    None
}

/// Decodes text that arrives in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decoder {
    /// Bits not decoded yet, in the highest places, zeros behind.
    window: u64,
    bits: u32,
}

impl Decoder {
    /// Decodes what `byte` completes, handing out one symbol after the other.
    ///
    /// # Errors
    /// `Invalid` for EOS.
    //= rfc7541#5.2
    pub fn push(&mut self, byte: u8, mut put: impl FnMut(u8)) -> Result<(), DecodeError> {
        // At most 29 bits wait for the end of a symbol.
        self.bits += 8;
        self.window |= u64::from(byte) << (64 - self.bits);
        while self.bits >= SHORTEST {
            // The zeros behind can only make the code look shorter; a length that is covered by arrived bits is
            // the true one.
            let (symbol, length) =
                // The upper half.
                symbol((self.window >> 32) as u32).ok_or(DecodeError::Invalid)?;
            if length > self.bits {
                break;
            }
            put(symbol);
            self.window <<= length;
            self.bits -= length;
        }
        Ok(())
    }

    /// Checks the end of the text.
    ///
    /// # Errors
    /// `Invalid` if the padding is longer than 7 bits or not all ones.
    //= rfc7541#5.2
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.bits < 8 && self.window.leading_ones() == self.bits {
            Ok(())
        } else {
            Err(DecodeError::Invalid)
        }
    }
}

const SHORTEST: u32 = 5;
const LONGEST: u32 = 30;

/// Symbols by length, then value.
static SYMBOLS: [u8; 256] = CODE.symbols;
/// Place of each symbol in [`SYMBOLS`].
static RANKS: [u8; 256] = CODE.ranks;
/// How many symbols have each length, from [`SHORTEST`] on. One code of the longest is left over, for EOS.
// Casts here and below widen or stay below 256; `From` is not const.
static COUNTS: [u8; (LONGEST - SHORTEST) as usize + 1] = CODE.counts;

/// What the lengths define.
struct Code {
    symbols: [u8; 256],
    ranks: [u8; 256],
    counts: [u8; (LONGEST - SHORTEST) as usize + 1],
}

// Evaluated when compiled: symbols and their ranks are below 256; what becomes `usize` grows.
const CODE: Code = {
    let mut code = Code {
        symbols: [0; 256],
        ranks: [0; 256],
        counts: [0; (LONGEST - SHORTEST) as usize + 1],
    };
    let mut rank = 0;
    let mut index = 0;
    while index < code.counts.len() {
        let mut symbol = 0;
        while symbol < 256 {
            if LENGTHS[symbol] as usize == SHORTEST as usize + index {
                code.symbols[rank] = symbol as u8;
                code.ranks[symbol] = rank as u8;
                code.counts[index] += 1;
                rank += 1;
            }
            symbol += 1;
        }
        index += 1;
    }
    code
};

/// Length in bits of each symbol's code (RFC 7541 Appendix B); EOS, which never appears, has 30.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(text, |byte| out.push(byte));
        assert_eq!(out.len(), encoded_length(text));
        out
    }

    fn decoded(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        let mut decoder = Decoder::default();
        for &byte in bytes {
            decoder.push(byte, |symbol| out.push(symbol))?;
        }
        decoder.finish()?;
        Ok(out)
    }

    //= rfc7541#C.4.1 test
    //= rfc7541#C.4.2 test
    //= rfc7541#C.4.3 test
    //= rfc7541#C.6.1 test
    //= rfc7541#C.6.3 test
    #[test]
    fn strings_of_the_examples() {
        let examples: [(&str, &[u8]); 9] = [
            (
                "www.example.com",
                &[
                    0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
                ],
            ),
            ("no-cache", &[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]),
            (
                "custom-key",
                &[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f],
            ),
            (
                "custom-value",
                &[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf],
            ),
            ("302", &[0x64, 0x02]),
            ("private", &[0xae, 0xc3, 0x77, 0x1a, 0x4b]),
            (
                "Mon, 21 Oct 2013 20:13:21 GMT",
                &[
                    0xd0, 0x7a, 0xbe, 0x94, 0x10, 0x54, 0xd4, 0x44, 0xa8, 0x20, 0x05, 0x95, 0x04,
                    0x0b, 0x81, 0x66, 0xe0, 0x82, 0xa6, 0x2d, 0x1b, 0xff,
                ],
            ),
            ("gzip", &[0x9b, 0xd9, 0xab]),
            (
                "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
                &[
                    0x94, 0xe7, 0x82, 0x1d, 0xd7, 0xf2, 0xe6, 0xc7, 0xb3, 0x35, 0xdf, 0xdf, 0xcd,
                    0x5b, 0x39, 0x60, 0xd5, 0xaf, 0x27, 0x08, 0x7f, 0x36, 0x72, 0xc1, 0xab, 0x27,
                    0x0f, 0xb5, 0x29, 0x1f, 0x95, 0x87, 0x31, 0x60, 0x65, 0xc0, 0x03, 0xed, 0x4e,
                    0xe5, 0xb1, 0x06, 0x3d, 0x50, 0x07,
                ],
            ),
        ];
        for (text, bytes) in examples {
            assert_eq!(encoded(text.as_bytes()), bytes, "{text}");
            assert_eq!(decoded(bytes).as_deref(), Ok(text.as_bytes()), "{text}");
        }
    }

    //= rfc7541#5.2 test
    #[test]
    fn padding_and_eos_are_checked() {
        assert_eq!(decoded(&[]).as_deref(), Ok(&[][..]));
        // '0' is five zero bits: three bits of padding.
        assert_eq!(decoded(&[0x07]).as_deref(), Ok(&b"0"[..]));
        assert_eq!(decoded(&[0x06]), Err(DecodeError::Invalid), "not all ones");
        assert_eq!(decoded(&[0x07, 0xff]), Err(DecodeError::Invalid), "11 bits");
        assert_eq!(decoded(&[0xff]), Err(DecodeError::Invalid), "8 bits");
        assert_eq!(decoded(&[0xff; 4]), Err(DecodeError::Invalid), "EOS");
        assert_eq!(
            decoded(&[0x07, 0xff, 0xff, 0xff, 0xff, 0xe0]),
            Err(DecodeError::Invalid)
        );
    }

    #[test]
    fn the_code_is_complete() {
        // Kraft: the codes of all symbols and EOS fill the space exactly.
        let used: u64 = LENGTHS.iter().map(|&length| 1 << (30 - length)).sum();
        assert_eq!(used + 1, 1 << 30);
        assert_eq!(symbol(0x3fff_fffe << 2), Some((22, LONGEST)));
        assert_eq!(symbol(0x3fff_ffff << 2), None);
    }

    proptest! {
        #[test]
        fn round_trip(text: Vec<u8>) {
            prop_assert_eq!(decoded(&encoded(&text)), Ok(text));
        }

        #[test]
        fn what_is_accepted_encodes_back_to_itself(bytes: Vec<u8>) {
            if let Ok(text) = decoded(&bytes) {
                prop_assert_eq!(encoded(&text), bytes);
            }
        }
    }
}
