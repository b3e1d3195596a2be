//! Packets that came before their keys (RFC 9001 §5.7): kept until TLS has made the keys, so that
//! reordering, or a verifier that takes its time, costs no retransmission.
//!
//! Invariant: at most `Limits::early_datagrams` packets are kept, each once; later ones are discarded.

use super::{Connection, Receive};
use crate::codec::copy;
use crate::mem::Table;
use crate::recovery::Codepoint;
use crate::time::Instant;
use crate::wire::packet::{self, Space};

/// Packets that can be kept at most, whatever the limits say.
pub(crate) const EARLY_MAX: usize = 8;

/// One packet: how much of its place it fills, 0 for an empty place, and how it came.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    length: u16,
    codepoint: Codepoint,
}

/// Packets that wait for keys.
#[derive(Default)]
pub(super) struct Early<'m> {
    /// Places of equal size, one for each packet.
    bytes: Table<'m, u8>,
    place: usize,
    kept: [Kept; EARLY_MAX],
}

impl<'m> Early<'m> {
    /// Places of `place` bytes, as many as `bytes` has room for.
    pub(super) fn new(bytes: Table<'m, u8>, place: usize) -> Self {
        Self {
            bytes,
            place: place.max(1),
            kept: [Kept::default(); EARLY_MAX],
        }
    }

    /// Keeps a packet; `false` if there is no place for it.
    pub(super) fn keep(&mut self, codepoint: Codepoint, packet: &[u8]) -> bool {
        let Ok(length) = u16::try_from(packet.len()) else {
            return false;
        };
        for (index, kept) in self.kept.iter_mut().enumerate() {
            if kept.length > 0 {
                continue;
            }
            let place = place(&mut self.bytes, self.place, index);
            let Some(place) = place.and_then(|place| place.get_mut(..packet.len())) else {
                break;
            };
            copy(place, packet);
            *kept = Kept { length, codepoint };
            return true;
        }
        false
    }

    /// Takes the next packet from place `from` on that is `ready` now; the others stay. Says where to go on.
    fn take(
        &mut self,
        from: usize,
        ready: impl Fn(u8) -> bool,
    ) -> Option<(usize, Codepoint, &mut [u8])> {
        let mut kept = self.kept.iter_mut().enumerate().skip(from);
        let bytes = &mut self.bytes;
        let (index, kept) = kept.find(|(index, kept)| {
            let first = place(bytes, self.place, *index).and_then(|place| place.first());
            kept.length > 0 && first.is_some_and(|&first| ready(first))
        })?;
        let Kept { length, codepoint } = core::mem::take(kept);
        let packet = place(bytes, self.place, index)?.get_mut(..length.into())?;
        Some((index + 1, codepoint, packet))
    }
}

/// The place with this index, if the memory has it.
fn place(bytes: &mut [u8], length: usize, index: usize) -> Option<&mut [u8]> {
    let start = index.checked_mul(length)?;
    bytes.get_mut(start..start.checked_add(length)?)
}

impl Connection<'_> {
    /// Keys were made: what waited for them is handled as if it came now.
    #[inline(never)]
    pub(super) fn replay_early(&mut self, now: Instant) {
        let mut early = core::mem::take(&mut self.early);
        let handshake = self.keyring.has(Space::Handshake);
        let application = self.keyring.has(Space::Application);
        let ready = |first| {
            if packet::is_long(first) {
                handshake
            } else {
                application
            }
        };
        let mut next = 0;
        while let Some((behind, codepoint, packet)) = early.take(next, ready) {
            let from = Receive {
                codepoint,
                ..Receive::from(self.remote)
            };
            self.handle_packets(now, &from, packet);
            next = behind;
        }
        self.early = early;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn all(early: &mut Early<'_>, ready: impl Fn(u8) -> bool + Copy) -> Vec<Vec<u8>> {
        let (mut next, mut packets) = (0, Vec::new());
        while let Some((behind, codepoint, packet)) = early.take(next, ready) {
            assert_eq!(codepoint, Codepoint::Ce);
            packets.push(packet.to_vec());
            next = behind;
        }
        packets
    }

    #[test]
    fn packets_are_kept_in_order_until_the_places_are_full() {
        let mut memory = [0; 20];
        let mut early = Early::new(Table::from(&mut memory[..]), 10);
        assert!(early.keep(Codepoint::Ce, &[1; 10]));
        assert!(!early.keep(Codepoint::Ce, &[9; 11]), "longer than a place");
        assert!(early.keep(Codepoint::Ce, &[2; 3]));
        assert!(all(&mut early, |first| first == 7).is_empty());
        assert!(!early.keep(Codepoint::Ce, &[3]), "no place is left");
        assert_eq!(
            all(&mut early, |_| true),
            [Vec::from([1; 10]), Vec::from([2; 3])]
        );
        assert!(all(&mut early, |_| true).is_empty());
        assert!(!Early::new(Table::empty(), 10).keep(Codepoint::Ce, &[1]));
    }
}
