//! Servers that give little, late, or in an unusual order, and yet break no rule: everything still arrives.

use super::ours::{
    Ours, Seen, assert_alive, assert_closed, assert_legal, assert_works, at, config, connected,
    deliver, limit, requested, settled,
};
use quicpro_core::Limits;
use quicpro_core::http3::{Code, Request};
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::Space;
use quicpro_core::wire::{self, Direction};
use quicpro_tests::body;
use quicpro_tests::scripted::{Link, Options, Packet, Server, http3, stream_id};
use std::time::Duration;

const APPLICATION: Space = Space::Application;

/// Sends a request with a body, as far as it is taken; the rest of the body.
fn upload<'b>(
    link: &mut Link<Ours>,
    id: quicpro_core::http3::RequestId,
    rest: &'b [u8],
) -> &'b [u8] {
    let taken = link.client.client.send_body(id, rest).unwrap_or(0);
    let rest = &rest[taken..];
    if rest.is_empty() {
        let _ = link.client.client.finish(id);
    }
    rest
}

//= rfc9000#4.1 test
#[test]
fn a_body_through_windows_that_open_byte_by_byte() {
    let mut link = settled(Options::default().parameters(|parameters| {
        parameters.initial_max_data = 300;
        parameters.initial_max_stream_data_bidi_remote = 200;
        parameters.initial_max_stream_data_uni = 100;
    }));
    link.server.open_http3();
    link.settle();
    let id = link
        .client
        .client
        .request(&Request::post("/upload"))
        .unwrap();
    let content = body::pattern(1000);
    let mut rest = upload(&mut link, id, &content);
    let blocked = |frame: &Frame<'_>| {
        matches!(
            frame,
            Frame::DataBlocked { .. } | Frame::StreamDataBlocked { .. }
        )
    };
    let (before, waited) = (link.transmitted.0, link.server.count(blocked));
    let mut steps = 0;
    for step in 1..2000_u64 {
        steps = step as usize;
        let frames = [
            Frame::MaxData { limit: 300 + step },
            Frame::MaxStreamData {
                id: stream_id(0),
                limit: 200 + step,
            },
        ];
        link.server.send(APPLICATION, &frames);
        link.settle();
        link.client.drain();
        if !rest.is_empty() {
            rest = upload(&mut link, id, rest);
        }
        if link
            .server
            .stream(0)
            .is_some_and(quicpro_tests::scripted::Assembler::is_complete)
        {
            break;
        }
    }
    assert_alive(&mut link);
    // A byte of room is worth a datagram and the word that it was too little, and no more.
    let sent = link.transmitted.0 - before;
    assert!(sent <= 2 * steps + 5, "{sent} datagrams in {steps} steps");
    let waited = link.server.count(blocked) - waited;
    assert!(waited <= 2 * steps + 5, "{waited} in {steps} steps");
    let received = link.server.stream(0).unwrap();
    assert!(received.is_complete());
    let frames = http3::frames(received.received()).into_iter();
    let data = frames.filter(|(kind, _)| *kind == http3::kind::DATA);
    let arrived: Vec<u8> = data.flat_map(|(_, payload)| payload).collect();
    assert_eq!(arrived, content);
}

//= rfc9000#4.6 test
#[test]
fn requests_one_at_a_time() {
    let mut link = settled(Options::default().parameters(|parameters| {
        parameters.initial_max_streams_bidi = 1;
    }));
    link.server.open_http3();
    link.settle();
    for index in 0..20 {
        let id = link.client.get("/");
        assert!(link.client.client.request(&Request::get("/next")).is_err());
        link.settle();
        link.server.respond(id, &[(":status", "200")], b"one");
        link.server
            .raise_streams(Direction::Bidirectional, index + 2);
        link.settle();
        assert_eq!(link.client.bodies[&id], b"one");
    }
    assert_alive(&mut link);
}

/// Without the three streams it needs, a client of HTTP/3 can do nothing; it must not break a limit either.
#[test]
fn no_unidirectional_streams_until_later() {
    let mut link = settled(Options::default().parameters(|parameters| {
        parameters.initial_max_streams_uni = 0;
    }));
    link.server.open_http3();
    link.settle();
    assert_alive(&mut link);
    for limit in 1..=3 {
        link.server.raise_streams(Direction::Unidirectional, limit);
        link.settle();
    }
    let id = link.client.get("/");
    link.settle();
    link.server.respond(id, &[(":status", "200")], b"late");
    link.settle();
    assert_eq!(link.client.bodies[&id], b"late");
    assert_alive(&mut link);
}

