//! The bare engine fetches something from an independent server, or refuses to.

use quicpro_core::Limits;
use quicpro_tests::body;
use quicpro_tests::engine::get;
use quicpro_tests::server::{Options, Server};
use rustls::pki_types::TrustAnchor;

fn anchor(server: &Server) -> TrustAnchor<'static> {
    webpki::anchor_from_trusted_cert(&server.authority().der())
        .unwrap()
        .to_owned()
}

#[test]
fn a_verified_get_with_the_smallest_memory() {
    let server = Server::start(Options::default());
    let root = anchor(&server);
    for length in [0, 1, 1000, 100_000] {
        let answer = get(
            server.address(),
            "localhost",
            &format!("/gen/{length}"),
            &root,
            &Limits::TINY,
        )
        .unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, body::pattern(length));
    }
}
