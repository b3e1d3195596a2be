//! Requests and responses as they should be.

use super::peer::{CONTROL, frames};
use super::{Pair, data, headers, status};
use crate::http3::{Code, Field, Priority, RecvError, Request, RequestError, SendError};
use crate::limits::Limits;
use std::vec::Vec;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

//= rfc9114#6.2.1 test
#[test]
fn our_streams_begin_with_their_types() {
    let mut pair = Pair::new();
    let control = pair.sent(2).bytes.clone();
    assert_eq!(control[..2], [0, 4]);
    assert_eq!(frames(&control[1..]).len(), 1);
    assert_eq!(pair.sent(6).bytes, [2]);
    assert_eq!(pair.sent(10).bytes, [3]);
    assert!([2, 6, 10].iter().all(|id| !pair.sent[id].fin));
}

#[test]
fn a_request_with_everything() {
    let mut pair = Pair::new();
    let fields = [
        Field::new("content-type", "text/plain"),
        Field::new("x", "1").sensitive(),
    ];
    let request = Request::post("/reading")
        .fields(&fields)
        .priority(Priority::new(1).incremental());
    let id = pair
        .h3
        .request(&mut pair.quic, &request, "h3.example")
        .unwrap();
    assert_eq!(pair.h3.send_body(&mut pair.quic, id, b"21.5"), Ok(4));
    assert_eq!(pair.h3.send_body(&mut pair.quic, id, b""), Ok(0));
    assert_eq!(pair.h3.send_body(&mut pair.quic, id, b"22"), Ok(2));
    let trailers = [Field::new("sum", "43.5")];
    assert_eq!(pair.h3.send_trailers(&mut pair.quic, id, &trailers), Ok(()));
    assert_eq!(
        pair.h3.send_body(&mut pair.quic, id, b"23"),
        Err(SendError::Closed)
    );
    assert_eq!(
        pair.h3.send_trailers(&mut pair.quic, id, &[]),
        Err(SendError::Closed)
    );
    assert!(!pair.sent(0).fin);
    assert_eq!(pair.h3.finish(&mut pair.quic, id), Ok(()));
    assert_eq!(pair.h3.finish(&mut pair.quic, id), Err(SendError::Closed));
    let sent = pair.sent(0);
    let head = ":method=POST :scheme=https :authority=h3.example :path=/reading \
                content-type=text/plain x=1 priority=u=1, i";
    let expected = [(1, head), (0, "21.5"), (0, "22"), (1, "sum=43.5")];
    let expected = expected.map(|(kind, text)| (kind, text.into()));
    assert_eq!(frames(&sent.bytes), expected);
    assert!(sent.fin);
}

/// A response with all that may be in one.
fn everything() -> Vec<u8> {
    let mut bytes = std::vec![0x21, 2, 9, 9];
    bytes.extend(headers(&[(":status", "103"), ("link", "</style.css>")]));
    bytes.extend([0x40, 0x40, 0]);
    bytes.extend(headers(&[
        (":status", "200"),
        ("content-length", "300"),
        ("x-long", &"l".repeat(600)),
    ]));
    bytes.extend(data(&pattern(300)[..100]));
    bytes.extend([0x21, 0]);
    bytes.extend(data(&[]));
    bytes.extend(data(&pattern(300)[100..]));
    bytes.extend(headers(&[("digest", "abc")]));
    bytes.extend([0x21, 1, 9]);
    bytes
}

#[test]
fn a_response_with_everything_in_pieces_of_any_size() {
    for piece in [1, 2, 3, 7, 64, 5000] {
        let mut pair = Pair::with(Limits::TINY.field_line(512));
        pair.piece = piece;
        pair.events();
        let id = pair.get("/");
        pair.exchange();
        pair.end(0, &everything());
        let head = [
            "0 103 link=</style.css>",
            "0 200 content-length=300 x-long:606",
            "0 data",
        ];
        assert_eq!(pair.events(), head);
        assert_eq!(pair.recv(id, 1000).unwrap(), pattern(300), "{piece}");
        assert_eq!(pair.recv(id, 1000).unwrap(), []);
        assert_eq!(pair.events(), ["0 trailers digest=abc", "0 finished"]);
        assert_eq!(pair.recv(id, 1000).unwrap(), [], "also afterwards");
        assert_eq!(pair.quic.streams_for_test().unread(), 0);
        assert_eq!(pair.h3.requests(), 0);
    }
}

