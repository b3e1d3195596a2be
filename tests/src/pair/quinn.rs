//! quinn-proto as a [`Party`]: one endpoint, one connection, one application.
//!
//! Invariant: connection IDs, tokens, TLS and timers draw from the seed and the virtual time alone.

use super::provider::{self, Group};
use super::random::{self, Random};
use super::{Arrival, Ecn, Party, SERVER, Transmit, UNIX_SECONDS};
use crate::certificates::{Authority, Identity};
use crate::server::initial_suite;
use bytes::BytesMut;
use quicpro_core::Instant;
use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::{
    ClientConfig, Connection, ConnectionError, ConnectionHandle, ConnectionId,
    ConnectionIdGenerator, DatagramEvent, EcnCodepoint, Endpoint, EndpointConfig, Event, Incoming,
    ServerConfig, TimeSource, TokenLog, TokenReuseError, TransportConfig, ValidationTokenConfig,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

/// What an application does with its connection.
pub trait Application {
    /// Something has happened.
    fn on_event(&mut self, connection: &mut Connection, event: Event);
}

/// How a quinn-proto endpoint is set up.
pub struct Options {
    /// QUIC's settings.
    pub transport: TransportConfig,
    /// A server's proof; the default is valid below [`root`].
    pub identity: Identity,
    /// Key exchange groups, the preferred first.
    pub groups: Vec<Group>,
    /// Application protocols.
    pub alpn: Vec<Vec<u8>>,
    /// Whether a server asks for a token first.
    pub retry: bool,
    /// Whether a server gives a token for the next connection, and takes it any number of times.
    pub tokens: bool,
    /// Bytes of the longest datagram that is taken; quinn's default if `None`.
    pub datagram_max: Option<u16>,
    /// Where a server would rather be reached after the handshake (RFC 9000 §9.6).
    pub preferred: Option<SocketAddr>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            transport: TransportConfig::default(),
            identity: FIXED.1.clone(),
            groups: vec![Group::X25519, Group::P256],
            alpn: vec![b"h3".to_vec()],
            retry: false,
            tokens: false,
            datagram_max: None,
            preferred: None,
        }
    }
}

/// An authority and a leaf that never change: Ed25519 keys from a constant.
static FIXED: LazyLock<(CertificateDer<'static>, Identity)> = LazyLock::new(|| {
    let authority = Authority::deterministic("quicpro simulation root", random::bytes(0, "root"));
    let leaf = authority.issue_deterministic(random::bytes(0, "leaf"));
    (authority.der(), leaf)
});

/// The root below which the default identity is valid, for `localhost` among others.
pub fn root() -> CertificateDer<'static> {
    FIXED.0.clone()
}

/// One endpoint of quinn-proto.
pub struct Quinn<A> {
    endpoint: Endpoint,
    connection: Option<(ConnectionHandle, Connection)>,
    /// Packets that answer datagrams of no connection: Retry, Version Negotiation, Stateless Reset.
    replies: VecDeque<(Vec<u8>, SocketAddr)>,
    retry: bool,
    /// Where the last datagram came in, which is where answers leave.
    local: Option<SocketAddr>,
    lost: Option<ConnectionError>,
    /// The application.
    pub application: A,
}

impl<A: Application> Quinn<A> {
    /// A server that takes one connection.
    pub fn server(seed: u64, options: Options, application: A) -> Self {
        let mut config = ServerConfig::new(
            Arc::new(server_crypto(seed, &options)),
            Arc::new(token_key(seed)),
        );
        config
            .transport_config(Arc::new(options.transport))
            .time_source(Arc::new(FixedTime));
        if options.tokens {
            let mut tokens = ValidationTokenConfig::default();
            tokens.sent(1).log(Arc::new(AnyToken));
            config.validation_token_config(tokens);
        }
        match options.preferred {
            Some(SocketAddr::V4(address)) => drop(config.preferred_address_v4(Some(address))),
            Some(SocketAddr::V6(address)) => drop(config.preferred_address_v6(Some(address))),
            None => {}
        }
        let endpoint = endpoint(seed, "server", options.datagram_max, Some(config));
        Self::new(endpoint, None, options.retry, application)
    }

    /// A client that connects to `localhost` at once and trusts `root` alone.
    pub fn client(
        seed: u64,
        options: Options,
        root: CertificateDer<'static>,
        application: A,
    ) -> Self {
        Self::client_at(Instant::ZERO, seed, options, root, application)
    }

