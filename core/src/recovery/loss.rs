//! What an ACK frame says about sent packets, and which others it makes lost (RFC 9002 §6.1).
//!
//! Packets of one path become lost in the order of their numbers. Of two paths none is the measure of the other: an
//! early packet of the slow one is not late because the fast one's were acknowledged.
//! Invariant: an ACK frame changes the estimates of those paths only of whose packets it says something.

#[cfg(feature = "sink")]
use super::Token;
#[cfg(feature = "bbr")]
use super::congestion::Snapshot;
use super::congestion::{Acknowledged, Algorithm};
use super::path::Paths;
use super::persistent;
use super::sent::{Fate, Ring, Sent};
use super::slot::{PATHS_MAX, Slot};
use super::{OnOutcome, Outcome, Recovery, report_lost};
use crate::time::Instant;
#[cfg(feature = "sink")]
use crate::trace::LossTrigger;
use crate::wire::frame::Ack;
use crate::wire::packet::Space;
use crate::wire::{Code, TransportError, rule};

/// What an ACK frame did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AckSummary {
    /// Packets that it newly acknowledged, of those that count as in flight.
    pub newly_acknowledged: u32,
    /// Packets that it made lost.
    pub lost: u32,
    /// It renewed the estimate of the round-trip time of the path in use.
    pub rtt_sampled: bool,
}

/// The packets of one path that an ACK frame newly acknowledged, taken together.
#[derive(Default)]
struct Newly {
    packets: u32,
    bytes: u32,
    ack_eliciting: u32,
    marked: u32,
    newest: Option<Sent>,
    /// The size of the longest that was sent to find out whether it arrives.
    #[cfg(feature = "pmtud")]
    probe: u16,
    /// One more than the largest number of those that some paths would not carry.
    #[cfg(feature = "pmtud")]
    large_end: u64,
    /// What was known when that one left.
    #[cfg(feature = "bbr")]
    snapshot: Option<Snapshot>,
}

/// The same for each path, and the packets that had been taken for lost.
#[derive(Default)]
struct Arrivals {
    paths: [Newly; PATHS_MAX],
    spurious: u32,
}

impl Arrivals {
    fn add(&mut self, packet: &Sent, #[cfg(feature = "bbr")] snapshot: Snapshot) {
        if let Some(newly) = self.paths.get_mut(packet.path.index()) {
            #[cfg(feature = "bbr")]
            if newly.is_newest(packet) {
                newly.snapshot = Some(snapshot);
            }
            newly.add(packet);
        }
    }

    fn sum(&self, of: impl Fn(&Newly) -> u32) -> u32 {
        self.paths.iter().map(of).sum()
    }

    /// The newest packet of all paths.
    fn newest(&self) -> Option<&Sent> {
        let newest = self.paths.iter().filter_map(|newly| newly.newest.as_ref());
        newest.max_by_key(|packet| packet.number)
    }
}

impl Newly {
    fn add(&mut self, packet: &Sent) {
        self.packets += 1;
        self.bytes += u32::from(packet.size);
        self.ack_eliciting += u32::from(packet.ack_eliciting);
        self.marked += u32::from(packet.marked);
        #[cfg(feature = "pmtud")]
        {
            if packet.probe {
                self.probe = self.probe.max(packet.size);
            }
            if packet.size > super::mtu::BASE {
                self.large_end = self.large_end.max(packet.number + 1);
            }
        }
        if self.is_newest(packet) {
            self.newest = Some(*packet);
        }
    }

