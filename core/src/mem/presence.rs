//! Which bytes of one chunk are there: a contiguous prefix, and a bit for each byte behind it.
//!
//! In-order bytes move the prefix and touch no bit. Invariant: every bit below the prefix, at the prefix
//! itself, and from `beyond` on is zero, so a chunk whose prefix has caught up has no bit set.

use core::ops::Range;

use crate::codec::to_usize;

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

/// What bytes are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sought {
    Absent,
    Present,
}

impl Presence<'_> {
    /// Marks `range`, which lies inside the chunk, as present.
    pub fn insert(&mut self, range: Range<usize>) {
        let prefix = usize::from(*self.prefix);
        if range.end <= prefix || range.is_empty() {
            return;
        }
        if range.start > prefix {
            // A chunk has at most 32 KB: its link has a place in it in 16 bits.
            *self.beyond = (*self.beyond).max(range.end as u16);
            put(self.bits, range, u32::MAX);
            return;
        }
        let mut end = range.end;
        let beyond = usize::from(*self.beyond);
        if beyond > prefix {
            if beyond > end {
                end = first_differing(self.bits, end..beyond, u32::MAX);
            }
            put(self.bits, prefix..end.min(beyond), 0);
        }
        // At most 32 KB, as above.
        *self.prefix = end as u16;
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        let (prefix, beyond) = (usize::from(*self.prefix), usize::from(*self.beyond));
        if beyond > prefix {
            put(self.bits, prefix..beyond, 0);
        }
        *self.prefix = 0;
        *self.beyond = 0;
    }

    /// The first byte from `from` on that is as it is sought; `length`, the chunk's, if there is none.
    pub fn next(&self, sought: Sought, from: usize, length: usize) -> usize {
        let (prefix, beyond) = (usize::from(*self.prefix), usize::from(*self.beyond));
        let (from, flip) = match sought {
            Sought::Absent => (from.max(prefix), u32::MAX),
            Sought::Present if from < prefix => return from,
            Sought::Present => (from, 0),
        };
        if from < beyond {
            // The bit below `beyond` is set and the one at `beyond` is not: one of either kind is found.
            return first_differing(self.bits, from..beyond, flip);
        }
        match sought {
            Sought::Absent => from.min(length),
            Sought::Present => length,
        }
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

/// Makes the bits of `range` those of `value`.
fn put(bits: &mut [u32], range: Range<usize>, value: u32) {
    let (first, last) = (range.start / 32, range.end.div_ceil(32));
    for (place, word) in bits.iter_mut().enumerate().take(last).skip(first) {
        let mask = mask(place, &range);
        *word = (*word & !mask) | (value & mask);
    }
}

/// The first bit of `range` that differs from those of `flip`, or the range's end.
fn first_differing(bits: &[u32], range: Range<usize>, flip: u32) -> usize {
    let (first, last) = (range.start / 32, range.end.div_ceil(32));
    for (place, word) in bits.iter().enumerate().take(last).skip(first) {
        let found = (word ^ flip) & mask(place, &range);
        if found != 0 {
            return place * 32 + to_usize(found.trailing_zeros());
        }
    }
    range.end
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
                    prop_assert_eq!(presence.next(Sought::Absent, bit, LENGTH), absent);
                    let present = map[bit..].iter().position(|present| *present);
                    let present = present.map_or(LENGTH, |run| bit + run);
                    prop_assert_eq!(presence.next(Sought::Present, bit, LENGTH), present);
                }
            }
            presence.reset();
            prop_assert_eq!((prefix, beyond, bits), (0, 0, [0; LENGTH / 32]));
        }
    }
}
