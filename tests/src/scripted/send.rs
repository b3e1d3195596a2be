//! What the server sends: packets sealed as described, and the honest answers.
//!
//! Invariant: everything that leaves is in [`Server::sent`], byte for byte.

use super::keys::Numbered;
use super::packet::{Packet, encode, encoded};
use super::server::{Numbers, Server};
use quicpro_core::codec::{VarInt, Writer};
use quicpro_core::wire::frame::{Ack, Frame, Frames};
use quicpro_core::wire::packet::{
    ConnectionId, LongHeader, Space, Version, encode_short, patch_length,
};
use quicpro_core::wire::{Direction, StreamId};
use std::ops::RangeInclusive;

/// Bytes of an honest datagram; so many that one filled up to [`OVERHEAD`] still has 1,200.
const DATAGRAM: usize = 1252;
/// More than a packet's header and tag take.
const OVERHEAD: usize = 80;
/// Bytes of one piece of a stream in a packet.
const PIECE: usize = 1000;
/// Bytes of an authentication tag.
const TAG: usize = 16;

impl Server {
    /// Takes the next datagram for the client.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outbox.pop_front()
    }

    /// Sends any bytes.
    pub fn send_datagram(&mut self, datagram: Vec<u8>) {
        self.sent.push(datagram.clone());
        self.outbox.push_back(datagram);
    }

    /// Sends `frames` in a packet of their own; one in the Initial space is padded.
    pub fn send(&mut self, space: Space, frames: &[Frame<'_>]) {
        self.send_packet(Packet::new(space).frames(frames));
    }

    /// Sends any bytes where frames belong; padding would change what they say, so there is none.
    pub fn send_raw(&mut self, space: Space, bytes: &[u8]) {
        let packet = Packet::new(space).raw(bytes);
        let datagram = self.seal(&packet);
        self.send_datagram(datagram);
    }

    /// Sends a packet in a datagram of its own; one in the Initial space is padded.
    pub fn send_packet(&mut self, packet: Packet) {
        let packet = match packet.space {
            Space::Initial => packet.padded(DATAGRAM - OVERHEAD),
            _ => packet,
        };
        let datagram = self.seal(&packet);
        self.send_datagram(datagram);
    }

    /// Sends a packet in a datagram of its own, whatever its length.
    pub fn send_packet_as_is(&mut self, packet: &Packet) {
        let datagram = self.seal(packet);
        self.send_datagram(datagram);
    }

    /// Sends packets in one datagram.
    pub fn send_coalesced(&mut self, packets: &[Packet]) {
        let datagram = packets.iter().flat_map(|packet| self.seal(packet));
        let datagram = datagram.collect();
        self.send_datagram(datagram);
    }

    /// Seals a packet without sending it. The space needs keys.
    pub fn seal(&mut self, packet: &Packet) -> Vec<u8> {
        let space = packet.space;
        for frame in Frames::new(&packet.payload).flatten() {
            self.audit.on_sent(&frame);
            if let Frame::NewConnectionId { cid, .. } = frame {
                self.issued.extend(ConnectionId::new(cid));
            }
        }
        let numbers = &mut self.spaces[space as usize];
        let number = packet.number.unwrap_or(numbers.next);
        numbers.next = numbers.next.max(number.saturating_add(1));
        let generation = match space {
            Space::Application => packet.generation.unwrap_or(self.generation),
            _ => 0,
        };
        let version = packet.version.unwrap_or(self.version);
        let destination = packet.destination.unwrap_or(self.client_cid);
        let source = packet.source.unwrap_or(self.own_cid);
        let mut at = 0;
        let mut header = encode(|writer| {
            at = header(
                writer,
                (packet, version),
                (destination, source),
                number,
                generation % 2 == 1,
            );
        });
        header[0] ^= packet.flip;
        let numbered = Numbered {
            at,
            length: packet.number_length,
            number,
            generation,
        };
        let level = match (space, &mut self.first_initial) {
            (Space::Initial, Some(level)) if version == self.original_version => level,
            _ => self.levels[space as usize]
                .as_mut()
                .expect("keys of this space"),
        };
        level.seal(&header, &packet.payload, numbered)
    }

    /// Acknowledges what arrived, sends handshake bytes, confirms: whatever is due.
    pub fn flush(&mut self) {
        let mut datagram = Vec::new();
        for space in Space::ALL {
            while let Some(packet) = self.due_packet(space, DATAGRAM - datagram.len()) {
                let first = datagram.first().copied().unwrap_or(0);
                let with_initial = space == Space::Initial || first & 0xb0 == 0x80;
                let is_last = Space::ALL.into_iter().all(|space| !self.is_due(space));
                let packet = if with_initial && is_last {
                    packet.padded(DATAGRAM.saturating_sub(datagram.len() + OVERHEAD))
                } else {
                    packet
                };
                datagram.extend(self.seal(&packet));
                if datagram.len() + 2 * OVERHEAD > DATAGRAM {
                    self.send_datagram(std::mem::take(&mut datagram));
                }
            }
        }
        if !datagram.is_empty() {
            self.send_datagram(datagram);
        }
    }

    fn is_due(&self, space: Space) -> bool {
        let numbers = &self.spaces[space as usize];
        let crypto = self.options.sends_handshake && numbers.crypto_sent < numbers.crypto.len();
        let done = space == Space::Application && self.is_done_due();
        self.has_keys(space) && (self.is_acknowledgement_due(space) || crypto || done)
    }

    /// 1-RTT packets are read when the handshake is complete, and not before.
    fn is_acknowledgement_due(&self, space: Space) -> bool {
        let may_be = space != Space::Application || self.options.confirms && self.is_complete();
        may_be && self.spaces[space as usize].acknowledgement_due
    }

    fn is_done_due(&self) -> bool {
        self.options.confirms && !self.done_sent && self.is_complete()
    }

    fn due_packet(&mut self, space: Space, room: usize) -> Option<Packet> {
        if !self.is_due(space) {
            return None;
        }
        let mut packet = Packet::new(space);
        if self.is_acknowledgement_due(space) {
            packet = packet.raw(&self.acknowledgement(space));
            self.spaces[space as usize].acknowledgement_due = false;
        }
        if space == Space::Application && self.is_done_due() {
            self.done_sent = true;
            packet = packet.frames(&[Frame::HandshakeDone]);
        }
        let numbers = &mut self.spaces[space as usize];
        if self.options.sends_handshake && numbers.crypto_sent < numbers.crypto.len() {
            let room = room.saturating_sub(packet.payload.len() + OVERHEAD).max(1);
            packet = packet.raw(&numbers.next_crypto(room));
        }
        Some(packet)
    }

    /// An honest ACK frame for everything received in `space`.
    pub fn acknowledgement(&self, space: Space) -> Vec<u8> {
        let ranges = ranges(self.received(space).iter().rev().copied());
        acknowledgement_of(&ranges)
    }

    /// Handshake bytes that TLS has written at a level, sent or not.
    pub fn crypto(&self, space: Space) -> &[u8] {
        &self.spaces[space as usize].crypto
    }

    /// The script has sent, or will send, all handshake bytes so far itself.
    pub fn skip_crypto(&mut self, space: Space) {
        let numbers = &mut self.spaces[space as usize];
        numbers.crypto_sent = numbers.crypto.len();
    }

    /// Sends all handshake bytes of a level once more.
    pub fn resend_crypto(&mut self, space: Space) {
        self.spaces[space as usize].crypto_sent = 0;
        self.flush();
    }

    /// Sends the handshake bytes of `range` in one CRYPTO frame.
    pub fn send_crypto(&mut self, space: Space, range: std::ops::Range<usize>) {
        let data = self.crypto(space)[range.clone()].to_vec();
        let offset = range.start as u64;
        self.send(
            space,
            &[Frame::Crypto {
                offset,
                data: &data,
            }],
        );
    }

    /// Adds handshake bytes of the script's own, which the next flush sends.
    pub fn queue_crypto(&mut self, space: Space, bytes: &[u8]) {
        self.spaces[space as usize].crypto.extend_from_slice(bytes);
    }

    /// Writes to a stream, from where the last write ended, in packets of honest size.
    pub fn write(&mut self, id: u64, bytes: &[u8], fin: bool) {
        let offset = *self.streams_out.entry(id).or_default();
        self.streams_out.insert(id, offset + bytes.len() as u64);
        let id = stream_id(id);
        let count = bytes.len().div_ceil(PIECE).max(1);
        for index in 0..count {
            let start = index * PIECE;
            let data = &bytes[start..bytes.len().min(start + PIECE)];
            let fin = fin && index + 1 == count;
            let offset = offset + start as u64;
            self.send(
                Space::Application,
                &[Frame::Stream {
                    id,
                    offset,
                    data,
                    fin,
                }],
            );
        }
    }

    /// Bytes that were written to a stream.
    pub fn written(&self, id: u64) -> u64 {
        self.streams_out.get(&id).copied().unwrap_or(0)
    }

    /// Bytes that were written to all streams.
    pub fn written_on_all(&self) -> u64 {
        self.streams_out.values().sum()
    }

    /// Sends with the next keys from now on.
    pub fn update_keys(&mut self) {
        self.generation += 1;
    }

    /// A datagram that looks like a stateless reset with this token.
    pub fn send_stateless_reset(&mut self, token: [u8; 16], length: usize) {
        let mut datagram = vec![0x5a; length - token.len()];
        datagram.extend(token);
        self.send_datagram(datagram);
    }

    /// Lets the client open as many streams of a kind.
    pub fn raise_streams(&mut self, direction: Direction, limit: u64) {
        self.send(
            Space::Application,
            &[Frame::MaxStreams { direction, limit }],
        );
    }
}

