//! Against aioquic. Without the variable that names its Python these tests say so and check nothing;
//! `.ci/run` always sets it.

use http::Method;
use quicpro_tests::aioquic::{Options, PYTHON, Server, python};
use quicpro_tests::body;
use quicpro_tests::certificates::{Algorithm, Authority, Flaw};
use quicpro_tests::client::Client;
use std::time::Duration;

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

/// Keys of every kind, ChaCha20 alone, and a Retry.
fn variants() -> [(Algorithm, Options); 4] {
    let chacha20 = Options {
        chacha20_only: true,
        ..Options::default()
    };
    let retry = Options {
        retry: true,
        ..Options::default()
    };
    [
        (Algorithm::P256, chacha20),
        (Algorithm::Rsa2048, Options::default()),
        (Algorithm::Ed25519, Options::default()),
        (Algorithm::P384, retry),
    ]
}

/// aioquic's QPACK encoder uses a dynamic table wherever it is given one, and finds ours of capacity 0.
#[test]
fn our_client_gets_along_with_every_variant() {
    for (algorithm, options) in variants() {
        let Some((server, authority)) = start(algorithm, options) else {
            return;
        };
        let root = quicpro::Certificate::from_der(&authority.der()).expect("a certificate");
        let client = quicpro::Client::builder()
            .tls_certs_only([root])
            .timeout(Duration::from_secs(20))
            .build()
            .expect("a client");
        let url = |path: &str| format!("https://localhost:{}{path}", server.address().port());
        let get = client.get(url("/gen/100000")).send().expect("a response");
        assert_eq!(get.status(), 200, "{algorithm:?} {options:?}");
        assert_eq!(get.bytes().expect("the body"), body::pattern(100_000));
        let post = client.post(url("/echo")).body(body::pattern(3000));
        let echo = post.send().and_then(quicpro::Response::bytes);
        assert_eq!(echo.expect("the echo"), body::pattern(3000));
        let missing = client.get(url("/nowhere")).send().expect("a response");
        assert_eq!(missing.status(), 404);
        // On the same connection: a second section is what a dynamic table would be used for.
        let again = client.get(url("/gen/1")).header("x-again", "1").send();
        assert_eq!(again.expect("a response").status(), 200);
    }
}

/// What the test of our client relies on: each variant of the server works with the yardstick.
#[test]
fn every_variant_of_the_server_answers_the_yardstick() {
    for (algorithm, options) in variants() {
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
