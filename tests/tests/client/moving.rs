//! A client that moves to another socket while requests are under way, against quinn.

use super::{builder, pair};
use quicpro::Client;
use quicpro_tests::body;
use quicpro_tests::server::{Options, Server};
use std::collections::HashMap;
use std::io::Read;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const BODY: usize = 20_000_000;

/// Longer than a test lasts.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Datagrams that came from each of the client's addresses, in the order in which these appeared.
pub(super) type Seen = Arc<Mutex<Vec<(SocketAddr, usize)>>>;

/// A relay on the address `front` that gives each address of the client one of its own towards the server, so that the
/// server sees every move.
fn relay(server: SocketAddr, front: &str) -> (SocketAddr, Seen) {
    let front = Arc::new(UdpSocket::bind(front).expect("a port"));
    let address = front.local_addr().expect("bound");
    front
        .set_read_timeout(Some(SILENCE_MAX))
        .expect("a timeout");
    let seen = Seen::default();
    let noted = seen.clone();
    std::thread::spawn(move || {
        let mut back: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        let mut buffer = vec![0; 65_536];
        while let Ok((length, client)) = front.recv_from(&mut buffer) {
            let socket = back
                .entry(client)
                .or_insert_with(|| answer(&front, client, server));
            let mut noted = noted.lock().unwrap();
            match noted.iter_mut().find(|entry| entry.0 == client) {
                Some(entry) => entry.1 += 1,
                None => noted.push((client, 1)),
            }
            drop(noted);
            let _ = socket.send(&buffer[..length]);
        }
    });
    (address, seen)
}

/// A socket to the server; what comes back goes to `client`.
fn answer(front: &Arc<UdpSocket>, client: SocketAddr, server: SocketAddr) -> Arc<UdpSocket> {
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").expect("a port"));
    socket.connect(server).expect("an address");
    socket
        .set_read_timeout(Some(SILENCE_MAX))
        .expect("a timeout");
    let (upstream, front) = (socket.clone(), front.clone());
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(length) = upstream.recv(&mut buffer) {
            let _ = front.send_to(&buffer[..length], client);
        }
    });
    socket
}

/// A server, a client that reaches it by a relay on the address `front`, and where the relay saw it.
pub(super) fn relayed(front: &str) -> (Server, Client, Seen) {
    let server = Server::start(Options::default());
    let (address, seen) = relay(server.address(), front);
    let client = builder(&server)
        .timeout(SILENCE_MAX)
        .remote_address(address)
        .build()
        .expect("a client");
    (server, client, seen)
}

//= rfc9000#9.2 test
#[test]
fn a_download_goes_on_from_another_port() {
    let (server, client, seen) = relayed("127.0.0.1:0");
    let mut response = client
        .get(server.url(&format!("/gen/{BODY}")))
        .send()
        .expect("a head");
    let mut body = vec![0; BODY];
    let (first, rest) = body.split_at_mut(BODY / 4);
    response.read_exact(first).expect("the first part");
    client.migrate();
    response.read_exact(rest).expect("the rest");
    assert!(body == body::pattern(BODY), "other bytes");
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2, "{seen:?}");
    // More than probes came from there.
    assert!(seen[1].1 > 20, "{seen:?}");
    assert_eq!(server.counts().connections, 1);
}

#[test]
fn moving_is_harmless_whatever_a_connection_does() {
    let (server, client) = pair(Options::default());
    // Nothing to move.
    client.migrate();
    for _ in 0..12 {
        let response = client.get(server.url("/gen/100000")).send();
        client.migrate();
        client.migrate();
        let body = response.expect("a head").bytes().expect("a body");
        assert_eq!(body.len(), 100_000);
    }
    assert_eq!(server.counts().connections, 1);
}
