//! A peer that sends any legal frame, in any order, about any stream, and an application that does anything.

use super::*;
use crate::codec::VarInt;
use crate::wire::Code;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Action {
    Stream(u64, u64, usize, bool),
    Reset(u64, u64),
    Stop(u64),
    MaxData(u64),
    MaxStreamData(u64, u64),
    MaxStreams(bool, u64),
    Blocked(u64),
    Open(bool),
    Write(u64, usize),
    Finish(u64),
    Give(u64),
    Read(u64, usize),
    Refuse(u64),
    Transmit(usize),
    Fate(usize, bool),
    Poll,
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![20 => 0..24_u64, 1 => 0..(1_u64 << 62)]
}

fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![10 => 0..1200_u64, 1 => 0..(1_u64 << 62) - 2000]
}

fn action() -> impl Strategy<Value = Action> {
    let frames = prop_oneof![
        6 => (number(), offset(), 0..300_usize, any::<bool>())
            .prop_map(|(id, at, length, fin)| Action::Stream(id, at, length, fin && at % 4 == 0)),
        1 => (number(), offset()).prop_map(|(id, size)| Action::Reset(id, size)),
        1 => number().prop_map(Action::Stop),
        1 => (0..9000_u64).prop_map(Action::MaxData),
        1 => (number(), 0..4000_u64).prop_map(|(id, limit)| Action::MaxStreamData(id, limit)),
        1 => (any::<bool>(), 0..20_u64).prop_map(|(way, limit)| Action::MaxStreams(way, limit)),
        1 => number().prop_map(Action::Blocked),
    ];
    let application = prop_oneof![
        2 => any::<bool>().prop_map(Action::Open),
        3 => (0..24_u64, 0..700_usize).prop_map(|(id, length)| Action::Write(id, length)),
        1 => (0..24_u64).prop_map(Action::Finish),
        1 => (0..24_u64).prop_map(Action::Give),
        3 => (0..24_u64, 0..500_usize).prop_map(|(id, most)| Action::Read(id, most)),
        1 => (0..24_u64).prop_map(Action::Refuse),
        4 => (30..1200_usize).prop_map(Action::Transmit),
        4 => (0..20_usize, any::<bool>()).prop_map(|(which, arrives)| Action::Fate(which, arrives)),
        3 => Just(Action::Poll),
    ];
    prop_oneof![1 => frames, 1 => application]
}

fn id(number: u64) -> StreamId {
    StreamId::from_varint(VarInt::new(number).unwrap())
}

fn direction(is_bidirectional: bool) -> Direction {
    if is_bidirectional {
        Direction::Bidirectional
    } else {
        Direction::Unidirectional
    }
}

/// What the peer does; the error that closes the connection, if it does.
fn peer(end: &mut End, action: &Action) -> Result<(), TransportError> {
    let data = [0x5a; 300];
    match *action {
        Action::Stream(number, offset, length, fin) => end.receive(&Frame::Stream {
            id: id(number),
            offset,
            data: &data[..length],
            fin,
        }),
        Action::Reset(number, final_size) => end.receive(&Frame::ResetStream {
            id: id(number),
            code: 1,
            final_size,
        }),
        Action::Stop(number) => end.receive(&Frame::StopSending {
            id: id(number),
            code: 2,
        }),
        Action::MaxData(limit) => end.receive(&Frame::MaxData { limit }),
        Action::MaxStreamData(number, limit) => end.receive(&Frame::MaxStreamData {
            id: id(number),
            limit,
        }),
        Action::MaxStreams(way, limit) => end.receive(&Frame::MaxStreams {
            direction: direction(way),
            limit,
        }),
        Action::Blocked(number) => {
            end.receive(&Frame::DataBlocked { limit: 0 })?;
            end.receive(&Frame::StreamsBlocked {
                direction: Direction::Unidirectional,
                limit: 0,
            })?;
            end.receive(&Frame::StreamDataBlocked {
                id: id(number),
                limit: 0,
            })
        }
        _ => Ok(()),
    }
}

