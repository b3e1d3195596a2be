//! Our client on a link with a scripted server, and what a test wants to know of both.
//!
//! Invariant: the client's user is a good one: it drains events, reads what arrives unless told not to, and
//! notes everything.

use quicpro_core::Limits;
use quicpro_core::connection::ClientConfig;
use quicpro_core::http3::{
    self, Client as Http3Client, FieldLine, Fields, Memory, Request, RequestId,
};
use quicpro_core::tls::WallClock;
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::Space;
use quicpro_tests::hostile::Wire;
pub use quicpro_tests::hostile::{address, instant};
use quicpro_tests::scripted::{Client, Link, Options, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

/// In the lifetime of the certificates: November 2026.
const TODAY: u64 = 1_795_000_000;

/// What a client's user was told.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Connected,
    Settings,
    Informational(u64, u16),
    Response(u64, u16, Vec<(String, String)>),
    Trailers(u64, Vec<(String, String)>),
    Finished(u64),
    Reset(u64, http3::Code),
    Failed(u64, http3::MessageError),
    GoAway(u64),
    Closed(http3::Error),
    /// What carries nothing a test would ask for.
    Other,
}

/// Our client, and what it has told its user.
pub struct Ours {
    pub client: Http3Client<'static>,
    pub seen: Vec<Seen>,
    pub bodies: BTreeMap<u64, Vec<u8>>,
    /// Bodies are read as they arrive.
    pub reads: bool,
    /// The bounds of its memory.
    pub limits: Limits,
    unread: BTreeSet<RequestId>,
    wire: Wire,
}

/// Trust in the root of `server`, the name that it proves.
pub fn config(server: &Server) -> ClientConfig<'static> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(server.root().clone()).expect("a certificate");
    // A configuration lends its roots for ever; these are a hundred bytes, for a test's lifetime.
    let roots = Box::leak(roots.roots.into_boxed_slice());
    ClientConfig::new(roots, WallClock::At(TODAY)).server_name("h3.test")
}

impl Ours {
    pub fn new(config: &ClientConfig<'static>, limits: &Limits, seed: u8) -> Self {
        let memory = Memory::boxed(limits);
        let now = instant(Duration::from_secs(1));
        let client = Http3Client::connect(config, address(), memory, now, [seed; 32]);
        Self {
            client: client.expect("a good configuration"),
            seen: Vec::new(),
            bodies: BTreeMap::new(),
            reads: true,
            limits: *limits,
            unread: BTreeSet::new(),
            wire: Wire::new(limits),
        }
    }

    /// Sends a request without a body; the number of its stream.
    pub fn get(&mut self, path: &str) -> u64 {
        let id = self
            .client
            .request(&Request::get(path))
            .expect("room for a request");
        self.client.finish(id).expect("a request of our own");
        id.stream_id().get()
    }

    /// The end of the connection, as the user was told.
    pub fn closed(&self) -> Option<http3::Error> {
        let mut ends = self.seen.iter().filter_map(|seen| match seen {
            Seen::Closed(error) => Some(*error),
            _ => None,
        });
        let end = ends.next();
        assert!(ends.next().is_none(), "told twice of the end");
        end
    }

    /// Where all datagrams so far were sent to.
    pub fn destinations(&self) -> &BTreeSet<SocketAddr> {
        self.wire.destinations()
    }

    pub fn has_seen(&self, wanted: &Seen) -> bool {
        self.seen.contains(wanted)
    }

