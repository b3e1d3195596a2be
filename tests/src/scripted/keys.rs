//! Packet protection by rustls and aws-lc: nothing of it is shared with the client under test.
//!
//! Invariant: what a level seals is authentic, whatever its header and its payload say.

use quicpro_core::wire::packet::{self, number};
use rustls::quic::{HeaderProtectionKey, Keys, PacketKeySet, Secrets};

/// Bytes that both protections add and sample.
const TAG: usize = 16;
/// Where the sample starts behind the packet number's first byte (RFC 9001 §5.4.2).
const SAMPLE_AT: usize = 4;

/// A packet whose header was complete in the clear: where its number lies, and what that is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbered {
    pub at: usize,
    pub length: usize,
    pub number: u64,
    /// Which of the key generations is used; only 1-RTT keys have more than one.
    pub generation: usize,
}

/// A packet of the client, opened.
pub(super) struct Opened {
    pub first: u8,
    pub number: u64,
    pub generation: usize,
    pub payload: Vec<u8>,
}

/// The keys of one encryption level, both directions.
pub(super) struct Level {
    header_local: Box<dyn HeaderProtectionKey>,
    header_remote: Box<dyn HeaderProtectionKey>,
    generations: Vec<PacketKeySet>,
    next: Option<Secrets>,
}

impl Level {
    /// Keys that `next` can update, if given.
    pub fn new(keys: Keys, next: Option<Secrets>) -> Self {
        let packet = PacketKeySet {
            local: keys.local.packet,
            remote: keys.remote.packet,
        };
        Self {
            header_local: keys.local.header,
            header_remote: keys.remote.header,
            generations: vec![packet],
            next,
        }
    }

    /// Derives keys up to `generation`.
    fn derive(&mut self, generation: usize) {
        while self.generations.len() <= generation {
            let Some(next) = &mut self.next else { return };
            self.generations.push(next.next_packet_keys());
        }
    }

    /// Seals `payload` behind `header`, which ends with the packet number.
    pub fn seal(&mut self, header: &[u8], payload: &[u8], numbered: Numbered) -> Vec<u8> {
        self.derive(numbered.generation);
        let keys = self
            .generations
            .get(numbered.generation)
            .expect("this level can update its keys");
        let mut sealed = payload.to_vec();
        let tag = keys
            .local
            .encrypt_in_place(numbered.number, header, &mut sealed)
            .expect("the payload is short");
        let mut packet = [header, &sealed, tag.as_ref()].concat();
        let at = numbered.at + SAMPLE_AT;
        let sample: [u8; TAG] = packet
            .get(at..at + TAG)
            .and_then(|sample| sample.try_into().ok())
            .expect("number and payload together have 4 bytes");
        let (front, rest) = packet.split_at_mut(numbered.at);
        self.header_local
            .encrypt_in_place(&sample, &mut front[0], &mut rest[..numbered.length])
            .expect("a sample of 16 bytes");
        packet
    }

    /// Opens `packet`, which ends where the packet ends; `None` if it is not authentic.
    pub fn open(&mut self, packet: &[u8], at: usize, largest: Option<u64>) -> Option<Opened> {
        let mut clear = packet.to_vec();
        let sample: [u8; TAG] = packet
            .get(at + SAMPLE_AT..at + SAMPLE_AT + TAG)?
            .try_into()
            .ok()?;
        let (front, rest) = clear.split_at_mut(at);
        self.header_remote
            .decrypt_in_place(&sample, &mut front[0], &mut rest[..4])
            .ok()?;
        let first = clear[0];
        let length = packet::number_length(first);
        // The mask was taken off all four bytes; those that are no number get theirs back.
        clear[at + length..at + 4].copy_from_slice(&packet[at + length..at + 4]);
        let truncated = clear[at..at + length]
            .iter()
            .fold(0, |number, &byte| number << 8 | u64::from(byte));
        let number = number::decode(truncated, length, largest);
        self.derive(self.generations.len());
        let (header, payload) = clear.split_at_mut(at + length);
        let phase = usize::from(!packet::is_long(first) && packet::key_phase(first));
        (0..self.generations.len())
            .rev()
            .filter(|generation| self.next.is_none() || generation % 2 == phase)
            .find_map(|generation| {
                let mut payload = payload.to_vec();
                let keys = &self.generations[generation];
                let length = keys
                    .remote
                    .decrypt_in_place(number, header, &mut payload)
                    .ok()?
                    .len();
                payload.truncate(length);
                Some(Opened {
                    first,
                    number,
                    generation,
                    payload,
                })
            })
    }
}
