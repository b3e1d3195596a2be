//! How much may be in flight (RFC 9002 §7): the seam behind which controllers differ, and the one in use.
//!
//! Invariant: the window is at least two datagrams, so a path always makes progress.

mod new_reno;

pub use new_reno::NewReno;

use super::rtt::Rtt;
#[cfg(feature = "alloc")]
use crate::mem::Object;
use crate::time::Instant;

/// The window before anything is known, in bytes.
//= rfc9002#7.2
pub fn initial_window(datagram: u16) -> u32 {
    let datagram = u32::from(datagram);
    (10 * datagram).min((2 * datagram).max(14_720))
}

/// The smallest window, in bytes.
//= rfc9002#7.2
pub fn minimum_window(datagram: u16) -> u32 {
    2 * u32::from(datagram)
}

/// Whether the window was what held the sender back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Utilisation {
    /// The window or its pacing: acknowledgements say that more might fit.
    Full,
    /// The application, flow control or the table of sent packets: they say nothing about more.
    Limited,
}

/// What an ACK frame newly acknowledged, of packets that counted as in flight.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledged {
    /// Their bytes.
    pub bytes: u32,
    /// When the newest of them was sent.
    pub newest_sent: Instant,
    /// Whether the window was used up when the acknowledgement came.
    pub utilisation: Utilisation,
    /// Bytes still in flight.
    pub in_flight: u32,
}

/// A congestion controller of one path. All byte counts are QUIC packets without UDP and IP headers.
pub trait Algorithm: Send {
    /// `bytes` left, which makes `in_flight` bytes in all.
    fn on_sent(&mut self, now: Instant, bytes: u32, in_flight: u32);
    /// Packets arrived. Comes after the losses that the same ACK frame made known.
    fn on_acknowledged(&mut self, now: Instant, acknowledged: &Acknowledged, rtt: &Rtt);
    /// A packet sent at `sent` was lost, or the network marked it.
    fn on_congestion(&mut self, now: Instant, sent: Instant);
    /// The path let nothing through for a long time.
    fn on_persistent_congestion(&mut self, now: Instant);
    /// The size of a full datagram changed.
    fn on_datagram_size(&mut self, datagram: u16);
    /// Bytes that may be in flight.
    fn window(&self) -> u32;
    /// The slow start threshold in bytes, once there is one: for people.
    #[cfg(feature = "sink")]
    fn threshold(&self) -> Option<u32> {
        None
    }
    /// What it is doing, in the words of its specification, `slow_start` for example: for people.
    #[cfg(feature = "sink")]
    fn phase(&self) -> &'static str {
        "unknown"
    }
    /// The same algorithm for a path of which nothing is known, with full datagrams of `datagram` bytes.
    fn renewed(&self, datagram: u16) -> Controller;
}

/// The controller of a path.
pub enum Controller {
    /// RFC 9002's own.
    NewReno(NewReno),
    /// The user's.
    #[cfg(feature = "alloc")]
    Custom(Object<'static, dyn Algorithm>),
}

impl Controller {
    /// NewReno for a path whose full datagrams have `datagram` bytes.
    pub fn new_reno(datagram: u16) -> Self {
        Self::NewReno(NewReno::new(datagram))
    }

    fn algorithm(&self) -> &dyn Algorithm {
        match self {
            Self::NewReno(algorithm) => algorithm,
            #[cfg(feature = "alloc")]
            Self::Custom(algorithm) => &**algorithm,
        }
    }

    fn algorithm_mut(&mut self) -> &mut dyn Algorithm {
        match self {
            Self::NewReno(algorithm) => algorithm,
            #[cfg(feature = "alloc")]
            Self::Custom(algorithm) => &mut **algorithm,
        }
    }
}

impl Algorithm for Controller {
    fn on_sent(&mut self, now: Instant, bytes: u32, in_flight: u32) {
        self.algorithm_mut().on_sent(now, bytes, in_flight);
    }

    fn on_acknowledged(&mut self, now: Instant, acknowledged: &Acknowledged, rtt: &Rtt) {
        self.algorithm_mut().on_acknowledged(now, acknowledged, rtt);
    }

    fn on_congestion(&mut self, now: Instant, sent: Instant) {
        self.algorithm_mut().on_congestion(now, sent);
    }

    fn on_persistent_congestion(&mut self, now: Instant) {
        self.algorithm_mut().on_persistent_congestion(now);
    }

    fn on_datagram_size(&mut self, datagram: u16) {
        self.algorithm_mut().on_datagram_size(datagram);
    }

    fn window(&self) -> u32 {
        self.algorithm().window()
    }

    #[cfg(feature = "sink")]
    fn threshold(&self) -> Option<u32> {
        self.algorithm().threshold()
    }

    #[cfg(feature = "sink")]
    fn phase(&self) -> &'static str {
        self.algorithm().phase()
    }

    fn renewed(&self, datagram: u16) -> Controller {
        self.algorithm().renewed(datagram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9002#7.2 test
    #[test]
    fn the_initial_window_is_ten_datagrams_within_bounds() {
        assert_eq!(initial_window(1_200), 12_000);
        assert_eq!(initial_window(1_472), 14_720);
        assert_eq!(initial_window(1_500), 14_720);
        assert_eq!(initial_window(9_000), 18_000);
        assert_eq!(minimum_window(1_200), 2_400);
    }
}