    fn is_newest(&self, packet: &Sent) -> bool {
        self.newest
            .is_none_or(|newest| newest.number < packet.number)
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
        self.check_sent(space, ack)?;
        let state = &mut self.spaces[space.index()];
        let end = state.acknowledged_end;
        let raised = state.acknowledged_end <= ack.largest;
        if raised {
            state.acknowledged_end = ack.largest + 1;
        }
        let mut ring = self.memory.ring(space, &mut state.ring);
        let late = Late {
            now,
            end,
            paths: &mut self.paths,
        };
        let arrivals = acknowledge(&mut ring, space, ack, late, outcome);
        self.stats.spurious += arrivals.spurious;
        if raised && space == Space::Application {
            self.on_number_acknowledged(&arrivals, ack.largest);
        }
        let Some(newest) = arrivals.newest() else {
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
        let state = &mut self.spaces[space.index()];
        state.ack_eliciting_in_flight -= arrivals.sum(|newly| newly.ack_eliciting);
        state.probes = 0;
        let rtt_sampled = newest.number == ack.largest
            && self.sample_rtt(now, space, newest, &arrivals, ack.delay);
        self.on_arrived(now, space, &arrivals);
        if raised && space == Space::Application {
            self.on_ecn(now, ack, &arrivals, newest.time);
        }
        let lost = self.detect_lost(now, space, outcome);
        self.on_acknowledged(now, &arrivals);
        //= rfc9002#6.2.1
        self.peer_validated |= space == Space::Handshake;
        if self.peer_validated {
            self.pto_count = 0;
        }
        self.anti_deadlock_from = now;
        self.release(now, space);
        Ok(AckSummary {
            newly_acknowledged: arrivals.sum(|newly| newly.packets),
            lost,
            rtt_sampled,
        })
    }

    /// Refuses acknowledgements of packets that were never sent.
    fn check_sent(&self, space: Space, ack: &Ack<'_>) -> Result<(), TransportError> {
        let kind = ACK_TYPE + u64::from(ack.ecn.is_some());
        //= rfc9000#13.1
        if ack.largest >= self.spaces[space.index()].next_number {
            let rule = rule!(
                Code::PROTOCOL_VIOLATION,
                "acknowledgement of a packet that was not sent"
            );
            return Err(TransportError::new(rule).in_frame(kind));
        }
        //= rfc9000#21.4
        if space == Space::Application && self.skipped.is_named_by(ack) {
            let rule = rule!(
                Code::PROTOCOL_VIOLATION,
                "acknowledgement of a packet number that was skipped"
            );
            return Err(TransportError::new(rule).in_frame(kind));
        }
        Ok(())
    }

    /// Remembers how far each path's packets are acknowledged, which is the measure for its earlier ones.
    #[cfg_attr(not(feature = "migration"), expect(unused_variables))]
    fn on_number_acknowledged(&mut self, arrivals: &Arrivals, largest: u64) {
        #[cfg(feature = "migration")]
        {
            let newest = arrivals.paths.iter().map(|newly| newly.newest.as_ref());
            for (slot, newest) in Slot::ALL.into_iter().zip(newest) {
                if let Some(newest) = newest {
                    self.paths.on_number_acknowledged(slot, newest.number);
                }
            }
            // What has no record left on the path in use: probes of others are recorded.
            let is_recorded = arrivals
                .newest()
                .is_some_and(|packet| packet.number == largest);
            if !is_recorded && largest >= self.paths.active_since {
                let active = self.paths.active_slot();
                self.paths.on_number_acknowledged(active, largest);
            }
        }
    }

    /// Measures the round trip of `newest`, the largest number of an ACK frame; whether it tells of the path in use.
    //= rfc9002#5.1
    fn sample_rtt(
        &mut self,
        now: Instant,
        space: Space,
        newest: &Sent,
        arrivals: &Arrivals,
        delay: u64,
    ) -> bool {
        if arrivals.sum(|newly| newly.ack_eliciting) == 0 {
            return false;
        }
        let delay = self.ack_delay(space, delay);
        //= rfc9000#9.4
        if let Some(path) = self.paths.get_mut(newest.path) {
            path.rtt.on_sample(now, now.since(newest.time), delay);
        }
        newest.path == self.paths.active_slot()
    }

    /// Takes what arrived out of flight.
    #[cfg_attr(not(feature = "pmtud"), expect(unused_variables))]
    fn on_arrived(&mut self, now: Instant, space: Space, arrivals: &Arrivals) {
        for (slot, newly) in Slot::ALL.into_iter().zip(&arrivals.paths) {
            if let Some(path) = self.paths.get_mut(slot) {
                path.on_arrived(now, newly.bytes);
                #[cfg(feature = "pmtud")]
                if space == Space::Application {
                    path.mtu.on_acknowledged(now, newly.probe, newly.large_end);
                    path.follow_mtu(now);
                }
            }
        }
    }

    /// Acts on what the counts of an ACK frame say of the paths whose marked packets it acknowledged; of the one in
    /// use, if it did of none.
    fn on_ecn(&mut self, now: Instant, ack: &Ack<'_>, arrivals: &Arrivals, newest: Instant) {
        let marked = arrivals.sum(|newly| newly.marked);
        let report = self.tally.on_ack(ack.ecn, marked);
        let active = self.paths.active_slot();
        for (slot, newly) in Slot::ALL.into_iter().zip(&arrivals.paths) {
            let concerned = newly.marked > 0 || (marked == 0 && slot == active);
            let path = self.paths.get_mut(slot).filter(|_| concerned);
            let Some(path) = path else { continue };
            if path.ecn.on_report(report, newly.marked) {
                let sent = newly.newest.as_ref().map_or(newest, |packet| packet.time);
                path.losses.on_marked(now);
                path.controller.on_marked(now, sent);
            }
        }
    }

    /// The peer's delay as it may be used, in microseconds.
    //= rfc9002#5.3
    //= rfc9001#7
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

    fn on_acknowledged(&mut self, now: Instant, arrivals: &Arrivals) {
        for (slot, newly) in Slot::ALL.into_iter().zip(&arrivals.paths) {
            let (Some(newest), Some(path)) = (&newly.newest, self.paths.get_mut(slot)) else {
                continue;
            };
            let acknowledged = Acknowledged {
                bytes: newly.bytes,
                newest_sent: newest.time,
                utilisation: path.utilisation,
                in_flight: path.in_flight,
                #[cfg(feature = "bbr")]
                delivery: path.rate_sample(now, newest.time, newly.snapshot.as_ref()),
            };
            path.controller
                .on_acknowledged(now, &acknowledged, &path.rtt);
            #[cfg(feature = "bbr")]
            if path.controller.holds_back() {
                path.delivery.limit(path.in_flight);
            }
            path.set_pace(now);
        }
    }

    /// Declares lost what is late by packets or by time, and notes when the next one will be.
    #[inline(never)]
    pub(super) fn detect_lost(
        &mut self,
        now: Instant,
        space: Space,
        outcome: &mut OnOutcome<'_>,
    ) -> u32 {
        let is_sole = self.paths.is_sole();
        let state = &mut self.spaces[space.index()];
        state.loss_time = Instant::NEVER;
        let end = state.acknowledged_end;
        let mut ring = self.memory.ring(space, &mut state.ring);
        let mut lost = 0;
        let mut newest = [None; PATHS_MAX];
        let mut index = ring.next_outstanding(0);
        while index < ring.len() {
            let packet = ring.packet(index);
            if packet.number >= end {
                break;
            }
            let late = self.paths.is_overtaken(space, &packet, end, &self.skipped);
            //= rfc9002#6.1.2
            let due = packet.time.after(self.paths.loss_delay_us(packet.path));
            if !late && due > now {
                state.loss_time = state.loss_time.min(due);
                if is_sole {
                    break;
                }
                index = ring.next_outstanding(index + 1);
                continue;
            }
            #[cfg(feature = "sink")]
            report_packet(space, Outcome::Lost, &packet, late, outcome);
            report_lost(&ring, space, index, outcome);
            ring.set_fate(index, Fate::Lost);
            state.ack_eliciting_in_flight -= u32::from(packet.ack_eliciting);
            self.paths.forget(&packet);
            if packet.probe {
                #[cfg(feature = "pmtud")]
                self.paths.on_mtu_probe_lost(now, &packet);
            } else if let Some(path) = self.paths.get_mut(packet.path) {
                #[cfg(feature = "bbr")]
                let snapshot = ring.snapshot(index);
                #[cfg(feature = "bbr")]
                path.on_lost(now, space, &packet, snapshot);
                #[cfg(not(feature = "bbr"))]
                path.on_lost(now, space, &packet);
                if let Some(newest) = newest.get_mut(packet.path.index()) {
                    *newest = Some(packet);
                }
            }
            lost += 1;
            index = ring.next_outstanding(index);
        }
        self.stats.lost += lost;
        for newest in newest.into_iter().flatten() {
            self.on_congestion(now, space, &newest);
        }
        lost
    }

    /// Packets of a path were lost, `newest` last.
    fn on_congestion(&mut self, now: Instant, space: Space, newest: &Sent) {
        let Some(path) = self.paths.get_mut(newest.path) else {
            return;
        };
        let threshold_us = persistent::threshold_us(path.rtt.pto_us() + self.max_ack_delay_us);
        path.losses.on_event(now, newest.time);
        path.controller.on_congestion(now, newest.time);
        #[cfg(feature = "pmtud")]
        if space == Space::Application {
            path.mtu.on_losses(newest.size, newest.number);
            path.follow_mtu(now);
        }
        let state = &mut self.spaces[space.index()];
        let from = state.persistent_end;
        let ring = self.memory.ring(space, &mut state.ring);
        let first_sample = path.rtt.first_sample();
        if persistent::is_established(&ring, newest.path, from, first_sample, threshold_us) {
            state.persistent_end = newest.number + 1;
            path.controller.on_persistent_congestion(now);
            path.rtt.on_persistent_congestion();
            self.stats.persistent_congestion += 1;
        }
        path.set_pace(now);
    }

    /// Forgets the oldest records: acknowledged ones, and lost ones that no acknowledgement will name any more.
    fn release(&mut self, now: Instant, space: Space) {
        // Lost packets were sent at least one of these before they were declared lost; three more are kept.
        let keep = u64::from(self.probe_timeout_us()) * 4;
        let mut ring = self
            .memory
            .ring(space, &mut self.spaces[space.index()].ring);
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

/// What is to be done with packets that were taken for lost.
struct Late<'a> {
    now: Instant,
    /// One more than the largest number that was acknowledged before.
    end: u64,
    paths: &'a mut Paths,
}

/// Marks what `ack` names, newest first, and tells the owners.
fn acknowledge(
    ring: &mut Ring<'_>,
    space: Space,
    ack: &Ack<'_>,
    late: Late<'_>,
    outcome: &mut OnOutcome<'_>,
) -> Arrivals {
    let mut arrivals = Arrivals::default();
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
                Fate::Lost => {
                    arrivals.spurious += 1;
                    if let Some(path) = late.paths.get_mut(packet.path) {
                        path.on_late(late.now, space, &packet, late.end);
                    }
                }
                Fate::Outstanding | Fate::Repeated => arrivals.add(
                    &packet,
                    #[cfg(feature = "bbr")]
                    ring.snapshot(index),
                ),
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
    arrivals
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
