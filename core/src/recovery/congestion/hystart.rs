//! HyStart++ (RFC 9406): slow start that sees the queue grow and slows down before it overflows.
//!
//! Rounds are told apart by the time at which packets were sent, and growth is not limited per
//! acknowledgement (L of the RFC is infinite), because what it lets out is paced.
//! Invariant: outside of a conservative phase growth is what was acknowledged, inside a quarter of it.

use crate::time::Instant;

/// A rise of the round-trip time that is less than this says nothing, in microseconds.
const RISE_MIN_US: u32 = 4_000;

/// And one of this much always says that a queue builds up.
const RISE_MAX_US: u32 = 16_000;

/// The rise that counts is the last round's smallest time divided by this, between these bounds.
const RISE_DIVISOR: u32 = 8;

/// Round-trip times of a round before its smallest is believed.
const SAMPLES: u8 = 8;

/// The conservative phase grows by what was acknowledged divided by this.
const CONSERVATIVE_DIVISOR: u32 = 4;

/// Rounds of the conservative phase, after which slow start is over.
const CONSERVATIVE_ROUNDS: u8 = 5;

/// What an acknowledgement means for slow start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Bytes by which the window grows.
    pub(super) growth: u32,
    /// Slow start is over: the queue grows and stays.
    pub(super) is_over: bool,
}

/// What is known of the rounds of a slow start.
#[derive(Clone, Copy, Debug)]
pub(super) struct HyStart {
    /// Packets sent from here on belong to the next round.
    round_start: Instant,
    /// The smallest time of the last round and of this one, in microseconds.
    last_min: u32,
    current_min: u32,
    samples: u8,
    /// The smallest time when the conservative phase began, 0 outside.
    baseline: u32,
    conservative_rounds: u8,
}

impl HyStart {
    pub(super) const fn new() -> Self {
        Self {
            round_start: Instant::ZERO,
            last_min: u32::MAX,
            current_min: u32::MAX,
            samples: 0,
            baseline: 0,
            conservative_rounds: 0,
        }
    }

    /// `bytes` were acknowledged, the newest of them sent at `sent`; the last round-trip time is `rtt_us`.
    pub(super) fn on_acknowledged(
        &mut self,
        now: Instant,
        sent: Instant,
        rtt_us: u32,
        bytes: u32,
    ) -> Step {
        if sent >= self.round_start {
            self.round_start = now.after(1);
            self.last_min = self.current_min;
            self.current_min = u32::MAX;
            self.samples = 0;
            self.conservative_rounds += u8::from(self.is_conservative());
        }
        self.current_min = self.current_min.min(rtt_us.max(1));
        self.samples = self.samples.saturating_add(1);
        if self.samples >= SAMPLES {
            self.judge();
        }
        Step {
            growth: if self.is_conservative() {
                bytes / CONSERVATIVE_DIVISOR
            } else {
                bytes
            },
            is_over: self.is_conservative() && self.conservative_rounds >= CONSERVATIVE_ROUNDS,
        }
    }

    fn is_conservative(&self) -> bool {
        self.baseline != 0
    }

    /// Enters the conservative phase when times rose, and leaves it when they fell again.
    fn judge(&mut self) {
        if self.is_conservative() {
            if self.current_min < self.baseline {
                self.baseline = 0;
            }
            return;
        }
        let rise = (self.last_min / RISE_DIVISOR).clamp(RISE_MIN_US, RISE_MAX_US);
        // Without a last round the sum is out of reach.
        if self.current_min >= self.last_min.saturating_add(rise) && self.last_min != u32::MAX {
            self.baseline = self.current_min;
            self.conservative_rounds = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BYTES: u32 = 2_400;

    /// One round of `count` acknowledgements that arrive from `start` on, 1 ms apart.
    fn round(hystart: &mut HyStart, start: u64, count: u64, rtt_us: u32) -> Step {
        let mut step = Step {
            growth: 0,
            is_over: false,
        };
        for index in 0..count {
            let now = Instant::from_micros((start + index) * 1_000);
            // The first was sent after the last round began, the others before this one did.
            let sent = if index == 0 {
                now
            } else {
                Instant::from_micros(start * 1_000)
            };
            step = hystart.on_acknowledged(now, sent, rtt_us, BYTES);
        }
        step
    }

    #[test]
    fn times_that_rise_by_an_eighth_slow_the_growth_and_end_it_after_five_rounds() {
        let mut hystart = HyStart::new();
        assert_eq!(round(&mut hystart, 1_000, 8, 80_000).growth, BYTES);
        assert_eq!(round(&mut hystart, 2_000, 8, 89_999).growth, BYTES);
        assert_eq!(round(&mut hystart, 3_000, 7, 101_300).growth, BYTES);
        let step = round(&mut hystart, 4_000, 8, 114_000);
        assert_eq!((step.growth, step.is_over), (BYTES / 4, false));
        for start in 5..9 {
            assert!(!round(&mut hystart, start * 1_000, 8, 120_000).is_over);
        }
        assert!(round(&mut hystart, 9_000, 1, 120_000).is_over);
    }

    #[test]
    fn times_that_fall_again_resume_the_growth() {
        let mut hystart = HyStart::new();
        round(&mut hystart, 1_000, 8, 40_000);
        assert_eq!(round(&mut hystart, 2_000, 8, 50_000).growth, BYTES / 4);
        assert_eq!(round(&mut hystart, 3_000, 8, 49_999).growth, BYTES);
        assert!(!hystart.is_conservative());
    }

    #[test]
    fn rises_are_bounded_and_few_samples_say_nothing() {
        let mut hystart = HyStart::new();
        round(&mut hystart, 1_000, 8, 1_000);
        assert_eq!(round(&mut hystart, 2_000, 8, 4_999).growth, BYTES);
        assert_eq!(round(&mut hystart, 3_000, 7, 50_000).growth, BYTES);
        let mut slow = HyStart::new();
        round(&mut slow, 1_000, 8, 1_000_000);
        assert_eq!(round(&mut slow, 4_000, 8, 1_016_000).growth, BYTES / 4);
    }

    proptest! {
        #[test]
        fn any_times_are_bearable(acks in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>()), 1..300)) {
            let mut hystart = HyStart::new();
            for (now, sent, rtt, bytes) in acks {
                let step = hystart.on_acknowledged(Instant::from_micros(now), Instant::from_micros(sent), rtt, bytes);
                prop_assert!(step.growth <= bytes);
            }
        }
    }
}
