//! What recovery knows of a path: round-trip time, congestion, pacing, ECN and the size of datagrams (RFC 9000 §9.4).
//!
//! Paths differ in addresses, which nobody here knows; a packet remembers the path it left on by a [`Slot`]. A build
//! without migration has one path, and a slot takes no room in it.
//! Invariant: what happens to a packet touches the estimates of its own path only.

use super::Budget;
#[cfg(any(feature = "migration", feature = "pmtud"))]
use super::Recovery;
use super::congestion::{Algorithm, Controller, Utilisation, minimum_window};
#[cfg(feature = "bbr")]
use super::congestion::{RateSample, Snapshot};
#[cfg(feature = "bbr")]
use super::delivery::Delivery;
use super::ecn::Ecn;
#[cfg(feature = "pmtud")]
use super::mtu::Mtu;
use super::pacer::Pacer;
use super::rtt::Rtt;
use super::sent::Sent;
use super::skipped::Skipped;
#[cfg(feature = "migration")]
use super::slot::PATHS_MAX;
use super::slot::Slot;
use super::spurious::{Losses, PACKET_THRESHOLD};
#[cfg(feature = "migration")]
use super::{Fate, OnOutcome, report_lost};
use crate::time::Instant;
use crate::wire::packet::Space;

/// The part of the congestion window that a probe for longer datagrams may take.
#[cfg(feature = "pmtud")]
const PROBE_SHARE: u32 = 8;

/// The estimates of one path.
pub(super) struct Path {
    pub(super) rtt: Rtt,
    pub(super) controller: Controller,
    pub(super) pacer: Pacer,
    pub(super) ecn: Ecn,
    /// Bytes of a full datagram.
    pub(super) datagram: u16,
    /// The sum of the sizes of its outstanding packets.
    pub(super) in_flight: u32,
    pub(super) utilisation: Utilisation,
    pub(super) paced_until: Instant,
    /// Finds out how large datagrams can be.
    //= rfc9000#14.2
    #[cfg(feature = "pmtud")]
    pub(super) mtu: Mtu,
    pub(super) losses: Losses,
    #[cfg(feature = "bbr")]
    pub(super) delivery: Delivery,
    /// One more than the largest number of the application space that was acknowledged and left on this path.
    #[cfg(feature = "migration")]
    pub(super) acknowledged_end: u64,
}

impl Path {
    /// Nothing sent on it yet.
    //= rfc9000#9.4
    pub(super) fn new(now: Instant, controller: Controller, ecn: Ecn, datagram: u16) -> Self {
        let rtt = Rtt::new();
        Self {
            pacer: Pacer::new(now, controller.window(), rtt.smoothed_us(), datagram),
            rtt,
            controller,
            ecn,
            datagram,
            in_flight: 0,
            utilisation: Utilisation::Limited,
            paced_until: Instant::NEVER,
            #[cfg(feature = "pmtud")]
            mtu: Mtu::new(),
            losses: Losses::NONE,
            #[cfg(feature = "bbr")]
            delivery: Delivery::default(),
            #[cfg(feature = "migration")]
            acknowledged_end: 0,
        }
    }

    /// Time begins: nothing that was done before counts.
    pub(super) fn start(&mut self, now: Instant) {
        let (window, rtt_us) = (self.controller.window(), self.rtt.smoothed_us());
        self.pacer = Pacer::new(now, window, rtt_us, self.datagram);
        self.set_pace(now);
    }

    /// Bytes that may be in flight.
    pub(super) fn window(&self) -> u32 {
        let window = self.controller.window();
        if cfg!(feature = "alloc") {
            // A user's own may have less.
            window.max(minimum_window(self.datagram))
        } else {
            window
        }
    }

    /// What may leave now.
    pub(super) fn budget(&mut self, now: Instant) -> Budget {
        let datagram = u32::from(self.datagram);
        //= rfc9002#7
        let free = self.window().saturating_sub(self.in_flight);
        self.paced_until = Instant::NEVER;
        self.utilisation = Utilisation::Full;
        if free < datagram {
            return Budget::WindowFull;
        }
        if self.pacer.available(now) < datagram {
            let ready = self.pacer.ready_at(datagram);
            self.paced_until = ready;
            return Budget::Paced(ready);
        }
        self.utilisation = Utilisation::Limited;
        Budget::Bytes(free)
    }

    /// A packet of `size` bytes left that counts as in flight.
    pub(super) fn on_sent(&mut self, now: Instant, size: u32) {
        self.in_flight += size;
        self.pacer.on_sent(now, size);
        self.controller.on_sent(now, size, self.in_flight);
    }

