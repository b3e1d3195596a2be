//! BBR's machine: which phase it is in, and what leads from one to the next.
//!
//! Invariant: transitions happen while an ACK frame is taken in, or when packets are declared lost.

use super::model::{NO_VOLUME, percent_of};
use super::{Bbr, RateSample};
use crate::time::Instant;

/// How long a probe of the round-trip time keeps the volume down, in microseconds.
const PROBE_RTT_US: u64 = 200_000;

/// Wall-clock time between probes of the bandwidth, in microseconds, and how much more chance adds.
const PROBE_WAIT_US: u64 = 2_000_000;
const PROBE_WAIT_SPREAD_US: u64 = 1_000_000;

/// Round trips between them at most: Reno and CUBIC recover from a loss in so many where they work well.
const RENO_ROUNDS: u32 = 63;

/// A probe of the bandwidth ends with so much in flight, in percent of the bandwidth-delay product.
const UP_VOLUME: u32 = 150;

/// Round trips of draining at most.
const DRAIN_ROUNDS: u32 = 3;

/// What BBR is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Doubles the rate until the pipe is full.
    Startup,
    /// Lets the queue of Startup run dry.
    Drain,
    /// Sends less than is delivered.
    Down,
    /// Sends what is delivered.
    Cruise,
    /// Fills the pipe for one round trip.
    Refill,
    /// Sends more than is delivered.
    Up,
    /// Halves the volume to see the round-trip time without a queue.
    ProbeRtt,
}

impl Phase {
    /// The draft's word for it.
    #[cfg(feature = "sink")]
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Drain => "drain",
            Self::Down => "probe_bw_down",
            Self::Cruise => "probe_bw_cruise",
            Self::Refill => "probe_bw_refill",
            Self::Up => "probe_bw_up",
            Self::ProbeRtt => "probe_rtt",
        }
    }

    /// Percent of the model's rate.
    pub(super) fn pacing_gain(self) -> u32 {
        match self {
            Self::Startup => 277,
            Self::Drain => 50,
            Self::Down => 90,
            Self::Cruise | Self::Refill | Self::ProbeRtt => 100,
            Self::Up => 125,
        }
    }

    /// Percent of the bandwidth-delay product.
    pub(super) fn window_gain(self) -> u32 {
        match self {
            Self::Up => 225,
            Self::ProbeRtt => 50,
            _ => 200,
        }
    }

    pub(super) fn is_probe_bandwidth(self) -> bool {
        matches!(self, Self::Down | Self::Cruise | Self::Refill | Self::Up)
    }

    /// Losses are looked for, so they do not count for the short term.
    pub(super) fn is_accelerating(self) -> bool {
        matches!(self, Self::Startup | Self::Refill | Self::Up)
    }
}

/// What acknowledgements say of the last probe of the bandwidth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AckPhase {
    /// Nothing.
    Init,
    /// The pipe is being filled.
    Refilling,
    /// Those for what was sent before it come.
    Starting,
    /// Those for what it sent come.
    Feedback,
    /// It is over; the last ones come.
    Stopping,
}

/// Probing for bandwidth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pub(super) ack_phase: AckPhase,
    /// What is acknowledged or lost now was sent while probing, and no loss was acted on yet.
    pub(super) is_sample: bool,
    /// The last one lost too much.
    pub(super) was_too_high: bool,
    /// The last one ended early, where the one before had lost too much.
    was_cautious: bool,
    up_acked: u32,
    /// Bytes to be acknowledged for each datagram that the long-term volume grows.
    up_acked_per_datagram: u32,
    up_rounds: u8,
    pub(super) rounds_since_up: u32,
    wait_us: u64,
    cycle_start: Instant,
}

impl Probe {
    pub(super) const fn new() -> Self {
        Self {
            ack_phase: AckPhase::Init,
            is_sample: false,
            was_too_high: false,
            was_cautious: false,
            up_acked: 0,
            up_acked_per_datagram: NO_VOLUME,
            up_rounds: 0,
            rounds_since_up: 0,
            wait_us: 0,
            cycle_start: Instant::ZERO,
        }
    }
}

