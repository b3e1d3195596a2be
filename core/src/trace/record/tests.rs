//! The ring and back: what comes out is what went in, but for what a record does not keep.

use super::*;
use crate::codec::{VarInt, Writer};
use crate::time::Instant;
use crate::trace::{Discard, Event, LossTrigger, Metrics, Owner, Packet, Sink};
use crate::wire::StreamId;
use crate::wire::frame::{Ack, Frame};
use crate::wire::packet::{ConnectionId, Kind, Space, Version};
use core::sync::atomic::AtomicU32;
use proptest::prelude::*;
use std::boxed::Box;
use std::format;
use std::string::String;
use std::vec::Vec;

/// Keeps what it is told, as text.
#[derive(Default)]
struct Heard(Vec<String>);

impl Sink for Heard {
    fn event(&mut self, now: Instant, event: &Event<'_>) {
        let payload = match event {
            Event::PacketSent(packet) | Event::PacketReceived(packet) => packet.payload,
            _ => &[],
        };
        let micros = now.as_micros();
        self.0.push(format!("{micros} {event:?} {payload:?}"));
    }
}

/// A packet to be made, whose streams carry zeros: what is not kept comes back as those.
#[derive(Clone, Debug)]
struct Made {
    sent: bool,
    kind: Kind,
    number: u64,
    frames: Vec<(u8, u64, u64, u16)>,
}

impl Made {
    fn payload(&self) -> Vec<u8> {
        let mut buffer = std::vec![0; 60_000];
        let mut writer = Writer::new(&mut buffer);
        let zeros = [0; 1500];
        for &(kind, first, second, length) in &self.frames {
            let data = &zeros[..usize::from(length % 1400)];
            let id = StreamId::from_varint(VarInt::new(first).expect("below 2^62"));
            let frame = match kind % 8 {
                0 => Frame::Ping,
                1 => Frame::Crypto {
                    offset: second % (1 << 40),
                    data,
                },
                2 => Frame::Stream {
                    id,
                    offset: second % (1 << 60),
                    data,
                    fin: second.is_multiple_of(2),
                },
                3 => Frame::MaxData { limit: second },
                4 => Frame::PathChallenge(first.to_be_bytes()),
                5 => Frame::NewConnectionId {
                    sequence: 9,
                    retire_prior_to: 3,
                    cid: &[7; 20],
                    reset_token: [0; 16],
                },
                6 => Frame::Padding {
                    length: usize::from(length % 100) + 1,
                },
                _ => {
                    let ranges = (0..u64::from(length % 60)).rev().map(|at| {
                        let low = (first % 1000) + at * 5000;
                        low..=low + second % 4000
                    });
                    let _ = Ack::encode_ranges(&mut writer, second % 70_000, ranges, None);
                    continue;
                }
            };
            // Two runs of padding in a row would come back as one.
            frame.encode(&mut writer).expect("room for all");
            if kind % 8 == 6 {
                Frame::Ping.encode(&mut writer).expect("room for all");
            }
        }
        writer.written().to_vec()
    }

    fn show(&self, now: Instant, sinks: &mut [&mut dyn Sink]) {
        let payload = self.payload();
        let id = |length| ConnectionId::new(&[5; 20][..length]).expect("not too long");
        let is_long = self.kind != Kind::Short;
        let packet = Packet {
            kind: self.kind,
            number: self.number,
            size: payload.len() + 30,
            version: Version::V1,
            destination: if is_long { id(20) } else { ConnectionId::EMPTY },
            source: if is_long { id(8) } else { ConnectionId::EMPTY },
            token_length: 17,
            payload: &payload,
        };
        let event = if self.sent {
            Event::PacketSent(packet)
        } else {
            Event::PacketReceived(packet)
        };
        for sink in sinks {
            sink.event(now, &event);
        }
    }
}

fn packets() -> impl Strategy<Value = Vec<Made>> {
    let frame = (any::<u8>(), 0_u64..1 << 62, 0_u64..1 << 62, any::<u16>());
    let kinds = prop_oneof![
        Just(Kind::Initial),
        Just(Kind::Handshake),
        Just(Kind::Short)
    ];
    let frames = proptest::collection::vec(frame, 0..6);
    let packet = (any::<bool>(), kinds, 0_u64..1 << 62, frames);
    let packet = packet.prop_map(|(sent, kind, number, frames)| Made {
        sent,
        kind,
        number,
        frames,
    });
    proptest::collection::vec(packet, 1..12)
}