    /// What is known as a packet of `size` bytes leaves, if the controller wants to hear of it later.
    #[cfg(feature = "bbr")]
    pub(super) fn snapshot(&mut self, now: Instant, size: u32) -> Option<Snapshot> {
        self.controller
            .wants_delivery()
            .then(|| self.delivery.on_sent(now, size, self.in_flight))
    }

    /// A packet of `space` with `size` bytes that leaves now is larger than what is known to arrive.
    //= rfc9000#14.4
    #[cfg_attr(not(feature = "pmtud"), expect(unused_variables))]
    pub(super) fn is_mtu_probe(&self, space: Space, size: u16) -> bool {
        #[cfg(feature = "pmtud")]
        return space == Space::Application && size > self.mtu.datagram();
        #[cfg(not(feature = "pmtud"))]
        false
    }

    /// So many bytes arrived that were in flight.
    pub(super) fn on_arrived(&mut self, now: Instant, bytes: u32) {
        #[cfg(feature = "bbr")]
        if bytes > 0 {
            if self.utilisation == Utilisation::Limited {
                self.delivery.limit(self.in_flight);
            }
            self.delivery.on_delivered(now, bytes);
        }
        self.in_flight = self.in_flight.saturating_sub(bytes);
        let _ = now;
    }

    /// A packet arrived that had been taken for lost; numbers up to `end` had been acknowledged before.
    pub(super) fn on_late(&mut self, now: Instant, space: Space, packet: &Sent, end: u64) {
        #[cfg(feature = "bbr")]
        self.delivery.on_delivered(now, packet.size.into());
        if space != Space::Application || packet.probe {
            return;
        }
        let distance = end.saturating_sub(packet.number);
        let rfc_us = self.rtt.loss_delay_us();
        if self.losses.on_arrived(now, packet, distance, rfc_us) {
            self.controller.on_spurious_congestion(now);
            self.set_pace(now);
        }
    }

    /// A packet was declared lost, and is not in flight any more.
    pub(super) fn on_lost(
        &mut self,
        now: Instant,
        space: Space,
        packet: &Sent,
        #[cfg(feature = "bbr")] snapshot: Snapshot,
    ) {
        if space == Space::Application {
            self.losses.on_lost(packet);
        }
        #[cfg(feature = "bbr")]
        let since = self.delivery.on_lost(packet.size, &snapshot);
        // The others do not ask.
        #[cfg(any(feature = "bbr", feature = "alloc"))]
        self.controller.on_lost(
            now,
            &super::congestion::Lost {
                number: packet.number,
                bytes: packet.size.into(),
                sent: packet.time,
                in_flight: self.in_flight,
                #[cfg(feature = "bbr")]
                lost_since_sent: since,
                #[cfg(feature = "bbr")]
                snapshot,
            },
        );
        let _ = now;
    }

    /// How fast the path delivers, from its newest acknowledged packet.
    #[cfg(feature = "bbr")]
    pub(super) fn rate_sample(
        &mut self,
        now: Instant,
        sent: Instant,
        snapshot: Option<&Snapshot>,
    ) -> RateSample {
        match snapshot.filter(|_| self.controller.wants_delivery()) {
            Some(snapshot) => self.delivery.sample(now, sent, snapshot, self.rtt.min_us()),
            None => RateSample::default(),
        }
    }

    pub(super) fn set_datagram_size(&mut self, now: Instant, datagram: u16) {
        self.datagram = datagram;
        self.controller.on_datagram_size(datagram);
        self.set_pace(now);
    }

    /// Follows what was found out about the size of datagrams.
    #[cfg(feature = "pmtud")]
    pub(super) fn follow_mtu(&mut self, now: Instant) {
        let datagram = self.mtu.datagram();
        if datagram != self.datagram {
            self.set_datagram_size(now, datagram);
        }
    }

    pub(super) fn set_pace(&mut self, now: Instant) {
        #[cfg(any(feature = "cubic", feature = "bbr", feature = "alloc"))]
        if let Some(pace) = self.controller.pace(&self.rtt) {
            return self.pacer.set_pace(now, &pace, self.datagram);
        }
        self.pacer.set_rate(
            now,
            self.controller.window(),
            self.rtt.smoothed_us(),
            self.datagram,
        );
    }
}

/// The paths of a connection. There is always one in use.
pub(super) struct Paths {
    first: Path,
    #[cfg(feature = "migration")]
    others: [Option<Path>; PATHS_MAX - 1],
    #[cfg(feature = "migration")]
    active: Slot,
    /// The number of the application space from which on the path in use carries what is no probe of a path.
    #[cfg(feature = "migration")]
    pub(super) active_since: u64,
}

impl Paths {
    /// The first path, in use.
    pub(super) fn new(first: Path) -> Self {
        Self {
            first,
            #[cfg(feature = "migration")]
            others: [const { None }; PATHS_MAX - 1],
            #[cfg(feature = "migration")]
            active: Slot::FIRST,
            #[cfg(feature = "migration")]
            active_since: 0,
        }
    }

