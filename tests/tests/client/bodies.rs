//! Long bodies both ways, and bodies that go wrong.

use super::{builder, client, pair};
use quicpro::{Body, Client};
use quicpro_tests::body::{self, BodyDigest};
use quicpro_tests::server::{Options, Server};
use std::io::Read;
use std::time::Duration;

const LONG: u64 = 64 << 20;

fn digest(mut response: quicpro::Response) -> (u64, String) {
    let mut digest = BodyDigest::default();
    let mut buffer = vec![0; 20_000];
    loop {
        match response.read(&mut buffer).expect("a body") {
            0 => return (digest.len(), digest.finish()),
            length => digest.update(&buffer[..length]),
        }
    }
}

/// The pattern as a reader that gives odd pieces.
struct Pattern {
    next: u64,
    length: u64,
}

impl Read for Pattern {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let max = (self.length - self.next).min(out.len() as u64).min(7_777);
        let piece = body::piece(self.next, max);
        out[..piece.len()].copy_from_slice(&piece);
        self.next += piece.len() as u64;
        Ok(piece.len())
    }
}

fn sink(client: &Client, server: &Server, body: impl Into<Body>) -> (String, String) {
    let response = client
        .post(server.url("/sink"))
        .body(body)
        .send()
        .expect("a response");
    let length = response.headers()["x-length"].to_str().unwrap().to_owned();
    (length, response.text().expect("a hash"))
}

#[test]
fn sixty_four_mebibytes_down() {
    let (server, client) = pair(Options::default());
    let response = client
        .get(server.url(&format!("/gen/{LONG}")))
        .send()
        .expect("a response");
    assert_eq!(digest(response), (LONG, body::pattern_sha256(LONG)));
}

#[test]
fn sixty_four_mebibytes_up_from_a_reader() {
    let (server, client) = pair(Options::default());
    let reader = Pattern {
        next: 0,
        length: LONG,
    };
    let (length, hash) = sink(&client, &server, Body::sized(reader, LONG));
    assert_eq!(
        (length, hash),
        (LONG.to_string(), body::pattern_sha256(LONG))
    );
}

#[test]
fn a_body_in_memory_goes_up_whole_through_small_windows() {
    let (server, client) = pair(Options {
        receive_windows: Some((20_000, 30_000)),
        ..Options::default()
    });
    let (length, hash) = sink(&client, &server, body::pattern(3_000_000));
    assert_eq!(
        (length.as_str(), hash),
        ("3000000", body::pattern_sha256(3_000_000))
    );
    let (length, _) = sink(
        &client,
        &server,
        Body::new(Pattern {
            next: 0,
            length: 100_000,
        }),
    );
    assert_eq!(length, "100000");
    assert_eq!(sink(&client, &server, "").0, "0");
}

#[test]
fn an_echo_comes_back_while_it_is_sent() {
    let (server, client) = pair(Options::default());
    let length = 10 << 20;
    let reader = Pattern { next: 0, length };
    let pending = client
        .post(server.url("/echo"))
        .body(Body::new(reader))
        .start()
        .expect("started");
    let response = pending.wait().expect("a response");
    assert_eq!(digest(response), (length, body::pattern_sha256(length)));
}

#[test]
fn a_reader_that_fails_or_ends_early_is_an_error_of_the_body() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let (server, client) = pair(Options::default());
    let sent = client
        .post(server.url("/sink"))
        .body(Body::new(Broken))
        .send();
    let error = sent.expect_err("no body");
    assert!(
        error.is_body() && error.to_string().contains("the disk is gone"),
        "{error}"
    );
    let short = Body::sized(&b"only this"[..], 100);
    let error = client
        .post(server.url("/sink"))
        .body(short)
        .send()
        .expect_err("a short body");
    assert!(error.is_body(), "{error}");
    assert_eq!(sink(&client, &server, "fine").0, "4");
    assert_eq!(server.counts().connections, 1);
}