fn ring(records: usize) -> Box<[AtomicU32]> {
    (0..ring_words(records))
        .map(|_| AtomicU32::new(0))
        .collect()
}

fn dumped(memory: &[AtomicU32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    dump(memory, |word| bytes.extend(word));
    bytes
}

fn replayed(memory: &[AtomicU32]) -> (Replayed, Vec<String>) {
    let mut heard = Heard::default();
    let mut scratch = std::vec![0; SCRATCH_BYTES];
    let found = replay(&dumped(memory), &mut scratch, &mut heard).expect("a ring");
    (found, heard.0)
}

/// Events of every kind that is not a packet.
fn others() -> Vec<Event<'static>> {
    let mut events = transport();
    events.extend(above());
    events
}

fn transport() -> Vec<Event<'static>> {
    let (owner, remote) = (Owner::Remote, "[2001:db8::7]:443".parse().unwrap());
    std::vec![
        Event::ConnectionStarted {
            remote,
            source: ConnectionId::new(&[1; 8]).unwrap(),
            destination: ConnectionId::new(&[2; 20]).unwrap(),
        },
        Event::Versions {
            client: &[Version::V1, Version(0x6b33_43cf)],
            server: &[Version(0x1a2a_3a4a)],
            chosen: Some(Version::V1),
        },
        Event::Versions {
            client: &[],
            server: &[],
            chosen: None,
        },
        Event::StateUpdated { state: "attempted" },
        Event::ProtocolChosen { protocol: b"h3" },
        Event::ParametersSet {
            owner,
            encoded: &[0x0f; 100],
            suite: crate::crypto::Suite::from_code(0x1301),
        },
        Event::PacketAcknowledged {
            space: Space::Handshake,
            number: (1 << 62) - 1,
        },
        Event::PacketLost {
            space: Space::Application,
            number: 77,
            trigger: LossTrigger::Time,
        },
        Event::Discarded {
            reason: Discard::Duplicate,
            size: 1200,
        },
        Event::MetricsUpdated(Metrics {
            rtt_latest_us: 1,
            rtt_us: 2,
            rtt_min_us: 3,
            rtt_variation_us: 4,
            pto_count: 5,
            window: 6,
            in_flight: 7,
            threshold: Some(8),
            pacing_rate: u64::MAX,
        }),
        Event::CongestionPhase {
            phase: "slow_start"
        },
        Event::MtuUpdated {
            old: 1200,
            new: 1452
        },
        Event::KeysInstalled {
            space: Space::Initial
        },
        Event::KeysDiscarded {
            space: Space::Application
        },
        Event::KeyUpdated { updates: 3 },
    ]
}

fn above() -> Vec<Event<'static>> {
    use crate::trace::{Closure, Http3Frame, MigrationState, StreamSide, StreamState};
    let id = StreamId::ZERO;
    let (owner, remote) = (Owner::Remote, "[2001:db8::7]:443".parse().unwrap());
    std::vec![
        Event::Migration {
            state: MigrationState::MigrationComplete,
            local: Some("192.0.2.1:9".parse().unwrap()),
            remote,
        },
        Event::StreamUpdated {
            id,
            side: StreamSide::Receiving,
            state: StreamState::Stopped,
            owner,
        },
        Event::Http3Settings {
            owner,
            max_field_section_size: None,
            max_table_capacity: 4096,
            blocked_streams: 100,
            extended_connect: true,
            datagram: false,
        },
        Event::Http3Stream {
            owner: Owner::Local,
            id,
            kind: Some(0x21),
        },
        Event::Http3Frame {
            owner,
            id,
            frame: Http3Frame::PriorityUpdate {
                request: 4,
                value: "u=1, i",
            },
        },
        Event::Http3Frame {
            owner,
            id,
            frame: Http3Frame::Headers { length: 99 },
        },
        Event::Closed(Closure::Application {
            owner,
            code: 0x10c,
            reason: b"enough of it, and this is longer than a record holds",
        }),
        Event::Closed(Closure::StatelessReset),
    ]
}

