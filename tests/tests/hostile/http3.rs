//! One test for each rule of HTTP/3 that a server can break (RFC 9114, RFC 9204, RFC 9218).

use super::ours::{Ours, Seen, assert_alive, assert_http3_closed, connected, deliver, requested};
use quicpro_core::http3::{Code, Error};
use quicpro_core::wire::frame::{Close, Frame};
use quicpro_core::wire::packet::Space;
use quicpro_tests::scripted::http3::{
    CONTROL, DECODER, ENCODER, FOURTH, data, frame, frame_header, goaway, headers, kind, settings,
    status, stream,
};
use quicpro_tests::scripted::{Link, stream_id, varint};

/// Bytes on one of the server's streams while a request waits on stream 0.
pub fn on(id: u64, bytes: &[u8], fin: bool) -> Link<Ours> {
    let mut link = requested();
    link.server.write(id, bytes, fin);
    link.settle();
    link
}

/// The server's first bytes on its control stream.
fn first_on_control(bytes: &[u8]) -> Link<Ours> {
    let mut link = connected();
    link.server.write(
        CONTROL,
        &[varint(stream::CONTROL), bytes.to_vec()].concat(),
        false,
    );
    link.settle();
    link
}

#[track_caller]
fn control_refuses(bytes: &[u8], code: Code) {
    assert_http3_closed(&on(CONTROL, bytes, false), code);
}

#[track_caller]
pub fn request_refuses(bytes: &[u8], code: Code) {
    assert_http3_closed(&on(0, bytes, false), code);
}

/// Frame types that HTTP/2 had and HTTP/3 has not (RFC 9114 §11.2.1).
const RESERVED: [u64; 4] = [0x02, 0x06, 0x08, 0x09];

//= rfc9114#6.2.1 test
#[test]
fn control_streams_begin_with_settings() {
    let kinds = [
        kind::DATA,
        kind::HEADERS,
        kind::GOAWAY,
        kind::MAX_PUSH_ID,
        kind::GREASE,
    ];
    for kind in kinds {
        assert_http3_closed(
            &first_on_control(&frame(kind, &[0])),
            Code::MISSING_SETTINGS,
        );
    }
}

//= rfc9114#7.2.4 test
#[test]
fn settings_come_once() {
    control_refuses(&settings(&[]), Code::FRAME_UNEXPECTED);
}

//= rfc9114#7.2.4 test
//= rfc9114#7.2.4.1 test
#[test]
fn settings_that_are_wrong() {
    let twice = [[(6, 100), (6, 100)], [(1, 0), (1, 0)], [(7, 0), (7, 1)]];
    for pairs in twice {
        assert_http3_closed(&first_on_control(&settings(&pairs)), Code::SETTINGS_ERROR);
    }
    for id in [0x02, 0x03, 0x04, 0x05] {
        assert_http3_closed(
            &first_on_control(&settings(&[(id, 1)])),
            Code::SETTINGS_ERROR,
        );
    }
    for torn in [&[6][..], &[6, 0x40], &[6, 1, 7]] {
        let link = first_on_control(&frame(kind::SETTINGS, torn));
        assert_http3_closed(&link, Code::FRAME_ERROR);
    }
}

//= rfc9114#7.2.4 test
#[test]
fn unknown_settings_are_ignored() {
    let mut link = first_on_control(&settings(&[
        (0x21, 1),
        (0x40, u64::MAX >> 2),
        (0x1f * 7 + 0x21, 0),
    ]));
    assert!(link.client.has_seen(&Seen::Settings));
    assert_alive(&mut link);
}

//= rfc9114#7.2.1 test
//= rfc9114#7.2.2 test
//= rfc9114#7.2.5 test
//= rfc9114#7.2.7 test
//= rfc9114#7.2.8 test
//= rfc9218#7.2 test
#[test]
fn frames_that_have_no_place_on_the_control_stream() {
    let kinds = [
        kind::DATA,
        kind::HEADERS,
        kind::PUSH_PROMISE,
        kind::MAX_PUSH_ID,
        kind::PRIORITY_UPDATE,
    ];
    for kind in kinds.into_iter().chain(RESERVED) {
        control_refuses(&frame(kind, &[0, 0]), Code::FRAME_UNEXPECTED);
    }
}

//= rfc9114#7.2.3 test
#[test]
fn a_push_that_was_never_promised_cannot_be_cancelled() {
    control_refuses(&frame(kind::CANCEL_PUSH, &[0]), Code::ID_ERROR);
}

