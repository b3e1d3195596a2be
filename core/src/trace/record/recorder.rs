//! From events to records.
//!
//! An enumeration is written as its variant's number, `as u8`; `replay` turns it back.
//!
//! Invariant: an event writes a bounded number of records, and a ring without room for one takes none.

use core::net::{IpAddr, SocketAddr};
use core::sync::atomic::{AtomicU32, Ordering};

use super::{CONTINUED_MAX, FIELDS, FRAME_INLINE, MAGIC, RECORD_BYTES, VERSION, WORDS, kind};
use crate::codec::{copy, copy_at, to_u64, to_usize};
use crate::time::Instant;
use crate::trace::{Closure, Event, Http3Frame, Metrics, Packet, Sink};
use crate::wire::frame::Frame;
use crate::wire::packet::Kind;

/// Bytes of a name, a reason or of transport parameters that are kept.
const BYTES_MAX: usize = 512;

/// Versions of each side that are kept.
const VERSIONS_MAX: usize = 15;

/// Words that a ring of so many records needs, its head included.
///
/// ```
/// use core::sync::atomic::AtomicU32;
/// use quicpro_core::trace::record::ring_words;
/// static RING: [AtomicU32; ring_words(127)] = [const { AtomicU32::new(0) }; ring_words(127)];
/// assert_eq!(size_of_val(&RING), 4096);
/// ```
pub const fn ring_words(records: usize) -> usize {
    WORDS + records * WORDS
}

/// A sink that keeps the latest events as records in memory of the caller's.
///
/// The memory is shared, so that it can be read, by a debugger or with [`dump`], while the connection has the recorder.
#[derive(Debug)]
pub struct Recorder<'m> {
    records: &'m [AtomicU32],
    head: &'m [AtomicU32],
    /// The record that is written next.
    next: u32,
    written: u64,
}

impl<'m> Recorder<'m> {
    /// Makes an empty ring of `memory`: as many records as fit behind the head of 32 bytes, at most 2^32 - 1.
    pub fn new(memory: &'m [AtomicU32]) -> Self {
        let (head, records) = memory.split_at_checked(WORDS).unwrap_or((&[], &[]));
        let count = u32::try_from(records.len() / WORDS).unwrap_or(u32::MAX);
        let words = [MAGIC[0], MAGIC[1], VERSION, count];
        for (place, word) in head.iter().zip(words.into_iter().chain([0; 4])) {
            place.store(word, Ordering::Relaxed);
        }
        Self {
            records,
            head,
            next: 0,
            written: 0,
        }
    }

    /// Records that were overwritten.
    pub fn overwritten(&self) -> u64 {
        self.written
            .saturating_sub(to_u64(self.records.len() / WORDS))
    }

    fn record(&mut self, bytes: &[u8; RECORD_BYTES]) {
        let at = to_usize(self.next).saturating_mul(WORDS);
        let Some(place) = self
            .records
            .get(at..)
            .and_then(|records| records.get(..WORDS))
        else {
            return;
        };
        let (words, _) = bytes.as_chunks();
        for (place, word) in place.iter().zip(words) {
            place.store(u32::from_le_bytes(*word), Ordering::Relaxed);
        }
        self.next += 1;
        if to_usize(self.next).saturating_mul(WORDS) + WORDS > self.records.len() {
            self.next = 0;
        }
        self.written += 1;
        // The low and the high half.
        let counts = [self.written as u32, (self.written >> 32) as u32, self.next];
        for (place, word) in self.head.iter().skip(4).zip(counts) {
            place.store(word, Ordering::Relaxed);
        }
    }

    fn head(&mut self, now: Instant, kind: u8, a: u8, fields: &[u8; FIELDS]) {
        let mut bytes = [0; RECORD_BYTES];
        bytes[0] = kind;
        bytes[1] = a;
        // 48 bits of microseconds are nine years. The fields overwrite the rest.
        copy_at(&mut bytes, 2, &now.as_micros().to_le_bytes());
        copy_at(&mut bytes, 8, fields);
        self.record(&bytes);
    }

