//! The blocking client against the independent server, by topic.

mod bodies;
mod connecting;
mod lifetime;
mod moving;
#[cfg(target_os = "linux")]
mod networks;
mod requests;
mod trust;

use quicpro::{Certificate, Client, ClientBuilder};
use quicpro_tests::server::{Options, Server};
use std::time::Duration;

/// Longer than anything that succeeds takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A builder that trusts nobody but the server's authority.
fn builder(server: &Server) -> ClientBuilder {
    let root =
        Certificate::from_der(&server.authority().der()).expect("the authority's certificate");
    Client::builder().tls_certs_only([root]).timeout(PATIENCE)
}

fn client(server: &Server) -> Client {
    builder(server).build().expect("a client")
}

/// A server and a client that trusts it.
fn pair(options: Options) -> (Server, Client) {
    let server = Server::start(options);
    let client = client(&server);
    (server, client)
}
