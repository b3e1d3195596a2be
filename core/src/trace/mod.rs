//! The instrumentation seam: what happened, for counters, qlog and metrics.
//!
//! Invariant: tracing never changes what the engine does, and costs nothing but counters without a sink.

use crate::time::Instant;
use crate::wire::packet::Space;

/// Why received bytes were thrown away. None of these is an error of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Discard {
    /// The bytes are no QUIC packet.
    Malformed,
    /// From an address that is not the server's.
    WrongAddress,
    /// For a connection ID that is not ours.
    UnknownConnectionId,
    /// A version that was not offered.
    WrongVersion,
    /// The keys are not there yet, or no longer.
    NoKeys,
    /// Did not authenticate.
    Undecryptable,
    /// The number was seen before, or lies below the floor of what is remembered.
    Duplicate,
    /// CRYPTO data beyond the window during the handshake: as if lost.
    CryptoBeyondWindow,
    /// A Retry or Version Negotiation packet that may not be acted on.
    Unexpected,
    /// The connection is closing or over.
    Closed,
}

impl Discard {
    /// How many reasons there are.
    pub const COUNT: usize = Self::Closed as usize + 1;
}

/// Something worth recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A packet was sealed and handed out.
    PacketSent {
        /// Its number space.
        space: Space,
        /// Its number.
        number: u64,
        /// Bytes, header and tag included.
        size: usize,
        /// It asks for an acknowledgement.
        ack_eliciting: bool,
    },
    /// A packet was opened.
    PacketReceived {
        /// Its number space.
        space: Space,
        /// Its number.
        number: u64,
        /// Bytes, header and tag included.
        size: usize,
    },
    /// Bytes were thrown away.
    Discarded {
        /// Why.
        reason: Discard,
        /// How many.
        size: usize,
    },
    /// The estimates after an acknowledgement, a loss or a timeout.
    Recovery {
        /// Congestion window, bytes.
        window: u32,
        /// Bytes in flight.
        in_flight: u32,
        /// Smoothed round-trip time, microseconds.
        rtt_us: u32,
        /// Probe timeouts in a row.
        pto_count: u8,
    },
    /// Keys of a level came into use.
    KeysInstalled {
        /// The level.
        space: Space,
    },
    /// Keys of a level were thrown away.
    KeysDiscarded {
        /// The level.
        space: Space,
    },
    /// The 1-RTT keys were updated.
    KeyUpdated,
    /// The connection is over.
    Closed,
}

/// Receives events as they happen.
pub trait Sink: Send {
    /// `event` happened at `now`.
    fn event(&mut self, now: Instant, event: &Event);
}

/// Counters that are always kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    discarded: [u32; Discard::COUNT],
}

impl Trace {
    /// Nothing counted yet.
    pub const fn new() -> Self {
        Self {
            discarded: [0; Discard::COUNT],
        }
    }

    /// Counts a discard; the count stays at its maximum once there.
    pub fn discard(&mut self, reason: Discard) {
        if let Some(count) = self.discarded.get_mut(reason as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// How often bytes were thrown away for `reason`.
    pub fn discarded(&self, reason: Discard) -> u32 {
        self.discarded.get(reason as usize).copied().unwrap_or(0)
    }
}
