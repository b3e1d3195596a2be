//! The rules for single frames and the states they lead to.

use super::*;
use crate::codec::VarInt;
use crate::wire::Code;

fn id(number: u64) -> StreamId {
    StreamId::from_varint(VarInt::new(number).unwrap())
}

fn stream(number: u64, offset: u64, data: &[u8], fin: bool) -> Frame<'_> {
    Frame::Stream {
        id: id(number),
        offset,
        data,
        fin,
    }
}

fn code(result: Result<(), TransportError>) -> Code {
    let error = result.unwrap_err();
    assert!(error.frame.is_some(), "the frame is named");
    error.code
}

/// A client with one open stream, and a peer that allows much.
fn client() -> (End, StreamId) {
    let mut client = End::new(&Limits::TINY, Side::Client);
    client.streams.set_remote_limits(RemoteLimits {
        max_data: 10_000,
        max_stream_data_bidi_local: 0,
        max_stream_data_bidi_remote: 5000,
        max_stream_data_uni: 5000,
        max_streams_bidi: 100,
        max_streams_uni: 3,
    });
    client.streams.release_handshake_receive();
    client.streams.release_handshake_send();
    let id = client.streams.open(Direction::Bidirectional).unwrap();
    while client.transmit(1200).is_some() {}
    (client, id)
}

//= rfc9000#19.8 test
#[test]
fn frames_for_streams_that_cannot_have_them() {
    let (mut client, _) = client();
    client.streams.open(Direction::Unidirectional).unwrap();
    let max = |number| Frame::MaxStreamData {
        id: id(number),
        limit: 1,
    };
    let stop = |number| Frame::StopSending {
        id: id(number),
        code: 0,
    };
    let reset = |number| Frame::ResetStream {
        id: id(number),
        code: 0,
        final_size: 0,
    };
    let blocked = |number| Frame::StreamDataBlocked {
        id: id(number),
        limit: 0,
    };
    // Ours, one way: the peer cannot send there.
    for frame in [stream(2, 0, b"x", false), reset(2), blocked(2)] {
        assert_eq!(code(client.receive(&frame)), Code::STREAM_STATE_ERROR);
    }
    // The peer's, one way: we cannot send there.
    for frame in [max(3), stop(3)] {
        assert_eq!(code(client.receive(&frame)), Code::STREAM_STATE_ERROR);
    }
    // Ours, never opened.
    for frame in [
        stream(4, 0, b"", false),
        max(4),
        stop(4),
        reset(4),
        blocked(4),
        max(6),
        stop(6),
    ] {
        assert_eq!(code(client.receive(&frame)), Code::STREAM_STATE_ERROR);
    }
    //= rfc9000#4.6 test
    // The peer's, beyond the limit: none both ways, four one way.
    for frame in [stream(1, 0, b"", false), max(1), stream(19, 0, b"", false)] {
        assert_eq!(code(client.receive(&frame)), Code::STREAM_LIMIT_ERROR);
    }
    let far = (1 << 62) - 1;
    assert_eq!(
        code(client.receive(&stream(far, 0, b"", false))),
        Code::STREAM_LIMIT_ERROR
    );
    assert_eq!(client.receive(&stream(15, 0, b"", false)), Ok(()));
    let opened = [3, 7, 11, 15].map(|number| StreamEvent::Opened { id: id(number) });
    assert_eq!(client.poll(), opened);
}

