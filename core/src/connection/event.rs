//! What a connection tells its user, and what travels with a datagram in and out.

use core::net::SocketAddr;

use super::ConnectionError;
#[cfg(feature = "migration")]
use super::PathId;
use crate::recovery::Codepoint;
use crate::stream::StreamEvent;

/// Something happened that the user may want to act on.
///
/// Events are derived from state when they are polled: nothing is queued and nothing can overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event {
    /// The server's parameters and the negotiated application protocol are known.
    HandshakeData,
    /// The handshake is complete and the server is verified; streams may be opened.
    Connected,
    /// The certificate chain waits for [`super::Connection::resume_verification`].
    VerificationPending,
    /// Something happened to a stream.
    Stream(StreamEvent),
    /// A datagram can be read ([`super::Connection::recv_datagram`]): at least one since this was said last.
    #[cfg(feature = "datagrams")]
    DatagramReceived,
    /// The server gave a token for the next connection ([`super::Connection::new_token`]).
    #[cfg(feature = "tokens")]
    NewToken,
    /// The server gave a session ticket.
    NewSession,
    /// The path in use was found to work: what was begun by a migration is complete.
    #[cfg(feature = "migration")]
    PathValidated(PathId),
    /// A path is not used any more: it was not found to work, or it was left.
    #[cfg(feature = "migration")]
    PathAbandoned(PathId),
    /// The connection is over. Said once, and last.
    Closed(ConnectionError),
}

/// How a datagram arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receive {
    /// The sender.
    pub remote: SocketAddr,
    /// The address it was sent to, where the socket tells.
    pub local: Option<SocketAddr>,
    /// The ECN field of the IP header; `NotEct` where the socket does not tell.
    pub codepoint: Codepoint,
}

impl Receive {
    /// A datagram of which only the sender is known.
    pub const fn from(remote: SocketAddr) -> Self {
        Self {
            remote,
            local: None,
            codepoint: Codepoint::NotEct,
        }
    }
}

/// One or more datagrams to be sent, in the buffer given to `poll_transmit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// From which local address, where it matters.
    pub from: Option<SocketAddr>,
    /// Bytes of the buffer that were filled.
    pub len: usize,
    /// Length of every datagram but the last, if there is more than one.
    pub segment_size: Option<usize>,
    /// The ECN field to set.
    pub codepoint: Codepoint,
}
