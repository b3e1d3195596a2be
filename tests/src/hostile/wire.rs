//! Between our client and a link with a scripted server: datagrams and times in both directions.
//!
//! Invariant: no datagram is lost or made here; a batch is taken apart in its order.

use quicpro_core::connection::Receive;
use quicpro_core::http3::Client;
use quicpro_core::{Instant, Limits};
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// Who the server is.
pub fn address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 443))
}

/// The engine's time of a link's.
pub fn instant(now: Duration) -> Instant {
    Instant::from_micros(u64::try_from(now.as_micros()).expect("scripts are short"))
}

/// What belongs to a client without being part of it: its packet buffer, and what it sent.
pub struct Wire {
    buffer: Vec<u8>,
    /// Datagrams of the last batch that were not taken yet.
    batch: VecDeque<Vec<u8>>,
    /// Where to.
    destinations: BTreeSet<SocketAddr>,
}

impl Wire {
    /// For a client with this memory.
    pub fn new(limits: &Limits) -> Self {
        Self {
            buffer: vec![0; limits.datagram],
            batch: VecDeque::new(),
            destinations: BTreeSet::new(),
        }
    }

    /// Where all datagrams of the client so far were sent to.
    pub fn destinations(&self) -> &BTreeSet<SocketAddr> {
        &self.destinations
    }

    /// A datagram of the server.
    pub fn receive(&self, client: &mut Client<'_>, now: Duration, mut datagram: Vec<u8>) {
        client.handle_datagram(instant(now), &Receive::from(address()), &mut datagram);
    }

    /// The next datagram of the client.
    pub fn transmit(&mut self, client: &mut Client<'_>, now: Duration) -> Option<Vec<u8>> {
        if let Some(waiting) = self.batch.pop_front() {
            return Some(waiting);
        }
        let transmit = client.poll_transmit(instant(now), &mut self.buffer)?;
        self.destinations.insert(transmit.to);
        let size = transmit.segment_size.unwrap_or(transmit.len);
        let segments = self.buffer[..transmit.len].chunks(size);
        self.batch.extend(segments.map(<[u8]>::to_vec));
        self.batch.pop_front()
    }

    /// When the client is to be woken.
    pub fn deadline(&self, client: &Client<'_>) -> Option<Duration> {
        let deadline = client.poll_timeout()?;
        Some(Duration::from_micros(deadline.as_micros()))
    }
}
