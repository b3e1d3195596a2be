//! When packets go to another connection ID of the server though the path is the same (RFC 9000 §5.1.2, §9.5).
//!
//! ```text
//! due ─► another ID in use ─► three probe timeouts ─► the old one is retired ─► the server gives a new one
//! ```
//! Invariant: one ID at a time is being left, so there are no more changes than one in three probe timeouts.

use crate::time::{Duration, Instant};

/// When the connection ID changes that packets are sent to: never, unless told. What comes first counts.
///
/// Changes cause no packets: the next one that leaves anyway, with something of the application's, has the new ID. The
/// server has to have given two unused ones, because the last is kept for a change of the path. The old one is good for
/// three probe timeouts more, so that packets that are under way are not lost, and is retired then (RFC 9000 §5.1.2).
///
/// ```
/// use quicpro_core::{Duration, connection::Rotation};
/// let rotation = Rotation::NEVER.after_silence(Duration::from_secs(10)).after_packets(1 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rotation {
    packets: u64,
    time_us: u64,
    silence_us: u64,
}

impl Rotation {
    /// The server's first connection ID stays until the path changes or the server takes it back.
    pub const NEVER: Self = Self {
        packets: u64::MAX,
        time_us: u64::MAX,
        silence_us: u64::MAX,
    };

    /// After so many packets that were sent to one ID.
    #[must_use]
    pub const fn after_packets(mut self, packets: u32) -> Self {
        self.packets = packets as u64; // wider; `From` is not const
        self
    }

    /// After so long a time since the first packet was sent to an ID.
    #[must_use]
    pub const fn after_time(mut self, time: Duration) -> Self {
        self.time_us = micros(time);
        self
    }

    /// When something is sent again after so long a time without: whatever the network has forgotten meanwhile, it
    /// cannot tell that this is the same connection (RFC 9000 §9.5).
    #[must_use]
    pub const fn after_silence(mut self, silence: Duration) -> Self {
        self.silence_us = micros(silence);
        self
    }
}

/// Whole microseconds; what does not fit is as good as never.
const fn micros(time: Duration) -> u64 {
    let whole = time.as_secs().saturating_mul(1_000_000);
    whole.saturating_add(time.subsec_micros() as u64) // likewise
}

/// How long the connection ID in use has been, and which one it replaced.
#[derive(Clone, Debug)]
pub struct Rotor {
    rotation: Rotation,
    /// Packets that were sent to the one in use.
    packets: u64,
    /// When the first of them was.
    since: Instant,
    /// When the last of any was.
    sent_at: Instant,
    /// The number of the one that was in use before, while packets that were sent to it may be under way.
    left: Option<u64>,
    left_until: Instant,
}

impl Rotor {
    /// That of a connection that begins.
    pub const fn new(rotation: Rotation) -> Self {
        Self {
            rotation,
            packets: 0,
            since: Instant::NEVER,
            sent_at: Instant::NEVER,
            left: None,
            left_until: Instant::NEVER,
        }
    }

    /// Whether the next packet is to be sent to another ID.
    pub fn is_due(&self, now: Instant) -> bool {
        let over = |from: Instant, us: u64| us != u64::MAX && from.after(us) <= now;
        self.left.is_none()
            && self.packets > 0
            && (self.packets >= self.rotation.packets
                || over(self.since, self.rotation.time_us)
                || over(self.sent_at, self.rotation.silence_us))
    }

    /// A packet was sent to the ID in use.
    pub fn on_sent(&mut self, now: Instant) {
        if self.packets == 0 {
            self.since = now;
        }
        self.packets = self.packets.saturating_add(1);
        self.sent_at = now;
    }

    /// Another ID is in use from now on, for whatever reason.
    pub fn restart(&mut self) {
        self.packets = 0;
        self.since = Instant::NEVER;
    }

    /// Another ID is in use in place of number `old`, which is retired at `until`.
    pub fn leave(&mut self, old: Option<u64>, until: Instant) {
        self.restart();
        self.left = old;
        self.left_until = until;
    }

    /// The number of the one that is being left.
    pub const fn left(&self) -> Option<u64> {
        self.left
    }

    /// Forgets the one that is being left, unless `keeps` says that it still exists.
    pub fn retain(&mut self, keeps: impl Fn(u64) -> bool) {
        self.left = self.left.filter(|sequence| keeps(*sequence));
        if self.left.is_none() {
            self.left_until = Instant::NEVER;
        }
    }

    /// When [`Rotor::take_expired`] has something.
    pub const fn deadline(&self) -> Instant {
        self.left_until
    }

    /// Takes the number that is to be retired now.
    pub fn take_expired(&mut self, now: Instant) -> Option<u64> {
        if self.left_until > now {
            return None;
        }
        self.left_until = Instant::NEVER;
        self.left.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn each_reason_is_enough_and_none_is_never() {
        let never = Rotation::NEVER;
        for (rotation, due) in [
            (never, None),
            (never.after_packets(3), Some(201)),
            (never.after_time(ms(700)), Some(700)),
            // Since the last packet.
            (never.after_silence(ms(300)), Some(500)),
            (never.after_silence(ms(300)).after_packets(2), Some(101)),
        ] {
            let mut rotor = Rotor::new(rotation);
            assert!(!rotor.is_due(at(1 << 40)), "nothing was sent");
            let mut found = None;
            for now in 0..10_000 {
                if found.is_none() && rotor.is_due(at(now)) {
                    found = Some(now);
                }
                if [0, 100, 200].contains(&now) {
                    rotor.on_sent(at(now));
                }
            }
            assert_eq!(found, due, "{rotation:?}");
        }
    }

    #[test]
    fn one_id_is_left_at_a_time() {
        let mut rotor = Rotor::new(Rotation::NEVER.after_packets(1));
        rotor.on_sent(at(0));
        assert!(rotor.is_due(at(0)));
        rotor.leave(Some(0), at(100));
        rotor.on_sent(at(1));
        assert!(!rotor.is_due(at(99)), "the last one is still being left");
        assert_eq!(
            (rotor.deadline(), rotor.take_expired(at(99))),
            (at(100), None)
        );
        assert_eq!(rotor.take_expired(at(100)), Some(0));
        assert_eq!(rotor.take_expired(at(100)), None);
        assert!(rotor.is_due(at(100)));
        // The server may take it back first.
        rotor.leave(Some(1), at(200));
        rotor.retain(|sequence| sequence != 1);
        assert_eq!((rotor.left(), rotor.deadline()), (None, Instant::NEVER));
    }
}
