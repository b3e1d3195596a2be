//! The blocking client: each request allocates a little, and not more with time.

use super::counting::allocations;
use super::{PATH, REQUESTS};
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::time::Duration;

/// Allocations of one request, at most.
const PER_REQUEST_MAX: u64 = 12;

/// How far two thousands of requests may be apart: a queue or a set of buffers that grows once. What is allocated by
/// timing, like a list for each time that the I/O thread wakes up, makes hundreds.
const DIFFERENCE_MAX: u64 = 10;

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
    let [warm_up, first, second] = [(); 3].map(|()| {
        let before = allocations();
        (0..REQUESTS).for_each(|_| get());
        allocations() - before
    });
    println!(
        "runtime: {warm_up} allocations in {REQUESTS} requests, {first} in the next, then {second}"
    );
    let per_request = second.div_ceil(REQUESTS as u64);
    assert!(per_request <= PER_REQUEST_MAX, "{per_request} a request");
    let difference = first.abs_diff(second);
    assert!(difference <= DIFFERENCE_MAX, "{first} and {second}");
}
