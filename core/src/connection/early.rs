//! Packets that came before their keys (RFC 9001 §5.7): kept until TLS has made the keys, so that
//! reordering, or a verifier that takes its time, costs no retransmission.
//!
//! Invariant: at most `Limits::early_datagrams` packets are kept, each once; later ones are discarded.

use super::{Connection, Receive};
use crate::mem::Table;
use crate::time::Instant;
use crate::wire::packet::{self, Space};

/// Packets that can be kept at most, whatever the limits say.
pub(crate) const EARLY_MAX: usize = 8;

/// One packet: how it came, and how much of its place it fills.
#[derive(Clone, Copy, Debug)]
struct Kept {
    from: Receive,
    length: usize,
}

/// Packets that wait for keys.
#[derive(Default)]
pub(super) struct Early<'m> {
    /// Places of equal size, one for each packet.
    bytes: Table<'m, u8>,
    place: usize,
    kept: [Option<Kept>; EARLY_MAX],
}

impl<'m> Early<'m> {
    /// Places of `place` bytes, as many as `bytes` has room for.
    pub(super) fn new(bytes: Table<'m, u8>, place: usize) -> Self {
        Self {
            bytes,
            place,
            kept: [None; EARLY_MAX],
        }
    }

    /// Keeps a packet; `false` if there is no place for it.
    pub(super) fn keep(&mut self, from: &Receive, packet: &[u8]) -> bool {
        let length = packet.len();
        let mut places = self
            .kept
            .iter_mut()
            .zip(self.bytes.chunks_exact_mut(self.place.max(1)));
        let free = places.find(|(kept, _)| kept.is_none());
        let Some((kept, place)) = free.filter(|(_, place)| length <= place.len()) else {
            return false;
        };
        place[..length].copy_from_slice(packet);
        *kept = Some(Kept {
            from: *from,
            length,
        });
        true
    }

    /// Takes the packets that are `ready` now; the others stay.
    fn take(&mut self, ready: impl Fn(u8) -> bool) -> impl Iterator<Item = (Receive, &mut [u8])> {
        let places = self
            .kept
            .iter_mut()
            .zip(self.bytes.chunks_exact_mut(self.place.max(1)));
        places.filter_map(move |(kept, place)| {
            let is_ready = place.first().is_some_and(|&first| ready(first));
            let Kept { from, length } = kept.take_if(|_| is_ready)?;
            Some((from, place.get_mut(..length)?))
        })
    }
}

impl Connection<'_> {
    /// Keys were made: what waited for them is handled as if it came now.
    pub(super) fn replay_early(&mut self, now: Instant) {
        let mut early = core::mem::take(&mut self.early);
        let [_, handshake, application] = Space::ALL.map(|space| self.keyring.has(space));
        let ready = |first| {
            if packet::is_long(first) {
                handshake
            } else {
                application
            }
        };
        for (from, packet) in early.take(ready) {
            self.handle_packets(now, &from, packet);
        }
        self.early = early;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn packets_are_kept_in_order_until_the_places_are_full() {
        let from = Receive::from(core::net::SocketAddr::from(([127, 0, 0, 1], 1)));
        let mut memory = [0; 20];
        let mut early = Early::new(Table::from(&mut memory[..]), 10);
        assert!(early.keep(&from, &[1; 10]));
        assert!(!early.keep(&from, &[9; 11]), "longer than a place");
        assert!(early.keep(&from, &[2; 3]));
        assert_eq!(early.take(|first| first == 7).count(), 0);
        assert!(!early.keep(&from, &[3]), "no place is left");
        let packets: Vec<Vec<u8>> = early
            .take(|_| true)
            .map(|(_, packet)| packet.to_vec())
            .collect();
        assert_eq!(packets, [Vec::from([1; 10]), Vec::from([2; 3])]);
        assert_eq!(early.take(|_| true).count(), 0);
        assert!(!Early::new(Table::empty(), 10).keep(&from, &[1]));
    }
}
