//! Servers that send too much of what is legal: memory is fixed, so only time and traffic can run away.
//!
//! Each test names what a client must not do in answer: queue without bound, answer without bound, stop.

use super::ours::{
    Ours, Seen, assert_alive, assert_closed, assert_works, at, deliver, limit, requested, settled,
};
use quicpro_core::http3::{Code, RequestError};
use quicpro_core::wire;
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::Space;
use quicpro_tests::pair::Random;
use quicpro_tests::scripted::{Link, Options, Packet, encoded, http3, stream_id, varint};
use std::time::Duration;

const APPLICATION: Space = Space::Application;

/// The client's answer to `count` packets of `payload` that all arrive before it can speak: datagrams.
fn answers(link: &mut Link<Ours>, count: usize, payload: &[u8]) -> usize {
    link.settle();
    let before = link.transmitted.0;
    for _ in 0..count {
        link.server.send_raw(APPLICATION, payload);
        link.server_speaks();
    }
    link.settle();
    link.transmitted.0 - before
}

//= rfc9000#8.2.2 test
//= rfc9000#19.17 test
#[test]
fn path_challenges_are_not_queued() {
    let mut link = requested();
    let challenges: Vec<_> = (0..100)
        .map(|byte| Frame::PathChallenge([byte; 8]))
        .collect();
    let sent = answers(&mut link, 1000, &encoded(&challenges));
    let responses = link
        .server
        .count(|frame| matches!(frame, Frame::PathResponse(_)));
    assert!(
        (1..=4).contains(&responses),
        "{responses} answers to 100,000 challenges"
    );
    assert!(sent <= 8, "{sent} datagrams");
    assert_works(&mut link);
}

//= rfc9000#21.9 test
#[test]
fn pings_cost_one_acknowledgement_a_batch() {
    let mut link = requested();
    assert!(answers(&mut link, 10_000, &[1]) <= 8);
    assert_works(&mut link);
}

#[test]
fn blocked_frames_limits_in_single_bytes_and_empty_streams() {
    let mut link = requested();
    let stream = stream_id(0);
    let floods: [Vec<u8>; 4] = [
        encoded(
            &[Frame::StreamDataBlocked {
                id: stream,
                limit: 0,
            }; 50],
        ),
        encoded(&[Frame::DataBlocked { limit: 0 }; 50]),
        encoded(
            &[Frame::Stream {
                id: stream,
                offset: 0,
                data: b"",
                fin: false,
            }; 50],
        ),
        (0..50)
            .flat_map(|step| {
                encoded(&[Frame::MaxData {
                    limit: (1 << 30) + step,
                }])
            })
            .collect(),
    ];
    for payload in &floods {
        let sent = answers(&mut link, 2000, payload);
        assert!(sent <= 8, "{sent} datagrams in answer to 2,000");
    }
    assert_works(&mut link);
}

/// Sends a connection ID that retires all before it.
fn replace_id(link: &mut Link<Ours>, sequence: u64) {
    let frame = Frame::NewConnectionId {
        sequence,
        retire_prior_to: sequence,
        cid: &(sequence << 32).to_be_bytes(),
        reset_token: [sequence as u8; 16],
    };
    link.server.send(APPLICATION, &[frame]);
}

/// RFC 9000 §5.1.2, and CVE-2024-22189: every new connection ID retires the last one, and what the client
/// has to say to that is never acknowledged.
#[test]
fn connection_ids_are_retired_faster_than_that_is_acknowledged() {
    let mut link = requested();
    link.server.options_mut().acknowledges = false;
    let mut count = 0;
    for sequence in 1..100_000_u64 {
        replace_id(&mut link, sequence);
        link.settle();
        count = sequence;
        if link.client.closed().is_some() {
            break;
        }
    }
    assert!((4..100).contains(&count), "closed after {count}");
    assert_closed(&link, wire::Code::CONNECTION_ID_LIMIT_ERROR.get());
}

/// The same, where everything else is acknowledged at once: only what retires connection IDs never is.
#[test]
fn retirements_alone_are_not_acknowledged() {
    let mut link = requested();
    link.server.options_mut().acknowledges = false;
    let mut count = 0;
    for sequence in 1..100_000_u64 {
        replace_id(&mut link, sequence);
        link.client.client.transport_mut().ping();
        link.settle();
        let log = link.server.log().iter();
        let mut others: Vec<_> = log
            .filter(|packet| packet.space == APPLICATION)
            .filter(|packet| {
                let mut frames = packet.frames();
                !frames.any(|frame| matches!(frame, Frame::RetireConnectionId { .. }))
            })
            .map(|packet| packet.number..=packet.number)
            .collect();
        others.sort_unstable_by_key(|range| u64::MAX - range.start());
        // Numbers that follow each other would be one range: every second one is enough to keep the window open.
        let mut last = u64::MAX;
        others.retain(|range| {
            let apart = last - range.start() > 1;
            last = if apart { *range.start() } else { last };
            apart
        });
        others.truncate(32);
        let bytes = quicpro_tests::scripted::acknowledgement_of(&others);
        link.server.send_raw(APPLICATION, &bytes);
        link.settle();
        count = sequence;
        if link.client.closed().is_some() {
            break;
        }
    }
    assert!((4..100).contains(&count), "closed after {count}");
    assert_closed(&link, wire::Code::CONNECTION_ID_LIMIT_ERROR.get());
}

