//! BBRv3 (draft-ietf-ccwg-bbr): a model of the path, of rate and of volume, and a machine that keeps it fresh.
//!
//! ```text
//! Startup ► Drain ► Down ► Cruise ► Refill ► Up ─┐      ProbeRtt from and to any of them
//!                    ▲────────────────────────────┘
//! ```
//!
//! Bytes, bytes per second, microseconds and percent, all as integers.
//! Invariant: the window lies between four datagrams and [`WINDOW_MAX`], and the pacing rate is never zero.

mod loss;
mod model;
mod phase;
#[cfg(test)]
mod tests;

use super::super::rtt::Rtt;
use super::{Acknowledged, Algorithm, Lost, Pace, RateSample, Utilisation, initial_window};
use crate::time::Instant;
use loss::{LatestDelivery, Undo};
use model::{
    Aggregation, FullPipe, MaxBandwidth, MinRtt, NO_RATE, NO_VOLUME, Rounds, percent_of, rate_times,
};
use phase::{Phase, Probe, ProbeRtt};

/// More than any table of sent packets holds.
const WINDOW_MAX: u32 = 1 << 30;

/// Part of the measured rate that is used while there is a queue, in percent: it drains rather than grows. The draft
/// leaves as much unused where nothing waits, too.
const PACING_MARGIN: u64 = 99;

/// A round-trip time shows a queue if it is longer than the shortest by such a part.
const QUEUE_PART: u32 = 16;

/// The window below which delayed acknowledgements would stop the flow, in datagrams.
const PIPE_MIN: u32 = 4;

/// A burst covers so much time at the pacing rate, in microseconds.
const QUANTUM_US: u64 = 1_000;

/// And has so many bytes at most.
const QUANTUM_MAX: u32 = 64 * 1_024;

/// The round-trip time that the first pacing rate assumes, in microseconds.
const NOMINAL_RTT_US: u64 = 1_000;

/// What may be in flight in Startup as soon as one round-trip time is known, in datagrams. RFC 9002 §7.2 recommends ten
/// for senders that let them go in one burst. Here ten are the burst, and the rest is spread over that time.
const PACED_START: u32 = 32;

/// BBRv3's controller.
#[derive(Clone, Copy, Debug)]
pub struct Bbr {
    datagram: u16,
    random: u64,
    phase: Phase,
    // What is controlled.
    window: u32,
    /// The last one that neither losses nor a probe of the round-trip time had cut.
    prior_window: u32,
    pacing_rate: u64,
    quantum: u32,
    // The model.
    round: Rounds,
    max_bandwidth: MaxBandwidth,
    rate_short: u64,
    /// The rate that is believed in now.
    rate: u64,
    min_rtt: MinRtt,
    /// The last round-trip time was longer than an empty path's.
    sees_queue: bool,
    aggregation: Aggregation,
    volume_long: u32,
    volume_short: u32,
    full_pipe: FullPipe,
    // The machine.
    probe: Probe,
    probe_rtt: ProbeRtt,
    drain_start_round: u32,
    is_restarting: bool,
    // Losses.
    latest: LatestDelivery,
    undo: Undo,
    /// Losses of packets sent before belong to the same event.
    recovery_end: Instant,
    in_recovery: bool,
    // What the last acknowledgements and packets said.
    delivered: u64,
    in_flight: u32,
    is_limited: bool,
    is_window_full: bool,
    was_window_full: bool,
    has_rtt: bool,
}

impl Bbr {
    /// In Startup, with the initial window; `seed` spreads the times of probes.
    pub fn new(datagram: u16, seed: u64) -> Self {
        let window = initial_window(datagram);
        let mut bbr = Self {
            datagram,
            random: seed | 1,
            phase: Phase::Startup,
            window,
            prior_window: 0,
            pacing_rate: 1,
            quantum: QUANTUM_MAX,
            round: Rounds::default(),
            max_bandwidth: MaxBandwidth::default(),
            rate_short: NO_RATE,
            rate: 0,
            min_rtt: MinRtt::new(),
            sees_queue: false,
            aggregation: Aggregation::new(),
            volume_long: NO_VOLUME,
            volume_short: NO_VOLUME,
            full_pipe: FullPipe::default(),
            probe: Probe::new(),
            probe_rtt: ProbeRtt::default(),
            drain_start_round: 0,
            is_restarting: false,
            latest: LatestDelivery::default(),
            undo: Undo::default(),
            recovery_end: Instant::ZERO,
            in_recovery: false,
            delivered: 0,
            in_flight: 0,
            is_limited: false,
            is_window_full: false,
            was_window_full: false,
            has_rtt: false,
        };
        bbr.set_first_pace(NOMINAL_RTT_US);
        bbr
    }

