//! What one datagram may cost: work that a server can save up, and have done all at once.
//!
//! Invariant: work is counted, never timed, and each bound is a multiple of the bytes that came.

use super::ours::{
    Ours, Seen, assert_alive, assert_legal, at, config, connected, deliver, limit, requested,
    settled,
};
use quicpro_core::Limits;
use quicpro_core::http3::{Code, MessageError, Request};
use quicpro_core::trace::Discard;
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::Space;
use quicpro_tests::scripted::{Link, Options, Packet, Server, encoded, http3, stream_id};
use std::time::Duration;

const APPLICATION: Space = Space::Application;

/// The shortest ticket there is: 18 bytes.
const TICKET: [u8; 18] = [4, 0, 0, 14, 0, 0, 0, 1, 1, 2, 3, 4, 0, 0, 1, 0x77, 0, 0];

/// Messages that all become readable with the byte that comes last are moved out of the way once, not one by one:
/// that would be quadratic in the window.
#[test]
fn tickets_whose_first_byte_comes_last() {
    let server = Server::new(Options::default());
    let client = Ours::new(&config(&server), &Limits::DESKTOP, 1);
    let mut link = Link::new(client, server);
    link.settle();
    assert!(link.client.has_seen(&Seen::Connected));
    let room = Limits::DESKTOP.tickets;
    let bytes = TICKET.repeat(room / TICKET.len());
    assert!(bytes.len() > 100 * TICKET.len());
    // A byte short of the last ticket's end, so that something is left to be moved.
    let end = bytes.len() - 1;
    let before = link.client.client.transport().crypto_bytes_moved();
    for start in (1..end).step_by(1000) {
        let data = &bytes[start..end.min(start + 1000)];
        let frame = Frame::Crypto {
            offset: start as u64,
            data,
        };
        link.server.send(APPLICATION, &[frame]);
        link.settle();
    }
    let first = Frame::Crypto {
        offset: 0,
        data: &bytes[..1],
    };
    link.server.send(APPLICATION, &[first]);
    link.settle();
    let moved = link.client.client.transport().crypto_bytes_moved() - before;
    assert_eq!(moved, TICKET.len() as u64 - 1, "only what was not read yet");
    assert_alive(&mut link);
}

/// Handshake bytes without end after the handshake (CVE-2024-1765): taken as tickets while they are tickets, each byte
/// moved at most once, and never answered with more than acknowledgements.
#[test]
fn handshake_bytes_without_end_after_the_handshake() {
    let mut link = connected();
    let before = link.transmitted.0;
    let tickets = TICKET.repeat(50);
    let mut sent = 0;
    for _ in 0..500 {
        let frame = Frame::Crypto {
            offset: sent,
            data: &tickets,
        };
        link.server.send(APPLICATION, &[frame]);
        link.settle();
        sent += tickets.len() as u64;
        link.client.seen.clear();
    }
    let moved = link.client.client.transport().crypto_bytes_moved();
    assert!(moved <= sent, "{moved} bytes moved for {sent}");
    let answers = link.transmitted.0 - before;
    assert!(answers <= 500 + 5, "{answers} datagrams for 500");
    assert_alive(&mut link);
}

/// CVE-2023-6193, CVE-2023-49295: a million challenges while nothing of ours is acknowledged, so that the congestion
/// window is full of answers. None of them is queued.
//= rfc9000#8.2.2 test
#[test]
fn a_million_path_challenges_and_no_acknowledgement() {
    let mut link = requested();
    link.server.options_mut().acknowledges = false;
    let challenges: Vec<_> = (0..125)
        .map(|byte| Frame::PathChallenge([byte; 8]))
        .collect();
    let payload = encoded(&challenges);
    let before = link.transmitted;
    for round in 0..8000 {
        link.server.send_raw(APPLICATION, &payload);
        link.server_speaks();
        if round % 100 == 99 {
            link.settle();
        }
    }
    link.settle();
    let (datagrams, bytes) = (link.transmitted.0 - before.0, link.transmitted.1 - before.1);
    // Twenty times could the client speak.
    assert!(datagrams <= 80 * 4, "{datagrams} datagrams");
    assert!(bytes <= 80 * 4 * 1200, "{bytes} bytes");
    let responses = link
        .server
        .count(|frame| matches!(frame, Frame::PathResponse(_)));
    assert!(responses <= 80 * 4, "{responses} answers in a million");
    let stats = link.client.client.transport().stats();
    assert!(stats.in_flight <= stats.window + 2 * 1200);
    assert_alive(&mut link);
}