    /// A head of up to three numbers.
    fn numbers(&mut self, now: Instant, kind: u8, a: u8, numbers: [u64; 3]) {
        let mut fields = [0; FIELDS];
        for (place, number) in fields.chunks_exact_mut(8).zip(numbers) {
            copy(place, &number.to_le_bytes());
        }
        self.head(now, kind, a, &fields);
    }

    /// What follows a head.
    fn bytes(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let piece;
            (piece, rest) = rest.split_at_checked(CONTINUED_MAX).unwrap_or((rest, &[]));
            let mut record = [0; RECORD_BYTES];
            record[0] = kind::CONTINUED;
            record[1] = piece.len() as u8; // at most CONTINUED_MAX
            copy_at(&mut record, 2, piece);
            self.record(&record);
        }
    }

    fn text(&mut self, now: Instant, kind: u8, a: u8, text: &[u8]) {
        self.numbers(now, kind, a, [0; 3]);
        self.bytes(text.get(..BYTES_MAX).unwrap_or(text));
    }

    fn packet(&mut self, now: Instant, kind: u8, packet: &Packet<'_>) {
        let sizes = to_u64(packet.size) & 0xffff_ffff | to_u64(packet.token_length) << 32;
        let version = packet.version.0.into();
        let numbers = [packet.number, sizes, version];
        self.numbers(now, kind, packet.kind as u8, numbers);
        if packet.kind != Kind::Short {
            let mut ids = [0; 42];
            let destination = packet.destination.as_slice();
            let source = packet.source.as_slice();
            // At most 20.
            ids[0] = destination.len() as u8;
            ids[1] = source.len() as u8;
            let end = 2 + destination.len();
            copy_at(&mut ids, 2, destination);
            copy_at(&mut ids, end, source);
            self.bytes(ids.get(..end + source.len()).unwrap_or_default());
        }
        let mut frames = packet.frames();
        let mut start = 0;
        while let Some(Ok(frame)) = frames.next() {
            let end = frames.position();
            let bytes = packet.payload.get(start..end).unwrap_or(&[]);
            self.frame(now, &frame, bytes);
            start = end;
        }
    }

    /// A frame as it stands in its packet, but for what it carries and for a secret.
    fn frame(&mut self, now: Instant, frame: &Frame<'_>, bytes: &[u8]) {
        let dropped = match frame {
            Frame::Padding { length } => *length,
            Frame::Stream { data, .. } | Frame::Crypto { data, .. } => data.len(),
            #[cfg(feature = "datagrams")]
            Frame::Datagram { data, .. } => data.len(),
            Frame::NewToken { token } => token.len(),
            Frame::NewConnectionId { reset_token, .. } => reset_token.len(),
            _ => 0,
        };
        let kept = bytes
            .get(..bytes.len().saturating_sub(dropped))
            .unwrap_or(&[]);
        let (inline, rest) = kept.split_at_checked(FRAME_INLINE).unwrap_or((kept, &[]));
        let mut fields = [0; FIELDS];
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        copy(&mut fields, &length.to_le_bytes());
        fields[2] = inline.len() as u8; // at most FRAME_INLINE
        copy_at(&mut fields, 4, inline);
        self.head(now, kind::FRAME, 0, &fields);
        self.bytes(rest);
    }

    fn metrics(&mut self, now: Instant, metrics: &Metrics) {
        let words = [
            metrics.rtt_latest_us,
            metrics.rtt_us,
            metrics.rtt_min_us,
            metrics.rtt_variation_us,
            metrics.window,
            metrics.in_flight,
        ];
        let mut fields = [0; FIELDS];
        for (place, word) in fields.chunks_exact_mut(4).zip(words) {
            copy(place, &word.to_le_bytes());
        }
        self.head(now, kind::METRICS, metrics.pto_count, &fields);
        let mut more = [0; 13];
        copy(&mut more, &metrics.pacing_rate.to_le_bytes());
        more[8] = metrics.threshold.is_some().into();
        let threshold = metrics.threshold.unwrap_or(0);
        copy_at(&mut more, 9, &threshold.to_le_bytes());
        self.bytes(&more);
    }

    fn address(&mut self, address: SocketAddr) {
        let mut bytes = [0; 19];
        let length = match address.ip() {
            IpAddr::V4(ip) => {
                copy_at(&mut bytes, 3, &ip.octets());
                4
            }
            IpAddr::V6(ip) => {
                copy_at(&mut bytes, 3, &ip.octets());
                16
            }
        };
        bytes[0] = length as u8; // 4 or 16
        copy_at(&mut bytes, 1, &address.port().to_le_bytes());
        self.bytes(bytes.get(..3 + length).unwrap_or_default());
    }

    fn connection(&mut self, now: Instant, event: &Event<'_>) {
        match *event {
            Event::ConnectionStarted {
                remote,
                source,
                destination,
            } => {
                let (ours, theirs) = (source.as_slice(), destination.as_slice());
                let lengths = [to_u64(ours.len()), to_u64(theirs.len()), 0];
                self.numbers(now, kind::STARTED, 0, lengths);
                self.bytes(ours);
                self.bytes(theirs);
                self.address(remote);
            }
            Event::Versions {
                client,
                server,
                chosen,
            } => {
                let client = client.get(..VERSIONS_MAX).unwrap_or(client);
                let server = server.get(..VERSIONS_MAX).unwrap_or(server);
                let counts = (client.len() | server.len() << 4) as u8; // at most VERSIONS_MAX, four bits
                let known = u64::from(chosen.is_some());
                let chosen = chosen.map_or(0, |version| version.0.into());
                self.numbers(now, kind::VERSIONS, counts, [known, chosen, 0]);
                for version in client.iter().chain(server) {
                    self.bytes(&version.0.to_be_bytes());
                }
            }
            Event::ParametersSet {
                owner,
                encoded,
                suite,
            } => {
                let suite = suite.map_or(0, |suite| suite.code().into());
                self.numbers(now, kind::PARAMETERS, owner as u8, [suite, 0, 0]);
                self.bytes(encoded.get(..BYTES_MAX).unwrap_or(encoded));
            }
            Event::Migration {
                state,
                local,
                remote,
            } => {
                let has_local = u64::from(local.is_some());
                self.numbers(now, kind::MIGRATION, state as u8, [has_local, 0, 0]);
                self.address(remote);
                if let Some(local) = local {
                    self.address(local);
                }
            }
            Event::Closed(ref closure) => self.closed(now, closure),
            _ => self.http3(now, event),
        }
    }

    fn closed(&mut self, now: Instant, closure: &Closure<'_>) {
        let (what, code, reason): (u8, u64, &[u8]) = match *closure {
            Closure::IdleTimeout => (0, 0, &[]),
            Closure::StatelessReset => (1, 0, &[]),
            Closure::VersionMismatch => (2, 0, &[]),
            Closure::Transport {
                owner,
                code,
                reason,
            } => (3 | (owner as u8) << 4, code, reason),
            Closure::Application {
                owner,
                code,
                reason,
            } => (4 | (owner as u8) << 4, code, reason),
        };
        self.numbers(now, kind::CLOSED, what, [code, 0, 0]);
        self.bytes(reason.get(..BYTES_MAX).unwrap_or(reason));
    }

    fn http3(&mut self, now: Instant, event: &Event<'_>) {
        match *event {
            Event::Http3Settings {
                owner,
                max_field_section_size,
                max_table_capacity,
                blocked_streams,
                extended_connect,
                datagram,
            } => {
                let flags = owner as u8
                    | u8::from(extended_connect) << 1
                    | u8::from(datagram) << 2
                    | u8::from(max_field_section_size.is_some()) << 3;
                let size = max_field_section_size.unwrap_or(0);
                let numbers = [size, max_table_capacity, blocked_streams];
                self.numbers(now, kind::HTTP3_SETTINGS, flags, numbers);
            }
            Event::Http3Stream {
                owner,
                id,
                kind: stream,
            } => {
                let flags = owner as u8 | u8::from(stream.is_some()) << 1;
                let numbers = [id.get(), stream.unwrap_or(0), 0];
                self.numbers(now, kind::HTTP3_STREAM, flags, numbers);
            }
            Event::Http3Frame { owner, id, frame } => {
                let (what, number, text) = match frame {
                    Http3Frame::Data { length } => (0, length, ""),
                    Http3Frame::Headers { length } => (1, length, ""),
                    Http3Frame::Settings => (2, 0, ""),
                    Http3Frame::GoAway { id } => (3, id, ""),
                    Http3Frame::PriorityUpdate { request, value } => (4, request, value),
                };
                let flags = owner as u8 | what << 1;
                self.numbers(now, kind::HTTP3_FRAME, flags, [id.get(), number, 0]);
                let text = text.as_bytes();
                self.bytes(text.get(..BYTES_MAX).unwrap_or(text));
            }
            _ => {}
        }
    }
}

