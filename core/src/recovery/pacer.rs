//! Spreads a congestion window over a round trip (RFC 9002 §7.7): a bucket that fills at 5/4 of window per round trip.
//!
//! Invariant: the bucket never holds more than one burst, and a burst is at least [`BURST_MIN`] datagrams,
//! so that a batch handed to the socket in one call stays whole.

#[cfg(any(feature = "cubic", feature = "bbr", feature = "alloc"))]
use super::congestion::Pace;
use crate::time::Instant;

/// Datagrams that may leave back to back on any path: the initial window.
//= rfc9002#7.7
pub const BURST_MIN: u32 = 10;

/// Datagrams that leave back to back at most, however fast the path is: four full batches of 64 KB.
pub const BURST_MAX: u32 = 176;

/// Bytes of a full datagram on Ethernet.
const ETHERNET: u32 = 1_472;

/// A burst covers this much time at the pacing rate: timers of ordinary systems wake no finer.
const BURST_TIME_US: u32 = 2_000;

/// When paced out, this much time's worth of bytes is collected before the next datagrams leave.
const WAKE_TIME_US: u32 = 1_000;

/// Fraction bits of `rate` and `available`.
const FRACTION: u32 = 16;

/// The bytes that may leave now, and when more may. Nothing here divides 64-bit numbers, which a small
/// processor cannot.
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    /// Bytes in the bucket, in parts of 2^16.
    available: u64,
    filled_at: Instant,
    /// Bytes that the bucket holds.
    burst: u32,
    /// Bytes per microsecond, in parts of 2^16: the congestion window times 5/4 by the round-trip time.
    rate: u32,
}

impl Pacer {
    /// A full bucket for the congestion window `window` and the round-trip time `rtt_us`.
    pub fn new(now: Instant, window: u32, rtt_us: u32, datagram: u16) -> Self {
        let mut pacer = Self {
            available: u64::MAX,
            filled_at: now,
            burst: u32::MAX,
            rate: 0,
        };
        pacer.set_rate(now, window, rtt_us, datagram);
        pacer
    }

    /// Follows a changed window, round-trip time or datagram size.
    pub fn set_rate(&mut self, now: Instant, window: u32, rtt_us: u32, datagram: u16) {
        self.fill(now);
        let datagram = u32::from(datagram).max(1);
        self.rate = between(
            1,
            quotient((window / 4).saturating_mul(5), rtt_us),
            u32::MAX / 2,
        );
        let burst = self.bytes_in(BURST_TIME_US);
        self.burst = between(burst_min(datagram), burst, burst_max(datagram));
        self.fill(now);
    }

    /// Follows a controller that has a rate of its own, in bytes per second, and perhaps a burst.
    #[cfg(any(feature = "cubic", feature = "bbr", feature = "alloc"))]
    pub fn set_pace(&mut self, now: Instant, pace: &Pace, datagram: u16) {
        self.fill(now);
        let datagram = u32::from(datagram).max(1);
        // Parts of 2^16 a microsecond, of what fits: bytes and seconds first, so that nothing overflows.
        let rate = pace.rate.min(u64::from(u32::MAX) * 8);
        let rate = (rate << FRACTION) / 1_000_000;
        self.rate = between(1, u32::try_from(rate).unwrap_or(u32::MAX), u32::MAX / 2);
        self.burst = match pace.burst {
            Some(burst) => between(datagram, burst, burst_max(datagram)),
            None => between(
                burst_min(datagram),
                self.bytes_in(BURST_TIME_US),
                burst_max(datagram),
            ),
        };
        self.fill(now);
    }

    /// Bytes that may leave at `now`.
    pub fn available(&mut self, now: Instant) -> u32 {
        self.fill(now);
        // No more than a burst, which has 32 bits.
        (self.available >> FRACTION) as u32
    }

    /// Bytes a second that leave in the long run.
    #[cfg(feature = "sink")]
    pub fn bytes_per_second(&self) -> u64 {
        (u64::from(self.rate) * 1_000_000) >> FRACTION
    }

    /// `bytes` left; a probe may take what is not there.
    pub fn on_sent(&mut self, now: Instant, bytes: u32) {
        self.fill(now);
        let bytes = u64::from(bytes) << FRACTION;
        self.available = self.available.saturating_sub(bytes);
    }

    /// When at least `bytes` are there again, with enough beside them to make waking worthwhile.
    pub fn ready_at(&self, bytes: u32) -> Instant {
        let batch = self.bytes_in(WAKE_TIME_US).min(self.burst / 2);
        let missing = bytes
            .max(batch)
            .min(self.burst)
            .saturating_sub((self.available >> FRACTION) as u32); // as above
        if missing == 0 {
            return self.filled_at;
        }
        // Rounded up, so that the bytes are really there then.
        self.filled_at
            .after(u64::from(quotient(missing, self.rate)) + 1)
    }

    fn fill(&mut self, now: Instant) {
        // The longest time matters only to the slowest path, where it is more than a burst's.
        let elapsed = now.since(self.filled_at).min(u32::MAX.into());
        self.filled_at = self.filled_at.max(now);
        let full = u64::from(self.burst) << FRACTION;
        let more = elapsed * u64::from(self.rate);
        self.available = self.available.saturating_add(more).min(full);
    }

