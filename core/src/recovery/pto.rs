//! The loss detection timer: late packets, probe timeouts with backoff, and the client that must not fall silent (RFC 9002 §6.2).
//!
//! Invariant: before the handshake is confirmed the application space alone never makes a probe timeout.

use super::sent::{Fate, Ring};
use super::{OnOutcome, Recovery, report_lost};
use crate::time::Instant;
use crate::wire::packet::Space;

/// Doublings after which the timeout stays: 65,536 times the first one outlasts every idle timeout.
const BACKOFF_MAX: u8 = 16;

/// Packets sent in the space whose timeout expired: if one is lost, the other may arrive.
//= rfc9002#6.2.4
const PROBES: u8 = 2;

/// When recovery wants to be called next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The time; its end, if there is no deadline.
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
    pub fn deadline(&self) -> Deadline {
        let (at, cause) = self.timer();
        let paced_until = self.paths.active().paced_until;
        if paced_until < at {
            return Deadline {
                at: paced_until,
                cause: Cause::Pacing,
            };
        }
        Deadline { at, cause }
    }

    /// The loss detection timer: a packet that becomes lost comes before a probe.
    fn timer(&self) -> (Instant, Cause) {
        let loss_time = self.loss_time();
        if loss_time == Instant::NEVER {
            (self.probe_time().0, Cause::Probe)
        } else {
            (loss_time, Cause::Loss)
        }
    }

    /// Acts on deadlines that have come; harmless at any other time.
    pub fn on_timeout(&mut self, now: Instant, outcome: &mut OnOutcome<'_>) -> Timeout {
        let path = self.paths.active_mut();
        if path.paced_until <= now {
            path.paced_until = Instant::NEVER;
        }
        let (at, cause) = self.timer();
        if at > now || at == Instant::NEVER {
            return Timeout::Nothing;
        }
        if cause == Cause::Probe {
            return self.on_probe_timeout(now, outcome);
        }
        for space in Space::ALL {
            if self.spaces[space.index()].loss_time <= now {
                self.detect_lost(now, space, outcome);
            }
        }
        Timeout::Losses
    }

    //= rfc9002#6.2
    fn on_probe_timeout(&mut self, now: Instant, outcome: &mut OnOutcome<'_>) -> Timeout {
        let (_, space) = self.probe_time();
        self.pto_count = self.pto_count.saturating_add(1);
        self.anti_deadlock_from = now;
        self.stats.probe_timeouts += 1;
        #[cfg(feature = "pmtud")]
        {
            let path = self.paths.active_mut();
            path.mtu.on_probe_timeout(self.pto_count);
            path.follow_mtu(now);
        }
        if self.spaces[space.index()].ack_eliciting_in_flight == 0 {
            //= rfc9002#6.2.2.1
            self.spaces[space.index()].probes = 1;
            return Timeout::Probe { space, packets: 1 };
        }
        for other in Space::ALL {
            let packets = if other == space { PROBES } else { 1 };
            let state = &mut self.spaces[other.index()];
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

    fn loss_time(&self) -> Instant {
        let [initial, handshake, application] = &self.spaces;
        let earlier = initial.loss_time.min(handshake.loss_time);
        earlier.min(application.loss_time)
    }

    /// The earliest probe timeout and the space to which it belongs.
    fn probe_time(&self) -> (Instant, Space) {
        let backoff = self.pto_count.min(BACKOFF_MAX);
        let mut timeout = u64::from(self.rtt().pto_us()) << backoff;
        if self.is_silent(Space::Initial)
            && self.is_silent(Space::Handshake)
            && !self.peer_validated
        {
            //= rfc9002#6.2.2.1
            let space = if self.handshake_keys {
                Space::Handshake
            } else {
                Space::Initial
            };
            return (self.anti_deadlock_from.after(timeout), space);
        }
        let mut earliest = (Instant::NEVER, Space::Initial);
        for space in Space::ALL {
            if space == Space::Application {
                //= rfc9002#6.2.1
                if !self.handshake_confirmed {
                    break;
                }
                timeout += u64::from(self.max_ack_delay_us) << backoff;
            }
            let at = self.spaces[space.index()].last_ack_eliciting.after(timeout);
            if !self.is_silent(space) && at < earliest.0 {
                earliest = (at, space);
            }
        }
        earliest
    }
}

/// Reports the tokens of the `packets` oldest outstanding packets as lost, so that the probes carry
/// something that the peer is missing. The packets themselves stay in flight.
fn repeat_oldest(ring: &mut Ring<'_>, space: Space, packets: u8, outcome: &mut OnOutcome<'_>) {
    let mut left = packets;
    let mut index = ring.next_outstanding(0);
    while index < ring.len() && left > 0 {
        if ring.packet(index).ack_eliciting && ring.fate(index) == Fate::Outstanding {
            report_lost(ring, space, index, outcome);
            ring.set_fate(index, Fate::Repeated);
            left -= 1;
        }
        index = ring.next_outstanding(index + 1);
    }
}
