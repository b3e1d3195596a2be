//! The independent server and client against each other: what later tests rely on is true.

use http::Method;
use quicpro_tests::body;
use quicpro_tests::certificates::{Algorithm, Authority, Flaw, Identity};
use quicpro_tests::client::Client;
use quicpro_tests::server::{Behaviour, Group, Options, Server, Suite};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

fn connect(server: &Server) -> Client {
    Client::connect(server.address(), "localhost", server.authority().der()).expect("a handshake")
}

#[test]
fn a_generated_body_arrives_whole() {
    let server = Server::start(Options::default());
    let mut client = connect(&server);
    for length in [0, 1, 100_000, 3_000_000] {
        let reply = client.get(&format!("/gen/{length}")).expect("a response");
        assert_eq!(reply.status, 200);
        assert_eq!(reply.length, length);
        assert_eq!(
            reply.sha256,
            body::pattern_sha256(length),
            "length {length}"
        );
    }
    drop(client);
    let close = server.next_close(PATIENCE).expect("the client has closed");
    assert!(
        matches!(close, quinn::ConnectionError::ApplicationClosed(close) if close.error_code == 0x100u32.into())
    );
    assert_eq!(server.counts().connections, 1);
    assert_eq!(server.counts().requests, 4);
}

#[test]
fn an_uploaded_body_arrives_whole_and_comes_back_whole() {
    let windows = Some((20_000, 30_000));
    let server = Server::start(Options {
        receive_windows: windows,
        ..Options::default()
    });
    let mut client = connect(&server);
    let sink = client
        .fetch(Method::POST, "/sink", 500_000)
        .expect("a response");
    assert_eq!(sink.fields["x-length"], "500000");
    assert_eq!(
        sink.sha256,
        body::sha256(body::pattern_sha256(500_000).as_bytes())
    );
    let echo = client
        .fetch(Method::POST, "/echo", 1000)
        .expect("a response");
    assert_eq!(
        (echo.length, echo.sha256),
        (1000, body::pattern_sha256(1000))
    );
}

#[test]
fn every_well_behaved_path_answers() {
    let server = Server::start(Options::default());
    let mut client = connect(&server);
    assert_eq!(client.get("/status/404").unwrap().status, 404);
    assert_eq!(client.get("/nowhere").unwrap().status, 404);
    assert_eq!(
        client.get("/headers/30").unwrap().fields["x-field-29"].len(),
        100
    );
    assert_eq!(
        client.get("/redirect/302?/gen/1").unwrap().fields["location"],
        "/gen/1"
    );
    assert_eq!(
        client.get("/trailers").unwrap().trailers.unwrap()["x-checksum"],
        "abc123"
    );
    assert_eq!(client.get("/early").unwrap().sha256, body::sha256(b"ok"));
    assert_eq!(
        client.get("/certificate").unwrap().sha256,
        body::sha256(b"0")
    );
    assert_eq!(client.get("/stop").unwrap().sha256, body::sha256(b"stop"));
    assert_eq!(
        client.get("/slow/1").unwrap().sha256,
        body::pattern_sha256(10_000)
    );
    assert_eq!(
        client.get("/keyupdate").unwrap().sha256,
        body::pattern_sha256(8 * 32 * 1024)
    );
    assert_eq!(
        client.fetch(Method::HEAD, "/gen/77", 0).unwrap().fields["content-length"],
        "77"
    );
    assert!(client.get("/request").unwrap().length > 20);
    assert!(
        client
            .get_parallel("/gen/5000", 100)
            .unwrap()
            .iter()
            .all(|reply| reply.length == 5000)
    );
}

#[test]
fn every_misbehaving_path_misbehaves() {
    let server = Server::start(Options::default());
    for path in ["/reset", "/close"] {
        assert!(connect(&server).get(path).is_err(), "{path}");
    }
    let mut client = connect(&server);
    assert_eq!(client.get("/short").unwrap().length, 1000);
    assert_eq!(
        client.get("/goaway").unwrap().sha256,
        body::sha256(b"goaway")
    );
    assert!(
        client.get("/gen/1").is_err(),
        "a request after GOAWAY is refused"
    );
}

#[test]
fn a_silent_connection_is_dropped_by_the_server() {
    let idle_timeout = Duration::from_millis(200);
    let server = Server::start(Options {
        idle_timeout,
        ..Options::default()
    });
    assert!(connect(&server).get("/hang").is_err());
    assert_eq!(
        server.next_close(PATIENCE),
        Some(quinn::ConnectionError::TimedOut)
    );
}

#[test]
fn each_suite_group_and_kind_of_key_works_alone() {
    let authority = Authority::root("rsa root", Algorithm::Rsa2048);
    for suite in [Suite::Aes128Gcm, Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        for (group, algorithm) in [
            (Group::X25519, Algorithm::Rsa2048),
            (Group::P256, Algorithm::P384),
        ] {
            let identity = Some(authority.issue(algorithm, Flaw::None));
            let options = Options {
                suites: vec![suite],
                groups: vec![group],
                identity,
                ..Options::default()
            };
            let server = Server::start(options);
            let mut client =
                Client::connect(server.address(), "h3.test", authority.der()).expect("a handshake");
            assert_eq!(
                client.get("/gen/10").unwrap().length,
                10,
                "{suite:?} {group:?} {algorithm:?}"
            );
        }
    }
}

#[test]
fn a_client_certificate_is_demanded_and_checked() {
    let authority = Authority::root("clients", Algorithm::P256);
    let options = Options {
        client_authority: Some(authority.der()),
        ..Options::default()
    };
    let server = Server::start(options);
    let get = |identity| {
        let root = server.authority().der();
        Client::connect_as(identity, server.address(), "localhost", root)?.get("/certificate")
    };
    assert_eq!(
        get(Some(authority.good())).unwrap().sha256,
        body::sha256(b"1")
    );
    assert!(get(None).is_err());
    assert!(
        get(Some(Authority::default().good())).is_err(),
        "signed by another authority"
    );
}

#[test]
fn retry_and_late_settings_are_survived() {
    let late = Behaviour::LateSettings(Duration::from_millis(50));
    for (retry, behaviour, retries) in [(true, Behaviour::Routes, 1), (false, late, 0)] {
        let server = Server::start(Options {
            retry,
            behaviour,
            unidirectional_max: 3,
            ..Options::default()
        });
        assert_eq!(connect(&server).get("/early").unwrap().status, 200);
        assert_eq!(server.counts().retries, retries);
    }
}

#[test]
fn flawed_certificates_are_refused_by_the_yardstick_too() {
    let authority = Authority::default();
    let intermediate = authority.intermediate("middle", Algorithm::Ed25519);
    let attempt = |identity: Identity| {
        let server = Server::start(Options {
            identity: Some(identity),
            ..Options::default()
        });
        Client::connect(server.address(), "localhost", authority.der()).map(drop)
    };
    assert!(attempt(intermediate.good()).is_ok());
    for flaw in [Flaw::WrongName, Flaw::Expired, Flaw::NotYetValid] {
        assert!(
            attempt(authority.issue(Algorithm::P256, flaw)).is_err(),
            "{flaw:?}"
        );
    }
    assert!(
        attempt(Authority::default().good()).is_err(),
        "an unknown authority of the same name"
    );
    assert!(attempt(Identity::self_signed()).is_err());
}
