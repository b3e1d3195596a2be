//! What a sink is told of HTTP/3: streams' purposes, settings, and frames in both directions.
//!
//! Invariant: nothing is read or kept; without a listener each of these is one question.

use super::Quic;
use crate::codec::to_u64;
use crate::http3::field_rules::{Checked, Kind};
use crate::http3::fields::{FieldLine, Fields, Received};
use crate::http3::{Settings, frame};
use crate::qpack::Lines;
use crate::trace::{Event, Http3Frame, Owner};
use crate::wire::StreamId;

/// A frame was written or read.
pub(super) fn frame(quic: &mut Quic<'_>, owner: Owner, id: StreamId, frame: Http3Frame<'_>) {
    let tracer = quic.tracer();
    if tracer.is_on() {
        tracer.event(&Event::Http3Frame { owner, id, frame });
    }
}

/// A request's head was written.
pub(super) fn request(quic: &mut Quic<'_>, id: StreamId, length: usize, fields: Lines<'_>) {
    stream(quic, Owner::Local, id, None);
    headers(quic, id, length, fields);
}

/// A section of `length` bytes was written.
pub(super) fn headers(quic: &mut Quic<'_>, id: StreamId, length: usize, fields: Lines<'_>) {
    let (owner, length) = (Owner::Local, to_u64(length));
    let tracer = quic.tracer();
    if !tracer.is_on() {
        return;
    }
    fields(&mut |field| {
        tracer.event(&Event::Http3Field {
            owner,
            id,
            name: field.name().as_bytes(),
            value: field.value(),
        });
    });
    frame(quic, owner, id, Http3Frame::Headers { length });
}

/// A section of `length` bytes was read and found legal.
pub(super) fn section(
    quic: &mut Quic<'_>,
    id: StreamId,
    kind: Kind,
    checked: &Checked,
    length: usize,
    scratch: &mut [u8],
) {
    if !quic.tracer().is_on() {
        return;
    }
    // The lines are read from the transport, which therefore cannot lend its tracer meanwhile.
    let mut tracer = core::mem::take(quic.tracer());
    let owner = Owner::Remote;
    let mut line = |name: &[u8], value: &[u8]| {
        tracer.event(&Event::Http3Field {
            owner,
            id,
            name,
            value,
        });
    };
    if kind == Kind::Head {
        line(b":status", &digits(checked.status));
    }
    let received = Received::new(quic, id);
    let mut fields = Fields::new(received, checked.start, scratch, checked.fields);
    while let Some(one) = fields.next_line() {
        match one {
            FieldLine::Field(field) => line(field.name().as_bytes(), field.value()),
            FieldLine::TooLong { name, .. } => line(name.as_bytes(), b""),
        }
    }
    *quic.tracer() = tracer;
    let length = to_u64(length);
    frame(quic, owner, id, Http3Frame::Headers { length });
}

/// A frame was written to our control stream.
pub(super) fn control(quic: &mut Quic<'_>, id: StreamId, kind: u32, number: u64, text: &[u8]) {
    let said = if kind == frame::GOAWAY {
        Http3Frame::GoAway { id: number }
    } else {
        let value = core::str::from_utf8(text).unwrap_or("");
        Http3Frame::PriorityUpdate {
            request: number,
            value,
        }
    };
    frame(quic, Owner::Local, id, said);
}

/// A stream's purpose is known; `None` is a request.
pub(super) fn stream(quic: &mut Quic<'_>, owner: Owner, id: StreamId, kind: Option<u64>) {
    let tracer = quic.tracer();
    if tracer.is_on() {
        tracer.event(&Event::Http3Stream { owner, id, kind });
    }
}

/// One side's settings stand in a SETTINGS frame on its control stream `id`.
pub(super) fn settings(quic: &mut Quic<'_>, owner: Owner, id: StreamId, settings: &Settings) {
    let tracer = quic.tracer();
    if tracer.is_on() {
        tracer.event(&Event::Http3Settings {
            owner,
            max_field_section_size: settings.max_field_section_size,
            max_table_capacity: settings.qpack_max_table_capacity,
            blocked_streams: settings.qpack_blocked_streams,
            extended_connect: settings.enable_connect_protocol,
            datagram: settings.h3_datagram,
        });
        frame(quic, owner, id, Http3Frame::Settings);
    }
}

/// The three digits of a status.
fn digits(status: u16) -> [u8; 3] {
    // One decimal digit.
    let digit = |number: u16| b'0' + (number % 10) as u8;
    [digit(status / 100), digit(status / 10), digit(status)]
}
