//! Frames that are wrong by themselves, in the wrong packets, or at the wrong time (RFC 9000 §12.4, §19).

use super::ours::{Ours, assert_alive, assert_closed, at, connected, requested};
use quicpro_core::wire::frame::{Ack, Close, Frame, kind};
use quicpro_core::wire::packet::{self, Space};
use quicpro_core::wire::{Code, Direction};
use quicpro_tests::scripted::{
    Link, Packet, acknowledgement_of, encode, encoded, stream_id, varint,
};

const PROTOCOL_VIOLATION: u64 = Code::PROTOCOL_VIOLATION.get();
const FRAME_ENCODING_ERROR: u64 = Code::FRAME_ENCODING_ERROR.get();

/// One legal frame of each of the 20 types (RFC 9000 table 3), by its type on the wire.
pub fn one_of_each() -> Vec<(u64, Vec<u8>)> {
    let bidirectional = Direction::Bidirectional;
    let frames = [
        Frame::Padding { length: 1 },
        Frame::Ping,
        Frame::ResetStream {
            id: stream_id(3),
            code: 1,
            final_size: 9,
        },
        Frame::StopSending {
            id: stream_id(0),
            code: 1,
        },
        Frame::Crypto {
            offset: 0,
            data: b"",
        },
        Frame::NewToken { token: b"token" },
        Frame::Stream {
            id: stream_id(0),
            offset: 0,
            data: b"",
            fin: false,
        },
        Frame::MaxData { limit: 1 },
        Frame::MaxStreamData {
            id: stream_id(0),
            limit: 1,
        },
        Frame::MaxStreams {
            direction: bidirectional,
            limit: 1,
        },
        Frame::DataBlocked { limit: 1 },
        Frame::StreamDataBlocked {
            id: stream_id(0),
            limit: 1,
        },
        Frame::StreamsBlocked {
            direction: bidirectional,
            limit: 1,
        },
        Frame::NewConnectionId {
            sequence: 1,
            retire_prior_to: 0,
            cid: b"another1",
            reset_token: [7; 16],
        },
        Frame::RetireConnectionId { sequence: 0 },
        Frame::PathChallenge([1; 8]),
        Frame::PathResponse([1; 8]),
        Frame::ConnectionClose(Close::Transport {
            code: Code::NO_ERROR,
            frame: 0,
            reason: b"",
        }),
        Frame::HandshakeDone,
    ];
    let mut all: Vec<_> = frames
        .iter()
        .map(|frame| (frame.kind(), encoded(std::slice::from_ref(frame))))
        .collect();
    all.push((kind::ACK, acknowledgement_of(&[0..=0])));
    assert_eq!(all.len(), 20);
    all
}

/// Sends a payload of frames in `space`, at a moment when that space is in use.
fn after(space: Space, payload: &[u8]) -> Link<Ours> {
    let mut link = at(space);
    link.server.send_raw(space, payload);
    link.settle();
    link
}

//= rfc9000#12.4 test
//= rfc9000#12.5 test
//= rfc9000#17.2.4 test
#[test]
fn every_frame_in_every_wrong_packet_is_a_violation() {
    let mut refused = 0;
    for space in [Space::Initial, Space::Handshake] {
        for (kind, bytes) in one_of_each() {
            if kind::is_allowed_in(kind, space) {
                continue;
            }
            let link = after(space, &[bytes, vec![0; 8]].concat());
            assert_closed(&link, PROTOCOL_VIOLATION);
            assert_eq!(link.server.closed().map(|closed| closed.frame), Some(kind));
            refused += 1;
        }
    }
    assert_eq!(refused, 2 * 15);
}

//= rfc9000#12.5 test
#[test]
fn frames_of_every_packet_type_do_no_harm_where_they_may_stand() {
    for space in Space::ALL {
        for (kind, bytes) in one_of_each() {
            let ends = matches!(kind, kind::CONNECTION_CLOSE | kind::RETIRE_CONNECTION_ID);
            let critical = kind == kind::RESET_STREAM;
            let unsent = kind == kind::ACK && space == Space::Handshake;
            if ends || critical || unsent || !kind::is_allowed_in(kind, space) {
                continue;
            }
            let mut link = after(space, &[bytes, vec![0; 8]].concat());
            assert_alive(&mut link);
        }
    }
}