    fn bytes_in(&self, us: u32) -> u32 {
        let bytes = (u64::from(self.rate) * u64::from(us)) >> FRACTION;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// Bytes that may leave back to back on any path: of longer datagrams than Ethernet's fewer, as in the initial window.
//= rfc9002#7.2
fn burst_min(datagram: u32) -> u32 {
    let burst = BURST_MIN * datagram;
    if cfg!(feature = "pmtud") {
        burst.min((BURST_MIN * ETHERNET).max(2 * datagram))
    } else {
        burst
    }
}

/// Bytes that leave back to back at most: a peer's socket has no more room for longer datagrams.
fn burst_max(datagram: u32) -> u32 {
    let burst = BURST_MAX * datagram;
    if cfg!(feature = "pmtud") {
        burst.min((BURST_MAX * ETHERNET).max(2 * datagram))
    } else {
        burst
    }
}

/// `value`, but not below `low` nor above `high`. Unlike the library's it cannot panic, whatever they are.
fn between(low: u32, value: u32, high: u32) -> u32 {
    value.max(low).min(high)
}

/// `dividend / divisor` in parts of 2^16, saturating, for divisors below 2^31: long division in steps of 32 bits.
fn quotient(dividend: u32, divisor: u32) -> u32 {
    let divisor = divisor.max(1);
    let (mut quotient, mut rest, mut bits) = (dividend / divisor, dividend % divisor, FRACTION);
    if quotient >> (32 - FRACTION) != 0 {
        return u32::MAX;
    }
    while bits > 0 {
        // The rest is less than the divisor, so its highest bit is free.
        let step = between(1, rest.leading_zeros(), bits);
        rest <<= step;
        quotient = (quotient << step) | (rest / divisor);
        rest %= divisor;
        bits -= step;
    }
    quotient
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
        let mut pacer = Pacer::new(at(0), 12_000, 100_000, DATAGRAM);
        assert_eq!(pacer.available(at(0)), 12_000);
        pacer.on_sent(at(0), 12_000);
        assert_eq!(pacer.available(at(0)), 0);
        // 15,000 bytes per 100 ms: one datagram takes 8 ms, and a little because the rate is rounded down.
        let ready = pacer.ready_at(1_200);
        assert_eq!(ready, at(8_001));
        assert!(pacer.available(at(8_000)) < 1_200);
        assert_eq!(pacer.available(ready), 1_200);
        assert_eq!(pacer.available(at(10_000_000)), 12_000);
    }

    #[test]
    fn asking_at_every_microsecond_loses_nothing() {
        // 1 byte in 8 microseconds.
        let mut pacer = Pacer::new(at(0), 10_000, 100_000, DATAGRAM);
        pacer.on_sent(at(0), u32::MAX);
        for now in 0..=80_000 {
            pacer.available(at(now));
        }
        assert_eq!(pacer.available(at(80_000)), 10_000);
    }

    #[test]
    fn a_fast_path_gets_bursts_of_a_batch() {
        let mut pacer = Pacer::new(at(0), 4_000_000, 1_000, DATAGRAM);
        assert_eq!(pacer.available(at(0)), BURST_MAX * u32::from(DATAGRAM));
        pacer.on_sent(at(0), u32::MAX);
        let wait = pacer.ready_at(1_200).since(at(0));
        assert!(wait <= 1_000);
        assert!(pacer.available(at(wait)) >= 64 * 1_024);
    }

    proptest! {
        #[test]
        fn the_quotient_is_exact(dividend in any::<u32>(), divisor in 1u32..1 << 31) {
            let exact = (u64::from(dividend) << FRACTION) / u64::from(divisor);
            prop_assert_eq!(quotient(dividend, divisor), u32::try_from(exact).unwrap_or(u32::MAX));
        }

        #[test]
        fn ready_at_keeps_its_promise(window in 2_400u32.., rtt in 1u32..1 << 29, sent in 0u32..1 << 20, start in 0u64..1 << 40) {
            let mut pacer = Pacer::new(at(start), window, rtt, DATAGRAM);
            pacer.available(at(start));
            pacer.on_sent(at(start), sent);
            let ready = pacer.ready_at(u32::from(DATAGRAM));
            prop_assert!(pacer.available(ready) >= u32::from(DATAGRAM));
        }

        #[test]
        fn the_rate_is_never_exceeded(steps in prop::collection::vec(0u32..5_000, 1..200)) {
            let (window, rtt) = (100_000_u64, 20_000);
            let mut pacer = Pacer::new(at(0), window as u32, rtt, DATAGRAM);
            let burst = pacer.available(at(0));
            let (mut now, mut sent) = (0_u32, 0);
            for step in steps {
                now += step;
                let take = pacer.available(at(now.into()));
                pacer.on_sent(at(now.into()), take);
                sent += take;
            }
            prop_assert!(u64::from(sent) <= u64::from(burst) + u64::from(now) * (window * 5 / 4) / 20_000);
        }
    }
}
