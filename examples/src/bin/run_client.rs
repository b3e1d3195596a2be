//! A GET with query parameters and a priority: `run_client [URL]`.
//!
//! Without a URL it asks a server of its own, which answers with the request as it saw it.

use std::error::Error;

use quicpro::{Certificate, Client, PriorityLevel};
use quicpro_tests::server::{Options, Server};

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(url) = std::env::args().nth(1) {
        return run(&Client::new(), &url);
    }
    let server = Server::start(Options::default());
    let authority = Certificate::from_der(&server.authority().der())?;
    let builder = Client::builder().tls_certs_only([authority]).no_proxy();
    run(&builder.build()?, &server.url("/request"))
}

fn run(client: &Client, url: &str) -> Result<(), Box<dyn Error>> {
    let response = client
        .get(url)
        .query(&[("q", "fish & chips"), ("page", "2")])
        .priority(PriorityLevel::High)
        .send()?
        .error_for_status()?;
    println!("{} from {}", response.status(), response.remote_addr());
    for (name, value) in response.headers() {
        println!("{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    println!("\n{}", response.text()?);
    Ok(())
}