//= rfc9000#12.4 test
#[test]
fn unknown_frame_types_are_refused_in_every_packet() {
    let unknown = [
        0x20,
        0x21,
        0x2f,
        0x32,
        0x3f,
        0x40,
        0xae,
        0x4000,
        0x15_228c,
        (1 << 62) - 1,
    ];
    for space in Space::ALL {
        for kind in unknown {
            let link = after(space, &[varint(kind), vec![0; 16]].concat());
            assert_closed(&link, FRAME_ENCODING_ERROR);
        }
    }
}

//= rfc9000#12.4 test
#[test]
fn a_frame_type_that_is_longer_than_needed_is_a_violation() {
    for kind in [
        &[0x40, 0x01][..],
        &[0x80, 0, 0, 0x06],
        &[0xc0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        for space in Space::ALL {
            let link = after(space, &[kind, &[0; 16]].concat());
            assert_closed(&link, PROTOCOL_VIOLATION);
        }
    }
}

//= rfc9000#12.4 test
#[test]
fn a_packet_without_frames_is_a_violation() {
    for space in Space::ALL {
        assert_closed(&after(space, &[]), PROTOCOL_VIOLATION);
    }
}

//= rfc9000#17.2 test
//= rfc9000#17.3.1 test
#[test]
fn reserved_bits_are_a_violation() {
    for space in Space::ALL {
        let bits: [u8; 2] = if space == Space::Application {
            [0x08, 0x10]
        } else {
            [0x04, 0x08]
        };
        for bit in bits {
            let mut link = at(space);
            link.server
                .send_packet(Packet::new(space).frames(&[Frame::Ping]).flip(bit));
            link.settle();
            assert_closed(&link, PROTOCOL_VIOLATION);
        }
    }
}

//= rfc9000#17.4 test
#[test]
fn a_bit_that_spins_means_nothing() {
    let mut link = requested();
    let before = link.client.client.transport().stats().packets_received;
    for number in 0..20_u8 {
        let packet = Packet::new(Space::Application).frames(&[Frame::Ping]);
        link.server.send_packet(packet.flip(0x20 * (number & 1)));
        link.settle();
    }
    let stats = link.client.client.transport().stats();
    assert_eq!(stats.packets_received, before + 20);
    let answers = link.server.received(Space::Application);
    assert!(!answers.is_empty());
    let log = link.server.log().iter();
    let mut short = log.filter(|packet| packet.space == Space::Application);
    assert!(short.all(|packet| !packet::spin(packet.first)));
    assert_alive(&mut link);
}

//= rfc9287#3 test
#[test]
fn a_packet_without_the_quic_bit_is_as_good_as_one_with_it() {
    for space in Space::ALL {
        let mut link = at(space);
        let before = link.client.client.transport().stats().packets_received;
        let packet = Packet::new(space).frames(&[Frame::Ping]);
        link.server.send_packet(packet.flip(0x40));
        link.settle();
        let after = link.client.client.transport().stats().packets_received;
        assert_eq!(after - before, 1);
        assert_alive(&mut link);
    }
}

//= rfc9000#19 test
#[test]
fn frames_cut_short_at_every_byte() {
    let mut cuts = 0;
    for (kind, bytes) in one_of_each() {
        for cut in 1..bytes.len() {
            let link = after(Space::Application, &bytes[..cut]);
            assert_closed(&link, FRAME_ENCODING_ERROR);
            assert_eq!(link.server.closed().map(|closed| closed.frame), Some(kind));
            cuts += 1;
        }
    }
    assert!(cuts > 70, "{cuts}");
}

/// Payloads of one frame that is illegal whatever the connection's state.
fn illegal() -> Vec<Vec<u8>> {
    let max = (1 << 62) - 1;
    let long = |kind: u64, values: &[u64]| {
        let values = values.iter().map(|&value| varint(value));
        [varint(kind), values.collect::<Vec<_>>().concat()].concat()
    };
    let new_cid = |sequence: u64, retire: u64, cid: &[u8]| {
        let length = [cid.len() as u8];
        [&long(0x18, &[sequence, retire])[..], &length, cid, &[0; 16]].concat()
    };
    vec![
        // MAX_STREAMS and STREAMS_BLOCKED beyond 2^60.
        long(0x12, &[(1 << 60) + 1]),
        long(0x13, &[max]),
        long(0x16, &[(1 << 60) + 1]),
        long(0x17, &[max]),
        // NEW_CONNECTION_ID that retires itself, or is of no legal length.
        new_cid(1, 2, b"another1"),
        new_cid(1, 0, b""),
        new_cid(1, 0, &[1; 21]),
        // An empty NEW_TOKEN.
        long(0x07, &[0]),
        // STREAM and CRYPTO that end beyond 2^62 - 1.
        [long(0x0e, &[3, max, 1]), vec![0]].concat(),
        [long(0x06, &[max, 1]), vec![0]].concat(),
        // ACK ranges below zero.
        long(0x02, &[0, 0, 0, 1]),
        long(0x02, &[5, 0, 1, 0, 4, 0]),
        long(0x02, &[5, 0, 1, 0, 3, 1]),
        long(0x02, &[max, 0, max, 0]),
    ]
}

//= rfc9000#19.3.1 test
//= rfc9000#19.6 test
//= rfc9000#19.7 test
//= rfc9000#19.8 test
//= rfc9000#19.11 test
//= rfc9000#19.14 test
//= rfc9000#19.15 test
//= rfc9000#11 test
//= rfc9000#11.1 test
#[test]
fn values_that_no_frame_may_have() {
    for payload in illegal() {
        assert_closed(&after(Space::Application, &payload), FRAME_ENCODING_ERROR);
    }
}

//= rfc9000#13.1 test
#[test]
fn acknowledgements_of_packets_that_were_never_sent() {
    for space in Space::ALL {
        for number in [1_000, (1 << 32) + 1, (1 << 62) - 1] {
            let link = after(space, &acknowledgement_of(&[number..=number]));
            assert_closed(&link, PROTOCOL_VIOLATION);
        }
        let next = at(space)
            .server
            .received(space)
            .last()
            .map_or(0, |last| last + 1);
        let link = after(space, &acknowledgement_of(&[next..=next]));
        assert_closed(&link, PROTOCOL_VIOLATION);
    }
}

//= rfc9000#19.3 test
#[test]
fn acknowledgements_with_any_delay_and_any_counts_are_survived() {
    let max = (1 << 62) - 1;
    let mut link = requested();
    let largest = *link.server.received(Space::Application).last().unwrap();
    for ecn in [
        None,
        Some((max, max, max)),
        Some((0, 0, 0)),
        Some((1, 2, 3)),
    ] {
        let bytes = encode(|writer| {
            let ecn =
                ecn.map(|(ect0, ect1, ce)| quicpro_core::wire::frame::EcnCounts { ect0, ect1, ce });
            Ack::encode_ranges(writer, max, [largest..=largest].into_iter(), ecn).unwrap();
        });
        link.server.send_raw(Space::Application, &bytes);
        link.settle();
    }
    // A delay longer than the round trip is not taken off, and none is added.
    let stats = link.client.client.transport().stats();
    assert!(
        (stats.rtt_min..=10 * stats.rtt_min).contains(&stats.rtt),
        "{stats:?}"
    );
    assert!((1..100).contains(&stats.rtt_min.as_millis()), "{stats:?}");
    link.server.respond(0, &[(":status", "200")], b"still here");
    link.settle();
    assert_alive(&mut link);
    assert_eq!(link.client.bodies[&0], b"still here");
}

//= rfc9000#5.1.1 test
//= rfc9000#19.15 test
#[test]
fn connection_ids_that_contradict_each_other() {
    let new = |sequence, retire_prior_to, cid: &'static [u8], token: u8| Frame::NewConnectionId {
        sequence,
        retire_prior_to,
        cid,
        reset_token: [token; 16],
    };
    let cases = [
        [new(1, 0, b"another1", 1), new(1, 0, b"another2", 1)],
        [new(1, 0, b"another1", 1), new(1, 0, b"another1", 2)],
        [new(1, 0, b"another1", 1), new(2, 0, b"another1", 1)],
    ];
    for frames in cases {
        let mut link = connected();
        link.server.send(Space::Application, &frames);
        link.settle();
        assert_closed(&link, PROTOCOL_VIOLATION);
    }
    let mut link = connected();
    let twice = [new(1, 0, b"another1", 1), new(1, 0, b"another1", 1)];
    link.server.send(Space::Application, &twice);
    link.settle();
    assert_alive(&mut link);
}

