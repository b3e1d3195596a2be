//! TLS and the transport around it: from the ClientHello to the keys that replace each other (RFC 9001 §4).
//!
//! ```text
//! lent by the receive pool: | certificates that are kept | unread CRYPTO bytes ... | Retry token |
//! lent by the send pool:    | ClientHello (both, after a HelloRetryRequest) | client's last flight |
//! ```
//! Invariant: what the server promises takes effect only when the handshake is complete.

use core::net::SocketAddr;

use super::components::Components;
use super::crypto_stream::{CryptoReceive, CryptoSend};
use super::early::Early;
use super::keys::Keyring;
use super::transmit::DATAGRAM_SIZE;
use super::{
    ClientConfig, Connection, ConnectionError, Events, Memory, State, Stats, close, timer, version,
};
use crate::codec::{Full, Writer};
use crate::crypto::{Provider, Random, Secret, Suite};
use crate::fmt::debug;
use crate::path::Challenges;
use crate::path::cid::{self, LocalCids, RemoteCids};
use crate::recovery::congestion::Controller;
use crate::recovery::{self, Recovery};
use crate::space::NumberSpaces;
use crate::stream::{RemoteLimits, Streams};
use crate::time::{Duration, Instant};
use crate::tls::{self, CertificateError, ConfigError, Incoming};
use crate::trace::{self, Trace};
use crate::wire::packet::{ConnectionId, Space};
use crate::wire::transport_parameters::{TransportParameters, reserved_id};
use crate::wire::{Side, TransportError};

/// Bytes of the connection IDs that we choose.
pub(super) const LOCAL_CID_LENGTH: usize = 8;

/// Bytes of the random connection ID that the first Initial goes to (RFC 9000 §7.2: at least 8).
const FIRST_DESTINATION_LENGTH: usize = 8;

/// Bytes our transport parameters take at most: about fifteen short ones.
const PARAMETERS_MAX: usize = 160;

/// The part of the lent receive memory that keeps certificates; the rest is the window for CRYPTO bytes.
/// Certificates are the bulk of a server's flight, and everything else in it is short.
const fn store_length(lent: usize) -> usize {
    lent / 8 * 5
}

/// The two parts of the lent receive memory.
pub(super) fn split_receive(lent: &mut [u8], token: usize) -> (&mut [u8], &mut [u8]) {
    let (store, rest) = lent.split_at_mut(store_length(lent.len()));
    let window = rest.len().saturating_sub(token);
    (store, &mut rest[..window])
}

impl<'m> Connection<'m> {
    /// A client's connection to `remote`, in `memory`: the ClientHello is ready to be transmitted.
    ///
    /// `entropy` must come from a true source: all keys, connection IDs and nonces follow from it. Nothing is
    /// borrowed from `config` but what it lends for `'m`.
    ///
    /// # Errors
    /// What is wrong with the configuration, or that it does not fit `Limits::handshake_send`.
    pub fn client(
        config: &ClientConfig<'m>,
        remote: SocketAddr,
        memory: Memory<'m>,
        now: Instant,
        entropy: [u8; 32],
    ) -> Result<Self, ConfigError> {
        let mut random = Random::new(entropy);
        let limits = memory.limits;
        let local = random_cid(&mut random, LOCAL_CID_LENGTH);
        let destination = random_cid(&mut random, FIRST_DESTINATION_LENGTH);
        let mut streams = Streams::new(memory.streams, &limits, Side::Client);
        let mut parameters = [0; PARAMETERS_MAX];
        let mut writer = Writer::new(&mut parameters);
        let promised = promises(&config.settings, &limits, &streams, local);
        let grease = (reserved_id(random.u64()), &[][..]);
        promised
            .encode(&mut writer, Some(grease))
            .map_err(|Full| ConfigError::SendBuffer)?;
        let mut crypto_send = CryptoSend::default();
        let (_, send) = streams.handshake_buffers();
        let mut started = Err(ConfigError::SendBuffer);
        let _ = crypto_send.append(Space::Initial, send, &mut |_, out| {
            started = tls::Handshake::client(&config.tls, &mut random, writer.written(), out);
            Ok(())
        });
        let tls = started?;
        let mut keyring = Keyring::default();
        keyring.install_initial(destination.as_slice());
        let parts = Components {
            crypto_send,
            spaces: NumberSpaces::new(memory.received),
            challenges: Challenges::new(),
            streams,
            local_cids: LocalCids::new(local),
            remote_cids: RemoteCids::new(destination),
        };
        let datagram = DATAGRAM_SIZE as u16;
        let controller = Controller::new_reno(datagram);
        let ecn = recovery::Ecn::off();
        let recovery = Recovery::new(now, Side::Client, memory.sent, controller, ecn, datagram);
        let timers = timer::Timers::start(now, &config.settings, &recovery);
        // Built where the caller wants it: a value to work on would be a copy of kilobytes on the stack.
        Ok(Self {
            state: State::Handshaking,
            remote,
            source: local,
            limits,
            settings: config.settings.clone(),
            keyring,
            tls,
            crypto_receive: CryptoReceive::default(),
            parts,
            recovery,
            version: version::Negotiation::new(destination),
            close: close::Closing::default(),
            early: Early::new(memory.early, limits.datagram),
            timers,
            random,
            trace: Trace::new(),
            sink: None,
            stats: Stats::default(),
            events: Events::default(),
            error: None,
            peer: None,
            ping: false,
            idle_restartable: true,
        })
    }

