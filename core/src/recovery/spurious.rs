//! Losses that were none (RFC 9002 §6.1.1): when all packets of a congestion event arrive after all, the event is
//! taken back, and reordering that was seen once is waited for the next time.
//!
//! Invariant: patience is bounded, and returns to the RFC's after events that were real.

use super::sent::Sent;
use crate::time::Instant;

/// A packet is lost when one sent so many later was acknowledged.
//= rfc9002#6.1.1
pub(super) const PACKET_THRESHOLD: u8 = 3;

/// However far packets were seen to overtake each other, no more is waited for: about 1/8 of a long path's window.
#[cfg(feature = "spurious-losses")]
const PACKET_THRESHOLD_MAX: u8 = 128;

/// Eighths of a round trip that a packet may be late, and at most.
//= rfc9002#6.1.2
#[cfg(feature = "spurious-losses")]
const LATE_EIGHTHS: u8 = 1;
#[cfg(feature = "spurious-losses")]
const LATE_EIGHTHS_MAX: u8 = 8;

/// After so many events without a packet that arrived late, patience is halved.
#[cfg(feature = "spurious-losses")]
const CALM_EVENTS: u8 = 16;

/// What losses of a path turned out to be.
#[cfg(feature = "spurious-losses")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Losses {
    /// Packets of the present event that were declared lost and did not arrive; 0 once it is settled.
    missing: u32,
    /// The first number of the event: packets lost before belong to others.
    first: u64,
    /// Losses of packets sent before belong to the event.
    end: Instant,
    /// Declared lost since the last call of [`Losses::on_event`].
    batch: u32,
    batch_first: u64,
    threshold: u8,
    late_eighths: u8,
    calm: u8,
}

#[cfg(feature = "spurious-losses")]
impl Losses {
    pub(super) const NONE: Self = Self {
        missing: 0,
        first: 0,
        end: Instant::ZERO,
        batch: 0,
        batch_first: 0,
        threshold: PACKET_THRESHOLD,
        late_eighths: LATE_EIGHTHS,
        calm: 0,
    };

    /// Numbers by which a packet may be overtaken.
    pub(super) fn packet_threshold(&self) -> u8 {
        self.threshold
    }

    /// How late a packet may be where the RFC allows `rfc_us`, 9/8 of a round trip.
    pub(super) fn loss_delay_us(&self, rfc_us: u32) -> u32 {
        let eighth = rfc_us / 9;
        rfc_us.saturating_add(eighth * u32::from(self.late_eighths - LATE_EIGHTHS))
    }

    /// A packet was declared lost. Those of one call of loss detection come in the order of their numbers.
    pub(super) fn on_lost(&mut self, packet: &Sent) {
        if self.batch == 0 {
            self.batch_first = packet.number;
        }
        self.batch += 1;
    }

    /// That was all that were lost together, the newest of them sent at `newest_sent`.
    pub(super) fn on_event(&mut self, now: Instant, newest_sent: Instant) {
        let batch = core::mem::take(&mut self.batch);
        if newest_sent < self.end {
            // A settled event stays settled.
            if self.missing > 0 {
                self.missing = self.missing.saturating_add(batch);
            }
            return;
        }
        self.first = self.batch_first;
        self.missing = batch;
        self.end = now.after(1);
        self.calm += 1;
        if self.calm >= CALM_EVENTS {
            self.calm = 0;
            self.threshold = (self.threshold / 2).max(PACKET_THRESHOLD);
            self.late_eighths = (self.late_eighths / 2).max(LATE_EIGHTHS);
        }
    }

    /// The event is real, whatever arrives: the network said so itself.
    pub(super) fn on_marked(&mut self, now: Instant) {
        self.missing = 0;
        self.end = now.after(1);
    }

    /// A packet that had been declared lost arrived, overtaken by `distance` numbers, while the RFC allows
    /// `rfc_us` microseconds to be late. `true` if it was the last that its event missed.
    pub(super) fn on_arrived(
        &mut self,
        now: Instant,
        packet: &Sent,
        distance: u64,
        rfc_us: u32,
    ) -> bool {
        self.calm = 0;
        let distance = u8::try_from(distance).unwrap_or(u8::MAX);
        self.threshold = self.threshold.max(distance.min(PACKET_THRESHOLD_MAX));
        if now.since(packet.time) > self.loss_delay_us(rfc_us).into() {
            self.late_eighths = (self.late_eighths * 2).min(LATE_EIGHTHS_MAX);
        }
        if packet.number < self.first || self.missing == 0 {
            return false;
        }
        self.missing -= 1;
        if self.missing == 0 {
            self.end = Instant::ZERO;
        }
        self.missing == 0
    }
}

