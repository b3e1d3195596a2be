//! From the dump of a ring back to events.
//!
//! Invariant: whatever the dump holds, nothing is indexed beyond it, and the work is proportional to its length.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{CONTINUED_MAX, FIELDS, FRAME_INLINE, MAGIC, RECORD_BYTES, VERSION, kind};
use crate::codec::{Reader, VarInt, copy};
use crate::crypto::Suite;
use crate::time::Instant;
use crate::trace::{
    Closure, Discard, Event, Http3Frame, LossTrigger, Metrics, MigrationState, Owner, Packet, Sink,
    StreamSide, StreamState,
};
use crate::wire::StreamId;
use crate::wire::packet::{ConnectionId, Kind, Space, Version};

/// Bytes that [`replay`] needs to put packets together again: the longest datagram and what goes with it.
pub const SCRATCH_BYTES: usize = 1 << 16;

/// Versions of both sides that a record can name.
const VERSIONS_MAX: usize = 30;

/// What was found in a ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Records that are there.
    pub records: u64,
    /// Events that they made.
    pub events: u64,
    /// Records that were overwritten before the dump was made.
    pub overwritten: u64,
    /// Records that say nothing: the rest of an event that was overwritten, or of a kind that is not known.
    pub skipped: u64,
}

/// Why a dump is no ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingError {
    /// It does not begin as one.
    NotARing,
    /// It is one of another version.
    Version(u32),
    /// It ends before its last record.
    Short,
}

impl core::fmt::Display for RingError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotARing => f.write_str("not the dump of a ring of records"),
            Self::Version(version) => write!(f, "a ring of version {version}, not {VERSION}"),
            Self::Short => f.write_str("the dump ends before the ring does"),
        }
    }
}

impl core::error::Error for RingError {}

/// Shows `sink` the events in the `dump` of a ring, the oldest first. `scratch` should have [`SCRATCH_BYTES`]; with
/// less, long packets are cut.
pub fn replay(dump: &[u8], scratch: &mut [u8], sink: &mut dyn Sink) -> Result<Replayed, RingError> {
    let mut head = Reader::new(dump);
    let mut word = || head.array().map(u32::from_le_bytes).ok();
    let magic = [word(), word()];
    if magic != [Some(MAGIC[0]), Some(MAGIC[1])] {
        return Err(RingError::NotARing);
    }
    let version = word().ok_or(RingError::Short)?;
    if version != VERSION {
        return Err(RingError::Version(version));
    }
    let mut number = || word().map(u64::from).ok_or(RingError::Short);
    let (count, low, high, next) = (number()?, number()?, number()?, number()?);
    let written = low | high << 32;
    let bytes = usize::try_from(count)
        .ok()
        .and_then(|count| count.checked_mul(RECORD_BYTES));
    let records = dump.get(RECORD_BYTES..).unwrap_or(&[]);
    let records = bytes.and_then(|bytes| records.get(..bytes));
    let records = records.ok_or(RingError::Short)?;
    let is_full = written >= count;
    let start = usize::try_from(if is_full { next } else { 0 }).unwrap_or(0);
    let start = start.saturating_mul(RECORD_BYTES).min(records.len());
    let (young, old) = records.split_at(start);
    let mut event = Assembly::new(scratch);
    let mut replayed = Replayed {
        overwritten: written.saturating_sub(count),
        ..Replayed::default()
    };
    let present = usize::try_from(written.min(count)).unwrap_or(0);
    let all = old
        .chunks_exact(RECORD_BYTES)
        .chain(young.chunks_exact(RECORD_BYTES));
    for record in all.take(present) {
        let Ok(record) = record.try_into() else {
            continue;
        };
        replayed.records += 1;
        if !event.push(record, sink, &mut replayed.events) {
            replayed.skipped += 1;
        }
    }
    event.finish(sink, &mut replayed.events);
    Ok(replayed)
}

/// A head of which more may follow.
#[derive(Clone, Copy)]
struct Head {
    kind: u8,
    a: u8,
    time: Instant,
    fields: [u8; FIELDS],
}

impl Head {
    fn number(&self, index: usize) -> u64 {
        let mut bytes = [0; 8];
        copy(&mut bytes, self.fields.get(index * 8..).unwrap_or(&[]));
        u64::from_le_bytes(bytes)
    }

