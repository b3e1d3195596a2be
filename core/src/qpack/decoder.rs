//! An encoded field section, read one line at a time from wherever its bytes lie (RFC 9204 §4.5).
//!
//! Invariant: memory is one scratch for one line; a longer line is measured, cut and harmless to the next.

use super::{Cursor, DECOMPRESSION_FAILED, Error, Source, huffman, prefix, static_table};
use crate::codec::DecodeError;
use crate::wire::rule;

/// A position in an encoded field section. Small and `Copy`: reading twice is a copy of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Section {
    at: usize,
    end: usize,
}

/// One field line as it was sent, cut to the scratch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The name, or as much of it as the scratch holds.
    pub name: &'a [u8],
    /// The value, or as much of it as the scratch holds behind the name.
    pub value: &'a [u8],
    /// Length of the whole name, in bytes.
    pub name_length: usize,
    /// Length of the whole value, in bytes.
    pub value_length: usize,
    /// The sender wants it in no compression table.
    pub sensitive: bool,
}

impl Line<'_> {
    /// Nothing was cut.
    pub const fn is_whole(&self) -> bool {
        self.name.len() == self.name_length && self.value.len() == self.value_length
    }
}

impl Section {
    /// Reads the prefix of the section in the `length` bytes of `source` from `start` on.
    ///
    /// # Errors
    /// A section that needs the dynamic table, which has no room, or is cut short.
    //= rfc9204#4.5.1.1
    //= rfc9204#4.5.1.2
    pub fn open(source: &dyn Source, start: usize, length: usize) -> Result<Self, Error> {
        let end = start.saturating_add(length);
        let mut cursor = Cursor::new(source, start, end);
        if integer(&mut cursor, 8)? != 0 {
            return Err(Error::new(rule!(
                DECOMPRESSION_FAILED,
                "inserts required, capacity is 0"
            )));
        }
        let &sign = cursor.piece().first().ok_or(TRUNCATED)?;
        integer(&mut cursor, 7)?;
        if sign & 0b1000_0000 != 0 {
            return Err(Error::new(rule!(DECOMPRESSION_FAILED, "a negative base")));
        }
        let at = cursor.position();
        Ok(Self { at, end })
    }

    /// The next line, decoded into `scratch` where it is not in the static table; `None` at the end.
    ///
    /// # Errors
    /// A reference to an entry that does not exist, a malformed string or integer. The section is over.
    pub fn next<'a>(
        &mut self,
        source: &dyn Source,
        scratch: &'a mut [u8],
    ) -> Result<Option<Line<'a>>, Error> {
        let mut cursor = Cursor::new(source, self.at, self.end);
        if cursor.remaining() == 0 {
            return Ok(None);
        }
        self.at = self.end;
        let &first = cursor.piece().first().ok_or(TRUNCATED)?;
        let name: &[u8];
        let name_length;
        let rest: &mut [u8];
        match first {
            // 1 1 index(6)
            0b1100_0000.. => {
                let (name, value) = entry(&mut cursor, 6)?;
                self.at = cursor.position();
                return Ok(Some(Line {
                    name,
                    value,
                    name_length: name.len(),
                    value_length: value.len(),
                    sensitive: false,
                }));
            }
            // 0 1 N 1 index(4), value
            0b0101_0000..=0b0101_1111 | 0b0111_0000..=0b0111_1111 => {
                (name, _) = entry(&mut cursor, 4)?;
                name_length = name.len();
                rest = scratch;
            }
            // 0 0 1 N H length(3), name, value
            0b0010_0000..=0b0011_1111 => {
                name_length = text(&mut cursor, 3, scratch)?;
                let stored = name_length.min(scratch.len());
                let parts = scratch.split_at_mut_checked(stored);
                let (before, behind) = parts.unwrap_or_default();
                name = before;
                rest = behind;
            }
            // Dynamic entries, relative or behind the base: there are none.
            _ => {
                return Err(Error::new(rule!(
                    DECOMPRESSION_FAILED,
                    "no such dynamic entry"
                )));
            }
        }
        let value_length = text(&mut cursor, 7, rest)?;
        self.at = cursor.position();
        let never_indexed = if first < REFERENCE {
            0b0001_0000
        } else {
            0b0010_0000
        };
        Ok(Some(Line {
            name,
            value: &rest[..value_length.min(rest.len())],
            name_length,
            value_length,
            sensitive: first & never_indexed != 0,
        }))
    }
}

