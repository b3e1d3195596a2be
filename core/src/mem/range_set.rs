//! A set of integers kept as at most `N` disjoint ranges: packet numbers to acknowledge, bytes to send again.
//!
//! Invariant: ranges are half-open, not empty, ascending, and neither overlap nor touch.

use core::ops::Range;

/// An unsigned integer that can bound a range.
pub trait Bound: Copy + Ord {
    /// Zero: what unused places hold.
    const ZERO: Self;
    /// `self - other`; the caller knows that `other` is not larger.
    fn distance(self, other: Self) -> u64;
}

impl Bound for u64 {
    const ZERO: Self = 0;
    fn distance(self, other: Self) -> u64 {
        self.saturating_sub(other)
    }
}

impl Bound for u32 {
    const ZERO: Self = 0;
    fn distance(self, other: Self) -> u64 {
        u64::from(self.saturating_sub(other))
    }
}

/// One more range than the set has places for would be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeSetFull;

/// Up to `N` ranges of integers below `T`'s maximum. The empty set is all zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RangeSet<const N: usize, T = u64> {
    ranges: [(T, T); N],
    len: u8,
}

impl<const N: usize, T: Bound> RangeSet<N, T> {
    const FITS: () = assert!(N > 0 && N <= 255, "the number of ranges is kept in a byte");

    /// The empty set.
    pub const EMPTY: Self = {
        let () = Self::FITS;
        Self {
            ranges: [(T::ZERO, T::ZERO); N],
            len: 0,
        }
    };

    /// The empty set.
    pub const fn new() -> Self {
        Self::EMPTY
    }

    /// Number of ranges.
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// No value is in the set.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every place for a range is taken; a value next to one can still be added.
    pub const fn is_full(&self) -> bool {
        self.len() == N
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// The ranges, ascending; `.rev()` for descending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Range<T>> + ExactSizeIterator + Clone {
        self.used().iter().map(|&(start, end)| start..end)
    }

    /// The lowest range.
    pub fn first(&self) -> Option<Range<T>> {
        self.used().first().map(|&(start, end)| start..end)
    }

    /// The highest range.
    pub fn last(&self) -> Option<Range<T>> {
        self.used().last().map(|&(start, end)| start..end)
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: T) -> bool {
        // From the top: what is asked for is nearly always recent.
        for &(start, end) in self.used().iter().rev() {
            if value >= start {
                return value < end;
            }
        }
        false
    }

    /// Adds `range` whole, or changes nothing if that needs a place more than there are.
    /// An empty range is no change.
    pub fn insert(&mut self, range: Range<T>) -> Result<(), RangeSetFull> {
        if range.start >= range.end {
            return Ok(());
        }
        let (from, to) = self.touched(&range);
        if from == to {
            return self.insert_at(from, (range.start, range.end));
        }
        let merged = (
            self.ranges[from].0.min(range.start),
            self.ranges[to - 1].1.max(range.end),
        );
        self.ranges[from] = merged;
        self.close_gap(from + 1, to);
        Ok(())
    }

    /// Adds `range`; if that needs a place more than there are, the two neighbouring ranges with the
    /// smallest gap are joined, so that afterwards the set contains more than was added.
    pub fn insert_or_join(&mut self, range: Range<T>) {
        while self.insert(range.clone()).is_err() {
            if N == 1 {
                let (start, end) = self.ranges[0];
                self.ranges[0] = (start.min(range.start), end.max(range.end));
                return;
            }
            self.join_nearest();
        }
    }

    /// Removes `range`, or changes nothing if splitting a range needs a place more than there are.
    pub fn remove(&mut self, range: Range<T>) -> Result<(), RangeSetFull> {
        if range.start >= range.end {
            return Ok(());
        }
        let from = self.used().partition_point(|have| have.1 <= range.start);
        let to = self.used().partition_point(|have| have.0 < range.end);
        if from >= to {
            return Ok(());
        }
        let (first, last) = (self.ranges[from], self.ranges[to - 1]);
        let keeps_low = first.0 < range.start;
        let keeps_high = last.1 > range.end;
        if keeps_low && keeps_high && to - from == 1 {
            self.insert_at(from + 1, (range.end, last.1))?;
            self.ranges[from].1 = range.start;
            return Ok(());
        }
        let (mut gap_from, mut gap_to) = (from, to);
        if keeps_low {
            self.ranges[from].1 = range.start;
            gap_from += 1;
        }
        if keeps_high {
            self.ranges[to - 1].0 = range.end;
            gap_to -= 1;
        }
        self.close_gap(gap_from, gap_to);
        Ok(())
    }

    /// Removes every value below `value`.
    pub fn remove_below(&mut self, value: T) {
        let whole = self.used().partition_point(|have| have.1 <= value);
        self.close_gap(0, whole);
        if let Some(first) = self.used_mut().first_mut() {
            first.0 = first.0.max(value);
        }
    }

    /// Takes the lowest range out.
    pub fn pop_first(&mut self) -> Option<Range<T>> {
        let first = self.first()?;
        self.close_gap(0, 1);
        Some(first)
    }

    /// The places `from..to` of the ranges that `range` overlaps or touches.
    fn touched(&self, range: &Range<T>) -> (usize, usize) {
        // The ordinary case: the highest range grows, or a new highest one appears.
        if let Some(last) = self.used().last() {
            let count = self.len();
            if range.start > last.1 {
                return (count, count);
            }
            if range.start >= last.0 {
                return (count - 1, count);
            }
        }
        let from = self.used().partition_point(|have| have.1 < range.start);
        let to = self.used().partition_point(|have| have.0 <= range.end);
        (from, to.max(from))
    }

