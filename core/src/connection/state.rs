//! The life of a connection (RFC 9001 §4.1, RFC 9000 §10).
//!
//! ```text
//! Handshaking -> Established -> Confirmed -> Closing | Draining -> Closed
//!      '------------'--------------'----------^
//! ```
//! Invariant: a connection moves to the right only.

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State {
    /// The server is not verified yet.
    Handshaking,
    /// TLS is complete and streams work (RFC 9001 §4.1.1).
    Established,
    /// The server has confirmed that it is complete, too (RFC 9001 §4.1.2).
    Confirmed,
    /// We sent CONNECTION_CLOSE and answer stragglers with it (RFC 9000 §10.2.1).
    Closing,
    /// The peer closed: silence until it is over (RFC 9000 §10.2.2).
    Draining,
    /// Over. Every verb still works and does nothing.
    Closed,
}

impl State {
    /// Streams may be opened and used.
    pub const fn is_established(self) -> bool {
        matches!(self, Self::Established | Self::Confirmed)
    }

    /// Neither closing nor over.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Handshaking | Self::Established | Self::Confirmed
        )
    }
}

#[cfg(test)]
impl<'m> super::Connection<'m> {
    /// As after a handshake with a server that promised `limits`: for tests of what stands above, without
    /// packets.
    pub(crate) fn establish_for_test(&mut self, limits: crate::stream::RemoteLimits) {
        self.parts.streams.set_remote_limits(limits);
        self.parts.streams.release_handshake_receive();
        self.parts.streams.release_handshake_send();
        self.state = State::Established;
        self.events.connected = true;
    }

    /// The streams, to be fed with frames as if packets had brought them.
    pub(crate) fn streams_for_test(&mut self) -> &mut crate::stream::Streams<'m> {
        &mut self.parts.streams
    }
}
