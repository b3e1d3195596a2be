//! What every client has to keep to, checked on every packet that it sends.
//!
//! Invariant: the audit only looks; a problem is a sentence, and a test decides what it means.

use super::server::Received;
use quicpro_core::wire::frame::{Close, Frame, Frames, kind};
use quicpro_core::wire::packet::{self, Kind, Space, Version};
use quicpro_core::wire::{Code, Direction, Side, TransportParameters};
use std::collections::BTreeMap;

/// The smallest datagram that may carry an Initial packet (RFC 9000 §14.1).
const INITIAL_DATAGRAM_MIN: usize = 1200;

/// What the client has done so far, and which of it is against the rules.
#[derive(Debug, Default)]
pub(super) struct Audit {
    problems: Vec<String>,
    largest: [Option<u64>; 3],
    closed: bool,
    max_data: u64,
    max_streams: [u64; 2],
    greases: bool,
    /// What a stream may hold unless it was raised, bidirectional and unidirectional.
    max_stream: [u64; 2],
    max_stream_data: BTreeMap<u64, u64>,
    highest: BTreeMap<u64, u64>,
}

impl Audit {
    /// What the server promised in its transport parameters.
    pub fn promise(&mut self, parameters: &TransportParameters) {
        self.greases = parameters.grease_quic_bit;
        self.max_data = parameters.initial_max_data;
        self.max_streams = [
            parameters.initial_max_streams_bidi,
            parameters.initial_max_streams_uni,
        ];
        self.max_stream = [
            parameters.initial_max_stream_data_bidi_remote,
            parameters.initial_max_stream_data_uni,
        ];
    }

    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    /// A datagram arrived, with these kinds of packets in it.
    pub fn on_datagram(&mut self, length: usize, kinds: &[Kind]) {
        //= rfc9000#14.1 test
        //= rfc9000#6 test
        if kinds.contains(&Kind::Initial) && length < INITIAL_DATAGRAM_MIN {
            self.problem(format!("an Initial packet in a datagram of {length} bytes"));
        }
    }

    /// A packet was opened.
    pub fn on_packet(&mut self, received: &Received, version: Version) {
        //= rfc9369#4.1 test
        if received.space == Space::Handshake && received.version != version {
            self.problem(format!("a Handshake packet of {}", received.version));
        }
        //= rfc9000#17.2 test
        if packet::has_reserved_bits(received.first) {
            self.problem("reserved bits are set");
        }
        //= rfc9287#3.1 test
        if !packet::has_fixed_bit(received.first) && !self.greases {
            self.problem("the QUIC bit is 0");
        }
        //= rfc9000#12.3 test
        let largest = &mut self.largest[received.space as usize];
        if largest.is_some_and(|largest| largest == received.number) {
            self.problems
                .push(format!("packet number {} twice", received.number));
        }
        *largest = (*largest).max(Some(received.number));
        if received.payload.is_empty() {
            self.problem("a packet without frames");
        }
        for frame in Frames::new(&received.payload) {
            match frame {
                Ok(frame) => self.on_frame(received.space, &frame),
                Err(error) => self.problem(format!("an illegal frame: {error}")),
            }
        }
    }

    fn on_frame(&mut self, space: Space, frame: &Frame<'_>) {
        //= rfc9001#4.9 test
        //= rfc9221#6 test
        if let Err(error) = kind::check(frame.kind(), space, Side::Client) {
            self.problem(format!("{} in {space:?}: {error}", frame.name()));
        }
        //= rfc9000#10.2.1 test
        if self.closed && !matches!(frame, Frame::ConnectionClose(_) | Frame::Padding { .. }) {
            self.problem(format!("{} after CONNECTION_CLOSE", frame.name()));
        }
        match *frame {
            Frame::ConnectionClose(Close::Transport { code, .. }) => {
                self.closed = true;
                if code.name().is_none() || code == Code::INTERNAL_ERROR {
                    self.problem(format!("closed with {code}"));
                }
            }
            Frame::ConnectionClose(_) => self.closed = true,
            Frame::Stream {
                id, offset, data, ..
            } => self.on_stream(id.get(), offset + data.len() as u64),
            Frame::ResetStream { id, final_size, .. } => self.on_stream(id.get(), final_size),
            _ => {}
        }
    }

    /// Stream data up to `end`.
    fn on_stream(&mut self, id: u64, end: u64) {
        let unidirectional = id & 2 != 0;
        //= rfc9000#4.6 test
        if id & 1 == 0 && id >> 2 >= self.max_streams[usize::from(unidirectional)] {
            self.problem(format!("stream {id} is beyond the limit"));
        }
        let highest = self.highest.entry(id).or_default();
        *highest = (*highest).max(end);
        //= rfc9000#4.1 test
        if self.highest.values().sum::<u64>() > self.max_data {
            self.problem(format!("more than {} bytes on all streams", self.max_data));
        }
        let raised = self.max_stream_data.get(&id).copied().unwrap_or(0);
        if end > raised.max(self.max_stream[usize::from(unidirectional)]) {
            self.problem(format!("byte {end} of stream {id} is beyond its limit"));
        }
    }

    /// The server sends a frame that may raise a limit.
    pub fn on_sent(&mut self, frame: &Frame<'_>) {
        match *frame {
            Frame::MaxData { limit } => self.max_data = self.max_data.max(limit),
            Frame::MaxStreams { direction, limit } => {
                let max =
                    &mut self.max_streams[usize::from(direction == Direction::Unidirectional)];
                *max = limit.max(*max);
            }
            Frame::MaxStreamData { id, limit } => {
                let max = self.max_stream_data.entry(id.get()).or_default();
                *max = limit.max(*max);
            }
            _ => {}
        }
    }
}