//= rfc9000#5.1.1 test
#[test]
fn more_connection_ids_than_were_permitted() {
    let mut link = connected();
    let limit = link
        .server
        .client_parameters()
        .unwrap()
        .active_connection_id_limit;
    for sequence in 1..limit {
        let cid = [sequence as u8; 8];
        link.server.send(
            Space::Application,
            &[Frame::NewConnectionId {
                sequence,
                retire_prior_to: 0,
                cid: &cid,
                reset_token: [sequence as u8; 16],
            }],
        );
        link.settle();
        assert_alive(&mut link);
    }
    link.server.send(
        Space::Application,
        &[Frame::NewConnectionId {
            sequence: limit,
            retire_prior_to: 0,
            cid: &[0xff; 8],
            reset_token: [0xff; 16],
        }],
    );
    link.settle();
    assert_closed(&link, Code::CONNECTION_ID_LIMIT_ERROR.get());
}

//= rfc9000#5.1.2 test
#[test]
fn a_retired_connection_id_is_given_up() {
    let mut link = requested();
    link.server.send(
        Space::Application,
        &[Frame::NewConnectionId {
            sequence: 1,
            retire_prior_to: 1,
            cid: b"another1",
            reset_token: [1; 16],
        }],
    );
    link.settle();
    link.server.respond(0, &[(":status", "200")], b"ok");
    link.settle();
    assert_alive(&mut link);
    let retired = |frame: &Frame<'_>| matches!(frame, Frame::RetireConnectionId { sequence: 0 });
    assert_eq!(link.server.count(retired), 1);
    assert_eq!(
        link.server.log().last().unwrap().destination.as_slice(),
        b"another1"
    );
}

