//! What the sending side accepts, when it says that it is blocked, and in which order it sends.

use super::*;

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

//= rfc9000#19.12 test
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

/// Has a stream send something more; returns how many bytes left.
fn send_some(client: &mut End, id: StreamId) -> u64 {
    let mut handle = client.streams.send_stream(id).unwrap();
    handle.write(&[1; 200]).unwrap();
    let packet = client.transmit(1200).unwrap();
    client.acknowledge(&packet);
    let lengths = Frames::new(&packet.bytes).map(|frame| match frame {
        Ok(Frame::Stream { data, .. }) => data.len() as u64,
        frame => panic!("{frame:?}"),
    });
    lengths.sum()
}

/// Cut to 32 bits what the new limits leave would be nothing.
//= rfc9000#4.1 test
#[test]
fn limits_above_32_bits_allow_more_and_not_less() {
    let (mut client, request) = client();
    let mut sent = send_some(&mut client, request);
    let limit = TOO_WIDE + sent;
    let before = client.streams.allowance.limit();
    let more_of_stream = Frame::MaxStreamData { id: request, limit };
    for frame in [Frame::MaxData { limit }, more_of_stream] {
        client.receive_encoded(&frame).unwrap();
    }
    while sent <= before {
        sent += send_some(&mut client, request);
    }
    assert_eq!(client.streams.allowance.limit(), limit);
    assert_eq!(client.streams.senders[0].limit, limit);
}

//= rfc9000#2.3 test
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