/// CVE-2025-4820: acknowledging what was never sent must not open the congestion window.
#[test]
fn optimistic_acknowledgements() {
    let mut link = requested();
    let next = link.server.received(APPLICATION).last().unwrap() + 1;
    let window = link.client.client.transport().stats().window;
    let bytes = quicpro_tests::scripted::acknowledgement_of(&[0..=next + 100]);
    link.server.send_raw(APPLICATION, &bytes);
    link.settle();
    assert_closed(&link, wire::Code::PROTOCOL_VIOLATION.get());
    assert!(link.client.client.transport().stats().window <= window);
}

/// RFC 9000 §21.4: numbers that the client never used are acknowledged by those only who acknowledge blindly.
#[test]
fn acknowledgements_of_skipped_packet_numbers() {
    let mut link = requested();
    let numbers = |link: &Link<Ours>| link.server.received(APPLICATION).clone();
    for _ in 0..400 {
        link.server.send(APPLICATION, &[Frame::Ping]);
        link.settle();
    }
    let used = numbers(&link);
    let largest = *used.last().unwrap();
    let skipped: Vec<_> = (0..largest)
        .filter(|number| !used.contains(number))
        .collect();
    assert!((1..4).contains(&skipped.len()), "{skipped:?} of {largest}");
    let window = link.client.client.transport().stats().window;
    // An honest acknowledgement leaves them out.
    let last = *skipped.last().unwrap();
    let honest = [last + 1..=largest, last - 2..=last - 1];
    let bytes = quicpro_tests::scripted::acknowledgement_of(&honest);
    link.server.send_raw(APPLICATION, &bytes);
    link.settle();
    assert_works(&mut link);
    let bytes = quicpro_tests::scripted::acknowledgement_of(&[last - 2..=largest]);
    link.server.send_raw(APPLICATION, &bytes);
    link.settle();
    assert_closed(&link, wire::Code::PROTOCOL_VIOLATION.get());
    assert!(link.client.client.transport().stats().window <= window);
}

/// RUSTSEC-2026-0185: many gaps must cost no memory. One byte at every second offset over the whole window,
/// then the rest, in random order: every byte arrives.
//= rfc9000#21.7 test
#[test]
fn single_bytes_at_every_second_offset() {
    let mut link = requested();
    let window = limit(&link, 0) as usize;
    let head = http3::status("200");
    let body = quicpro_tests::body::pattern(window - head.len() - 3);
    let response = [head, http3::data(&body)].concat();
    assert!(response.len() <= window);
    let mut random = Random::new(3, "gaps");
    for parity in [1, 0] {
        let mut places: Vec<usize> = (0..response.len())
            .filter(|place| place % 2 == parity)
            .collect();
        for end in (1..places.len()).rev() {
            places.swap(end, random.below(end as u64 + 1) as usize);
        }
        for batch in places.chunks(100) {
            let frames: Vec<_> = batch
                .iter()
                .map(|&place| Frame::Stream {
                    id: stream_id(0),
                    offset: place as u64,
                    data: &response[place..=place],
                    fin: place + 1 == response.len(),
                })
                .collect();
            link.server.send(APPLICATION, &frames);
            link.server_speaks();
        }
        link.settle();
    }
    assert_eq!(link.client.bodies[&0], body);
    assert_works(&mut link);
}

/// CVE-2025-54939: rubbish behind a good packet, again and again.
#[test]
fn datagrams_with_a_bad_second_packet() {
    for space in [Space::Initial, Space::Handshake, Space::Application] {
        let mut link = at(space);
        for index in 0..2000_u32 {
            let mut datagram = link.server.seal(&Packet::new(space).frames(&[Frame::Ping]));
            datagram.extend([0xe0, 0, 0, 0, 1, 8]);
            datagram.extend(index.to_be_bytes());
            datagram.extend([0x55; 60]);
            link.server.send_datagram(datagram);
            link.server_speaks();
        }
        link.settle();
        assert_alive(&mut link);
    }
}

/// CVE-2026-11352: empty datagrams must not spin anything.
#[test]
fn empty_datagrams() {
    let mut link = requested();
    for _ in 0..10_000 {
        link.server.send_datagram(Vec::new());
    }
    let before = link.transmitted;
    link.settle();
    assert_eq!(link.transmitted, before);
    assert_works(&mut link);
}

