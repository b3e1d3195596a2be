//! How much may be in flight (RFC 9002 §7): the seam behind which controllers differ, and the choice among them.
//!
//! Invariant: the window is at least two datagrams, so a path always makes progress.

#[cfg(feature = "bbr")]
mod bbr;
#[cfg(feature = "cubic")]
mod cubic;
#[cfg(feature = "cubic")]
mod hystart;
mod new_reno;

#[cfg(feature = "bbr")]
pub use bbr::Bbr;
#[cfg(feature = "cubic")]
pub use cubic::Cubic;
pub use new_reno::NewReno;

#[cfg(feature = "bbr")]
pub use super::delivery::{RateSample, Snapshot};
pub use super::rtt::Rtt;
#[cfg(feature = "alloc")]
use crate::mem::{Object, Shared};
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
    /// How fast the path delivered, for algorithms that [ask for it](Algorithm::wants_delivery).
    #[cfg(feature = "bbr")]
    pub delivery: RateSample,
}

/// A packet that was declared lost.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    /// Its number: losses of consecutive numbers are one hole.
    pub number: u64,
    /// Its bytes.
    pub bytes: u32,
    /// When it was sent.
    pub sent: Instant,
    /// Bytes still in flight.
    pub in_flight: u32,
    /// Bytes declared lost since it was sent, its own included; without [`Algorithm::wants_delivery`] any number.
    #[cfg(feature = "bbr")]
    pub lost_since_sent: u32,
    /// What was known when it was sent.
    #[cfg(feature = "bbr")]
    pub snapshot: Snapshot,
}

/// How packets of a window are spread over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes per second.
    pub rate: u64,
    /// Bytes that may leave back to back; `None` for what suits the rate.
    pub burst: Option<u32>,
}

impl Pace {
    /// `window` bytes in each round trip.
    pub fn window(window: u32, rtt: &Rtt) -> Self {
        Self {
            rate: u64::from(window) * 1_000_000 / u64::from(rtt.smoothed_us().max(1)),
            burst: None,
        }
    }
}

/// A congestion controller of one path. All byte counts are QUIC packets without UDP and IP headers.
///
/// Six methods make a controller; the others have defaults and serve those that want to know or to decide
/// more. The calls that one ACK frame causes come in this order: [`on_spurious_congestion`], [`on_marked`],
/// for each lost packet [`on_lost`], once [`on_congestion`] and perhaps [`on_persistent_congestion`], and at
/// the end [`on_acknowledged`].
///
/// ```
/// use quicpro_core::Instant;
/// use quicpro_core::congestion::{Acknowledged, Algorithm, Rtt};
///
/// /// The same window for ever: for a path that belongs to nobody else.
/// struct Fixed(u32);
///
/// impl Algorithm for Fixed {
///     fn on_sent(&mut self, _now: Instant, _bytes: u32, _in_flight: u32) {}
///     fn on_acknowledged(&mut self, _now: Instant, _acknowledged: &Acknowledged, _rtt: &Rtt) {}
///     fn on_congestion(&mut self, _now: Instant, _sent: Instant) {}
///     fn on_persistent_congestion(&mut self, _now: Instant) {}
///     fn on_datagram_size(&mut self, _datagram: u16) {}
///     fn window(&self) -> u32 {
///         self.0
///     }
/// }
/// ```
///
/// [`on_spurious_congestion`]: Algorithm::on_spurious_congestion
/// [`on_marked`]: Algorithm::on_marked
/// [`on_lost`]: Algorithm::on_lost
/// [`on_congestion`]: Algorithm::on_congestion
/// [`on_persistent_congestion`]: Algorithm::on_persistent_congestion
/// [`on_acknowledged`]: Algorithm::on_acknowledged
pub trait Algorithm: Send {
    /// `bytes` left, which makes `in_flight` bytes in all.
    fn on_sent(&mut self, now: Instant, bytes: u32, in_flight: u32);
    /// Packets arrived. Comes after the losses that the same ACK frame made known.
    fn on_acknowledged(&mut self, now: Instant, acknowledged: &Acknowledged, rtt: &Rtt);
    /// Packets were lost, the newest of them sent at `sent`. Usually only the first call of a round trip
    /// counts: those for packets sent before it speak of the same event.
    fn on_congestion(&mut self, now: Instant, sent: Instant);
    /// The path let nothing through for a long time (RFC 9002 §7.6).
    fn on_persistent_congestion(&mut self, now: Instant);
    /// The size of a full datagram changed.
    fn on_datagram_size(&mut self, datagram: u16);
    /// Bytes that may be in flight. Less than two datagrams are treated as two.
    fn window(&self) -> u32;

    /// The slow start threshold in bytes, once there is one: for people.
    #[cfg(feature = "sink")]
    fn threshold(&self) -> Option<u32> {
        None
    }

