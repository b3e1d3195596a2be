//! What a number space may say next, and how long a datagram is.

use crate::recovery::Purpose;

/// Bytes of a full datagram: what every path must carry, and the least a datagram with an Initial packet has.
///
/// Larger ones need a path that was probed for them (RFC 8899): feature `pmtud`.
//= rfc9000#14
pub(super) const DATAGRAM_SIZE: usize = DATAGRAM_BYTES as usize; // wider

/// The same, as components that store it have it.
pub(super) const DATAGRAM_BYTES: u16 = 1_200;

/// What a space may put into its next packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// No packet.
    None,
    /// Acknowledgements only: congestion control or the pacer holds the rest back, or there is no rest.
    Acknowledge,
    /// Everything there is; a probe leaves whatever the congestion window says.
    Everything(Purpose),
    /// CONNECTION_CLOSE alone, which nothing holds back and nobody acknowledges.
    Close,
}
