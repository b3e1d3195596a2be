//! A GET of one resource, checked from the certificate to the last byte of its body.
//!
//! Invariant: an answer is given only for a response that came whole from a server that was verified.

use core::fmt;
use core::net::SocketAddr;

use quicpro_core::connection::ConfigError;
use quicpro_core::http3::{self, MessageError, RecvError, RequestError};
use quicpro_core::io::{Clock, Socket, drive};
use quicpro_core::{
    Client, ClientConfig, Duration, Event, Instant, Limits, Request, Storage, WallClock, storage,
};
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use static_cell::ConstStaticCell;

/// One request is all that this program makes.
pub const LIMITS: Limits = Limits::TINY.requests(1);

type Memory = storage!(LIMITS);

static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Storage::new());

const _: () = assert!(size_of::<Memory>() <= 12 * 1024);
const _: () = assert!(size_of::<storage!(Limits::TINY)>() <= 12 * 1024 + 512);

// On a host it is more: longer pointers, and keys for whatever AES instructions the processor turns out to have.
#[cfg(target_os = "none")]
const _: () = assert!(size_of::<Client<'_>>() <= 9 * 1024);

/// The whole request must be over by then.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked for, of whom, and whom to trust.
pub struct Task<'a> {
    pub server: SocketAddr,
    /// The name that the server's certificate must be for.
    pub name: &'a str,
    pub path: &'a str,
    /// The certificate of the authority to trust, in DER.
    pub authority: &'a [u8],
    pub date: WallClock,
    pub entropy: [u8; 32],
}

/// A complete response.
pub struct Answer {
    pub status: u16,
    pub length: u64,
    pub sha256: [u8; 32],
}

/// Why there is no answer.
pub enum Failure<E> {
    /// The authority's certificate cannot be used.
    Authority,
    Config(ConfigError),
    Request(RequestError),
    Body(RecvError),
    Message(MessageError),
    Reset(http3::Code),
    Closed(http3::Error),
    Socket(E),
    /// The server took longer than [`PATIENCE`].
    TimedOut,
}

impl<E: fmt::Debug> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority => f.write_str("the authority's certificate cannot be used"),
            Self::Config(error) => write!(f, "configuration: {error}"),
            Self::Request(error) => write!(f, "request: {error}"),
            Self::Body(error) => write!(f, "body: {error}"),
            Self::Message(error) => write!(f, "response: {error}"),
            Self::Reset(code) => write!(f, "the server abandoned the response: {code}"),
            Self::Closed(error) => error.fmt(f),
            Self::Socket(error) => write!(f, "socket: {error:?}"),
            Self::TimedOut => f.write_str("no complete answer in time"),
        }
    }
}

/// Makes the request of `task`. Once in the life of the program: there is memory for one client.
pub fn get<S: Socket>(
    task: &Task<'_>,
    socket: &mut S,
    clock: &impl Clock,
) -> Result<Answer, Failure<S::Error>> {
    let authority = CertificateDer::from(task.authority);
    let anchor = webpki::anchor_from_trusted_cert(&authority).map_err(|_| Failure::Authority)?;
    let roots = [anchor];
    let config = ClientConfig::new(&roots[..], task.date).server_name(task.name);
    let memory = MEMORY.take().memory();
    let start = clock.now();
    let mut client = Client::connect(&config, task.server, memory, start, task.entropy)
        .map_err(Failure::Config)?;

    let mut exchange = Exchange::default();
    let mut datagram = [0; LIMITS.datagram];
    while !exchange.complete {
        if clock.now() >= start + PATIENCE {
            return Err(Failure::TimedOut);
        }
        drive(
            &mut client,
            socket,
            clock,
            &mut datagram,
            Some(start + PATIENCE),
        )
        .map_err(Failure::Socket)?;
        exchange.follow(&mut client, task.path)?;
    }
    client.close(clock.now());
    let now: Instant = clock.now();
    drive(&mut client, socket, clock, &mut datagram, Some(now)).map_err(Failure::Socket)?;
    Ok(exchange.into_answer())
}

/// How far the request is.
#[derive(Default)]
struct Exchange {
    status: u16,
    length: u64,
    digest: Sha256,
    complete: bool,
}

impl Exchange {
    /// Acts on all that has happened.
    fn follow<E>(&mut self, client: &mut Client<'_>, path: &str) -> Result<(), Failure<E>> {
        while let Some(event) = client.poll_event() {
            match event {
                Event::Connected => {
                    let id = client
                        .request(&Request::get(path))
                        .map_err(Failure::Request)?;
                    client.finish(id).ok();
                }
                Event::Response { status, .. } => self.status = status,
                Event::Data { request } => self.read(client, request).map_err(Failure::Body)?,
                Event::Finished { .. } => self.complete = true,
                Event::Failed { error, .. } => return Err(Failure::Message(error)),
                Event::Reset { code, .. } => return Err(Failure::Reset(code)),
                Event::Closed(error) => return Err(Failure::Closed(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Hashes the body where it lies; nothing is copied.
    fn read(&mut self, client: &mut Client<'_>, id: http3::RequestId) -> Result<(), RecvError> {
        loop {
            let piece = match client.peek_body(id) {
                Ok([]) | Err(RecvError::Blocked) => return Ok(()),
                Ok(piece) => piece,
                Err(error) => return Err(error),
            };
            self.digest.update(piece);
            self.length += piece.len() as u64;
            let count = piece.len();
            client.consume_body(id, count);
        }
    }

    fn into_answer(self) -> Answer {
        Answer {
            status: self.status,
            length: self.length,
            sha256: self.digest.finalize().into(),
        }
    }
}
