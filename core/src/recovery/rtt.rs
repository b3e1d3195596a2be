//! The round-trip time estimate of a path (RFC 9002 §5) and the probe timeout that follows from it (§6.2.1).
//!
//! Invariant: before the first sample all values are those of the RFC's initial 333 ms, so nothing divides by zero.

use crate::time::Instant;

/// Assumed round-trip time while nothing was measured (RFC 9002 §6.2.2).
pub const INITIAL_US: u32 = 333_000;

/// The finest time that a timer is expected to keep (RFC 9002 §6.1.2).
pub const GRANULARITY_US: u32 = 1_000;

/// Samples count as this long at most, four and a half minutes: so no sum of times leaves 32 bits.
const SAMPLE_MAX_US: u32 = 1 << 28;

/// Smoothed round-trip time, its variation, and the smallest one seen, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Rtt {
    latest: u32,
    smoothed: u32,
    variation: u32,
    min: u32,
    /// When the first sample was taken; nothing sent earlier counts for persistent congestion.
    first_sample: Instant,
}

impl Rtt {
    /// Nothing measured yet.
    //= rfc9002#6.2.2
    pub const fn new() -> Self {
        Self {
            latest: INITIAL_US,
            smoothed: INITIAL_US,
            variation: INITIAL_US / 2,
            min: INITIAL_US,
            first_sample: Instant::NEVER,
        }
    }

    /// Takes in a sample: the time `latest` since the packet was sent, of which the peer says that it
    /// held the acknowledgement back for `ack_delay` (already limited to what it may claim).
    //= rfc9002#5.3
    pub fn on_sample(&mut self, now: Instant, latest: u64, ack_delay: u32) {
        // A clock that ticks slowly can measure zero; a path never is that fast.
        let latest = latest.clamp(1, SAMPLE_MAX_US.into()) as u32; // which has 32 bits
        self.latest = latest;
        if self.first_sample == Instant::NEVER {
            self.first_sample = now;
            self.smoothed = latest;
            self.variation = latest / 2;
            self.min = latest;
            return;
        }
        //= rfc9002#5.2
        self.min = self.min.min(latest);
        let adjusted = match latest.checked_sub(ack_delay) {
            Some(adjusted) if adjusted >= self.min => adjusted,
            _ => latest,
        };
        let difference = self.smoothed.abs_diff(adjusted);
        self.variation = (self.variation * 3 + difference) / 4;
        self.smoothed = (self.smoothed * 7 + adjusted) / 8;
    }

    /// Forgets the smallest time, which may belong to a route that is gone.
    //= rfc9002#5.2
    pub fn on_persistent_congestion(&mut self) {
        if self.first_sample != Instant::NEVER {
            self.min = self.latest;
        }
    }

    /// The newest sample.
    pub const fn latest_us(&self) -> u32 {
        self.latest
    }

    /// The moving average.
    pub const fn smoothed_us(&self) -> u32 {
        self.smoothed
    }

    /// The mean deviation from the average.
    pub const fn variation_us(&self) -> u32 {
        self.variation
    }

    /// The smallest sample, acknowledgement delay included.
    pub const fn min_us(&self) -> u32 {
        self.min
    }

    /// When the first sample was taken: at the end of time, if none was.
    pub(super) const fn first_sample(&self) -> Instant {
        self.first_sample
    }

    /// The probe timeout without the peer's acknowledgement delay and without backoff.
    //= rfc9002#6.2.1
    pub fn pto_us(&self) -> u32 {
        self.smoothed + (self.variation * 4).max(GRANULARITY_US)
    }

    /// How long after sending a packet may arrive late without being lost.
    //= rfc9002#6.1.2
    pub fn loss_delay_us(&self) -> u32 {
        let rtt = self.latest.max(self.smoothed);
        (rtt + rtt / 8).max(GRANULARITY_US)
    }
}

impl Default for Rtt {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u32 = 1_000;