    /// The answer of a verifier that had said `Pending`; the handshake goes on or ends with it.
    pub fn resume_verification(&mut self, now: Instant, result: Result<(), CertificateError>) {
        if self.state != State::Handshaking {
            return;
        }
        let resumed = self
            .tls
            .resume_verification(result)
            .map_err(ConnectionError::Tls);
        if let Err(error) = resumed.and_then(|()| self.drive_handshake(now)) {
            self.fail(now, error);
        }
    }

    /// The server's certificate chain as far as it was kept, the server's own first. Only while the
    /// handshake lasts and its memory is lent.
    pub fn certificates(&mut self) -> impl Iterator<Item = &[u8]> {
        let (receive, _) = self.parts.streams.handshake_buffers();
        let length = if self.state == State::Handshaking {
            store_length(receive.len())
        } else {
            0
        };
        self.tls.certificates(receive.get(..length).unwrap_or(&[]))
    }

    /// Bytes of CRYPTO data from the read offset on that can be stored.
    pub(super) fn crypto_capacity(&mut self) -> usize {
        let (receive, _) = self.parts.streams.handshake_buffers();
        if self.state != State::Handshaking {
            return receive.len();
        }
        split_receive(receive, self.version.token_length()).1.len()
    }

    /// Hands TLS what it can read, until it uses no more of it.
    pub(super) fn drive_handshake(&mut self, now: Instant) -> Result<(), ConnectionError> {
        let before = self.crypto_receive.level();
        while self.read_handshake(now)? > 0 {}
        if self.crypto_receive.level() != before {
            self.replay_early(now);
        }
        if self.tls.is_verifying() && !self.events.verification_asked {
            self.events.verification_asked = true;
            self.events.verification = true;
        }
        Ok(())
    }

    fn read_handshake(&mut self, now: Instant) -> Result<usize, ConnectionError> {
        let established = self.state != State::Handshaking;
        let level = self.crypto_receive.level();
        let (receive, send) = self.parts.streams.handshake_buffers();
        let (store, window) = if established {
            (&mut [][..], receive)
        } else {
            split_receive(receive, self.version.token_length())
        };
        let bytes = window.get(..self.crypto_receive.readable()).unwrap_or(&[]);
        let incoming = Incoming {
            level,
            bytes,
            window: window.len(),
        };
        let mut output = Output {
            send,
            crypto_send: &mut self.parts.crypto_send,
            keyring: &mut self.keyring,
            provider: self.settings.provider(),
            version: &self.version,
            peer: &mut self.peer,
            events: &mut self.events,
            installed: None,
        };
        let read = self
            .tls
            .read(&incoming, store, &mut self.random, &mut output);
        let installed = output.installed;
        let count = read.map_err(ConnectionError::Tls)?;
        self.crypto_receive.consume(count, window);
        if let Some(space) = installed {
            self.on_keys(now, space)?;
        }
        Ok(count)
    }

    fn on_keys(&mut self, now: Instant, space: Space) -> Result<(), TransportError> {
        self.crypto_receive.enter(space)?;
        self.report(now, &trace::Event::KeysInstalled { space });
        match space {
            Space::Initial => {}
            Space::Handshake => self.recovery.on_handshake_keys(),
            Space::Application => self.on_complete(now),
        }
        Ok(())
    }