    pub fn drain(&mut self) {
        loop {
            let mut readable = None;
            let Some(event) = self.client.poll_event() else {
                return;
            };
            let seen = match event {
                http3::Event::Connected => Seen::Connected,
                http3::Event::Settings(_) => Seen::Settings,
                http3::Event::Informational {
                    request, status, ..
                } => Seen::Informational(number(request), status),
                http3::Event::Response {
                    request,
                    status,
                    fields,
                } => Seen::Response(number(request), status, texts(fields)),
                http3::Event::Trailers { request, fields } => {
                    Seen::Trailers(number(request), texts(fields))
                }
                http3::Event::Finished { request } => Seen::Finished(number(request)),
                http3::Event::Reset { request, code } => Seen::Reset(number(request), code),
                http3::Event::Failed { request, error } => Seen::Failed(number(request), error),
                http3::Event::GoAway { last } => Seen::GoAway(last.get()),
                http3::Event::Closed(error) => Seen::Closed(error),
                http3::Event::Data { request } => {
                    readable = Some(request);
                    Seen::Other
                }
                _ => Seen::Other,
            };
            self.seen.push(seen);
            if let Some(id) = readable {
                self.on_readable(id);
            }
        }
    }

    fn on_readable(&mut self, id: RequestId) {
        if self.reads {
            self.read(id);
        } else {
            self.unread.insert(id);
        }
    }

    /// Reads a body that was left unread.
    pub fn read_now(&mut self, id: u64) {
        if let Some(id) = self
            .unread
            .iter()
            .copied()
            .find(|unread| number(*unread) == id)
        {
            self.read(id);
        }
        self.drain();
    }

    fn read(&mut self, id: RequestId) {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = self.client.recv_body(id, &mut piece) {
            let body = self.bodies.entry(number(id)).or_default();
            body.extend_from_slice(&piece[..length]);
        }
    }
}

fn number(id: RequestId) -> u64 {
    id.stream_id().get()
}

fn texts(mut fields: Fields<'_>) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    while let Some(line) = fields.next_line() {
        if let FieldLine::Field(field) = line {
            let value = String::from_utf8_lossy(field.value()).into_owned();
            texts.push((field.name().to_owned(), value));
        }
    }
    texts
}

impl Client for Ours {
    fn receive(&mut self, now: Duration, datagram: Vec<u8>) {
        self.wire.receive(&mut self.client, now, datagram);
        self.drain();
    }

    fn transmit(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.wire.transmit(&mut self.client, now)
    }

    fn deadline(&mut self) -> Option<Duration> {
        self.wire.deadline(&self.client)
    }

    fn wake(&mut self, now: Duration) {
        self.client.handle_timeout(instant(now));
        self.drain();
    }
}

/// A client that has not sent anything, and a server.
pub fn fresh(options: Options) -> Link<Ours> {
    let server = Server::new(options);
    let client = Ours::new(&config(&server), &Limits::SMALL, 1);
    Link::new(client, server)
}

/// Client and server have said what they can.
pub fn settled(options: Options) -> Link<Ours> {
    let mut link = fresh(options);
    link.settle();
    link
}

/// A confirmed handshake; HTTP/3 has not begun on the server's side.
pub fn connected() -> Link<Ours> {
    let link = settled(Options::default());
    assert!(
        link.client.has_seen(&Seen::Connected),
        "{:?}",
        link.client.seen
    );
    assert!(link.server.is_complete());
    link
}

/// A connection with HTTP/3 on both sides, and one request on stream 0 that waits for its answer.
pub fn requested() -> Link<Ours> {
    let mut link = connected();
    link.server.open_http3();
    let id = link.client.get("/");
    assert_eq!(id, 0);
    link.settle();
    assert!(link.client.has_seen(&Seen::Settings));
    link
}

/// The newest keys that both sides have are those of `space`, and nothing was acknowledged there.
pub fn at(space: Space) -> Link<Ours> {
    match space {
        Space::Application => requested(),
        Space::Initial => settled(Options {
            sends_handshake: false,
            ..Options::default()
        }),
        Space::Handshake => {
            let mut link = at(Space::Initial);
            let hello = link.server.crypto(Space::Initial).len();
            link.server.send_crypto(Space::Initial, 0..hello);
            link.settle();
            link
        }
    }
}

