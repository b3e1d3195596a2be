//! Persistent congestion (RFC 9002 §7.6): everything sent over a long time was lost.
//!
//! Invariant: one run of lost packets is acted on once.

use super::sent::{Fate, Ring};
use super::slot::Slot;
use crate::time::Instant;

/// How many probe timeouts make congestion persistent.
//= rfc9002#7.6.1
const THRESHOLD: u64 = 3;

/// How long nothing must have got through, in microseconds, where the probe timeout is `pto_us`.
//= rfc9002#7.6.1
pub(super) fn threshold_us(pto_us: u32) -> u64 {
    u64::from(pto_us) * THRESHOLD
}

/// Whether two ack-eliciting packets of one path that lie further apart than `threshold_us` were lost with all of it
/// between them. Looks at records from number `from` on, sent after the path's first round-trip time sample.
//= rfc9002#7.6.2
pub(super) fn is_established(
    ring: &Ring<'_>,
    path: Slot,
    from: u64,
    first_sample: Instant,
    threshold_us: u64,
) -> bool {
    let mut first_lost = Instant::NEVER;
    let mut index = ring.position(from);
    while index < ring.len() {
        let packet = ring.packet(index);
        match packet.fate {
            _ if packet.path != path => {}
            Fate::Outstanding | Fate::Repeated => first_lost = Instant::NEVER,
            Fate::Acknowledged => {
                first_lost = Instant::NEVER;
                index += ring.acknowledged_run(index);
                continue;
            }
            Fate::Lost if packet.ack_eliciting && packet.time > first_sample => {
                first_lost = first_lost.min(packet.time);
                if packet.time.since(first_lost) > threshold_us {
                    return true;
                }
            }
            Fate::Lost => {}
        }
        index += 1;
    }
    false
}
