//! What a server may not do, one test a rule.

use super::peer::{CONTROL, SECOND, THIRD, frame};
use super::{Pair, data, headers, status};
use crate::connection::{CloseReason, ConnectionError};
use crate::http3::{Code, RecvError, Request, RequestError};
use crate::time::Instant;
use std::format;
use std::vec::Vec;

/// The connection ends with `code`, and the transport is told so.
fn assert_closed(pair: &mut Pair, code: Code) {
    let events = pair.events();
    assert_eq!(
        events.last(),
        Some(&format!("closed Some({code:?})")),
        "{events:?}"
    );
    pair.h3.flush(Instant::ZERO, &mut pair.quic);
    let error = pair.quic.error();
    let Some(ConnectionError::Local(CloseReason::Application { code: told, .. })) = error else {
        panic!("{error:?}");
    };
    assert_eq!(told, code.get());
    assert!(pair.events().is_empty(), "the end is told once");
    let refused = pair.h3.request(&mut pair.quic, &Request::get("/"), "a");
    assert_eq!(refused, Err(RequestError::Closed));
}

/// What happens after `bytes` on the stream of a request, in one piece and byte by byte.
fn on_request(bytes: &[u8], is_end: bool, check: impl Fn(&mut Pair)) {
    for piece in [1, 1000] {
        let mut pair = Pair::new();
        pair.piece = piece;
        pair.get("/");
        if is_end {
            pair.end(0, bytes);
        } else {
            pair.write(0, bytes);
        }
        check(&mut pair);
    }
}

//= rfc9114#4.1 test
//= rfc9114#7.1 test
//= rfc9114#7.2.5 test
//= rfc9114#7.2.8 test
#[test]
fn frames_that_end_the_connection() {
    let head = status("200");
    let cases: [(Vec<u8>, Code); 9] = [
        (data(b"x"), Code::FRAME_UNEXPECTED),
        ([status("103"), data(b"x")].concat(), Code::FRAME_UNEXPECTED),
        (frame(4, &[]), Code::FRAME_UNEXPECTED),
        (frame(7, &[0]), Code::FRAME_UNEXPECTED),
        (frame(9, &[0]), Code::FRAME_UNEXPECTED),
        (frame(5, &[0]), Code::ID_ERROR),
        (frame(1, &[2, 0]), Code::QPACK_DECOMPRESSION_FAILED),
        (
            frame(1, &[0, 0, 0xff, 0x24]),
            Code::QPACK_DECOMPRESSION_FAILED,
        ),
        (
            [&head[..], &headers(&[("x", "1")]), &data(b"x")].concat(),
            Code::FRAME_UNEXPECTED,
        ),
    ];
    for (bytes, code) in cases {
        on_request(&bytes, false, |pair| assert_closed(pair, code));
    }
    let cut = [&head[..], &data(b"abc")[..5]].concat();
    on_request(&cut, true, |pair| {
        pair.events();
        let id = crate::http3::RequestId::from_number(0).unwrap();
        assert_eq!(pair.recv(id, 9).unwrap(), b"ab");
        assert_closed(pair, Code::FRAME_ERROR);
    });
}

//= rfc9114#4.1.2 test
#[test]
fn malformed_responses_end_their_request_only() {
    let cases: [Vec<u8>; 6] = [
        Vec::new(),
        status("103"),
        status("101"),
        headers(&[(":status", "200"), ("Upper", "1")]),
        headers(&[(":status", "200"), ("content-length", "1")]),
        [
            headers(&[(":status", "200"), ("content-length", "1")]),
            data(b"xx"),
        ]
        .concat(),
    ];
    for bytes in cases {
        on_request(&bytes, true, |pair| {
            pair.get("/other");
            pair.exchange();
            let events = pair.events();
            assert_eq!(events.last().unwrap(), "0 failed H3_MESSAGE_ERROR");
            let id = crate::http3::RequestId::from_number(0).unwrap();
            assert!(matches!(pair.recv(id, 9), Err(RecvError::Message(_))));
            pair.end(4, &status("200"));
            assert_eq!(pair.events(), ["4 200", "4 finished"]);
        });
    }
}