#[test]
fn every_kind_of_event_comes_back() {
    let memory = ring(200);
    let (mut recorder, mut heard) = (Recorder::new(&memory), Heard::default());
    for (at, event) in others().iter().enumerate() {
        let now = Instant::from_micros((at as u64) << 40 | 7);
        recorder.event(now, event);
        heard.event(now, event);
    }
    let (found, back) = replayed(&memory);
    assert_eq!(back, heard.0);
    assert_eq!((found.skipped, found.overwritten), (0, 0));
    assert_eq!(found.events, back.len() as u64);
}

#[test]
fn header_fields_are_not_kept() {
    let memory = ring(9);
    let field = Event::Http3Field {
        owner: Owner::Local,
        id: StreamId::ZERO,
        name: b"cookie",
        value: b"secret",
    };
    Recorder::new(&memory).event(Instant::ZERO, &field);
    assert_eq!(replayed(&memory).0, Replayed::default());
}

#[test]
fn a_full_ring_keeps_the_latest_and_counts_the_rest() {
    for records in 0..20 {
        let memory = ring(records);
        let mut recorder = Recorder::new(&memory);
        for number in 0..50 {
            let space = Space::Application;
            let event = Event::PacketAcknowledged { space, number };
            recorder.event(Instant::from_micros(number), &event);
        }
        let (found, back) = replayed(&memory);
        assert_eq!(back.len(), records);
        let overwritten = if records == 0 { 0 } else { 50 - records as u64 };
        assert_eq!(found.overwritten, overwritten);
        assert_eq!(recorder.overwritten(), overwritten);
        for (back, number) in back.iter().rev().zip((0..50).rev()) {
            assert!(back.starts_with(&format!("{number} ")), "{back}");
        }
    }
    let mut nothing = Recorder::new(&[]);
    nothing.event(Instant::ZERO, &Event::KeyUpdated { updates: 1 });
}

#[test]
fn what_is_no_ring_is_refused() {
    let refused = |bytes: &[u8]| {
        let mut heard = Heard::default();
        replay(bytes, &mut [], &mut heard).unwrap_err()
    };
    assert_eq!(refused(b""), RingError::NotARing);
    assert_eq!(refused(b"qproring"), RingError::Short);
    let memory = ring(3);
    Recorder::new(&memory);
    let whole = dumped(&memory);
    assert_eq!(refused(&whole[..whole.len() - 1]), RingError::Short);
    let mut other = whole.clone();
    other[8] = 9;
    assert_eq!(refused(&other), RingError::Version(9));
}

proptest! {
    #[test]
    fn packets_come_back_frame_by_frame(packets in packets()) {
        let memory = ring(4_000);
        let (mut recorder, mut heard) = (Recorder::new(&memory), Heard::default());
        for (at, packet) in packets.iter().enumerate() {
            let now = Instant::from_micros(at as u64 * 1_000_003);
            packet.show(now, &mut [&mut recorder, &mut heard]);
        }
        let (found, back) = replayed(&memory);
        prop_assert_eq!(back, heard.0);
        prop_assert_eq!(found.skipped, 0);
    }

    #[test]
    fn a_small_ring_loses_the_oldest_only(packets in packets(), records in 1_usize..40) {
        let memory = ring(records);
        let (mut recorder, mut heard) = (Recorder::new(&memory), Heard::default());
        for (at, packet) in packets.iter().enumerate() {
            let now = Instant::from_micros(at as u64);
            packet.show(now, &mut [&mut recorder, &mut heard]);
        }
        let (found, back) = replayed(&memory);
        prop_assert!(heard.0.ends_with(&back), "{back:?}");
        prop_assert!(found.records <= records as u64);
    }

    #[test]
    fn any_dump_is_survived(mut bytes in proptest::collection::vec(any::<u8>(), 0..2_000), records in 0_u32..80) {
        let head = [MAGIC[0], MAGIC[1], VERSION, records];
        for (place, word) in bytes.chunks_exact_mut(4).zip(head) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let mut heard = Heard::default();
        for scratch in [0, 10, 3_000] {
            let mut scratch = std::vec![0; scratch];
            if let Ok(found) = replay(&bytes, &mut scratch, &mut heard) {
                prop_assert!(found.records <= 80);
            }
        }
    }
}
