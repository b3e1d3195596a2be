//! The round-trip time estimate of a path (RFC 9002 §5) and the probe timeout that follows from it (§6.2.1).
//!
//! Invariant: before the first sample all values are those of the RFC's initial 333 ms, so nothing divides by zero.

use crate::time::{Duration, Instant};

/// Assumed round-trip time while nothing was measured (RFC 9002 §6.2.2).
pub const INITIAL: Duration = Duration::from_millis(333);

/// The finest time that a timer is expected to keep (RFC 9002 §6.1.2).
pub const GRANULARITY: Duration = Duration::from_millis(1);

/// Smoothed round-trip time, its variation, and the smallest one seen.
#[derive(Clone, Copy, Debug)]
pub struct Rtt {
    latest: Duration,
    smoothed: Duration,
    variation: Duration,
    min: Duration,
    /// When the first sample was taken; nothing sent earlier counts for persistent congestion.
    first_sample: Option<Instant>,
}

impl Rtt {
    /// Nothing measured yet.
    //= rfc9002#6.2.2
    pub const fn new() -> Self {
        Self {
            latest: INITIAL,
            smoothed: INITIAL,
            variation: Duration::from_micros(INITIAL.as_micros() as u64 / 2),
            min: INITIAL,
            first_sample: None,
        }
    }

    /// Takes in a sample: the time `latest` since the packet was sent, of which the peer says that it
    /// held the acknowledgement back for `ack_delay` (already limited to what it may claim).
    //= rfc9002#5.3
    pub fn on_sample(&mut self, now: Instant, latest: Duration, ack_delay: Duration) {
        // A clock that ticks slowly can measure zero; a path never is that fast.
        let latest = latest.max(Duration::from_micros(1));
        self.latest = latest;
        if self.first_sample.is_none() {
            self.first_sample = Some(now);
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
        if self.first_sample.is_some() {
            self.min = self.latest;
        }
    }

    /// The newest sample.
    pub const fn latest(&self) -> Duration {
        self.latest
    }

    /// The moving average.
    pub const fn smoothed(&self) -> Duration {
        self.smoothed
    }

    /// The mean deviation from the average.
    pub const fn variation(&self) -> Duration {
        self.variation
    }

    /// The smallest sample, acknowledgement delay included.
    pub const fn min(&self) -> Duration {
        self.min
    }

    /// When the first sample was taken.
    pub const fn first_sample(&self) -> Option<Instant> {
        self.first_sample
    }

    /// The probe timeout without the peer's acknowledgement delay and without backoff.
    //= rfc9002#6.2.1
    pub fn pto(&self) -> Duration {
        self.smoothed + (self.variation * 4).max(GRANULARITY)
    }

    /// How long after sending a packet may arrive late without being lost.
    //= rfc9002#6.1.2
    pub fn loss_delay(&self) -> Duration {
        let rtt = self.latest.max(self.smoothed);
        (rtt + rtt / 8).max(GRANULARITY)
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

    const MS: Duration = Duration::from_millis(1);

    //= rfc9002#6.2.2 test
    #[test]
    fn without_a_sample_the_initial_time_rules() {
        let rtt = Rtt::new();
        assert_eq!(rtt.smoothed(), 333 * MS);
        assert_eq!(rtt.variation(), Duration::from_micros(166_500));
        assert_eq!(rtt.pto(), 999 * MS);
        assert_eq!(rtt.first_sample(), None);
    }

    //= rfc9002#5.3 test
    #[test]
    fn samples_follow_the_formulas() {
        let mut rtt = Rtt::new();
        let now = Instant::from_micros(7);
        // The first sample stands as it is; the delay is not subtracted.
        rtt.on_sample(now, 100 * MS, 25 * MS);
        assert_eq!((rtt.smoothed(), rtt.variation()), (100 * MS, 50 * MS));
        assert_eq!((rtt.min(), rtt.first_sample()), (100 * MS, Some(now)));
        // 180 - 20 = 160: variation (3*50 + 60)/4, smoothed (7*100 + 160)/8.
        rtt.on_sample(now, 180 * MS, 20 * MS);
        assert_eq!(rtt.variation(), Duration::from_micros(52_500));
        assert_eq!(rtt.smoothed(), Duration::from_micros(107_500));
        assert_eq!(rtt.latest(), 180 * MS);
    }

    //= rfc9002#5.3 test
    #[test]
    fn an_implausible_delay_is_not_subtracted() {
        let mut rtt = Rtt::new();
        rtt.on_sample(Instant::ZERO, 100 * MS, Duration::ZERO);
        let mut other = rtt;
        rtt.on_sample(Instant::ZERO, 110 * MS, 11 * MS);
        other.on_sample(Instant::ZERO, 110 * MS, Duration::ZERO);
        assert_eq!(rtt.smoothed(), other.smoothed());
        rtt.on_sample(Instant::ZERO, 110 * MS, 200 * MS);
        other.on_sample(Instant::ZERO, 110 * MS, Duration::ZERO);
        assert_eq!(rtt.smoothed(), other.smoothed());
    }

    //= rfc9002#5.2 test
    #[test]
    fn the_minimum_follows_down_and_is_renewed_by_persistent_congestion() {
        let mut rtt = Rtt::new();
        for sample in [50, 30, 90] {
            rtt.on_sample(Instant::ZERO, sample * MS, Duration::ZERO);
        }
        assert_eq!(rtt.min(), 30 * MS);
        rtt.on_persistent_congestion();
        assert_eq!(rtt.min(), 90 * MS);
    }

    //= rfc9002#6.1.2 test
    #[test]
    fn the_loss_delay_is_nine_eighths_and_at_least_the_granularity() {
        let mut rtt = Rtt::new();
        rtt.on_sample(Instant::ZERO, 80 * MS, Duration::ZERO);
        assert_eq!(rtt.loss_delay(), 90 * MS);
        let mut rtt = Rtt::new();
        rtt.on_sample(Instant::ZERO, Duration::ZERO, Duration::ZERO);
        assert_eq!(rtt.loss_delay(), GRANULARITY);
        assert!(rtt.pto() >= GRANULARITY);
    }

    proptest! {
        #[test]
        fn the_average_stays_between_the_extremes(samples in prop::collection::vec((1u64..10_000_000, 0u64..100_000), 1..50)) {
            let mut rtt = Rtt::new();
            for &(latest, delay) in &samples {
                rtt.on_sample(Instant::ZERO, Duration::from_micros(latest), Duration::from_micros(delay));
            }
            let smallest = samples.iter().map(|sample| sample.0).min().unwrap();
            let largest = samples.iter().map(|sample| sample.0).max().unwrap();
            prop_assert_eq!(rtt.min(), Duration::from_micros(smallest));
            prop_assert!(rtt.smoothed() >= rtt.min());
            prop_assert!(rtt.smoothed() <= Duration::from_micros(largest));
        }
    }
}