/// Lines that begin with less than this spell their name.
const REFERENCE: u8 = 0b0100_0000;

const TRUNCATED: Error = Error::new(rule!(DECOMPRESSION_FAILED, "ends inside a line"));

fn integer(cursor: &mut Cursor<'_>, bits: u32) -> Result<usize, Error> {
    prefix::decode(cursor, bits).map_err(|error| match error {
        DecodeError::UnexpectedEnd => TRUNCATED,
        DecodeError::Invalid => {
            Error::new(rule!(DECOMPRESSION_FAILED, "an integer of over 62 bits"))
        }
    })
}

//= rfc9204#3.1
fn entry(cursor: &mut Cursor<'_>, bits: u32) -> Result<(&'static [u8], &'static [u8]), Error> {
    static_table::entry(integer(cursor, bits)?).ok_or(Error::new(rule!(
        DECOMPRESSION_FAILED,
        "no such static entry"
    )))
}

/// Decodes a string whose length has `bits` bits, with the Huffman bit above them, to `out`, or as much of it as
/// fits there; returns the length of all of it.
fn text(cursor: &mut Cursor<'_>, bits: u32, out: &mut [u8]) -> Result<usize, Error> {
    const MALFORMED: Error = Error::new(rule!(DECOMPRESSION_FAILED, "a malformed Huffman string"));
    let &first = cursor.piece().first().ok_or(TRUNCATED)?;
    let encoded = integer(cursor, bits)?;
    if encoded > cursor.remaining() {
        return Err(TRUNCATED);
    }
    let mut length = 0;
    let mut push = |byte| {
        if let Some(place) = out.get_mut(length) {
            *place = byte;
        }
        length += 1;
    };
    let mut huffman = (first & 1 << bits != 0).then(huffman::Decoder::default);
    for _ in 0..encoded {
        let byte = cursor.u8().map_err(|_| TRUNCATED)?;
        match &mut huffman {
            Some(decoder) => decoder.push(byte, &mut push).map_err(|_| MALFORMED)?,
            None => push(byte),
        }
    }
    match huffman.map(huffman::Decoder::finish) {
        Some(Err(_)) => Err(MALFORMED),
        _ => Ok(length),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Field;
    use super::super::encoder::tests::encoded;
    use super::super::source::tests::Pieces;
    use super::*;
    use proptest::prelude::*;
    use std::string::String;
    use std::vec::Vec;

    type Owned = (Vec<u8>, Vec<u8>, bool);

    fn decode_pieces(bytes: &[u8], piece: usize, scratch: usize) -> Result<Vec<Owned>, Error> {
        let source = Pieces { bytes, piece };
        let mut section = Section::open(&source, 0, bytes.len())?;
        let mut scratch = std::vec![0; scratch];
        let mut lines = Vec::new();
        while let Some(line) = section.next(&source, &mut scratch)? {
            lines.push((line.name.to_vec(), line.value.to_vec(), line.sensitive));
        }
        Ok(lines)
    }

    fn decoded(bytes: &[u8]) -> Result<Vec<Owned>, Error> {
        decode_pieces(bytes, 4096, 4096)
    }

    //= rfc9204#B.1 test
    #[test]
    fn literal_with_name_reference_of_the_rfc() {
        let bytes = b"\x00\x00\x51\x0b/index.html";
        let expected = (b":path".to_vec(), b"/index.html".to_vec(), false);
        assert_eq!(decoded(bytes), Ok(std::vec![expected]));
    }

    //= rfc9204#3.1 test
    //= rfc9204#4.5.1.1 test
    //= rfc9204#4.5.1.2 test
    #[test]
    fn what_has_no_meaning_is_refused() {
        let cases: [&[u8]; 22] = [
            b"",
            b"\x00",
            b"\xff",
            b"\x01\x00",
            b"\x00\x80",
            b"\x00\x81",
            b"\x00\xff\xff",
            b"\x00\x00\x80",
            b"\x00\x00\xbf\x00",
            b"\x00\x00\x10",
            b"\x00\x00\x00\x00",
            b"\x00\x00\x40\x00",
            b"\x00\x00\xff\x24",
            b"\x00\x00\xff",
            b"\x00\x00\x5f\x54\x00",
            b"\x00\x00\x51",
            b"\x00\x00\x51\xff",
            b"\x00\x00\x51\x02/",
            b"\x00\x00\x21a",
            b"\x00\x00\x27\x00",
            b"\x00\x00\x51\x81\xff",
            b"\xff\x80\xff\xff\xff\xff\x01",
        ];
        for bytes in cases {
            let result = decoded(bytes);
            assert_eq!(
                result.map(|_| ()).unwrap_err().rule().code(),
                0x200,
                "{bytes:x?}"
            );
        }
        assert_eq!(decoded(b"\x00\x7f\x01"), Ok(Vec::new()), "any base will do");
    }

    #[test]
    fn an_error_ends_the_section() {
        let bytes: &[u8] = b"\x00\x00\x80\xd1";
        let mut section = Section::open(&bytes, 0, bytes.len()).unwrap();
        assert!(section.next(&bytes, &mut []).is_err());
        assert_eq!(section.next(&bytes, &mut []), Ok(None));
    }

    #[test]
    fn a_long_line_is_measured_and_spoils_nothing() {
        let long = "v".repeat(300);
        let name = "n".repeat(300);
        let bytes = encoded(&[
            Field::new("x-long", &long),
            Field::new("age", &long),
            Field::new(&name, "1"),
            Field::new("x", "short"),
        ]);
        let source = &bytes[..];
        let mut scratch = [0; 16];
        let mut section = Section::open(&source, 0, bytes.len()).unwrap();
        let expected = [
            ("x-long", "vvvvvvvvvv", 6, 300, false),
            ("age", "vvvvvvvvvvvvvvvv", 3, 300, false),
            ("nnnnnnnnnnnnnnnn", "", 300, 1, false),
            ("x", "short", 1, 5, true),
        ];
        for (name, value, name_length, value_length, whole) in expected {
            let line = section.next(&source, &mut scratch).unwrap().unwrap();
            assert_eq!(line.name, name.as_bytes());
            assert_eq!(line.value, value.as_bytes());
            assert_eq!(
                (line.name_length, line.value_length),
                (name_length, value_length)
            );
            assert_eq!(line.is_whole(), whole);
        }
        assert_eq!(section.next(&source, &mut scratch), Ok(None));
    }

    fn fields() -> impl Strategy<Value = Vec<(String, Vec<u8>, bool)>> {
        let name = prop_oneof![
            "[a-z-]{0,20}",
            (0_usize..99).prop_map(|index| String::from_utf8(
                static_table::entry(index).unwrap().0.to_vec()
            )
            .unwrap()),
        ];
        let field = (
            name,
            proptest::collection::vec(any::<u8>(), 0..80),
            any::<bool>(),
        );
        proptest::collection::vec(field, 0..12)
    }

    proptest! {
        #[test]
        fn round_trip_over_pieces_of_any_size(fields in fields(), piece in 1_usize..40) {
            let lines: Vec<Field<'_>> = fields
                .iter()
                .map(|(name, value, sensitive)| {
                    let field = Field::new(name, value);
                    if *sensitive { field.sensitive() } else { field }
                })
                .collect();
            let expected: Vec<Owned> = fields
                .iter()
                .map(|(name, value, sensitive)| (name.clone().into_bytes(), value.clone(), *sensitive))
                .collect();
            prop_assert_eq!(decode_pieces(&encoded(&lines), piece, 128), Ok(expected));
        }

        #[test]
        fn no_input_panics(bytes: Vec<u8>, piece in 1_usize..8, scratch in 0_usize..40) {
            let _ = decode_pieces(&bytes, piece, scratch);
            let mut with_prefix = std::vec![0, 0];
            with_prefix.extend(bytes);
            let _ = decode_pieces(&with_prefix, piece, scratch);
        }
    }
}
