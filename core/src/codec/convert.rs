//! Conversions between integers that cannot lose anything, for which the standard library has no `From`.
//!
//! Invariant: what holds on every target that this compiles for is asserted here, once.

// Of 16 bits: a window of 64 KB could not be addressed.
const _: () = assert!(usize::BITS >= 32 && usize::BITS <= 64);

/// A length in memory as a number: no `usize` has more than 64 bits.
pub const fn to_u64(length: usize) -> u64 {
    length as u64
}

/// A number of 32 bits as a place in memory: no `usize` has fewer.
pub const fn to_usize(number: u32) -> usize {
    number as usize
}
