//! Bodies whose every byte depends on its position, and their SHA-256.
//!
//! Invariant: the pattern's period, [`PERIOD`], is odd and has no small factor, so that no two places a
//! power of two apart look alike: a chunk delivered twice, dropped or swapped changes the body.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Bytes after which the pattern repeats: 251 times 241, both prime.
pub const PERIOD: usize = 251 * 241;

/// Two periods, so that a whole period can be sliced out at any phase without a copy.
static TABLE: LazyLock<Bytes> =
    LazyLock::new(|| (0..2 * PERIOD).map(at).collect::<Vec<_>>().into());

/// The byte at position `index`.
fn at(index: usize) -> u8 {
    let index = index % PERIOD;
    (index % 251) as u8 ^ (index / 251) as u8
}

/// A piece of the pattern that starts at `offset`: at most `max` bytes, at most a period; nothing is copied.
pub fn piece(offset: u64, max: u64) -> Bytes {
    let start = (offset % PERIOD as u64) as usize;
    let len = usize::try_from(max).map_or(PERIOD, |max| max.min(PERIOD));
    TABLE.slice(start..start + len)
}

/// The first `len` bytes of the pattern as pieces of at most 32 KiB.
pub fn pieces(len: u64) -> impl Iterator<Item = Bytes> {
    const PIECE: u64 = 32 * 1024;
    (0..len.div_ceil(PIECE)).map(move |n| piece(n * PIECE, PIECE.min(len - n * PIECE)))
}

/// The first `len` bytes of the pattern.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(at).collect()
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of the first `len` bytes of the pattern, in lower-case hexadecimal.
pub fn pattern_sha256(len: u64) -> String {
    let mut digest = BodyDigest::default();
    pieces(len).for_each(|piece| digest.update(&piece));
    digest.finish()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).expect("less than 16");
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Length and SHA-256 of a body that arrives in pieces.
#[derive(Clone, Default)]
pub struct BodyDigest {
    hasher: Sha256,
    len: u64,
}

impl BodyDigest {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
        self.len += piece.len() as u64;
    }

    /// Bytes taken so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was taken yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// SHA-256 of everything taken, in lower-case hexadecimal.
    pub fn finish(self) -> String {
        hex(&self.hasher.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_the_pattern() {
        for len in [0, 1, 251, 32 * 1024, 32 * 1024 + 1, 3 * PERIOD + 7] {
            let joined: Vec<u8> = pieces(len as u64).flatten().collect();
            assert_eq!(joined, pattern(len), "length {len}");
            assert_eq!(pattern_sha256(len as u64), sha256(&joined));
        }
    }

    #[test]
    fn a_piece_at_any_offset_agrees_with_the_pattern() {
        let whole = pattern(3 * PERIOD);
        for offset in [0, 1, PERIOD - 1, PERIOD, PERIOD + 250, 2 * PERIOD - 5] {
            assert_eq!(piece(offset as u64, 400), whole[offset..offset + 400]);
        }
    }

    #[test]
    fn places_a_power_of_two_apart_differ() {
        let whole = pattern(3 * PERIOD);
        for shift in 6..16 {
            let differing = (0..PERIOD)
                .filter(|&i| whole[i] != whole[i + (1 << shift)])
                .count();
            assert!(differing > PERIOD * 9 / 10, "distance {}", 1 << shift);
        }
    }

    #[test]
    fn sha256_of_the_empty_body_is_the_published_one() {
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), expected);
        assert_eq!(BodyDigest::default().finish(), expected);
    }
}