//= rfc9000#4.1 test
#[test]
fn limits_of_stream_and_connection_are_exact() {
    let (mut client, request) = client();
    let initial = client.streams.local_limits().max_stream_data_bidi_local;
    let over = stream(request.get(), initial, b"x", false);
    assert_eq!(code(client.receive(&over)), Code::FLOW_CONTROL_ERROR);
    let at = stream(request.get(), initial - 1, b"x", false);
    assert_eq!(client.receive(&at), Ok(()));
    let (mut client, request) = self::client();
    let reset = |final_size| Frame::ResetStream {
        id: request,
        code: 9,
        final_size,
    };
    assert_eq!(
        code(client.receive(&reset(initial + 1))),
        Code::FLOW_CONTROL_ERROR
    );
    // While the handshake has lent chunks, the connection's limit is below a stream's.
    let mut server = End::new(&Limits::TINY, Side::Server);
    let window = server.streams.local_limits().max_data;
    assert!(window < server.streams.local_limits().max_stream_data_bidi_remote);
    assert_eq!(server.receive(&stream(0, window - 1, b"x", false)), Ok(()));
    assert_eq!(server.receive(&stream(4, 0, b"", false)), Ok(()));
    for frame in [stream(4, 0, b"x", false), stream(0, window, b"x", true)] {
        assert_eq!(code(server.receive(&frame)), Code::FLOW_CONTROL_ERROR);
    }
}

//= rfc9000#4.5 test
#[test]
fn the_final_size_binds_every_frame() {
    let (mut client, request) = client();
    let number = request.get();
    assert_eq!(client.receive(&stream(number, 5, b"end", true)), Ok(()));
    for frame in [
        stream(number, 8, b"x", false),
        stream(number, 0, b"x", true),
    ] {
        assert_eq!(code(client.receive(&frame)), Code::FINAL_SIZE_ERROR);
    }
    let reset = Frame::ResetStream {
        id: request,
        code: 1,
        final_size: 9,
    };
    assert_eq!(code(client.receive(&reset)), Code::FINAL_SIZE_ERROR);
    assert!(client.poll().is_empty(), "nothing can be read yet");
    assert_eq!(client.receive(&stream(number, 0, b"start", false)), Ok(()));
    assert_eq!(client.poll(), [StreamEvent::Readable { id: request }]);
}

#[test]
fn events_are_edges_that_the_reader_arms_again() {
    let (mut client, request) = client();
    let readable = [StreamEvent::Readable { id: request }];
    client.receive(&stream(0, 0, b"abcd", false)).unwrap();
    assert_eq!(client.poll(), readable);
    assert!(client.poll().is_empty(), "ignored, and nothing new came");
    let mut out = [0; 3];
    let mut handle = client.streams.recv_stream(request).unwrap();
    assert_eq!((handle.available(), handle.peek()), (4, Ok(&b"abcd"[..])));
    assert_eq!(handle.read(&mut out), Ok(3));
    assert_eq!(client.poll(), readable, "the read left bytes");
    let mut handle = client.streams.recv_stream(request).unwrap();
    assert_eq!((handle.read(&mut out), out[0]), (Ok(1), b'd'));
    assert_eq!(handle.read(&mut out), Err(ReadError::Blocked));
    assert!(client.poll().is_empty());
    client.receive(&stream(0, 4, b"e", true)).unwrap();
    assert_eq!(client.poll(), readable);
    let mut handle = client.streams.recv_stream(request).unwrap();
    assert_eq!(handle.read(&mut out), Ok(1));
    assert_eq!(client.poll(), readable, "the end was not told");
    let mut handle = client.streams.recv_stream(request).unwrap();
    assert_eq!((handle.final_size(), handle.read_offset()), (Some(5), 5));
    assert_eq!(handle.read(&mut out), Ok(0));
    assert!(client.poll().is_empty());
}