    /// What it is called: for people.
    #[cfg(feature = "sink")]
    fn name(&self) -> &'static str {
        "an algorithm without a name"
    }

    /// What it is doing, in the words of its specification, `slow_start` for example: for people.
    #[cfg(feature = "sink")]
    fn phase(&self) -> &'static str {
        "unknown"
    }

    /// The network marked packets, the newest of those acknowledged now sent at `sent`; by default the same
    /// as a loss (RFC 9002 §7.1).
    fn on_marked(&mut self, now: Instant, sent: Instant) {
        self.on_congestion(now, sent);
    }

    /// One packet was lost. Nothing by default: [`Algorithm::on_congestion`] follows.
    fn on_lost(&mut self, now: Instant, lost: &Lost) {
        let _ = (now, lost);
    }

    /// All packets that made up the last congestion event arrived after all: it was none. Nothing by default.
    /// Builds with neither `cubic` nor `bbr` do not find that out.
    fn on_spurious_congestion(&mut self, now: Instant) {
        let _ = now;
    }

    /// How packets are spread; `None`, the default, for 5/4 of the window in a round trip (RFC 9002 §7.7).
    /// Asked after every event.
    fn pace(&self, rtt: &Rtt) -> Option<Pace> {
        let _ = rtt;
        None
    }

    /// Delivery rates are measured for it, which takes some 32 bytes for each packet (feature `bbr`). Asked
    /// at any time, always with the same answer. Not by default.
    fn wants_delivery(&self) -> bool {
        false
    }

    /// The algorithm itself keeps back what could be sent, so rates that are measured now say nothing about
    /// the path. Not by default.
    fn holds_back(&self) -> bool {
        false
    }
}

/// Makes the controllers of a user's own algorithm: each path of a connection has one.
#[cfg(feature = "alloc")]
pub trait Factory: Send + Sync {
    /// A controller for a path of which nothing is known, whose full datagrams have `datagram` bytes.
    fn controller(&self, datagram: u16) -> Object<'static, dyn Algorithm>;
}

/// Which algorithm a connection uses.
#[derive(Clone, Default)]
pub enum Congestion {
    /// RFC 9002's own: the smallest.
    #[default]
    NewReno,
    /// RFC 9438's, with RFC 9406's slow start (feature `cubic`): what most of the Internet uses.
    #[cfg(feature = "cubic")]
    Cubic,
    /// BBRv3 (feature `bbr`): follows measured rates and round-trip times rather than losses.
    #[cfg(feature = "bbr")]
    Bbr,
    /// A user's own (feature `alloc`).
    #[cfg(feature = "alloc")]
    Custom(Shared<'static, dyn Factory>),
}

impl Congestion {
    /// A controller for a path whose full datagrams have `datagram` bytes. What is to differ from one
    /// connection to the next follows from `seed`.
    pub fn controller(&self, datagram: u16, seed: u64) -> Controller {
        let _ = seed;
        match self {
            Self::NewReno => Controller::NewReno(NewReno::new(datagram)),
            #[cfg(feature = "cubic")]
            Self::Cubic => Controller::Cubic(Cubic::new(datagram)),
            #[cfg(feature = "bbr")]
            Self::Bbr => Controller::Bbr(Bbr::new(datagram, seed)),
            #[cfg(feature = "alloc")]
            Self::Custom(factory) => Controller::Custom(factory.controller(datagram)),
        }
    }
}

impl core::fmt::Debug for Congestion {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NewReno => "NewReno",
            #[cfg(feature = "cubic")]
            Self::Cubic => "Cubic",
            #[cfg(feature = "bbr")]
            Self::Bbr => "Bbr",
            #[cfg(feature = "alloc")]
            Self::Custom(_) => "Custom",
        })
    }
}

/// The controller of a path.
pub enum Controller {
    /// RFC 9002's own.
    NewReno(NewReno),
    /// RFC 9438's.
    #[cfg(feature = "cubic")]
    Cubic(Cubic),
    /// BBRv3.
    #[cfg(feature = "bbr")]
    Bbr(Bbr),
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
            #[cfg(feature = "cubic")]
            Self::Cubic(algorithm) => algorithm,
            #[cfg(feature = "bbr")]
            Self::Bbr(algorithm) => algorithm,
            #[cfg(feature = "alloc")]
            Self::Custom(algorithm) => &**algorithm,
        }
    }

    fn algorithm_mut(&mut self) -> &mut dyn Algorithm {
        match self {
            Self::NewReno(algorithm) => algorithm,
            #[cfg(feature = "cubic")]
            Self::Cubic(algorithm) => algorithm,
            #[cfg(feature = "bbr")]
            Self::Bbr(algorithm) => algorithm,
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
    fn name(&self) -> &'static str {
        self.algorithm().name()
    }

    #[cfg(feature = "sink")]
    fn phase(&self) -> &'static str {
        self.algorithm().phase()
    }

    fn on_marked(&mut self, now: Instant, sent: Instant) {
        self.algorithm_mut().on_marked(now, sent);
    }

    fn on_lost(&mut self, now: Instant, lost: &Lost) {
        self.algorithm_mut().on_lost(now, lost);
    }

    fn on_spurious_congestion(&mut self, now: Instant) {
        self.algorithm_mut().on_spurious_congestion(now);
    }

    fn pace(&self, rtt: &Rtt) -> Option<Pace> {
        self.algorithm().pace(rtt)
    }

    fn wants_delivery(&self) -> bool {
        self.algorithm().wants_delivery()
    }

    fn holds_back(&self) -> bool {
        self.algorithm().holds_back()
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
