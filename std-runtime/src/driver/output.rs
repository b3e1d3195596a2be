//! What leaves a connection: the engine's batches, to the socket of their path.
//!
//! Invariant: a batch the kernel did not take is offered again before the engine is asked for another.

use std::net::SocketAddr;

use quinn_udp::EcnCodepoint;

use super::link::{Link, Turn};
use super::message::to_kernel;
use super::socket::{Batch, Sent};

/// Batches sent in one turn, before other connections get theirs: a megabyte.
const TURN_BATCHES: usize = 16;

/// The largest datagram sent where the kernel takes one at a time.
const DATAGRAM_MAX: usize = 1_500;

/// A batch that the kernel had no room for.
pub(super) struct Refused {
    from: Option<SocketAddr>,
    to: SocketAddr,
    bytes: Vec<u8>,
    segment_size: Option<usize>,
    ecn: Option<EcnCodepoint>,
}

impl Refused {
    fn batch(&self) -> Batch<'_> {
        Batch {
            bytes: &self.bytes,
            segment_size: self.segment_size,
            ecn: self.ecn,
        }
    }
}

impl Link {
    /// Sends what the engine has, as far as the kernel takes it.
    pub(super) fn transmit(&mut self, turn: &mut Turn<'_>) {
        if let Some(refused) = self.refused.take() {
            let way = (refused.from, refused.to);
            if !self.send(way, turn, refused.batch()) {
                self.refused = Some(refused);
                return;
            }
        }
        let limit = match self.sockets.segments_max() {
            // Room for one of those that are known to arrive, but not for two.
            0 | 1 => DATAGRAM_MAX.max(self.client.transport().datagram_size().into()),
            _ => turn.out.len(),
        };
        let limit = limit.min(turn.out.len());
        for _ in 0..TURN_BATCHES {
            let out = &mut turn.out[..limit];
            let Some(transmit) = self.client.poll_transmit(turn.now.engine, out) else {
                return;
            };
            let bytes = turn.out.get(..transmit.len).unwrap_or_default();
            let ecn = to_kernel(transmit.codepoint);
            let batch = Batch {
                bytes,
                segment_size: transmit.segment_size,
                ecn,
            };
            if !self.send((transmit.from, transmit.to), turn, batch) {
                self.refused = Some(Refused {
                    from: transmit.from,
                    to: transmit.to,
                    bytes: bytes.to_vec(),
                    segment_size: transmit.segment_size,
                    ecn,
                });
                return;
            }
        }
        // There is more to send: another turn as soon as the others had theirs.
        self.wants_turn = true;
    }

    fn send(
        &mut self,
        way: (Option<SocketAddr>, SocketAddr),
        turn: &Turn<'_>,
        batch: Batch<'_>,
    ) -> bool {
        match self.sockets.send(way, turn.registry, batch) {
            Sent::Taken => {}
            Sent::Full => return false,
            Sent::TooLong => {
                let length = batch.segment_size.unwrap_or(batch.bytes.len());
                let transport = self.client.transport_mut();
                transport.on_datagram_refused(turn.now.engine, length);
            }
            sent @ (Sent::Unreachable | Sent::Broken) => self.suspicion = Some(sent),
        }
        true
    }
}