    /// The place of the path in use.
    pub(super) const fn active_slot(&self) -> Slot {
        #[cfg(feature = "migration")]
        return self.active;
        #[cfg(not(feature = "migration"))]
        return Slot::FIRST;
    }

    /// The path in use.
    pub(super) fn active(&self) -> &Path {
        self.get(self.active_slot()).unwrap_or(&self.first)
    }

    /// The path in use.
    pub(super) fn active_mut(&mut self) -> &mut Path {
        #[cfg(feature = "migration")]
        if let Some(place) = self.active.index().checked_sub(1)
            && let Some(Some(path)) = self.others.get_mut(place)
        {
            return path;
        }
        &mut self.first
    }

    /// The path in `slot`, if there is one.
    #[cfg_attr(
        not(feature = "migration"),
        expect(unused_variables, clippy::unnecessary_wraps)
    )]
    pub(super) fn get(&self, slot: Slot) -> Option<&Path> {
        #[cfg(feature = "migration")]
        if let Some(place) = slot.index().checked_sub(1) {
            return self.others.get(place)?.as_ref();
        }
        Some(&self.first)
    }

    #[cfg(feature = "migration")]
    fn set(&mut self, slot: Slot, path: Path) {
        match slot.index().checked_sub(1) {
            None => self.first = path,
            Some(place) => {
                if let Some(place) = self.others.get_mut(place) {
                    *place = Some(path);
                }
            }
        }
    }

    /// The path in `slot`, if there is one.
    #[cfg_attr(
        not(feature = "migration"),
        expect(unused_variables, clippy::unnecessary_wraps)
    )]
    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Path> {
        #[cfg(feature = "migration")]
        if let Some(place) = slot.index().checked_sub(1) {
            return self.others.get_mut(place)?.as_mut();
        }
        Some(&mut self.first)
    }

    /// An outstanding packet is outstanding no more.
    pub(super) fn forget(&mut self, packet: &Sent) {
        if let Some(path) = self.get_mut(packet.path) {
            path.in_flight = path.in_flight.saturating_sub(packet.size.into());
        }
    }

    /// A packet that was larger than what was known to arrive was declared lost.
    #[cfg(feature = "pmtud")]
    pub(super) fn on_mtu_probe_lost(&mut self, now: Instant, packet: &Sent) {
        if let Some(path) = self.get_mut(packet.path) {
            path.mtu.on_probe_lost(now, packet.size);
        }
    }

    /// No packet of another path than the one in use is outstanding.
    pub(super) fn is_sole(&self) -> bool {
        #[cfg(feature = "migration")]
        return Slot::ALL
            .into_iter()
            .filter(|slot| *slot != self.active)
            .all(|slot| self.get(slot).is_none_or(|path| path.in_flight == 0));
        #[cfg(not(feature = "migration"))]
        return true;
    }

    /// Whether so many later ones of its path were acknowledged that `packet` is lost. Those of its space are
    /// acknowledged up to `end`.
    //= rfc9002#6.1.1
    pub(super) fn is_overtaken(
        &self,
        space: Space,
        packet: &Sent,
        end: u64,
        skipped: &Skipped,
    ) -> bool {
        #[cfg(feature = "migration")]
        let end = match self.get(packet.path) {
            // The handshake has one path.
            Some(path) if space == Space::Application => path.acknowledged_end,
            _ => end,
        };
        let threshold = self
            .get(packet.path)
            .map_or(PACKET_THRESHOLD, |path| path.losses.packet_threshold());
        let mut distance = end.saturating_sub(packet.number);
        if space == Space::Application {
            distance -= skipped.within(packet.number, end);
        }
        distance > threshold.into()
    }

    /// How long a packet that left on the path in `slot` may stay out after a later one arrived, in microseconds.
    ///
    /// The acknowledgement comes back on the path in use, so it may take as long as is usual there.
    pub(super) fn loss_delay_us(&self, slot: Slot) -> u64 {
        let delay = self.active().rtt.loss_delay_us();
        let own = self.get(slot).map_or(delay, |path| {
            path.losses
                .loss_delay_us(path.rtt.loss_delay_us().max(delay))
        });
        own.into()
    }

    /// A packet of the application space that left on the path in `slot` was acknowledged.
    #[cfg(feature = "migration")]
    pub(super) fn on_number_acknowledged(&mut self, slot: Slot, number: u64) {
        if let Some(path) = self.get_mut(slot) {
            path.acknowledged_end = path.acknowledged_end.max(number + 1);
        }
    }
}