    /// Any number: it spreads probes in time, and nothing depends on its being secret.
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn pipe_min(&self) -> u32 {
        PIPE_MIN * u32::from(self.datagram)
    }

    /// The window was used up in this round trip or in the last.
    fn is_window_limited(&self) -> bool {
        self.is_window_full || self.was_window_full
    }

    /// `gain` percent of the bandwidth-delay product at `rate`.
    fn product(&self, rate: u64, gain: u32) -> u32 {
        let Some(rtt) = self.min_rtt.get() else {
            return initial_window(self.datagram);
        };
        let bytes = rate_times(rate, rtt.into()).min(WINDOW_MAX.into());
        percent_of(bytes as u32, gain) // at most 2^30
    }

    /// `volume`, but enough for offloads and delayed acknowledgements.
    fn quantized(&self, volume: u32) -> u32 {
        let volume = volume.max(self.quantum).max(self.pipe_min());
        if self.phase == Phase::Up {
            return volume.saturating_add(2 * u32::from(self.datagram));
        }
        volume
    }

    /// What is to be in flight: the bandwidth-delay product, unless congestion cut the window.
    fn target_volume(&self) -> u32 {
        self.product(self.rate, 100).min(self.window)
    }

    /// What the path bears, less room for others.
    fn volume_with_headroom(&self) -> u32 {
        if self.volume_long == NO_VOLUME {
            return NO_VOLUME;
        }
        let headroom = percent_of(self.volume_long, 15).max(self.datagram.into());
        self.volume_long
            .saturating_sub(headroom)
            .max(self.pipe_min())
    }

    /// The window, once in a round trip, until a rate is measured.
    fn set_first_pace(&mut self, rtt_us: u64) {
        let nominal = u64::from(self.window) * 1_000_000 / rtt_us.max(1);
        self.pacing_rate = (nominal * u64::from(self.phase.pacing_gain()) / 100).max(1);
    }

    fn set_pacing_rate(&mut self, gain: u32) {
        let rate = self.rate.saturating_mul(gain.into()) / 100;
        let margin = if self.sees_queue { PACING_MARGIN } else { 100 };
        let rate = (rate.saturating_mul(margin) / 100).max(1);
        if self.full_pipe.is_reached || rate > self.pacing_rate {
            self.pacing_rate = rate;
        }
    }

    /// One quantum leaves while the next is collected. What a new path is trusted with may leave at once.
    //= rfc9002#7.7
    fn burst(&self) -> u32 {
        let quanta = self.quantum.saturating_mul(2);
        if self.full_pipe.is_reached {
            return quanta;
        }
        quanta.max(initial_window(self.datagram))
    }

    fn set_quantum(&mut self) {
        // At most 2^16.
        let quantum = rate_times(self.pacing_rate, QUANTUM_US).min(QUANTUM_MAX.into()) as u32;
        self.quantum = quantum.max(2 * u32::from(self.datagram));
    }

    fn set_window(&mut self, newly: u32) {
        let only_this_round = !self.full_pipe.is_reached;
        let extra = self.aggregation.get(self.round.count, only_this_round);
        let wanted = self.product(self.rate, self.phase.window_gain());
        let most = self.quantized(wanted.saturating_add(extra));
        let grown = self.window.saturating_add(newly);
        if self.full_pipe.is_reached {
            self.window = grown.min(most);
        } else if self.window < most || self.delivered < initial_window(self.datagram).into() {
            self.window = grown;
        }
        self.window = self.window.max(self.pipe_min());
        self.bound_window();
    }

    fn bound_window(&mut self) {
        if self.phase == Phase::ProbeRtt {
            self.window = self.window.min(self.probe_rtt_window());
        }
        let cap = match self.phase {
            Phase::Startup | Phase::Drain => NO_VOLUME,
            Phase::Down | Phase::Refill | Phase::Up => self.volume_long,
            Phase::Cruise | Phase::ProbeRtt => self.volume_with_headroom(),
        };
        let cap = cap.min(self.volume_short).max(self.pipe_min());
        self.window = self.window.min(cap).min(WINDOW_MAX);
    }

    fn save_window(&mut self) {
        self.prior_window = if !self.in_recovery && self.phase != Phase::ProbeRtt {
            self.window
        } else {
            self.window.max(self.prior_window)
        };
    }

    fn restore_window(&mut self) {
        self.window = self.window.max(self.prior_window);
    }