    fn word(&self, index: usize) -> u32 {
        let mut bytes = [0; 4];
        copy(&mut bytes, self.fields.get(index * 4..).unwrap_or(&[]));
        u32::from_le_bytes(bytes)
    }
}

/// An event that is being put together.
struct Assembly<'s> {
    head: Option<Head>,
    /// What followed the head, then the frames.
    bytes: &'s mut [u8],
    used: usize,
    /// Where the frames begin, once there is one.
    frames_at: Option<usize>,
    /// Where the latest frame ends; what was not kept of it is zeros.
    frame_end: usize,
}

impl<'s> Assembly<'s> {
    fn new(bytes: &'s mut [u8]) -> Self {
        Self {
            head: None,
            bytes,
            used: 0,
            frames_at: None,
            frame_end: 0,
        }
    }

    /// Takes a record; says whether it was of any use.
    fn push(&mut self, record: &[u8; RECORD_BYTES], sink: &mut dyn Sink, events: &mut u64) -> bool {
        let (kind, a) = (record[0], record[1]);
        if kind == kind::CONTINUED {
            let length = usize::from(a).min(CONTINUED_MAX);
            self.append(record.get(2..2 + length).unwrap_or(&[]));
            return self.head.is_some();
        }
        let mut fields = [0; FIELDS];
        copy(&mut fields, &record[8..]);
        if kind == kind::FRAME {
            return self.frame(&fields);
        }
        self.finish(sink, events);
        if !(kind::STARTED..=kind::CLOSED).contains(&kind) {
            return false;
        }
        let mut time = [0; 8];
        copy(&mut time, &record[2..8]);
        let time = Instant::from_micros(u64::from_le_bytes(time));
        self.head = Some(Head {
            kind,
            a,
            time,
            fields,
        });
        true
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = self.bytes.get_mut(self.used..).unwrap_or(&mut []);
        copy(room, bytes);
        self.used += bytes.len().min(room.len());
    }

    fn frame(&mut self, fields: &[u8; FIELDS]) -> bool {
        let is_packet = |head: Head| matches!(head.kind, kind::SENT | kind::RECEIVED);
        if !self.head.is_some_and(is_packet) {
            return false;
        }
        self.fill();
        self.frames_at.get_or_insert(self.used);
        let length = u16::from_le_bytes([fields[0], fields[1]]);
        self.frame_end = self.used.saturating_add(length.into());
        let kept = usize::from(fields[2]).min(FRAME_INLINE);
        self.append(fields.get(4..4 + kept).unwrap_or(&[]));
        true
    }

    /// Ends the latest frame.
    fn fill(&mut self) {
        let end = self.frame_end.min(self.bytes.len());
        if let Some(rest) = self.bytes.get_mut(self.used..end) {
            rest.fill(0);
            self.used = end;
        }
        self.frame_end = 0;
    }

    /// Shows the event, if it is whole enough to be one, and begins anew.
    fn finish(&mut self, sink: &mut dyn Sink, events: &mut u64) {
        self.fill();
        let used = core::mem::take(&mut self.used);
        let frames_at = self.frames_at.take().unwrap_or(used);
        let Some(head) = self.head.take() else {
            return;
        };
        let bytes = self.bytes.get(..used).unwrap_or(&[]);
        let (bytes, payload) = bytes.split_at_checked(frames_at).unwrap_or((bytes, &[]));
        if emit(&head, bytes, payload, sink).is_some() {
            *events += 1;
        }
    }
}