impl Numbers {
    /// A CRYPTO frame with at most `room` of the bytes that were not sent.
    fn next_crypto(&mut self, room: usize) -> Vec<u8> {
        let end = self.crypto.len().min(self.crypto_sent + room);
        let data = &self.crypto[self.crypto_sent..end];
        let offset = self.crypto_sent as u64;
        let bytes = encoded(&[Frame::Crypto { offset, data }]);
        self.crypto_sent = end;
        bytes
    }
}

/// Writes the header with its number; says where the number starts.
fn header(
    writer: &mut Writer<'_>,
    (packet, version): (&Packet, Version),
    (destination, source): (ConnectionId, ConnectionId),
    number: u64,
    key_phase: bool,
) -> usize {
    let length = packet.number_length;
    if packet.space == Space::Application {
        return encode_short(writer, &destination, false, key_phase, number, length)
            .expect("room for a header");
    }
    let long = LongHeader {
        kind: packet.space.kind(),
        version,
        destination,
        source,
        token: &packet.token,
    };
    let encoded = long
        .encode(writer, number, length)
        .expect("room for a header");
    let rest = length + packet.payload.len() + TAG;
    let rest = u16::try_from(rest).expect("a packet fits a datagram");
    patch_length(writer.written_mut(), encoded.length_at, rest);
    encoded.number_at
}

/// The stream with this identifier.
pub fn stream_id(id: u64) -> StreamId {
    StreamId::from_varint(VarInt::new(id).expect("below 2^62"))
}

/// Descending numbers as ranges.
fn ranges(numbers: impl Iterator<Item = u64>) -> Vec<RangeInclusive<u64>> {
    let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if *last.start() == number + 1 => *last = number..=*last.end(),
            _ => ranges.push(number..=number),
        }
    }
    ranges
}

/// An ACK frame for these ranges, which descend.
pub fn acknowledgement_of(ranges: &[RangeInclusive<u64>]) -> Vec<u8> {
    encode(|writer| {
        if !ranges.is_empty() {
            Ack::encode_ranges(writer, 0, ranges.iter().cloned(), None).expect("room for a range");
        }
    })
}