/// Connection IDs of ours that are retired as soon as they are issued are replaced one for one, never more.
//= rfc9000#5.1.1 test
#[test]
fn our_connection_ids_are_replaced_one_for_one() {
    let mut link = requested();
    let issued = |link: &Link<Ours>| {
        let ids = link.server.frames().filter_map(|(_, frame)| match frame {
            Frame::NewConnectionId { sequence, .. } => Some(sequence),
            _ => None,
        });
        ids.max().unwrap_or(0)
    };
    let first = issued(&link);
    // The one in use stays: a packet may not retire its own destination.
    for sequence in 1..=300 {
        if sequence > issued(&link) {
            break;
        }
        let before = issued(&link);
        link.server
            .send(APPLICATION, &[Frame::RetireConnectionId { sequence }; 20]);
        link.settle();
        let more = issued(&link) - before;
        assert!(more <= 1, "{more} for one that was retired twenty times");
    }
    assert!(issued(&link) <= first + 300);
    assert_alive(&mut link);
}

/// RFC 9114 §10.5.1: a header section without end. The head of an interim response is passed over, however long it
/// is said to be, and its bytes take no memory: credit for them comes back.
#[test]
fn an_interim_response_without_end() {
    let mut link = requested();
    let head = http3::section(&[(":status", "103")]);
    let begin = [
        http3::frame_header(http3::kind::HEADERS, 1 << 40),
        head.clone(),
    ]
    .concat();
    deliver(&mut link, 0, &begin, false);
    let events = link.client.seen.len();
    for _ in 0..100 {
        deliver(&mut link, 0, &[0x20; 8000], false);
    }
    assert_eq!(link.client.seen.len(), events, "nothing to tell");
    let room = limit(&link, 0) - link.server.written(0);
    assert!(room <= link.client.limits.receive_window as u64);
    assert_alive(&mut link);
}

/// CVE-2025-64702, CVE-2026-40898: short as encoded, long as decoded, in the head and in trailers. What is refused is
/// the one response; what is decoded at one time is a line, whatever its length.
#[test]
fn compressed_fields_that_grow() {
    let limits = Limits::SMALL;
    // A static line of 32 bytes and more in one byte; a Huffman code of five bits for a byte.
    let indexed = vec![0xd1 + 1; limits.field_section - 200];
    let zeros = limits.field_section - 300;
    let mut long_value = vec![0x50 | 4, 0xff];
    let mut length = zeros - 127;
    while length >= 128 {
        long_value.push(length as u8 | 0x80);
        length >>= 7;
    }
    long_value.push(length as u8);
    // "0" is 00000.
    long_value.extend(vec![0; zeros / 5 * 5]);
    long_value.extend(vec![0x07; zeros % 5]);
    for bomb in [&indexed, &long_value] {
        let head = [&http3::section(&[(":status", "200")])[..], bomb].concat();
        let head = http3::frame(http3::kind::HEADERS, &head);
        let trailers = http3::frame(
            http3::kind::HEADERS,
            &[&http3::section(&[])[..], bomb].concat(),
        );
        let trailers = [http3::status("200"), http3::data(b"x"), trailers].concat();
        for response in [head, trailers] {
            let mut link = requested();
            deliver(&mut link, 0, &response, true);
            for seen in &link.client.seen {
                let kept: usize = match seen {
                    Seen::Response(.., fields) | Seen::Trailers(.., fields) => fields
                        .iter()
                        .map(|(name, value)| name.len() + value.len())
                        .sum(),
                    Seen::Failed(_, error) => {
                        assert!(
                            matches!(
                                error,
                                MessageError::FieldsTooLarge { .. } | MessageError::Malformed(_)
                            ),
                            "{error:?}"
                        );
                        0
                    }
                    _ => 0,
                };
                assert!(kept <= 4 * limits.field_section, "{kept} bytes were told");
            }
            if link.client.closed().is_none() {
                let id = link.client.get("/after");
                link.settle();
                link.server.respond(id, &[(":status", "200")], b"fine");
                link.settle();
                assert_eq!(link.client.bodies[&id], b"fine");
            }
        }
    }
}

