//! What every internal verb may need besides its own state: the time, randomness, a place to report to.

use crate::crypto::random::Random;
use crate::time::Instant;
use crate::trace::Trace;

/// The arguments that would otherwise travel one by one through every call.
pub struct Context<'a> {
    /// The time the caller gave.
    pub now: Instant,
    /// Seeded once, at connect.
    pub random: &'a mut Random,
    /// Where events are reported.
    pub trace: &'a mut Trace,
}
