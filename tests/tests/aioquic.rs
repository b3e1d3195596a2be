//! Against aioquic. Without the variable that names its Python these tests say so and check nothing;
//! `.ci/run` always sets it.

use http::Method;
use quicpro_tests::aioquic::{Options, PYTHON, Server, python};
use quicpro_tests::body;
use quicpro_tests::certificates::{Algorithm, Authority, Flaw};
use quicpro_tests::client::Client;

/// A server with a leaf of `algorithm`, and its authority.
fn start(algorithm: Algorithm, options: Options) -> Option<(Server, Authority)> {
    let Some(python) = python() else {
        println!("{PYTHON} is not set: aioquic is left out");
        return None;
    };
    let authority = Authority::root("aioquic's root", algorithm);
    let identity = authority.issue(algorithm, Flaw::None);
    Some((Server::start(python, &identity, options), authority))
}

/// What the later tests of our client rely on: each variant of the server works with the yardstick.
#[test]
fn every_variant_of_the_server_answers_the_yardstick() {
    let variants = [
        (
            Algorithm::P256,
            Options {
                chacha20_only: true,
                ..Options::default()
            },
        ),
        (Algorithm::Rsa2048, Options::default()),
        (Algorithm::Ed25519, Options::default()),
        (
            Algorithm::P384,
            Options {
                retry: true,
                ..Options::default()
            },
        ),
    ];
    for (algorithm, options) in variants {
        let Some((server, authority)) = start(algorithm, options) else {
            return;
        };
        let mut client =
            Client::connect(server.address(), "localhost", authority.der()).expect("a handshake");
        let reply = client.get("/gen/100000").expect("a response");
        assert_eq!(
            (reply.length, reply.sha256),
            (100_000, body::pattern_sha256(100_000)),
            "{algorithm:?} {options:?}"
        );
        let echo = client
            .fetch(Method::POST, "/echo", 3000)
            .expect("a response");
        assert_eq!(echo.sha256, body::pattern_sha256(3000));
        assert_eq!(client.get("/nowhere").expect("a response").status, 404);
    }
}
