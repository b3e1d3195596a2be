//! Messages that are malformed, one test for each rule: the request fails, and the connection goes on (RFC 9114 §4).

use super::http3::on;
use super::ours::{Seen, assert_alive};
use quicpro_core::http3::{Code, MessageError};
use quicpro_core::wire::frame::Frame;
use quicpro_tests::scripted::http3::{data, headers, status};
use quicpro_tests::scripted::stream_id;

/// The response is given up with this code, and the connection goes on.
#[track_caller]
fn malformed(bytes: &[u8], fin: bool) {
    let mut link = on(0, bytes, fin);
    let failed = link
        .client
        .seen
        .iter()
        .any(|seen| matches!(seen, Seen::Failed(0, MessageError::Malformed(_))));
    assert!(failed, "{:?}", link.client.seen);
    assert!(!link.client.has_seen(&Seen::Finished(0)));
    assert_alive(&mut link);
    if !fin {
        let code = Code::MESSAGE_ERROR.get();
        let stop = Frame::StopSending {
            id: stream_id(0),
            code,
        };
        assert_eq!(link.server.count(|frame| *frame == stop), 1);
    }
    let next = link.client.get("/next");
    link.settle();
    link.server.respond(next, &[(":status", "200")], b"next");
    link.settle();
    assert_eq!(link.client.bodies[&next], b"next");
}

//= rfc9114#4.3 test
//= rfc9114#4.3.2 test
#[test]
fn pseudo_header_fields_that_are_wrong() {
    let cases: [&[(&str, &str)]; 11] = [
        &[],
        &[("x-a", "b")],
        &[(":status", "200"), (":status", "200")],
        &[("x-a", "b"), (":status", "200")],
        &[(":status", "200"), (":path", "/")],
        &[(":status", "200"), (":method", "GET")],
        &[(":status", "200"), (":unknown", "x")],
        &[(":status", "20")],
        &[(":status", "2000")],
        &[(":status", "abc")],
        &[(":status", "")],
    ];
    for fields in cases {
        malformed(&headers(fields), false);
    }
    for status in ["000", "099", "+20", " 200", "200 ", "20x"] {
        malformed(&headers(&[(":status", status)]), false);
    }
    malformed(
        &[status("200"), data(b"x"), headers(&[(":status", "200")])].concat(),
        false,
    );
    malformed(
        &[
            status("200"),
            data(b"x"),
            headers(&[("x", "1"), (":x", "1")]),
        ]
        .concat(),
        false,
    );
}

//= rfc9114#4.5 test
#[test]
fn there_is_no_switching_of_protocols() {
    malformed(&status("101"), false);
}

//= rfc9114#4.2 test
#[test]
fn field_names_and_values_that_are_wrong() {
    let names = [
        "Upper",
        "x-Upper",
        "",
        "with space",
        "with:colon",
        "tab\t",
        "nul\0",
        "ünïcode",
        "new\nline",
        "(",
        "@",
    ];
    for name in names {
        malformed(&headers(&[(":status", "200"), (name, "x")]), false);
    }
    for value in ["nul\0", "line\nfeed", "carriage\rreturn", "\n", "\0"] {
        malformed(&headers(&[(":status", "200"), ("x-value", value)]), false);
    }
    let connection = [
        ("connection", "close"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
    ];
    for field in connection {
        malformed(&headers(&[(":status", "200"), field]), false);
    }
}

//= rfc9114#4.1.2 test
#[test]
fn content_that_is_not_as_long_as_was_said() {
    let head = |length| headers(&[(":status", "200"), ("content-length", length)]);
    malformed(&[head("5"), data(b"four")].concat(), true);
    malformed(&[head("5"), data(b"sixsix")].concat(), false);
    malformed(&[head("0"), data(b"x")].concat(), false);
    malformed(&head("1"), true);
    malformed(
        &[head("5"), data(b"four"), headers(&[("x", "1")])].concat(),
        true,
    );
    for length in ["-1", "+1", "1,2", "x", "", "18446744073709551616", "1 "] {
        malformed(&head(length), false);
    }
    let twice = headers(&[
        (":status", "200"),
        ("content-length", "1"),
        ("content-length", "2"),
    ]);
    malformed(&twice, false);
    malformed(&[status("204"), data(b"x")].concat(), false);
}

//= rfc9114#4.1 test
#[test]
fn streams_that_end_without_a_response() {
    malformed(&[], true);
    malformed(&status("103"), true);
}

//= rfc9114#4.1.2 test
#[test]
fn content_that_is_as_long_as_was_said() {
    type Message<'a> = (&'a [(&'a str, &'a str)], &'a [u8]);
    let cases: [Message<'_>; 4] = [
        (&[(":status", "200"), ("content-length", "4")], b"four"),
        (&[(":status", "200"), ("content-length", "0")], b""),
        (&[(":status", "200")], b"any"),
        (
            &[
                (":status", "200"),
                ("content-length", "4"),
                ("content-length", "4"),
            ],
            b"four",
        ),
    ];
    for (fields, body) in cases {
        let mut link = on(0, &[headers(fields), data(body)].concat(), true);
        assert!(
            link.client.has_seen(&Seen::Finished(0)),
            "{:?}",
            link.client.seen
        );
        assert_eq!(
            link.client.bodies.get(&0).map_or(&[][..], |body| body),
            body
        );
        assert_alive(&mut link);
    }
    for number in ["204", "304"] {
        let mut link = on(
            0,
            &headers(&[(":status", number), ("content-length", "9")]),
            true,
        );
        assert!(
            link.client.has_seen(&Seen::Finished(0)),
            "{:?}",
            link.client.seen
        );
        assert_alive(&mut link);
    }
}
