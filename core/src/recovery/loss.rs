//! What an ACK frame says about sent packets, and which others it makes lost (RFC 9002 §6.1).
//!
//! Invariant: records become lost in the order of their numbers, so one index per space says where to look.

#[cfg(feature = "sink")]
use super::Token;
use super::congestion::{Acknowledged, Algorithm, Utilisation};
use super::ecn::Report;
use super::persistent;
use super::sent::{Fate, Ring, Sent};
use super::{OnOutcome, Outcome, Recovery, report_lost};
use crate::time::Instant;
#[cfg(feature = "sink")]
use crate::trace::LossTrigger;
use crate::wire::frame::Ack;
use crate::wire::packet::Space;
use crate::wire::{Code, TransportError, rule};

/// A packet is lost when one sent so many later was acknowledged.
//= rfc9002#6.1.1
const PACKET_THRESHOLD: u64 = 3;

/// What an ACK frame did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AckSummary {
    /// Packets that it newly acknowledged, of those that count as in flight.
    pub newly_acknowledged: u32,
    /// Packets that it made lost.
    pub lost: u32,
    /// It renewed the estimate of the round-trip time.
    pub rtt_sampled: bool,
}

/// The packets that an ACK frame newly acknowledged, taken together.
#[derive(Default)]
struct Newly {
    packets: u32,
    bytes: u32,
    ack_eliciting: u32,
    marked: u32,
    spurious: u32,
    newest: Option<Sent>,
}

impl Newly {
    fn add(&mut self, packet: &Sent) {
        self.packets += 1;
        self.bytes += u32::from(packet.size);
        self.ack_eliciting += u32::from(packet.ack_eliciting);
        self.marked += u32::from(packet.marked);
        if self
            .newest
            .is_none_or(|newest| newest.number < packet.number)
        {
            self.newest = Some(*packet);
        }
    }
}

