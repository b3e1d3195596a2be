//! A server that sends anything, to a client that does anything: nothing panics, nothing is lost, events end.

use super::peer::frame;
use super::{Pair, data, headers, status};
use crate::http3::{Code, Priority, Request, RequestId};
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

#[derive(Clone, Debug)]
enum Action {
    /// The server writes to one of its streams or of ours.
    Write {
        stream: usize,
        bytes: Vec<u8>,
        fin: bool,
    },
    Reset {
        stream: usize,
    },
    Stop {
        stream: usize,
    },
    Poll,
    Exchange,
    Request {
        body: bool,
    },
    Read {
        request: u64,
        length: usize,
    },
    Peek {
        request: u64,
        length: usize,
    },
    Send {
        request: u64,
        length: usize,
    },
    Finish {
        request: u64,
    },
    Cancel {
        request: u64,
    },
    Prioritise {
        request: u64,
    },
}

const STREAMS: [u64; 8] = [0, 4, 8, 12, 3, 7, 11, 15];

/// Bytes a server might send: right ones, and some in the wrong place.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(status("200")),
        1 => Just(status("103")),
        1 => Just(headers(&[("x", "1")])),
        1 => Just(headers(&[(":status", "200"), ("content-length", "7")])),
        4 => (0_usize..300).prop_map(|length| data(&vec![7; length])),
        2 => (0_usize..50).prop_map(|length| frame(0x21, &vec![7; length])),
        1 => Just(vec![0, 4, 0]),
        1 => Just(vec![2, 0x20]),
        1 => Just(vec![3, 0x40]),
        1 => Just(vec![0x40, 0x40]),
        1 => Just(vec![7, 1, 4]),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ];
    (
        proptest::collection::vec(piece, 0..4),
        any::<proptest::sample::Index>(),
        0..4_u8,
    )
        .prop_map(|(pieces, cut, how)| {
            let mut bytes = pieces.concat();
            if how == 0 && !bytes.is_empty() {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        })
}

fn action() -> impl Strategy<Value = Action> {
    let stream = 0..STREAMS.len();
    let request = 0_u64..4;
    prop_oneof![
        8 => (stream.clone(), bytes(), 0..6_u8)
            .prop_map(|(stream, bytes, fin)| Action::Write { stream, bytes, fin: fin == 0 }),
        1 => stream.clone().prop_map(|stream| Action::Reset { stream }),
        1 => (0_usize..4).prop_map(|stream| Action::Stop { stream }),
        6 => Just(Action::Poll),
        4 => Just(Action::Exchange),
        3 => any::<bool>().prop_map(|body| Action::Request { body }),
        5 => (request.clone(), 0_usize..400).prop_map(|(request, length)| Action::Read { request, length }),
        2 => (request.clone(), 0_usize..400).prop_map(|(request, length)| Action::Peek { request, length }),
        2 => (request.clone(), 0_usize..900).prop_map(|(request, length)| Action::Send { request, length }),
        2 => request.clone().prop_map(|request| Action::Finish { request }),
        1 => request.clone().prop_map(|request| Action::Cancel { request }),
        1 => request.prop_map(|request| Action::Prioritise { request }),
    ]
}

/// The request that was made as number `index`; it need not exist.
fn request(index: u64) -> RequestId {
    RequestId::from_number(4 * index).expect("a stream")
}

/// The server may use a stream: its own, or one of the requests made.
fn is_known(stream: u64, made: u64) -> bool {
    !stream.is_multiple_of(4) || stream / 4 < made
}

/// Carries out one action; what is refused changes nothing.
fn play(pair: &mut Pair, made: &mut u64, action: Action) {
    match action {
        Action::Write { stream, bytes, fin } => {
            // QUIC itself refuses bytes on a stream that we have not opened.
            if is_known(STREAMS[stream], *made) {
                pair.try_write(STREAMS[stream], &bytes, fin);
            }
        }
        Action::Reset { stream } if is_known(STREAMS[stream], *made) => {
            pair.try_reset(STREAMS[stream], 0x10b);
        }
        Action::Stop { stream } if STREAMS[stream] / 4 < *made => pair.stop(STREAMS[stream], 0x100),
        Action::Reset { .. } | Action::Stop { .. } => {}
        Action::Poll => drop(pair.events()),
        Action::Exchange => pair.exchange(),
        Action::Request { body } => {
            let head = if body {
                Request::post("/")
            } else {
                Request::get("/")
            };
            if let Ok(id) = pair.h3.request(&mut pair.quic, &head, "a") {
                assert_eq!(id.stream_id().get(), 4 * *made);
                *made += 1;
            }
        }
        Action::Read {
            request: id,
            length,
        } => drop(pair.recv(request(id), length)),
        Action::Peek {
            request: id,
            length,
        } => {
            let shown = pair.h3.peek_body(&mut pair.quic, request(id));
            assert!(shown.is_ok_and(|piece| piece.len() <= 4096) || shown.is_err());
            pair.h3.consume_body(&mut pair.quic, request(id), length);
        }
        Action::Send {
            request: id,
            length,
        } => {
            let body = vec![1; length];
            let sent = pair.h3.send_body(&mut pair.quic, request(id), &body);
            assert!(sent.is_ok_and(|count| count <= length) || sent.is_err());
        }
        Action::Finish { request: id } => drop(pair.h3.finish(&mut pair.quic, request(id))),
        Action::Cancel { request: id } => {
            pair.h3
                .cancel(&mut pair.quic, request(id), Code::REQUEST_CANCELLED);
        }
        Action::Prioritise { request: id } => {
            pair.h3
                .set_priority(&mut pair.quic, request(id), Priority::new(id as u8));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn anything_goes(actions in proptest::collection::vec(action(), 1..80)) {
        let mut pair = Pair::new();
        let mut made = 0;
        for action in actions {
            play(&mut pair, &mut made, action);
            if pair.quic.error().is_some() {
                break;
            }
        }
        pair.exchange();
        let events = pair.events();
        let closed = events.iter().filter(|event| event.starts_with("closed")).count();
        prop_assert!(closed <= 1 && events.last().is_none_or(|last| closed == 0 || last.starts_with("closed")));
        prop_assert!(pair.events().is_empty());
        // Whatever happened, a request that is cancelled leaves nothing behind.
        for index in 0..made {
            pair.h3.cancel(&mut pair.quic, request(index), Code::REQUEST_CANCELLED);
        }
        prop_assert_eq!(pair.h3.requests(), 0);
        prop_assert!(pair.events().iter().all(|event| event == "requests" || event.starts_with("closed")));
    }
}
