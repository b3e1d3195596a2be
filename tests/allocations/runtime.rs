//! The blocking client: each request allocates a little, and not more with time.

use super::counting::allocations;
use super::{PATH, REQUESTS};
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::time::Duration;

/// Allocations of one request, at most.
const PER_REQUEST_MAX: u64 = 25;

/// How far two thousands of requests may be apart, in per cent.
const DIFFERENCE_MAX: u64 = 1;

pub fn run(address: SocketAddr, root: &CertificateDer<'_>) {
    let root = quicpro::Certificate::from_der(root).expect("the authority's certificate");
    let builder = quicpro::Client::builder().tls_certs_only([root]);
    let builder = builder.resolve("localhost", address).no_proxy();
    let client = builder
        .timeout(Duration::from_secs(20))
        .build()
        .expect("a client");
    let url = format!("https://localhost:{}{PATH}", address.port());
    let get = || {
        let response = client.get(&url).send().expect("a response");
        assert_eq!(response.bytes().expect("a body").len(), 100);
    };
    let [first, second] = [(); 2].map(|()| {
        let before = allocations();
        (0..REQUESTS).for_each(|_| get());
        allocations() - before
    });
    println!("runtime: {first} allocations in {REQUESTS} requests, {second} in the next");
    let per_request = second.div_ceil(REQUESTS as u64);
    assert!(per_request <= PER_REQUEST_MAX, "{per_request} a request");
    let difference = first.abs_diff(second) * 100;
    assert!(difference <= first * DIFFERENCE_MAX, "{first} and {second}");
}
