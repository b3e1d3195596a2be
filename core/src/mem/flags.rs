//! Sets of small numbers, one bit each: which slots have something to say, and about what.
//!
//! Invariant: a bit outside `0..members` is never set.

use super::Table;
use crate::codec::to_usize;

/// Several sets of the numbers `0..members`, in one table of words.
#[derive(Debug)]
pub struct Flags<'m> {
    words: Table<'m, u32>,
    per_set: usize,
}

impl<'m> Flags<'m> {
    /// Words for `sets` sets of `members` numbers.
    pub const fn words(sets: usize, members: usize) -> usize {
        sets * members.div_ceil(32)
    }

    /// Empty sets of `members` numbers each, as many as the words suffice for.
    pub fn new(words: Table<'m, u32>, members: usize) -> Self {
        Self {
            words,
            per_set: members.div_ceil(32),
        }
    }

    /// Adds `member` to `set`.
    pub fn insert(&mut self, set: usize, member: usize) {
        self.put(set, member, true);
    }

    /// Removes `member` from `set`; says whether it was there.
    pub fn remove(&mut self, set: usize, member: usize) -> bool {
        self.put(set, member, false)
    }

    /// Adds or removes `member`; says whether it was there.
    #[inline(never)]
    pub fn put(&mut self, set: usize, member: usize, is_in: bool) -> bool {
        let (place, bit) = self.locate(set, member);
        let Some(word) = self.words.get_mut(place) else {
            return false;
        };
        let was = *word & bit != 0;
        *word = if is_in { *word | bit } else { *word & !bit };
        was
    }

    /// Whether `member` is in `set`.
    pub fn contains(&self, set: usize, member: usize) -> bool {
        let (place, bit) = self.locate(set, member);
        self.words.get(place).is_some_and(|word| word & bit != 0)
    }

    /// The word that `member` of `set` is in, and its bit there.
    fn locate(&self, set: usize, member: usize) -> (usize, u32) {
        (set * self.per_set + member / 32, 1 << (member % 32))
    }

    /// Whether `set` has any member.
    pub fn any(&self, set: usize) -> bool {
        self.of(set).iter().any(|word| *word != 0)
    }

    /// Members of `set`.
    pub fn count(&self, set: usize) -> usize {
        self.of(set)
            .iter()
            .map(|word| to_usize(word.count_ones()))
            .sum()
    }

    /// The first member of `set` from `from` on, else the first of all.
    pub fn next(&self, set: usize, from: usize) -> Option<usize> {
        self.at_least(set, from).or_else(|| self.at_least(set, 0))
    }

    /// The first member of `set` that is at least `from`.
    pub fn at_least(&self, set: usize, from: usize) -> Option<usize> {
        let words = self.of(set);
        let mut mask = u32::MAX << (from % 32);
        for (place, word) in words.iter().enumerate().skip(from / 32) {
            let found = word & mask;
            if found != 0 {
                return Some(place * 32 + to_usize(found.trailing_zeros()));
            }
            mask = u32::MAX;
        }
        None
    }

    fn of(&self, set: usize) -> &[u32] {
        let start = set * self.per_set;
        self.words.get(start..start + self.per_set).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searching_goes_round() {
        let mut memory = [0; Flags::words(2, 70)];
        let mut flags = Flags::new(Table::from(&mut memory[..]), 70);
        for member in [3, 32, 69] {
            flags.insert(1, member);
        }
        assert!(!flags.any(0) && flags.count(1) == 3);
        assert_eq!(flags.next(1, 0), Some(3));
        assert_eq!(flags.next(1, 4), Some(32));
        assert_eq!(flags.next(1, 33), Some(69));
        assert!(flags.remove(1, 69) && !flags.remove(1, 69));
        assert_eq!(flags.next(1, 33), Some(3));
        assert_eq!(flags.at_least(1, 33), None);
        assert!(flags.contains(1, 32) && !flags.contains(0, 32));
    }

    #[test]
    fn sets_without_words_stay_empty() {
        let mut flags = Flags::new(Table::empty(), 8);
        flags.insert(0, 1);
        assert!(!flags.any(0) && flags.next(0, 3).is_none());
    }
}
