//! Transport parameters as qlog has them.
//!
//! Invariant: unknown parameters are bounded in number and length; a stateless reset token is not written, because it
//! ends the connection of whoever knows it.

use std::net::SocketAddr;

use quicpro_core::codec::Reader;
use quicpro_core::wire::{Side, TransportParameters};
use serde_json::{Value, json};

use super::names::Object;
use super::text;

/// Unknown parameters that are listed.
const UNKNOWN_MAX: usize = 32;

/// Writes what stands in the TLS extension. What does not decode is left out.
pub(super) fn parameters(encoded: &[u8], from: Side, object: &mut Object) {
    let Ok(said) = TransportParameters::decode(encoded, from) else {
        return;
    };
    let numbers = [
        ("max_idle_timeout", said.max_idle_timeout_ms),
        ("max_udp_payload_size", said.max_udp_payload_size),
        ("ack_delay_exponent", said.ack_delay_exponent),
        ("max_ack_delay", said.max_ack_delay_ms),
        (
            "active_connection_id_limit",
            said.active_connection_id_limit,
        ),
        ("initial_max_data", said.initial_max_data),
        (
            "initial_max_stream_data_bidi_local",
            said.initial_max_stream_data_bidi_local,
        ),
        (
            "initial_max_stream_data_bidi_remote",
            said.initial_max_stream_data_bidi_remote,
        ),
        (
            "initial_max_stream_data_uni",
            said.initial_max_stream_data_uni,
        ),
        ("initial_max_streams_bidi", said.initial_max_streams_bidi),
        ("initial_max_streams_uni", said.initial_max_streams_uni),
        ("max_datagram_frame_size", said.max_datagram_frame_size),
    ];
    for (name, value) in numbers {
        object.insert(name.into(), value.into());
    }
    object.insert(
        "disable_active_migration".into(),
        said.disable_active_migration.into(),
    );
    let ids = [
        (
            "original_destination_connection_id",
            said.original_destination_connection_id,
        ),
        (
            "initial_source_connection_id",
            said.initial_source_connection_id,
        ),
        (
            "retry_source_connection_id",
            said.retry_source_connection_id,
        ),
    ];
    for (name, id) in ids {
        if let Some(id) = id {
            object.insert(name.into(), text::hex(id.as_slice()).into());
        }
    }
    let unknown = unknown(encoded);
    if !unknown.is_empty() {
        object.insert("unknown_parameters".into(), unknown.into());
    }
}

/// Those that [`TransportParameters`] has no field for.
fn unknown(encoded: &[u8]) -> Vec<Value> {
    let mut reader = Reader::new(encoded);
    let mut unknown = Vec::new();
    while let (Ok(id), true) = (reader.varint(), unknown.len() < UNKNOWN_MAX) {
        let Ok(value) = reader.varint().and_then(|length| reader.take_u64(length)) else {
            break;
        };
        // RFC 9000 §18.2 ends at 0x10; 0x20 is max_datagram_frame_size.
        if id > 0x10 && id != 0x20 {
            unknown.push(json!({ "id": id, "value": text::bytes(value, text::SHORT_MAX) }));
        }
    }
    unknown
}

/// An endpoint's address.
pub(super) fn address(address: SocketAddr) -> Object {
    let (ip, port) = match address {
        SocketAddr::V4(_) => ("ip_v4", "port_v4"),
        SocketAddr::V6(_) => ("ip_v6", "port_v6"),
    };
    let mut object = Object::new();
    object.insert(ip.into(), address.ip().to_string().into());
    object.insert(port.into(), address.port().into());
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An integer as RFC 9000 §16 writes it, in eight bytes.
    fn varint(value: u64) -> [u8; 8] {
        (value | 0b11 << 62).to_be_bytes()
    }

    fn parameter(id: u64, value: &[u8]) -> Vec<u8> {
        let length = u64::try_from(value.len()).unwrap();
        [&varint(id)[..], &varint(length), value].concat()
    }

    #[test]
    fn the_largest_parameters_make_a_bounded_line() {
        let largest = (1 << 62) - 1;
        let mut encoded = Vec::new();
        for id in [0x01, 0x04, 0x05, 0x06, 0x07, 0x20] {
            encoded.extend(parameter(id, &varint(largest)));
        }
        encoded.extend(parameter(0x00, &[0xff; 20]));
        encoded.extend(parameter(0x02, &[0xff; 16]));
        for id in 0..1_000 {
            encoded.extend(parameter(largest - id, &[0xff; 300]));
        }
        let mut object = Object::new();
        parameters(&encoded, Side::Server, &mut object);
        assert_eq!(object["initial_max_data"], json!(largest));
        let unknown = object["unknown_parameters"].as_array().unwrap();
        assert_eq!(unknown.len(), UNKNOWN_MAX);
        let line = Value::Object(object).to_string();
        assert!(line.len() < 40_000, "{}", line.len());
        // The reset token has 32 digits, and is no connection ID.
        assert!(!line.contains(&format!("\"{}\"", "ff".repeat(16))));
    }
}
