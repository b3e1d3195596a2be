//! A set of numbers kept as at most `N` disjoint ranges: bytes that came, bytes to send again.
//!
//! The set has a size, [`RangeSet`], and what it can do has none, [`Ranges`]: the code is there once.
//! Invariant: ranges are half-open, not empty, ascending, and neither overlap nor touch.

use core::cell::Cell;
use core::ops::{Deref, DerefMut, Range};

/// One more range than the set has places for would be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeSetFull;

/// Ranges, and how many places of `P` they take. The empty set is all zeros.
#[derive(PartialEq, Eq)]
pub struct Ranges<P: ?Sized> {
    len: u8,
    places: P,
}

/// A range's first number, and the one behind its last.
type Place = (u32, u32);

/// Up to `N` ranges of numbers below 2^32 - 1.
pub type RangeSet<const N: usize> = Ranges<[Place; N]>;

impl<const N: usize> RangeSet<N> {
    const FITS: () = assert!(N > 0 && N <= 255, "the number of ranges is kept in a byte");

    /// The empty set.
    pub const EMPTY: Self = {
        let () = Self::FITS;
        Self {
            len: 0,
            places: [(0, 0); N],
        }
    };
}

// Not derived, because there is no copy of a set without a size.
#[expect(clippy::expl_impl_clone_on_copy)]
impl<const N: usize> Clone for RangeSet<N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<const N: usize> Copy for RangeSet<N> {}

impl<const N: usize> Default for RangeSet<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> Deref for RangeSet<N> {
    type Target = Ranges<[Place]>;

    fn deref(&self) -> &Ranges<[Place]> {
        self
    }
}

impl<const N: usize> DerefMut for RangeSet<N> {
    fn deref_mut(&mut self) -> &mut Ranges<[Place]> {
        self
    }
}

impl Ranges<[Place]> {
    /// Number of ranges.
    pub const fn len(&self) -> usize {
        self.len as usize // wider; `From` is not const
    }

    /// No number is in the set.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// The ranges, ascending; `.rev()` for descending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Range<u32>> + ExactSizeIterator + Clone {
        self.used().iter().map(|&(start, end)| start..end)
    }

    /// The lowest range.
    pub fn first(&self) -> Option<Range<u32>> {
        self.iter().next()
    }

    /// The highest range.
    pub fn last(&self) -> Option<Range<u32>> {
        self.iter().next_back()
    }

    /// Adds `range` whole, or changes nothing if that needs a place more than there are.
    /// An empty range is no change.
    pub fn insert(&mut self, range: Range<u32>) -> Result<(), RangeSetFull> {
        if range.is_empty() {
            return Ok(());
        }
        // What it overlaps or touches, from `from` up to `to`, becomes one with it.
        let from = self.count_below(range.start);
        let (mut start, mut end) = (range.start, range.end);
        let mut to = from;
        while let Some(have) = self.used().get(to)
            && have.0 <= end
        {
            start = start.min(have.0);
            end = end.max(have.1);
            to += 1;
        }
        if to > from {
            self.close_gap(from + 1, to);
        } else {
            self.open_gap(from)?;
        }
        if let Some(place) = self.places.get_mut(from) {
            *place = (start, end);
        }
        Ok(())
    }

    /// Adds `range`; if that needs a place more than there are, the two neighbouring ranges with the
    /// smallest gap are joined, so that afterwards the set contains more than was added.
    pub fn insert_or_join(&mut self, range: Range<u32>) {
        while self.insert(range.clone()).is_err() {
            if let [(start, end)] = &mut self.places {
                *start = range.start.min(*start);
                *end = range.end.max(*end);
                return;
            }
            self.join_nearest();
        }
    }

    /// Removes every number below `number`.
    pub fn remove_below(&mut self, number: u32) {
        self.close_gap(0, self.count_below(number.saturating_add(1)));
        if let Some(first) = self.used_mut().first_mut() {
            first.0 = first.0.max(number);
        }
    }

    /// Makes every number smaller by `distance`; smaller ones leave the set.
    pub fn shift_down(&mut self, distance: u32) {
        self.remove_below(distance);
        for (start, end) in self.used_mut() {
            *start -= distance;
            *end -= distance;
        }
    }

    /// How many ranges end before `number`.
    fn count_below(&self, number: u32) -> usize {
        self.used()
            .iter()
            .take_while(|have| have.1 < number)
            .count()
    }

    /// Makes a place at `from`, whose contents are of no meaning yet.
    fn open_gap(&mut self, from: usize) -> Result<(), RangeSetFull> {
        if self.len() == self.places.len() {
            return Err(RangeSetFull);
        }
        self.len += 1;
        let mut before = (0, 0);
        for place in self.places.iter_mut().skip(from) {
            core::mem::swap(place, &mut before);
        }
        Ok(())
    }

    /// Forgets the ranges from `from` up to `to`.
    fn close_gap(&mut self, from: usize, to: usize) {
        let places = Cell::from_mut(&mut self.places).as_slice_of_cells();
        for (low, high) in places.iter().skip(from).zip(places.iter().skip(to)) {
            low.set(high.get());
        }
        // No more than `len`, which is one byte.
        self.len -= (to - from) as u8;
    }

    fn join_nearest(&mut self) {
        let mut nearest = (u32::MAX, 0);
        for (place, pair) in self.used().windows(2).enumerate() {
            if let [low, high] = pair {
                nearest = nearest.min((high.0 - low.1, place));
            }
        }
        let (_, place) = nearest;
        if let Some([low, high]) = self.places.get_mut(place..place + 2) {
            low.1 = high.1;
            self.close_gap(place + 1, place + 2);
        }
    }

    fn used(&self) -> &[Place] {
        self.places.get(..self.len()).unwrap_or_default()
    }

    fn used_mut(&mut self) -> &mut [Place] {
        let len = self.len();
        self.places.get_mut(..len).unwrap_or_default()
    }
}

