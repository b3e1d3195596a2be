//! Which bytes of one chunk are there: a contiguous prefix, and a bit for each byte behind it.
//!
//! In-order bytes move the prefix and touch no bit. Invariant: every bit below the prefix, at the prefix
//! itself, and from `beyond` on is zero, so a chunk whose prefix has caught up has no bit set.

use core::ops::Range;

/// The presence of one chunk, borrowed from its pool.
#[derive(Debug)]
pub(super) struct Presence<'a> {
    /// Bytes present from the start of the chunk.
    pub prefix: &'a mut u16,
    /// One past the highest byte with a bit; meaningless once the prefix is there.
    pub beyond: &'a mut u16,
    /// A bit for each byte of the chunk.
    pub bits: &'a mut [u32],
}

impl Presence<'_> {
    /// Marks `range`, which lies inside the chunk, as present.
    pub fn insert(&mut self, range: Range<usize>) {
        let prefix = usize::from(*self.prefix);
        if range.end <= prefix || range.is_empty() {
            return;
        }
        if range.start > prefix {
            set(self.bits, range.clone());
            *self.beyond = (*self.beyond).max(range.end as u16);
            return;
        }
        let beyond = usize::from(*self.beyond);
        let mut end = range.end;
        if beyond > prefix {
            clear(self.bits, prefix..end.min(beyond));
            if beyond > end {
                let run = end_of_ones(self.bits, end, beyond);
                clear(self.bits, end..run);
                end = run;
            }
        }
        *self.prefix = end as u16;
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        let (prefix, beyond) = (usize::from(*self.prefix), usize::from(*self.beyond));
        if beyond > prefix {
            clear(self.bits, prefix..beyond);
        }
        *self.prefix = 0;
        *self.beyond = 0;
    }

    /// The first byte from `from` on that is not present; `length`, the chunk's, if there is none.
    pub fn next_absent(&self, from: usize, length: usize) -> usize {
        let from = from.max(usize::from(*self.prefix));
        let beyond = usize::from(*self.beyond);
        if from >= beyond {
            return from.min(length);
        }
        end_of_ones(self.bits, from, beyond)
    }

    /// The end of the run of absent bytes that begins at `from`; at most `length`.
    pub fn absent_until(&self, from: usize, length: usize) -> usize {
        let beyond = usize::from(*self.beyond).min(length);
        if from >= beyond {
            return length;
        }
        let end = end_of_zeros(self.bits, from, beyond);
        if end == beyond { length } else { end }
    }
}

/// The bits of `range` that lie in word `word`.
const fn mask(word: usize, range: &Range<usize>) -> u32 {
    let first = word * 32;
    let low = if range.start > first {
        u32::MAX << (range.start - first)
    } else {
        u32::MAX
    };
    let high = if range.end < first + 32 {
        !(u32::MAX << (range.end - first))
    } else {
        u32::MAX
    };
    low & high
}

fn set(bits: &mut [u32], range: Range<usize>) {
    let (first, last) = (range.start / 32, range.end.div_ceil(32));
    for (place, word) in bits[first..last].iter_mut().enumerate() {
        *word |= mask(first + place, &range);
    }
}

fn clear(bits: &mut [u32], range: Range<usize>) {
    if range.is_empty() {
        return;
    }
    let (first, last) = (range.start / 32, range.end.div_ceil(32));
    for (place, word) in bits[first..last].iter_mut().enumerate() {
        *word &= !mask(first + place, &range);
    }
}

/// The first zero bit in `from..to`, or `to`.
fn end_of_ones(bits: &[u32], from: usize, to: usize) -> usize {
    first_one(bits, from, to, u32::MAX)
}

/// The first one bit in `from..to`, or `to`.
fn end_of_zeros(bits: &[u32], from: usize, to: usize) -> usize {
    first_one(bits, from, to, 0)
}

/// The first one in `from..to` after every word was combined with `flip` by exclusive or.
fn first_one(bits: &[u32], from: usize, to: usize, flip: u32) -> usize {
    let range = from..to;
    let (first, last) = (from / 32, to.div_ceil(32));
    for (place, word) in bits[first..last].iter().enumerate() {
        let found = (word ^ flip) & mask(first + place, &range);
        if found != 0 {
            return (first + place) * 32 + found.trailing_zeros() as usize;
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LENGTH: usize = 96;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn agrees_with_a_byte_map(pieces in proptest::collection::vec((0..LENGTH, 1..40_usize), 0..40)) {
            let (mut prefix, mut beyond, mut bits) = (0, 0, [0; LENGTH / 32]);
            let mut presence = Presence { prefix: &mut prefix, beyond: &mut beyond, bits: &mut bits };
            let mut map = [false; LENGTH];
            for (start, length) in pieces {
                let end = (start + length).min(LENGTH);
                presence.insert(start..end);
                map[start..end].fill(true);
                let contiguous = map.iter().take_while(|present| **present).count();
                prop_assert_eq!(usize::from(*presence.prefix), contiguous);
                for bit in 0..LENGTH {
                    let is_set = presence.bits[bit / 32] >> (bit % 32) & 1 == 1;
                    prop_assert_eq!(is_set, map[bit] && bit >= contiguous);
                    let absent = map[bit..].iter().position(|present| !present);
                    let absent = absent.map_or(LENGTH, |run| bit + run);
                    prop_assert_eq!(presence.next_absent(bit, LENGTH), absent);
                    if !map[bit] {
                        let end = map[bit..].iter().position(|present| *present);
                        let end = end.map_or(LENGTH, |run| bit + run);
                        prop_assert_eq!(presence.absent_until(bit, LENGTH), end);
                    }
                }
            }
            presence.reset();
            prop_assert_eq!((prefix, beyond, bits), (0, 0, [0; LENGTH / 32]));
        }
    }
}
