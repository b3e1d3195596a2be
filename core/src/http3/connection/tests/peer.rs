//! The scripted server: it writes any bytes to any stream and sees what the client sent.

use crate::codec::VarInt;
use crate::codec::Writer;
use crate::connection::{ClientConfig, Connection as Quic, Memory};
use crate::context::Context;
use crate::crypto::random::Random;
use crate::frame_writer::{FrameWriter, PACKET_TOKENS_MAX};
use crate::http3::{Connection, Event, FieldLine, Fields, Http3Memory, RequestId, RequestSlot};
use crate::limits::Limits;
use crate::mem::{Table, leaked_memory};
use crate::qpack::{Encoder, Field, Section, encoder};
use crate::recovery::{SentMemory, SentPacket, Token};
use crate::space::{NumberRange, NumberSpaces};
use crate::stream::{RemoteLimits, StreamMemory, Streams};
use crate::time::Instant;
use crate::trace::Trace;
use crate::wire::frame::{Frame, Frames};
use crate::wire::{StreamId, TransportError};
use std::boxed::Box;
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// What the client sent on a stream.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) bytes: Vec<u8>,
    pub(super) fin: bool,
    pub(super) reset: Option<u64>,
    pub(super) stop: Option<u64>,
}

/// A client and the server's view of it.
pub(super) struct Pair {
    pub(super) quic: Quic<'static>,
    pub(super) h3: Connection<'static>,
    /// By stream.
    pub(super) sent: BTreeMap<u64, Sent>,
    /// Bytes written by the server, by stream.
    written: BTreeMap<u64, u64>,
    /// Bytes of a frame at most.
    pub(super) piece: usize,
    random: Random,
    trace: Trace,
}

/// The server's streams, in the order they are opened.
pub(super) const CONTROL: u64 = 3;
pub(super) const SECOND: u64 = 7;
pub(super) const THIRD: u64 = 11;

fn leak<T: Clone>(value: T, length: usize) -> Table<'static, T> {
    Table::from(Box::leak(std::vec![value; length].into_boxed_slice()))
}

fn memory(limits: &Limits) -> (Memory<'static>, Http3Memory<'static>) {
    let streams = StreamMemory {
        keys: leak(0, limits.stream_slots()),
        senders: leak(crate::stream::Sender::EMPTY, limits.sending_slots()),
        receivers: leak(crate::stream::Receiver::EMPTY, limits.receiving_slots()),
        flags: leak(0, StreamMemory::flag_words(limits)),
        receive: leaked_memory(limits.receive_chunks(), limits.receive_chunk),
        send: leaked_memory(limits.send_chunks(), limits.send_chunk),
    };
    let http3 = Http3Memory {
        requests: leak(RequestSlot::EMPTY, limits.requests),
        ready: leak(0, Http3Memory::ready_words(limits.requests)),
        scratch: leak(0, limits.field_line),
    };
    let sent = SentMemory {
        packets: leak(
            SentPacket::EMPTY,
            SentMemory::packets(limits.packets_in_flight),
        ),
        tokens: leak(Token::None, SentMemory::tokens(limits.packets_in_flight)),
        #[cfg(feature = "bbr")]
        snapshots: leak([0; 4], SentMemory::packets(limits.packets_in_flight)),
    };
    let received = leak(NumberRange::EMPTY, NumberSpaces::ranges(limits.ack_ranges));
    (
        Memory::new(*limits, streams, sent, received, Table::empty()),
        http3,
    )
}

impl Pair {
    /// A connection whose handshake is complete, with `limits` for us and plenty for the server.
    pub(super) fn with(limits: Limits) -> Self {
        let (transport, http3) = memory(&limits);
        let config = ClientConfig::danger_accept_any_server().server_name("h3.example");
        let remote = ([127, 0, 0, 1], 443).into();
        let mut quic = Quic::new(transport);
        quic.start(&config, remote, Instant::ZERO, [7; 32])
            .expect("a configuration");
        let h3 = Connection::new(http3, &limits);
        quic.establish_for_test(RemoteLimits {
            max_data: 1 << 20,
            max_stream_data_bidi_remote: 1 << 20,
            max_stream_data_uni: 1 << 20,
            max_streams_bidi: 100,
            max_streams_uni: 3,
            ..RemoteLimits::default()
        });
        Self {
            quic,
            h3,
            sent: BTreeMap::new(),
            written: BTreeMap::new(),
            piece: 1000,
            random: Random::new([1; 32]),
            trace: Trace::new(),
        }
    }

