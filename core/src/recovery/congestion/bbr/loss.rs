//! BBR's answer to losses: short-term bounds while it cruises, a long-term one where a probe lost too much.
//!
//! Invariant: bounds fall by no more than three tenths in a round trip.

use super::model::{NO_RATE, NO_VOLUME, percent_of};
use super::phase::Phase;
use super::{Bbr, Lost, RateSample};
use crate::time::Instant;

/// What a round trip with losses leaves of a bound at least, in percent.
const BETA: u32 = 70;

/// Holes that losses of one round trip must have made to end Startup.
const STARTUP_HOLES: u8 = 6;

/// What a round trip with congestion marks leaves of a short-term bound, in percent (RFC 8511): nothing of what was
/// marked is missing from what was delivered, so that is no measure.
const BETA_MARKED: u32 = 85;

/// The largest rate and volume delivered in a round trip.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LatestDelivery {
    rate: u64,
    volume: u32,
    /// The round that counts losses ends when what is sent after this arrives.
    round_delivered: u64,
    is_round_start: bool,
    has_loss: bool,
    /// ACK frames of this round that brought marks.
    marks: u8,
    /// Holes in this round, and the packet behind the last.
    holes: u8,
    next_number: u64,
}

impl LatestDelivery {
    pub(super) fn volume(&self) -> u32 {
        self.volume
    }

    pub(super) fn on_acknowledged(&mut self, sample: &RateSample) {
        self.rate = self.rate.max(sample.rate);
        self.volume = self.volume.max(volume_of(sample));
        self.is_round_start = sample.prior_delivered >= self.round_delivered;
        if self.is_round_start {
            self.round_delivered = sample.total_delivered;
        }
    }

    pub(super) fn advance(&mut self, sample: &RateSample) {
        if self.is_round_start {
            self.rate = sample.rate;
            self.volume = volume_of(sample);
        }
    }
}

fn volume_of(sample: &RateSample) -> u32 {
    u32::try_from(sample.delivered).unwrap_or(NO_VOLUME)
}

/// What to go back to if a loss was none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Undo {
    /// An event is under way, and this is from before it.
    pub(super) is_saved: bool,
    pub(super) phase: Option<Phase>,
    rate_short: u64,
    volume_short: u32,
    volume_long: u32,
}

impl Bbr {
    /// Begins a round that counts losses, and remembers where the first of an event found everything.
    pub(super) fn note_loss(&mut self) {
        if !self.latest.has_loss {
            self.latest.round_delivered = self.delivered;
        }
        self.latest.has_loss = true;
        if !self.undo.is_saved {
            self.save_window();
            self.undo = Undo {
                is_saved: true,
                phase: None,
                rate_short: self.rate_short,
                volume_short: self.volume_short,
                volume_long: self.volume_long,
            };
        }
    }

    /// The network marked packets. The draft leaves the answer open; here a mark ends a probe as losses do, and
    /// takes its share of the short-term bounds.
    pub(super) fn note_mark(&mut self, now: Instant) {
        self.note_loss();
        self.latest.marks = self.latest.marks.saturating_add(1);
        if self.probe.is_sample {
            self.on_volume_too_high(now, self.in_flight, self.is_limited);
        }
    }

    pub(super) fn on_lost_packet(&mut self, now: Instant, lost: &Lost) {
        self.note_loss();
        if lost.number != self.latest.next_number {
            self.latest.holes = self.latest.holes.saturating_add(1);
        }
        self.latest.next_number = lost.number.wrapping_add(1);
        if !self.probe.is_sample {
            return;
        }
        let in_flight = lost.snapshot.in_flight();
        if Self::is_volume_too_high(lost.lost_since_sent, in_flight) {
            let volume = volume_at_loss(in_flight, lost.lost_since_sent, lost.bytes);
            self.on_volume_too_high(now, volume, lost.snapshot.is_limited());
        }
    }

