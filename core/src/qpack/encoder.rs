//! Fields to bytes (RFC 9204 §4.5), without state: the static table, literals, Huffman where it is shorter.
//!
//! Invariant: an encoder that counts and one that writes agree on every length.

use super::static_table::{self, Match};
use super::{Field, huffman, prefix};

/// The two zero bytes in front of every section: nothing of the dynamic table is needed.
pub const PREFIX: [u8; 2] = [0, 0];

/// Bytes collected before they are handed on: a typical line, so that a request takes few writes.
const BUFFER: usize = 128;

/// Takes encoded bytes, in order.
type Flush<'a> = &'a mut dyn FnMut(&[u8]);

/// Writes field lines, handing out the bytes in pieces, or counts their bytes.
pub struct Encoder<'a> {
    flush: Option<Flush<'a>>,
    buffer: [u8; BUFFER],
    /// Bytes in the buffer; without a `flush`, all bytes.
    used: usize,
}

impl<'a> Encoder<'a> {
    /// An encoder that gives its bytes to `flush`, in order, the last of them in [`Encoder::finish`]. Without a
    /// `flush` it counts.
    pub fn new(flush: Option<Flush<'a>>) -> Self {
        Self {
            flush,
            buffer: [0; BUFFER],
            used: 0,
        }
    }

    /// Bytes as they are: a frame header, or the section's [`PREFIX`].
    pub fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.u8(byte);
        }
    }

    /// One field line.
    pub fn field(&mut self, field: &Field<'_>) {
        let never_indexed = u8::from(field.is_sensitive());
        match find(field) {
            Match::Whole(index) => return self.integer(0b1100_0000, 6, index.into()),
            Match::Name(index) => self.integer(0b0101_0000 | never_indexed << 5, 4, index.into()),
            Match::None => {
                let pattern = 0b0010_0000 | never_indexed << 4;
                self.string(pattern, 3, field.name().as_bytes());
            }
        }
        self.string(0, 7, field.value());
    }

    /// Hands out what is left; returns how much was counted, if it was.
    pub fn finish(self) -> usize {
        if let Some(flush) = self.flush {
            flush(self.buffer.get(..self.used).unwrap_or_default());
        }
        self.used
    }

    /// A string behind `pattern`: the bit above the `bits` of its length says whether it is Huffman encoded.
    fn string(&mut self, pattern: u8, bits: u32, text: &[u8]) {
        let huffman_length = huffman::encoded_length(text);
        if huffman_length >= text.len() {
            self.integer(pattern, bits, text.len());
            self.bytes(text);
            return;
        }
        self.integer(pattern | 1 << bits, bits, huffman_length);
        if self.flush.is_some() {
            huffman::encode(text, |byte| self.u8(byte));
        } else {
            self.used += huffman_length;
        }
    }

    fn integer(&mut self, pattern: u8, bits: u32, value: usize) {
        prefix::encode(pattern, bits, value, |byte| self.u8(byte));
    }

    #[inline(never)]
    fn u8(&mut self, byte: u8) {
        if let Some(place) = self.buffer.get_mut(self.used) {
            *place = byte;
        } else if let Some(flush) = &mut self.flush {
            flush(&self.buffer);
            self.buffer[0] = byte;
            self.used = 0;
        }
        self.used += 1;
    }
}

/// A sensitive value is written out even where the table has it: only a literal can carry the mark.
//= rfc9204#7.1.3
fn find(field: &Field<'_>) -> Match {
    match static_table::find(field.name().as_bytes(), field.value()) {
        Match::Whole(index) if field.is_sensitive() => Match::Name(index),
        found => found,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::vec::Vec;

    pub(crate) fn encoded(fields: &[Field<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut flush = |bytes: &[u8]| out.extend_from_slice(bytes);
        let encode = |mut encoder: Encoder<'_>| {
            encoder.bytes(&PREFIX);
            for field in fields {
                encoder.field(field);
            }
            encoder.finish()
        };
        let length = encode(Encoder::new(None));
        encode(Encoder::new(Some(&mut flush)));
        assert_eq!(out.len(), length);
        out
    }

    //= rfc9204#B.1 test
    #[test]
    fn name_reference_of_the_rfc() {
        // The RFC writes the value without Huffman, which would be shorter; all else is the same.
        let bytes = encoded(&[Field::new(":path", "/index.html")]);
        assert_eq!(bytes[..4], [0, 0, 0x51, 0x88]);
        // Nothing is gained for two bytes of five and more bits each.
        let bytes = encoded(&[Field::new(":path", "~~")]);
        assert_eq!(bytes, [0, 0, 0x51, 2, b'~', b'~']);
    }

    #[test]
    fn every_form() {
        assert_eq!(encoded(&[Field::new(":method", "GET")]), [0, 0, 0xd1]);
        assert_eq!(
            encoded(&[Field::new("x-frame-options", "sameorigin")]),
            [0, 0, 0xff, 35]
        );
        assert_eq!(
            encoded(&[Field::new("authorization", "\\").sensitive()]),
            [0, 0, 0x7f, 69, 1, b'\\']
        );
        assert_eq!(
            encoded(&[Field::new("age", "0").sensitive()]),
            [0, 0, 0x72, 1, b'0']
        );
        assert_eq!(
            encoded(&[Field::new("|", "\\").sensitive()]),
            [0, 0, 0x31, b'|', 1, b'\\']
        );
        assert_eq!(encoded(&[Field::new("", "")]), [0, 0, 0x20, 0]);
    }

    #[test]
    fn pieces_join_to_the_whole() {
        let value = [b'\\'; 1000];
        let bytes = encoded(&[Field::new("|", &value)]);
        assert!(bytes.ends_with(&value));
        assert_eq!(bytes.len(), 2 + 2 + 3 + 1000);
    }
}