/// Probing for the round-trip time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProbeRtt {
    /// When the volume was down long enough; `None` while it is not down.
    done_at: Option<Instant>,
    is_round_done: bool,
}

impl Bbr {
    pub(super) fn check_startup_done(&mut self, is_loss_high: bool) {
        if self.phase != Phase::Startup {
            return;
        }
        if is_loss_high && !self.full_pipe.is_reached {
            self.undo.phase = Some(Phase::Startup);
            self.full_pipe.is_reached = true;
            self.full_pipe.is_now = true;
            let product = self.product(self.max_bandwidth.get(), 100);
            self.volume_long = product.max(self.latest.volume());
        }
        if self.full_pipe.is_reached {
            self.phase = Phase::Drain;
            self.drain_start_round = self.round.count;
        }
    }

    pub(super) fn check_drain_done(&mut self, now: Instant) {
        if self.phase != Phase::Drain {
            return;
        }
        let rounds = self.round.count.wrapping_sub(self.drain_start_round);
        let drained = self.quantized(self.product(self.rate, 100));
        if self.in_flight <= drained || rounds > DRAIN_ROUNDS {
            self.start_down(now);
        }
    }

    pub(super) fn start_down(&mut self, now: Instant) {
        self.reset_congestion();
        self.probe.up_acked_per_datagram = NO_VOLUME;
        let random = self.random();
        // One bit.
        self.probe.rounds_since_up = (random & 1) as u32;
        self.probe.wait_us = PROBE_WAIT_US + (random >> 1) % PROBE_WAIT_SPREAD_US;
        self.probe.cycle_start = now;
        self.probe.ack_phase = AckPhase::Stopping;
        self.round.begin(self.delivered);
        self.phase = Phase::Down;
    }

    pub(super) fn start_refill(&mut self) {
        self.reset_short_term();
        self.probe.up_rounds = 0;
        self.probe.up_acked = 0;
        self.probe.was_cautious = false;
        self.probe.ack_phase = AckPhase::Refilling;
        self.round.begin(self.delivered);
        self.phase = Phase::Refill;
    }

    fn start_up(&mut self, sample: &RateSample) {
        self.probe.is_sample = true;
        self.probe.ack_phase = AckPhase::Starting;
        self.round.begin(self.delivered);
        self.full_pipe.restart(sample.rate);
        self.phase = Phase::Up;
        self.raise_slope();
    }

    /// Moves on in the cycle of probing for bandwidth.
    pub(super) fn update_cycle(&mut self, now: Instant, sample: &RateSample, newly: u32) {
        if !self.full_pipe.is_reached || self.adapt_long_term(sample, newly) {
            return;
        }
        match self.phase {
            Phase::Down | Phase::Cruise if self.is_time_to_probe(now) => self.start_refill(),
            Phase::Down if self.is_time_to_cruise() => self.phase = Phase::Cruise,
            Phase::Refill if self.round.is_start => self.start_up(sample),
            Phase::Up => self.check_up_done(now, sample),
            _ => {}
        }
    }

    fn check_up_done(&mut self, now: Instant, sample: &RateSample) {
        if self.is_time_to_go_down(sample) {
            self.probe.was_too_high = false;
            self.start_down(now);
        }
    }

    fn is_time_to_probe(&self, now: Instant) -> bool {
        let datagrams = self.target_volume() / u32::from(self.datagram).max(1);
        now > self.probe.cycle_start.after(self.probe.wait_us)
            || self.probe.rounds_since_up >= datagrams.min(RENO_ROUNDS)
    }

    fn is_time_to_cruise(&self) -> bool {
        let product = self.product(self.max_bandwidth.get(), 100);
        self.in_flight <= self.volume_with_headroom() && self.in_flight <= self.quantized(product)
    }

    fn is_time_to_go_down(&mut self, sample: &RateSample) -> bool {
        if self.probe.was_too_high && self.in_flight >= self.volume_long {
            self.probe.was_cautious = true;
            return true;
        }
        if self.is_window_limited() && self.window >= self.volume_long {
            // The bound keeps the rate down, not the path.
            self.full_pipe.restart(sample.rate);
            return false;
        }
        // Stricter than the draft, whose three rounds make a queue of three quarters of the product where nothing
        // grows: what is in flight outruns the measured rate only while it does not grow with it.
        let queued = self.product(self.max_bandwidth.get(), UP_VOLUME);
        self.full_pipe.is_now || self.in_flight > self.quantized(queued)
    }