    /// A client that connects now.
    pub fn client_at(
        now: Instant,
        seed: u64,
        options: Options,
        root: CertificateDer<'static>,
        application: A,
    ) -> Self {
        let mut config = ClientConfig::new(Arc::new(client_crypto(seed, &options, root)));
        let first_destination = random::bytes(seed, "first destination");
        config
            .transport_config(Arc::new(options.transport))
            .initial_dst_cid_provider(Arc::new(move || ConnectionId::new(&first_destination[..8])));
        let mut endpoint = endpoint(seed, "client", options.datagram_max, None);
        let connection = endpoint.connect(to_std(now), config, SERVER, "localhost");
        let connection = connection.expect("the configuration is complete");
        Self::new(endpoint, Some(connection), false, application)
    }

    fn new(
        endpoint: Endpoint,
        connection: Option<(ConnectionHandle, Connection)>,
        retry: bool,
        application: A,
    ) -> Self {
        Self {
            endpoint,
            connection,
            replies: VecDeque::new(),
            retry,
            local: None,
            lost: None,
            application,
        }
    }

    /// The connection, once there is one.
    pub fn connection(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut().map(|(_, connection)| connection)
    }

    /// Whether the handshake is complete on this side, and the connection not lost.
    pub fn is_established(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|(_, connection)| !connection.is_handshaking() && !connection.is_closed())
    }

    /// Why the connection was lost, once it was.
    pub fn lost(&self) -> Option<&ConnectionError> {
        self.lost.as_ref()
    }

    fn on_incoming(&mut self, now: Instant, incoming: Incoming) {
        let mut reply = Vec::new();
        if self.retry && !incoming.remote_address_validated() {
            let transmit = self
                .endpoint
                .retry(incoming, &mut reply)
                .expect("the address is not validated");
            self.reply(&reply, &transmit);
        } else if self.connection.is_some() {
            self.endpoint.ignore(incoming);
        } else {
            match self
                .endpoint
                .accept(incoming, to_std(now), &mut reply, None)
            {
                Ok(connection) => {
                    self.connection = Some(connection);
                    self.lost = None;
                }
                Err(error) => {
                    self.lost = Some(error.cause);
                    if let Some(transmit) = error.response {
                        self.reply(&reply, &transmit);
                    }
                }
            }
        }
    }

    fn reply(&mut self, buffer: &[u8], transmit: &quinn_proto::Transmit) {
        self.replies
            .push_back((buffer[..transmit.size].to_vec(), transmit.destination));
    }

    /// Carries events between endpoint, connection and application until there are none.
    fn settle(&mut self) {
        let Some((handle, connection)) = &mut self.connection else {
            return;
        };
        loop {
            while let Some(event) = connection.poll_endpoint_events() {
                if let Some(event) = self.endpoint.handle_event(*handle, event) {
                    connection.handle_event(event);
                }
            }
            let Some(event) = connection.poll() else {
                return;
            };
            if let Event::ConnectionLost { reason } = &event {
                self.lost = Some(reason.clone());
            }
            self.application.on_event(connection, event);
        }
    }
}

impl<A: Application> Party for Quinn<A> {
    fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]) {
        self.local = Some(arrival.to);
        let mut reply = Vec::new();
        let data = BytesMut::from(&*datagram);
        match self.endpoint.handle(
            to_std(now),
            arrival.from,
            None,
            to_quinn(arrival.ecn),
            data,
            &mut reply,
        ) {
            None => {}
            Some(DatagramEvent::Response(transmit)) => self.reply(&reply, &transmit),
            Some(DatagramEvent::NewConnection(incoming)) => self.on_incoming(now, incoming),
            Some(DatagramEvent::ConnectionEvent(handle, event)) => match &mut self.connection {
                Some((own, connection)) if *own == handle => connection.handle_event(event),
                _ => {}
            },
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some((_, connection)) = &mut self.connection {
            connection.handle_timeout(to_std(now));
        }
    }

    fn run_application(&mut self, _: Instant) {
        self.settle();
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        const BATCH_MAX: usize = 10;
        if let Some((reply, to)) = self.replies.pop_front() {
            out[..reply.len()].copy_from_slice(&reply);
            return Some(Transmit {
                to,
                from: self.local,
                len: reply.len(),
                segment_size: None,
                ecn: Ecn::NotCapable,
            });
        }
        let (_, connection) = self.connection.as_mut()?;
        let mut buffer = Vec::new();
        let transmit = connection.poll_transmit(to_std(now), BATCH_MAX, &mut buffer)?;
        out[..transmit.size].copy_from_slice(&buffer[..transmit.size]);
        let ecn = from_quinn(transmit.ecn);
        Some(Transmit {
            to: transmit.destination,
            from: self.local,
            len: transmit.size,
            segment_size: transmit.segment_size,
            ecn,
        })
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.connection.as_mut()?.1.poll_timeout().map(from_std)
    }
}

