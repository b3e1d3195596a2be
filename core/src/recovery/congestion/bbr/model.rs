//! What BBR remembers of the path: windowed maxima and minima, rounds, whether the pipe is full.
//!
//! Invariant: every filter forgets; none grows with time.

use super::super::RateSample;
use crate::codec::to_usize;
use crate::time::Instant;

/// A bound that is not set.
pub(super) const NO_VOLUME: u32 = u32::MAX;

/// A rate that is not bounded.
pub(super) const NO_RATE: u64 = u64::MAX;

/// How long the smallest round-trip time is believed, in microseconds.
const MIN_RTT_FILTER_US: u64 = 10_000_000;

/// After so many microseconds without a smaller time one is looked for.
const PROBE_RTT_INTERVAL_US: u64 = 5_000_000;

/// Rounds for which aggregation is remembered.
const AGGREGATION_ROUNDS: usize = 10;

/// Growth that shows that the pipe is not full, in percent of the baseline.
const FULL_GROWTH: u64 = 125;

/// Rounds without such growth after which it is.
const FULL_ROUNDS: u8 = 3;

/// Round trips, counted by packets: one ends when a packet is acknowledged that was sent after it began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rounds {
    next_delivered: u64,
    pub(super) count: u32,
    /// The last ACK frame began one.
    pub(super) is_start: bool,
}

impl Rounds {
    /// A round begins with what is sent from now on.
    pub(super) fn begin(&mut self, delivered: u64) {
        self.next_delivered = delivered;
    }

    pub(super) fn on_acknowledged(&mut self, sample: &RateSample) {
        self.is_start = sample.prior_delivered >= self.next_delivered;
        if self.is_start {
            self.begin(sample.total_delivered);
            self.count = self.count.wrapping_add(1);
        }
    }
}

/// The largest delivery rate of this bandwidth probing cycle and of the last, in bytes per second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MaxBandwidth {
    last: u64,
    current: u64,
}

impl MaxBandwidth {
    pub(super) fn get(&self) -> u64 {
        self.last.max(self.current)
    }

    pub(super) fn on_acknowledged(&mut self, sample: &RateSample) {
        if sample.rate >= self.get() || !sample.is_limited {
            self.current = self.current.max(sample.rate);
        }
    }

    /// The next cycle begins.
    pub(super) fn advance(&mut self) {
        if self.current > 0 {
            self.last = self.current;
            self.current = 0;
        }
    }
}

/// The smallest round-trip time, in microseconds, and whether a smaller one is to be looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct MinRtt {
    min: u32,
    min_at: Instant,
    probe_min: u32,
    pub(super) probe_min_at: Instant,
    /// The last look was long ago.
    pub(super) is_expired: bool,
}

impl MinRtt {
    pub(super) const fn new() -> Self {
        Self {
            min: u32::MAX,
            min_at: Instant::ZERO,
            probe_min: u32::MAX,
            probe_min_at: Instant::ZERO,
            is_expired: false,
        }
    }

    /// `None` before the first sample.
    pub(super) fn get(&self) -> Option<u32> {
        (self.min != u32::MAX).then_some(self.min)
    }

    pub(super) fn on_sample(&mut self, now: Instant, rtt_us: u32) {
        // The first sample begins the interval, whatever the clock shows.
        self.is_expired =
            self.probe_min != u32::MAX && now > self.probe_min_at.after(PROBE_RTT_INTERVAL_US);
        if rtt_us < self.probe_min || self.is_expired {
            self.probe_min = rtt_us;
            self.probe_min_at = now;
        }
        if self.probe_min < self.min || now > self.min_at.after(MIN_RTT_FILTER_US) {
            self.min = self.probe_min;
            self.min_at = self.probe_min_at;
        }
    }
}

/// How many more bytes are acknowledged at once than the rate explains.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aggregation {
    start: Instant,
    delivered: u64,
    /// The largest of each of the last rounds.
    rounds: [u32; AGGREGATION_ROUNDS],
}

impl Aggregation {
    pub(super) const fn new() -> Self {
        Self {
            start: Instant::ZERO,
            delivered: 0,
            rounds: [0; AGGREGATION_ROUNDS],
        }
    }

    /// Nothing was expected until now.
    pub(super) fn restart(&mut self, now: Instant) {
        self.start = now;
        self.delivered = 0;
    }

    /// `bytes` were acknowledged in `round` where the path has `rate`; `most` bounds what is believed.
    pub(super) fn on_acknowledged(
        &mut self,
        now: Instant,
        round: &Rounds,
        bytes: u32,
        rate: u64,
        most: u32,
    ) {
        let mut expected = rate_times(rate, now.since(self.start));
        if self.delivered <= expected {
            self.restart(now);
            expected = 0;
        }
        self.delivered = self.delivered.saturating_add(bytes.into());
        let extra = self.delivered.saturating_sub(expected);
        let extra = u32::try_from(extra).unwrap_or(u32::MAX).min(most);
        let place = to_usize(round.count) % AGGREGATION_ROUNDS;
        if let Some(largest) = self.rounds.get_mut(place) {
            *largest = if round.is_start {
                extra
            } else {
                extra.max(*largest)
            };
        }
    }

    /// The largest of the last rounds, or of this one alone.
    pub(super) fn get(&self, round: u32, only_this: bool) -> u32 {
        if only_this {
            let place = to_usize(round) % AGGREGATION_ROUNDS;
            return self.rounds.get(place).copied().unwrap_or(0);
        }
        self.rounds.into_iter().max().unwrap_or(0)
    }
}

/// Looks for a plateau of the delivery rate while sending accelerates.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FullPipe {
    rate: u64,
    rounds: u8,
    /// Found since the last look began.
    pub(super) is_now: bool,
    /// Found once.
    pub(super) is_reached: bool,
}

impl FullPipe {
    /// A look begins at this rate.
    pub(super) fn restart(&mut self, rate: u64) {
        self.rate = rate;
        self.rounds = 0;
        self.is_now = false;
    }

    pub(super) fn on_acknowledged(&mut self, round: &Rounds, sample: &RateSample) {
        if self.is_now || !round.is_start || sample.is_limited {
            return;
        }
        if sample.rate >= self.rate.saturating_mul(FULL_GROWTH) / 100 {
            return self.restart(sample.rate);
        }
        self.rounds += 1;
        if self.rounds >= FULL_ROUNDS {
            self.is_now = true;
            self.is_reached = true;
        }
    }
}

/// Bytes that `rate` bytes per second are in `us` microseconds.
pub(super) fn rate_times(rate: u64, us: u64) -> u64 {
    match rate.checked_mul(us) {
        Some(product) => product / 1_000_000,
        None => (rate / 1_000_000).saturating_mul(us),
    }
}

/// `percent` hundredths of a volume.
pub(super) fn percent_of(volume: u32, percent: u32) -> u32 {
    let volume = u64::from(volume) * u64::from(percent) / 100;
    u32::try_from(volume).unwrap_or(NO_VOLUME)
}
