//! The largest datagram that a path carries, found by trying (RFC 8899, RFC 9000 §14.3).
//!
//! ```text
//! ┌► the next size that networks are made for ─ arrives ┐   after ten minutes, again
//! └─────────────────────────────────────────────────────┘
//!     └ does not ─► 20 less ─► half way between what arrives and what does not ...
//!        a size does not after three lost probes, or when the host refuses it
//! ```
//! Only who sends full datagrams has use for larger ones: without them nothing is tried. A probe is at most an eighth of
//! the congestion window, so that one that vanishes holds up little.
//! Invariant: what is sent as data has a size that arrived, or [`BASE`]; one probe is out at a time.

use crate::time::Instant;

/// What every path has to carry (RFC 9000 §14.1).
pub const BASE: u16 = 1_200;

/// Lost probes after which a size counts as failing (RFC 8899 §5.1.2).
const PROBES_MAX: u8 = 3;

/// What datagrams can have in the networks there are: Ethernet's 1,500 bytes, and 9,000, less the headers of IPv4 and
/// UDP. A buffer's length is a step, too, the last one.
const STEPS: [u16; 2] = [1_472, 8_972];

/// How much less than a step is tried second: IPv6's header is so much longer than IPv4's, for which bounds are
/// often chosen.
const FAMILIES_DIFFER: u16 = 20;

/// Sizes closer than this to one that fails are not worth a probe, nor those closer than a sixteenth of what arrives
/// where that is beyond the first step: in between there are no networks to speak of.
const NEAR_ENOUGH: u16 = 16;

/// When a finished search is begun again, in microseconds (RFC 8899 §5.1.1).
const RAISE_AFTER_US: u64 = 600_000_000;

/// Losses of larger datagrams alone, one after the other, that mean that none of them arrives any more.
const SUSPICIONS_MAX: u8 = 3;

/// Probe timeouts in a row that mean the same.
const TIMEOUTS_MAX: u8 = 2;

/// What is known of the size of datagrams on one path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mtu {
    /// Datagrams of this size arrive.
    arriving: u16,
    /// The least size that is known not to.
    failing: u16,
    /// The largest size worth a try.
    ceiling: u16,
    /// The size of the probe that is out; 0 if none is.
    probe: u16,
    /// Probes of the size that is being tried that were lost.
    lost: u8,
    /// A full datagram left since the last probe's fate was known.
    wanted: bool,
    /// When the next search begins; until then none.
    search_from: Instant,
    suspicions: u8,
    /// Larger datagrams with lower numbers than this were overtaken by one that arrived.
    large_end: u64,
}

impl Mtu {
    /// Nothing is known, and nothing tried.
    pub(super) const fn new() -> Self {
        Self {
            arriving: BASE,
            failing: BASE + 1,
            ceiling: BASE,
            probe: 0,
            lost: 0,
            wanted: false,
            search_from: Instant::ZERO,
            suspicions: 0,
            large_end: 0,
        }
    }

    /// Sizes up to `ceiling` may be tried.
    //= rfc9000#14.3
    pub(super) fn set_ceiling(&mut self, ceiling: u16) {
        self.ceiling = ceiling.max(BASE);
        self.restart();
    }

    /// Bytes of a full datagram.
    pub(super) const fn datagram(&self) -> u16 {
        self.arriving
    }

    /// The size to try now, if there is one.
    pub(super) fn next_probe(&mut self, now: Instant) -> Option<u16> {
        if self.probe != 0 || !self.wanted || now < self.search_from {
            return None;
        }
        if self.search_from != Instant::ZERO {
            self.search_from = Instant::ZERO;
            self.failing = self.ceiling.saturating_add(1);
        }
        if self.is_near() {
            return None;
        }
        let step = self.step();
        let second = step.saturating_sub(FAMILIES_DIFFER);
        Some(if self.failing > step {
            step
        } else if self.failing == step && second > self.arriving {
            second
        } else {
            self.arriving.midpoint(self.failing)
        })
    }

    /// The least step above what arrives.
    fn step(&self) -> u16 {
        let mut steps = STEPS.into_iter();
        let step = steps.find(|step| *step > self.arriving);
        step.map_or(self.ceiling, |step| step.min(self.ceiling))
    }

    /// A probe of `size` bytes left.
    pub(super) fn on_probe_sent(&mut self, size: u16) {
        self.probe = size;
    }

    /// A datagram of `size` bytes left that is no probe.
    pub(super) fn on_sent(&mut self, size: u16) {
        // A number that is shorter than it may be leaves a few bytes free.
        self.wanted |= size.saturating_add(NEAR_ENOUGH) >= self.arriving;
    }

