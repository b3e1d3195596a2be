//! Test vectors' notation. Only for tests.
//!
//! Invariant: what is not a hexadecimal digit or white space fails the test that contains it.

use std::vec::Vec;

/// The bytes written in `text`; white space between digits is skipped.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(byte).to_digit(16).expect("a digit") as u8)
        .collect();
    assert_eq!(digits.len() % 2, 0, "half a byte");
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
