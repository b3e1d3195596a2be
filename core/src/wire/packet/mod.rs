//! Packets (RFC 9000 §12, §17): their kinds, and the bits of the first byte.
//!
//! Invariant: nothing here removes or applies protection; what a protected bit says is only true of a
//! packet that was opened.

mod connection_id;
mod header;
pub mod number;
mod version;
pub mod version_negotiation;

pub use connection_id::{CONNECTION_ID_MAX, ConnectionId};
pub use header::{
    Header, HeaderError, LongEncoded, LongHeader, encode_retry, encode_short, patch_length,
};
pub use version::Version;
pub use version_negotiation::Versions;

/// A packet number space, and the encryption level that goes with it (RFC 9000 §12.3, RFC 9001 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Space {
    /// Initial packets.
    Initial,
    /// Handshake packets.
    Handshake,
    /// 0-RTT and 1-RTT packets.
    Application,
}

impl Space {
    /// All three, in the order they come into use.
    pub const ALL: [Self; 3] = [Self::Initial, Self::Handshake, Self::Application];

    /// Its place in a table of all three.
    #[inline(always)]
    pub const fn index(self) -> usize {
        // A variant's number: 0, 1 or 2.
        self as usize
    }

    /// The kind of packet that is sent in this space, 0-RTT apart.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Initial => Kind::Initial,
            Self::Handshake => Kind::Handshake,
            Self::Application => Kind::Short,
        }
    }
}

/// What kind of packet a header announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// Long header: the first handshake messages, with an optional token.
    Initial,
    /// Long header: early data.
    ZeroRtt,
    /// Long header: the rest of the handshake.
    Handshake,
    /// Long header without number and payload: a token to come back with.
    Retry,
    /// Long header without number and payload: the versions the server speaks.
    VersionNegotiation,
    /// Short header: 1-RTT.
    Short,
}

impl Kind {
    /// The space that the packet's number belongs to; `None` for the two kinds without one.
    pub const fn space(self) -> Option<Space> {
        match self {
            Self::Initial => Some(Space::Initial),
            Self::Handshake => Some(Space::Handshake),
            Self::ZeroRtt | Self::Short => Some(Space::Application),
            Self::Retry | Self::VersionNegotiation => None,
        }
    }
}

/// Byte 0: set in long headers.
const LONG: u8 = 0x80;
/// Byte 0: set in every packet of version 1 except Version Negotiation.
const FIXED: u8 = 0x40;
/// Byte 0 of a short header: the latency spin bit, not protected.
const SPIN: u8 = 0x20;
/// Byte 0 of a short header: the key phase.
const KEY_PHASE: u8 = 0x04;

/// Says 0 in the fixed bit of a first byte, which the peer has permitted (RFC 9287 §3.1).
#[cfg(feature = "grease")]
pub const fn without_fixed_bit(first: u8) -> u8 {
    first & !FIXED
}

/// The packet that starts with `first` has the fixed bit.
pub const fn has_fixed_bit(first: u8) -> bool {
    first & FIXED != 0
}

/// The packet that starts with `first` has a long header.
pub const fn is_long(first: u8) -> bool {
    first & LONG != 0
}

/// The reserved bits of an unprotected first byte are not all zero: a violation, once the packet is opened.
pub const fn has_reserved_bits(first: u8) -> bool {
    first & if is_long(first) { 0x0c } else { 0x18 } != 0
}

/// The key phase bit of the unprotected first byte of a short header.
pub const fn key_phase(first: u8) -> bool {
    first & KEY_PHASE != 0
}

/// The spin bit of the first byte of a short header.
pub const fn spin(first: u8) -> bool {
    first & SPIN != 0
}

/// Bytes of the packet number behind an unprotected first byte, 1 to 4.
pub const fn number_length(first: u8) -> usize {
    (first & 0x03) as usize + 1 // wider; `From` is not const
}
