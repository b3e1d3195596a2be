//! What recovery knows of a path: round-trip time, congestion, pacing, ECN and the size of datagrams (RFC 9000 §9.4).
//!
//! Paths differ in addresses, which nobody here knows; a packet remembers the path it left on by a [`Slot`]. A build
//! without migration has one path, and a slot takes no room in it.
//! Invariant: what happens to a packet touches the estimates of its own path only.

use super::Budget;
use super::congestion::{Algorithm, Controller, Utilisation};
use super::ecn::Ecn;
use super::pacer::Pacer;
use super::rtt::Rtt;
use super::sent::Sent;
#[cfg(feature = "migration")]
use super::{Fate, OnOutcome, Recovery, report_lost};
use crate::time::Instant;
use crate::wire::packet::Space;

/// Paths at a time: the one in use, one that is tried, and one that was left while packets of it are in flight.
pub const PATHS_MAX: usize = if cfg!(feature = "migration") { 3 } else { 1 };

/// A packet is lost when one sent so many later was acknowledged.
//= rfc9002#6.1.1
const PACKET_THRESHOLD: u64 = 3;

/// The place of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    #[cfg(feature = "migration")]
    index: u8,
}

impl Slot {
    /// Where the path of the handshake is.
    pub const FIRST: Self = Self::new(0);

    /// Every place.
    #[cfg(feature = "migration")]
    pub(super) const ALL: [Self; PATHS_MAX] = [Self::new(0), Self::new(1), Self::new(2)];

    /// Every place.
    #[cfg(not(feature = "migration"))]
    pub(super) const ALL: [Self; PATHS_MAX] = [Self::FIRST];

    /// Of packets whose path was forgotten.
    #[cfg(feature = "migration")]
    pub(super) const GONE: Self = Self::new(PATHS_MAX as u8);

    #[cfg_attr(not(feature = "migration"), expect(unused_variables))]
    const fn new(index: u8) -> Self {
        Self {
            #[cfg(feature = "migration")]
            index,
        }
    }

    pub(super) const fn index(self) -> usize {
        #[cfg(feature = "migration")]
        return self.index as usize;
        #[cfg(not(feature = "migration"))]
        return 0;
    }

    /// Two bits of a record.
    pub(super) const fn from_bits(bits: u8) -> Self {
        Self::new(bits & 3)
    }

    pub(super) const fn bits(self) -> u8 {
        self.index() as u8
    }
}

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
            #[cfg(feature = "migration")]
            acknowledged_end: 0,
        }
    }

    /// Time begins: nothing that was done before counts.
    pub(super) fn start(&mut self, now: Instant) {
        let (window, rtt_us) = (self.controller.window(), self.rtt.smoothed_us());
        self.pacer = Pacer::new(now, window, rtt_us, self.datagram);
    }

    /// What may leave now.
    pub(super) fn budget(&mut self, now: Instant) -> Budget {
        let datagram = u32::from(self.datagram);
        //= rfc9002#7
        let free = self.controller.window().saturating_sub(self.in_flight);
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

    pub(super) fn set_datagram_size(&mut self, now: Instant, datagram: u16) {
        self.datagram = datagram;
        self.controller.on_datagram_size(datagram);
        self.set_pace(now);
    }

    pub(super) fn set_pace(&mut self, now: Instant) {
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
        if let Some(place) = self.active.index().checked_sub(1) {
            if let Some(Some(path)) = self.others.get_mut(place) {
                return path;
            }
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
    #[cfg_attr(
        not(feature = "migration"),
        expect(clippy::unused_self, unused_variables)
    )]
    pub(super) fn is_overtaken(&self, space: Space, packet: &Sent, end: u64) -> bool {
        #[cfg(feature = "migration")]
        let end = match self.get(packet.path) {
            // The handshake has one path.
            Some(path) if space == Space::Application => path.acknowledged_end,
            _ => end,
        };
        end.saturating_sub(packet.number) > PACKET_THRESHOLD
    }

    /// How long a packet that left on the path in `slot` may stay out after a later one arrived, in microseconds.
    ///
    /// The acknowledgement comes back on the path in use, so it may take as long as is usual there.
    pub(super) fn loss_delay_us(&self, slot: Slot) -> u64 {
        let delay = self.active().rtt.loss_delay_us();
        let own = self.get(slot).map_or(0, |path| path.rtt.loss_delay_us());
        own.max(delay).into()
    }

    /// A packet of the application space that left on the path in `slot` was acknowledged.
    #[cfg(feature = "migration")]
    pub(super) fn on_number_acknowledged(&mut self, slot: Slot, number: u64) {
        if let Some(path) = self.get_mut(slot) {
            path.acknowledged_end = path.acknowledged_end.max(number + 1);
        }
    }
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
        let active = self.paths.active();
        let (controller, ecn) = (active.controller.renewed(datagram), active.ecn.renewed());
        let path = Path::new(now, controller, ecn, datagram);
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

    /// Bytes in flight on the path in `slot`.
    pub fn path_in_flight(&self, slot: Slot) -> u32 {
        self.paths.get(slot).map_or(0, |path| path.in_flight)
    }

    /// Removes the path in `slot` from all records.
    fn forget_path(&mut self, slot: Slot, outcome: &mut OnOutcome<'_>) {
        let space = Space::Application;
        let state = &mut self.spaces[space as usize];
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