/// Makes an event of a head and what followed it.
fn emit(head: &Head, bytes: &[u8], payload: &[u8], sink: &mut dyn Sink) -> Option<()> {
    let text = core::str::from_utf8(bytes).unwrap_or("");
    let event = match head.kind {
        kind::STATE => Event::StateUpdated { state: text },
        kind::PHASE => Event::CongestionPhase { phase: text },
        kind::PROTOCOL => Event::ProtocolChosen { protocol: bytes },
        kind::PARAMETERS => Event::ParametersSet {
            owner: owner(head.a),
            encoded: bytes,
            suite: u16::try_from(head.number(0))
                .ok()
                .and_then(Suite::from_code),
        },
        kind::SENT => Event::PacketSent(packet(head, bytes, payload)?),
        kind::RECEIVED => Event::PacketReceived(packet(head, bytes, payload)?),
        kind::ACKNOWLEDGED => Event::PacketAcknowledged {
            space: space(head.a)?,
            number: head.number(0),
        },
        kind::LOST => Event::PacketLost {
            space: space(head.a & 0x0f)?,
            number: head.number(0),
            // The variant's number, as the recorder wrote it.
            trigger: if head.a >> 4 == LossTrigger::Reordering as u8 {
                LossTrigger::Reordering
            } else {
                LossTrigger::Time
            },
        },
        kind::DISCARDED => Event::Discarded {
            reason: *Discard::ALL.get(usize::from(head.a))?,
            size: usize::try_from(head.number(0)).ok()?,
        },
        kind::METRICS => Event::MetricsUpdated(metrics(head, bytes)?),
        kind::MTU => Event::MtuUpdated {
            old: u16::try_from(head.number(0)).ok()?,
            new: u16::try_from(head.number(1)).ok()?,
        },
        kind::KEYS_INSTALLED => Event::KeysInstalled {
            space: space(head.a)?,
        },
        kind::KEYS_DISCARDED => Event::KeysDiscarded {
            space: space(head.a)?,
        },
        kind::KEY_UPDATED => Event::KeyUpdated {
            updates: head.word(0),
        },
        kind::VERSIONS => {
            versions(head, bytes, sink)?;
            return Some(());
        }
        _ => rare(head, bytes, text)?,
    };
    sink.event(head.time, &event);
    Some(())
}

/// The other events.
fn rare<'a>(head: &Head, bytes: &'a [u8], text: &'a str) -> Option<Event<'a>> {
    let mut reader = Reader::new(bytes);
    Some(match head.kind {
        kind::STARTED => {
            let mut id = |length| {
                let length = usize::try_from(length).ok()?;
                ConnectionId::new(reader.take(length).ok()?)
            };
            let source = id(head.number(0))?;
            let destination = id(head.number(1))?;
            Event::ConnectionStarted {
                remote: address(&mut reader)?,
                source,
                destination,
            }
        }
        kind::MIGRATION => {
            let remote = address(&mut reader)?;
            let state = match head.a {
                0 => MigrationState::ProbingStarted,
                1 => MigrationState::ProbingAbandoned,
                2 => MigrationState::ProbingSuccessful,
                3 => MigrationState::MigrationStarted,
                4 => MigrationState::MigrationAbandoned,
                5 => MigrationState::MigrationComplete,
                _ => return None,
            };
            let local = match head.number(0) {
                0 => None,
                _ => Some(address(&mut reader)?),
            };
            Event::Migration {
                state,
                local,
                remote,
            }
        }
        kind::CLOSED => {
            let (owner, code, reason) = (owner(head.a >> 4), head.number(0), bytes);
            Event::Closed(match head.a & 0x0f {
                0 => Closure::IdleTimeout,
                1 => Closure::StatelessReset,
                2 => Closure::VersionMismatch,
                3 => Closure::Transport {
                    owner,
                    code,
                    reason,
                },
                4 => Closure::Application {
                    owner,
                    code,
                    reason,
                },
                _ => return None,
            })
        }
        _ => return streams(head, text),
    })
}

/// Events about streams, and about what HTTP/3 does on them.
fn streams<'a>(head: &Head, text: &'a str) -> Option<Event<'a>> {
    Some(match head.kind {
        kind::STREAM => Event::StreamUpdated {
            id: stream(head.number(0))?,
            side: match head.a & 1 {
                0 => StreamSide::Sending,
                _ => StreamSide::Receiving,
            },
            state: match head.a >> 1 & 0x07 {
                0 => StreamState::Open,
                1 => StreamState::DataReceived,
                2 => StreamState::ResetReceived,
                3 => StreamState::Stopped,
                _ => return None,
            },
            owner: owner(head.a >> 4),
        },
        kind::HTTP3_SETTINGS => Event::Http3Settings {
            owner: owner(head.a & 1),
            max_field_section_size: (head.a & 8 != 0).then_some(head.number(0)),
            max_table_capacity: head.number(1),
            blocked_streams: head.number(2),
            extended_connect: head.a & 2 != 0,
            datagram: head.a & 4 != 0,
        },
        kind::HTTP3_STREAM => Event::Http3Stream {
            owner: owner(head.a & 1),
            id: stream(head.number(0))?,
            kind: (head.a & 2 != 0).then_some(head.number(1)),
        },
        kind::HTTP3_FRAME => Event::Http3Frame {
            owner: owner(head.a & 1),
            id: stream(head.number(0))?,
            frame: http3_frame(head, text)?,
        },
        _ => return None,
    })
}