//= rfc9000#3.5 test
#[test]
fn a_stopped_sender_resets_and_the_response_is_still_read() {
    let (mut client, request) = client();
    client
        .streams
        .send_stream(request)
        .unwrap()
        .write(&[1; 700])
        .unwrap();
    client.transmit(300).unwrap();
    client.receive(&stream(0, 0, b"answer", true)).unwrap();
    client
        .receive(&Frame::StopSending {
            id: request,
            code: 0x10c,
        })
        .unwrap();
    let mut handle = client.streams.send_stream(request).unwrap();
    assert_eq!(handle.write(b"more"), Err(WriteError::Stopped(0x10c)));
    assert_eq!(handle.finish(), Err(WriteError::Stopped(0x10c)));
    assert_eq!(client.streams.send.used_chunks(), 0);
    let packet = client.transmit(1200).unwrap();
    let mut frames = Frames::new(&packet.bytes);
    let Some(Ok(Frame::ResetStream {
        code, final_size, ..
    })) = frames.next()
    else {
        panic!("RESET_STREAM");
    };
    assert_eq!((code, frames.next()), (0x10c, None));
    assert!(
        (250..300).contains(&final_size),
        "what was sent: {final_size}"
    );
    client.lose(&packet);
    let again = client.transmit(1200).unwrap();
    assert_eq!(again.bytes, packet.bytes);
    client.acknowledge(&again);
    client.lose(&packet);
    assert!(!client.streams.has_pending());
    let stopped = StreamEvent::Stopped {
        id: request,
        code: 0x10c,
    };
    assert_eq!(
        client.poll(),
        [stopped, StreamEvent::Readable { id: request }]
    );
    let mut out = [0; 10];
    let mut handle = client.streams.recv_stream(request).unwrap();
    assert_eq!(
        (handle.read(&mut out), handle.read(&mut out)),
        (Ok(6), Ok(0))
    );
    assert!(client.poll().is_empty());
    assert!(
        client.streams.recv_stream(request).is_none(),
        "over and told: gone"
    );
}

#[test]
fn a_reset_drops_what_was_buffered_and_returns_its_credit() {
    let (mut client, request) = client();
    client.receive(&stream(0, 10, &[0; 500], false)).unwrap();
    let reset = Frame::ResetStream {
        id: request,
        code: 0x102,
        final_size: 800,
    };
    client.receive(&reset).unwrap();
    assert_eq!(
        (
            client.streams.unread(),
            client.streams.receive.used_chunks()
        ),
        (0, 0)
    );
    assert_eq!(
        client.poll(),
        [StreamEvent::Reset {
            id: request,
            code: 0x102
        }]
    );
    let mut handle = client.streams.recv_stream(request).unwrap();
    assert_eq!(handle.read(&mut [0; 9]), Err(ReadError::Reset(0x102)));
    client.receive(&stream(0, 0, &[0; 10], false)).unwrap();
    assert_eq!(client.streams.receive.used_chunks(), 0);
}

#[test]
fn a_cancelled_stream_drains_in_a_slot_of_its_own() {
    let (mut client, first) = client();
    let second = client.streams.open(Direction::Bidirectional).unwrap();
    assert_eq!(
        client.streams.open(Direction::Bidirectional),
        Err(OpenError::Blocked)
    );
    client.receive(&stream(0, 10, &[0; 500], false)).unwrap();
    let cancel = |client: &mut End, id| {
        let code = VarInt::from_u32(0x10c);
        client.streams.send_stream(id).unwrap().reset(code);
        client.streams.recv_stream(id).unwrap().stop(code);
    };
    cancel(&mut client, first);
    let available = StreamEvent::Available {
        direction: Direction::Bidirectional,
    };
    assert_eq!(client.poll(), [available]);
    cancel(&mut client, second);
    let third = client.streams.open(Direction::Bidirectional).unwrap();
    assert_eq!(
        (
            client.streams.unread(),
            client.streams.receive.used_chunks()
        ),
        (0, 0)
    );
    let packet = client.transmit(1200).unwrap();
    client.acknowledge(&packet);
    client.receive(&stream(0, 0, &[0; 600], false)).unwrap();
    assert_eq!(
        (
            client.streams.unread(),
            client.streams.receive.used_chunks()
        ),
        (0, 0)
    );
    cancel(&mut client, third);
    assert!(client.streams.open(Direction::Bidirectional).is_ok());
    assert_eq!(
        client.streams.open(Direction::Bidirectional),
        Err(OpenError::Blocked),
        "three are draining"
    );
    client.receive(&stream(0, 600, &[], true)).unwrap();
    client.receive(&stream(0, 0, &[0; 600], false)).unwrap();
    assert_eq!(client.poll(), [available]);
    assert!(client.streams.open(Direction::Bidirectional).is_ok());
    assert!(client.streams.recv_stream(first).is_none());
}

