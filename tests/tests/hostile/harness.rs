//! The scripted server is held against quinn's client first: a peer nobody here has written.

use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::{Space, Version};
use quicpro_tests::scripted::{
    Client, Link, Options, Packet, Retry, Server, http3, stream_id, varint,
};
use quinn_proto::crypto::rustls::QuicClientConfig;
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Dir, Endpoint, EndpointConfig, Event,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// quinn's client in virtual time.
struct Quinn {
    endpoint: Endpoint,
    handle: ConnectionHandle,
    connection: Connection,
    start: Instant,
    events: Vec<Event>,
}

impl Quinn {
    fn new(server: &Server) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(server.root().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h3".to_vec()];
        let crypto = QuicClientConfig::try_from(tls).unwrap();
        let config = ClientConfig::new(Arc::new(crypto));
        let mut endpoint = Endpoint::new(Arc::new(EndpointConfig::default()), None, true, None);
        let start = Instant::now();
        let (handle, connection) = endpoint
            .connect(start, config, address(), "h3.test")
            .unwrap();
        Self {
            endpoint,
            handle,
            connection,
            start,
            events: Vec::new(),
        }
    }

    fn collect(&mut self) {
        while let Some(event) = self.connection.poll_endpoint_events() {
            if let Some(event) = self.endpoint.handle_event(self.handle, event) {
                self.connection.handle_event(event);
            }
        }
        while let Some(event) = self.connection.poll() {
            self.events.push(event);
        }
    }

    fn lost(&self) -> Option<&quinn_proto::ConnectionError> {
        self.events.iter().find_map(|event| match event {
            Event::ConnectionLost { reason } => Some(reason),
            _ => None,
        })
    }
}

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 4433))
}

impl Client for Quinn {
    fn receive(&mut self, now: Duration, datagram: Vec<u8>) {
        let mut answer = Vec::new();
        let bytes = datagram.as_slice().into();
        let now = self.start + now;
        let event = self
            .endpoint
            .handle(now, address(), None, None, bytes, &mut answer);
        if let Some(DatagramEvent::ConnectionEvent(_, event)) = event {
            self.connection.handle_event(event);
        }
        self.collect();
    }

    fn transmit(&mut self, now: Duration) -> Option<Vec<u8>> {
        let mut datagram = Vec::new();
        let transmit = self
            .connection
            .poll_transmit(self.start + now, 1, &mut datagram)?;
        datagram.truncate(transmit.size);
        self.collect();
        Some(datagram)
    }

    fn deadline(&mut self) -> Option<Duration> {
        let deadline = self.connection.poll_timeout()?;
        Some(deadline.saturating_duration_since(self.start))
    }

    fn wake(&mut self, now: Duration) {
        self.connection.handle_timeout(self.start + now);
        self.collect();
    }
}

fn link(options: Options) -> Link<Quinn> {
    let server = Server::new(options);
    let mut link = Link::new(Quinn::new(&server), server);
    link.settle();
    link
}

#[test]
fn an_honest_handshake_is_confirmed_and_a_stream_goes_both_ways() {
    let mut link = link(Options::default());
    assert!(link.server.is_complete(), "{:?}", link.client.events);
    let mut streams = link.client.connection.streams();
    let id = streams.open(Dir::Bi).unwrap();
    let mut stream = link.client.connection.send_stream(id);
    stream.write(b"a question").unwrap();
    stream.finish().unwrap();
    link.settle();
    let question = link.server.stream(0).unwrap();
    assert!(question.is_complete());
    assert_eq!(question.received(), b"a question");
    link.server.write(0, &[7; 5000], true);
    link.settle();
    let mut answer = Vec::new();
    let mut stream = link.client.connection.recv_stream(id);
    let mut chunks = stream.read(true).unwrap();
    while let Some(chunk) = chunks.next(usize::MAX).unwrap() {
        answer.extend_from_slice(&chunk.bytes);
    }
    let _ = chunks.finalize();
    assert_eq!(answer, [7; 5000]);
    assert_eq!(link.server.problems(), [""; 0]);
    assert_eq!(link.server.undecryptable(), 0);
}

#[test]
fn a_genuine_retry_is_followed_and_a_forged_one_is_not() {
    let retry = |genuine| Options {
        retry: Some(Retry {
            genuine,
            ..Retry::default()
        }),
        ..Options::default()
    };
    let followed = link(retry(true));
    assert!(followed.server.is_complete());
    let token = &followed.server.log()[0].token;
    assert_eq!(*token, Retry::default().token);
    assert!(!link(retry(false)).server.is_complete());
}

#[test]
fn violations_are_seen_as_what_they_are() {
    let mut link = link(Options::default());
    link.server.send(
        Space::Application,
        &[Frame::MaxStreamData {
            id: stream_id(3),
            limit: 1,
        }],
    );
    link.settle();
    let closed = link.server.closed().unwrap();
    assert_eq!((closed.application, closed.code), (false, 5));
    assert!(link.client.lost().is_some());
}

#[test]
fn reserved_bits_raw_payloads_and_key_updates_arrive_as_sent() {
    let mut updated = link(Options::default());
    updated.server.update_keys();
    updated.server.send(Space::Application, &[Frame::Ping]);
    updated.advance(Duration::from_secs(1));
    assert!(updated.client.lost().is_none());
    let last = updated.server.log().last().unwrap();
    assert_eq!(last.generation, 1);

    let mut reserved = link(Options::default());
    let packet = Packet::new(Space::Application).frames(&[Frame::Ping]);
    reserved.server.send_packet(packet.flip(0x08));
    reserved.settle();
    assert_eq!(reserved.server.closed().unwrap().code, 0x0a);

    let mut unknown = link(Options::default());
    unknown.server.send_raw(Space::Application, &varint(0x1234));
    unknown.settle();
    assert_eq!(unknown.server.closed().unwrap().code, 0x07);
}

#[test]
fn a_version_negotiation_packet_ends_the_attempt() {
    let server = Server::new(Options {
        sends_handshake: false,
        ..Options::default()
    });
    let mut link = Link::new(Quinn::new(&server), server);
    link.settle();
    let packet = link.server.version_packet(&[Version(0x0a0a_0a0a)]);
    link.server.send_datagram(packet);
    link.settle();
    assert!(matches!(
        link.client.lost(),
        Some(quinn_proto::ConnectionError::VersionMismatch)
    ));
}

#[test]
fn http3_bytes_are_the_rfcs() {
    assert_eq!(http3::settings(&[(6, 64)]), [4, 3, 6, 0x40, 0x40]);
    assert_eq!(http3::status("200"), [1, 3, 0, 0, 0xd9]);
    assert_eq!(http3::goaway(4), [7, 1, 4]);
    assert_eq!(http3::frame_header(0, 300), [0, 0x41, 0x2c]);
}
