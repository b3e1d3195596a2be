//! A way between a client and a server of its own, with weather of its own: another interface, another address.
//!
//! Invariant: which path a datagram takes is decided by its addresses alone, the client's as the client has it.

use super::link::Link;
use super::random::Random;
use super::weather::Weather;
use quicpro_core::Instant;
use std::net::{IpAddr, SocketAddr};

/// Two links, and whose datagrams they carry.
pub struct Path {
    /// The client's address; any if `None`.
    pub client: Option<IpAddr>,
    /// The server's address; any if `None`.
    pub server: Option<IpAddr>,
    /// From the client to the server.
    pub up: Link,
    /// From the server to the client.
    pub down: Link,
}

impl Path {
    /// A path with the same weather both ways, which carries everything: restrict it to an address or two.
    pub fn new(seed: u64, name: &str, weather: &Weather) -> Self {
        let link = |direction| {
            let random = Random::new(seed, &format!("{name} {direction}"));
            Link::new(weather.clone(), random)
        };
        Self {
            client: None,
            server: None,
            up: link("up"),
            down: link("down"),
        }
    }

    /// The same for one address of the client.
    #[must_use]
    pub fn of_client(mut self, address: IpAddr) -> Self {
        self.client = Some(address);
        self
    }

    /// The same for one address of the server.
    #[must_use]
    pub fn of_server(mut self, address: IpAddr) -> Self {
        self.server = Some(address);
        self
    }

    /// When the next datagram arrives at either end.
    pub fn next_arrival(&self) -> Option<Instant> {
        let times = [self.up.next_arrival(), self.down.next_arrival()];
        times.into_iter().flatten().min()
    }

    fn carries(&self, client: SocketAddr, server: SocketAddr) -> bool {
        self.client.is_none_or(|address| address == client.ip())
            && self.server.is_none_or(|address| address == server.ip())
    }
}

/// The first path that carries datagrams between the two.
pub fn find(paths: &mut [Path], client: SocketAddr, server: SocketAddr) -> Option<&mut Path> {
    paths.iter_mut().find(|path| path.carries(client, server))
}