#[test]
fn control_frames_are_repeated_only_while_they_matter() {
    let (mut client, request) = client();
    client.receive(&stream(0, 0, &[0; 1000], false)).unwrap();
    client.streams.recv_stream(request).unwrap().consume(1000);
    let packet = client.transmit(1200).unwrap();
    let mut frames = Frames::new(&packet.bytes);
    assert!(matches!(
        frames.next(),
        Some(Ok(Frame::MaxStreamData { .. }))
    ));
    client.lose(&packet);
    let again = client.transmit(1200).unwrap();
    assert_eq!(again.bytes, packet.bytes);
    client.receive(&stream(0, 1000, b"", true)).unwrap();
    client.lose(&again);
    assert!(client.transmit(1200).is_none(), "the final size is known");
}

#[test]
fn blocked_is_said_once_and_work_goes_on_with_credit() {
    let (mut client, request) = client();
    client
        .receive(&Frame::MaxStreams {
            direction: Direction::Bidirectional,
            limit: 7,
        })
        .unwrap();
    let mut handle = client.streams.send_stream(request).unwrap();
    let mut total = 0;
    while total < 6000 {
        match handle.write(&[5; 500]) {
            Ok(count) => total += count,
            Err(error) => {
                assert_eq!(error, WriteError::Blocked);
                break;
            }
        }
    }
    let mut sent = 0;
    let mut packets = Vec::new();
    while let Some(packet) = client.transmit(1200) {
        for frame in Frames::new(&packet.bytes) {
            match frame.unwrap() {
                Frame::Stream { data, .. } => sent += data.len(),
                frame => panic!("{frame:?}"),
            }
        }
        packets.push(packet);
    }
    assert_eq!(sent, total);
    assert!(!client.streams.has_pending());
    for packet in &packets {
        client.acknowledge(packet);
    }
    assert_eq!(client.poll(), [StreamEvent::Writable { id: request }]);
    assert!(client.poll().is_empty());
}

#[test]
fn the_peers_limits_are_kept_to_the_byte() {
    let (mut client, mut server) = (
        End::new(&Limits::SMALL, Side::Client),
        End::new(&Limits::SMALL, Side::Server),
    );
    client.streams.release_handshake_receive();
    client.streams.release_handshake_send();
    client.streams.set_remote_limits(RemoteLimits {
        max_data: 1500,
        max_stream_data_bidi_remote: 1000,
        max_streams_bidi: 1,
        ..RemoteLimits::default()
    });
    let first = client.streams.open(Direction::Bidirectional).unwrap();
    assert_eq!(
        client.streams.open(Direction::Bidirectional),
        Err(OpenError::Blocked)
    );
    client
        .streams
        .send_stream(first)
        .unwrap()
        .write_whole(&[&[1; 900], &[2; 900]])
        .unwrap();
    let mut kinds = Vec::new();
    let mut count = 0;
    while let Some(packet) = client.transmit(400) {
        for frame in Frames::new(&packet.bytes) {
            let frame = frame.unwrap();
            if let Frame::Stream { data, .. } = frame {
                count += data.len();
            } else {
                kinds.push(frame.kind());
            }
        }
    }
    assert_eq!(count, 1000);
    // STREAMS_BLOCKED for both ways, MAX_DATA after the handshake, STREAM_DATA_BLOCKED: once each.
    assert_eq!(kinds, [0x10, 0x16, 0x15]);
    client
        .receive(&Frame::MaxStreamData {
            id: first,
            limit: 5000,
        })
        .unwrap();
    let packet = client.transmit(1200).unwrap();
    let frames: Vec<_> = Frames::new(&packet.bytes).map(Result::unwrap).collect();
    assert!(
        matches!(frames[..], [Frame::Stream { offset: 1000, data, .. }, Frame::DataBlocked { limit: 1500 }] if data.len() == 500)
    );
    assert!(client.transmit(1200).is_none() && !client.streams.has_pending());
    client.receive(&Frame::MaxData { limit: 5000 }).unwrap();
    client
        .receive(&Frame::MaxStreams {
            direction: Direction::Bidirectional,
            limit: 2,
        })
        .unwrap();
    assert!(client.streams.has_pending());
    assert!(client.poll().contains(&StreamEvent::Available {
        direction: Direction::Bidirectional
    }));
    let _ = server.poll();
}

