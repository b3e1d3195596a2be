//! Packet numbers that are never used, so that a peer which acknowledges what it did not receive gives itself
//! away (RFC 9000 §21.4).
//!
//! Invariant: the last few are remembered; they lie further apart than loss detection looks.

use crate::wire::frame::Ack;

/// Skipped numbers that are remembered. A peer that acknowledges blindly meets the newest of them first.
#[cfg(feature = "skipped-numbers")]
const REMEMBERED: usize = 4;

/// Numbers between the first two that are skipped, at least, and the same again at most.
#[cfg(feature = "skipped-numbers")]
const INTERVAL: u64 = 64;

/// The interval doubles so often, up to half a million packets.
#[cfg(feature = "skipped-numbers")]
const DOUBLINGS: u8 = 13;

/// The numbers of a space that are skipped.
#[cfg(feature = "skipped-numbers")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Skipped {
    /// The newest first; the last number of all where there is none.
    numbers: [u64; REMEMBERED],
    /// The next one; the last number of all while it is not chosen.
    next: u64,
    doublings: u8,
}

#[cfg(feature = "skipped-numbers")]
impl Skipped {
    pub(super) const NONE: Self = Self {
        numbers: [u64::MAX; REMEMBERED],
        next: u64::MAX,
        doublings: 0,
    };

    /// A number waits to be chosen.
    pub(super) fn wants_choice(&self) -> bool {
        self.next == u64::MAX
    }

    /// Chooses by `random` which number after `number` is skipped.
    pub(super) fn choose(&mut self, number: u64, random: u64) {
        let interval = INTERVAL << self.doublings;
        self.doublings = (self.doublings + 1).min(DOUBLINGS);
        // A power of two, so all are equally likely.
        self.next = number.saturating_add(interval + (random & (interval - 1)));
    }

    /// The number to use where `number` is the next one.
    pub(super) fn after(&mut self, number: u64) -> u64 {
        if number != self.next {
            return number;
        }
        self.numbers.rotate_right(1);
        if let Some(newest) = self.numbers.first_mut() {
            *newest = number;
        }
        self.next = u64::MAX;
        number + 1
    }

    /// Whether `ack` names a packet that was never sent.
    pub(super) fn is_named_by(&self, ack: &Ack<'_>) -> bool {
        ack.ranges()
            .any(|range| self.numbers.iter().any(|number| range.contains(number)))
    }

    /// How many of the numbers from `from` up to `end` are not those of packets.
    pub(super) fn within(&self, from: u64, end: u64) -> u64 {
        let within = self
            .numbers
            .iter()
            .filter(|number| (from..end).contains(*number));
        crate::codec::to_u64(within.count())
    }
}

/// A build that skips none.
#[cfg(not(feature = "skipped-numbers"))]
#[derive(Clone, Copy, Debug)]
pub(super) struct Skipped;

#[cfg(not(feature = "skipped-numbers"))]
impl Skipped {
    pub(super) const NONE: Self = Self;

    pub(super) fn wants_choice(self) -> bool {
        false
    }

    pub(super) fn choose(self, _: u64, _: u64) {}

    pub(super) fn after(self, number: u64) -> u64 {
        number
    }

    pub(super) fn is_named_by(self, _: &Ack<'_>) -> bool {
        false
    }

    pub(super) fn within(self, _: u64, _: u64) -> u64 {
        0
    }
}

#[cfg(all(test, feature = "skipped-numbers"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_skipped_once_it_is_chosen_and_reached() {
        let mut skipped = Skipped::NONE;
        assert!(skipped.wants_choice());
        assert_eq!(skipped.after(5), 5);
        skipped.choose(5, 3);
        assert_eq!(skipped.after(71), 71);
        assert_eq!(skipped.after(72), 73);
        assert!(skipped.wants_choice());
        assert_eq!((skipped.within(70, 73), skipped.within(73, 90)), (1, 0));
    }

    proptest! {
        #[test]
        fn gaps_are_far_apart_and_grow(choices in prop::collection::vec(any::<u64>(), 1..40)) {
            let mut skipped = Skipped::NONE;
            let (mut number, mut interval) = (0, INTERVAL);
            for random in choices {
                skipped.choose(number, random);
                let next = skipped.next;
                prop_assert!((interval..interval * 2).contains(&(next - number)));
                number = skipped.after(next);
                prop_assert_eq!(number, next + 1);
                interval = (interval * 2).min(INTERVAL << DOUBLINGS);
            }
        }
    }
}
