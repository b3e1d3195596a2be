//! qlog's words for numbers of the wire.
//!
//! Invariant: what has no word is "unknown", and its number is written beside it.

use quicpro_core::wire::packet::{Kind, Space};
use serde_json::{Map, Value};

use super::text;

/// A JSON object that is being put together.
pub(super) type Object = Map<String, Value>;

pub(super) const fn packet_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Initial => "initial",
        Kind::ZeroRtt => "0RTT",
        Kind::Handshake => "handshake",
        Kind::Retry => "retry",
        Kind::VersionNegotiation => "version_negotiation",
        Kind::Short => "1RTT",
    }
}

pub(super) const fn space(space: Space) -> &'static str {
    match space {
        Space::Initial => "initial",
        Space::Handshake => "handshake",
        Space::Application => "application_data",
    }
}

/// The two keys of a level, the client's and the server's.
pub(super) const fn keys(space: Space) -> [&'static str; 2] {
    match space {
        Space::Initial => ["client_initial_secret", "server_initial_secret"],
        Space::Handshake => ["client_handshake_secret", "server_handshake_secret"],
        Space::Application => ["client_1rtt_secret", "server_1rtt_secret"],
    }
}

/// The transport's error codes from 0 on (RFC 9000 §20.1).
const TRANSPORT: [&str; 17] = [
    "no_error",
    "internal_error",
    "connection_refused",
    "flow_control_error",
    "stream_limit_error",
    "stream_state_error",
    "final_size_error",
    "frame_encoding_error",
    "transport_parameter_error",
    "connection_id_limit_error",
    "protocol_violation",
    "invalid_token",
    "application_error",
    "crypto_buffer_exceeded",
    "key_update_error",
    "aead_limit_reached",
    "no_viable_path",
];

/// HTTP/3's error codes from 0x100 on (RFC 9114 §8.1), as far as qlog has words for them.
const HTTP3: [Option<&str>; 17] = [
    Some("http_no_error"),
    Some("http_general_protocol_error"),
    Some("http_internal_error"),
    Some("http_stream_creation_error"),
    Some("http_closed_critical_stream"),
    Some("http_frame_unexpected"),
    Some("http_frame_error"),
    Some("http_excessive_load"),
    Some("http_id_error"),
    Some("http_settings_error"),
    Some("http_missing_settings"),
    Some("http_request_rejected"),
    Some("http_request_cancelled"),
    Some("http_request_incomplete"),
    None,
    Some("http_connect_error"),
    Some("http_version_fallback"),
];

/// Writes the transport's error `code` under `key`.
pub(super) fn transport_error(object: &mut Object, key: &str, code: u64) {
    if let 0x100..=0x1ff = code {
        object.insert(key.into(), format!("crypto_error_{code:#05x}").into());
        return;
    }
    let name = usize::try_from(code).ok().and_then(|at| TRANSPORT.get(at));
    put(object, key, name.copied(), code);
}

/// Writes the application's error `code` under `key`.
pub(super) fn application_error(object: &mut Object, key: &str, code: u64) {
    let at = code
        .checked_sub(0x100)
        .and_then(|at| usize::try_from(at).ok());
    let name = at.and_then(|at| HTTP3.get(at)).copied().flatten();
    put(object, key, name, code);
}

fn put(object: &mut Object, key: &str, name: Option<&str>, code: u64) {
    object.insert(key.into(), name.unwrap_or("unknown").into());
    if name.is_none() {
        object.insert("error_code".into(), code.into());
    }
}

/// Writes a reason phrase, if there is one.
pub(super) fn reason(object: &mut Object, reason: &[u8]) {
    if reason.is_empty() {
        return;
    }
    let shown = text::text(reason, text::SHORT_MAX)
        .unwrap_or_else(|| String::from_utf8_lossy(cut(reason)).into_owned().into());
    object.insert("reason".into(), shown);
}

fn cut(bytes: &[u8]) -> &[u8] {
    bytes.get(..text::SHORT_MAX).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn codes_have_words_or_numbers() {
        let of = |write: fn(&mut Object, &str, u64), code| {
            let mut object = Object::new();
            write(&mut object, "error", code);
            Value::Object(object)
        };
        assert_eq!(of(transport_error, 0), json!({"error": "no_error"}));
        assert_eq!(
            of(transport_error, 0x10),
            json!({"error": "no_viable_path"})
        );
        let alert = json!({"error": "crypto_error_0x12a"});
        assert_eq!(of(transport_error, 0x12a), alert);
        let unknown = json!({"error": "unknown", "error_code": 0x11});
        assert_eq!(of(transport_error, 0x11), unknown);
        assert_eq!(
            of(application_error, 0x100),
            json!({"error": "http_no_error"})
        );
        let message_error = json!({"error": "unknown", "error_code": 0x10e});
        assert_eq!(of(application_error, 0x10e), message_error);
        let largest = json!({"error": "unknown", "error_code": u64::MAX});
        assert_eq!(of(application_error, u64::MAX), largest);
    }
}