    fn insert_at(&mut self, place: usize, range: (T, T)) -> Result<(), RangeSetFull> {
        if self.is_full() {
            return Err(RangeSetFull);
        }
        let len = self.len();
        self.ranges.copy_within(place..len, place + 1);
        self.ranges[place] = range;
        self.len += 1;
        Ok(())
    }

    fn close_gap(&mut self, from: usize, to: usize) {
        let len = self.len();
        self.ranges.copy_within(to..len, from);
        self.len -= (to - from) as u8;
    }

    fn join_nearest(&mut self) {
        let nearest = self
            .used()
            .windows(2)
            .enumerate()
            .min_by_key(|(_, pair)| pair[1].0.distance(pair[0].1))
            .map(|(place, _)| place);
        if let Some(place) = nearest {
            self.ranges[place].1 = self.ranges[place + 1].1;
            self.close_gap(place + 1, place + 2);
        }
    }

    fn used(&self) -> &[(T, T)] {
        &self.ranges[..self.len()]
    }

    fn used_mut(&mut self) -> &mut [(T, T)] {
        &mut self.ranges[..self.len as usize]
    }
}

impl<const N: usize> RangeSet<N, u32> {
    /// Makes every value smaller by `distance`; smaller ones leave the set.
    pub fn shift_down(&mut self, distance: u32) {
        self.remove_below(distance);
        for range in self.used_mut() {
            range.0 -= distance;
            range.1 -= distance;
        }
    }
}

impl<const N: usize, T: Bound> Default for RangeSet<N, T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize, T: Bound + core::fmt::Debug> core::fmt::Debug for RangeSet<N, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::vec::Vec;

    fn values<const N: usize>(set: &RangeSet<N>) -> BTreeSet<u64> {
        set.iter().flatten().collect()
    }

    fn check<const N: usize>(set: &RangeSet<N>) {
        let ranges: Vec<_> = set.iter().collect();
        assert!(ranges.len() <= N);
        assert!(ranges.iter().all(|range| range.start < range.end));
        assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
    }

    #[test]
    fn a_full_set_refuses_unchanged_and_still_grows_its_ranges() {
        let mut set = RangeSet::<2>::new();
        set.insert(10..11).unwrap();
        set.insert(20..21).unwrap();
        let before = set;
        assert_eq!(set.insert(15..16), Err(RangeSetFull));
        assert_eq!(set.remove(10..10), Ok(()));
        assert_eq!(set, before);
        set.insert(21..30).unwrap();
        assert_eq!(set.remove(22..23), Err(RangeSetFull));
        set.insert(11..20).unwrap();
        assert_eq!((set.len(), set.first()), (1, Some(10..30)));
        assert_eq!(set.last(), Some(10..30));
        assert_eq!(set.pop_first(), Some(10..30));
        assert!(set.is_empty());
    }

    #[test]
    fn the_nearest_ranges_are_joined_when_there_is_no_place() {
        let mut set = RangeSet::<3>::new();
        for start in [0, 100, 103] {
            set.insert(start..start + 1).unwrap();
        }
        set.insert_or_join(200..201);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0..1, 100..104, 200..201]);
        let mut one = RangeSet::<1>::new();
        one.insert_or_join(5..6);
        one.insert_or_join(1..2);
        assert_eq!(one.first(), Some(1..6));
    }

    #[test]
    fn shifting_keeps_what_is_above() {
        let mut set = RangeSet::<2, u32>::new();
        set.insert(2..8).unwrap();
        set.insert(10..11).unwrap();
        set.shift_down(5);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0..3, 5..6]);
    }

    #[derive(Clone, Debug)]
    enum Action {
        Insert(Range<u64>),
        Join(Range<u64>),
        Remove(Range<u64>),
        Below(u64),
        Pop,
    }

    fn range() -> impl Strategy<Value = Range<u64>> {
        (0_u64..60, 0_u64..8).prop_map(|(start, length)| start..start + length)
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            4 => range().prop_map(Action::Insert),
            1 => range().prop_map(Action::Join),
            2 => range().prop_map(Action::Remove),
            1 => (0_u64..20).prop_map(Action::Below),
            1 => Just(Action::Pop),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn behaves_like_a_set(actions in proptest::collection::vec(action(), 0..60)) {
            let mut set = RangeSet::<4>::new();
            let mut model = BTreeSet::new();
            for action in actions {
                let before = set;
                match action {
                    Action::Insert(range) => {
                        if set.insert(range.clone()).is_ok() {
                            model.extend(range);
                        } else {
                            prop_assert_eq!(set, before);
                        }
                    }
                    Action::Join(range) => {
                        set.insert_or_join(range.clone());
                        model.extend(range);
                        let now = values(&set);
                        prop_assert!(now.is_superset(&model));
                        model = now;
                    }
                    Action::Remove(range) => {
                        if set.remove(range.clone()).is_ok() {
                            model.retain(|value| !range.contains(value));
                        } else {
                            prop_assert_eq!(set, before);
                        }
                    }
                    Action::Below(value) => {
                        set.remove_below(value);
                        model.retain(|have| *have >= value);
                    }
                    Action::Pop => {
                        if let Some(range) = set.pop_first() {
                            model.retain(|value| !range.contains(value));
                        }
                    }
                }
                check(&set);
                prop_assert_eq!(&values(&set), &model);
                for value in 0..70 {
                    prop_assert_eq!(set.contains(value), model.contains(&value));
                }
            }
        }
    }
}