#[test]
fn the_server_is_told_of_a_malformed_response() {
    let mut pair = Pair::new();
    pair.h3
        .request(&mut pair.quic, &Request::post("/"), "a")
        .unwrap();
    pair.exchange();
    pair.write(0, &status("2000"));
    assert_eq!(pair.events(), ["0 failed H3_MESSAGE_ERROR"]);
    let sent = pair.sent(0);
    let code = Some(Code::MESSAGE_ERROR.get());
    assert_eq!((sent.reset, sent.stop), (code, code));
    assert_eq!(pair.h3.requests(), 0);
}

//= rfc9114#4.1.2 test
#[test]
fn a_body_shorter_than_promised_is_never_complete() {
    for end in [Vec::new(), headers(&[("x", "1")])] {
        let mut pair = Pair::new();
        let id = pair.get("/");
        let head = headers(&[(":status", "200"), ("content-length", "5")]);
        pair.end(0, &[&head[..], &data(b"four"), &end].concat());
        pair.events();
        assert_eq!(pair.recv(id, 4).unwrap(), b"four");
        assert_ne!(pair.recv(id, 4), Ok(Vec::new()));
        assert_eq!(pair.events(), ["0 failed H3_MESSAGE_ERROR"]);
        assert!(matches!(pair.recv(id, 4), Err(RecvError::Message(_))));
    }
}

//= rfc9114#4.2.2 test
#[test]
fn fields_that_are_too_large_end_their_request_only() {
    // Longer than announced for the encoded section.
    let long = "\\".repeat(3000);
    let bytes = headers(&[(":status", "200"), ("x", &long)]);
    on_request(&bytes[..1000], false, |pair| {
        assert_eq!(pair.events(), ["0 failed H3_REQUEST_CANCELLED"]);
    });
    // 1,000 lines of one byte: 42 bytes each and more when decoded.
    let bomb = [&[0, 0, 0xd9][..], &[0xc2; 900]].concat();
    on_request(&frame(1, &bomb), false, |pair| {
        assert_eq!(pair.events(), ["0 failed H3_REQUEST_CANCELLED"]);
    });
}

#[test]
fn resets_are_told_and_what_came_before_is_lost() {
    let mut pair = Pair::new();
    let id = pair
        .h3
        .request(&mut pair.quic, &Request::post("/"), "a")
        .unwrap();
    pair.exchange();
    pair.write(0, &[status("200"), data(b"half")].concat());
    assert_eq!(pair.events(), ["0 200", "0 data"]);
    pair.reset(0, Code::INTERNAL_ERROR.get());
    assert_eq!(pair.events(), ["0 reset H3_INTERNAL_ERROR"]);
    assert_eq!(
        pair.recv(id, 9),
        Err(RecvError::Reset(Code::INTERNAL_ERROR))
    );
    assert_eq!(pair.sent(0).reset, Some(Code::REQUEST_CANCELLED.get()));
    assert_eq!(pair.quic.streams_for_test().unread(), 0);
    assert_eq!(pair.h3.requests(), 0);
}

//= rfc9114#6.2 test
//= rfc9114#6.2.1 test
//= rfc9114#4.6 test
#[test]
fn the_servers_streams_and_their_types() {
    let mut pair = Pair::new();
    pair.write(CONTROL, &[0, 4, 0]);
    pair.write(SECOND, &[2, 0x20]);
    pair.write(THIRD, &[3, 0x40]);
    assert_eq!(pair.events(), ["settings None"]);
    let cases: [(u8, Code); 4] = [
        (0, Code::STREAM_CREATION_ERROR),
        (2, Code::STREAM_CREATION_ERROR),
        (3, Code::STREAM_CREATION_ERROR),
        (1, Code::ID_ERROR),
    ];
    for (kind, code) in cases {
        let mut pair = Pair::new();
        for (id, kind) in [(CONTROL, 0), (SECOND, 2), (THIRD, 3)] {
            pair.write(id, &[kind]);
        }
        pair.write(15, &[kind]);
        assert_closed(&mut pair, code);
    }
}

