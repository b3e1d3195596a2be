//! Properties that hold for any bytes, by name: each is the body of a property test here and of a fuzz target.
//!
//! Invariant: a property is a function of its bytes alone; a failure is a panic, and the bytes are its reproduction.

pub use crate::http3::properties::{control, field_rules, response};
pub use crate::mem::properties::{presence, range_set, receive_buffers, send_buffer};
pub use crate::qpack::properties::{field_section, huffman_code, instructions};
pub use crate::tls::properties::{certificates, handshake, messages};
pub use crate::wire::properties::{ack, codec, frames, packets, transport_parameters};

/// A property of some bytes.
pub type Property = fn(&[u8]);

/// All of them, by the names of their seeds.
pub const ALL: &[(&str, Property)] = &[
    ("ack", ack),
    ("certificates", certificates),
    ("codec", codec),
    ("control", control),
    ("field_rules", field_rules),
    ("field_section", field_section),
    ("frames", frames),
    ("handshake", handshake),
    ("huffman_code", huffman_code),
    ("instructions", instructions),
    ("messages", messages),
    ("packets", packets),
    ("presence", presence),
    ("range_set", range_set),
    ("receive_buffers", receive_buffers),
    ("response", response),
    ("send_buffer", send_buffer),
    ("transport_parameters", transport_parameters),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// Bytes as parsers like them: small numbers are types and lengths.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![2 => 0_u8..8, 1 => 0_u8..64, 1 => any::<u8>()];
        proptest::collection::vec(byte, 0..300)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn hold_for_any_bytes(bytes in bytes()) {
            for (_, property) in ALL {
                property(&bytes);
            }
        }
    }
}