impl Recovery<'_> {
    /// Takes in an ACK frame of `space`: tells every owner what arrived and what is lost.
    ///
    /// Fails with PROTOCOL_VIOLATION if it acknowledges a packet that was never sent.
    pub fn on_ack(
        &mut self,
        now: Instant,
        space: Space,
        ack: &Ack<'_>,
        outcome: &mut OnOutcome<'_>,
    ) -> Result<AckSummary, TransportError> {
        let state = &mut self.spaces[space as usize];
        //= rfc9000#13.1
        if ack.largest >= state.next_number {
            let kind = ACK_TYPE + u64::from(ack.ecn.is_some());
            let rule = rule!(
                Code::PROTOCOL_VIOLATION,
                "acknowledgement of a packet that was not sent"
            );
            return Err(TransportError::new(rule).in_frame(kind));
        }
        let raised = state.acknowledged_end <= ack.largest;
        if raised {
            state.acknowledged_end = ack.largest + 1;
        }
        let mut ring = self.memory.ring(space, &mut state.ring);
        let newly = acknowledge(&mut ring, space, ack, outcome);
        self.stats.spurious += newly.spurious;
        let Some(newest) = newly.newest else {
            // Only packets without a record; they still show which older ones are late.
            let lost = if raised {
                self.detect_lost(now, space, outcome)
            } else {
                0
            };
            return Ok(AckSummary {
                lost,
                ..AckSummary::default()
            });
        };
        state.ack_eliciting_in_flight -= newly.ack_eliciting;
        state.probes = 0;
        let utilisation = self.utilisation;
        self.in_flight = self.in_flight.saturating_sub(newly.bytes);

        //= rfc9002#5.1
        let rtt_sampled = newest.number == ack.largest && newly.ack_eliciting > 0;
        if rtt_sampled {
            let delay = self.ack_delay(space, ack.delay);
            self.rtt.on_sample(now, now.since(newest.time), delay);
        }
        if raised
            && space == Space::Application
            && self.ecn.on_ack(ack.ecn, newly.marked) == Report::Congestion
        {
            self.controller.on_congestion(now, newest.time);
        }
        let lost = self.detect_lost(now, space, outcome);
        self.on_acknowledged(now, &newly, newest.time, utilisation);
        //= rfc9002#6.2.1
        self.peer_validated |= space == Space::Handshake;
        if self.peer_validated {
            self.pto_count = 0;
        }
        self.anti_deadlock_from = now;
        self.release(now, space);
        Ok(AckSummary {
            newly_acknowledged: newly.packets,
            lost,
            rtt_sampled,
        })
    }

    /// The peer's delay as it may be used, in microseconds.
    //= rfc9002#5.3
    fn ack_delay(&self, space: Space, encoded: u64) -> u32 {
        if space != Space::Application {
            return 0;
        }
        // Longer ones than fit are implausible, whatever their unit.
        let encoded = u32::try_from(encoded).unwrap_or(u32::MAX);
        let delay = u64::from(encoded) << self.ack_delay_exponent.min(20);
        let delay = u32::try_from(delay).unwrap_or(u32::MAX);
        if self.handshake_confirmed {
            delay.min(self.max_ack_delay_us)
        } else {
            delay
        }
    }

    fn on_acknowledged(
        &mut self,
        now: Instant,
        newly: &Newly,
        newest_sent: Instant,
        utilisation: Utilisation,
    ) {
        let acknowledged = Acknowledged {
            bytes: newly.bytes,
            newest_sent,
            utilisation,
            in_flight: self.in_flight,
        };
        self.controller
            .on_acknowledged(now, &acknowledged, &self.rtt);
        self.set_pace(now);
    }

    /// Declares lost what is late by packets or by time, and notes when the next one will be.
    #[inline(never)]
    pub(super) fn detect_lost(
        &mut self,
        now: Instant,
        space: Space,
        outcome: &mut OnOutcome<'_>,
    ) -> u32 {
        let state = &mut self.spaces[space as usize];
        state.loss_time = Instant::NEVER;
        let end = state.acknowledged_end;
        let delay = self.rtt.loss_delay_us().into();
        let mut ring = self.memory.ring(space, &mut state.ring);
        let mut lost = 0;
        let mut newest = None;
        let mut index = ring.next_outstanding(0);
        while index < ring.len() {
            let packet = ring.packet(index);
            if packet.number >= end {
                break;
            }
            let late = end - packet.number > PACKET_THRESHOLD;
            //= rfc9002#6.1.2
            let due = packet.time.after(delay);
            if !late && due > now {
                state.loss_time = due;
                break;
            }
            #[cfg(feature = "sink")]
            report_packet(space, Outcome::Lost, &packet, late, outcome);
            report_lost(&ring, space, index, outcome);
            ring.set_fate(index, Fate::Lost);
            state.ack_eliciting_in_flight -= u32::from(packet.ack_eliciting);
            self.in_flight = self.in_flight.saturating_sub(packet.size.into());
            newest = Some(packet);
            lost += 1;
            index = ring.next_outstanding(index);
        }
        if let Some(newest) = newest {
            self.stats.lost += lost;
            self.controller.on_congestion(now, newest.time);
            self.detect_persistent_congestion(now, space, newest.number);
            self.set_pace(now);
        }
        lost
    }

    fn detect_persistent_congestion(&mut self, now: Instant, space: Space, newest_lost: u64) {
        let threshold_us = persistent::threshold_us(self.probe_timeout_us());
        let state = &mut self.spaces[space as usize];
        let from = state.persistent_end;
        let ring = self.memory.ring(space, &mut state.ring);
        if persistent::is_established(&ring, from, self.rtt.first_sample(), threshold_us) {
            state.persistent_end = newest_lost + 1;
            self.controller.on_persistent_congestion(now);
            self.rtt.on_persistent_congestion();
            self.stats.persistent_congestion += 1;
        }
    }

    /// Forgets the oldest records: acknowledged ones, and lost ones that no acknowledgement will name any more.
    fn release(&mut self, now: Instant, space: Space) {
        // Lost packets were sent at least one of these before they were declared lost; three more are kept.
        let keep = u64::from(self.probe_timeout_us()) * 4;
        let mut ring = self
            .memory
            .ring(space, &mut self.spaces[space as usize].ring);
        while ring.len() > 0 {
            let packet = ring.packet(0);
            match packet.fate {
                Fate::Outstanding | Fate::Repeated => break,
                Fate::Lost if packet.time.after(keep) > now => break,
                Fate::Lost | Fate::Acknowledged => ring.pop_front(),
            }
        }
    }
}

/// Marks what `ack` names, newest first, and tells the owners.
fn acknowledge(
    ring: &mut Ring<'_>,
    space: Space,
    ack: &Ack<'_>,
    outcome: &mut OnOutcome<'_>,
) -> Newly {
    let mut newly = Newly::default();
    for range in ack.ranges() {
        if ring.len() == 0 || *range.end() < ring.packet(0).number {
            break;
        }
        let start = ring.position(*range.start());
        let mut index = start;
        while index < ring.len() {
            let packet = ring.packet(index);
            if packet.number > *range.end() {
                break;
            }
            match packet.fate {
                Fate::Acknowledged => {
                    index += ring.acknowledged_run(index);
                    continue;
                }
                Fate::Lost => newly.spurious += 1,
                Fate::Outstanding | Fate::Repeated => newly.add(&packet),
            }
            #[cfg(feature = "sink")]
            report_packet(space, Outcome::Acknowledged, &packet, false, outcome);
            for token in ring.tokens(index) {
                outcome(space, Outcome::Acknowledged, token);
            }
            ring.acknowledge(index);
            index += 1;
        }
        ring.join_acknowledged(start, index.min(ring.len()));
    }
    newly
}

/// Tells of a packet as a whole what became of it; `late` by number rather than by time, if it is lost.
#[cfg(feature = "sink")]
fn report_packet(
    space: Space,
    what: Outcome,
    packet: &Sent,
    late: bool,
    outcome: &mut OnOutcome<'_>,
) {
    let number = packet.number;
    let trigger = if late {
        LossTrigger::Reordering
    } else {
        LossTrigger::Time
    };
    outcome(space, what, Token::Packet { number, trigger });
}

/// The type of an ACK frame without ECN counts; one more with them.
const ACK_TYPE: u64 = 0x02;