#[test]
fn a_response_that_arrives_byte_by_byte() {
    let mut pair = Pair::new();
    let id = pair.get("/");
    let bytes = everything();
    let mut events = Vec::new();
    let mut body = Vec::new();
    for at in 0..bytes.len() {
        let piece = &bytes[at..=at];
        if at + 1 == bytes.len() {
            pair.end(0, piece);
        } else {
            pair.write(0, piece);
        }
        for event in pair.events() {
            if event == "0 data" {
                body.extend(pair.recv(id, 10).unwrap());
            } else {
                events.push(event);
            }
        }
        events.extend(pair.events());
    }
    let expected = [
        "0 103 link=</style.css>",
        "0 200 content-length=300 x-long:606",
        "0 trailers digest=abc",
        "0 finished",
    ];
    assert_eq!(events, expected);
    assert_eq!(body, pattern(300));
}

#[test]
fn small_reads_lose_nothing_and_ignored_events_do_not_repeat() {
    let mut pair = Pair::new();
    let id = pair.get("/");
    assert_eq!(pair.recv(id, 10), Err(RecvError::Blocked));
    pair.write(0, &status("200"));
    pair.write(0, &data(&pattern(100)));
    assert_eq!(pair.events(), ["0 200", "0 data"]);
    assert_eq!(pair.events(), [""; 0], "ignored");
    pair.write(0, &data(&pattern(30)));
    assert_eq!(pair.events(), ["0 data"], "new bytes");
    let mut body = Vec::new();
    let mut reads = 0;
    loop {
        body.extend(pair.recv(id, 7).unwrap());
        reads += 1;
        if pair.events() != ["0 data"] {
            break;
        }
    }
    assert_eq!((body.len(), reads), (130, 19));
    assert_eq!(body, [pattern(100), pattern(30)].concat());
    assert_eq!(pair.recv(id, 7), Err(RecvError::Blocked));
    pair.end(0, &[]);
    assert_eq!(pair.events(), ["0 finished"]);
    assert_eq!(pair.recv(id, 7).unwrap(), []);
}

#[test]
fn bodies_can_be_looked_at_in_place() {
    let mut pair = Pair::new();
    let id = pair.get("/");
    assert_eq!(
        pair.h3.peek_body(&mut pair.quic, id),
        Err(RecvError::Blocked)
    );
    pair.end(
        0,
        &[status("200"), data(&pattern(700)), data(b"end")].concat(),
    );
    assert_eq!(pair.events(), ["0 200", "0 data"]);
    let mut body: Vec<u8> = Vec::new();
    loop {
        let piece = pair.h3.peek_body(&mut pair.quic, id).unwrap().to_vec();
        if piece.is_empty() {
            break;
        }
        assert_eq!(pair.h3.peek_body(&mut pair.quic, id).unwrap(), piece);
        assert!(pair.events().is_empty(), "looking is not reading");
        body.extend(&piece[..piece.len().min(100)]);
        pair.h3.consume_body(&mut pair.quic, id, 100);
        pair.events();
    }
    assert_eq!(body, [pattern(700), b"end".to_vec()].concat());
    assert_eq!(pair.quic.streams_for_test().unread(), 0);
}

#[test]
fn responses_without_content() {
    let mut pair = Pair::new();
    let id = pair.get("/");
    pair.end(0, &status("204"));
    assert_eq!(pair.events(), ["0 204", "0 finished"]);
    assert_eq!(pair.recv(id, 1).unwrap(), []);
    let head = pair
        .h3
        .request(&mut pair.quic, &Request::head("/"), "a")
        .unwrap();
    pair.end(4, &headers(&[(":status", "200"), ("content-length", "99")]));
    assert_eq!(pair.events(), ["4 200 content-length=99", "4 finished"]);
    assert_eq!(pair.recv(head, 1).unwrap(), []);
}

#[test]
fn fields_can_be_found_by_name() {
    let mut pair = Pair::new();
    pair.get("/");
    pair.write(
        0,
        &headers(&[
            (":status", "200"),
            ("age", "1"),
            ("etag", "x"),
            ("age", "2"),
        ]),
    );
    let event = pair.h3.poll_event(&mut pair.quic);
    let Some(crate::http3::Event::Response { mut fields, .. }) = event else {
        panic!("no response");
    };
    assert_eq!(fields.find("etag"), Some(&b"x"[..]));
    assert_eq!(fields.find("age"), Some(&b"1"[..]));
    assert_eq!(fields.find(":status"), None);
    assert_eq!(fields.find("server"), None);
    assert!(fields.next_line().is_some());
    fields.rewind();
    let mut count = 0;
    while fields.next_line().is_some() {
        count += 1;
    }
    assert_eq!((count, fields.count()), (3, 3));
}

