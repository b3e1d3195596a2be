//! 10,000 datagrams into live connections: random bytes, captured packets with changes, and packets whose
//! payload was changed before the server's own keys sealed it, in every space.
//!
//! Invariant: everything follows from [`SEED`], so that what was reached once is reached every time.

use super::frames::one_of_each;
use super::ours::{Ours, assert_legal, at, limit_of_all, requested};
use quicpro_core::connection::ConnectionError;
use quicpro_core::http3::{Code, Error};
use quicpro_core::wire::frame::{Frame, Frames, kind};
use quicpro_core::wire::packet::Space;
use quicpro_core::wire::{Direction, Side};
use quicpro_tests::pair::Random;
use quicpro_tests::scripted::{
    Link, Packet, acknowledgement_of, encoded, http3, stream_id, varint,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const SEED: u64 = 42;

/// A third of 10,000, and one more.
const THIRD: usize = 3334;

/// Packets that one connection gets at most before the next one takes its turn.
const PACKETS_PER_CONNECTION: usize = 25;

/// One change of a few bytes. Never none: the result differs.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let before = bytes.clone();
    while *bytes == before {
        let at = random.below(bytes.len() as u64) as usize;
        match random.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = random.number() as u8,
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.number() as u8),
            4 if !bytes.is_empty() => {
                bytes.remove(at);
            }
            5 => {
                let extremes = [0, 1, 63, 1 << 14, (1 << 30) - 1, 1 << 60, (1 << 62) - 1];
                let value = varint(extremes[random.below(extremes.len() as u64) as usize]);
                let end = bytes.len().min(at + value.len());
                bytes.splice(at..end, value);
            }
            _ => {}
        }
    }
}

/// The connection lives, and the handshake or a request comes to its end.
fn assert_works(mut link: Link<Ours>, space: Space) {
    assert_eq!(link.client.closed(), None);
    link.server.options_mut().sends_handshake = true;
    if space != Space::Initial {
        link.server.skip_crypto(Space::Initial);
    }
    link.server.flush();
    link.settle();
    if space != Space::Application {
        link.server.open_http3();
        link.client.get("/");
        link.settle();
    }
    link.server
        .respond(0, &[(":status", "200")], b"unimpressed");
    link.settle();
    assert_eq!(link.client.bodies[&0], b"unimpressed");
    assert_legal(&link);
}

/// What reaches the client without the keys is discarded, all of it.
fn discarded(space: Space, count: usize, mut next: impl FnMut(&[Vec<u8>]) -> Vec<u8>) {
    let mut link = at(space);
    let frames = [Frame::Ping];
    link.server.send(space, &frames);
    link.advance(Duration::from_millis(100));
    // No time passes, so that what is said from here on is an answer.
    link.delay = Duration::ZERO;
    let captured = link.server.sent().to_vec();
    let opened = link.client.client.transport().stats().packets_received;
    let log = link.server.log().len();
    for _ in 0..count {
        let datagram = next(&captured);
        link.server.send_datagram(datagram);
        link.server_speaks();
    }
    link.settle();
    assert_eq!(
        link.client.client.transport().stats().packets_received,
        opened
    );
    assert_eq!(link.server.log().len(), log, "nothing was worth an answer");
    assert_works(link, space);
}

#[test]
fn a_third_is_random() {
    let mut random = Random::new(SEED, "random datagrams");
    for space in Space::ALL {
        discarded(space, THIRD / 3 + 1, |_| {
            let mut datagram = vec![0; random.below(1500) as usize];
            random.fill(&mut datagram);
            if let Some(first) = datagram.first_mut() {
                *first |= 0x40;
            }
            if random.chance(500) && datagram.len() > 5 {
                let first = datagram[0] | 0xc0;
                datagram[..5].copy_from_slice(&[first, 0, 0, 0, 1]);
            }
            datagram
        });
    }
}

/// CVE-2024-32760 and its kin: what is longer than any path carries, as far as UDP goes.
#[test]
fn datagrams_longer_than_any_path_carries() {
    let mut random = Random::new(SEED, "long datagrams");
    for space in Space::ALL {
        discarded(space, 50, |captured| {
            let length = 4_097 + random.below(65_507 - 4_097) as usize;
            let mut datagram = captured.last().expect("a packet").clone();
            let behind = datagram.len();
            datagram.resize(length, 0);
            random.fill(&mut datagram[behind..]);
            // What is sealed in front is spoilt as well.
            datagram[behind - 1] ^= 1;
            datagram
        });
    }
    let mut link = at(Space::Application);
    let packet = Packet::new(Space::Application).frames(&[Frame::Ping]);
    link.server.send_packet(packet.padded(9_000));
    link.settle();
    assert_works(link, Space::Application);
}

