//! One packet at a time into the caller's buffer: header, room for frames, seal (RFC 9000 §17, RFC 9001 §5).
//!
//! Invariant: a packet that is finished is sealed in place and never touched again.

use crate::codec::{Reader, Writer};
use crate::crypto::TAG_LENGTH;
use crate::frame_writer::{FrameWriter, PACKET_TOKENS_MAX};
use crate::recovery::Token;
use crate::trace;
#[cfg(feature = "grease")]
use crate::wire::packet::without_fixed_bit;
use crate::wire::packet::{
    ConnectionId, Kind, LongHeader, Space, Version, encode_short, number, patch_length,
};

use super::keys::Keyring;

/// Bytes of number and payload together below which there is no header protection sample (RFC 9001 §5.4.2).
const SAMPLED_MIN: usize = 4;

/// What a packet needs besides its frames.
pub(super) struct PacketHead<'a> {
    pub(super) space: Space,
    /// The version of a long header.
    pub(super) version: Version,
    pub(super) destination: ConnectionId,
    pub(super) source: ConnectionId,
    /// The Retry token, in Initial packets.
    pub(super) token: &'a [u8],
    pub(super) number: u64,
    pub(super) largest_acknowledged: Option<u64>,
    pub(super) phase: bool,
    /// The QUIC bit is 0.
    #[cfg(feature = "grease")]
    pub(super) greased: bool,
}

/// A packet whose header is written and whose frames are being written.
pub(super) struct PacketBuilder<'a> {
    buffer: &'a mut [u8],
    space: Space,
    number: u64,
    number_at: usize,
    number_length: usize,
    length_at: Option<usize>,
    payload_at: usize,
}

impl<'a> PacketBuilder<'a> {
    /// Writes the header at the front of `buffer`; `None` if nothing useful would fit behind it.
    pub(super) fn new(buffer: &'a mut [u8], head: &PacketHead<'_>) -> Option<Self> {
        let number_length = number::encoded_length(head.number, head.largest_acknowledged);
        let mut writer = Writer::new(buffer);
        let (length_at, number_at) = if head.space == Space::Application {
            let number_at = encode_short(
                &mut writer,
                &head.destination,
                //= rfc9000#17.4
                false,
                head.phase,
                head.number,
                number_length,
            );
            (None, number_at.ok()?)
        } else {
            let kind = if head.space == Space::Initial {
                Kind::Initial
            } else {
                Kind::Handshake
            };
            let long = LongHeader {
                kind,
                version: head.version,
                destination: head.destination,
                source: head.source,
                token: head.token,
            };
            let encoded = long.encode(&mut writer, head.number, number_length).ok()?;
            (Some(encoded.length_at), encoded.number_at)
        };
        let payload_at = writer.len();
        #[cfg(feature = "grease")]
        if let Some(first) = buffer.first_mut().filter(|_| head.greased) {
            *first = without_fixed_bit(*first);
        }
        if buffer.len() < payload_at + SAMPLED_MIN + TAG_LENGTH {
            return None;
        }
        Some(Self {
            buffer,
            space: head.space,
            number: head.number,
            number_at,
            number_length,
            length_at,
            payload_at,
        })
    }

    /// The place for frames.
    pub(super) fn frames<'w>(
        &'w mut self,
        tokens: &'w mut heapless::Vec<Token, PACKET_TOKENS_MAX>,
        tokens_room: usize,
    ) -> FrameWriter<'w> {
        let end = self.buffer.len() - TAG_LENGTH;
        let payload = self.buffer.get_mut(self.payload_at..end).unwrap_or(&mut []);
        FrameWriter::new(Writer::new(payload), tokens, tokens_room)
    }

    /// Bytes of payload without which the packet would be too short to be protected.
    pub(super) fn payload_min(&self) -> usize {
        SAMPLED_MIN - self.number_length.min(SAMPLED_MIN)
    }

    /// Bytes of payload that make the whole packet `size` bytes long.
    pub(super) fn payload_for(&self, size: usize) -> usize {
        size.saturating_sub(self.payload_at + TAG_LENGTH)
    }

    /// The packet with `payload` bytes of frames, as a sink is shown it before it is sealed.
    pub(super) fn packet(&self, payload: usize, token_length: usize) -> trace::Packet<'_> {
        let end = self.payload_at + payload;
        let bytes = self.buffer.get(self.payload_at..end).unwrap_or(&[]);
        // The connection IDs stand in the header that was written; a short header has but the first.
        let mut header = Reader::new(self.buffer.get(1..self.number_at).unwrap_or(&[]));
        let mut ids = [ConnectionId::EMPTY; 2];
        let mut version = Version::V1;
        if self.length_at.is_some() {
            version = header.u32().map_or(version, Version);
            for id in &mut ids {
                let bytes = header.vector_u8().map_or(&[][..], |mut id| id.rest());
                *id = ConnectionId::new(bytes).unwrap_or(ConnectionId::EMPTY);
            }
        } else {
            ids[0] = ConnectionId::new(header.rest()).unwrap_or(ConnectionId::EMPTY);
        }
        trace::Packet {
            kind: self.space.kind(),
            number: self.number,
            size: end + TAG_LENGTH,
            version,
            destination: ids[0],
            source: ids[1],
            token_length: if self.space == Space::Initial {
                token_length
            } else {
                0
            },
            payload: bytes,
        }
    }

    /// Seals the packet with `payload` bytes of frames; returns its length.
    pub(super) fn finish(self, keyring: &mut Keyring, payload: usize) -> usize {
        let end = self.payload_at + payload + TAG_LENGTH;
        let Some(packet) = self.buffer.get_mut(..end) else {
            return 0;
        };
        if let Some(length_at) = self.length_at {
            // A datagram has at most 65,527 bytes.
            patch_length(packet, length_at, (end - self.number_at) as u16);
        }
        keyring.seal(
            self.space,
            packet,
            self.number,
            self.number_at,
            self.number_length,
        );
        end
    }
}