#[test]
fn urgent_streams_go_first_and_incremental_ones_take_turns() {
    let limits = Limits::SMALL;
    let mut client = End::new(&limits, Side::Client);
    client.streams.release_handshake_receive();
    client.streams.release_handshake_send();
    client.streams.set_remote_limits(RemoteLimits {
        max_data: 1 << 20,
        max_stream_data_bidi_remote: 1 << 20,
        max_streams_bidi: 100,
        ..RemoteLimits::default()
    });
    client.transmit(1200);
    let ids: Vec<_> = (0..4)
        .map(|_| client.streams.open(Direction::Bidirectional).unwrap())
        .collect();
    for id in &ids {
        client
            .streams
            .send_stream(*id)
            .unwrap()
            .write_whole(&[&[0; 1000]])
            .unwrap();
    }
    let priorities = [(3, false), (3, false), (5, true), (0, false)];
    for (id, (urgency, incremental)) in ids.iter().zip(priorities) {
        client
            .streams
            .send_stream(*id)
            .unwrap()
            .set_priority(Priority {
                urgency,
                incremental,
            });
    }
    client
        .streams
        .send_stream(ids[1])
        .unwrap()
        .set_priority(Priority {
            urgency: 5,
            incremental: true,
        });
    let mut order = Vec::new();
    while let Some(packet) = client.transmit(520) {
        for frame in Frames::new(&packet.bytes) {
            if let Ok(Frame::Stream { id, .. }) = frame {
                order.push(ids.iter().position(|have| *have == id).unwrap());
            }
        }
    }
    order.dedup();
    assert_eq!(order[..2], [3, 0]);
    assert!(
        order[2..].windows(2).all(|pair| pair[0] != pair[1]) && order.len() >= 5,
        "{order:?}"
    );
}

#[test]
fn every_slot_has_a_chunk_to_send_with() {
    let (mut client, hog) = client();
    while client
        .streams
        .send_stream(hog)
        .unwrap()
        .write(&[0; 64])
        .is_ok()
    {}
    let other = client.streams.open(Direction::Bidirectional).unwrap();
    let chunk = Limits::TINY.send_chunk;
    assert_eq!(client.streams.send_stream(other).unwrap().capacity(), chunk);
    for _ in 0..3 {
        let control = client.streams.open(Direction::Unidirectional).unwrap();
        let settings = vec![0; chunk];
        client
            .streams
            .send_stream(control)
            .unwrap()
            .write_whole(&[&settings])
            .unwrap();
    }
    let large = vec![1; client.streams.send_stream(other).unwrap().largest_whole()];
    assert_eq!(
        client
            .streams
            .send_stream(other)
            .unwrap()
            .write_whole(&[&large]),
        Err(WriteError::Blocked)
    );
    while let Some(packet) = client.transmit(1200) {
        client.acknowledge(&packet);
        client
            .streams
            .send_stream(hog)
            .unwrap()
            .write(&[0; 64])
            .ok();
        if client.poll().contains(&StreamEvent::Writable { id: other })
            && client
                .streams
                .send_stream(other)
                .unwrap()
                .write_whole(&[&large])
                .is_ok()
        {
            return;
        }
    }
    panic!("a whole that fits never had room");
}

#[test]
fn a_stream_whose_peer_does_not_read_leaves_room_for_others() {
    let (mut client, hog) = client();
    let other = client.streams.open(Direction::Bidirectional).unwrap();
    client.streams.senders[0].limit = 300;
    let mut stream = client.streams.send_stream(hog).unwrap();
    let taken = stream.write(&[0; 5000]).unwrap();
    assert_eq!(taken, 300 + Limits::TINY.send_chunk);
    assert_eq!(stream.write(b"x"), Err(WriteError::Blocked));
    assert!(client.poll().is_empty());
    assert!(client.streams.send_stream(other).unwrap().capacity() > 500);
    client
        .receive(&Frame::MaxStreamData {
            id: hog,
            limit: 1000,
        })
        .unwrap();
    assert_eq!(client.poll(), [StreamEvent::Writable { id: hog }]);
}

