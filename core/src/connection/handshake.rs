//! TLS and the transport around it: from the ClientHello to the keys that replace each other (RFC 9001 §4).
//!
//! Invariant: what the server promises takes effect only when the handshake is complete.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::components::Components;
use super::config::Settings;
use super::crypto_stream::{CryptoReceive, CryptoSend};
use super::early::Early;
use super::interest::DATAGRAM_BYTES;
use super::keys::Keyring;
use super::promise::{self, Datagrams, Promise};
use super::refusal::Refusal;
use super::tracer::Tracer;
use super::version_choice::VersionChoice;
use super::{
    ClientConfig, Connection, Counters, Events, Memory, State, close, lent, timer, version,
};
use crate::codec::{Full, Writer};
use crate::crypto::{Provider, Random, Secret, Suite};
use crate::fmt::debug;
use crate::path::Challenges;
use crate::path::cid::{self, LocalCids, RemoteCids};
use crate::recovery::{self, Recovery};
use crate::space::NumberSpaces;
use crate::stream::Streams;
use crate::time::Instant;
use crate::tls::{self, CertificateError, ConfigError, Incoming};
use crate::trace::{Event, Owner, Trace};
use crate::wire::packet::{ConnectionId, Space};
use crate::wire::transport_parameters::TransportParameters;
use crate::wire::{Side, TransportError};

/// The address of a connection that was not begun.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

impl<'m> Connection<'m> {
    /// A connection that was not begun: every verb does nothing until [`Connection::start`].
    ///
    /// It needs nothing but its memory and cannot fail, so it can be built in the place where it is to stay; a
    /// finished connection would have to be moved there, by way of the stack.
    #[inline(never)]
    pub fn new(memory: Memory<'m>) -> Self {
        let limits = memory.limits;
        let datagram = DATAGRAM_BYTES;
        let ecn = recovery::Ecn::off();
        Self {
            state: State::Closed,
            remote: NOWHERE,
            #[cfg(feature = "migration")]
            routes: crate::path::Routes::new(NOWHERE, crate::path::Rotation::NEVER),
            source: ConnectionId::EMPTY,
            settings: Settings::NONE,
            keyring: Keyring::default(),
            tls: tls::Handshake::idle(),
            crypto_receive: CryptoReceive::default(),
            parts: Components {
                crypto_send: CryptoSend::default(),
                spaces: NumberSpaces::new(memory.received),
                challenges: Challenges::new(),
                streams: Streams::new(memory.streams, &limits, Side::Client),
                local_cids: LocalCids::new(ConnectionId::EMPTY),
                remote_cids: RemoteCids::new(ConnectionId::EMPTY),
                tracer: Tracer::default(),
                #[cfg(feature = "ack-frequency")]
                ack_requests: crate::ack_frequency::AckRequests::default(),
                #[cfg(feature = "ack-frequency")]
                ack_delay_us: None,
                #[cfg(feature = "tokens")]
                new_token: super::new_token::NewToken::default(),
                #[cfg(feature = "datagrams")]
                datagrams: crate::datagram::Datagrams::new(memory.datagrams),
            },
            recovery: Recovery::new(Side::Client, memory.sent, ecn, datagram),
            version: version::Negotiation::new(ConnectionId::EMPTY, VersionChoice::NONE),
            close: close::Closing::default(),
            early: Early::new(memory.early, limits.datagram),
            timers: timer::Timers::NONE,
            random: Random::new([0; 32]),
            trace: Trace::new(),
            counters: Counters::default(),
            events: Events::default(),
            error: None,
            promise: Promise::none(),
            ping: false,
            idle_restartable: true,
            datagram_max: u16::try_from(limits.datagram).unwrap_or(u16::MAX),
        }
    }

