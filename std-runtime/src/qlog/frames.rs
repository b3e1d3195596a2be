//! QUIC frames as qlog has them.
//!
//! Invariant: contents are written as lengths, but for what a person needs to follow the protocol.

use quicpro_core::wire::Direction;
use quicpro_core::wire::frame::{Ack, Close, Frame};
use quicpro_core::wire::packet::Kind;
use serde_json::{Value, json};

use super::names::{self, Object};
use super::text;

/// A frame; `exponent` scales an acknowledgement's delay (RFC 9000 §19.3).
pub(super) fn frame(frame: &Frame<'_>, exponent: u32) -> Value {
    let mut object = Object::new();
    let name = match frame {
        Frame::ConnectionClose(_) => "connection_close".to_owned(),
        _ => frame.name().to_ascii_lowercase(),
    };
    object.insert("frame_type".into(), name.into());
    let mut put = |key: &str, value: Value| {
        object.insert(key.into(), value);
    };
    match frame {
        Frame::Padding { length } => put("raw", json!({ "payload_length": length })),
        Frame::Ping | Frame::HandshakeDone => {}
        Frame::Ack(ack) => acknowledgement(ack, exponent, &mut object),
        Frame::ResetStream {
            id,
            code,
            final_size,
        } => {
            put("stream_id", id.get().into());
            put("final_size", (*final_size).into());
            names::application_error(&mut object, "error", *code);
        }
        Frame::StopSending { id, code } => {
            put("stream_id", id.get().into());
            names::application_error(&mut object, "error", *code);
        }
        Frame::Crypto { offset, data } => {
            put("offset", (*offset).into());
            put("raw", json!({ "payload_length": data.len() }));
        }
        Frame::NewToken { token } => put("token", json!({ "raw": { "length": token.len() } })),
        Frame::Stream {
            id,
            offset,
            data,
            fin,
        } => {
            put("stream_id", id.get().into());
            put("offset", (*offset).into());
            put("raw", json!({ "payload_length": data.len() }));
            if *fin {
                put("fin", true.into());
            }
        }
        Frame::NewConnectionId {
            sequence,
            retire_prior_to,
            cid,
            ..
        } => {
            put("sequence_number", (*sequence).into());
            put("retire_prior_to", (*retire_prior_to).into());
            put("connection_id", text::bytes(cid, text::SHORT_MAX));
        }
        Frame::RetireConnectionId { sequence } => put("sequence_number", (*sequence).into()),
        Frame::PathChallenge(data) | Frame::PathResponse(data) => {
            put("data", text::bytes(data, text::SHORT_MAX));
        }
        Frame::ConnectionClose(close) => connection_close(close, &mut object),
        Frame::Datagram { data, .. } => put("raw", json!({ "payload_length": data.len() })),
        Frame::AckFrequency { .. } | Frame::ImmediateAck => {
            // Their draft has numbers for them, but qlog's have no words.
            put("frame_type", "unknown".into());
            put("frame_type_bytes", frame.kind().into());
        }
        _ => limit(frame, &mut object),
    }
    Value::Object(object)
}

/// The frames of flow control, and those that it makes necessary.
fn limit(frame: &Frame<'_>, object: &mut Object) {
    let (key, value, of) = match frame {
        Frame::MaxData { limit } => ("maximum", *limit, None),
        Frame::DataBlocked { limit } => ("limit", *limit, None),
        Frame::MaxStreamData { id, limit } => {
            ("maximum", *limit, Some(("stream_id", id.get().into())))
        }
        Frame::StreamDataBlocked { id, limit } => {
            ("limit", *limit, Some(("stream_id", id.get().into())))
        }
        Frame::MaxStreams { direction, limit } => {
            let kind = stream_type(*direction);
            ("maximum", *limit, Some(("stream_type", kind)))
        }
        Frame::StreamsBlocked { direction, limit } => {
            let kind = stream_type(*direction);
            ("limit", *limit, Some(("stream_type", kind)))
        }
        _ => return,
    };
    object.insert(key.into(), value.into());
    if let Some((key, value)) = of {
        object.insert(key.into(), value);
    }
}

fn acknowledgement(ack: &Ack<'_>, exponent: u32, object: &mut Object) {
    // A delay that no clock could have measured is as good as the longest.
    let delay_us = ack.delay.saturating_mul(1 << exponent.min(20));
    object.insert("ack_delay".into(), (delay_us as f64 / 1_000.0).into());
    let ranges = ack.ranges().map(|range| match range.into_inner() {
        (one, other) if one == other => json!([one]),
        (from, to) => json!([from, to]),
    });
    object.insert("acked_ranges".into(), ranges.collect());
    if let Some(ecn) = ack.ecn {
        object.insert("ect0".into(), ecn.ect0.into());
        object.insert("ect1".into(), ecn.ect1.into());
        object.insert("ce".into(), ecn.ce.into());
    }
}

fn connection_close(close: &Close<'_>, object: &mut Object) {
    let (space, reason) = match close {
        Close::Transport {
            code,
            frame,
            reason,
        } => {
            names::transport_error(object, "error", code.get());
            object.insert("trigger_frame_type".into(), (*frame).into());
            ("transport", reason)
        }
        Close::Application { code, reason } => {
            names::application_error(object, "error", *code);
            ("application", reason)
        }
    };
    object.insert("error_space".into(), space.into());
    names::reason(object, reason);
}

fn stream_type(direction: Direction) -> Value {
    match direction {
        Direction::Bidirectional => "bidirectional".into(),
        Direction::Unidirectional => "unidirectional".into(),
    }
}

/// Whether a packet of this kind names its connection IDs and its version.
pub(super) const fn has_long_header(kind: Kind) -> bool {
    !matches!(kind, Kind::Short)
}