//= rfc9000#19.16 test
#[test]
fn retiring_a_connection_id_that_was_never_issued() {
    for sequence in [1_000, (1 << 62) - 1] {
        let mut link = connected();
        link.server.send(
            Space::Application,
            &[Frame::RetireConnectionId { sequence }],
        );
        link.settle();
        assert_closed(&link, PROTOCOL_VIOLATION);
    }
}

//= rfc9000#19.20 test
//= rfc9000#19.7 test
#[test]
fn confirmations_tokens_and_unasked_answers_may_be_repeated() {
    let mut link = requested();
    for _ in 0..10 {
        let frames = [
            Frame::HandshakeDone,
            Frame::NewToken { token: &[9; 500] },
            Frame::PathResponse([3; 8]),
            Frame::DataBlocked { limit: 0 },
        ];
        link.server.send(Space::Application, &frames);
    }
    link.settle();
    assert_alive(&mut link);
}

//= rfc9000#10.2.2 test
//= rfc9000#19.19 test
#[test]
fn after_the_servers_close_the_client_is_silent() {
    for application in [true, false] {
        let mut link = requested();
        let close = if application {
            Close::Application {
                code: 0x10c,
                reason: b"enough",
            }
        } else {
            Close::Transport {
                code: Code::PROTOCOL_VIOLATION,
                frame: 6,
                reason: &[0xff; 200],
            }
        };
        link.server
            .send(Space::Application, &[Frame::ConnectionClose(close)]);
        link.settle();
        assert!(link.client.closed().is_some());
        let before = link.transmitted;
        link.server.send(Space::Application, &[Frame::Ping]);
        link.advance(std::time::Duration::from_secs(60));
        assert_eq!(link.transmitted, before);
    }
}

//= rfc9000#10.2.1 test
#[test]
fn a_closing_client_answers_less_and_less() {
    let mut link = connected();
    link.server.send_raw(Space::Application, &[0x2f]);
    link.settle();
    assert_closed(&link, FRAME_ENCODING_ERROR);
    let before = link.transmitted.0;
    for _ in 0..1000 {
        link.server.send(Space::Application, &[Frame::Ping]);
        link.server_speaks();
        link.client_speaks();
    }
    let answers = link.transmitted.0 - before;
    assert!(
        (1..=12).contains(&answers),
        "{answers} answers to 1,000 packets"
    );
}