    /// Datagrams arrived: the longest probe had `probe` bytes, those of more than [`BASE`] had numbers below `large_end`.
    pub(super) fn on_acknowledged(&mut self, now: Instant, probe: u16, large_end: u64) {
        if large_end > self.large_end {
            self.large_end = large_end;
            self.suspicions = 0;
        }
        if self.probe != 0 && probe == self.probe {
            self.arriving = self.probe;
            self.on_probe_known(now);
        }
    }

    /// The host does not send datagrams of `size` bytes: the first link carries shorter ones only.
    pub(super) fn on_refused(&mut self, now: Instant, size: u16) {
        if size <= BASE {
            return;
        }
        if size <= self.arriving {
            // It did before.
            self.fall_back();
        }
        self.failing = self.failing.min(size);
        self.on_probe_known(now);
    }

    /// The probe that is out will not be heard of: nothing remembers it.
    pub(super) fn on_probe_forgotten(&mut self) {
        self.probe = 0;
    }

    /// A probe of `size` bytes was lost.
    pub(super) fn on_probe_lost(&mut self, now: Instant, size: u16) {
        if self.probe != 0 && size == self.probe {
            self.lost += 1;
            self.probe = 0;
            if self.lost >= PROBES_MAX {
                self.failing = size;
                self.on_probe_known(now);
            }
        }
    }

    /// Datagrams that were no probes were lost, the last of which had this size and number.
    pub(super) fn on_losses(&mut self, size: u16, number: u64) {
        if size <= BASE || self.arriving == BASE {
            return;
        }
        if number >= self.large_end {
            self.suspicions += 1;
        }
        if self.suspicions >= SUSPICIONS_MAX {
            self.fall_back();
        }
    }

    /// Nothing arrived for the `count`th time in a row.
    //= rfc9000#14.3
    pub(super) fn on_probe_timeout(&mut self, count: u8) {
        if count >= TIMEOUTS_MAX && self.arriving > BASE {
            self.fall_back();
        }
    }

    /// A black hole: what arrived before does not any more.
    fn fall_back(&mut self) {
        self.arriving = BASE;
        self.restart();
    }

    fn restart(&mut self) {
        self.failing = self.ceiling.saturating_add(1);
        self.probe = 0;
        self.lost = 0;
        self.suspicions = 0;
        self.search_from = Instant::ZERO;
    }

    fn on_probe_known(&mut self, now: Instant) {
        self.probe = 0;
        self.lost = 0;
        self.wanted = false;
        if self.is_near() {
            self.search_from = now.after(RAISE_AFTER_US);
        }
    }

    /// There is nothing left to find.
    fn is_near(&self) -> bool {
        let rest = self.failing.saturating_sub(self.arriving);
        self.arriving >= self.ceiling
            || (self.failing <= self.ceiling && rest <= near_enough(self.arriving))
    }
}