    /// The same, with [`Limits::TINY`], after the client has opened its streams.
    pub(super) fn new() -> Self {
        let mut pair = Self::with(Limits::TINY);
        assert_eq!(pair.events(), ["connected"]);
        pair.exchange();
        pair
    }

    fn on_frame(&mut self, frame: &Frame<'_>) {
        self.try_frame(frame).expect("a frame that QUIC allows");
    }

    fn try_frame(&mut self, frame: &Frame<'_>) -> Result<(), TransportError> {
        let mut cx = Context {
            now: Instant::ZERO,
            random: &mut self.random,
            trace: &mut self.trace,
        };
        let streams: &mut Streams<'_> = self.quic.streams_for_test();
        streams.on_frame(&mut cx, frame)
    }

    /// The server writes as much of `bytes` as flow control lets it; says whether that was all.
    pub(super) fn try_write(&mut self, id: u64, bytes: &[u8], fin: bool) -> bool {
        let offset = self.written.get(&id).copied().unwrap_or(0);
        let frame = Frame::Stream {
            id: stream(id),
            offset,
            data: bytes,
            fin,
        };
        let written = self.try_frame(&frame).is_ok();
        if written {
            *self.written.entry(id).or_default() += bytes.len() as u64;
        }
        written
    }

    /// The server writes `bytes`.
    pub(super) fn write(&mut self, id: u64, bytes: &[u8]) {
        self.put(id, bytes, false);
    }

    /// The server writes `bytes` and ends the stream.
    pub(super) fn end(&mut self, id: u64, bytes: &[u8]) {
        self.put(id, bytes, true);
    }

    fn put(&mut self, id: u64, bytes: &[u8], fin: bool) {
        let mut rest = bytes;
        loop {
            let (data, after) = rest.split_at(rest.len().min(self.piece));
            let offset = self.written.entry(id).or_default();
            let start = *offset;
            *offset += data.len() as u64;
            rest = after;
            self.on_frame(&Frame::Stream {
                id: stream(id),
                offset: start,
                data,
                fin: fin && rest.is_empty(),
            });
            if rest.is_empty() {
                return;
            }
        }
    }

    /// The server abandons a stream.
    pub(super) fn reset(&mut self, id: u64, code: u64) {
        let final_size = self.written.get(&id).copied().unwrap_or(0);
        self.on_frame(&Frame::ResetStream {
            id: stream(id),
            code,
            final_size,
        });
    }

    /// The same, where QUIC may refuse it.
    pub(super) fn try_reset(&mut self, id: u64, code: u64) {
        let final_size = self.written.get(&id).copied().unwrap_or(0);
        let frame = Frame::ResetStream {
            id: stream(id),
            code,
            final_size,
        };
        // A stream that is over, or was never opened, cannot be reset.
        let _ = self.try_frame(&frame);
    }

    /// The server wants no more of a stream.
    pub(super) fn stop(&mut self, id: u64, code: u64) {
        self.on_frame(&Frame::StopSending {
            id: stream(id),
            code,
        });
    }

    /// Everything the client has to send arrives and is acknowledged.
    pub(super) fn exchange(&mut self) {
        self.h3.flush(Instant::ZERO, &mut self.quic);
        loop {
            let mut buffer = [0; 1200];
            let mut tokens = heapless::Vec::new();
            let mut writer =
                FrameWriter::new(Writer::new(&mut buffer), &mut tokens, PACKET_TOKENS_MAX);
            let mut cx = Context {
                now: Instant::ZERO,
                random: &mut self.random,
                trace: &mut self.trace,
            };
            self.quic
                .streams_for_test()
                .on_transmit(&mut cx, &mut writer);
            let length = writer.len();
            if length == 0 {
                return;
            }
            self.see(&buffer[..length]);
            for token in tokens {
                self.quic.streams_for_test().on_ack(token);
            }
        }
    }

    fn see(&mut self, payload: &[u8]) {
        for frame in Frames::new(payload) {
            match frame.expect("a legal frame") {
                Frame::Stream {
                    id,
                    offset,
                    data,
                    fin,
                } => {
                    let sent = self.sent.entry(id.get()).or_default();
                    assert_eq!(offset, sent.bytes.len() as u64);
                    sent.bytes.extend(data);
                    sent.fin |= fin;
                }
                Frame::ResetStream { id, code, .. } => {
                    self.sent.entry(id.get()).or_default().reset = Some(code);
                }
                Frame::StopSending { id, code } => {
                    self.sent.entry(id.get()).or_default().stop = Some(code);
                }
                _ => {}
            }
        }
    }

