//! Streams that are not there, go the wrong way, are too many or too long (RFC 9000 §3, §4, §19).

use super::ours::{Ours, Seen, assert_alive, assert_closed, requested};
use quicpro_core::http3;
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::Space;
use quicpro_core::wire::{Code, Direction};
use quicpro_tests::scripted::{Assembler, Link, http3 as wire, stream_id};

fn stream(id: u64, offset: u64, data: &[u8], fin: bool) -> Frame<'_> {
    Frame::Stream {
        id: stream_id(id),
        offset,
        data,
        fin,
    }
}

fn reset(id: u64, final_size: u64) -> Frame<'static> {
    Frame::ResetStream {
        id: stream_id(id),
        code: 0x10c,
        final_size,
    }
}

/// Sends frames in packets of their own while a request waits on stream 0.
fn after(frames: &[Frame<'_>]) -> Link<Ours> {
    let mut link = requested();
    for frame in frames {
        link.server
            .send(Space::Application, std::slice::from_ref(frame));
    }
    link.settle();
    link
}

#[track_caller]
fn refused(code: Code, frames: &[Frame<'_>]) {
    let link = after(frames);
    assert_closed(&link, code.get());
}

//= rfc9000#19.4 test
//= rfc9000#19.5 test
//= rfc9000#19.8 test
//= rfc9000#19.10 test
//= rfc9000#19.13 test
#[test]
fn streams_that_go_the_other_way() {
    // The client's control stream is 2, the server's is 3.
    refused(Code::STREAM_STATE_ERROR, &[stream(2, 0, b"x", false)]);
    refused(Code::STREAM_STATE_ERROR, &[reset(2, 0)]);
    refused(
        Code::STREAM_STATE_ERROR,
        &[Frame::StreamDataBlocked {
            id: stream_id(2),
            limit: 1,
        }],
    );
    refused(
        Code::STREAM_STATE_ERROR,
        &[Frame::StopSending {
            id: stream_id(3),
            code: 0,
        }],
    );
    refused(
        Code::STREAM_STATE_ERROR,
        &[Frame::MaxStreamData {
            id: stream_id(3),
            limit: 1,
        }],
    );
}

//= rfc9000#19.5 test
//= rfc9000#19.8 test
//= rfc9000#19.10 test
#[test]
fn streams_of_ours_that_were_never_opened() {
    for id in [4, 400, (1 << 62) - 4, 14, (1 << 62) - 2] {
        let is_request = id & 2 == 0;
        if is_request {
            refused(Code::STREAM_STATE_ERROR, &[stream(id, 0, b"x", false)]);
            refused(Code::STREAM_STATE_ERROR, &[reset(id, 0)]);
            let blocked = Frame::StreamDataBlocked {
                id: stream_id(id),
                limit: 1,
            };
            refused(Code::STREAM_STATE_ERROR, &[blocked]);
        }
        refused(
            Code::STREAM_STATE_ERROR,
            &[Frame::StopSending {
                id: stream_id(id),
                code: 0,
            }],
        );
        refused(
            Code::STREAM_STATE_ERROR,
            &[Frame::MaxStreamData {
                id: stream_id(id),
                limit: 1,
            }],
        );
    }
}

//= rfc9000#4.6 test
#[test]
fn more_streams_than_were_permitted() {
    let parameters = requested().server.client_parameters().unwrap();
    assert_eq!(
        parameters.initial_max_streams_bidi, 0,
        "a client of HTTP/3 permits no requests"
    );
    let first_beyond = parameters.initial_max_streams_uni * 4 + 3;
    for id in [1, 5, (1 << 62) - 3, first_beyond, (1 << 62) - 1] {
        refused(Code::STREAM_LIMIT_ERROR, &[stream(id, 0, b"x", false)]);
        refused(Code::STREAM_LIMIT_ERROR, &[reset(id, 0)]);
    }
    refused(
        Code::STREAM_LIMIT_ERROR,
        &[Frame::StopSending {
            id: stream_id(1),
            code: 0,
        }],
    );
    refused(
        Code::STREAM_LIMIT_ERROR,
        &[Frame::MaxStreamData {
            id: stream_id(1),
            limit: 0,
        }],
    );
}

//= rfc9000#4.1 test
#[test]
fn one_byte_beyond_a_streams_limit() {
    let parameters = requested().server.client_parameters().unwrap();
    let limit = parameters.initial_max_stream_data_uni;
    let mut link = after(&[stream(15, limit - 1, b"x", false)]);
    assert_alive(&mut link);
    refused(Code::FLOW_CONTROL_ERROR, &[stream(15, limit, b"x", false)]);
    refused(
        Code::FLOW_CONTROL_ERROR,
        &[stream(15, limit - 1, b"xx", true)],
    );
    refused(Code::FLOW_CONTROL_ERROR, &[reset(15, limit + 1)]);
    refused(
        Code::FLOW_CONTROL_ERROR,
        &[stream(15, (1 << 62) - 2, b"x", false)],
    );
    refused(Code::FLOW_CONTROL_ERROR, &[reset(15, (1 << 62) - 1)]);
}

//= rfc9000#4.1 test
//= rfc9000#19.9 test
#[test]
fn what_all_requests_may_send_fits_what_the_connection_may() {
    // Nobody reads, so no stream's limit grows beyond what was granted; the sum over many streams may not
    // exceed what all may have together, so a server meets a stream's limit first.
    let mut link = requested();
    let parameters = link.server.client_parameters().unwrap();
    let mut granted = parameters.initial_max_data;
    let mut limits = std::collections::BTreeMap::new();
    for _ in 0..7 {
        link.client.get("/");
    }
    link.settle();
    for (_, frame) in link.server.frames() {
        match frame {
            Frame::MaxData { limit } => granted = granted.max(limit),
            Frame::MaxStreamData { id, limit } => {
                let known: &mut u64 = limits.entry(id.get()).or_default();
                *known = limit.max(*known);
            }
            _ => {}
        }
    }
    let sum: u64 = (0..8)
        .map(|index| {
            let raised = limits.get(&(index * 4)).copied().unwrap_or(0);
            raised.max(parameters.initial_max_stream_data_bidi_local)
        })
        .sum();
    assert!(
        sum <= granted,
        "what requests may send fits what all may send: {sum} of {granted}"
    );
}

//= rfc9000#4.5 test
#[test]
fn a_final_size_never_changes() {
    let body = wire::status("200");
    let length = body.len() as u64;
    let begin = stream(0, 0, &body, false);
    refused(
        Code::FINAL_SIZE_ERROR,
        &[begin, stream(0, 9, b"", true), stream(0, 10, b"", true)],
    );
    refused(
        Code::FINAL_SIZE_ERROR,
        &[begin, stream(0, length - 1, b"", true)],
    );
    refused(
        Code::FINAL_SIZE_ERROR,
        &[begin, stream(0, 9, b"", true), stream(0, 9, b"x", false)],
    );
    refused(Code::FINAL_SIZE_ERROR, &[begin, reset(0, length - 1)]);
    refused(
        Code::FINAL_SIZE_ERROR,
        &[begin, stream(0, 9, b"", true), reset(0, 8)],
    );
    refused(
        Code::FINAL_SIZE_ERROR,
        &[stream(15, 0, b"\x21", false), reset(15, 0)],
    );
}

//= rfc9000#3.2 test
#[test]
fn late_frames_for_a_finished_request_are_ignored() {
    let mut link = requested();
    link.server.respond(0, &[(":status", "200")], b"done");
    link.settle();
    assert!(link.client.has_seen(&Seen::Finished(0)));
    let late = [
        stream(0, 0, b"\x01", false),
        reset(0, 100_000),
        Frame::StopSending {
            id: stream_id(0),
            code: 0,
        },
        Frame::MaxStreamData {
            id: stream_id(0),
            limit: 1 << 40,
        },
        Frame::StreamDataBlocked {
            id: stream_id(0),
            limit: 1,
        },
    ];
    for frame in late {
        link.server.send(Space::Application, &[frame]);
        link.settle();
        assert_alive(&mut link);
    }
    let acknowledgement = link.server.acknowledgement(Space::Application);
    for _ in 0..2 {
        link.server.send_raw(Space::Application, &acknowledgement);
    }
    link.settle();
    assert_alive(&mut link);
    let next = link.client.get("/again");
    link.settle();
    link.server.respond(next, &[(":status", "200")], b"again");
    link.settle();
    assert_eq!(link.client.bodies[&next], b"again");
}

//= rfc9000#3.5 test
#[test]
fn a_request_that_is_not_wanted_any_more() {
    // The server has answered and does not want the rest of the request: no error (RFC 9114 §4.1).
    let mut link = requested();
    link.server.send(
        Space::Application,
        &[Frame::StopSending {
            id: stream_id(0),
            code: 0x100,
        }],
    );
    link.server.respond(0, &[(":status", "200")], b"enough");
    link.settle();
    assert_alive(&mut link);
    assert_eq!(link.client.bodies[&0], b"enough");
}

//= rfc9000#4.1 test
//= rfc9000#13.3 test
#[test]
fn limits_never_shrink() {
    let mut link = requested();
    let frames = [
        Frame::MaxData { limit: 0 },
        Frame::MaxStreams {
            direction: Direction::Bidirectional,
            limit: 0,
        },
        Frame::MaxStreams {
            direction: Direction::Unidirectional,
            limit: 0,
        },
        Frame::MaxStreamData {
            id: stream_id(0),
            limit: 0,
        },
    ];
    link.server.send(Space::Application, &frames);
    link.settle();
    let id = link.client.get("/");
    link.settle();
    assert!(link.server.stream(id).is_some_and(Assembler::is_complete));
    assert_alive(&mut link);
}

//= rfc9000#19.8 test
//= rfc9000#2.2 test
#[test]
fn a_response_in_single_bytes_backwards_and_twice() {
    let mut link = requested();
    let body = [wire::status("200"), wire::data(b"in single bytes")].concat();
    for _ in 0..2 {
        for (offset, byte) in body.iter().enumerate().rev() {
            let fin = offset + 1 == body.len();
            let data = std::slice::from_ref(byte);
            link.server
                .send(Space::Application, &[stream(0, offset as u64, data, fin)]);
        }
        link.settle();
    }
    assert_eq!(link.client.bodies[&0], b"in single bytes");
    assert!(link.client.has_seen(&Seen::Finished(0)));
    assert_alive(&mut link);
}

#[test]
fn a_reset_is_told_with_its_code() {
    for code in [0x10b, 0x102, (1 << 62) - 1] {
        let mut link = requested();
        let head = wire::status("200");
        link.server
            .send(Space::Application, &[stream(0, 0, &head, false)]);
        let frame = Frame::ResetStream {
            id: stream_id(0),
            code,
            final_size: head.len() as u64,
        };
        link.server.send(Space::Application, &[frame]);
        link.settle();
        assert!(
            link.client
                .has_seen(&Seen::Reset(0, http3::Code::new(code)))
        );
        assert_alive(&mut link);
    }
}
