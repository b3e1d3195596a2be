//! The bare engine over a socket of the standard library: what a small program would write.
//!
//! Invariant: a loop that waits for the server ends after ten seconds, with the reason.

use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quicpro_core::connection::{Receive, Transmit};
use quicpro_core::http3::Memory;
use quicpro_core::io::{Clock, Entropy, Sent, Socket, drive};
use quicpro_core::tls::WallClock;
use quicpro_core::{Client, ClientConfig, Event, Instant, Limits, Request, TrustAnchor};

/// How long a test waits for a server on loopback.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connected UDP socket that waits by its read timeout.
pub struct StdSocket {
    socket: UdpSocket,
    remote: SocketAddr,
    clock: StdClock,
    waiting: Option<Vec<u8>>,
}

impl StdSocket {
    /// A socket on loopback, connected to `remote`.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn connect(remote: SocketAddr, clock: StdClock) -> Result<Self, Error> {
        let local = if remote.is_ipv4() {
            "127.0.0.1:0"
        } else {
            "[::1]:0"
        };
        let socket = UdpSocket::bind(local)?;
        socket.connect(remote)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            remote,
            clock,
            waiting: None,
        })
    }
}

impl Socket for StdSocket {
    type Error = Error;

    fn send(&mut self, transmit: &Transmit, bytes: &[u8]) -> Result<Sent, Error> {
        let segment = transmit.segment_size.unwrap_or(bytes.len()).max(1);
        for datagram in bytes.chunks(segment) {
            match self.socket.send(datagram) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Sent::Full),
                // ICMP's answer to an earlier datagram: the handshake's timers say when to give up.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Sent::Sent)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<(usize, Receive)>, Error> {
        if let Some(datagram) = self.waiting.take() {
            let length = datagram.len().min(buffer.len());
            buffer[..length].copy_from_slice(&datagram[..length]);
            return Ok(Some((length, Receive::from(self.remote))));
        }
        match self.socket.recv(buffer) {
            Ok(length) => Ok(Some((length, Receive::from(self.remote)))),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<(), Error> {
        let timeout = until.map_or(PATIENCE, |until| until - self.clock.now());
        self.socket.set_nonblocking(false)?;
        self.socket
            .set_read_timeout(Some(timeout.clamp(Duration::from_millis(1), PATIENCE)))?;
        let mut datagram = vec![0; 2048];
        let received = self.socket.recv(&mut datagram);
        self.socket.set_nonblocking(true)?;
        if let Ok(length) = received {
            datagram.truncate(length);
            self.waiting = Some(datagram);
        }
        Ok(())
    }
}

/// The monotonic clock of the standard library.
#[derive(Clone, Copy, Debug)]
pub struct StdClock(std::time::Instant);

impl Default for StdClock {
    fn default() -> Self {
        Self(std::time::Instant::now())
    }
}

impl Clock for StdClock {
    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

/// A seed that no other connection of this program gets: enough for tests, and for nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountedEntropy;

impl Entropy for CountedEntropy {
    type Error = core::convert::Infallible;

    fn fill(&mut self, seed: &mut [u8; 32]) -> Result<(), Self::Error> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        seed[..8].copy_from_slice(&count.to_be_bytes());
        seed[8..12].copy_from_slice(&std::process::id().to_be_bytes());
        Ok(())
    }
}

/// What a request brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Requests `path` from the server `name` at `remote`, which must prove itself to `root` (DER).
///
/// # Errors
/// Why the connection or the request ended, as text.
pub fn get(
    remote: SocketAddr,
    name: &str,
    path: &str,
    root: &TrustAnchor<'static>,
    limits: &Limits,
) -> Result<Answer, String> {
    let roots: &'static [TrustAnchor<'static>] = Box::leak(Box::new([root.clone()]));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let clock = WallClock::At(now.map_err(|error| error.to_string())?.as_secs());
    let config = ClientConfig::new(roots, clock).server_name(name);
    run(&config, remote, path, limits)
}

/// Makes one GET request with a configuration.
///
/// # Errors
/// Why the connection or the request ended, as text.
pub fn run(
    config: &ClientConfig<'static>,
    remote: SocketAddr,
    path: &str,
    limits: &Limits,
) -> Result<Answer, String> {
    let clock = StdClock::default();
    let mut socket = StdSocket::connect(remote, clock).map_err(|error| error.to_string())?;
    let mut seed = [0; 32];
    let Ok(()) = CountedEntropy.fill(&mut seed);
    let memory = Memory::boxed(limits);
    let mut client = Client::connect(config, remote, memory, clock.now(), seed)
        .map_err(|error| error.to_string())?;
    let mut datagram = vec![0; limits.datagram];
    let mut answer = Answer::default();
    let mut request = None;
    let mut buffer = [0; 1000];
    while clock.now() < Instant::ZERO + PATIENCE {
        if request.is_none() {
            request = client.request(&Request::get(path)).ok();
            if let Some(id) = request {
                client.finish(id).map_err(|error| format!("{error:?}"))?;
            }
        }
        let until = Some(clock.now() + Duration::from_millis(100));
        drive(&mut client, &mut socket, &clock, &mut datagram, until)
            .map_err(|error| error.to_string())?;
        while let Some(event) = client.poll_event() {
            match event {
                Event::Response { status, .. } => answer.status = status,
                Event::Data { request } => {
                    while let Ok(length @ 1..) = client.recv_body(request, &mut buffer) {
                        answer.body.extend_from_slice(&buffer[..length]);
                    }
                }
                Event::Finished { .. } => {
                    client.close(clock.now());
                    while let Some(transmit) = client.poll_transmit(clock.now(), &mut datagram) {
                        let bytes = &datagram[..transmit.len];
                        socket
                            .send(&transmit, bytes)
                            .map_err(|error| error.to_string())?;
                    }
                    return Ok(answer);
                }
                Event::Reset { code, .. } => return Err(format!("reset with {code:?}")),
                Event::Closed(reason) => return Err(reason.to_string()),
                _ => {}
            }
        }
    }
    let (state, stats) = (client.transport().state(), client.transport().stats());
    Err(format!("no answer in {PATIENCE:?}: {state:?}, {stats:?}"))
}
