//! An independent HTTP/3 server (quinn + h3) on loopback, in a thread of its own.
//!
//! [`Server::start`] binds and returns at once; dropping the server closes its connections and joins
//! the thread. Invariant: it listens on loopback only.

mod routes;
mod scripted;
mod tls;

pub use tls::{Group, Suite};
pub(crate) use tls::{initial_suite, provider};

use crate::certificates::{Authority, Identity};
use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How a server behaves; the default is a friendly one.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// What the server proves itself with; `None` makes an authority and a good leaf.
    pub identity: Option<Identity>,
    /// Demands a client certificate that this authority signed.
    pub client_authority: Option<CertificateDer<'static>>,
    /// Answers every first flight with a Retry packet.
    pub retry: bool,
    /// Cipher suites, the preferred first.
    pub suites: Vec<Suite>,
    /// Key exchange groups; one that the first flight has no share for makes a HelloRetryRequest.
    pub groups: Vec<Group>,
    /// Flow control for what clients send, in bytes per stream and per connection; `None` is quinn's choice.
    pub receive_windows: Option<(u32, u32)>,
    /// How long a silent connection lives.
    pub idle_timeout: Duration,
    /// Requests that a client may have open.
    pub requests_max: u32,
    /// Unidirectional streams that a client may have open.
    pub unidirectional_max: u32,
    /// Whether datagrams are sent in batches (GSO).
    pub batching: bool,
    /// Whether reserved frames and settings are sent (RFC 9114 §7.2.8).
    pub grease: bool,
    /// Who answers requests.
    pub behaviour: Behaviour,
}

/// Who answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// h3, with the paths of [`Server`].
    Routes,
    /// Canned bytes: every request is answered, and SETTINGS follow only this long after the first answer.
    LateSettings(Duration),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            identity: None,
            client_authority: None,
            retry: false,
            suites: vec![Suite::Aes128Gcm, Suite::Aes256Gcm, Suite::ChaCha20Poly1305],
            groups: vec![Group::X25519, Group::P256],
            receive_windows: None,
            idle_timeout: Duration::from_secs(30),
            requests_max: 100,
            unidirectional_max: 100,
            batching: true,
            grease: true,
            behaviour: Behaviour::Routes,
        }
    }
}

/// What a server has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Handshakes completed.
    pub connections: usize,
    /// Requests whose head arrived.
    pub requests: usize,
    /// Retry packets sent.
    pub retries: usize,
}

#[derive(Default)]
struct Counters {
    connections: AtomicUsize,
    requests: AtomicUsize,
    retries: AtomicUsize,
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A running server. What each path answers:
///
/// | path | answer |
/// | --- | --- |
/// | `/gen/N` | N bytes of [`crate::body`]'s pattern |
/// | `/echo` | the request's body, while it arrives |
/// | `/sink` | SHA-256 of the request's body; its length in the field `x-length` |
/// | `/request` | the request's head as text, a line each |
/// | `/status/N` | status N, no body |
/// | `/redirect/N?LOCATION` | status N with that `location` |
/// | `/trailers` | a body and two trailer fields |
/// | `/early` | 103 with a `link`, then 200 |
/// | `/headers/N` | N fields of 100 bytes |
/// | `/slow/MS` | 10 pieces of 1,000 bytes, MS milliseconds apart |
/// | `/keyupdate` | 8 pieces of 32 KiB, new keys before each |
/// | `/certificate` | how many certificates the client sent |
/// | `/reset` | half of 2,000 bytes, then RESET_STREAM(H3_INTERNAL_ERROR) |
/// | `/short` | half of 2,000 bytes, then the end |
/// | `/close` | half of 2,000 bytes, then the connection is closed with H3_INTERNAL_ERROR |
/// | `/hang` | half of 2,000 bytes, then nothing |
/// | `/goaway` | GOAWAY, then a complete answer |
/// | `/stop` | a complete answer, then STOP_SENDING(0) |
/// | else | 404 |
pub struct Server {
    address: SocketAddr,
    authority: Option<Authority>,
    counters: Arc<Counters>,
    closed: Mutex<mpsc::Receiver<quinn::ConnectionError>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server; panics, naming the cause, where the options contradict each other.
    pub fn start(mut options: Options) -> Self {
        assert!(
            options.address.ip().is_loopback(),
            "a test's server is reachable from this machine only"
        );
        let authority = options.identity.is_none().then(Authority::default);
        if let Some(authority) = &authority {
            options.identity = Some(authority.good());
        }
        let socket = UdpSocket::bind(options.address).expect("a free UDP port on loopback");
        let address = socket.local_addr().expect("the socket is bound");
        let config = tls::server_config(&options);
        let (stop, stopped) = oneshot::channel();
        let (closed_sender, closed) = mpsc::channel();
        let counters = Arc::new(Counters::default());
        let shared = Shared {
            options: Arc::new(options),
            counters: counters.clone(),
            closed: closed_sender,
        };
        let thread = std::thread::Builder::new()
            .name("quinn-h3-server".into())
            .spawn(move || run(socket, config, shared, stopped))
            .expect("a thread");
        let closed = Mutex::new(closed);
        Self {
            address,
            authority,
            counters,
            closed,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `https://localhost:PORT` and `path`, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// The authority behind the server's certificate; panics where the options brought an identity.
    pub fn authority(&self) -> &Authority {
        self.authority
            .as_ref()
            .expect("the test brought its own identity and knows the authority")
    }

    /// What the server has seen so far.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        Counts {
            connections: read(&self.counters.connections),
            requests: read(&self.counters.requests),
            retries: read(&self.counters.retries),
        }
    }