#[test]
fn settings_after_the_answer() {
    let mut link = connected();
    let id = link.client.get("/");
    link.settle();
    link.server
        .respond(id, &[(":status", "200")], b"before settings");
    link.settle();
    assert_eq!(link.client.bodies[&id], b"before settings");
    assert!(!link.client.has_seen(&Seen::Settings));
    link.server.open_http3();
    link.settle();
    assert!(link.client.has_seen(&Seen::Settings));
    assert_alive(&mut link);
}

/// A reader that does not read keeps no other response, and nothing of the control stream, from arriving.
#[test]
fn unread_responses_stop_neither_each_other_nor_the_control_stream() {
    let mut link = connected();
    let ids: Vec<u64> = (0..Limits::SMALL.requests)
        .map(|_| link.client.get("/"))
        .collect();
    link.settle();
    link.client.reads = false;
    let content = body::pattern(200_000);
    let response = [http3::status("200"), http3::data(&content)].concat();
    let mut filled = Vec::new();
    for &id in &ids {
        let room = limit(&link, id) as usize;
        filled.push(room);
        link.server
            .write(id, &response[..room.min(response.len())], false);
        link.settle();
    }
    link.server.open_http3();
    deliver(
        &mut link,
        http3::CONTROL,
        &http3::frame(http3::kind::GREASE, &[0; 9000]),
        false,
    );
    deliver(
        &mut link,
        http3::CONTROL,
        &http3::goaway(ids.len() as u64 * 4),
        false,
    );
    assert!(link.client.has_seen(&Seen::Settings));
    assert!(link.client.has_seen(&Seen::GoAway(ids.len() as u64 * 4)));
    assert_alive(&mut link);
    // The last is read to its end before the first is touched.
    link.client.reads = true;
    for (&id, &start) in ids.iter().zip(&filled).rev() {
        link.client.read_now(id);
        link.settle();
        deliver(&mut link, id, &response[start..], true);
        assert!(link.client.bodies[&id] == content, "stream {id}");
        assert!(link.client.has_seen(&Seen::Finished(id)));
    }
    assert_alive(&mut link);
}

//= rfc9000#12.3 test
#[test]
fn packets_whose_numbers_were_forgotten_are_not_taken_twice() {
    let mut link = requested();
    let challenge = Packet::new(APPLICATION).frames(&[Frame::PathChallenge([7; 8])]);
    let copy = link.server.seal(&challenge);
    link.server.send_datagram(copy.clone());
    link.settle();
    // Far more gaps than ranges: the number of the challenge is not remembered any more.
    let start = link.server.received(APPLICATION).len() as u64 + 1000;
    for index in 0..200 {
        let packet = Packet::new(APPLICATION)
            .frames(&[Frame::Ping])
            .number(start + 2 * index);
        link.server.send_packet(packet);
        link.settle();
    }
    for _ in 0..10 {
        link.server.send_datagram(copy.clone());
        link.settle();
    }
    let answers = link
        .server
        .count(|frame| matches!(frame, Frame::PathResponse(_)));
    assert_eq!(answers, 1);
    assert_alive(&mut link);
}

/// CVE-2025-59530: HANDSHAKE_DONE comes with the server's first flight, before it can have seen Finished.
#[test]
fn a_premature_confirmation() {
    for order in [[0, 1, 2], [2, 0, 1], [0, 2, 1]] {
        let mut link = at(Space::Initial);
        let crypto =
            [Space::Initial, Space::Handshake].map(|space| link.server.crypto(space).to_vec());
        let datagrams = [
            link.server
                .seal(&Packet::new(Space::Initial).frames(&[Frame::Crypto {
                    offset: 0,
                    data: &crypto[0],
                }])),
            link.server
                .seal(&Packet::new(Space::Handshake).frames(&[Frame::Crypto {
                    offset: 0,
                    data: &crypto[1],
                }])),
            link.server
                .seal(&Packet::new(APPLICATION).frames(&[Frame::HandshakeDone])),
        ];
        for index in order {
            link.server.send_datagram(datagrams[index].clone());
        }
        link.server_speaks();
        link.settle();
        assert_legal(&link);
        link.advance(Duration::from_secs(3));
        if order == [0, 1, 2] {
            assert_closed(&link, wire::Code::PROTOCOL_VIOLATION.get());
            assert!(!link.server.is_complete());
        } else {
            // It came before the keys that open it, and is as good as lost.
            assert!(link.server.is_complete());
            link.server.open_http3();
            link.settle();
            assert_works(&mut link);
        }
    }
}

