//! Whole handshakes against a small server of our own primitives. Only for tests.
//!
//! Invariant: the client under test sees bytes only; what it makes of them is read from its [`Output`].

pub mod certificates;
mod hello;
mod peer;
mod pins;
pub mod rfc8448;
mod server_identity;
mod states;

use rustls_pki_types::{CertificateDer, TrustAnchor};
use std::boxed::Box;
use std::vec::Vec;

use self::peer::{Flight, Server};
use super::*;
use crate::crypto::vectors::hex;
use crate::crypto::{Group, Random};

/// Transport parameters of both sides; TLS does not look into them.
const PARAMETERS: &[u8] = &[1, 2, 3];

/// What a client gave out.
#[derive(Default)]
struct Recorder {
    initial: Vec<u8>,
    handshake: Vec<u8>,
    keys: Vec<(Space, Suite, Secret, Secret)>,
    parameters: Vec<u8>,
    tickets: Vec<Vec<u8>>,
}

impl Output for Recorder {
    fn message(&mut self, level: Space, write: &mut WriteMessage<'_>) -> Result<(), Full> {
        let sent = match level {
            Space::Initial => &mut self.initial,
            Space::Handshake => &mut self.handshake,
            Space::Application => panic!("a client sends nothing there"),
        };
        let mut buffer = [0; 2048];
        let mut out = Writer::new(&mut buffer);
        write(sent, &mut out)?;
        sent.extend_from_slice(out.written());
        Ok(())
    }

    fn client_hello(&self) -> &[u8] {
        &self.initial
    }

    fn keys(&mut self, level: Space, suite: Suite, client: &Secret, server: &Secret) {
        self.keys
            .push((level, suite, client.clone(), server.clone()));
    }

    fn parameters(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        self.parameters = bytes.to_vec();
        Ok(())
    }

    fn ticket(&mut self, ticket: &Ticket<'_>) {
        self.tickets.push(ticket.ticket.to_vec());
    }
}

/// A client with the memory around it.
struct Client {
    handshake: Handshake<'static>,
    output: Recorder,
    store: Vec<u8>,
    random: Random,
    window: usize,
}

impl Client {
    fn new(config: &ClientConfig<'static>) -> Self {
        let mut random = Random::new([1; 32]);
        let mut output = Recorder::default();
        let mut buffer = [0; 1024];
        let mut out = Writer::new(&mut buffer);
        let mut handshake = Handshake::idle();
        handshake
            .start(config, &mut random, PARAMETERS, &mut out)
            .unwrap();
        output.initial.extend_from_slice(out.written());
        Self {
            handshake,
            output,
            store: std::vec![0; 4096],
            random,
            window: 4096,
        }
    }

    /// Hands over all of `bytes`; returns those it did not use.
    fn feed<'b>(&mut self, level: Space, mut bytes: &'b [u8]) -> Result<&'b [u8], Error> {
        loop {
            let incoming = Incoming {
                level,
                bytes: &bytes[..bytes.len().min(self.window)],
                window: self.window,
            };
            let used = self.handshake.read(
                &incoming,
                &mut self.store,
                &mut self.random,
                &mut self.output,
            )?;
            if used == 0 {
                return Ok(bytes);
            }
            bytes = &bytes[used..];
        }
    }

    /// Hands over a whole flight, of which every byte has to be used.
    fn feed_all(&mut self, level: Space, bytes: &[u8]) -> Result<(), Error> {
        assert_eq!(self.feed(level, bytes)?, b"");
        Ok(())
    }

    /// The whole handshake against a server that says `flight`.
    fn run(&mut self, flight: &Flight) -> Result<Server, Error> {
        let (mut server, hello) =
            Server::hello(&self.output.initial, Suite::Aes128GcmSha256, Group::X25519);
        self.feed_all(Space::Initial, &hello)?;
        let flight = server.flight(flight);
        self.feed_all(Space::Handshake, &flight)?;
        Ok(server)
    }
}

/// Lives as long as the test program.
fn leaked(bytes: &str) -> &'static [u8] {
    Box::leak(hex(bytes).into_boxed_slice())
}

fn anchors(root: &str) -> &'static [TrustAnchor<'static>] {
    let root: &'static CertificateDer<'static> =
        Box::leak(Box::new(CertificateDer::from(leaked(root))));
    Box::leak(Box::new([webpki::anchor_from_trusted_cert(root).unwrap()]))
}

fn config() -> ClientConfig<'static> {
    ClientConfig::new(
        anchors(certificates::ROOT),
        WallClock::At(certificates::NOW),
    )
    .server_name("a.example")
}