fn http3_frame<'a>(head: &Head, text: &'a str) -> Option<Http3Frame<'a>> {
    let number = head.number(1);
    Some(match head.a >> 1 {
        0 => Http3Frame::Data { length: number },
        1 => Http3Frame::Headers { length: number },
        2 => Http3Frame::Settings,
        3 => Http3Frame::GoAway { id: number },
        4 => Http3Frame::PriorityUpdate {
            request: number,
            value: text,
        },
        _ => return None,
    })
}

fn packet<'a>(head: &Head, ids: &[u8], payload: &'a [u8]) -> Option<Packet<'a>> {
    let kind = match head.a {
        0 => Kind::Initial,
        1 => Kind::ZeroRtt,
        2 => Kind::Handshake,
        3 => Kind::Retry,
        4 => Kind::VersionNegotiation,
        5 => Kind::Short,
        _ => return None,
    };
    let mut reader = Reader::new(ids);
    let lengths = [reader.u8().unwrap_or(0), reader.u8().unwrap_or(0)];
    let mut id = |length: u8| ConnectionId::new(reader.take(length.into()).ok()?);
    let sizes = head.number(1);
    Some(Packet {
        kind,
        number: head.number(0),
        size: usize::try_from(sizes & 0xffff_ffff).ok()?,
        version: Version(head.word(4)),
        destination: id(lengths[0])?,
        source: id(lengths[1])?,
        token_length: usize::try_from(sizes >> 32).ok()?,
        payload,
    })
}

fn metrics(head: &Head, bytes: &[u8]) -> Option<Metrics> {
    let mut reader = Reader::new(bytes);
    let pacing_rate = u64::from_le_bytes(reader.array().ok()?);
    let has_threshold = reader.u8().ok()? != 0;
    let threshold = u32::from_le_bytes(reader.array().ok()?);
    Some(Metrics {
        rtt_latest_us: head.word(0),
        rtt_us: head.word(1),
        rtt_min_us: head.word(2),
        rtt_variation_us: head.word(3),
        pto_count: head.a,
        window: head.word(4),
        in_flight: head.word(5),
        threshold: has_threshold.then_some(threshold),
        pacing_rate,
    })
}

fn versions(head: &Head, bytes: &[u8], sink: &mut dyn Sink) -> Option<()> {
    let mut all = heapless::Vec::<Version, VERSIONS_MAX>::new();
    let mut reader = Reader::new(bytes);
    while let Ok(version) = reader.u32() {
        all.push(Version(version)).ok()?;
    }
    let client = usize::from(head.a & 0x0f);
    let (client, server) = all.split_at_checked(client)?;
    let server = server.get(..usize::from(head.a >> 4))?;
    let chosen = (head.number(0) != 0).then_some(Version(head.word(2)));
    let event = Event::Versions {
        client,
        server,
        chosen,
    };
    sink.event(head.time, &event);
    Some(())
}

fn address(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let length = reader.u8().ok()?;
    let port = u16::from_le_bytes(reader.array().ok()?);
    let ip = match length {
        4 => IpAddr::V4(Ipv4Addr::from(reader.array::<4>().ok()?)),
        16 => IpAddr::V6(Ipv6Addr::from(reader.array::<16>().ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn owner(bit: u8) -> Owner {
    // The variant's number, as the recorder wrote it.
    if bit == Owner::Local as u8 {
        Owner::Local
    } else {
        Owner::Remote
    }
}

fn space(number: u8) -> Option<Space> {
    Space::ALL.get(usize::from(number)).copied()
}

fn stream(number: u64) -> Option<StreamId> {
    VarInt::new(number).map(StreamId::from_varint)
}