fn application(end: &mut End, flight: &mut Vec<Packet>, action: &Action) {
    let data = [0xa5; 700];
    let streams = &mut end.streams;
    match *action {
        Action::Open(way) => drop(streams.open(direction(way))),
        Action::Write(number, length) => {
            if let Some(mut stream) = streams.send_stream(id(number)) {
                let capacity = stream.capacity();
                if let Ok(count) = stream.write(&data[..length]) {
                    assert_eq!(count, length.min(capacity));
                }
            }
        }
        Action::Finish(number) => {
            if let Some(mut stream) = streams.send_stream(id(number)) {
                let _ = stream.finish();
            }
        }
        Action::Give(number) => {
            if let Some(mut stream) = streams.send_stream(id(number)) {
                stream.reset(VarInt::from_u32(3));
            }
        }
        Action::Read(number, most) => {
            if let Some(mut stream) = streams.recv_stream(id(number)) {
                let mut out = [0; 500];
                let available = stream.available();
                if let Ok(count) = stream.read(&mut out[..most]) {
                    assert_eq!(count, most.min(available));
                    assert!(out[..count].iter().all(|byte| *byte == 0x5a));
                }
            }
        }
        Action::Refuse(number) => {
            if let Some(mut stream) = streams.recv_stream(id(number)) {
                stream.stop(VarInt::from_u32(4));
            }
        }
        Action::Transmit(size) => flight.extend(end.transmit(size)),
        Action::Fate(which, arrives) if !flight.is_empty() => {
            let packet = flight.swap_remove(which % flight.len());
            if arrives {
                end.acknowledge(&packet);
            } else {
                end.lose(&packet);
            }
        }
        Action::Poll => drop(end.poll()),
        _ => {}
    }
}

/// What holds at all times, counted anew.
fn check(streams: &Streams<'_>) {
    let mut lent = 0;
    let mut active = 0;
    let mut send_chunks = 0;
    for slot in 0..Limits::TINY.stream_slots() {
        if streams.slots.id(slot).is_none() {
            continue;
        }
        if let Some(place) = streams.slots.sender(slot) {
            send_chunks += streams.senders[place].buffer.chunks(&streams.send);
        }
        if streams.slots.is_bidirectional(slot) {
            lent += streams.budget.lent(streams.receivers[slot].allowance());
            active += usize::from(!streams.flags.contains(Set::Left as usize, slot));
        }
    }
    assert_eq!(streams.budget_used(), u64::from(lent));
    assert_eq!(streams.active(), active);
    assert_eq!(streams.send.used_chunks(), send_chunks);
    assert!(active <= Limits::TINY.requests);
    assert!(streams.unread() <= Limits::TINY.receive_window as u64);
}

const LEGAL: [Code; 4] = [
    Code::FLOW_CONTROL_ERROR,
    Code::STREAM_LIMIT_ERROR,
    Code::STREAM_STATE_ERROR,
    Code::FINAL_SIZE_ERROR,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn nothing_panics_and_all_counts_are_right(actions in proptest::collection::vec(action(), 0..250)) {
        let mut end = End::new(&Limits::TINY, Side::Client);
        end.streams.set_remote_limits(RemoteLimits {
            max_data: 3000,
            max_stream_data_bidi_remote: 900,
            max_stream_data_uni: 900,
            max_streams_bidi: 8,
            max_streams_uni: 3,
            ..RemoteLimits::default()
        });
        end.streams.release_handshake_receive();
        end.streams.release_handshake_send();
        let mut flight = Vec::new();
        for action in actions {
            // A closed connection would end the case early; a frame that is refused changes nothing.
            if let Err(error) = peer(&mut end, &action) {
                prop_assert!(LEGAL.contains(&error.code()), "{error}");
            }
            application(&mut end, &mut flight, &action);
            check(&end.streams);
        }
    }
}
