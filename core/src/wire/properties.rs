//! What holds for every packet, frame and parameter, whatever its bytes are.
//!
//! Invariant: what is accepted can be written again and means the same then.

use alloc::vec;
use alloc::vec::Vec;

use super::frame::{Ack, Frame, Frames};
use super::packet::version_negotiation::Versions;
use super::packet::{Header, Kind, LongHeader, patch_length};
use super::transport_parameters::TransportParameters;
use super::{Code, Side};
use crate::codec::{Reader, VarInt, Writer};
use crate::crypto::retry_tag::is_retry_genuine;

/// What `write` writes.
fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0; 1 << 17];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer);
    writer.written().to_vec()
}

/// A datagram: its packets lie one behind the other inside it, and their headers can be written again.
pub fn packets(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else {
        return;
    };
    let local_cid_length = usize::from(first % 21);
    let (mut start, mut packets) = (usize::from(first >> 5).min(rest.len()), 0);
    while let Ok(header) = Header::decode(rest, start, local_cid_length) {
        assert_eq!(header.start, start);
        assert!(start < header.token.start && header.token.start <= header.token.end);
        assert!(header.token.end <= header.number_offset);
        assert!(header.number_offset <= header.end && header.end <= rest.len());
        if header.end < rest.len() {
            let cut = Header::decode(&rest[..header.end - 1], start, local_cid_length);
            assert_ne!(cut.map(|header| header.end), Ok(header.end));
        }
        packet(rest, &header);
        packets += 1;
        start = header.end;
    }
    assert!(packets <= rest.len(), "every packet takes a byte");
}

fn packet(datagram: &[u8], header: &Header) {
    let token = &datagram[header.token.clone()];
    match header.kind {
        Kind::VersionNegotiation => {
            assert!(!token.is_empty());
            assert_eq!(Versions::new(token).count() * 4, token.len());
        }
        Kind::Retry => {
            let packet = &datagram[header.start..header.end];
            assert!(!token.is_empty());
            assert!(
                !is_retry_genuine(header.version, b"nobody's", packet),
                "a tag was guessed"
            );
        }
        Kind::Short => assert_eq!(header.end, datagram.len()),
        Kind::Initial | Kind::ZeroRtt | Kind::Handshake => long_header(datagram, header),
    }
}

fn long_header(datagram: &[u8], header: &Header) {
    let payload = &datagram[header.number_offset..header.end];
    if payload.len() < 2 || payload.len() >= 0x4000 {
        return;
    }
    let long = LongHeader {
        kind: header.kind,
        version: header.version,
        destination: header.destination,
        source: header.source,
        token: &datagram[header.token.clone()],
    };
    let mut again = vec![0; datagram.len() + 64];
    let mut writer = Writer::new(&mut again);
    let places = long.encode(&mut writer, 7, 1).expect("there is room");
    writer.bytes(&payload[1..]).expect("there is room");
    let length = writer.len();
    again.truncate(length);
    patch_length(&mut again, places.length_at, payload.len() as u16);
    let copy = Header::decode(&again, 0, 0).expect("what we write is legal");
    assert_eq!((copy.kind, copy.version), (header.kind, header.version));
    assert_eq!(copy.destination, header.destination);
    assert_eq!(copy.source, header.source);
    assert_eq!(again[copy.token], *long.token);
    assert_eq!(again[copy.number_offset + 1..copy.end], payload[1..]);
}

/// A payload: its frames can be written again, none is read twice, and nothing comes behind an error.
pub fn frames(payload: &[u8]) {
    let (mut count, mut failed, mut shortest) = (0, false, 0);
    for frame in Frames::new(payload) {
        assert!(!failed, "a frame behind an error");
        count += 1;
        let Ok(frame) = frame else {
            failed = true;
            continue;
        };
        let wire = written(|writer| frame.encode(writer).expect("there is room"));
        let mut again = Frames::new(&wire);
        assert_eq!(again.next(), Some(Ok(frame)));
        assert_eq!(again.next(), None);
        assert_eq!(Reader::new(&wire).varint(), Ok(frame.kind()));
        // What we write is in the shortest form, so a payload has at least as many bytes.
        shortest += match frame {
            Frame::Stream { .. } => 0,
            _ => wire.len(),
        };
        if let Frame::Ack(ack) = frame {
            ranges(&ack);
        }
    }
    assert!(count <= payload.len() && shortest <= payload.len());
}