#[test]
fn peeking_needs_no_handle() {
    let (mut client, request) = client();
    client.receive(&stream(0, 0, &[3; 300], false)).unwrap();
    assert_eq!(client.streams.peek(request, 0).len(), 256);
    assert_eq!(client.streams.peek(request, 256), [3; 44]);
    assert!(client.streams.peek(request, 300).is_empty());
    assert!(client.streams.peek(id(4), 0).is_empty() && client.streams.peek(id(2), 0).is_empty());
}

#[test]
fn a_reader_that_waits_for_a_whole_window_gets_the_last_bytes_of_it() {
    let limit_of = |packet: Packet| match Frames::new(&packet.bytes).next() {
        Some(Ok(Frame::MaxStreamData { limit, .. })) => limit,
        frame => panic!("{frame:?}"),
    };
    let (mut client, request) = client();
    let initial = client.streams.local_limits().max_stream_data_bidi_local;
    let data = vec![0; initial as usize];
    // Read before the peer reaches the limit, and after.
    client.receive(&stream(0, 0, &data[..10], false)).unwrap();
    client.streams.recv_stream(request).unwrap().consume(10);
    assert!(client.transmit(1200).is_none(), "not worth a frame yet");
    client.receive(&stream(0, 10, &data[10..], false)).unwrap();
    assert_eq!(limit_of(client.transmit(1200).unwrap()), initial + 10);
    client
        .receive(&stream(0, initial, &data[..10], false))
        .unwrap();
    assert!(client.transmit(1200).is_none());
    client.streams.recv_stream(request).unwrap().consume(3);
    assert_eq!(limit_of(client.transmit(1200).unwrap()), initial + 13);
}

#[test]
fn a_reserved_whole_is_taken_in_pieces_whatever_the_peer_allows() {
    let (mut client, request) = client();
    client.streams.senders[0].limit = 10;
    let mut stream = client.streams.send_stream(request).unwrap();
    stream.reserve(400).unwrap();
    for _ in 0..8 {
        assert_eq!(stream.write(&[1; 50]), Ok(50));
    }
    assert_eq!(stream.write(&[1; 50]), Err(WriteError::Blocked));
    let sent = client.transmit(1200).unwrap();
    assert!(
        matches!(Frames::new(&sent.bytes).next(), Some(Ok(Frame::Stream { data, .. })) if data.len() == 10)
    );
    let blocked = client.transmit(1200).unwrap();
    let blocked = Frames::new(&blocked.bytes).next();
    assert!(matches!(
        blocked,
        Some(Ok(Frame::StreamDataBlocked { limit: 10, .. }))
    ));
}

#[test]
fn a_whole_that_waits_for_the_handshake_is_not_too_large() {
    let mut client = End::new(&Limits::TINY, Side::Client);
    client.streams.set_remote_limits(RemoteLimits {
        max_data: 9000,
        max_stream_data_bidi_remote: 9000,
        max_streams_bidi: 1,
        ..RemoteLimits::default()
    });
    let request = client.streams.open(Direction::Bidirectional).unwrap();
    let mut stream = client.streams.send_stream(request).unwrap();
    let most = stream.largest_whole();
    assert_eq!(stream.reserve(most), Err(WriteError::Blocked));
    client.poll();
    client
        .streams
        .send_stream(request)
        .unwrap()
        .reserve(most)
        .unwrap_err();
    client.streams.release_handshake_send();
    assert_eq!(client.poll(), [StreamEvent::Writable { id: request }]);
    assert_eq!(
        client.streams.send_stream(request).unwrap().reserve(most),
        Ok(())
    );
}
