//! HTTP/3 as bytes, right or wrong (RFC 9114, RFC 9204).
//!
//! Invariant: nothing here checks anything; what is written is what was asked for.

use super::packet::varint;
use super::server::Server;
use quicpro_core::codec::Reader;
use quicpro_core::qpack::{Encoder, Field, encoder};

/// The server's control stream.
pub const CONTROL: u64 = 3;
/// The server's QPACK encoder stream.
pub const ENCODER: u64 = 7;
/// The server's QPACK decoder stream.
pub const DECODER: u64 = 11;
/// One more unidirectional stream of the server.
pub const FOURTH: u64 = 15;

/// Frame types (RFC 9114 §7.2, RFC 9218 §7.2).
pub mod kind {
    #![allow(missing_docs, reason = "the names are the RFC's")]
    pub const DATA: u64 = 0x00;
    pub const HEADERS: u64 = 0x01;
    pub const CANCEL_PUSH: u64 = 0x03;
    pub const SETTINGS: u64 = 0x04;
    pub const PUSH_PROMISE: u64 = 0x05;
    pub const GOAWAY: u64 = 0x07;
    pub const MAX_PUSH_ID: u64 = 0x0d;
    pub const PRIORITY_UPDATE: u64 = 0x0f_0700;
    /// One that is reserved so that it is ignored (RFC 9114 §7.2.8).
    pub const GREASE: u64 = 0x21;
}

/// Types of unidirectional streams (RFC 9114 §6.2, RFC 9204 §4.2).
pub mod stream {
    #![allow(missing_docs, reason = "the names are the RFC's")]
    pub const CONTROL: u64 = 0x00;
    pub const PUSH: u64 = 0x01;
    pub const QPACK_ENCODER: u64 = 0x02;
    pub const QPACK_DECODER: u64 = 0x03;
    pub const GREASE: u64 = 0x21;
}

/// A frame of any type.
pub fn frame(kind: u64, payload: &[u8]) -> Vec<u8> {
    [varint(kind), varint(payload.len() as u64), payload.to_vec()].concat()
}

/// The beginning of a frame: type and length, and none of its payload.
pub fn frame_header(kind: u64, length: u64) -> Vec<u8> {
    [varint(kind), varint(length)].concat()
}

/// An encoded field section of any fields.
pub fn section(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut flush = |piece: &[u8]| bytes.extend_from_slice(piece);
    let mut encoder = Encoder::new(Some(&mut flush));
    encoder.bytes(&encoder::PREFIX);
    for (name, value) in fields {
        encoder.field(&Field::new(name, value));
    }
    encoder.finish();
    bytes
}

/// HEADERS with any fields.
pub fn headers(fields: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, &section(fields))
}

/// HEADERS of a response with this status alone.
pub fn status(status: &str) -> Vec<u8> {
    headers(&[(":status", status)])
}

/// DATA.
pub fn data(bytes: &[u8]) -> Vec<u8> {
    frame(kind::DATA, bytes)
}

/// SETTINGS with any identifiers.
pub fn settings(settings: &[(u64, u64)]) -> Vec<u8> {
    let pairs = settings.iter();
    let payload: Vec<u8> = pairs
        .flat_map(|&(id, value)| [varint(id), varint(value)].concat())
        .collect();
    frame(kind::SETTINGS, &payload)
}

/// GOAWAY.
pub fn goaway(id: u64) -> Vec<u8> {
    frame(kind::GOAWAY, &varint(id))
}

/// The frames in `bytes`, types and payloads, up to the first that is not whole.
pub fn frames(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut reader = Reader::new(bytes);
    let mut next = || {
        let (kind, length) = (reader.varint().ok()?, reader.varint().ok()?);
        Some((kind, reader.take_u64(length).ok()?.to_vec()))
    };
    std::iter::from_fn(&mut next).collect()
}

impl Server {
    /// Opens the control stream with SETTINGS, and both QPACK streams.
    pub fn open_http3(&mut self) {
        let control = [varint(stream::CONTROL), settings(&[])].concat();
        self.write(CONTROL, &control, false);
        self.write(ENCODER, &varint(stream::QPACK_ENCODER), false);
        self.write(DECODER, &varint(stream::QPACK_DECODER), false);
    }

    /// Answers a request in one piece: a head, a body, the end.
    pub fn respond(&mut self, id: u64, fields: &[(&str, &str)], body: &[u8]) {
        let response = [headers(fields), data(body)].concat();
        self.write(id, &response, true);
    }
}
