//! Fetches something real over HTTP/3, on a machine that is connected to nothing.
//!
//! The server is somebody else's QUIC and HTTP/3 (quinn and h3), on loopback, with a certificate from an authority
//! that is made for this run. The client trusts this authority and no other.

use std::error::Error;

use quicpro::{Certificate, Client, Version};
use quicpro_tests::body;
use quicpro_tests::server::{Options, Server};

/// Bytes to fetch.
const LENGTH: u64 = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start(Options::default());
    let authority = Certificate::from_der(&server.authority().der())?;

    let client = Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        .build()?;
    let response = client.get(server.url(&format!("/gen/{LENGTH}"))).send()?;

    println!("status    {}", response.status().as_u16());
    if response.version() == Version::HTTP_3 {
        println!("protocol  h3");
    }
    // No answer gets here unless this name is a subject of the certificate and the authority's signature is good.
    let name = response.url().host_str().unwrap_or_default();
    println!("subject   {name}, verified: signed by the authority of this run");
    println!("address   {}", response.remote_addr());

    let body = response.bytes()?;
    println!("length    {} bytes", body.len());
    println!("sha-256   {}", body::sha256(&body));
    if body::sha256(&body) == body::pattern_sha256(LENGTH) {
        Ok(())
    } else {
        Err("these are not the bytes that the server sent".into())
    }
}
