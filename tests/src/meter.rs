//! A [`Party`] whose work callgrind counts: everything it does between input and output, and nothing else.
//!
//! Run with `--collect-atstart=no --toggle-collect=`[`FUNCTION`]. Invariant: all work of the wrapped party goes
//! through the one function that callgrind watches, if counting is on, and around it if not.

use crate::pair::{Arrival, Party, Transmit};
use quicpro_core::Instant;

/// The pattern by which callgrind finds the function that it watches.
pub const FUNCTION: &str = "*meter::counted*";

/// A party whose instructions can be counted.
pub struct Metered<P> {
    /// The party itself; what is done to it directly is not counted.
    pub party: P,
    /// Whether its work is counted from now on.
    pub is_counting: bool,
}

impl<P> Metered<P> {
    fn meter<R>(&mut self, work: impl FnOnce(&mut P) -> R) -> R {
        if self.is_counting {
            counted(|| work(&mut self.party))
        } else {
            work(&mut self.party)
        }
    }
}

#[inline(never)]
fn counted<R>(work: impl FnOnce() -> R) -> R {
    std::hint::black_box(work())
}

impl<P: Party> Party for Metered<P> {
    fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]) {
        self.meter(|party| party.handle_datagram(now, arrival, datagram));
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.meter(|party| party.handle_timeout(now));
    }

    fn run_application(&mut self, now: Instant) {
        self.meter(|party| party.run_application(now));
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        self.meter(|party| party.poll_transmit(now, out))
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.meter(Party::poll_timeout)
    }
}