impl<const N: usize> core::fmt::Debug for RangeSet<N> {
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

    fn values<const N: usize>(set: &RangeSet<N>) -> BTreeSet<u32> {
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
        let mut set = RangeSet::<2>::EMPTY;
        set.insert(10..11).unwrap();
        set.insert(20..21).unwrap();
        let before = set;
        assert_eq!(set.insert(15..16), Err(RangeSetFull));
        assert_eq!(set.insert(15..15), Ok(()));
        assert_eq!(set, before);
        set.insert(21..30).unwrap();
        set.insert(11..20).unwrap();
        assert_eq!((set.len(), set.first()), (1, Some(10..30)));
        assert_eq!(set.last(), Some(10..30));
        set.remove_below(30);
        assert!(set.is_empty());
    }

    #[test]
    fn the_nearest_ranges_are_joined_when_there_is_no_place() {
        let mut set = RangeSet::<3>::EMPTY;
        for start in [0, 100, 103] {
            set.insert(start..start + 1).unwrap();
        }
        set.insert_or_join(200..201);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0..1, 100..104, 200..201]);
        let mut one = RangeSet::<1>::EMPTY;
        one.insert_or_join(5..6);
        one.insert_or_join(1..2);
        assert_eq!(one.first(), Some(1..6));
    }

    #[test]
    fn shifting_keeps_what_is_above() {
        let mut set = RangeSet::<2>::EMPTY;
        set.insert(2..8).unwrap();
        set.insert(10..11).unwrap();
        set.shift_down(5);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0..3, 5..6]);
    }

    #[derive(Clone, Debug)]
    enum Action {
        Insert(Range<u32>),
        Join(Range<u32>),
        Below(u32),
        Down(u32),
    }

    fn range() -> impl Strategy<Value = Range<u32>> {
        (0_u32..60, 0_u32..8).prop_map(|(start, length)| start..start + length)
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            4 => range().prop_map(Action::Insert),
            1 => range().prop_map(Action::Join),
            1 => (0_u32..20).prop_map(Action::Below),
            1 => (0_u32..5).prop_map(Action::Down),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn behaves_like_a_set(actions in proptest::collection::vec(action(), 0..60)) {
            let mut set = RangeSet::<4>::EMPTY;
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
                    Action::Below(value) => {
                        set.remove_below(value);
                        model.retain(|have| *have >= value);
                    }
                    Action::Down(distance) => {
                        set.shift_down(distance);
                        model = model.iter().filter_map(|have| have.checked_sub(distance)).collect();
                    }
                }
                check(&set);
                prop_assert_eq!(&values(&set), &model);
            }
        }
    }
}