#[test]
fn a_third_was_captured_and_changed() {
    let mut random = Random::new(SEED, "captured datagrams");
    for space in Space::ALL {
        discarded(space, THIRD / 3 + 1, |captured| {
            let index = random.below(captured.len() as u64) as usize;
            let mut datagram = captured[index].clone();
            for _ in 0..=random.below(3) {
                mutate(&mut datagram, &mut random);
            }
            datagram
        });
    }
}

/// What the last third has reached.
#[derive(Debug, Default)]
struct Reached {
    /// Packets that the client found legal as a whole.
    admitted: usize,
    /// Frames in those, by name.
    frames: BTreeMap<&'static str, usize>,
    /// Codes that the client closed with, the application's apart.
    codes: BTreeMap<(bool, u64), usize>,
    /// Connections that the server ended itself.
    ended_by_server: usize,
}

#[test]
fn a_third_is_sealed_after_its_payload_was_changed() {
    let mut random = Random::new(SEED, "sealed payloads");
    let mut reached = Reached::default();
    for space in Space::ALL {
        let mut link = at(space);
        let mut packets = 0;
        for _ in 0..=THIRD / 3 {
            if link.client.closed().is_some() || packets == PACKETS_PER_CONNECTION {
                judge(&link, &mut reached);
                link = at(space);
                packets = 0;
            }
            packets += 1;
            let mut packet = Packet::new(space).raw(&payload(&link, space, &mut random));
            if random.chance(20) {
                packet.flip = 1 << random.below(5);
            }
            if space == Space::Application && random.chance(30) {
                packet.generation = Some(link.server.generation() + 1);
            }
            note(&packet, &mut reached);
            link.server.send_packet_as_is(&packet);
            link.settle();
        }
        judge(&link, &mut reached);
    }
    println!("{reached:?}");
    assert!(reached.admitted > THIRD / 10, "{reached:?}");
    assert!(reached.frames.len() >= 15, "{reached:?}");
    assert!(reached.codes.len() >= 8, "{reached:?}");
    assert!(reached.ended_by_server > 0, "{reached:?}");
}

/// A payload of one to four frames, most of which the space permits, and most of the time changed.
fn payload(link: &Link<Ours>, space: Space, random: &mut Random) -> Vec<u8> {
    let mut payload = Vec::new();
    for _ in 0..=random.below(4) {
        let mut frame = frame(link, space, random);
        if random.chance(250) {
            mutate(&mut frame, random);
        }
        payload.extend(frame);
    }
    if random.chance(150) && !payload.is_empty() {
        mutate(&mut payload, random);
    }
    // Header protection needs four bytes behind a short number; numbers here have four themselves.
    payload
}

/// A legal frame with something in it.
fn frame(link: &Link<Ours>, space: Space, random: &mut Random) -> Vec<u8> {
    let server = &link.server;
    let number = random.number() >> random.below(63).max(2);
    match random.below(8) {
        0 => {
            let largest = server.received(space).last().copied();
            largest.map_or(vec![1], |largest| acknowledgement_of(&[0..=largest]))
        }
        1 => {
            let crypto = server.crypto(space);
            let start = random.below(crypto.len() as u64 + 1) as usize;
            let end = crypto.len().min(start + random.below(300) as usize);
            encoded(&[Frame::Crypto {
                offset: start as u64,
                data: &crypto[start..end],
            }])
        }
        2 | 3 if space == Space::Application => {
            let ids = [
                0,
                0,
                http3::CONTROL,
                http3::ENCODER,
                http3::DECODER,
                http3::FOURTH,
            ];
            let id = ids[random.below(ids.len() as u64) as usize];
            let data = http3_bytes(random);
            let offset = server.written(id);
            encoded(&[Frame::Stream {
                id: stream_id(id),
                offset,
                data: &data,
                fin: random.chance(100),
            }])
        }
        4 if space == Space::Application => limit(number, random),
        5 if space == Space::Application => connection_id(random),
        _ => {
            let all = one_of_each();
            let legal: Vec<_> = all
                .iter()
                .filter(|(kind, _)| random.chance(50) || kind::is_allowed_in(*kind, space))
                .collect();
            legal[random.below(legal.len() as u64) as usize].1.clone()
        }
    }
}