    /// What the client sent on a stream.
    pub(super) fn sent(&mut self, id: u64) -> &Sent {
        self.exchange();
        self.sent.entry(id).or_default()
    }

    /// All events there are, as text.
    pub(super) fn events(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        while let Some(event) = self.h3.poll_event(&mut self.quic) {
            events.push(text(event));
            assert!(events.len() < 1000, "events without end");
        }
        events
    }

    /// Makes a GET request and ends it.
    pub(super) fn get(&mut self, path: &str) -> RequestId {
        let request = crate::http3::Request::get(path);
        let id = self.h3.request(&mut self.quic, &request, "h3.example");
        let id = id.expect("room for a request");
        self.h3.finish(&mut self.quic, id).expect("an open request");
        id
    }

    pub(super) fn recv(
        &mut self,
        id: RequestId,
        length: usize,
    ) -> Result<Vec<u8>, crate::http3::RecvError> {
        let mut out = std::vec![0; length];
        let count = self.h3.recv_body(&mut self.quic, id, &mut out)?;
        out.truncate(count);
        Ok(out)
    }
}

fn stream(id: u64) -> StreamId {
    StreamId::from_varint(VarInt::new(id).expect("a stream"))
}

fn text(event: Event<'_>) -> String {
    match event {
        Event::Connected => "connected".into(),
        Event::VerificationPending => "verification".into(),
        Event::Settings(settings) => format!("settings {:?}", settings.max_field_section_size),
        Event::RequestsAvailable => "requests".into(),
        Event::Informational {
            request,
            status,
            fields,
        } => format!("{request} {status}{}", lines(fields)),
        Event::Response {
            request,
            status,
            fields,
        } => format!("{request} {status}{}", lines(fields)),
        Event::Trailers { request, fields } => format!("{request} trailers{}", lines(fields)),
        Event::Data { request } => format!("{request} data"),
        Event::Finished { request } => format!("{request} finished"),
        Event::Writable { request } => format!("{request} writable"),
        Event::Reset { request, code } => format!("{request} reset {code}"),
        Event::Failed { request, error } => format!("{request} failed {}", error.code()),
        Event::GoAway { last } => format!("go away {last}"),
        Event::Closed(error) => format!("closed {:?}", error.code()),
    }
}

fn lines(mut fields: Fields<'_>) -> String {
    let mut out = String::new();
    let mut count = 0;
    while let Some(line) = fields.next_line() {
        count += 1;
        match line {
            FieldLine::Field(field) => {
                let value = field.value_str().unwrap_or("?");
                out.extend([" ", field.name(), "=", value]);
            }
            FieldLine::TooLong { name, length } => {
                out.extend([" ", name, ":", &length.to_string()]);
            }
        }
    }
    assert_eq!(count, fields.count());
    out
}

/// A frame.
pub(super) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16;
    let mut frame = std::vec![kind, 0x40 | (length >> 8) as u8, length as u8];
    frame.extend(payload);
    frame
}

/// DATA.
pub(super) fn data(bytes: &[u8]) -> Vec<u8> {
    frame(0, bytes)
}

/// HEADERS.
pub(super) fn headers(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut section = Vec::new();
    let mut flush = |bytes: &[u8]| section.extend_from_slice(bytes);
    let mut encoder = Encoder::new(Some(&mut flush));
    encoder.bytes(&encoder::PREFIX);
    for (name, value) in fields {
        encoder.field(&Field::new(name, *value));
    }
    encoder.finish();
    frame(1, &section)
}

/// HEADERS with nothing but a status.
pub(super) fn status(status: &str) -> Vec<u8> {
    headers(&[(":status", status)])
}

/// The frames of what a client sent: types, and payloads with sections decoded.
pub(super) fn frames(mut bytes: &[u8]) -> Vec<(u64, String)> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let mut reader = crate::codec::Reader::new(bytes);
        let kind = reader.varint().expect("a type");
        let length = reader.varint().expect("a length");
        let payload = reader.take_u64(length).expect("a payload");
        bytes = reader.rest();
        let text = match kind {
            1 => decoded(payload),
            _ => String::from_utf8_lossy(payload).into_owned(),
        };
        frames.push((kind, text));
    }
    frames
}

fn decoded(payload: &[u8]) -> String {
    let mut section = Section::open(&payload, 0, payload.len()).expect("a section");
    let mut scratch = [0; 1000];
    let mut lines = Vec::new();
    while let Some(line) = section.next(&payload, &mut scratch).expect("a line") {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        lines.push(format!("{}={}", text(line.name), text(line.value)));
    }
    lines.join(" ")
}
