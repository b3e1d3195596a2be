//! Whom the client believes: everybody else is refused before a request is sent.

use super::{builder, client};
use quicpro::{Certificate, Client, Error, Identity};
use quicpro_tests::certificates::{self, Algorithm, Authority, Flaw};
use quicpro_tests::server::{Options, Server};

fn with_identity(identity: certificates::Identity) -> Server {
    Server::start(Options {
        identity: Some(identity),
        ..Options::default()
    })
}

fn trusting(authority: &Authority) -> Client {
    let root = Certificate::from_pem(authority.pem().as_bytes()).expect("a certificate");
    Client::builder()
        .tls_certs_only([root])
        .build()
        .expect("a client")
}

fn refused(server: &Server, client: &Client) -> Error {
    let error = client
        .get(server.url("/gen/1"))
        .send()
        .expect_err("this server must not be believed");
    assert!(error.is_tls() && error.is_connect(), "{error:?}");
    assert_eq!(server.counts().requests, 0);
    error
}

#[test]
fn a_leaf_with_a_flaw_is_refused_with_the_right_reason() {
    let authority = Authority::default();
    for (flaw, reason) in [
        (Flaw::WrongName, "other names"),
        (Flaw::Expired, "expired"),
        (Flaw::NotYetValid, "not valid yet"),
    ] {
        let server = with_identity(authority.issue(Algorithm::P256, flaw));
        let error = refused(&server, &trusting(&authority));
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn an_unknown_authority_and_a_self_signed_leaf_are_refused() {
    let unknown = with_identity(Authority::root("somebody else", Algorithm::P256).good());
    let error = refused(&unknown, &trusting(&Authority::default()));
    assert!(error.to_string().contains("issuer is unknown"), "{error}");
    assert_eq!(error.quic_code(), Some(0x130));
    let own = with_identity(certificates::Identity::self_signed());
    refused(&own, &trusting(&Authority::default()));
}

#[test]
fn the_platform_does_not_know_the_tests_authority() {
    let server = Server::start(Options::default());
    let client = Client::builder().build().expect("a client");
    refused(&server, &client);
    let root = Certificate::from_der(&server.authority().der()).expect("a certificate");
    let merged = Client::builder()
        .tls_certs_merge([root])
        .build()
        .expect("a client");
    assert_eq!(
        merged
            .get(server.url("/gen/1"))
            .send()
            .expect("a response")
            .status(),
        200
    );
}

#[test]
fn only_danger_believes_everybody() {
    let server = with_identity(certificates::Identity::self_signed());
    let client = Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .build()
        .expect("a client");
    assert_eq!(
        client
            .get(server.url("/gen/1"))
            .send()
            .expect("a response")
            .status(),
        200
    );
}

#[test]
fn every_kind_of_key_and_a_long_chain_are_believed() {
    let authority = Authority::default();
    for algorithm in [
        Algorithm::P256,
        Algorithm::P384,
        Algorithm::Ed25519,
        Algorithm::Rsa2048,
    ] {
        let between = authority.intermediate("between", algorithm);
        let server = with_identity(between.issue(algorithm, Flaw::None));
        let response = trusting(&authority).get(server.url("/gen/1")).send();
        assert_eq!(response.expect("a response").status(), 200, "{algorithm:?}");
    }
}

#[test]
fn a_client_certificate_is_shown_when_it_is_asked_for() {
    let clients = Authority::default();
    let server = Server::start(Options {
        client_authority: Some(clients.der()),
        ..Options::default()
    });
    for algorithm in [Algorithm::P256, Algorithm::P384, Algorithm::Ed25519] {
        let leaf = clients.issue(algorithm, Flaw::None);
        let pem = leaf.chain_pem() + &leaf.key_pem();
        let identity = Identity::from_pem(pem.as_bytes()).expect("an identity");
        let client = builder(&server)
            .identity(identity)
            .build()
            .expect("a client");
        let response = client
            .get(server.url("/certificate"))
            .send()
            .expect("a response");
        assert_ne!(response.text().expect("a number"), "0", "{algorithm:?}");
    }
}

#[test]
fn a_missing_client_certificate_is_the_servers_refusal() {
    let server = Server::start(Options {
        client_authority: Some(Authority::default().der()),
        ..Options::default()
    });
    let error = client(&server)
        .get(server.url("/gen/1"))
        .send()
        .expect_err("no certificate");
    assert!(error.is_tls(), "{error:?}");
    assert_eq!(error.quic_code(), Some(0x174), "{error:?}");
}
