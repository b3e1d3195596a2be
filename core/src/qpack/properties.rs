//! What holds for field sections and instructions, whatever their bytes are.
//!
//! Invariant: how the bytes are cut into pieces changes nothing.

use alloc::vec;
use alloc::vec::Vec;

use super::{
    Cursor, Encoder, Error, Field, Section, Source, encoder, huffman, instruction, prefix,
};
use crate::codec::Reader;

/// Bytes that lie in pieces of equal length.
pub(crate) struct Pieces<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) length: usize,
}

impl Source for Pieces<'_> {
    fn chunk(&self, offset: usize) -> &[u8] {
        let end = (offset / self.length + 1) * self.length;
        let end = end.min(self.bytes.len());
        self.bytes.get(offset..end).unwrap_or(&[])
    }
}

/// Name, value, their whole lengths, whether it is sensitive.
type Line = (Vec<u8>, Vec<u8>, usize, usize, bool);

fn lines(source: &dyn Source, length: usize, scratch: usize) -> Result<Vec<Line>, Error> {
    let mut scratch = vec![0; scratch];
    let mut section = Section::open(source, 0, length)?;
    let mut lines = Vec::new();
    while let Some(line) = section.next(source, &mut scratch)? {
        lines.push((
            line.name.to_vec(),
            line.value.to_vec(),
            line.name_length,
            line.value_length,
            line.sensitive,
        ));
        assert!(lines.len() <= length, "every line takes a byte");
    }
    Ok(lines)
}

/// An encoded field section: pieces and a small scratch change nothing but what is cut off, and what was decoded can
/// be encoded again.
pub fn field_section(bytes: &[u8]) {
    let mut script = Reader::new(bytes);
    let length = 1 + usize::from(script.u8().unwrap_or(0) % 32);
    let scratch = usize::from(script.u8().unwrap_or(0));
    let bytes = script.rest();
    let whole = lines(&bytes, bytes.len(), 1 << 12);
    let pieces = Pieces { bytes, length };
    assert_eq!(lines(&pieces, bytes.len(), 1 << 12), whole);
    let cut = lines(&pieces, bytes.len(), scratch);
    assert_eq!(cut.as_ref().map(Vec::len), whole.as_ref().map(Vec::len));
    let (Ok(whole), Ok(cut)) = (whole, cut) else {
        return;
    };
    for (whole, cut) in whole.iter().zip(&cut) {
        assert!(whole.0.starts_with(&cut.0) && whole.1.starts_with(&cut.1));
        assert_eq!((whole.2, whole.3, whole.4), (cut.2, cut.3, cut.4));
        // No string has more characters than bits for the shortest of them.
        assert!(whole.3 <= bytes.len() * 8 / 5 + 256);
    }
    again(&whole);
}

/// Encodes lines that are there whole and have a name that is text, and decodes them again.
fn again(lines_before: &[Line]) {
    let kept: Vec<&Line> = lines_before
        .iter()
        .filter(|line| line.0.len() == line.2 && line.1.len() == line.3)
        .filter(|line| core::str::from_utf8(&line.0).is_ok())
        .collect();
    let mut encoded = Vec::new();
    let mut flush = |piece: &[u8]| encoded.extend_from_slice(piece);
    let mut encoder = Encoder::new(Some(&mut flush));
    encoder.bytes(&encoder::PREFIX);
    for line in &kept {
        let field = Field::new(core::str::from_utf8(&line.0).unwrap_or(""), &line.1);
        encoder.field(&if line.4 { field.sensitive() } else { field });
    }
    encoder.finish();
    let decoded = lines(&&encoded[..], encoded.len(), 1 << 12).expect("what we write is legal");
    let expected: Vec<Line> = kept.into_iter().cloned().collect();
    assert_eq!(decoded, expected);
}

/// Instructions of both streams: read whole or not at all, and never beyond what is there.
pub fn instructions(bytes: &[u8]) {
    let Some((&first, bytes)) = bytes.split_first() else {
        return;
    };
    let pieces = Pieces {
        bytes,
        length: 1 + usize::from(first % 8),
    };
    for read in [instruction::read_encoder, instruction::read_decoder] {
        let outcome = |source: &dyn Source| {
            let mut cursor = Cursor::new(source, 0, bytes.len());
            let mut count = 0;
            loop {
                match read(&mut cursor) {
                    Ok(true) => count += 1,
                    Ok(false) => return Ok((count, cursor.position())),
                    Err(error) => return Err((count, error)),
                }
                assert!(count <= bytes.len());
            }
        };
        assert_eq!(outcome(&bytes), outcome(&pieces));
    }
    for bits in 1..=8 {
        let mut cursor = Cursor::new(&pieces, 0, bytes.len());
        if let Ok(value) = prefix::decode(&mut cursor, bits) {
            let mut again = Vec::new();
            prefix::encode(0, bits, value, |byte| again.push(byte));
            let source = &&again[..];
            let mut cursor = Cursor::new(source, 0, again.len());
            assert_eq!(prefix::decode(&mut cursor, bits), Ok(value));
            assert_eq!(cursor.position(), again.len());
        }
    }
}

/// Huffman's code: every text comes back, and what is accepted is the only form of its text.
pub fn huffman_code(bytes: &[u8]) {
    let encoded = |text: &[u8]| {
        let mut out = Vec::new();
        huffman::encode(text, |byte| out.push(byte));
        assert_eq!(out.len(), huffman::encoded_length(text));
        out
    };
    let decoded = |bytes: &[u8]| {
        let mut out = Vec::new();
        let mut decoder = huffman::Decoder::default();
        for &byte in bytes {
            decoder.push(byte, |byte| out.push(byte))?;
        }
        decoder.finish().map(|()| out)
    };
    assert_eq!(decoded(&encoded(bytes)).as_deref(), Ok(bytes));
    if let Ok(text) = decoded(bytes) {
        assert!(text.len() <= bytes.len() * 8 / 5);
        assert_eq!(encoded(&text), bytes);
    }
}