//= rfc9114#6.2.1 test
//= rfc9204#4.2 test
#[test]
fn critical_streams_stay_open() {
    for id in [CONTROL, ENCODER, DECODER] {
        assert_http3_closed(&on(id, &[], true), Code::CLOSED_CRITICAL_STREAM);
        let mut link = requested();
        let final_size = link.server.written(id);
        let reset = Frame::ResetStream {
            id: stream_id(id),
            code: 0x100,
            final_size,
        };
        link.server.send(Space::Application, &[reset]);
        link.settle();
        assert_http3_closed(&link, Code::CLOSED_CRITICAL_STREAM);
    }
    for id in [2, 6, 10] {
        let mut link = requested();
        let stop = Frame::StopSending {
            id: stream_id(id),
            code: 0x100,
        };
        link.server.send(Space::Application, &[stop]);
        link.settle();
        assert_http3_closed(&link, Code::CLOSED_CRITICAL_STREAM);
    }
}

//= rfc9114#6.2.1 test
//= rfc9204#4.2 test
#[test]
fn critical_streams_exist_once() {
    for kind in [
        stream::CONTROL,
        stream::QPACK_ENCODER,
        stream::QPACK_DECODER,
    ] {
        assert_http3_closed(
            &on(FOURTH, &varint(kind), false),
            Code::STREAM_CREATION_ERROR,
        );
    }
}

//= rfc9114#4.6 test
//= rfc9114#6.2.2 test
#[test]
fn nothing_is_pushed() {
    let push = [varint(stream::PUSH), varint(0)].concat();
    assert_http3_closed(&on(FOURTH, &push, false), Code::ID_ERROR);
    request_refuses(&frame(kind::PUSH_PROMISE, &[0, 0, 0]), Code::ID_ERROR);
}

//= rfc9114#6.2 test
#[test]
fn unknown_streams_are_ignored() {
    for kind in [stream::GREASE, 0x54, 0x1f * 1000 + 0x21, (1 << 62) - 1] {
        for fin in [false, true] {
            let mut link = on(FOURTH, &[varint(kind), vec![0xff; 500]].concat(), fin);
            assert_alive(&mut link);
        }
    }
    // A stream that ends before it has said what it is.
    let mut link = on(FOURTH, &[], true);
    assert_alive(&mut link);
    let mut link = on(FOURTH, &[0x40], true);
    assert_alive(&mut link);
}

//= rfc9114#5.2 test
//= rfc9114#7.2.6 test
#[test]
fn go_away_names_requests_and_takes_none_back() {
    for id in [1, 2, 3, 5] {
        control_refuses(&goaway(id), Code::ID_ERROR);
    }
    control_refuses(&[goaway(4), goaway(8)].concat(), Code::ID_ERROR);
    control_refuses(&frame(kind::GOAWAY, &[]), Code::FRAME_ERROR);
    control_refuses(&frame(kind::GOAWAY, &[4, 4]), Code::FRAME_ERROR);
    control_refuses(&frame(kind::GOAWAY, &[0x40]), Code::FRAME_ERROR);
}

//= rfc9114#5.2 test
#[test]
fn go_away_rejects_what_was_not_processed_and_lets_the_rest_finish() {
    let mut link = requested();
    let second = link.client.get("/second");
    link.settle();
    link.server.write(
        CONTROL,
        &[goaway((1 << 62) - 4), goaway(4), goaway(4)].concat(),
        false,
    );
    link.settle();
    assert!(link.client.has_seen(&Seen::GoAway(4)));
    assert!(
        link.client
            .has_seen(&Seen::Reset(second, Code::REQUEST_REJECTED))
    );
    let request = quicpro_core::http3::Request::get("/third");
    assert!(link.client.client.request(&request).is_err());
    link.server.respond(0, &[(":status", "200")], b"finished");
    link.settle();
    assert_eq!(link.client.bodies[&0], b"finished");
    assert_alive(&mut link);
}

//= rfc9114#4.1 test
#[test]
fn data_follows_headers_and_nothing_follows_trailers() {
    request_refuses(&data(b"x"), Code::FRAME_UNEXPECTED);
    let whole = [status("200"), data(b"x"), headers(&[("x-sum", "1")])].concat();
    request_refuses(
        &[whole.clone(), data(b"y")].concat(),
        Code::FRAME_UNEXPECTED,
    );
    request_refuses(
        &[whole, headers(&[("x-sum", "2")])].concat(),
        Code::FRAME_UNEXPECTED,
    );
    request_refuses(
        &[status("103"), data(b"x")].concat(),
        Code::FRAME_UNEXPECTED,
    );
}

//= rfc9114#7.2.3 test
//= rfc9114#7.2.4 test
//= rfc9114#7.2.6 test
//= rfc9114#7.2.7 test
//= rfc9114#7.2.8 test
#[test]
fn frames_that_have_no_place_on_a_requests_stream() {
    let kinds = [
        kind::CANCEL_PUSH,
        kind::SETTINGS,
        kind::GOAWAY,
        kind::MAX_PUSH_ID,
        kind::PRIORITY_UPDATE,
    ];
    for kind in kinds.into_iter().chain(RESERVED) {
        request_refuses(&frame(kind, &[0]), Code::FRAME_UNEXPECTED);
        request_refuses(
            &[status("200"), frame(kind, &[0])].concat(),
            Code::FRAME_UNEXPECTED,
        );
    }
}

