//! What one datagram may cost: work that a server can save up, and have done all at once.
//!
//! Invariant: work is counted, never timed, and each bound is a multiple of the bytes that came.

use super::ours::{
    Ours, Seen, assert_alive, assert_legal, assert_works, at, config, connected, deliver, limit,
    requested, settled,
};
use quicpro_core::Limits;
use quicpro_core::http3::{Code, MessageError, Request};
use quicpro_core::trace::Discard;
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::Space;
use quicpro_tests::body;
use quicpro_tests::scripted::{Link, Options, Packet, Server, acknowledgement_of, encoded, http3};
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

/// CVE-2023-49295 as it was: the window has collapsed to two datagrams, both are in flight, and the server asks on.
//= rfc9000#8.2.2 test
#[test]
fn path_challenges_when_the_window_has_collapsed() {
    let mut link = requested();
    let id = link.client.client.request(&Request::post("/up")).unwrap();
    let content = body::pattern(16_000);
    link.client.client.send_body(id, &content).unwrap();
    link.server.options_mut().acknowledges = false;
    link.settle();
    // Only the last probe is acknowledged: everything between was lost for longer than three probe timeouts.
    link.advance(Duration::from_secs(12));
    let last = *link.server.received(APPLICATION).last().unwrap();
    link.server
        .send_raw(APPLICATION, &acknowledgement_of(&[last..=last]));
    link.settle();
    let stats = link.client.client.transport().stats();
    assert_eq!(stats.recovery.persistent_congestion, 1);
    assert!(stats.window <= 3 * 1200, "{}", stats.window);
    let responses = |link: &Link<Ours>| {
        let is_response = |frame: &Frame<'_>| matches!(frame, Frame::PathResponse(_));
        link.server.count(is_response)
    };
    let before = link.transmitted.0;
    for round in 0..1000 {
        let challenge = Frame::PathChallenge((round as u64).to_be_bytes());
        link.server.send(APPLICATION, &[challenge]);
        link.server_speaks();
    }
    link.settle();
    // What no window holds back is one datagram of acknowledgements; an answer waits for the window.
    assert!(link.transmitted.0 - before <= 8);
    assert!(responses(&link) <= 4);
    // With the window open again the latest are answered, and only they.
    link.server.options_mut().acknowledges = true;
    link.advance(Duration::from_secs(30));
    let answered = responses(&link);
    assert!((1..=8).contains(&answered), "{answered} answers to 1,000");
    assert_alive(&mut link);
}

/// A table of sent packets that is full while the window is open: without a place for its record, nothing leaves that asks
/// for an answer.
#[test]
fn path_challenges_when_the_table_is_full() {
    for limits in [Limits::TINY, Limits::SMALL] {
        let server = Server::new(Options::default());
        let client = Ours::new(&config(&server), &limits, 1);
        let mut link = Link::new(client, server);
        link.settle();
        link.server.options_mut().acknowledges = false;
        for _ in 0..limits.packets_in_flight {
            link.client.client.transport_mut().ping();
            link.settle();
        }
        let stats = link.client.client.transport().stats();
        assert!(stats.in_flight + 1200 < stats.window, "the window is open");
        let before = link.transmitted.0;
        for round in 0..100_u64 {
            let challenge = Frame::PathChallenge(round.to_be_bytes());
            link.server.send(APPLICATION, &[challenge]);
            link.settle();
        }
        let sent = link.transmitted.0 - before;
        assert!(sent <= 100 + 5, "{sent} datagrams for 100");
        let after = link.client.client.transport().stats();
        assert_eq!(after.in_flight, stats.in_flight, "acknowledgements alone");
        assert_legal(&link);
        link.server.options_mut().acknowledges = true;
        link.advance(Duration::from_secs(5));
        let answered = |frame: &Frame<'_>| matches!(frame, Frame::PathResponse(_));
        assert!(link.server.count(answered) >= 1);
        assert_alive(&mut link);
    }
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

/// CVE-2025-64702, CVE-2026-40898: short as encoded, long as counted, in the head and in trailers. What is refused is the
/// one response.
#[test]
fn compressed_fields_that_grow() {
    let limits = Limits::SMALL;
    // "age: 0", the static table's line 2, counts 36 bytes and takes one.
    let lines = vec![0xc2; limits.field_section - 200];
    let counted = (limits.field_section - 200) * 36;
    let most = 4 * limits.field_section;
    assert!(counted > 8 * most);
    let [head, trailers] = in_head_and_trailers(&lines);
    for (response, is_head) in [(head, true), (trailers, false)] {
        let mut link = requested();
        deliver(&mut link, 0, &response, true);
        let refused = link.client.seen.iter().find_map(|seen| match seen {
            Seen::Failed(0, MessageError::FieldsTooLarge { length }) => Some(*length),
            _ => None,
        });
        // At the line with which it is too much, not at the end.
        let refused = refused.expect("too large");
        assert!((1..=36).contains(&(refused as usize - most)), "{refused}");
        assert_eq!(link.client.bodies.contains_key(&0), !is_head);
        assert_works(&mut link);
    }
}

/// The same with a value of five bits for each byte: Huffman code makes eight bytes of five at most, which the section's
/// bound permits. The line is longer than `Limits::field_line` and is named as such, and the others are told.
#[test]
fn compressed_values_that_grow() {
    let value = Limits::SMALL.field_section - 300;
    // "x" with a value in Huffman code: "0" is 00000.
    let mut line = vec![0x21, b'x', 0xff];
    let mut length = value - 127;
    while length >= 128 {
        line.push(length as u8 | 0x80);
        length >>= 7;
    }
    line.push(length as u8);
    line.extend(vec![0; value / 5 * 5]);
    line.extend(vec![0x07; value % 5]);
    for response in in_head_and_trailers(&line) {
        let mut link = requested();
        deliver(&mut link, 0, &response, true);
        let fields = Vec::new();
        let told = [
            Seen::Response(0, 200, fields.clone()),
            Seen::Trailers(0, fields),
        ];
        let told = told
            .iter()
            .filter(|seen| link.client.has_seen(seen))
            .count();
        assert!(
            told >= 1 && link.client.has_seen(&Seen::Finished(0)),
            "{:?}",
            link.client.seen
        );
        assert_works(&mut link);
    }
}

/// Two responses, with these encoded lines in the head and in trailers.
fn in_head_and_trailers(lines: &[u8]) -> [Vec<u8>; 2] {
    let section = |fields: &[(&str, &str)]| {
        let section = [&http3::section(fields)[..], lines].concat();
        http3::frame(http3::kind::HEADERS, &section)
    };
    let body = [http3::status("200"), http3::data(b"x")].concat();
    [
        section(&[(":status", "200")]),
        [body, section(&[])].concat(),
    ]
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

/// A server that asks for the end of a request again and again: it gets one reset.
#[test]
fn stop_sending_a_thousand_times() {
    let mut link = requested();
    let id = link.client.client.request(&Request::post("/up")).unwrap();
    link.client.client.send_body(id, b"a beginning").unwrap();
    link.settle();
    let stop = Frame::StopSending {
        id: id.stream_id(),
        code: Code::NO_ERROR.get(),
    };
    let before = link.transmitted.0;
    for _ in 0..100 {
        link.server.send(APPLICATION, &[stop; 10]);
        link.settle();
    }
    let resets = |frame: &Frame<'_>| matches!(frame, Frame::ResetStream { .. });
    assert_eq!(link.server.count(resets), 1);
    assert!(link.transmitted.0 - before <= 100 + 5);
    assert_alive(&mut link);
}