    /// The long-term volume grows twice as fast as in the last round.
    fn raise_slope(&mut self) {
        let growth = 1_u32 << self.probe.up_rounds.min(30);
        self.probe.up_rounds = (self.probe.up_rounds + 1).min(30);
        self.probe.up_acked_per_datagram = (self.window / growth).max(self.datagram.into());
    }

    fn raise_volume(&mut self, newly: u32) {
        if !self.is_window_limited() || self.window < self.volume_long {
            return;
        }
        self.probe.up_acked = self.probe.up_acked.saturating_add(newly);
        let per_datagram = self.probe.up_acked_per_datagram.max(1);
        let datagrams = self.probe.up_acked / per_datagram;
        self.probe.up_acked %= per_datagram;
        let growth = datagrams.saturating_mul(self.datagram.into());
        self.volume_long = self.volume_long.saturating_add(growth);
        if self.round.is_start {
            self.raise_slope();
        }
    }

    /// Follows what acknowledgements say of a probe; `true` if that led to another phase.
    fn adapt_long_term(&mut self, sample: &RateSample, newly: u32) -> bool {
        if self.probe.ack_phase == AckPhase::Starting && self.round.is_start {
            self.probe.ack_phase = AckPhase::Feedback;
        }
        if self.probe.ack_phase == AckPhase::Stopping && self.round.is_start {
            self.probe.is_sample = false;
            self.probe.ack_phase = AckPhase::Init;
            if self.phase.is_probe_bandwidth() {
                if !sample.is_limited {
                    self.max_bandwidth.advance();
                }
                if self.probe.was_cautious && !self.probe.was_too_high {
                    self.start_refill();
                    return true;
                }
            }
        }
        if !Self::is_volume_too_high(sample.lost, sample.in_flight) && self.volume_long != NO_VOLUME
        {
            self.volume_long = self.volume_long.max(sample.in_flight);
            if self.phase == Phase::Up {
                self.raise_volume(newly);
            }
        }
        false
    }

    pub(super) fn probe_rtt_window(&self) -> u32 {
        let gain = Phase::ProbeRtt.window_gain();
        self.product(self.rate, gain).max(self.pipe_min())
    }

    pub(super) fn check_probe_rtt(&mut self, now: Instant) {
        if self.phase != Phase::ProbeRtt && self.min_rtt.is_expired && !self.is_restarting {
            self.save_window();
            self.phase = Phase::ProbeRtt;
            self.probe_rtt = ProbeRtt::default();
            self.probe.ack_phase = AckPhase::Stopping;
            self.round.begin(self.delivered);
        }
        if self.phase == Phase::ProbeRtt {
            self.advance_probe_rtt(now);
        }
        self.is_restarting = false;
    }

    fn advance_probe_rtt(&mut self, now: Instant) {
        if self.probe_rtt.done_at.is_none() {
            if self.in_flight <= self.probe_rtt_window() {
                self.probe_rtt.done_at = Some(now.after(PROBE_RTT_US));
                self.probe_rtt.is_round_done = false;
                self.round.begin(self.delivered);
            }
            return;
        }
        self.probe_rtt.is_round_done |= self.round.is_start;
        if self.probe_rtt.is_round_done {
            self.check_probe_rtt_done(now);
        }
    }

    pub(super) fn check_probe_rtt_done(&mut self, now: Instant) {
        if self.probe_rtt.done_at.is_none_or(|done| now <= done) {
            return;
        }
        self.min_rtt.probe_min_at = now;
        self.restore_window();
        self.reset_short_term();
        if self.full_pipe.is_reached {
            self.start_down(now);
            self.phase = Phase::Cruise;
        } else {
            self.phase = Phase::Startup;
        }
    }

    /// Less than this is lost where a probe is not too high: 2 % of what was in flight.
    pub(super) fn is_volume_too_high(lost: u32, in_flight: u32) -> bool {
        lost > percent_of(in_flight, 2)
    }
}
