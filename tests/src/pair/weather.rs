//! What a link does to datagrams: a clear day, or loss, duplication, reordering, corruption, a narrow place, marks.
//!
//! Plain values; chances are per mille. Invariant: what is not asked for does not happen, and draws nothing.

use quicpro_core::Instant;
use std::time::Duration;

/// What a link does to datagrams; chances are per mille. The default is a clear day: 10 ms and nothing else.
#[derive(Clone, Debug)]
pub struct Weather {
    /// Time from one end to the other.
    pub delay: Duration,
    /// Up to this much more, each datagram for itself: neighbours overtake each other.
    pub jitter: Duration,
    /// Chance that a datagram vanishes.
    pub loss: u32,
    /// Chance that a datagram arrives twice; the copy takes a delay of its own.
    pub duplication: u32,
    /// Chance that a datagram is held back for [`Self::held_back`].
    pub reordering: u32,
    /// How long a reordered datagram is held back.
    pub held_back: Duration,
    /// Chance that one bit flips.
    pub corruption: u32,
    /// Chance that a datagram which says that it is ECN-capable is marked Congestion Experienced.
    pub congestion_marks: u32,
    /// Longest UDP payload that fits.
    pub mtu: usize,
    /// Losses in a row, and corruptions in a row, at most.
    pub in_row_max: u32,
    /// Times of heavy loss, which come and go.
    pub storms: Option<Storms>,
    /// Datagrams that others overtake.
    pub overtaking: Option<Overtaking>,
    /// Times at which nothing passes.
    pub blackouts: Option<Periods>,
    /// The bottleneck, if there is one.
    pub bottleneck: Option<Bottleneck>,
    /// The bottleneck marks what is ECN-capable while more bytes than this wait.
    pub mark_above: Option<u64>,
    /// What others send through the bottleneck.
    pub load: Option<Load>,
}

/// Loss in bursts, after Gilbert and Elliott: two states, and chances per mille at each datagram.
#[derive(Clone, Copy, Debug)]
pub struct Storms {
    /// Chance that one begins.
    pub begin: u32,
    /// Chance that it ends.
    pub end: u32,
    /// Chance of a loss while it lasts.
    pub loss: u32,
}

/// Reordering that is counted in datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Overtaking {
    /// Chance per mille that a datagram is held back.
    pub chance: u32,
    /// How many overtake it: the least and the most.
    pub by: [u64; 2],
    /// It is held no longer than this, where fewer follow.
    pub patience: Duration,
}

/// Times that take turns, the first of them on.
#[derive(Clone, Copy, Debug)]
pub struct Periods {
    /// How long each lasts.
    pub on: Duration,
    /// And each pause.
    pub off: Duration,
}

impl Periods {
    /// Whether it is on at `now`.
    pub fn is_on(&self, now: Instant) -> bool {
        let period = (self.on + self.off).as_micros();
        u128::from(now.as_micros()) % period.max(1) < self.on.as_micros()
    }
}

/// Packets of others, at a constant rate while it is on.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Bytes per second.
    pub rate: u64,
    /// Bytes of a packet.
    pub packet: u64,
    /// When.
    pub periods: Periods,
}

/// A queue in front of a slow line; what does not fit is lost.
#[derive(Clone, Copy, Debug)]
pub struct Bottleneck {
    /// Bytes per second.
    pub rate: u64,
    /// Bytes that wait at most.
    pub queue: u64,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            loss: 0,
            duplication: 0,
            reordering: 0,
            held_back: Duration::from_millis(15),
            corruption: 0,
            congestion_marks: 0,
            mtu: 1472,
            in_row_max: u32::MAX,
            storms: None,
            overtaking: None,
            blackouts: None,
            bottleneck: None,
            mark_above: None,
            load: None,
        }
    }
}

impl Weather {
    /// Loss of `per_mille`, with a tenth of it in duplicates, jitter and reordering: an ordinary bad day.
    pub fn stormy(per_mille: u32) -> Self {
        Self {
            jitter: Duration::from_millis(2),
            loss: per_mille,
            duplication: per_mille.div_ceil(10),
            reordering: per_mille,
            corruption: per_mille.div_ceil(10),
            ..Self::default()
        }
    }
}
