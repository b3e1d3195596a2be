//! Many requests at once on one connection, from plain blocking code: `start` them all, then `wait` for each.

use std::error::Error;
use std::time::Instant;

use quicpro::{Certificate, Client, PendingResponse};
use quicpro_tests::server::{Options, Server};

/// Requests on their way at the same time.
const REQUESTS: usize = 20;
/// The server takes ten times this long for an answer, in milliseconds.
const PAUSE: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start(Options::default());
    let authority = Certificate::from_der(&server.authority().der())?;
    let client = Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        .build()?;

    let begun = Instant::now();
    let url = server.url(&format!("/slow/{PAUSE}"));
    let pending: Vec<PendingResponse> = (0..REQUESTS)
        .map(|_| client.get(&url).start())
        .collect::<Result<_, _>>()?;
    let mut bytes = 0;
    for response in pending {
        bytes += response.wait()?.bytes()?.len();
    }
    let took = begun.elapsed().as_secs_f64();

    let connections = server.counts().connections;
    println!("{REQUESTS} answers, {bytes} bytes, {connections} connection, {took:.2} s");
    println!(
        "each takes the server {:.2} s, so one after the other they would take {:.2} s",
        (10 * PAUSE) as f64 / 1000.0,
        (10 * PAUSE * REQUESTS) as f64 / 1000.0
    );
    Ok(())
}