/// CVE-2025-54939: a bad second packet is one discard, not a state that stays.
#[test]
fn a_bad_second_packet_is_counted_and_nothing_else() {
    let mut link = at(Space::Handshake);
    let before: u32 = discards(&link);
    let answered = link.transmitted.0;
    for index in 0..20_000_u32 {
        let mut datagram = link
            .server
            .seal(&Packet::new(Space::Handshake).frames(&[Frame::Padding { length: 20 }]));
        datagram.extend([0xe0, 0, 0, 0, 1, 8]);
        datagram.extend(index.to_be_bytes());
        datagram.extend([0x55; 60]);
        link.server.send_datagram(datagram);
        link.server_speaks();
    }
    assert!(discards(&link) - before >= 20_000);
    link.settle();
    assert!(link.transmitted.0 - answered <= 2);
    assert_legal(&link);
}

/// Datagrams that were thrown away, for whatever reason.
fn discards(link: &Link<Ours>) -> u32 {
    let trace = link.client.client.transport().trace();
    let reasons = [
        Discard::Malformed,
        Discard::UnknownConnectionId,
        Discard::WrongVersion,
        Discard::NoKeys,
        Discard::Undecryptable,
        Discard::Duplicate,
        Discard::Unexpected,
    ];
    reasons.map(|reason| trace.discarded(reason)).iter().sum()
}

/// Nothing is acknowledged: what is in flight never exceeds the initial window, whatever the server's limits are.
//= rfc9002#7 test
#[test]
fn without_acknowledgements_no_more_than_the_initial_window() {
    let mut link = settled(Options {
        acknowledges: false,
        ..Options::default()
    });
    link.server.open_http3();
    link.settle();
    let id = link.client.client.request(&Request::post("/up")).unwrap();
    let content = vec![7; 32 * 1024];
    let _ = link.client.client.send_body(id, &content);
    link.settle();
    let stats = link.client.client.transport().stats();
    assert!(stats.in_flight <= stats.window, "{stats:?}");
    assert!(stats.in_flight > stats.window / 2, "the window is used");
    // From here on there are probes alone, two each time, and ever more rarely.
    let before = link.transmitted.0;
    link.advance(Duration::from_secs(10));
    let probes = link.transmitted.0 - before;
    assert!((2..=2 * 8).contains(&probes), "{probes} probes");
    let stats = link.client.client.transport().stats();
    assert!(stats.window <= 14_720, "a window that grew by itself");
    assert!(stats.in_flight <= stats.window + probes as u64 * 1200);
    assert_legal(&link);
}

/// The same acknowledgement again and again, of packets that are long gone and of a stream that is over.
#[test]
fn an_acknowledgement_a_thousand_times() {
    let mut link = requested();
    link.server.respond(0, &[(":status", "200")], b"done");
    link.settle();
    let acknowledgement = link.server.acknowledgement(APPLICATION);
    let window = link.client.client.transport().stats().window;
    let before = link.transmitted.0;
    for _ in 0..1000 {
        link.server.send_raw(APPLICATION, &acknowledgement);
        link.server_speaks();
    }
    link.settle();
    assert!(link.transmitted.0 - before <= 2);
    assert_eq!(link.client.client.transport().stats().window, window);
    assert_alive(&mut link);
}

/// A server that asks for the end of every request, in a circle: each costs a frame or two.
#[test]
fn stop_sending_a_thousand_times() {
    let mut link = requested();
    let stop = Frame::StopSending {
        id: stream_id(0),
        code: Code::NO_ERROR.get(),
    };
    let before = link.transmitted.0;
    for _ in 0..100 {
        link.server.send(APPLICATION, &[stop; 10]);
        link.settle();
    }
    let resets = |frame: &Frame<'_>| matches!(frame, Frame::ResetStream { .. });
    assert!(link.server.count(resets) <= 1, "a reset for each");
    assert!(link.transmitted.0 - before <= 100 + 5);
    assert_alive(&mut link);
}
