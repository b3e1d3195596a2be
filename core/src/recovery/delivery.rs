//! How fast the path delivers: a sample for each ACK frame, from what was known when its newest packet left
//! (draft-ietf-ccwg-bbr, "Delivery Rate Samples").
//!
//! Invariant: a rate is never taken over less than a round trip's smallest time, nor over less than the
//! packets took to leave; so bursts of acknowledgements do not look like bandwidth.

use crate::time::Instant;

/// The highest bit of the bytes in flight says that the sender was limited by its application.
const LIMITED: u32 = 1 << 31;

/// A [`Snapshot`] in memory.
pub type SnapshotWords = [u64; 4];

/// What was known of the path when a packet left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    delivered: u64,
    delivered_at: Instant,
    first_sent: Instant,
    /// The lowest bits.
    lost: u32,
    in_flight: u32,
}

impl Snapshot {
    /// An unused place.
    pub const EMPTY: Self = Self {
        delivered: 0,
        delivered_at: Instant::ZERO,
        first_sent: Instant::ZERO,
        lost: 0,
        in_flight: 0,
    };

    #[cfg(test)]
    pub(super) fn with_in_flight(in_flight: u32) -> Self {
        let in_flight = in_flight & !LIMITED;
        Self {
            in_flight,
            ..Self::EMPTY
        }
    }

    /// As it is stored: memory that is all zeros need not be touched before it is used.
    pub(super) const fn words(self) -> SnapshotWords {
        // Both are wider than before; `From` is not const.
        let lost = (self.lost as u64) << 32 | self.in_flight as u64;
        [
            self.delivered,
            self.delivered_at.as_micros(),
            self.first_sent.as_micros(),
            lost,
        ]
    }

    /// The inverse of [`Snapshot::words`].
    pub(super) const fn from_words(words: SnapshotWords) -> Self {
        let [delivered, delivered_at, first_sent, lost] = words;
        Self {
            delivered,
            delivered_at: Instant::from_micros(delivered_at),
            first_sent: Instant::from_micros(first_sent),
            lost: (lost >> 32) as u32, // the upper half
            in_flight: lost as u32,    // the lower half
        }
    }

    /// Bytes in flight right after it left, its own included.
    pub const fn in_flight(&self) -> u32 {
        self.in_flight & !LIMITED
    }

    /// The application, not congestion control, decided how much was in flight.
    pub const fn is_limited(&self) -> bool {
        self.in_flight & LIMITED != 0
    }
}

/// What one ACK frame says of the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateSample {
    /// Bytes per second; 0 if it cannot be told.
    pub rate: u64,
    /// Bytes delivered from the sending of the newest packet acknowledged to now.
    pub delivered: u64,
    /// Bytes delivered in all when that packet was sent, and now.
    pub prior_delivered: u64,
    /// See [`RateSample::prior_delivered`].
    pub total_delivered: u64,
    /// Bytes in flight right after that packet left.
    pub in_flight: u32,
    /// Bytes declared lost since then.
    pub lost: u32,
    /// Microseconds since then.
    pub rtt_us: u32,
    /// The application decided how much was in flight then.
    pub is_limited: bool,
    /// Packets that are in flight now are of such a time.
    pub is_limited_now: bool,
}

/// The path's side of all samples.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delivery {
    delivered: u64,
    delivered_at: Instant,
    /// When the packet was sent that was acknowledged last.
    first_sent: Instant,
    lost: u32,
    /// Until so much is delivered, samples are limited by the application; 0 if they are not.
    limited_until: u64,
}

impl Delivery {
    /// A packet of `size` bytes leaves, which makes `in_flight` bytes in all.
    pub(super) fn on_sent(&mut self, now: Instant, size: u32, in_flight: u32) -> Snapshot {
        if in_flight <= size {
            self.first_sent = now;
            self.delivered_at = now;
        }
        let limited = if self.limited_until == 0 { 0 } else { LIMITED };
        Snapshot {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent: self.first_sent,
            lost: self.lost,
            in_flight: in_flight & !LIMITED | limited,
        }
    }

    /// The application has nothing to send although it might: what is in flight now says nothing of the rate.
    pub(super) fn limit(&mut self, in_flight: u32) {
        self.limited_until = self.delivered.saturating_add(in_flight.into()).max(1);
    }

    /// So many bytes arrived. Comes before the losses of the same ACK frame.
    pub(super) fn on_delivered(&mut self, now: Instant, bytes: u32) {
        self.delivered = self.delivered.saturating_add(bytes.into());
        self.delivered_at = now;
        if self.delivered > self.limited_until {
            self.limited_until = 0;
        }
    }

    /// So many bytes were declared lost; returns how many were since `snapshot` was taken.
    pub(super) fn on_lost(&mut self, bytes: u16, snapshot: &Snapshot) -> u32 {
        self.lost = self.lost.wrapping_add(bytes.into());
        self.lost.wrapping_sub(snapshot.lost)
    }