    //= rfc9002#6.2.2 test
    #[test]
    fn without_a_sample_the_initial_time_rules() {
        let rtt = Rtt::new();
        assert_eq!(rtt.smoothed_us(), 333 * MS);
        assert_eq!(rtt.variation_us(), 166_500);
        assert_eq!(rtt.pto_us(), 999 * MS);
        assert_eq!(rtt.first_sample(), Instant::NEVER);
    }

    //= rfc9002#5.3 test
    #[test]
    fn samples_follow_the_formulas() {
        let mut rtt = Rtt::new();
        let now = Instant::from_micros(7);
        // The first sample stands as it is; the delay is not subtracted.
        rtt.on_sample(now, 1_000 * 100, 25 * MS);
        assert_eq!((rtt.smoothed_us(), rtt.variation_us()), (100 * MS, 50 * MS));
        assert_eq!((rtt.min_us(), rtt.first_sample()), (100 * MS, now));
        // 180 - 20 = 160: variation (3*50 + 60)/4, smoothed (7*100 + 160)/8.
        rtt.on_sample(now, 1_000 * 180, 20 * MS);
        assert_eq!(rtt.variation_us(), 52_500);
        assert_eq!(rtt.smoothed_us(), 107_500);
        assert_eq!(rtt.latest_us(), 180 * MS);
    }

    //= rfc9002#5.3 test
    #[test]
    fn an_implausible_delay_is_not_subtracted() {
        let mut rtt = Rtt::new();
        rtt.on_sample(Instant::ZERO, 1_000 * 100, 0);
        let mut other = rtt;
        rtt.on_sample(Instant::ZERO, 1_000 * 110, 11 * MS);
        other.on_sample(Instant::ZERO, 1_000 * 110, 0);
        assert_eq!(rtt.smoothed_us(), other.smoothed_us());
        rtt.on_sample(Instant::ZERO, 1_000 * 110, 200 * MS);
        other.on_sample(Instant::ZERO, 1_000 * 110, 0);
        assert_eq!(rtt.smoothed_us(), other.smoothed_us());
    }

    //= rfc9002#5.2 test
    #[test]
    fn the_minimum_follows_down_and_is_renewed_by_persistent_congestion() {
        let mut rtt = Rtt::new();
        for sample in [50, 30, 90] {
            rtt.on_sample(Instant::ZERO, 1_000 * sample, 0);
        }
        assert_eq!(rtt.min_us(), 30 * MS);
        rtt.on_persistent_congestion();
        assert_eq!(rtt.min_us(), 90 * MS);
    }

    //= rfc9002#6.1.2 test
    #[test]
    fn the_loss_delay_is_nine_eighths_and_at_least_the_granularity() {
        let mut rtt = Rtt::new();
        rtt.on_sample(Instant::ZERO, 1_000 * 80, 0);
        assert_eq!(rtt.loss_delay_us(), 90 * MS);
        let mut rtt = Rtt::new();
        rtt.on_sample(Instant::ZERO, 0, 0);
        assert_eq!(rtt.loss_delay_us(), GRANULARITY_US);
        assert!(rtt.pto_us() >= GRANULARITY_US);
    }

    #[test]
    fn an_absurd_sample_overflows_nothing() {
        let mut rtt = Rtt::new();
        for _ in 0..20 {
            rtt.on_sample(Instant::ZERO, u64::MAX, 0);
            rtt.on_sample(Instant::ZERO, 0, u32::MAX);
        }
        assert!(rtt.pto_us() >= rtt.loss_delay_us() / 2);
        assert_eq!(rtt.min_us(), 1);
    }

    proptest! {
        #[test]
        fn the_average_stays_between_the_extremes(samples in prop::collection::vec((1u32..10_000_000, 0u32..100_000), 1..50)) {
            let mut rtt = Rtt::new();
            for &(latest, delay) in &samples {
                rtt.on_sample(Instant::ZERO, latest.into(), delay);
            }
            let smallest = samples.iter().map(|sample| sample.0).min().unwrap();
            let largest = samples.iter().map(|sample| sample.0).max().unwrap();
            prop_assert_eq!(rtt.min_us(), smallest);
            prop_assert!(rtt.smoothed_us() >= rtt.min_us());
            prop_assert!(rtt.smoothed_us() <= largest);
        }
    }
}