//= rfc9114#7.1 test
#[test]
fn streams_that_end_inside_a_frame() {
    let cases = [
        vec![1],
        frame_header(kind::HEADERS, 5),
        [status("200"), frame_header(kind::DATA, 5), b"four".to_vec()].concat(),
        [status("200"), frame_header(kind::GREASE, 5)].concat(),
        [
            status("200"),
            data(b"x"),
            frame_header(kind::HEADERS, 9),
            vec![0, 0],
        ]
        .concat(),
    ];
    for bytes in cases {
        assert_http3_closed(&on(0, &bytes, true), Code::FRAME_ERROR);
    }
}

//= rfc9114#9 test
//= rfc9114#7.2.8 test
#[test]
fn unknown_frames_are_ignored_everywhere() {
    let unknown = |length: usize| frame(kind::GREASE + 0x1f * 5, &vec![0xee; length]);
    let mut link = requested();
    deliver(
        &mut link,
        CONTROL,
        &[unknown(0), unknown(3000)].concat(),
        false,
    );
    let response = [
        unknown(0),
        unknown(2000),
        status("103"),
        unknown(1),
        headers(&[(":status", "200"), ("x-a", "b")]),
        unknown(10),
        data(b"be"),
        unknown(1000),
        data(b"tween"),
        unknown(0),
        headers(&[("x-sum", "1")]),
        unknown(10),
    ];
    deliver(&mut link, 0, &response.concat(), true);
    assert_alive(&mut link);
    assert!(link.client.has_seen(&Seen::Informational(0, 103)));
    let field = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    assert!(
        link.client
            .has_seen(&Seen::Response(0, 200, field("x-a", "b")))
    );
    assert_eq!(link.client.bodies[&0], b"between");
    assert!(
        link.client
            .has_seen(&Seen::Trailers(0, field("x-sum", "1")))
    );
    assert!(link.client.has_seen(&Seen::Finished(0)));
}

//= rfc9114#8 test
#[test]
fn requests_that_are_reset_before_and_after_the_head() {
    for code in [
        Code::REQUEST_REJECTED,
        Code::INTERNAL_ERROR,
        Code::new(0x1f * 3 + 0x21),
    ] {
        for head in [
            Vec::new(),
            status("200"),
            [status("200"), data(b"half")].concat(),
        ] {
            let mut link = on(0, &head, false);
            let final_size = head.len() as u64;
            let reset = Frame::ResetStream {
                id: stream_id(0),
                code: code.get(),
                final_size,
            };
            link.server.send(Space::Application, &[reset]);
            link.settle();
            assert!(
                link.client.has_seen(&Seen::Reset(0, code)),
                "{:?}",
                link.client.seen
            );
            assert!(!link.client.has_seen(&Seen::Finished(0)));
            assert_alive(&mut link);
        }
    }
}

//= rfc9114#6.1 test
#[test]
fn a_servers_bidirectional_stream_is_beyond_the_limit() {
    let mut link = requested();
    link.server.write(1, b"hello", false);
    link.settle();
    let closed = link.server.closed().unwrap();
    assert_eq!((closed.application, closed.code), (false, 4));
}

#[test]
fn every_cut_of_a_response_in_two_packets() {
    let response = [
        status("103"),
        frame(kind::GREASE, b"??"),
        headers(&[
            (":status", "200"),
            ("content-length", "4"),
            ("x-long-name", "a value"),
        ]),
        data(b"fo"),
        data(b""),
        data(b"ur"),
        headers(&[("x-sum", "1")]),
    ]
    .concat();
    for cut in 0..=response.len() {
        let mut link = requested();
        link.server.write(0, &response[..cut], false);
        link.settle();
        link.server.write(0, &response[cut..], true);
        link.settle();
        assert_eq!(link.client.bodies[&0], b"four");
        assert!(link.client.has_seen(&Seen::Finished(0)));
        assert_alive(&mut link);
    }
}

//= rfc9114#8 test
#[test]
fn the_servers_close_in_the_same_packet_is_what_ended_the_connection() {
    let mut link = requested();
    let data = data(b"not on the control stream");
    let offset = link.server.written(CONTROL);
    let stream = Frame::Stream {
        id: stream_id(CONTROL),
        offset,
        data: &data,
        fin: false,
    };
    let close = Close::Application {
        code: Code::NO_ERROR.get(),
        reason: b"",
    };
    link.server
        .send(Space::Application, &[stream, Frame::ConnectionClose(close)]);
    link.settle();
    let end = link.client.closed();
    assert!(
        matches!(
            end,
            Some(Error::Peer {
                code: Code::NO_ERROR,
                ..
            })
        ),
        "{end:?}"
    );
    assert_eq!(
        link.server.closed(),
        None,
        "the server is not told anything"
    );
}