    /// The server is verified: its limits hold, our memory is whole, and streams may be opened.
    fn on_complete(&mut self, now: Instant) {
        debug!("handshake complete");
        self.state = State::Established;
        self.events.connected = true;
        if self.version.token_length() > 0 {
            // The Retry token lies in the memory that is given back now, and no Initial may go without it.
            self.discard_keys(now, Space::Initial);
        }
        self.parts.streams.release_handshake_receive();
        let Some(peer) = self.peer else { return };
        self.parts.streams.set_remote_limits(remote_limits(&peer));
        let max_ack_delay = Duration::from_millis(peer.max_ack_delay_ms);
        self.recovery
            .on_peer_parameters(max_ack_delay, peer.ack_delay_exponent);
        self.parts
            .local_cids
            .on_peer_limit(peer.active_connection_id_limit);
        if let Some(token) = peer.stateless_reset_token {
            self.parts.remote_cids.set_first_reset_token(token);
        }
        self.restart_idle(now);
    }
}

/// What leaves TLS, on its way to the places where the connection keeps it.
struct Output<'a> {
    send: &'a mut [u8],
    crypto_send: &'a mut CryptoSend,
    keyring: &'a mut Keyring,
    provider: Option<&'a dyn Provider>,
    version: &'a version::Negotiation,
    peer: &'a mut Option<TransportParameters>,
    events: &'a mut Events,
    installed: Option<Space>,
}

impl tls::Output for Output<'_> {
    fn message(&mut self, level: Space, write: &mut tls::WriteMessage<'_>) -> Result<(), Full> {
        self.crypto_send.append(level, self.send, write)
    }

    fn client_hello(&self) -> &[u8] {
        self.crypto_send.sent(Space::Initial, self.send)
    }

    fn keys(&mut self, level: Space, suite: Suite, client: &Secret, server: &Secret) {
        self.keyring
            .install(level, suite, client, server, self.provider);
        self.installed = Some(level);
    }

    fn parameters(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        let parameters = TransportParameters::decode(bytes, Side::Server)?;
        self.version.authenticate(&parameters)?;
        *self.peer = Some(parameters);
        self.events.handshake_data = true;
        Ok(())
    }

    fn ticket(&mut self, _: &tls::Ticket<'_>) {
        self.events.session = true;
    }
}

fn random_cid(random: &mut Random, length: usize) -> ConnectionId {
    let mut bytes = [0; 20];
    random.fill(&mut bytes);
    ConnectionId::new(bytes.get(..length).unwrap_or(&bytes)).unwrap_or(ConnectionId::EMPTY)
}

fn remote_limits(peer: &TransportParameters) -> RemoteLimits {
    RemoteLimits {
        max_data: peer.initial_max_data,
        max_stream_data_bidi_local: peer.initial_max_stream_data_bidi_local,
        max_stream_data_bidi_remote: peer.initial_max_stream_data_bidi_remote,
        max_stream_data_uni: peer.initial_max_stream_data_uni,
        max_streams_bidi: peer.initial_max_streams_bidi,
        max_streams_uni: peer.initial_max_streams_uni,
    }
}

/// What we tell the server: all of it follows from the memory there is.
fn promises(
    settings: &super::config::Settings<'_>,
    limits: &crate::limits::Limits,
    streams: &Streams<'_>,
    local: ConnectionId,
) -> TransportParameters {
    let own = streams.local_limits();
    let idle = settings.idle_timeout.unwrap_or(Duration::ZERO);
    TransportParameters {
        max_idle_timeout_ms: u64::try_from(idle.as_millis())
            .unwrap_or(u64::MAX)
            .min(1 << 40),
        max_udp_payload_size: limits.datagram as u64,
        initial_max_data: own.max_data,
        initial_max_stream_data_bidi_local: own.max_stream_data_bidi_local,
        initial_max_stream_data_bidi_remote: own.max_stream_data_bidi_remote,
        initial_max_stream_data_uni: own.max_stream_data_uni,
        initial_max_streams_bidi: own.max_streams_bidi,
        initial_max_streams_uni: own.max_streams_uni,
        active_connection_id_limit: cid::REMOTE_MAX as u64,
        initial_source_connection_id: Some(local),
        ..TransportParameters::DEFAULT
    }
}
