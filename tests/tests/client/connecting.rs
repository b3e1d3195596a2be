//! How a connection comes about, or does not.

use super::{PATIENCE, builder, pair};
use quicpro::{Client, Family};
use quicpro_tests::server::{Group, Options, Server, Suite};
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// An address that takes everything and says nothing.
fn black_hole() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").expect("a port")
}

#[test]
fn a_black_hole_is_no_answer_over_udp() {
    let hole = black_hole();
    let address = hole.local_addr().unwrap();
    let started = Instant::now();
    let client = Client::builder().build().unwrap();
    let error = client
        .get(format!("https://{address}/"))
        .send()
        .expect_err("nobody is there");
    assert!(error.is_connect() && error.is_timeout(), "{error:?}");
    assert!(error.to_string().contains("no answer over UDP"), "{error}");
    assert_eq!(error.addresses(), [address]);
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "sooner than the connect timeout"
    );
}

#[test]
fn a_closed_port_is_refused_at_once() {
    let address = black_hole().local_addr().unwrap();
    let started = Instant::now();
    let client = Client::builder().build().unwrap();
    let error = client
        .get(format!("https://{address}/"))
        .send()
        .expect_err("nobody listens");
    assert!(error.is_connect(), "{error:?}");
    if cfg!(target_os = "linux") {
        assert!(started.elapsed() < Duration::from_secs(2), "{error}");
    }
}

#[test]
fn a_name_without_address_is_a_dns_error() {
    let client = Client::builder().build().unwrap();
    let error = client
        .get("https://no-such-host.invalid/")
        .send()
        .expect_err("no such name");
    assert!(error.is_dns() && error.is_connect(), "{error:?}");
}

#[test]
fn the_first_address_that_answers_wins() {
    let server = Server::start(Options::default());
    let hole = black_hole();
    let addresses = [hole.local_addr().unwrap(), server.address()];
    let client = builder(&server)
        .resolve_to_addrs("localhost", &addresses)
        .build()
        .unwrap();
    let started = Instant::now();
    let response = client.get(server.url("/gen/1")).send().expect("a response");
    assert_eq!(response.remote_addr(), server.address());
    assert!(started.elapsed() >= Duration::from_millis(250));
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn one_family_is_enough_for_localhost() {
    let (server, client) = pair(Options::default());
    assert_eq!(
        client
            .get(server.url("/gen/1"))
            .send()
            .expect("a response")
            .status(),
        200
    );
    let six = builder(&server).family(Family::Ipv6).build().unwrap();
    assert!(
        six.get(server.url("/gen/1"))
            .send()
            .expect_err("IPv4 only")
            .is_connect()
    );

    let options = Options {
        address: "[::1]:0".parse().unwrap(),
        ..Options::default()
    };
    let server = Server::start(options);
    let port = server.address().port();
    let addresses = [([127, 0, 0, 1], port).into(), server.address()];
    let client = builder(&server)
        .resolve_to_addrs("localhost", &addresses)
        .build()
        .unwrap();
    let response = client.get(server.url("/gen/1")).send().expect("a response");
    assert!(response.remote_addr().is_ipv6());
}

#[test]
fn an_address_for_a_host_works_as_well_as_its_name() {
    let (server, client) = pair(Options::default());
    let url = format!("https://127.0.0.1:{}/gen/1", server.address().port());
    assert_eq!(client.get(url).send().expect("a response").status(), 200);
    let elsewhere = builder(&server)
        .remote_address(server.address())
        .build()
        .unwrap();
    assert_eq!(
        elsewhere
            .get("https://localhost/gen/1")
            .send()
            .expect("a response")
            .status(),
        200
    );
}

#[test]
fn what_is_no_https_url_is_refused_before_anything_is_sent() {
    let client = Client::new();
    for url in ["http://localhost/", "ftp://localhost/", "localhost", ""] {
        assert!(client.get(url).send().expect_err(url).is_builder(), "{url}");
    }
}

#[test]
fn retry_and_hello_retry_request_cost_a_round_trip_only() {
    let (server, client) = pair(Options {
        retry: true,
        groups: vec![Group::P256],
        ..Options::default()
    });
    assert_eq!(
        client
            .get(server.url("/gen/100000"))
            .send()
            .unwrap()
            .bytes()
            .unwrap()
            .len(),
        100_000
    );
    assert_eq!(server.counts().retries, 1);
}

#[test]
fn every_suite_works() {
    for suite in [Suite::Aes128Gcm, Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        let (server, client) = pair(Options {
            suites: vec![suite],
            ..Options::default()
        });
        let response = client
            .get(server.url("/gen/100000"))
            .send()
            .expect("a response");
        assert_eq!(
            response.bytes().expect("a body").len(),
            100_000,
            "{suite:?}"
        );
    }
}

#[test]
fn a_total_timeout_covers_connecting() {
    let hole = black_hole();
    let client = Client::builder().build().unwrap();
    let url = format!("https://{}/", hole.local_addr().unwrap());
    let started = Instant::now();
    let error = client
        .get(url)
        .timeout(Duration::from_millis(100))
        .send()
        .expect_err("nobody");
    assert!(error.is_timeout(), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

/// Sends empty datagrams to whoever speaks first, as fast as it can, until it `is_over`; returns how many left.
fn flood(socket: &UdpSocket, is_over: &AtomicBool) -> u64 {
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let (_, client) = socket.recv_from(&mut [0; 1500]).expect("a first packet");
    let mut sent = 0;
    while !is_over.load(Ordering::Relaxed) {
        sent += u64::from(socket.send_to(&[], client).is_ok());
    }
    sent
}

/// CVE-2026-11352: a socket that always has something to read must not keep deadlines waiting.
#[test]
fn empty_datagrams_without_end_do_not_put_off_the_connect_timeout() {
    let hole = black_hole();
    let url = format!("https://{}/", hole.local_addr().unwrap());
    let client = Client::builder()
        .connect_timeout(Duration::from_millis(500))
        .timeout(PATIENCE)
        .build()
        .unwrap();
    let is_over = AtomicBool::new(false);
    let (result, sent) = std::thread::scope(|scope| {
        let flood = scope.spawn(|| flood(&hole, &is_over));
        let result = client.get(url).send();
        is_over.store(true, Ordering::Relaxed);
        (result, flood.join().expect("the flood"))
    });
    let error = result.expect_err("nobody answers");
    assert!(error.is_connect() && error.is_timeout(), "{error:?}");
    // The time-out of the whole request, which needs no I/O thread, would say something else.
    let text = error.to_string();
    assert!(text.contains("no connection in time"), "{text}");
    assert!(sent > 1_000, "{sent} datagrams are no flood");
}

#[test]
fn a_server_with_few_unidirectional_streams_is_enough() {
    let (server, client) = pair(Options {
        unidirectional_max: 3,
        ..Options::default()
    });
    assert_eq!(
        client
            .get(server.url("/gen/1"))
            .send()
            .expect("a response")
            .status(),
        200
    );
    drop(client);
    assert!(server.next_close(PATIENCE).is_some());
}