impl Sink for Recorder<'_> {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        match *event {
            Event::PacketSent(ref packet) => self.packet(now, kind::SENT, packet),
            Event::PacketReceived(ref packet) => self.packet(now, kind::RECEIVED, packet),
            Event::PacketAcknowledged { space, number } => {
                self.numbers(now, kind::ACKNOWLEDGED, space as u8, [number, 0, 0]);
            }
            Event::PacketLost {
                space,
                number,
                trigger,
            } => {
                let flags = space as u8 | (trigger as u8) << 4;
                self.numbers(now, kind::LOST, flags, [number, 0, 0]);
            }
            Event::Discarded { reason, size } => {
                self.numbers(now, kind::DISCARDED, reason as u8, [to_u64(size), 0, 0]);
            }
            Event::MetricsUpdated(ref metrics) => self.metrics(now, metrics),
            Event::StateUpdated { state } => self.text(now, kind::STATE, 0, state.as_bytes()),
            Event::CongestionPhase { phase } => self.text(now, kind::PHASE, 0, phase.as_bytes()),
            Event::ProtocolChosen { protocol } => self.text(now, kind::PROTOCOL, 0, protocol),
            Event::MtuUpdated { old, new } => {
                self.numbers(now, kind::MTU, 0, [old.into(), new.into(), 0]);
            }
            Event::KeysInstalled { space } => {
                self.numbers(now, kind::KEYS_INSTALLED, space as u8, [0; 3]);
            }
            Event::KeysDiscarded { space } => {
                self.numbers(now, kind::KEYS_DISCARDED, space as u8, [0; 3]);
            }
            Event::KeyUpdated { updates } => {
                self.numbers(now, kind::KEY_UPDATED, 0, [updates.into(), 0, 0]);
            }
            Event::StreamUpdated {
                id,
                side,
                state,
                owner,
            } => {
                let flags = side as u8 | (state as u8) << 1 | (owner as u8) << 4;
                self.numbers(now, kind::STREAM, flags, [id.get(), 0, 0]);
            }
            // Names and values may be secret, and are long.
            Event::Http3Field { .. } => {}
            _ => self.connection(now, event),
        }
    }
}

/// Shows the ring in `memory` word by word, in the order and the byte order of the file that is decoded elsewhere.
pub fn dump(memory: &[AtomicU32], mut word: impl FnMut([u8; 4])) {
    for place in memory {
        word(place.load(Ordering::Relaxed).to_le_bytes());
    }
}