    /// Begins a client's connection to `remote`: the ClientHello is ready to be transmitted.
    ///
    /// `entropy` must come from a true source: all keys, connection IDs and nonces follow from it. Nothing is
    /// borrowed from `config` but what it lends for `'m`.
    ///
    /// # Errors
    /// What is wrong with the configuration, that it does not fit `Limits::handshake_send`, or that this connection
    /// was begun before.
    pub fn start(
        &mut self,
        config: &ClientConfig<'m>,
        remote: SocketAddr,
        now: Instant,
        entropy: [u8; 32],
    ) -> Result<(), ConfigError> {
        if self.remote != NOWHERE {
            return Err(ConfigError::Started);
        }
        self.remote = remote;
        #[cfg(feature = "migration")]
        {
            self.routes = crate::path::Routes::new(remote, config.settings.rotation);
        }
        self.random = Random::new(entropy);
        self.source = cid::random(&mut self.random, config.cid_length);
        let destination = cid::random(&mut self.random, version::FIRST_DESTINATION_LENGTH);
        self.settings = config.settings.clone();
        self.parts.local_cids = LocalCids::new(self.source);
        self.parts.remote_cids = RemoteCids::new(destination);
        let choice = self.settings.version_choice();
        self.version = version::Negotiation::new(destination, choice);
        self.report(
            now,
            &Event::ConnectionStarted {
                remote,
                source: self.source,
                destination,
            },
        );
        self.start_tls(&config.tls)?;
        self.keyring
            .install_initial(&self.version.choice, destination.as_slice());
        let ecn = if self.settings.marks {
            recovery::Ecn::testing()
        } else {
            recovery::Ecn::off()
        };
        // Only BBR has a use for chance.
        let seed = if cfg!(feature = "bbr") {
            self.random.u64()
        } else {
            0
        };
        self.recovery
            .configure(&config.settings.congestion, ecn, seed);
        self.recovery.start(now);
        self.timers = timer::Timers::start(now, &self.settings, &self.recovery);
        self.state = State::Handshaking;
        #[cfg(feature = "tokens")]
        if let Some(token) = &config.token {
            self.bring_token(token);
        }
        self.observe(now);
        Ok(())
    }

    /// Writes the ClientHello, with our transport parameters in it.
    fn start_tls(&mut self, config: &tls::ClientConfig<'m>) -> Result<(), ConfigError> {
        let mut parameters = [0; promise::PARAMETERS_MAX];
        let mut writer = Writer::new(&mut parameters);
        let grease = self.random.u64();
        let datagrams = Datagrams {
            udp_max: self.datagram_max,
            #[cfg(feature = "datagrams")]
            frame_max: self.parts.datagrams.frame_max(),
        };
        let (streams, source) = (&self.parts.streams, self.source);
        promise::encode_ours(
            &self.settings,
            &datagrams,
            streams,
            source,
            grease,
            &mut writer,
        )
        .map_err(|Full| ConfigError::SendBuffer)?;
        let (_, send) = self.parts.streams.handshake_buffers();
        let (tls, random) = (&mut self.tls, &mut self.random);
        let mut started = Err(ConfigError::SendBuffer);
        let _ = (self.parts.crypto_send).append(Space::Initial, send, &mut |_, out| {
            started = tls.start(config, random, writer.written(), out);
            Ok(())
        });
        let tracer = &mut self.parts.tracer;
        tracer.event(&Event::Versions {
            client: &self.settings.offered_versions(),
            server: &[],
            chosen: None,
        });
        tracer.event(&Event::ParametersSet {
            owner: Owner::Local,
            encoded: writer.written(),
            suite: None,
        });
        started
    }

    /// The answer of a verifier that had said `Pending`; the handshake goes on or ends with it.
    pub fn resume_verification(&mut self, now: Instant, result: Result<(), CertificateError>) {
        if self.state != State::Handshaking {
            return;
        }
        let resumed = self.tls.resume_verification(result);
        let resumed = resumed.map_err(Refusal::from);
        if let Err(refusal) = resumed.and_then(|()| self.drive_handshake(now)) {
            self.refuse(now, refusal);
        }
    }

    /// The server's certificate chain as far as it was kept, the server's own first. Only while the
    /// handshake lasts and its memory is lent.
    pub fn certificates(&mut self) -> impl Iterator<Item = &[u8]> {
        let (receive, _) = self.parts.streams.handshake_buffers();
        let store = lent::divide(self.state, receive, 0).store;
        self.tls.certificates(store)
    }

    /// Hands TLS what it can read, until it uses no more of it.
    pub(super) fn drive_handshake(&mut self, now: Instant) -> Result<(), Refusal> {
        let before = self.crypto_receive.level();
        while self.read_handshake(now)? > 0 {}
        self.compact_handshake();
        if self.crypto_receive.level() != before {
            self.replay_early(now);
        }
        if self.tls.is_verifying() && !self.events.verification_asked {
            self.events.verification_asked = true;
            self.events.verification = true;
        }
        Ok(())
    }

