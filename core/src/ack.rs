//! When an acknowledgement is due (RFC 9000 §13.2.1, §13.2.2).
//!
//! Invariant: only ack-eliciting packets make one due, so two idle endpoints never acknowledge each other for ever.

use crate::recovery::Codepoint;
use crate::time::Instant;
use crate::wire::packet::Space;

/// How long an acknowledgement in the application space is held back, in microseconds: what our max_ack_delay
/// promises.
pub const MAX_DELAY_US: u64 = 25_000;

/// Our ack_delay_exponent: delays are written in units of 8 microseconds.
pub const DELAY_EXPONENT: u8 = 3;

/// When acknowledgements in the application space are due: as RFC 9000 has it, or as the peer has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frequency {
    /// Ack-eliciting packets that are acknowledged at once when so many have come.
    pub eliciting_max: u32,
    /// Microseconds for which an acknowledgement is held back.
    pub delay_us: u64,
    /// Reordering that is reported at once; 0 for none.
    pub reordering: u64,
}

impl Frequency {
    /// Without being asked.
    //= rfc9000#13.2.2
    pub const DEFAULT: Self = Self {
        eliciting_max: 2,
        delay_us: MAX_DELAY_US,
        reordering: 1,
    };
}

/// How a packet arrived, relative to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The number after the largest one.
    InOrder,
    /// A smaller one, or one that leaves a gap.
    OutOfOrder,
}

/// What one space owes its peer.
#[derive(Clone, Copy, Debug)]
pub struct AckPolicy {
    /// When the acknowledgement becomes due.
    deadline: Instant,
    /// No PING before this time.
    next_ping: Instant,
    /// Ack-eliciting packets since the last ACK frame.
    eliciting: u32,
}

impl AckPolicy {
    /// Nothing is owed.
    pub const NEW: Self = Self {
        deadline: Instant::NEVER,
        next_ping: Instant::ZERO,
        eliciting: 0,
    };

    /// An ack-eliciting packet arrived.
    pub fn on_ack_eliciting(
        &mut self,
        now: Instant,
        space: Space,
        order: Order,
        codepoint: Codepoint,
        frequency: &Frequency,
    ) {
        self.eliciting = self.eliciting.saturating_add(1);
        //= rfc9000#13.2.1
        let at_once = space != Space::Application
            || order == Order::OutOfOrder
            || codepoint == Codepoint::Ce
            || self.eliciting >= frequency.eliciting_max;
        let due = if at_once {
            now
        } else {
            now.after(frequency.delay_us)
        };
        self.deadline = self.deadline.min(due);
    }

    /// The peer wants an acknowledgement now.
    #[cfg(feature = "ack-frequency")]
    pub fn on_immediate(&mut self, now: Instant) {
        self.deadline = self.deadline.min(now);
    }

    /// Something is unacknowledged that asks for it; may travel with other frames.
    pub fn is_owed(&self) -> bool {
        self.eliciting > 0
    }

    /// A packet should be sent for the acknowledgement alone.
    pub fn is_due(&self, now: Instant) -> bool {
        self.deadline <= now
    }

    /// When the acknowledgement becomes due; the end of time, if it does not.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// An ACK frame was written.
    pub fn on_sent(&mut self) {
        self.deadline = Instant::NEVER;
        self.eliciting = 0;
    }

    /// Whether a PING may ask the peer to acknowledge our acknowledgements: once per round-trip time.
    //= rfc9000#13.2.4
    pub fn may_ping(&mut self, now: Instant, rtt_us: u32) -> bool {
        let allowed = self.next_ping <= now;
        if allowed {
            self.next_ping = now.after(rtt_us.into());
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Codepoint::NotEct;
    use Order::{InOrder, OutOfOrder};

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    fn after(packets: &[(Space, Order, Codepoint)]) -> AckPolicy {
        let mut policy = AckPolicy::NEW;
        for &(space, order, codepoint) in packets {
            policy.on_ack_eliciting(Instant::ZERO, space, order, codepoint, &Frequency::DEFAULT);
        }
        policy
    }

    //= rfc9000#13.2.1 test
    //= rfc9000#13.2.2 test
    #[test]
    fn every_second_packet_and_every_surprise_is_acknowledged_at_once() {
        let calm = (Space::Application, InOrder, NotEct);
        let now = Instant::ZERO;
        assert!(!after(&[]).is_due(now.after(MAX_DELAY_US)));
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
        assert_eq!(policy.deadline(), at(25));
        assert!(!policy.is_due(at(24)));
        assert!(policy.is_due(at(25)));
        let mut late = policy;
        late.on_ack_eliciting(
            at(30),
            Space::Application,
            InOrder,
            NotEct,
            &Frequency::DEFAULT,
        );
        assert_eq!(late.deadline(), at(25));
        // A second one is reason enough by itself.
        policy.on_ack_eliciting(
            at(20),
            Space::Application,
            InOrder,
            NotEct,
            &Frequency::DEFAULT,
        );
        assert_eq!(policy.deadline(), at(20));
        policy.on_sent();
        assert!(!policy.is_owed());
        assert_eq!(policy.deadline(), Instant::NEVER);
    }

    #[test]
    fn pings_come_once_per_round_trip() {
        let mut policy = AckPolicy::NEW;
        assert!(policy.may_ping(Instant::ZERO, 10_000));
        policy.on_sent();
        assert!(!policy.may_ping(at(9), 10_000));
        assert!(policy.may_ping(at(10), 10_000));
    }
}