/// Nothing is kept where nobody asks: losses stay losses, and the RFC's thresholds what they are.
#[cfg(not(feature = "spurious-losses"))]
#[derive(Clone, Copy, Debug)]
pub(super) struct Losses;

#[cfg(not(feature = "spurious-losses"))]
impl Losses {
    pub(super) const NONE: Self = Self;

    pub(super) fn packet_threshold(self) -> u8 {
        PACKET_THRESHOLD
    }

    pub(super) fn loss_delay_us(self, rfc_us: u32) -> u32 {
        rfc_us
    }

    pub(super) fn on_lost(self, _: &Sent) {}

    pub(super) fn on_event(self, _: Instant, _: Instant) {}

    pub(super) fn on_marked(self, _: Instant) {}

    pub(super) fn on_arrived(self, _: Instant, _: &Sent, _: u64, _: u32) -> bool {
        false
    }
}

#[cfg(all(test, feature = "spurious-losses"))]
mod tests {
    use super::super::sent::Fate;
    use super::super::slot::Slot;
    use super::*;

    const RFC_US: u32 = 45_000;

    fn packet(number: u64, ms: u64) -> Sent {
        Sent {
            number,
            time: at(ms),
            size: 1_200,
            fate: Fate::Lost,
            ack_eliciting: true,
            marked: false,
            probe: false,
            path: Slot::FIRST,
        }
    }

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    fn lose(losses: &mut Losses, ms: u64, packets: &[Sent]) {
        for packet in packets {
            losses.on_lost(packet);
        }
        losses.on_event(at(ms), packets.last().unwrap().time);
    }

    #[test]
    fn an_event_is_none_when_all_its_packets_arrived() {
        let mut losses = Losses::NONE;
        lose(&mut losses, 40, &[packet(5, 0), packet(6, 0)]);
        lose(&mut losses, 41, &[packet(8, 1)]);
        assert!(!losses.on_arrived(at(42), &packet(6, 0), 4, RFC_US));
        assert!(
            !losses.on_arrived(at(42), &packet(2, 0), 4, RFC_US),
            "older"
        );
        assert!(!losses.on_arrived(at(42), &packet(5, 0), 4, RFC_US));
        assert!(losses.on_arrived(at(42), &packet(8, 1), 4, RFC_US));
        assert!(!losses.on_arrived(at(42), &packet(9, 1), 4, RFC_US), "once");
    }

    #[test]
    fn a_mark_makes_an_event_real() {
        let mut losses = Losses::NONE;
        lose(&mut losses, 40, &[packet(5, 0)]);
        losses.on_marked(at(41));
        assert!(!losses.on_arrived(at(42), &packet(5, 0), 4, RFC_US));
    }

    #[test]
    fn patience_grows_with_what_was_seen_and_shrinks_in_calm() {
        let mut losses = Losses::NONE;
        assert_eq!(losses.loss_delay_us(RFC_US), RFC_US);
        losses.on_arrived(at(44), &packet(5, 0), 20, RFC_US);
        assert_eq!(losses.packet_threshold(), 20);
        assert_eq!(losses.loss_delay_us(RFC_US), RFC_US);
        losses.on_arrived(at(46), &packet(5, 0), 2_000, RFC_US);
        assert_eq!(losses.packet_threshold(), PACKET_THRESHOLD_MAX);
        assert_eq!(losses.loss_delay_us(RFC_US), RFC_US + 5_000);
        for _ in 0..10 {
            losses.on_arrived(at(1_000), &packet(5, 0), 2_000, RFC_US);
        }
        assert_eq!(losses.loss_delay_us(RFC_US), RFC_US + 35_000);
        for event in 0..200 {
            let ms = 1_000 + event * 100;
            lose(&mut losses, ms + 50, &[packet(10 + event, ms)]);
        }
        assert_eq!(losses.packet_threshold(), PACKET_THRESHOLD);
        assert_eq!(losses.loss_delay_us(RFC_US), RFC_US);
    }
}
