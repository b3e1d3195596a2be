//! Before the handshake proper: Retry (RFC 9000 §8.1.2, §17.2.5) and Version Negotiation (RFC 9000 §6,
//! RFC 9368).
//!
//! Invariant: neither has any effect once an authentic packet of the server was processed, and a Retry
//! has one at most once.

use super::refusal::Refusal;
use super::version_choice::VersionChoice;
use super::{Connection, State};
use crate::codec::copy;
use crate::crypto::retry_tag::is_retry_genuine;
use crate::fmt::debug;
#[cfg(feature = "v2")]
use crate::path::cid;
use crate::time::Instant;
use crate::trace::{Discard, Event};
#[cfg(feature = "v2")]
use crate::wire::packet::Version;
use crate::wire::packet::{ConnectionId, Header, Space, Versions};
use crate::wire::transport_parameters::TransportParameters;
use crate::wire::{Code, TransportError, rule};

/// Bytes of the random connection ID that the first Initial goes to (RFC 9000 §7.2: at least 8).
pub(super) const FIRST_DESTINATION_LENGTH: usize = 8;

/// Bytes of a Retry token that leave room for a piece of the ClientHello in a datagram of 1,200 bytes.
const TOKEN_MAX: usize = 1000;

/// Versions of a server's list that a sink is told of.
const REPORTED_MAX: usize = 15;

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
    pub(super) choice: VersionChoice,
}

impl Negotiation {
    pub(super) fn new(original_destination: ConnectionId, choice: VersionChoice) -> Self {
        Self {
            choice,
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
        #[cfg(feature = "v2")]
        self.choice.authenticate(parameters)?;
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
        now: Instant,
        header: &Header,
        datagram: &[u8],
    ) -> Result<(), Refusal> {
        //= rfc9000#6.2
        let is_ours = self.parts.local_cids.contains(&header.destination)
            && header.source == self.version.original_destination;
        let list = Versions::new(datagram.get(header.token.clone()).unwrap_or(&[]));
        let is_fresh = self.state == State::Handshaking && self.version.is_fresh();
        if !is_fresh || !is_ours || !self.version.choice.may_react(&list) {
            return Err(Discard::Unexpected.into());
        }
        self.report_offer(now, list.clone());
        #[cfg(feature = "v2")]
        if self.version.choice.react(&list) {
            self.begin_again(now);
            return Ok(());
        }
        Err(Refusal::Version)
    }

    /// Tells a sink which versions the server speaks, as far as it is told of lists.
    fn report_offer(&mut self, now: Instant, list: Versions<'_>) {
        if self.parts.tracer.is_on() {
            let server: heapless::Vec<_, REPORTED_MAX> = list.take(REPORTED_MAX).collect();
            let client = self.settings.offered_versions();
            let event = Event::Versions {
                client: &client,
                server: &server,
                chosen: None,
            };
            self.report(now, &event);
        }
    }

    /// The first flight once more, in the version that was chosen from the server's list.
    #[cfg(feature = "v2")]
    fn begin_again(&mut self, now: Instant) {
        debug!("version negotiation");
        //= rfc9369#5
        self.version.forget_token();
        let before = self.settings.versions;
        let (_, hello) = self.parts.streams.handshake_buffers();
        before.replace_in(hello, self.version.choice.original());
        let destination = cid::random(&mut self.random, FIRST_DESTINATION_LENGTH);
        self.version.original_destination = destination;
        self.send_first_flight(now, destination);
    }

    /// The server's next packets come from another connection ID, or in another version: Initial packets go on with
    /// new keys, and say the same again.
    fn send_first_flight(&mut self, now: Instant, destination: ConnectionId) {
        self.parts.remote_cids.set_first(destination);
        self.keyring
            .install_initial(&self.version.choice, destination.as_slice());
        // Packet numbers go on, and nothing was lost to congestion.
        self.parts.crypto_send.restart(Space::Initial);
        self.recovery.restart_space(now, Space::Initial);
    }

    /// An Initial packet of `version` was opened, which settles the version if it is not the one we began in, or if
    /// it brought something for TLS.
    #[cfg(feature = "v2")]
    pub(super) fn settle_version(&mut self, version: Version, has_crypto: bool) {
        //= rfc9369#4.1
        if has_crypto || version != self.version.choice.original() {
            self.version.choice.settle(version);
            self.keyring.forget_other_initial();
        }
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
            && header.version == self.version.choice.original()
            && self.parts.local_cids.contains(&header.destination)
            && header.source != self.version.original_destination;
        if !is_acceptable {
            return Err(Discard::Unexpected.into());
        }
        let packet = datagram.get(header.start..header.end).unwrap_or(&[]);
        //= rfc9001#5.8
        let original = self.version.original_destination;
        if !is_retry_genuine(header.version, original.as_slice(), packet) {
            return Err(Discard::Undecryptable.into());
        }
        let token = datagram.get(header.token.clone()).unwrap_or(&[]);
        self.accept_retry(now, header.source, token)
    }

    /// Brings `token` in every Initial packet from now on, instead of an earlier one; `false` if there is no room.
    fn keep_token(&mut self, token: &[u8]) -> bool {
        self.version.token_length = 0;
        // Half of the window stays for the server's messages, and every Initial keeps room for ours.
        let room = (self.lent().0.window.len() / 2).min(TOKEN_MAX);
        if token.len() > room {
            return false;
        }
        self.version.token_length = token.len();
        let (lent, _) = self.lent();
        if let Some(place) = lent.token.get_mut(..token.len()) {
            copy(place, token);
        }
        true
    }

    /// A token of an earlier connection, until a Retry brings another.
    //= rfc9000#8.1.3
    #[cfg(feature = "tokens")]
    pub(super) fn bring_token(&mut self, token: &[u8]) {
        self.keep_token(token);
    }

    fn accept_retry(
        &mut self,
        now: Instant,
        source: ConnectionId,
        token: &[u8],
    ) -> Result<(), Refusal> {
        debug!("retry");
        if !self.keep_token(token) {
            return Err(TransportError::new(rule!(
                Code::CRYPTO_BUFFER_EXCEEDED,
                "the Retry token does not fit Limits::handshake"
            ))
            .into());
        }
        self.version.retry_source = Some(source);
        //= rfc9000#17.2.5.3
        self.send_first_flight(now, source);
        Ok(())
    }
}
