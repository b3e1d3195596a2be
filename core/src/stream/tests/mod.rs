//! Two ends of a connection's streams, frame by frame: no packets, no keys, time and fate by the test.

mod hostile;
mod rules;
mod sending;
mod transfer;

use super::*;
use crate::codec::Writer;
use crate::context::Context;
use crate::crypto::random::Random;
use crate::frame_writer::FrameWriter;
use crate::mem::{Table, leaked_memory};
use crate::recovery::Token;
use crate::time::Instant;
use crate::trace::Trace;
use crate::wire::TransportError;
use crate::wire::frame::{Frame, Frames};
use std::boxed::Box;
use std::vec;
use std::vec::Vec;

/// No `usize` of 32 bits holds it: cut to that it would be 0, and what is a little more would be small.
const TOO_WIDE: u64 = 1 << 32;

/// Memory that is never freed, so that tests need no feature.
fn memory(limits: &Limits) -> StreamMemory<'static> {
    fn leak<T: Clone>(length: usize, value: T) -> Table<'static, T> {
        Table::from(Box::leak(vec![value; length].into_boxed_slice()))
    }
    StreamMemory {
        keys: leak(limits.stream_slots(), 0),
        senders: leak(limits.sending_slots(), Sender::EMPTY),
        receivers: leak(limits.receiving_slots(), Receiver::EMPTY),
        flags: leak(StreamMemory::flag_words(limits), 0),
        receive: leaked_memory(limits.receive_chunks(), limits.receive_chunk),
        send: leaked_memory(limits.send_chunks(), limits.send_chunk),
    }
}

/// A payload under way.
#[derive(Clone, Debug)]
struct Packet {
    bytes: Vec<u8>,
    tokens: Vec<Token>,
}

/// One end.
struct End {
    streams: Streams<'static>,
    random: Random,
    trace: Trace,
    now: Instant,
}

impl End {
    fn new(limits: &Limits, side: Side) -> Self {
        assert_eq!(limits.problem(), None);
        let mut streams = Streams::new(memory(limits), limits, side);
        streams.set_rtt(Duration::from_millis(20));
        Self {
            streams,
            random: Random::new([7; 32]),
            trace: Trace::default(),
            now: Instant::from_micros(1),
        }
    }

    /// The next payload of at most `size` bytes, if there is anything to send.
    fn transmit(&mut self, size: usize) -> Option<Packet> {
        let mut bytes = vec![0; size];
        let mut tokens = heapless::Vec::new();
        let mut writer = FrameWriter::new(Writer::new(&mut bytes), &mut tokens, 32);
        let mut cx = Context {
            now: self.now,
            random: &mut self.random,
            trace: &mut self.trace,
        };
        self.streams.on_transmit(&mut cx, &mut writer);
        let length = writer.len();
        assert_eq!(writer.is_ack_eliciting(), length > 0);
        bytes.truncate(length);
        let tokens = tokens.to_vec();
        (length > 0).then_some(Packet { bytes, tokens })
    }

    fn receive(&mut self, frame: &Frame<'_>) -> Result<(), TransportError> {
        let mut cx = Context {
            now: self.now,
            random: &mut self.random,
            trace: &mut self.trace,
        };
        self.streams.on_frame(&mut cx, frame)
    }

    fn receive_packet(&mut self, packet: &Packet) -> Result<(), TransportError> {
        for frame in Frames::new(&packet.bytes) {
            self.receive(&frame?)?;
        }
        Ok(())
    }

    /// Takes `frame` as the bytes that it has in a packet.
    fn receive_encoded(&mut self, frame: &Frame<'_>) -> Result<(), TransportError> {
        let mut bytes = vec![0; 64];
        let mut writer = Writer::new(&mut bytes);
        frame.encode(&mut writer).unwrap();
        let length = writer.len();
        bytes.truncate(length);
        let tokens = Vec::new();
        self.receive_packet(&Packet { bytes, tokens })
    }

    fn acknowledge(&mut self, packet: &Packet) {
        for token in &packet.tokens {
            self.streams.on_ack(*token);
        }
    }

    fn lose(&mut self, packet: &Packet) {
        for token in &packet.tokens {
            self.streams.on_loss(*token);
        }
    }

    /// Drains events, which has to end.
    fn poll(&mut self) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.streams.poll_event() {
            events.push(event);
            assert!(events.len() < 10_000, "draining events ends");
        }
        events
    }
}

/// A client and a server with their handshake done.
fn pair(client: &Limits, server: &Limits) -> (End, End) {
    let mut ends = (
        End::new(client, Side::Client),
        End::new(server, Side::Server),
    );
    let (client, server) = (ends.0.streams.local_limits(), ends.1.streams.local_limits());
    ends.0.streams.set_remote_limits(remote(server));
    ends.1.streams.set_remote_limits(remote(client));
    ends.0.streams.release_handshake_receive();
    ends.0.streams.release_handshake_send();
    ends.1.streams.release_handshake_receive();
    ends.1.streams.release_handshake_send();
    ends
}

fn remote(limits: LocalLimits) -> RemoteLimits {
    RemoteLimits {
        max_data: limits.max_data,
        max_stream_data_bidi_local: limits.max_stream_data_bidi_local,
        max_stream_data_bidi_remote: limits.max_stream_data_bidi_remote,
        max_stream_data_uni: limits.max_stream_data_uni,
        max_streams_bidi: limits.max_streams_bidi,
        max_streams_uni: limits.max_streams_uni,
    }
}

/// A client with one open stream, and a peer that allows much.
fn client() -> (End, StreamId) {
    client_with(&Limits::TINY)
}

fn client_with(limits: &Limits) -> (End, StreamId) {
    let mut client = End::new(limits, Side::Client);
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

/// Delivers and acknowledges everything both ways until nothing is to be sent.
fn settle(one: &mut End, other: &mut End) {
    for _ in 0..10_000 {
        let (a, b) = (one.transmit(1200), other.transmit(1200));
        if let Some(packet) = &a {
            other.receive_packet(packet).unwrap();
            one.acknowledge(packet);
        }
        if let Some(packet) = &b {
            one.receive_packet(packet).unwrap();
            other.acknowledge(packet);
        }
        if a.is_none() && b.is_none() {
            assert!(!one.streams.has_pending() && !other.streams.has_pending());
            return;
        }
    }
    panic!("two ends that never come to rest");
}

/// A byte that depends on stream and position.
fn byte(id: StreamId, offset: u64) -> u8 {
    ((offset % 251) as u8).wrapping_add((id.get() as u8).wrapping_mul(53))
}

fn bytes(id: StreamId, offset: u64, length: usize) -> Vec<u8> {
    (offset..offset + length as u64)
        .map(|at| byte(id, at))
        .collect()
}