/// An ACK frame behind its type: the ranges fall, do not touch, and can be written again.
pub fn ack(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else {
        return;
    };
    let payload = [&[2 + first % 2], rest].concat();
    if let Some(Ok(Frame::Ack(ack))) = Frames::new(&payload).next() {
        ranges(&ack);
    }
}

fn ranges(ack: &Ack<'_>) {
    let ranges: Vec<_> = ack.ranges().collect();
    assert_eq!(ranges.first().map(|range| *range.end()), Some(ack.largest));
    assert!(ranges.iter().all(|range| range.start() <= range.end()));
    let apart = |pair: &[core::ops::RangeInclusive<u64>]| {
        // At least one number between two ranges was not received.
        pair[1].end() + 1 < *pair[0].start()
    };
    assert!(ranges.windows(2).all(apart));
    assert!(ack.largest <= VarInt::MAX.get());
    let mut buffer = vec![0; 4096];
    let mut writer = Writer::new(&mut buffer);
    let (delay, ecn) = (ack.delay, ack.ecn);
    let count = Ack::encode_ranges(&mut writer, delay, ranges.iter().cloned(), ecn);
    let count = count.expect("there is room");
    assert!(count >= 1 && count <= ranges.len());
    let Some(Ok(Frame::Ack(again))) = Frames::new(writer.written()).next() else {
        panic!("what we write is an ACK");
    };
    assert_eq!((again.delay, again.ecn), (delay, ecn));
    assert!(again.ranges().eq(ranges[..count].iter().cloned()));
}

/// Transport parameters of either side: what is accepted keeps the limits and can be written again.
pub fn transport_parameters(bytes: &[u8]) {
    for from in [Side::Server, Side::Client] {
        let parameters = match TransportParameters::decode(bytes, from) {
            Ok(parameters) => parameters,
            Err(error) => {
                assert_eq!(error.code(), Code::TRANSPORT_PARAMETER_ERROR);
                continue;
            }
        };
        assert!(parameters.active_connection_id_limit >= 2);
        let wire = written(|writer| {
            let encoded = parameters.encode(writer, from, None);
            encoded.expect("there is room");
        });
        assert_eq!(TransportParameters::decode(&wire, from), Ok(parameters));
    }
}

/// Integers and vectors: a cursor never leaves its bytes, and a number is written in the form that it was read in.
pub fn codec(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    while let Some(first) = reader.peek() {
        let before = reader.position();
        let Ok(value) = reader.varint() else {
            assert_eq!(reader.position(), before, "half a number was read");
            break;
        };
        let size = reader.position() - before;
        assert_eq!(size, 1 << (first >> 6));
        assert!(value <= VarInt::MAX.get());
        let again = written(|writer| writer.varint_sized(value, size).expect("there is room"));
        assert_eq!(again, bytes[before..before + size]);
        let short = written(|writer| writer.varint(value).expect("there is room"));
        assert!(short.len() <= size);
        assert_eq!(Reader::new(&short).varint(), Ok(value));
        vectors(&bytes[before..], value);
    }
}

fn vectors(bytes: &[u8], value: u64) {
    let mut reader = Reader::new(bytes);
    let taken = reader.take_u64(value).map(<[u8]>::len);
    assert!(taken.map_or(true, |taken| taken as u64 == value));
    for width in 1..=3_usize {
        let mut reader = Reader::new(bytes);
        let vector = match width {
            1 => reader.vector_u8(),
            2 => reader.vector_u16(),
            _ => reader.vector_u24(),
        };
        let Ok(mut vector) = vector else {
            continue;
        };
        let inner = vector.rest();
        assert_eq!(*inner, bytes[width..reader.position()]);
        let again = written(|writer| {
            let result = match width {
                1 => writer.vector_u8(|writer| writer.bytes(inner)),
                2 => writer.vector_u16(|writer| writer.bytes(inner)),
                _ => writer.vector_u24(|writer| writer.bytes(inner)),
            };
            result.expect("there is room");
        });
        assert_eq!(again, bytes[..reader.position()]);
    }
}