#[test]
fn content_that_finds_no_room_is_sent_later() {
    let mut pair = Pair::new();
    let request = Request::post("/");
    let id = pair
        .h3
        .request(&mut pair.quic, &request, "h3.example")
        .unwrap();
    let body = pattern(10_000);
    let mut rest = &body[..];
    let mut refusals = 0;
    while !rest.is_empty() {
        match pair.h3.send_body(&mut pair.quic, id, rest) {
            Ok(count) => rest = &rest[count..],
            Err(error) => {
                assert_eq!(error, SendError::Blocked);
                assert!(pair.events().is_empty());
                pair.exchange();
                assert_eq!(pair.events(), ["0 writable"]);
                refusals += 1;
            }
        }
    }
    assert!(refusals > 3);
    pair.h3.finish(&mut pair.quic, id).unwrap();
    let mut got: Vec<u8> = Vec::new();
    let sent = pair.sent(0).bytes.clone();
    let mut reader = crate::codec::Reader::new(&sent);
    while !reader.is_empty() {
        let kind = reader.varint().unwrap();
        let length = reader.varint().unwrap();
        let payload = reader.take_u64(length).unwrap();
        if kind == 0 {
            got.extend(payload);
        }
    }
    assert_eq!(got, body);
}

#[test]
fn a_peer_without_credit_gets_no_content_in_crumbs() {
    let mut pair = Pair::new();
    let request = Request::post("/");
    let id = pair
        .h3
        .request(&mut pair.quic, &request, "h3.example")
        .unwrap();
    let (mut total, mut crumbs) = (0, 0);
    loop {
        match pair.h3.send_body(&mut pair.quic, id, &[7; 1000]) {
            Ok(count) => {
                total += count;
                crumbs += usize::from(count == 1);
            }
            Err(error) => {
                assert_eq!(error, SendError::Blocked);
                pair.exchange();
                if !pair.events().contains(&"0 writable".into()) {
                    break;
                }
            }
        }
    }
    // The peer permits 1 MiB on a stream; a chunk more waits here.
    assert!((1_000_000..1_100_000).contains(&total), "{total}");
    assert!(crumbs <= 1, "{crumbs} frames of one byte");
}

#[test]
fn more_requests_than_places_wait() {
    let mut pair = Pair::new();
    let first = pair.get("/1");
    pair.get("/2");
    let third = Request::get("/3");
    for _ in 0..2 {
        let refused = pair.h3.request(&mut pair.quic, &third, "a");
        assert_eq!(refused, Err(RequestError::Blocked));
    }
    assert!(pair.events().is_empty());
    pair.exchange();
    pair.end(0, &[status("200"), data(b"1")].concat());
    assert_eq!(pair.events(), ["0 200", "0 data"]);
    assert_eq!(
        pair.h3.request(&mut pair.quic, &third, "a"),
        Err(RequestError::Blocked)
    );
    assert_eq!(pair.recv(first, 9).unwrap(), b"1");
    assert_eq!(pair.events(), ["0 finished", "requests"]);
    let id = pair.h3.request(&mut pair.quic, &third, "a").unwrap();
    assert_eq!(id.stream_id().get(), 8);
    assert!(pair.recv(first, 9).is_err(), "its place is taken");
}

#[test]
fn hundreds_of_requests_one_after_another() {
    let mut pair = Pair::new();
    for index in 0..90 {
        let id = pair.get("/");
        let number = id.stream_id().get();
        assert_eq!(number, 4 * index);
        pair.exchange();
        pair.end(number, &[status("200"), data(&pattern(500))].concat());
        pair.events();
        assert_eq!(pair.recv(id, 600).unwrap(), pattern(500));
        assert_eq!(pair.events(), [std::format!("{number} finished")]);
        pair.exchange();
    }
    assert_eq!(pair.quic.streams_for_test().unread(), 0);
}

//= rfc9218#7 test
#[test]
fn priorities_change_on_the_way() {
    let mut pair = Pair::new();
    let before = pair.sent(2).bytes.len();
    pair.get("/");
    let id = pair.get("/");
    pair.h3
        .set_priority(&mut pair.quic, id, Priority::new(0).incremental());
    let update = pair.sent(2).bytes[before..].to_vec();
    assert_eq!(frames(&update), [(0xf0700, "\u{4}u=0, i".into())]);
}

//= rfc9114#5.2 test
#[test]
fn we_go_away() {
    let mut pair = Pair::new();
    let before = pair.sent(2).bytes.len();
    let id = pair.get("/");
    pair.h3.go_away(&mut pair.quic);
    pair.h3.go_away(&mut pair.quic);
    assert_eq!(pair.sent(2).bytes[before..], [7, 1, 0]);
    let refused = pair.h3.request(&mut pair.quic, &Request::get("/"), "a");
    assert_eq!(refused, Err(RequestError::GoingAway));
    pair.end(0, &status("200"));
    assert_eq!(pair.events(), ["0 200", "0 finished"]);
    assert_eq!(pair.recv(id, 1).unwrap(), []);
}