/// RFC 9114 §10.5: frames that carry nothing, on every stream that takes them.
#[test]
fn http3_frames_without_content() {
    let mut link = requested();
    let grease = http3::frame(http3::kind::GREASE, b"");
    let (told, sent) = (link.client.seen.len(), link.transmitted.0);
    deliver(&mut link, http3::CONTROL, &grease.repeat(5000), false);
    deliver(&mut link, 0, &grease.repeat(5000), false);
    deliver(&mut link, 0, &http3::status("200"), false);
    let nothing = [http3::data(b""), grease].concat();
    deliver(&mut link, 0, &nothing.repeat(5000), false);
    deliver(&mut link, 0, &http3::data(b"something at last"), true);
    assert_eq!(link.client.bodies[&0], b"something at last");
    // The response, its one piece of a body, its end; acknowledgements and credit for 40,000 bytes.
    let (told, sent) = (link.client.seen.len() - told, link.transmitted.0 - sent);
    assert!(told <= 5, "{:?}", link.client.seen);
    assert!(sent <= 60, "{sent} datagrams for 20,000 frames");
    assert_works(&mut link);
}

/// Interim responses without end: each is told, none is kept.
#[test]
fn endless_interim_responses() {
    let mut link = requested();
    let interim = http3::headers(&[(":status", "103"), ("link", "</style.css>; rel=preload")]);
    let before = link.transmitted.0;
    for _ in 0..200 {
        deliver(&mut link, 0, &interim.repeat(20), false);
        let told = Seen::Informational(0, 103);
        let told = link.client.seen.iter().filter(|seen| **seen == told);
        assert_eq!(told.count(), 20);
        link.client.seen.clear();
    }
    let sent = link.transmitted.0 - before;
    assert!(sent <= 200 * 3, "{sent} datagrams for 200 pieces");
    link.server.write(
        0,
        &[http3::status("200"), http3::data(b"final")].concat(),
        true,
    );
    link.settle();
    assert_eq!(link.client.bodies[&0], b"final");
    assert_works(&mut link);
}

/// Every request is answered by a reset and a STOP_SENDING: slots come back.
#[test]
fn rapid_reset_by_the_server() {
    let mut link = requested();
    link.server
        .raise_streams(wire::Direction::Bidirectional, 10_000);
    link.settle();
    for _ in 0..500 {
        let id = link.client.get("/reset-me");
        link.settle();
        let frames = [
            Frame::StopSending {
                id: stream_id(id),
                code: Code::REQUEST_REJECTED.get(),
            },
            Frame::ResetStream {
                id: stream_id(id),
                code: Code::REQUEST_REJECTED.get(),
                final_size: 0,
            },
        ];
        link.server.send(APPLICATION, &frames);
        link.settle();
        link.client.seen.clear();
    }
    assert_works(&mut link);
}

/// A server that ignores STOP_SENDING and never ends its streams: each keeps a place of the transport's, not one of the
/// application's; with no place left a request is refused with a reason, and places come back with the ends.
#[test]
fn cancelled_requests_whose_streams_never_end() {
    let mut link = settled(Options::default().parameters(|parameters| {
        parameters.initial_max_streams_bidi = 1000;
    }));
    link.server.open_http3();
    link.settle();
    let request = quicpro_core::http3::Request::get("/never");
    let mut taken = Vec::new();
    for _ in 0..100 {
        if let Ok(id) = link.client.client.request(&request) {
            let _ = link.client.client.finish(id);
            link.client.client.cancel(id, Code::REQUEST_CANCELLED);
            taken.push(id.stream_id().get());
        }
        link.settle();
    }
    let limits = link.client.limits;
    assert_eq!(taken.len(), limits.requests + limits.draining, "{limits:?}");
    let refused = link.client.client.request(&request);
    assert_eq!(refused.err(), Some(RequestError::Blocked));
    assert_alive(&mut link);
    for id in taken {
        link.server.write(id, b"", true);
    }
    link.settle();
    assert_works(&mut link);
}

/// The fourth unidirectional stream of an unknown type may bring any number of bytes.
#[test]
fn an_unknown_stream_without_end() {
    let mut link = requested();
    link.server
        .write(http3::FOURTH, &varint(http3::stream::GREASE), false);
    let mut written = 1;
    for _ in 0..100 {
        let room = (limit(&link, http3::FOURTH) - written).min(900) as usize;
        link.server.write(http3::FOURTH, &vec![0x55; room], false);
        written += room as u64;
        link.advance(Duration::from_millis(50));
    }
    // Either it is read to the end of time, or the server is asked to stop.
    let stopped = |frame: &Frame<'_>| matches!(frame, Frame::StopSending { id, .. } if *id == stream_id(http3::FOURTH));
    assert!(
        written > 50_000 || link.server.count(stopped) == 1,
        "{written}"
    );
    assert_works(&mut link);
}

/// The ranges of received numbers are bounded: a packet with a gap behind every one.
#[test]
fn a_gap_behind_every_packet() {
    let mut link = requested();
    for index in 0..5000 {
        link.server.send_packet(
            Packet::new(APPLICATION)
                .frames(&[Frame::Ping])
                .number(1000 + 2 * index),
        );
        link.server_speaks();
    }
    link.settle();
    let ranges = link.server.frames().filter_map(|(_, frame)| match frame {
        Frame::Ack(ack) => Some(ack.ranges().count()),
        _ => None,
    });
    assert!(ranges.max().unwrap() <= 32);
    assert_works(&mut link);
}