/// What is known of a path, for those who ask.
#[cfg(feature = "migration")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimates {
    /// Smoothed round-trip time, microseconds.
    pub rtt_us: u32,
    /// Congestion window, bytes.
    pub window: u32,
    /// Bytes in flight.
    pub in_flight: u32,
    /// Bytes of a full datagram.
    pub datagram: u16,
}

#[cfg(feature = "migration")]
impl Recovery<'_> {
    /// Makes `slot` the place of a path on which nothing was sent yet, with full datagrams of `datagram` bytes.
    ///
    /// Whatever is in flight on the path that was there is given up: its owners are told that it was lost, and no
    /// path hears of it. The path in use stays where it is.
    //= rfc9000#9.4
    pub fn open_path(
        &mut self,
        now: Instant,
        slot: Slot,
        datagram: u16,
        outcome: &mut OnOutcome<'_>,
    ) {
        if slot == self.paths.active_slot() {
            return;
        }
        self.forget_path(slot, outcome);
        self.seed = self.seed.wrapping_add(1);
        let controller = self.congestion.controller(datagram, self.seed);
        let ecn = self.paths.active().ecn.renewed();
        #[cfg_attr(not(feature = "pmtud"), expect(unused_mut))]
        let mut path = Path::new(now, controller, ecn, datagram);
        //= rfc9000#14.3
        #[cfg(feature = "pmtud")]
        path.mtu.set_ceiling(self.datagram_max);
        self.paths.set(slot, path);
    }

    /// From now on everything that is no probe of a path leaves on the one in `slot`.
    pub fn activate_path(&mut self, slot: Slot) {
        if self.paths.get(slot).is_some() && slot != self.paths.active {
            self.paths.active = slot;
            self.paths.active_since = self.next_number(Space::Application);
            self.pto_count = 0;
        }
    }

    /// What is known of the path in `slot`.
    pub fn path(&self, slot: Slot) -> Option<Estimates> {
        let path = self.paths.get(slot)?;
        Some(Estimates {
            rtt_us: path.rtt.smoothed_us(),
            window: path.controller.window(),
            in_flight: path.in_flight,
            datagram: path.datagram,
        })
    }

    /// Whether the congestion window of the path in `slot` has room for a datagram.
    pub fn has_window(&self, slot: Slot) -> bool {
        self.path(slot)
            .is_some_and(|path| path.window.saturating_sub(path.in_flight) >= path.datagram.into())
    }

    /// The probe timeout of a path of which nothing is known, in microseconds.
    //= rfc9000#8.2.4
    pub fn fresh_probe_timeout_us(&self) -> u32 {
        Rtt::new().pto_us() + self.max_ack_delay_us
    }

    /// Removes the path in `slot` from all records.
    fn forget_path(&mut self, slot: Slot, outcome: &mut OnOutcome<'_>) {
        let space = Space::Application;
        let state = &mut self.spaces[space.index()];
        let mut ring = self.memory.ring(space, &mut state.ring);
        for index in 0..ring.len() {
            let packet = ring.packet(index);
            if packet.path != slot {
                continue;
            }
            if packet.fate.is_outstanding() {
                report_lost(&ring, space, index, outcome);
                ring.set_fate(index, Fate::Lost);
                state.ack_eliciting_in_flight -= u32::from(packet.ack_eliciting);
            }
            ring.set_path(index, Slot::GONE);
        }
    }
}

#[cfg(feature = "pmtud")]
impl Recovery<'_> {
    /// Datagrams of up to `max` bytes may be tried from now on, on every path.
    pub fn set_datagram_max(&mut self, max: u16) {
        self.datagram_max = max;
        for slot in Slot::ALL {
            if let Some(path) = self.paths.get_mut(slot) {
                path.mtu.set_ceiling(max);
            }
        }
    }

    /// The size of a probe that is to be sent now on the path in use, alone in its datagram.
    pub fn mtu_probe(&mut self, now: Instant) -> Option<u16> {
        let path = self.paths.active_mut();
        let size = path.mtu.next_probe(now)?;
        let window = path.controller.window();
        let free = window.saturating_sub(path.in_flight);
        let share = window / PROBE_SHARE;
        // The pacer never has room for a long one while there is data: it takes the turn of a datagram.
        let is_due = path.pacer.available(now) >= path.datagram.into();
        (is_due && free.min(share) >= size.into()).then_some(size)
    }

    /// The host does not send datagrams of `size` bytes on the path in `slot`.
    pub fn on_datagram_refused(&mut self, now: Instant, slot: Slot, size: u16) {
        if let Some(path) = self.paths.get_mut(slot) {
            path.mtu.on_refused(now, size);
            path.follow_mtu(now);
        }
    }

    /// The probe left.
    pub fn on_mtu_probe_sent(&mut self, size: u16) {
        self.paths.active_mut().mtu.on_probe_sent(size);
    }
}