    /// The sample of an ACK frame whose newest packet left at `sent` with `snapshot`. Rates over less than
    /// `rtt_min_us` are none.
    pub(super) fn sample(
        &mut self,
        now: Instant,
        sent: Instant,
        snapshot: &Snapshot,
        rtt_min_us: u32,
    ) -> RateSample {
        self.first_sent = self.first_sent.max(sent);
        let sending = sent.since(snapshot.first_sent);
        let interval = sending.max(self.delivered_at.since(snapshot.delivered_at));
        let delivered = self.delivered.saturating_sub(snapshot.delivered);
        let rate = if interval == 0 || interval < rtt_min_us.into() {
            0
        } else {
            delivered.saturating_mul(1_000_000) / interval
        };
        RateSample {
            rate,
            delivered,
            prior_delivered: snapshot.delivered,
            total_delivered: self.delivered,
            in_flight: snapshot.in_flight(),
            lost: self.lost.wrapping_sub(snapshot.lost),
            rtt_us: u32::try_from(now.since(sent)).unwrap_or(u32::MAX).max(1),
            is_limited: snapshot.is_limited(),
            is_limited_now: self.limited_until != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    #[test]
    fn the_rate_is_what_was_delivered_over_the_longer_of_both_times() {
        let mut delivery = Delivery::default();
        let first = delivery.on_sent(at(0), 1_000, 1_000);
        let second = delivery.on_sent(at(5), 1_000, 2_000);
        delivery.on_delivered(at(40), 1_000);
        let sample = delivery.sample(at(40), at(0), &first, 40_000);
        assert_eq!((sample.rate, sample.delivered), (25_000, 1_000));
        assert_eq!((sample.in_flight, sample.rtt_us), (1_000, 40_000));
        let third = delivery.on_sent(at(41), 1_000, 2_000);
        assert_eq!(Snapshot::from_words(third.words()), third);
        delivery.on_delivered(at(45), 1_000);
        // From the beginning of the flight on.
        let sample = delivery.sample(at(45), at(5), &second, 40_000);
        assert_eq!((sample.rate, sample.delivered), (44_444, 2_000));
        // From the acknowledgement before it on: 1,000 in what came before, 1,000 its own.
        delivery.on_delivered(at(81), 1_000);
        let sample = delivery.sample(at(81), at(41), &third, 40_000);
        assert_eq!((sample.rate, sample.delivered), (48_780, 2_000));
        assert_eq!(sample.prior_delivered, 1_000);
    }

    #[test]
    fn acknowledgements_that_come_in_a_heap_make_no_rate() {
        let mut delivery = Delivery::default();
        let mut snapshots = [Snapshot::EMPTY; 11];
        for (index, snapshot) in snapshots.iter_mut().enumerate() {
            let index = index as u64;
            *snapshot = delivery.on_sent(at(index * 10), 1_000, 1_000 * (index as u32 + 1));
        }
        delivery.on_delivered(at(140), 11_000);
        let sample = delivery.sample(at(140), at(100), &snapshots[10], 40_000);
        assert_eq!(sample.rate, 11_000 * 1_000 / 140);
        // Faster than the smallest round trip cannot be.
        assert_eq!(
            delivery
                .sample(at(140), at(100), &snapshots[10], 141_000)
                .rate,
            0
        );
    }

    #[test]
    fn a_time_without_data_marks_what_is_in_flight() {
        let mut delivery = Delivery::default();
        delivery.limit(2_000);
        let limited = delivery.on_sent(at(1), 1_000, 3_000);
        assert!(limited.is_limited() && limited.in_flight() == 3_000);
        delivery.on_delivered(at(40), 2_000);
        assert!(delivery.on_sent(at(40), 1_000, 2_000).is_limited());
        delivery.on_delivered(at(41), 1);
        assert!(!delivery.on_sent(at(41), 1_000, 2_000).is_limited());
        let sample = delivery.sample(at(41), at(1), &limited, 40_000);
        assert!(sample.is_limited && !sample.is_limited_now);
    }

    #[test]
    fn losses_are_counted_from_the_sending_on() {
        let mut delivery = Delivery::default();
        let first = delivery.on_sent(at(0), 1_000, 1_000);
        assert_eq!(delivery.on_lost(1_000, &first), 1_000);
        let second = delivery.on_sent(at(1), 1_000, 1_000);
        assert_eq!(delivery.on_lost(700, &second), 700);
        assert_eq!(delivery.sample(at(2), at(0), &first, 0).lost, 1_700);
    }

    proptest! {
        #[test]
        fn nothing_overflows(events in prop::collection::vec((0u8..4, any::<u64>(), any::<u32>()), 1..100)) {
            let mut delivery = Delivery::default();
            let mut snapshot = Snapshot::EMPTY;
            for (event, time, bytes) in events {
                let now = Instant::from_micros(time);
                match event {
                    0 => snapshot = delivery.on_sent(now, bytes / 2, bytes),
                    1 => delivery.on_delivered(now, bytes),
                    2 => delivery.limit(bytes),
                    _ => { delivery.on_lost(bytes as u16, &snapshot); }
                }
                let sample = delivery.sample(now, Instant::from_micros(bytes.into()), &snapshot, 1);
                prop_assert!(sample.total_delivered >= sample.prior_delivered);
            }
        }
    }
}