    #[inline(never)]
    fn read_handshake(&mut self, now: Instant) -> Result<usize, Refusal> {
        let (receive, send) = self.parts.streams.handshake_buffers();
        let token = self.version.token_length();
        let lent::Lent { store, window, .. } = lent::divide(self.state, receive, token);
        let incoming = Incoming {
            level: self.crypto_receive.level(),
            bytes: window.get(self.crypto_receive.readable()).unwrap_or(&[]),
            window: window.len(),
        };
        let mut output = Output {
            send,
            crypto_send: &mut self.parts.crypto_send,
            keyring: &mut self.keyring,
            provider: self.settings.provider(),
            version: &self.version,
            promise: &mut self.promise,
            events: &mut self.events,
            tracer: &mut self.parts.tracer,
            installed: None,
        };
        let count = self
            .tls
            .read(&incoming, store, &mut self.random, &mut output)?;
        let installed = output.installed;
        self.crypto_receive.consume(count);
        if let Some(space) = installed {
            self.compact_handshake();
            self.on_keys(now, space)?;
        }
        Ok(count)
    }

    /// Makes the CRYPTO window whole again, once for all the messages that were read.
    ///
    /// After each of them it would be the server that decides how often: an entry of a certificate takes ten bytes of
    /// the window, and one datagram with the first byte makes all that waits behind it readable.
    fn compact_handshake(&mut self) {
        let (receive, _) = self.parts.streams.handshake_buffers();
        let lent = lent::divide(self.state, receive, self.version.token_length());
        let moved = self.crypto_receive.compact(lent.window);
        #[cfg(feature = "testing")]
        {
            self.counters.crypto_moved += crate::codec::to_u64(moved);
        }
        #[cfg(not(feature = "testing"))]
        let _ = moved;
    }

    fn on_keys(&mut self, now: Instant, space: Space) -> Result<(), TransportError> {
        self.crypto_receive.enter(space)?;
        self.report(now, &Event::KeysInstalled { space });
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
        let (parts, version) = (&mut self.parts, self.version.choice.current());
        if parts.tracer.is_on() {
            parts.tracer.event(&Event::Versions {
                client: &[],
                server: &[],
                chosen: Some(version),
            });
            if let Some(protocol) = self.tls.protocol() {
                parts.tracer.event(&Event::ProtocolChosen { protocol });
            }
        }
        self.state = State::Established;
        self.events.connected = true;
        if self.version.token_length() > 0 {
            // The Retry token lies in the memory that is given back now, and no Initial may go without it.
            self.discard_keys(now, Space::Initial);
        }
        self.parts.streams.release_handshake_receive();
        let promise = &self.promise;
        self.parts.streams.set_remote_limits(promise.limits);
        self.recovery
            .on_peer_parameters(promise.max_ack_delay_us, promise.ack_delay_exponent);
        #[cfg(feature = "ack-frequency")]
        if let Some(min_us) = promise
            .min_ack_delay_us
            .filter(|_| self.settings.fewer_acks)
        {
            let default_us = promise.max_ack_delay_us;
            self.parts.ack_requests.enable(min_us, default_us);
        }
        self.parts.local_cids.on_peer_limit(promise.connection_ids);
        if let Some(token) = promise.reset_token {
            self.parts.remote_cids.set_first_reset_token(token);
        }
        #[cfg(feature = "migration")]
        self.take_preferred_cid(self.promise.preferred_address);
        self.restart_idle(now);
    }
}

/// What leaves TLS, on its way to the places where the connection keeps it.
struct Output<'a, 'm> {
    send: &'a mut [u8],
    crypto_send: &'a mut CryptoSend,
    keyring: &'a mut Keyring,
    provider: Option<&'a dyn Provider>,
    version: &'a version::Negotiation,
    promise: &'a mut Promise,
    events: &'a mut Events,
    tracer: &'a mut Tracer<'m>,
    installed: Option<Space>,
}

impl tls::Output for Output<'_, '_> {
    fn message(&mut self, level: Space, write: &mut tls::WriteMessage<'_>) -> Result<(), Full> {
        self.crypto_send.append(level, self.send, write)
    }

    fn client_hello(&self) -> &[u8] {
        self.crypto_send.sent(Space::Initial, self.send)
    }

    fn keys(&mut self, level: Space, suite: Suite, client: &Secret, server: &Secret) {
        let protection = (self.version.choice.current(), suite);
        self.keyring
            .install(level, protection, client, server, self.provider);
        self.installed = Some(level);
    }

    fn parameters(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        let parameters = TransportParameters::decode(bytes, Side::Server)?;
        self.version.authenticate(&parameters)?;
        *self.promise = Promise::of(&parameters);
        self.tracer.event(&Event::ParametersSet {
            owner: Owner::Remote,
            encoded: bytes,
            suite: self.keyring.suite(),
        });
        self.events.handshake_data = true;
        Ok(())
    }

    fn ticket(&mut self, _: &tls::Ticket<'_>) {
        self.events.session = true;
    }
}
