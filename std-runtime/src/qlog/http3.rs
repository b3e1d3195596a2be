//! HTTP/3's events as qlog has them.
//!
//! Invariant: values that identify or authorise a person are not written; a section's lines are bounded in number and
//! length.

use quicpro_core::trace::{Http3Frame, Owner};
use quicpro_core::wire::StreamId;
use serde_json::{Value, json};

use super::names::Object;
use super::text;

/// Lines of a section that are written.
const LINES_MAX: usize = 256;

/// Fields whose values are for the server alone, or for the client alone.
const SECRET: [&[u8]; 4] = [
    b"authorization",
    b"proxy-authorization",
    b"cookie",
    b"set-cookie",
];

/// The lines of a section whose HEADERS frame has not been reported yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    stream: Option<(Owner, StreamId)>,
    lines: Vec<Value>,
}

impl Lines {
    /// Takes a line of the section on stream `id`.
    pub(super) fn push(&mut self, owner: Owner, id: StreamId, name: &[u8], value: &[u8]) {
        if self.stream.replace((owner, id)) != Some((owner, id)) {
            self.lines.clear();
        }
        if self.lines.len() >= LINES_MAX {
            return;
        }
        let mut line = Object::new();
        match text::text(name, text::SHORT_MAX) {
            Some(text) => line.insert("name".into(), text),
            None => line.insert("name_bytes".into(), text::bytes(name, text::SHORT_MAX)),
        };
        let is_secret = SECRET
            .iter()
            .any(|secret| secret.eq_ignore_ascii_case(name));
        match text::text(value, text::LONG_MAX) {
            _ if is_secret => {
                let told = format!("[{} bytes, not written]", value.len());
                line.insert("value".into(), told.into())
            }
            Some(text) => line.insert("value".into(), text),
            None => line.insert("value_bytes".into(), text::bytes(value, text::LONG_MAX)),
        };
        self.lines.push(Value::Object(line));
    }

    fn take(&mut self, owner: Owner, id: StreamId) -> Vec<Value> {
        let lines = std::mem::take(&mut self.lines);
        if self.stream.take() == Some((owner, id)) {
            lines
        } else {
            Vec::new()
        }
    }
}

/// The data of frame_created and frame_parsed. `settings` are those that the frame's sender was reported to have.
pub(super) fn frame(
    owner: Owner,
    id: StreamId,
    frame: &Http3Frame<'_>,
    lines: &mut Lines,
    settings: &[(&'static str, u64)],
) -> Value {
    let frame = match frame {
        Http3Frame::Data { length } => {
            json!({ "frame_type": "data", "raw": { "payload_length": length } })
        }
        Http3Frame::Headers { length } => json!({
            "frame_type": "headers",
            "headers": lines.take(owner, id),
            "raw": { "payload_length": length },
        }),
        Http3Frame::Settings => {
            let pairs = settings.iter();
            let pairs = pairs.map(|(name, value)| json!({ "name": name, "value": value }));
            json!({ "frame_type": "settings", "settings": pairs.collect::<Vec<_>>() })
        }
        Http3Frame::GoAway { id } => json!({ "frame_type": "goaway", "id": id }),
        Http3Frame::PriorityUpdate { request, value } => json!({
            "frame_type": "priority_update",
            "stream_id": request,
            "priority_field_value": value,
        }),
    };
    json!({ "stream_id": id.get(), "frame": frame })
}

/// The data of stream_type_set.
pub(super) fn stream(owner: Owner, id: StreamId, kind: Option<u64>) -> Value {
    let name = match kind {
        None => "request",
        Some(0) => "control",
        Some(1) => "push",
        Some(2) => "qpack_encode",
        Some(3) => "qpack_decode",
        Some(kind) if kind >= 0x21 && (kind - 0x21).is_multiple_of(0x1f) => "reserved",
        Some(_) => "unknown",
    };
    let mut data = json!({
        "initiator": initiator(owner),
        "stream_id": id.get(),
        "stream_type": name,
    });
    if let ("unknown", Some(kind)) = (name, kind) {
        data["stream_type_bytes"] = kind.into();
    }
    data
}

pub(super) const fn initiator(owner: Owner) -> &'static str {
    match owner {
        Owner::Local => "local",
        Owner::Remote => "remote",
    }
}