/// What the client permits on a stream, from its transport parameters and frames.
pub fn limit(link: &Link<Ours>, id: u64) -> u64 {
    let parameters = link
        .server
        .client_parameters()
        .expect("the handshake has begun");
    let initial = if id & 2 == 0 {
        parameters.initial_max_stream_data_bidi_local
    } else {
        parameters.initial_max_stream_data_uni
    };
    let raised = link.server.frames().filter_map(|(_, frame)| match frame {
        Frame::MaxStreamData { id: other, limit } if other.get() == id => Some(limit),
        _ => None,
    });
    raised.fold(initial, u64::max)
}

/// What the client permits on all streams together.
pub fn limit_of_all(link: &Link<Ours>) -> u64 {
    let parameters = link
        .server
        .client_parameters()
        .expect("the handshake has begun");
    let raised = link.server.frames().filter_map(|(_, frame)| match frame {
        Frame::MaxData { limit } => Some(limit),
        _ => None,
    });
    raised.fold(parameters.initial_max_data, u64::max)
}

/// Writes bytes as an honest server does: as far as the client permits, and the rest when it permits more.
#[track_caller]
pub fn deliver(link: &mut Link<Ours>, id: u64, bytes: &[u8], fin: bool) {
    let mut rest = bytes;
    loop {
        let room = limit(link, id) - link.server.written(id);
        let room = room.min(limit_of_all(link) - link.server.written_on_all());
        let (now, later) = rest.split_at(rest.len().min(room as usize));
        link.server.write(id, now, fin && later.is_empty());
        rest = later;
        link.settle();
        if rest.is_empty() {
            return;
        }
        if now.is_empty() {
            link.advance(Duration::from_millis(100));
            let more = limit(link, id) > link.server.written(id);
            assert!(
                more,
                "the client permits no more than {} bytes",
                link.server.written(id)
            );
        }
    }
}

/// Gives the client a connection ID.
pub fn give(link: &mut Link<Ours>, sequence: u64, retire_prior_to: u64) {
    let byte = u8::try_from(sequence).expect("a small number");
    let frame = Frame::NewConnectionId {
        sequence,
        retire_prior_to,
        cid: &[byte; 8],
        reset_token: [byte; 16],
    };
    link.server.send(Space::Application, &[frame]);
    link.settle();
}

/// The client closed the connection with this code of the transport, told its user once, and kept to the
/// rules until the end.
#[track_caller]
pub fn assert_closed(link: &Link<Ours>, code: u64) {
    assert_end(link, false, code);
}

/// The same with a code of HTTP/3.
#[track_caller]
pub fn assert_http3_closed(link: &Link<Ours>, code: http3::Code) {
    assert_end(link, true, code.get());
}

#[track_caller]
fn assert_end(link: &Link<Ours>, application: bool, code: u64) {
    let closed = link
        .server
        .closed()
        .expect("the client closes the connection");
    assert_eq!(
        (closed.application, closed.code),
        (application, code),
        "{:#x} {:?}",
        closed.code,
        closed.reason
    );
    assert!(link.client.closed().is_some(), "the user was told");
    assert_legal(link);
}

/// A response still arrives whole.
#[track_caller]
pub fn assert_works(link: &mut Link<Ours>) {
    let id = link.client.get("/after");
    link.settle();
    link.server
        .respond(id, &[(":status", "200")], b"still working");
    link.settle();
    assert_eq!(link.client.bodies[&id], b"still working");
    assert_alive(link);
}

/// The connection is as good as before.
#[track_caller]
pub fn assert_alive(link: &mut Link<Ours>) {
    assert_eq!(link.client.closed(), None);
    assert_eq!(link.server.closed(), None);
    assert_legal(link);
}

/// The client kept to the rules so far.
#[track_caller]
pub fn assert_legal(link: &Link<Ours>) {
    assert_eq!(link.server.problems(), [""; 0]);
}