/// A frame that limits or ends a stream.
fn limit(number: u64, random: &mut Random) -> Vec<u8> {
    let id = stream_id(random.below(20));
    let direction = if random.chance(500) {
        Direction::Bidirectional
    } else {
        Direction::Unidirectional
    };
    let limit = number.min(1 << 60);
    encoded(&[match random.below(7) {
        0 => Frame::MaxData { limit },
        1 => Frame::MaxStreamData { id, limit },
        2 => Frame::MaxStreams { direction, limit },
        3 => Frame::StreamsBlocked { direction, limit },
        4 => Frame::ResetStream {
            id,
            code: number,
            final_size: number >> 40,
        },
        5 => Frame::StopSending { id, code: number },
        _ => Frame::StreamDataBlocked { id, limit },
    }])
}

/// A new connection ID with a small number.
fn connection_id(random: &mut Random) -> Vec<u8> {
    let sequence = random.below(6);
    let cid = [sequence as u8; 8];
    let retire_prior_to = random.below(sequence + 1);
    let reset_token = [sequence as u8; 16];
    encoded(&[Frame::NewConnectionId {
        sequence,
        retire_prior_to,
        cid: &cid,
        reset_token,
    }])
}

/// Bytes that mean something on one of HTTP/3's streams.
fn http3_bytes(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => http3::status("200"),
        1 => http3::headers(&[(":status", "103"), ("link", "<a>")]),
        2 => http3::data(b"some content"),
        3 => http3::headers(&[("x-trailer", "1")]),
        4 => http3::settings(&[(6, 1000), (0x21, 1)]),
        5 => http3::goaway(random.below(5) * 4),
        6 => http3::frame(random.below(0x40), &[0; 5]),
        _ => (0..random.below(20))
            .map(|_| random.number() as u8)
            .collect(),
    }
}

/// Counts the frames of a packet that is legal as a whole.
fn note(packet: &Packet, reached: &mut Reached) {
    let frames: Result<Vec<_>, _> = Frames::new(&packet.payload).collect();
    let Ok(frames) = frames else { return };
    let legal = frames
        .iter()
        .all(|frame| kind::check(frame.kind(), packet.space, Side::Server).is_ok());
    if !legal || frames.is_empty() || packet.flip != 0 {
        return;
    }
    reached.admitted += 1;
    for frame in frames {
        *reached.frames.entry(frame.name()).or_default() += 1;
    }
}

/// Whatever happened was told to the server by a legal code, and no table is larger than its limit.
fn judge(link: &Link<Ours>, reached: &mut Reached) {
    assert_legal(link);
    assert_tables(link);
    let Some(end) = link.client.closed() else {
        return;
    };
    let by_server = matches!(end, Error::Peer { .. })
        || matches!(end, Error::Transport(ConnectionError::Peer(_)));
    if by_server {
        reached.ended_by_server += 1;
        return;
    }
    let closed = link.server.closed();
    let closed = closed.unwrap_or_else(|| panic!("{end:?} was not told to the server"));
    if closed.application {
        let code = Code::new(closed.code);
        assert!(
            code.name().is_some() && code != Code::INTERNAL_ERROR,
            "{code:?}"
        );
    }
    *reached
        .codes
        .entry((closed.application, closed.code))
        .or_default() += 1;
}

fn assert_tables(link: &Link<Ours>) {
    let limits = link.client.limits;
    let stats = link.client.client.transport().stats();
    assert!(stats.in_flight <= (limits.packets_in_flight as u64 + 16) * limits.datagram as u64);
    let mut issued = BTreeSet::new();
    let mut retired = BTreeSet::new();
    for (_, frame) in link.server.frames() {
        match frame {
            Frame::Ack(ack) => assert!(ack.ranges().count() <= limits.ack_ranges),
            Frame::NewConnectionId { sequence, .. } => drop(issued.insert(sequence)),
            Frame::RetireConnectionId { sequence } => drop(retired.insert(sequence)),
            _ => {}
        }
    }
    let read: usize = link.client.bodies.values().map(Vec::len).sum();
    assert!(issued.len() <= 64 && retired.len() <= 64);
    if link.server.client_parameters().is_some() {
        let promised =
            limit_of_all(link).saturating_sub(link.server.written_on_all().max(read as u64));
        assert!(
            promised <= limits.receive_window as u64,
            "{promised} promised"
        );
    }
}

#[test]
fn mutation_always_changes_something() {
    let mut random = Random::new(SEED, "mutation");
    for _ in 0..2000 {
        let before = vec![0; random.below(5) as usize];
        let mut after = before.clone();
        mutate(&mut after, &mut random);
        assert_ne!(before, after);
    }
    let works = requested();
    assert_works(works, Space::Application);
}