//= rfc9114#5.2 test
#[test]
fn the_server_goes_away() {
    let mut pair = Pair::new();
    pair.get("/1");
    let id = pair
        .h3
        .request(&mut pair.quic, &Request::post("/2"), "a")
        .unwrap();
    pair.exchange();
    pair.write(CONTROL, &[0, 4, 0, 7, 1, 4]);
    assert_eq!(
        pair.events(),
        ["settings None", "go away 4", "4 reset H3_REQUEST_REJECTED"]
    );
    assert_eq!(
        pair.recv(id, 1),
        Err(RecvError::Reset(Code::REQUEST_REJECTED))
    );
    assert_eq!(
        pair.h3.send_body(&mut pair.quic, id, b"x"),
        Err(SendError::Closed)
    );
    let sent = pair.sent(4);
    let cancelled = Some(Code::REQUEST_CANCELLED.get());
    assert_eq!((sent.reset, sent.stop), (cancelled, cancelled));
    let refused = pair.h3.request(&mut pair.quic, &Request::get("/"), "a");
    assert_eq!(refused, Err(RequestError::GoingAway));
    pair.end(0, &status("200"));
    assert_eq!(pair.events(), ["0 200", "0 finished"]);
}

//= rfc9114#4.1 test
#[test]
fn an_answer_before_the_end_of_the_request() {
    let mut pair = Pair::new();
    let id = pair
        .h3
        .request(&mut pair.quic, &Request::post("/"), "a")
        .unwrap();
    pair.exchange();
    pair.end(0, &[status("413"), data(b"no")].concat());
    pair.stop(0, Code::NO_ERROR.get());
    assert_eq!(pair.events(), ["0 writable", "0 413", "0 data"]);
    let stopped = SendError::Stopped(Code::NO_ERROR);
    assert_eq!(pair.h3.send_body(&mut pair.quic, id, b"x"), Err(stopped));
    assert_eq!(pair.h3.finish(&mut pair.quic, id), Err(stopped));
    assert_eq!(pair.recv(id, 9).unwrap(), b"no");
    assert_eq!(pair.events(), ["0 finished"]);
    assert_eq!(pair.h3.requests(), 0);
}

//= rfc9114#4.1.1 test
#[test]
fn cancelling_is_silent_and_frees_the_place() {
    let mut pair = Pair::new();
    let id = pair
        .h3
        .request(&mut pair.quic, &Request::post("/"), "a")
        .unwrap();
    pair.exchange();
    pair.write(0, &[status("200"), data(&pattern(500))].concat());
    pair.h3.cancel(&mut pair.quic, id, Code::REQUEST_CANCELLED);
    assert!(pair.events().is_empty());
    let sent = pair.sent(0);
    let code = Some(Code::REQUEST_CANCELLED.get());
    assert_eq!((sent.reset, sent.stop), (code, code));
    assert_eq!(pair.recv(id, 9), Err(RecvError::Closed));
    pair.write(0, &data(&pattern(500)));
    assert_eq!(
        pair.quic.streams_for_test().unread(),
        0,
        "what comes is thrown away"
    );
    pair.reset(0, Code::REQUEST_CANCELLED.get());
    assert!(pair.events().is_empty());
    pair.get("/1");
    pair.get("/2");
}

#[test]
fn requests_that_are_refused() {
    let mut pair = Pair::new();
    let upper = [Field::new("Upper", "1")];
    let refused = pair
        .h3
        .request(&mut pair.quic, &Request::get("/").fields(&upper), "a");
    assert!(matches!(refused, Err(RequestError::Invalid(_))));
    let long = "x".repeat(5000);
    let large = [Field::new("x", &long)];
    let refused = pair
        .h3
        .request(&mut pair.quic, &Request::get("/").fields(&large), "a");
    assert_eq!(refused, Err(RequestError::FieldsTooLarge));
    // MAX_FIELD_SECTION_SIZE of 63.
    pair.write(CONTROL, &[0, 4, 2, 6, 63]);
    assert_eq!(pair.events(), ["settings Some(63)"]);
    let refused = pair.h3.request(&mut pair.quic, &Request::get("/"), "a");
    assert_eq!(refused, Err(RequestError::FieldsTooLarge));
    assert_eq!(pair.h3.settings().unwrap().max_field_section_size, Some(63));
}

#[test]
fn a_stream_left_over_by_a_refused_request_is_used() {
    let mut pair = Pair::new();
    let long = "x".repeat(5000);
    let large = [Field::new("x", &long)];
    let refused = pair
        .h3
        .request(&mut pair.quic, &Request::get("/").fields(&large), "a");
    assert_eq!(refused, Err(RequestError::FieldsTooLarge));
    assert_eq!(pair.get("/").stream_id().get(), 0);
}
