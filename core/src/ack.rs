//! When an acknowledgement is due (RFC 9000 §13.2.1, §13.2.2).
//!
//! Invariant: only ack-eliciting packets make one due, so two idle endpoints never acknowledge each other for ever.

use crate::recovery::Codepoint;
use crate::time::{Duration, Instant};
use crate::wire::packet::Space;

/// How long an acknowledgement in the application space is held back: what our max_ack_delay promises.
pub const MAX_DELAY: Duration = Duration::from_millis(25);

/// Our ack_delay_exponent: delays are written in units of 8 microseconds.
pub const DELAY_EXPONENT: u8 = 3;

/// Ack-eliciting packets that are acknowledged at once when so many have come.
//= rfc9000#13.2.2
const ELICITING_MAX: u32 = 2;

/// How a packet arrived, relative to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The number after the largest one.
    InOrder,
    /// A smaller one, or one that leaves a gap.
    OutOfOrder,
}

/// What one space owes its peer.
#[derive(Clone, Copy, Debug, Default)]
pub struct AckPolicy {
    /// Ack-eliciting packets since the last ACK frame.
    eliciting: u32,
    /// Something happened that the peer should know at once.
    immediate: bool,
    deadline: Option<Instant>,
    last_ping: Option<Instant>,
}

impl AckPolicy {
    /// An ack-eliciting packet arrived.
    pub fn on_ack_eliciting(
        &mut self,
        now: Instant,
        space: Space,
        order: Order,
        codepoint: Codepoint,
    ) {
        self.eliciting = self.eliciting.saturating_add(1);
        //= rfc9000#13.2.1
        self.immediate |=
            space != Space::Application || order == Order::OutOfOrder || codepoint == Codepoint::Ce;
        self.deadline.get_or_insert(now + MAX_DELAY);
    }

    /// Something is unacknowledged that asks for it; may travel with other frames.
    pub fn is_owed(&self) -> bool {
        self.eliciting > 0
    }

    /// A packet should be sent for the acknowledgement alone.
    pub fn is_due(&self, now: Instant) -> bool {
        self.immediate
            || self.eliciting >= ELICITING_MAX
            || self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// When the acknowledgement becomes due.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// An ACK frame was written.
    pub fn on_sent(&mut self) {
        *self = Self {
            last_ping: self.last_ping,
            ..Self::default()
        };
    }

    /// Whether a PING may ask the peer to acknowledge our acknowledgements: once per `rtt`.
    //= rfc9000#13.2.4
    pub fn may_ping(&mut self, now: Instant, rtt: Duration) -> bool {
        let allowed = self.last_ping.is_none_or(|last| last + rtt <= now);
        if allowed {
            self.last_ping = Some(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Codepoint::NotEct;
    use Order::{InOrder, OutOfOrder};

    const MS: Duration = Duration::from_millis(1);

    fn after(packets: &[(Space, Order, Codepoint)]) -> AckPolicy {
        let mut policy = AckPolicy::default();
        for &(space, order, codepoint) in packets {
            policy.on_ack_eliciting(Instant::ZERO, space, order, codepoint);
        }
        policy
    }

    //= rfc9000#13.2.1 test
    //= rfc9000#13.2.2 test
    #[test]
    fn every_second_packet_and_every_surprise_is_acknowledged_at_once() {
        let calm = (Space::Application, InOrder, NotEct);
        let now = Instant::ZERO;
        assert!(!after(&[]).is_due(now + MAX_DELAY));
        assert!(!after(&[calm]).is_due(now));
        assert!(after(&[calm]).is_owed());
        assert!(after(&[calm, calm]).is_due(now));
        assert!(after(&[(Space::Application, OutOfOrder, NotEct)]).is_due(now));
        assert!(after(&[(Space::Application, InOrder, Codepoint::Ce)]).is_due(now));
        assert!(after(&[(Space::Initial, InOrder, NotEct)]).is_due(now));
        assert!(after(&[(Space::Handshake, InOrder, NotEct)]).is_due(now));
    }

    #[test]
    fn one_packet_waits_for_the_delay_of_the_first() {
        let mut policy = after(&[(Space::Application, InOrder, NotEct)]);
        assert_eq!(policy.deadline(), Some(Instant::ZERO + 25 * MS));
        assert!(!policy.is_due(Instant::ZERO + 24 * MS));
        assert!(policy.is_due(Instant::ZERO + 25 * MS));
        policy.on_ack_eliciting(Instant::ZERO + 20 * MS, Space::Application, InOrder, NotEct);
        assert_eq!(policy.deadline(), Some(Instant::ZERO + 25 * MS));
        policy.on_sent();
        assert!(!policy.is_owed());
        assert_eq!(policy.deadline(), None);
    }

    #[test]
    fn pings_come_once_per_round_trip() {
        let mut policy = AckPolicy::default();
        assert!(policy.may_ping(Instant::ZERO, 10 * MS));
        policy.on_sent();
        assert!(!policy.may_ping(Instant::ZERO + 9 * MS, 10 * MS));
        assert!(policy.may_ping(Instant::ZERO + 10 * MS, 10 * MS));
    }
}
