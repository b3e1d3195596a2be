//! Before the handshake proper: Retry (RFC 9000 §8.1.2, §17.2.5) and Version Negotiation (RFC 9000 §6).
//!
//! Invariant: neither has any effect once an authentic packet of the server was processed, and a Retry
//! has one at most once.

use super::refusal::Refusal;
use super::{Connection, State};
use crate::codec::copy;
use crate::crypto::retry_tag::is_retry_genuine;
use crate::fmt::debug;
use crate::time::Instant;
use crate::trace::Discard;
use crate::wire::packet::{ConnectionId, Header, Space, Version, Versions};
use crate::wire::transport_parameters::TransportParameters;
use crate::wire::{Code, TransportError, rule};

/// Bytes of a Retry token that leave room for a piece of the ClientHello in a datagram of 1,200 bytes.
const TOKEN_MAX: usize = 1000;

/// The connection IDs by which the handshake proves that nobody changed them on the way.
#[derive(Debug)]
pub(super) struct Negotiation {
    /// What our first Initial was sent to.
    original_destination: ConnectionId,
    /// What the Retry packet came from.
    retry_source: Option<ConnectionId>,
    /// What the server's first Initial came from.
    initial_source: Option<ConnectionId>,
    /// Bytes of the Retry token, which stands at the end of the CRYPTO receive buffer.
    token_length: usize,
}

impl Negotiation {
    pub(super) fn new(original_destination: ConnectionId) -> Self {
        Self {
            original_destination,
            retry_source: None,
            initial_source: None,
            token_length: 0,
        }
    }

    pub(super) fn token_length(&self) -> usize {
        self.token_length
    }

    /// No Initial packet will be sent any more.
    pub(super) fn forget_token(&mut self) {
        self.token_length = 0;
    }

    /// The server's first Initial came from `source`; says whether it was the first.
    pub(super) fn on_initial(&mut self, source: ConnectionId) -> bool {
        let is_first = self.initial_source.is_none();
        self.initial_source.get_or_insert(source);
        is_first
    }

    /// A long header from `source` can be the server's: any can until its first Initial was opened.
    pub(super) fn is_from_server(&self, source: &ConnectionId) -> bool {
        self.initial_source
            .as_ref()
            .is_none_or(|first| first == source)
    }

    fn is_fresh(&self) -> bool {
        self.initial_source.is_none() && self.retry_source.is_none()
    }

    /// Compares what the server says under TLS with what was seen in the clear.
    pub(super) fn authenticate(
        &self,
        parameters: &TransportParameters,
    ) -> Result<(), TransportError> {
        let source = self.initial_source.unwrap_or(ConnectionId::EMPTY);
        parameters.check_server_ids(
            &self.original_destination,
            &source,
            self.retry_source.as_ref(),
        )
    }
}

impl Connection<'_> {
    pub(super) fn handle_version_negotiation(
        &mut self,
        header: &Header,
        datagram: &[u8],
    ) -> Result<(), Refusal> {
        //= rfc9000#6.2
        let is_ours = self.parts.local_cids.contains(&header.destination)
            && header.source == self.version.original_destination;
        let list = datagram.get(header.token.clone()).unwrap_or(&[]);
        let names_ours = Versions::new(list).contains(Version::V1);
        if self.state != State::Handshaking || !self.version.is_fresh() || !is_ours || names_ours {
            return Err(Discard::Unexpected.into());
        }
        Err(Refusal::Version)
    }

    #[inline(never)]
    pub(super) fn handle_retry(
        &mut self,
        now: Instant,
        header: &Header,
        datagram: &[u8],
    ) -> Result<(), Refusal> {
        //= rfc9000#17.2.5.2
        let is_acceptable = self.state == State::Handshaking
            && self.version.is_fresh()
            && self.parts.local_cids.contains(&header.destination)
            && header.source != self.version.original_destination;
        if !is_acceptable {
            return Err(Discard::Unexpected.into());
        }
        let packet = datagram.get(header.start..header.end).unwrap_or(&[]);
        //= rfc9001#5.8
        if !is_retry_genuine(self.version.original_destination.as_slice(), packet) {
            return Err(Discard::Undecryptable.into());
        }
        let token = datagram.get(header.token.clone()).unwrap_or(&[]);
        self.accept_retry(now, header.source, token)
    }

    fn accept_retry(
        &mut self,
        now: Instant,
        source: ConnectionId,
        token: &[u8],
    ) -> Result<(), Refusal> {
        debug!("retry");
        // Half of the window stays for the server's messages, and every Initial keeps room for ours.
        let room = (self.lent().0.window.len() / 2).min(TOKEN_MAX);
        if token.len() > room {
            return Err(TransportError::new(rule!(
                Code::CRYPTO_BUFFER_EXCEEDED,
                "the Retry token does not fit Limits::handshake"
            ))
            .into());
        }
        self.version.token_length = token.len();
        self.version.retry_source = Some(source);
        let (lent, _) = self.lent();
        if let Some(place) = lent.token.get_mut(..token.len()) {
            copy(place, token);
        }
        self.parts.remote_cids.set_first(source);
        self.keyring.install_initial(source.as_slice());
        //= rfc9000#17.2.5.3
        // The same ClientHello again; packet numbers go on, and nothing was lost to congestion.
        self.parts.crypto_send.restart(Space::Initial);
        self.recovery.restart_space(now, Space::Initial);
        Ok(())
    }
}