const fn near_enough(arriving: u16) -> u16 {
    if arriving < STEPS[0] {
        NEAR_ENOUGH
    } else {
        arriving / 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn searching(ceiling: u16) -> Mtu {
        let mut mtu = Mtu::new();
        mtu.set_ceiling(ceiling);
        mtu
    }

    /// Searches on a path that carries `link` bytes; returns the sizes that were tried.
    fn search(mtu: &mut Mtu, now: Instant, link: u16) -> std::vec::Vec<u16> {
        let mut tried = std::vec::Vec::new();
        loop {
            mtu.on_sent(mtu.datagram());
            let Some(size) = mtu.next_probe(now) else {
                return tried;
            };
            assert!(size > mtu.datagram() && size <= mtu.ceiling);
            mtu.on_probe_sent(size);
            assert_eq!(mtu.next_probe(now), None, "one at a time");
            tried.push(size);
            if size <= link {
                mtu.on_acknowledged(now, size, 0);
            } else {
                mtu.on_probe_lost(now, size);
            }
            assert!(tried.len() < 64, "an endless search");
        }
    }

    //= rfc9000#14.3 test
    #[test]
    fn the_search_begins_at_the_top() {
        let mut mtu = searching(1_472);
        assert_eq!(mtu.next_probe(at(0)), None, "nobody wants it");
        assert_eq!(search(&mut mtu, at(0), 9_000), [1_472]);
        assert_eq!(mtu.datagram(), 1_472);
        // It is over, for good: there is nothing above.
        assert!(search(&mut mtu, at(10_000), 9_000).is_empty());
        let mut mtu = searching(1_472);
        let tried = search(&mut mtu, at(0), 1_452);
        assert_eq!(tried, [1_472, 1_472, 1_472, 1_452, 1_462, 1_462, 1_462]);
    }

    #[test]
    fn longer_ones_are_reached_by_steps() {
        let tried = |link| search(&mut searching(65_487), at(0), link);
        assert_eq!(tried(65_535), [1_472, 8_972, 65_487]);
        assert_eq!(tried(1_464)[..4], [1_472, 1_472, 1_472, 1_452]);
        assert_eq!(
            tried(8_972)[..6],
            [1_472, 8_972, 65_487, 65_487, 65_487, 65_467]
        );
        assert_eq!(tried(8_952)[..5], [1_472, 8_972, 8_972, 8_972, 8_952]);
        // Networks of 1,500 bytes are the rule: what is tried in vain there is bounded.
        let mut mtu = searching(8_972);
        let tried = search(&mut mtu, at(0), 1_472);
        assert_eq!((mtu.datagram(), tried.len()), (1_472, 1 + 3 * 9));
    }

    #[test]
    fn what_the_host_refuses_is_not_tried_again() {
        let mut mtu = searching(8_972);
        let mut tried = std::vec::Vec::new();
        mtu.on_sent(BASE);
        while let Some(size) = mtu.next_probe(at(0)) {
            mtu.on_probe_sent(size);
            tried.push(size);
            if size > 1_472 {
                mtu.on_refused(at(0), size);
                // It is found missing later, which says nothing new.
                mtu.on_probe_lost(at(0), size);
            } else {
                mtu.on_acknowledged(at(0), size, 0);
            }
            mtu.on_sent(mtu.datagram());
        }
        assert_eq!(mtu.datagram(), 1_472);
        assert_eq!(
            tried,
            [
                1_472, 8_972, 8_952, 5_212, 3_342, 2_407, 1_939, 1_705, 1_588, 1_530
            ]
        );
        // The host's network has changed: what arrived before is refused.
        mtu.on_refused(at(1), 1_472);
        assert_eq!(mtu.datagram(), BASE);
        mtu.on_refused(at(1), BASE);
        assert_eq!(search(&mut mtu, at(2), 1_400)[0], 1_452);
        assert!((1_384..=1_400).contains(&mtu.datagram()));
    }

    #[test]
    fn without_a_ceiling_nothing_is_tried() {
        assert!(search(&mut Mtu::new(), at(0), 9_000).is_empty());
        assert!(search(&mut searching(0), at(0), 9_000).is_empty());
    }

    #[test]
    fn a_path_that_grows_is_noticed_after_ten_minutes() {
        let mut mtu = searching(1_472);
        search(&mut mtu, at(0), 1_300);
        assert!((1_284..=1_300).contains(&mtu.datagram()));
        assert!(search(&mut mtu, at(599), 1_500).is_empty());
        assert_eq!(search(&mut mtu, at(600), 1_500), [1_472]);
    }

    #[test]
    fn losses_of_large_datagrams_alone_are_a_black_hole() {
        let mut mtu = searching(1_472);
        search(&mut mtu, at(0), 1_500);
        for number in 1..3 {
            mtu.on_losses(1_472, number);
        }
        // One arrives: congestion.
        mtu.on_acknowledged(at(1), 1_472, 10);
        for number in [3, 4, 5, 10, 11] {
            mtu.on_losses(1_472, number);
        }
        mtu.on_losses(BASE, 12);
        assert_eq!(mtu.datagram(), 1_472);
        mtu.on_losses(1_472, 13);
        assert_eq!(mtu.datagram(), BASE);
        // The search goes on from below.
        search(&mut mtu, at(1), 1_400);
        assert!((1_384..=1_400).contains(&mtu.datagram()));
    }

    #[test]
    fn silence_is_a_black_hole_too() {
        let mut mtu = searching(1_472);
        search(&mut mtu, at(0), 1_500);
        mtu.on_probe_timeout(1);
        assert_eq!(mtu.datagram(), 1_472);
        mtu.on_probe_timeout(2);
        assert_eq!(mtu.datagram(), BASE);
    }

    #[test]
    fn an_acknowledgement_of_a_lost_probe_is_no_news() {
        let mut mtu = searching(1_472);
        mtu.on_sent(BASE);
        mtu.on_probe_sent(1_472);
        mtu.on_probe_lost(at(0), 1_472);
        mtu.on_acknowledged(at(0), 1_472, 5);
        assert_eq!(mtu.datagram(), BASE);
        assert_eq!(mtu.next_probe(at(0)), Some(1_472));
    }

    proptest! {
        #[test]
        fn every_search_ends_near_what_the_path_carries(ceiling in any::<u16>(), link in BASE..=u16::MAX) {
            let mut mtu = searching(ceiling);
            search(&mut mtu, at(0), link);
            let best = link.min(ceiling.max(BASE));
            prop_assert!(mtu.datagram() <= best);
            prop_assert!(best - mtu.datagram() <= near_enough(mtu.datagram()));
        }
    }
}
