//! Spreads a congestion window over a round trip (RFC 9002 §7.7): a bucket that fills at 5/4 of window per round trip.
//!
//! Invariant: the bucket never holds more than one burst, and a burst is at least [`BURST_MIN`] datagrams,
//! so that a batch handed to the socket in one call stays whole.

use crate::time::{Duration, Instant, micros};

/// Datagrams that may leave back to back on any path: the initial window.
//= rfc9002#7.7
pub const BURST_MIN: u64 = 10;

/// Datagrams that leave back to back at most, however fast the path is: four full batches of 64 KB.
pub const BURST_MAX: u64 = 176;

/// A burst covers this much time at the pacing rate: timers of ordinary systems wake no finer.
const BURST_TIME_US: u64 = 2_000;

/// When paced out, this much time's worth of bytes is collected before the next datagrams leave.
const WAKE_TIME_US: u64 = 1_000;

/// The bytes that may leave now, and when more may.
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    available: u64,
    burst: u64,
    /// Bytes per `per_us`: the congestion window times 5/4.
    rate: u64,
    /// The smoothed round-trip time.
    per_us: u64,
    filled_at: Instant,
    /// What the last filling left over of a byte, in parts of `per_us`.
    fraction: u64,
}

impl Pacer {
    /// A full bucket for the congestion window `window` and the round-trip time `rtt`.
    pub fn new(now: Instant, window: u64, rtt: Duration, datagram: u16) -> Self {
        let mut pacer = Self {
            available: 0,
            burst: 0,
            rate: 1,
            per_us: 1,
            filled_at: now,
            fraction: 0,
        };
        pacer.set_rate(now, window, rtt, datagram);
        pacer.available = pacer.burst;
        pacer
    }

    /// Follows a changed window, round-trip time or datagram size.
    pub fn set_rate(&mut self, now: Instant, window: u64, rtt: Duration, datagram: u16) {
        self.available(now);
        self.fraction = 0;
        let datagram = u64::from(datagram).max(1);
        self.rate = (window / 4).saturating_mul(5).max(1);
        self.per_us = micros(rtt).max(1);
        self.burst = self
            .bytes_in(BURST_TIME_US)
            .clamp(BURST_MIN * datagram, BURST_MAX * datagram);
        self.available = self.available.min(self.burst);
    }

    /// Bytes that may leave at `now`.
    pub fn available(&mut self, now: Instant) -> u64 {
        let elapsed = micros(now - self.filled_at);
        let parts = self
            .rate
            .saturating_mul(elapsed)
            .saturating_add(self.fraction);
        self.filled_at = self.filled_at.max(now);
        self.fraction = parts % self.per_us;
        self.available = self
            .burst
            .min(self.available.saturating_add(parts / self.per_us));
        self.available
    }

    /// `bytes` left; a probe may take what is not there.
    pub fn on_sent(&mut self, now: Instant, bytes: u64) {
        self.available = self.available(now).saturating_sub(bytes);
    }

    /// When at least `bytes` are there again, with enough beside them to make waking worthwhile.
    pub fn ready_at(&self, bytes: u64) -> Instant {
        let batch = self.bytes_in(WAKE_TIME_US).min(self.burst / 2);
        let missing = bytes
            .max(batch)
            .min(self.burst)
            .saturating_sub(self.available);
        if missing == 0 {
            return self.filled_at;
        }
        // Rounded up, so that the bytes are really there then.
        let parts = missing
            .saturating_mul(self.per_us)
            .saturating_sub(self.fraction);
        self.filled_at + Duration::from_micros(parts.div_ceil(self.rate))
    }

    fn bytes_in(&self, us: u64) -> u64 {
        self.rate.saturating_mul(us) / self.per_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DATAGRAM: u16 = 1_200;

    fn at(us: u64) -> Instant {
        Instant::from_micros(us)
    }

    //= rfc9002#7.7 test
    #[test]
    fn the_initial_window_leaves_in_one_burst_and_the_rest_is_spread() {
        let mut pacer = Pacer::new(at(0), 12_000, Duration::from_millis(100), DATAGRAM);
        assert_eq!(pacer.available(at(0)), 12_000);
        pacer.on_sent(at(0), 12_000);
        assert_eq!(pacer.available(at(0)), 0);
        // 15,000 bytes per 100 ms: one datagram takes 8 ms.
        let ready = pacer.ready_at(1_200);
        assert_eq!(ready, at(8_000));
        assert!(pacer.available(at(7_999)) < 1_200);
        assert_eq!(pacer.available(ready), 1_200);
        assert_eq!(pacer.available(at(10_000_000)), 12_000);
    }

    #[test]
    fn asking_at_every_microsecond_loses_nothing() {
        // 1 byte in 8 microseconds.
        let mut pacer = Pacer::new(at(0), 10_000, Duration::from_millis(100), DATAGRAM);
        pacer.on_sent(at(0), u64::MAX);
        for now in 0..=80_000 {
            pacer.available(at(now));
        }
        assert_eq!(pacer.available(at(80_000)), 10_000);
    }

    #[test]
    fn a_fast_path_gets_bursts_of_a_batch() {
        let mut pacer = Pacer::new(at(0), 4_000_000, Duration::from_millis(1), DATAGRAM);
        assert_eq!(pacer.available(at(0)), BURST_MAX * u64::from(DATAGRAM));
        pacer.on_sent(at(0), u64::MAX);
        let wait = pacer.ready_at(1_200) - at(0);
        assert!(wait <= Duration::from_millis(1));
        assert!(pacer.available(at(0) + wait) >= 64 * 1_024);
    }

    proptest! {
        #[test]
        fn ready_at_keeps_its_promise(window in 2_400u64..1 << 40, rtt in 1u64..10_000_000, sent in 0u64..1 << 20, start in 0u64..1 << 40) {
            let mut pacer = Pacer::new(at(start), window, Duration::from_micros(rtt), DATAGRAM);
            pacer.available(at(start));
            pacer.on_sent(at(start), sent);
            let ready = pacer.ready_at(u64::from(DATAGRAM));
            prop_assert!(pacer.available(ready) >= u64::from(DATAGRAM));
        }

        #[test]
        fn the_rate_is_never_exceeded(steps in prop::collection::vec(0u64..5_000, 1..200)) {
            let (window, rtt) = (100_000, Duration::from_millis(20));
            let mut pacer = Pacer::new(at(0), window, rtt, DATAGRAM);
            let burst = pacer.available(at(0));
            let (mut now, mut sent) = (0, 0);
            for step in steps {
                now += step;
                let take = pacer.available(at(now));
                pacer.on_sent(at(now), take);
                sent += take;
            }
            prop_assert!(sent <= burst + now * (window * 5 / 4) / 20_000);
        }
    }
}