#[test]
fn a_response_cut_off_is_an_error() {
    let (server, client) = pair(Options::default());
    for (path, code) in [("/reset", Some("H3_INTERNAL_ERROR")), ("/short", None)] {
        let response = client.get(server.url(path)).send().expect("a head");
        let error = response.bytes().expect_err("half a body");
        assert!(error.is_body(), "{path}: {error:?}");
        if code.is_some() {
            assert_eq!(error.code_name(), code, "{error:?}");
        }
    }
    let response = client.get(server.url("/close")).send().expect("a head");
    let error = response.bytes().expect_err("half a body");
    assert!(
        error.is_quic() && error.h3_code() == Some(0x102),
        "{error:?}"
    );
    assert_eq!(
        client
            .get(server.url("/gen/9"))
            .send()
            .expect("a new connection")
            .bytes()
            .unwrap()
            .len(),
        9
    );
}

#[test]
fn a_body_that_stops_arriving_is_a_timeout() {
    let server = Server::start(Options::default());
    let client = builder(&server)
        .read_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let response = client.get(server.url("/hang")).send().expect("a head");
    let error = response.bytes().expect_err("half a body");
    assert!(error.is_timeout() && error.is_body(), "{error:?}");

    let started = std::time::Instant::now();
    let error = super::client(&server)
        .get(server.url("/slow/200"))
        .timeout(Duration::from_millis(300))
        .send()
        .and_then(quicpro::Response::bytes)
        .expect_err("two seconds");
    assert!(error.is_timeout(), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn an_answer_before_the_whole_request_is_kept() {
    let (server, client) = pair(Options::default());
    let reader = Pattern {
        next: 0,
        length: 32 << 20,
    };
    let response = client
        .post(server.url("/stop"))
        .body(Body::new(reader))
        .send()
        .expect("a response");
    assert_eq!(response.status(), 200);
    assert!(!response.bytes().expect("the whole answer").is_empty());
}

#[test]
fn a_hundred_unread_responses_stall_nobody() {
    let (server, client) = pair(Options::default());
    let length = 300_000;
    let url = server.url(&format!("/gen/{length}"));
    let mut pending: Vec<_> = (0..100)
        .map(|_| client.get(&url).start().expect("started"))
        .collect();
    // From both ends towards the middle: no order that the server could have guessed.
    let mut from_the_front = true;
    while !pending.is_empty() {
        let next = if from_the_front {
            pending.remove(0)
        } else {
            pending.pop().expect("one more")
        };
        from_the_front = !from_the_front;
        let body = next.wait().expect("a response").bytes().expect("a body");
        assert_eq!(body::sha256(&body), body::pattern_sha256(length));
    }
    assert_eq!(server.counts().connections, 1);
}

#[test]
fn two_long_responses_are_read_one_after_the_other() {
    let (server, client) = pair(Options::default());
    let url = server.url(&format!("/gen/{LONG}"));
    let first = client.get(&url).send().expect("a head");
    let second = client.get(&url).send().expect("a head");
    let hash = body::pattern_sha256(LONG);
    assert_eq!(digest(second), (LONG, hash.clone()));
    assert_eq!(digest(first), (LONG, hash));
}

#[test]
fn a_dropped_response_gives_its_window_back() {
    let (server, client) = pair(Options::default());
    let url = server.url(&format!("/gen/{LONG}"));
    for _ in 0..20 {
        let mut response = client.get(&url).send().expect("a head");
        let mut some = [0; 1000];
        response.read_exact(&mut some).expect("the beginning");
        assert_eq!(some, body::pattern(1000)[..]);
    }
    assert_eq!(
        client
            .get(server.url("/gen/1000000"))
            .send()
            .unwrap()
            .bytes()
            .unwrap()
            .len(),
        1_000_000
    );
    assert_eq!(server.counts().connections, 1);
}

#[test]
fn a_body_beyond_the_limit_is_refused_unless_it_is_raised() {
    let server = Server::start(Options::default());
    let client = client(&server);
    let url = server.url("/gen/17000000");
    assert!(
        client
            .get(&url)
            .send()
            .unwrap()
            .bytes()
            .expect_err("16 MiB is the limit")
            .is_body()
    );
    let raised = client.get(&url).send().unwrap().limit(20_000_000);
    assert_eq!(raised.bytes().expect("a body").len(), 17_000_000);
}
