//! The loss detection timer: late packets, probe timeouts with backoff, and the client that must not fall silent (RFC 9002 §6.2).
//!
//! Invariant: before the handshake is confirmed the application space alone never makes a probe timeout.

use super::sent::Ring;
use super::{OnOutcome, Recovery, SpaceState, report_lost};
use crate::time::{Duration, Instant};
use crate::wire::packet::Space;

/// Doublings after which the timeout stays: 65,536 times the first one outlasts every idle timeout.
const BACKOFF_MAX: u32 = 16;

/// Packets sent in the space whose timeout expired: if one is lost, the other may arrive.
//= rfc9002#6.2.4
const PROBES: u8 = 2;

/// When recovery wants to be called next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The time.
    pub at: Instant,
    /// What for.
    pub cause: Cause,
}

/// What a deadline stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A packet becomes lost.
    Loss,
    /// Nothing was acknowledged for too long.
    Probe,
    /// The pacer lets more leave: there is nothing to do but to transmit.
    Pacing,
}

/// What a timeout turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// Nothing that needs more than a look at what can be transmitted.
    Nothing,
    /// Packets were declared lost and reported.
    Losses,
    /// `packets` ack-eliciting packets are to be sent in `space` ([`Recovery::probes`] counts them down),
    /// with PING where there is nothing else to say.
    Probe {
        /// The space whose timeout expired.
        space: Space,
        /// How many.
        packets: u8,
    },
}

impl Recovery<'_> {
    /// The earliest time at which [`Recovery::on_timeout`] has something to do.
    pub fn deadline(&self) -> Option<Deadline> {
        let pacing = self.paced_until.map(|at| Deadline {
            at,
            cause: Cause::Pacing,
        });
        let timer = match self.loss_time() {
            Some(at) => Some(Deadline {
                at,
                cause: Cause::Loss,
            }),
            None => self.probe_time().map(|(at, _)| Deadline {
                at,
                cause: Cause::Probe,
            }),
        };
        match (timer, pacing) {
            (Some(timer), Some(pacing)) if pacing.at < timer.at => Some(pacing),
            (timer, pacing) => timer.or(pacing),
        }
    }

    /// Acts on deadlines that have come; harmless at any other time.
    pub fn on_timeout(&mut self, now: Instant, outcome: &mut OnOutcome<'_>) -> Timeout {
        self.paced_until = self.paced_until.filter(|&at| at > now);
        if let Some(at) = self.loss_time() {
            if at > now {
                return Timeout::Nothing;
            }
            for space in Space::ALL {
                if self.spaces[space as usize]
                    .loss_time
                    .is_some_and(|at| at <= now)
                {
                    self.detect_lost(now, space, outcome);
                }
            }
            return Timeout::Losses;
        }
        match self.probe_time() {
            Some((at, space)) if at <= now => self.on_probe_timeout(now, space, outcome),
            _ => Timeout::Nothing,
        }
    }

    fn on_probe_timeout(
        &mut self,
        now: Instant,
        space: Space,
        outcome: &mut OnOutcome<'_>,
    ) -> Timeout {
        self.pto_count = self.pto_count.saturating_add(1);
        self.anti_deadlock_from = now;
        self.stats.probe_timeouts += 1;
        if self.spaces[space as usize].ack_eliciting_in_flight == 0 {
            //= rfc9002#6.2.2.1
            self.spaces[space as usize].probes = 1;
            return Timeout::Probe { space, packets: 1 };
        }
        for other in Space::ALL {
            let packets = if other == space { PROBES } else { 1 };
            let state = &mut self.spaces[other as usize];
            if state.ack_eliciting_in_flight > 0 {
                // Other spaces speak as well: their packets travel in the same datagram.
                state.probes = packets;
                let mut ring = self.memory.ring(other, &mut state.ring);
                repeat_oldest(&mut ring, other, packets, outcome);
            }
        }
        Timeout::Probe {
            space,
            packets: PROBES,
        }
    }

    fn loss_time(&self) -> Option<Instant> {
        self.spaces.iter().filter_map(|state| state.loss_time).min()
    }

    /// The earliest probe timeout and the space to which it belongs.
    fn probe_time(&self) -> Option<(Instant, Space)> {
        let backoff = 1 << self.pto_count.min(BACKOFF_MAX);
        let timeout = self.rtt.pto().saturating_mul(backoff);
        let [initial, handshake, application] = &self.spaces;
        let silent = initial.ack_eliciting_in_flight == 0 && handshake.ack_eliciting_in_flight == 0;
        if silent && !self.peer_validated {
            //= rfc9002#6.2.2.1
            let space = if self.handshake_keys {
                Space::Handshake
            } else {
                Space::Initial
            };
            return Some((self.anti_deadlock_from + timeout, space));
        }
        let at = |state: &SpaceState, timeout: Duration| {
            (state.ack_eliciting_in_flight > 0).then(|| state.last_ack_eliciting + timeout)
        };
        let mut times = [
            at(initial, timeout).map(|at| (at, Space::Initial)),
            at(handshake, timeout).map(|at| (at, Space::Handshake)),
            None,
        ];
        //= rfc9002#6.2.1
        if self.handshake_confirmed {
            let delay = self.max_ack_delay.saturating_mul(backoff);
            times[2] =
                at(application, timeout.saturating_add(delay)).map(|at| (at, Space::Application));
        }
        times.into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

/// Reports the tokens of the `packets` oldest outstanding packets as lost, so that the probes carry
/// something that the peer is missing. The packets themselves stay in flight.
fn repeat_oldest(ring: &mut Ring<'_>, space: Space, packets: u8, outcome: &mut OnOutcome<'_>) {
    let mut left = packets;
    let mut index = ring.next_outstanding(0);
    while index < ring.len() && left > 0 {
        if ring.packet(index).ack_eliciting && !ring.packet(index).resent {
            report_lost(ring, space, index, outcome);
            ring.packet_mut(index).resent = true;
            left -= 1;
        }
        index = ring.next_outstanding(index + 1);
    }
}
