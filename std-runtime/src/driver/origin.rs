//! One origin: the requests that wait for it, and the connection they will go to.
//!
//! Invariant: while requests wait there is an open connection or a search for one.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use url::{Host, Url};

use super::dial::Dial;
use super::{Exchange, Seat, Settings};
use crate::config::QUEUED_REQUESTS;
use crate::error::{Cause, Failure, Phase};

pub(crate) struct Origin {
    /// For TLS and for looking it up: a name, or an address without brackets.
    pub host: String,
    pub port: u16,
    pub waiting: VecDeque<Seat>,
    pub dial: Option<Dial>,
    /// The connection that takes new requests.
    pub open: Option<usize>,
}

impl Origin {
    pub fn new(url: &Url) -> Self {
        let host = match url.host() {
            Some(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        };
        Self {
            host,
            port: url.port_or_known_default().unwrap_or(443),
            waiting: VecDeque::new(),
            dial: None,
            open: None,
        }
    }

    /// Queues a request, if there is room for another one.
    pub fn push(&mut self, seat: Seat) {
        if self.waiting.len() < QUEUED_REQUESTS {
            self.waiting.push_back(seat);
        } else {
            let message = format!("{QUEUED_REQUESTS} requests wait for the server already");
            seat.0.on_end(Err(
                Failure::new(Phase::Request, Cause::Other, message).unprocessed()
            ));
        }
    }

    /// Takes a request out of the queue.
    pub fn remove(&mut self, exchange: &Arc<Exchange>) {
        self.waiting.retain(|seat| !Arc::ptr_eq(&seat.0, exchange));
    }

    /// Nobody can be connected to.
    pub fn fail(&mut self, failure: &Failure) {
        for seat in self.waiting.drain(..) {
            seat.0.on_end(Err(failure.clone()));
        }
    }

    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.dial.is_none() && self.open.is_none()
    }

    /// The origin's addresses, if they are known without asking anybody.
    pub fn known_addresses(&self, settings: &Settings) -> Option<Vec<SocketAddr>> {
        if let Some(address) = settings.remote_address {
            return Some(vec![address]);
        }
        if let Some(addresses) = settings.resolve.get(&self.host) {
            let with_port = addresses.iter().map(|address| match address.port() {
                0 => SocketAddr::new(address.ip(), self.port),
                _ => *address,
            });
            return Some(with_port.collect());
        }
        let address: IpAddr = self.host.parse().ok()?;
        Some(vec![SocketAddr::new(address, self.port)])
    }
}