    /// A probe that had `volume` bytes in flight lost too much.
    pub(super) fn on_volume_too_high(&mut self, now: Instant, volume: u32, is_limited: bool) {
        self.probe.was_too_high = true;
        self.probe.is_sample = false;
        if !is_limited {
            self.volume_long = volume.max(percent_of(self.target_volume(), BETA));
        }
        if self.phase == Phase::Up {
            self.undo.phase = Some(Phase::Up);
            self.start_down(now);
        }
    }

    /// So much of a round trip of Startup was lost, in so many places, that the pipe must be full.
    pub(super) fn is_startup_loss_high(&mut self, sample: &RateSample) -> bool {
        if !self.latest.is_round_start {
            return false;
        }
        let holes = core::mem::take(&mut self.latest.holes);
        let is_lossy =
            holes >= STARTUP_HOLES && Self::is_volume_too_high(sample.lost, sample.in_flight);
        self.phase == Phase::Startup
            && self.latest.has_loss
            && (is_lossy || self.latest.marks >= STARTUP_HOLES)
    }

    /// At the end of a round trip with losses the short-term bounds follow what was delivered.
    pub(super) fn on_loss_round(&mut self) {
        if !self.latest.is_round_start {
            return;
        }
        if self.latest.has_loss && !self.phase.is_accelerating() {
            if self.rate_short == NO_RATE {
                self.rate_short = self.max_bandwidth.get();
            }
            if self.volume_short == NO_VOLUME {
                self.volume_short = self.window;
            }
            let (beta, rate, volume) = if self.latest.marks > 0 {
                (BETA_MARKED, self.slowest(), self.pipe_min())
            } else {
                (BETA, self.latest.rate, self.latest.volume)
            };
            let lower = self.rate_short.saturating_mul(beta.into()) / 100;
            self.rate_short = lower.max(rate);
            self.volume_short = percent_of(self.volume_short, beta).max(volume);
        }
        self.latest.has_loss = false;
        self.latest.marks = 0;
    }

    /// The smallest window in each round trip.
    fn slowest(&self) -> u64 {
        let rtt_us = self.min_rtt.get().unwrap_or(u32::MAX).max(1);
        u64::from(self.pipe_min()) * 1_000_000 / u64::from(rtt_us)
    }

    pub(super) fn reset_congestion(&mut self) {
        self.latest.has_loss = false;
        self.latest.marks = 0;
        self.latest.rate = 0;
        self.latest.volume = 0;
    }

    pub(super) fn reset_short_term(&mut self) {
        self.rate_short = NO_RATE;
        self.volume_short = NO_VOLUME;
    }

    /// The last losses were none.
    pub(super) fn undo_loss(&mut self, _now: Instant) {
        self.restore_window();
        self.latest.has_loss = false;
        self.full_pipe.restart(0);
        self.rate_short = self.rate_short.max(self.undo.rate_short);
        self.volume_short = self.volume_short.max(self.undo.volume_short);
        self.volume_long = self.volume_long.max(self.undo.volume_long);
        self.recovery_end = Instant::ZERO;
        self.in_recovery = false;
        self.undo.is_saved = false;
        match self.undo.phase.take() {
            Some(Phase::Startup) if self.phase != Phase::Startup => {
                self.full_pipe.is_reached = false;
                if self.phase != Phase::ProbeRtt {
                    self.phase = Phase::Startup;
                }
            }
            Some(Phase::Up) if !matches!(self.phase, Phase::Up | Phase::ProbeRtt) => {
                self.start_refill();
            }
            _ => {}
        }
    }
}

/// The volume at which losses passed 2 %, where the packet that showed it had `size` bytes, left with
/// `in_flight` and saw `lost` bytes lost: it may be a large one, of which a part still fitted.
fn volume_at_loss(in_flight: u32, lost: u32, size: u32) -> u32 {
    let before = u64::from(in_flight.saturating_sub(size));
    let lost_before = u64::from(lost.saturating_sub(size));
    let prefix = (2 * before).saturating_sub(100 * lost_before) / 98;
    u32::try_from(before + prefix).unwrap_or(NO_VOLUME)
}
