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
    assert!(error.frame().is_some(), "the frame is named");
    error.code()
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

/// Has `frame` refused by the stream's limit, and by the connection's where the stream's is far away.
fn refused_by_both_limits(client: &mut End, frame: &Frame<'_>) {
    let initial = client.streams.receivers[0].limit;
    for limit in [initial, 2 * TOO_WIDE] {
        client.streams.receivers[0].limit = limit;
        let refused = client.receive_encoded(frame);
        assert_eq!(code(refused), Code::FLOW_CONTROL_ERROR, "{frame:?}");
    }
    client.streams.receivers[0].limit = initial;
}

/// Reads a stream whose first bytes and end are now all there.
fn assert_reads(client: &mut End, request: StreamId, expected: &[u8]) {
    assert_eq!(client.poll(), [StreamEvent::Readable { id: request }]);
    let mut out = [0; 10];
    let mut handle = client.streams.recv_stream(request).unwrap();
    assert_eq!(handle.final_size(), Some(expected.len() as u64));
    let length = handle.read(&mut out).unwrap();
    assert_eq!(&out[..length], expected);
    assert_eq!(handle.read(&mut out), Ok(0), "the end");
}

//= rfc9000#4.1 test
#[test]
fn an_offset_above_32_bits_is_not_the_small_one_that_it_ends_in() {
    let offsets = [TOO_WIDE - 4, TOO_WIDE - 2, TOO_WIDE, TOO_WIDE + 100];
    for (offset, fin) in offsets
        .into_iter()
        .flat_map(|offset| [(offset, false), (offset, true)])
    {
        let (mut client, request) = client();
        let far = stream(request.get(), offset, b"evil", fin);
        refused_by_both_limits(&mut client, &far);
        assert_eq!(client.streams.receive.used_chunks(), 0);
        assert_eq!((client.streams.unread(), client.poll()), (0, Vec::new()));
        let near = stream(request.get(), 0, b"good", true);
        client.receive_encoded(&near).unwrap();
        assert_reads(&mut client, request, b"good");
        // Nor are they counted where the bytes would be thrown away.
        let (mut client, request) = self::client();
        let mut handle = client.streams.recv_stream(request).unwrap();
        handle.stop(VarInt::from_u32(0x10c));
        refused_by_both_limits(&mut client, &far);
    }
}

//= rfc9000#4.5 test
#[test]
fn a_final_size_above_32_bits_is_not_the_small_one_that_it_ends_in() {
    let reset = |id: StreamId, final_size| Frame::ResetStream {
        id,
        code: 9,
        final_size,
    };
    for low in [0, 3, 100] {
        let (mut client, request) = client();
        refused_by_both_limits(&mut client, &reset(request, TOO_WIDE + low));
        assert_eq!((client.streams.unread(), client.poll()), (0, Vec::new()));
        let all = stream(request.get(), 0, b"end", true);
        client.receive_encoded(&all).unwrap();
        for frame in [
            reset(request, TOO_WIDE + 3),
            stream(request.get(), TOO_WIDE, b"end", true),
            stream(request.get(), TOO_WIDE + low, b"", false),
        ] {
            let refused = client.receive_encoded(&frame);
            assert_eq!(code(refused), Code::FINAL_SIZE_ERROR, "{frame:?}");
        }
        assert_reads(&mut client, request, b"end");
    }
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
//= rfc9000#3.3 test
//= rfc9000#11.2 test
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

//= rfc9000#4.4 test
#[test]
fn a_reset_of_one_direction_leaves_the_other_and_its_credit() {
    let (mut client, request) = client();
    let mut handle = client.streams.send_stream(request).unwrap();
    handle.write_whole(&[&[1; 300]]).unwrap();
    let sent = |packet: &Packet| -> usize {
        let lengths = Frames::new(&packet.bytes).map(|frame| match frame {
            Ok(Frame::Stream { data, .. }) => data.len(),
            _ => 0,
        });
        lengths.sum()
    };
    assert_eq!(sent(&client.transmit(1200).unwrap()), 300);
    let reset = Frame::ResetStream {
        id: request,
        code: 0x102,
        final_size: 0,
    };
    client.receive(&reset).unwrap();
    let raised = Frame::MaxStreamData {
        id: request,
        limit: 6000,
    };
    client.receive(&raised).unwrap();
    let mut handle = client.streams.send_stream(request).unwrap();
    handle.write_whole(&[&[2; 200]]).unwrap();
    handle.finish().unwrap();
    assert_eq!(sent(&client.transmit(1200).unwrap()), 200);
    assert_eq!(client.streams.sender(0).unwrap().limit, 6000);
}

#[test]
fn a_cancelled_stream_drains_in_a_slot_of_its_own() {
    let (mut client, first) = client_with(&Limits::TINY.draining(2));
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
fn peeking_needs_no_handle() {
    let (mut client, request) = client();
    client.receive(&stream(0, 0, &[3; 300], false)).unwrap();
    assert_eq!(client.streams.peek(request, 0), [3; 64]);
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
