//! Packets (RFC 9000 §17).

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
}