/// 1-RTT packets that overtake the handshake are kept where `Limits` has a place for them.
//= rfc9001#5.7 test
//= rfc9001#4.1.4 test
#[test]
fn packets_that_overtake_the_handshake() {
    let server = Server::new(Options {
        sends_handshake: false,
        ..Options::default()
    });
    let client = Ours::new(&config(&server), &Limits::SMALL.early_datagrams(4), 1);
    let mut link = Link::new(client, server);
    link.settle();
    link.server
        .send(APPLICATION, &[Frame::PathChallenge([5; 8])]);
    link.settle();
    assert_legal(&link);
    link.server.options_mut().sends_handshake = true;
    link.server.flush();
    link.settle();
    link.advance(Duration::from_secs(1));
    assert!(link.client.has_seen(&Seen::Connected));
    let answer = Frame::PathResponse([5; 8]);
    assert_eq!(
        link.server.count(|frame| *frame == answer),
        1,
        "the early packet was kept"
    );
    assert_alive(&mut link);
}

/// The server takes a request's body no further after its answer (RFC 9114 §4.1).
#[test]
fn an_answer_before_the_body_is_sent() {
    let mut link = connected();
    link.server.open_http3();
    let id = link
        .client
        .client
        .request(&Request::post("/upload"))
        .unwrap();
    link.settle();
    link.server.respond(0, &[(":status", "413")], b"too much");
    link.server.send(
        APPLICATION,
        &[Frame::StopSending {
            id: stream_id(0),
            code: Code::NO_ERROR.get(),
        }],
    );
    link.settle();
    assert_eq!(link.client.bodies[&0], b"too much");
    assert!(link.client.client.send_body(id, b"more").is_err());
    link.settle();
    assert_alive(&mut link);
}

/// Half of the client's datagrams are lost: what is needed is sent again, until it arrives.
#[test]
fn a_server_that_does_not_listen_for_a_while() {
    let mut link = requested();
    link.server.respond(0, &[(":status", "200")], b"first");
    link.settle();
    link.deaf = true;
    let id = link.client.get("/unheard");
    link.advance(Duration::from_secs(2));
    link.deaf = false;
    link.advance(Duration::from_secs(4));
    link.server
        .respond(id, &[(":status", "200")], b"heard at last");
    link.advance(Duration::from_secs(1));
    assert_eq!(link.client.bodies[&id], b"heard at last");
    assert_alive(&mut link);
}

//= rfc9000#10.1 test
#[test]
fn a_silent_server_is_given_up_after_the_idle_timeout_it_asked_for() {
    let mut link = settled(Options::default().parameters(|parameters| {
        parameters.max_idle_timeout_ms = 5000;
    }));
    link.advance(Duration::from_millis(4900));
    assert_eq!(link.client.closed(), None);
    link.advance(Duration::from_secs(1));
    let timed_out = quicpro_core::connection::ConnectionError::TimedOut;
    assert_eq!(
        link.client.closed(),
        Some(quicpro_core::http3::Error::Transport(timed_out))
    );
    let before = link.transmitted;
    link.advance(Duration::from_secs(100));
    assert_eq!(link.transmitted, before);
}

//= rfc9000#8.1 test
#[test]
fn a_server_that_says_nothing_hears_little() {
    let server = Server::new(Options {
        sends_handshake: false,
        acknowledges: false,
        ..Options::default()
    });
    let client = Ours::new(&config(&server), &Limits::SMALL, 1);
    let mut link = Link::new(client, server);
    link.advance(Duration::from_secs(60));
    assert!(
        (3..=30).contains(&link.transmitted.0),
        "{:?}",
        link.transmitted
    );
    assert!(
        link.client.closed().is_some(),
        "the idle timeout ends the attempt"
    );
    assert_legal(&link);
}
