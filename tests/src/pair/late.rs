//! A party that comes into being at a time of its own.
//!
//! Invariant: before that time it does nothing and hears nothing.

use super::{Arrival, Party, Transmit};
use quicpro_core::Instant;

/// A party, or how it will be made.
pub enum Late<P> {
    /// Not before this time.
    Waiting(Instant, Option<Box<dyn FnOnce(Instant) -> P>>),
    /// It is there.
    There(P),
}

impl<P> Late<P> {
    /// A party that `make` gives at `at`.
    pub fn new(at: Instant, make: impl FnOnce(Instant) -> P + 'static) -> Self {
        Self::Waiting(at, Some(Box::new(make)))
    }

    fn party(&mut self) -> Option<&mut P> {
        match self {
            Self::Waiting(..) => None,
            Self::There(party) => Some(party),
        }
    }
}

impl<P: Party> Party for Late<P> {
    fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]) {
        if let Some(party) = self.party() {
            party.handle_datagram(now, arrival, datagram);
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::There(party) => party.handle_timeout(now),
            Self::Waiting(at, make) => {
                if *at <= now
                    && let Some(make) = make.take()
                {
                    *self = Self::There(make(now));
                }
            }
        }
    }

    fn run_application(&mut self, now: Instant) {
        if let Some(party) = self.party() {
            party.run_application(now);
        }
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        self.party()?.poll_transmit(now, out)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        match self {
            Self::Waiting(at, _) => Some(*at),
            Self::There(party) => party.poll_timeout(),
        }
    }
}