    /// Why the next connection ended, in the order in which they did; `None` if none ends within `patience`.
    pub fn next_close(&self, patience: Duration) -> Option<quinn::ConnectionError> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.recv_timeout(patience).ok()
    }

    /// Serves until the process is killed.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server's thread panicked");
        }
    }
}

/// What every connection's task holds.
#[derive(Clone)]
struct Shared {
    options: Arc<Options>,
    counters: Arc<Counters>,
    closed: mpsc::Sender<quinn::ConnectionError>,
}

fn run(
    socket: UdpSocket,
    config: quinn::ServerConfig,
    shared: Shared,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let endpoint_config = quinn::EndpointConfig::default();
        let runtime = Arc::new(quinn::TokioRuntime);
        let endpoint = quinn::Endpoint::new(endpoint_config, Some(config), socket, runtime)
            .expect("an endpoint");
        let accepting = tokio::spawn(accept_all(endpoint.clone(), shared));
        // Either the owner says so or it is gone.
        let _ = stopped.await;
        endpoint.close(h3_no_error(), b"the server stops");
        let _ = tokio::time::timeout(LINGER, endpoint.wait_idle()).await;
        accepting.await.expect("accepting does not panic");
    });
}

/// Time for the last packets to leave; peers that miss them have timeouts of their own.
pub(crate) const LINGER: Duration = Duration::from_millis(50);

fn h3_no_error() -> quinn::VarInt {
    quinn::VarInt::from_u32(0x100)
}

async fn accept_all(endpoint: quinn::Endpoint, shared: Shared) {
    while let Some(incoming) = endpoint.accept().await {
        if shared.options.retry && !incoming.remote_address_validated() {
            incoming
                .retry()
                .expect("an unvalidated address may be asked for a token");
            count(&shared.counters.retries);
            continue;
        }
        tokio::spawn(serve(incoming, shared.clone()));
    }
}

async fn serve(incoming: quinn::Incoming, shared: Shared) {
    let connection = match incoming.await {
        Ok(connection) => connection,
        Err(error) => return drop(shared.closed.send(error)),
    };
    count(&shared.counters.connections);
    let reason = match shared.options.behaviour {
        Behaviour::Routes => serve_routes(&connection, &shared).await,
        Behaviour::LateSettings(delay) => {
            scripted::late_settings(&connection, &shared.counters.requests, delay).await;
            None
        }
    };
    let reason = match reason {
        Some(reason) => reason,
        None => connection.closed().await,
    };
    let _ = shared.closed.send(reason);
}

/// Returns why the connection ended, if it has: h3 closes it when dropped, which hides the true reason.
/// Errors are not reported here; the test sees them from its own side and through [`Server::next_close`].
async fn serve_routes(
    connection: &quinn::Connection,
    shared: &Shared,
) -> Option<quinn::ConnectionError> {
    let mut builder = h3::server::builder();
    let builder = builder.send_grease(shared.options.grease);
    let transport = h3_quinn::Connection::new(connection.clone());
    let Ok(mut h3) = builder.build::<_, Bytes>(transport).await else {
        return connection.close_reason();
    };
    while let Ok(Some(resolver)) = h3.accept().await {
        let Ok((request, stream)) = resolver.resolve_request().await else {
            continue;
        };
        count(&shared.counters.requests);
        if request.uri().path() == "/goaway" && h3.shutdown(1).await.is_err() {
            break;
        }
        let connection = connection.clone();
        tokio::spawn(routes::answer(routes::Exchange {
            request,
            stream,
            connection,
        }));
    }
    connection.close_reason()
}