/// The moment of the process that stands for virtual time zero; only differences to it are ever used.
static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);

fn to_std(now: Instant) -> std::time::Instant {
    *START + Duration::from_micros(now.as_micros())
}

/// Rounded up, so that a timer which is said to be due is due.
fn from_std(instant: std::time::Instant) -> Instant {
    let nanos = instant.saturating_duration_since(*START).as_nanos();
    Instant::from_micros(u64::try_from(nanos.div_ceil(1000)).unwrap_or(u64::MAX))
}

fn to_quinn(ecn: Ecn) -> Option<EcnCodepoint> {
    match ecn {
        Ecn::NotCapable => None,
        Ecn::Capable0 => Some(EcnCodepoint::Ect0),
        Ecn::Capable1 => Some(EcnCodepoint::Ect1),
        Ecn::CongestionExperienced => Some(EcnCodepoint::Ce),
    }
}

fn from_quinn(ecn: Option<EcnCodepoint>) -> Ecn {
    match ecn {
        None => Ecn::NotCapable,
        Some(EcnCodepoint::Ect0) => Ecn::Capable0,
        Some(EcnCodepoint::Ect1) => Ecn::Capable1,
        Some(EcnCodepoint::Ce) => Ecn::CongestionExperienced,
    }
}

fn endpoint(
    seed: u64,
    role: &'static str,
    datagram_max: Option<u16>,
    server: Option<ServerConfig>,
) -> Endpoint {
    let reset_key =
        aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &random::bytes(seed, "reset"));
    let mut config = EndpointConfig::new(Arc::new(reset_key));
    config
        .rng_seed(Some(random::bytes(seed, role)))
        .cid_generator(move || {
            Box::new(SeededIds(Random::new(
                seed,
                &format!("{role} connection IDs"),
            )))
        });
    if let Some(bytes) = datagram_max {
        let config = config.max_udp_payload_size(bytes);
        config.expect("at least 1,200 bytes");
    }
    Endpoint::new(Arc::new(config), server.map(Arc::new), true, None)
}

/// Accepts every token, however often it comes.
struct AnyToken;

impl TokenLog for AnyToken {
    fn check_and_insert(&self, _: u128, _: SystemTime, _: Duration) -> Result<(), TokenReuseError> {
        Ok(())
    }
}

struct SeededIds(Random);

impl ConnectionIdGenerator for SeededIds {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&self.0.number().to_be_bytes())
    }

    fn cid_len(&self) -> usize {
        8
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

fn token_key(seed: u64) -> aws_lc_rs::hkdf::Prk {
    aws_lc_rs::hkdf::Salt::new(aws_lc_rs::hkdf::HKDF_SHA256, &[])
        .extract(&random::bytes(seed, "tokens"))
}

fn server_crypto(seed: u64, options: &Options) -> QuicServerConfig {
    let provider = Arc::new(provider::provider(
        Random::new(seed, "server TLS"),
        &options.groups,
    ));
    let identity = options.identity.clone();
    let mut config = rustls::ServerConfig::builder_with_details(provider, Arc::new(FixedTime))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the suites are TLS 1.3's")
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)
        .expect("the key fits the certificate");
    config.alpn_protocols.clone_from(&options.alpn);
    QuicServerConfig::with_initial(Arc::new(config), initial_suite()).expect("TLS 1.3 is on")
}

fn client_crypto(seed: u64, options: &Options, root: CertificateDer<'static>) -> QuicClientConfig {
    let provider = Arc::new(provider::provider(
        Random::new(seed, "client TLS"),
        &options.groups,
    ));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root).expect("an authority's certificate");
    let mut config = rustls::ClientConfig::builder_with_details(provider, Arc::new(FixedTime))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the suites are TLS 1.3's")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols.clone_from(&options.alpn);
    QuicClientConfig::with_initial(Arc::new(config), initial_suite()).expect("TLS 1.3 is on")
}

/// The wall clock of the simulation, which stands still.
#[derive(Debug)]
struct FixedTime;

impl TimeProvider for FixedTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(
            UNIX_SECONDS,
        )))
    }
}

impl TimeSource for FixedTime {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(UNIX_SECONDS)
    }
}