    fn update_model(&mut self, now: Instant, acknowledged: &Acknowledged) {
        let sample = &acknowledged.delivery;
        self.latest.on_acknowledged(sample);
        self.round.on_acknowledged(sample);
        if self.round.is_start {
            self.probe.rounds_since_up = self.probe.rounds_since_up.saturating_add(1);
            self.was_window_full = core::mem::take(&mut self.is_window_full);
        }
        self.max_bandwidth.on_acknowledged(sample);
        let high_loss = self.is_startup_loss_high(sample);
        self.on_loss_round();
        self.aggregation.on_acknowledged(
            now,
            &self.round,
            acknowledged.bytes,
            self.rate,
            self.window,
        );
        self.full_pipe.on_acknowledged(&self.round, sample);
        self.check_startup_done(high_loss);
        self.check_drain_done(now);
        self.update_cycle(now, sample, acknowledged.bytes);
        self.min_rtt.on_sample(now, sample.rtt_us);
        self.check_probe_rtt(now);
        self.latest.advance(sample);
        self.rate = self.max_bandwidth.get().min(self.rate_short);
    }
}

impl Algorithm for Bbr {
    fn on_sent(&mut self, now: Instant, bytes: u32, in_flight: u32) {
        if in_flight <= bytes && self.is_limited {
            self.is_restarting = true;
            self.aggregation.restart(now);
            if self.phase.is_probe_bandwidth() {
                self.set_pacing_rate(100);
            } else if self.phase == Phase::ProbeRtt {
                self.check_probe_rtt_done(now);
            }
        }
        self.in_flight = in_flight;
        self.is_window_full |= in_flight.saturating_add(self.datagram.into()) > self.window;
    }

    fn on_acknowledged(&mut self, now: Instant, acknowledged: &Acknowledged, rtt: &Rtt) {
        let sample = &acknowledged.delivery;
        self.delivered = sample.total_delivered;
        self.is_limited = sample.is_limited_now || acknowledged.utilisation == Utilisation::Limited;
        self.in_flight = acknowledged.in_flight;
        if !self.has_rtt {
            self.has_rtt = true;
            self.window = self.window.max(PACED_START * u32::from(self.datagram));
            self.set_first_pace(rtt.smoothed_us().into());
        }
        if self.in_recovery && acknowledged.newest_sent >= self.recovery_end {
            self.in_recovery = false;
            self.undo.is_saved = false;
            self.restore_window();
        }
        self.update_model(now, acknowledged);
        let shortest = self.min_rtt.get().unwrap_or(u32::MAX);
        let longest = shortest.saturating_add(shortest / QUEUE_PART);
        self.sees_queue = rtt.latest_us() > longest;
        self.set_pacing_rate(self.phase.pacing_gain());
        self.set_quantum();
        self.set_window(acknowledged.bytes);
    }

    fn on_congestion(&mut self, now: Instant, sent: Instant) {
        if sent >= self.recovery_end {
            self.recovery_end = now.after(1);
            self.in_recovery = true;
        }
    }

    fn on_marked(&mut self, now: Instant, sent: Instant) {
        self.note_mark(now);
        self.on_congestion(now, sent);
    }

    fn on_lost(&mut self, now: Instant, lost: &Lost) {
        self.in_flight = lost.in_flight;
        self.on_lost_packet(now, lost);
    }

    fn on_spurious_congestion(&mut self, now: Instant) {
        self.undo_loss(now);
    }

    fn on_persistent_congestion(&mut self, _now: Instant) {
        self.save_window();
        self.window = self.pipe_min();
        self.in_recovery = true;
    }

    fn on_datagram_size(&mut self, datagram: u16) {
        if self.window == initial_window(self.datagram) {
            self.window = initial_window(datagram);
        }
        self.datagram = datagram;
        self.window = self.window.max(self.pipe_min());
        self.set_quantum();
    }

    fn window(&self) -> u32 {
        self.window
    }

    #[cfg(feature = "sink")]
    fn name(&self) -> &'static str {
        "BBRv3"
    }

    #[cfg(feature = "sink")]
    fn phase(&self) -> &'static str {
        self.phase.name()
    }

    fn pace(&self, _rtt: &Rtt) -> Option<Pace> {
        Some(Pace {
            rate: self.pacing_rate,
            burst: Some(self.burst()),
        })
    }

    fn wants_delivery(&self) -> bool {
        true
    }

    fn holds_back(&self) -> bool {
        self.phase == Phase::ProbeRtt
    }
}