//= rfc9114#6.2.1 test
//= rfc9204#4.2 test
#[test]
fn critical_streams_stay_open() {
    for bytes in [&[0, 4, 0][..], &[2], &[3]] {
        let mut pair = Pair::new();
        pair.end(CONTROL, bytes);
        assert_closed(&mut pair, Code::CLOSED_CRITICAL_STREAM);
        let mut pair = Pair::new();
        pair.write(CONTROL, bytes);
        pair.events();
        pair.end(CONTROL, &[]);
        assert_closed(&mut pair, Code::CLOSED_CRITICAL_STREAM);
        let mut pair = Pair::new();
        pair.write(CONTROL, bytes);
        pair.events();
        pair.reset(CONTROL, 0);
        assert_closed(&mut pair, Code::CLOSED_CRITICAL_STREAM);
    }
    for id in [2, 6, 10] {
        let mut pair = Pair::new();
        pair.stop(id, 0);
        assert_closed(&mut pair, Code::CLOSED_CRITICAL_STREAM);
    }
}

//= rfc9114#6.2.3 test
//= rfc9114#9 test
#[test]
fn streams_of_unknown_types_are_refused_for_ever() {
    let mut pair = Pair::new();
    for index in 0..20 {
        let id = 3 + 4 * index;
        match index % 4 {
            0 => pair.end(id, &[0x21, 1, 2, 3]),
            1 => pair.end(id, &[]),
            2 => pair.end(id, &[0x40]),
            _ => {
                pair.write(id, &[0x40, 0x40, 9]);
                assert!(pair.events().is_empty());
                assert_eq!(pair.sent(id).stop, Some(Code::STREAM_CREATION_ERROR.get()));
                pair.reset(id, 0);
            }
        }
        assert!(pair.events().is_empty());
        pair.exchange();
    }
    assert_eq!(pair.quic.streams_for_test().unread(), 0);
    pair.write(83, &[0, 4, 0]);
    assert_eq!(pair.events(), ["settings None"]);
}

//= rfc9204#4.3.1 test
//= rfc9204#4.4.1 test
//= rfc9204#4.4.3 test
#[test]
fn instructions_that_are_not_allowed() {
    for (bytes, code) in [
        ([2, 0x21], Code::QPACK_ENCODER_STREAM_ERROR),
        ([2, 0x80], Code::QPACK_ENCODER_STREAM_ERROR),
        ([3, 0x00], Code::QPACK_DECODER_STREAM_ERROR),
        ([3, 0x80], Code::QPACK_DECODER_STREAM_ERROR),
    ] {
        let mut pair = Pair::new();
        pair.write(CONTROL, &bytes);
        assert_closed(&mut pair, code);
    }
}

#[test]
fn the_control_stream_is_read_whatever_the_requests_do() {
    let mut pair = Pair::new();
    pair.get("/1");
    pair.get("/2");
    pair.exchange();
    pair.write(0, &[status("200"), data(&[7; 900])].concat());
    pair.write(4, &[status("200"), data(&[7; 900])].concat());
    pair.write(CONTROL, &[0]);
    // 3,000 bytes of frames that mean nothing, through a window of a few hundred.
    for part in 0..30 {
        pair.write(
            CONTROL,
            &if part == 0 {
                [4, 0].to_vec()
            } else {
                Vec::new()
            },
        );
        pair.write(CONTROL, &frame(0x21, &[9; 97]));
        pair.events();
        pair.exchange();
    }
    pair.write(CONTROL, &[7, 1, 8]);
    assert_eq!(pair.events(), ["go away 8"]);
}
