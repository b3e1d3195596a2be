//! Persistent congestion (RFC 9002 §7.6): everything sent over a long time was lost.
//!
//! Invariant: one run of lost packets is acted on once.

use super::rtt::Rtt;
use super::sent::{Fate, Ring};
use crate::time::{Duration, Instant};

/// How many probe timeouts make congestion persistent.
//= rfc9002#7.6.1
const THRESHOLD: u32 = 3;

/// How long nothing must have got through.
//= rfc9002#7.6.1
pub(super) fn threshold(rtt: &Rtt, max_ack_delay: Duration) -> Duration {
    (rtt.pto() + max_ack_delay) * THRESHOLD
}

/// Whether two ack-eliciting packets that lie further apart than `threshold` were lost with all between
/// them. Looks at records above number `after`, sent after the first round-trip time sample.
//= rfc9002#7.6.2
pub(super) fn is_established(
    ring: &Ring<'_>,
    after: Option<u64>,
    first_sample: Instant,
    threshold: Duration,
) -> bool {
    let mut first_lost: Option<Instant> = None;
    let mut index = after.map_or(0, |number| ring.position(number.saturating_add(1)));
    while index < ring.len() {
        let packet = ring.packet(index);
        match packet.fate {
            Fate::Outstanding => first_lost = None,
            Fate::Acknowledged => {
                first_lost = None;
                index += ring.acknowledged_run(index);
                continue;
            }
            Fate::Lost if packet.ack_eliciting && packet.time > first_sample => {
                let first = *first_lost.get_or_insert(packet.time);
                if packet.time - first > threshold {
                    return true;
                }
            }
            Fate::Lost => {}
        }
        index += 1;
    }
    false
}
