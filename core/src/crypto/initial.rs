//! The keys of Initial packets, which anyone can derive who saw the client's first packet (RFC 9001 §5.2).
//!
//! Invariant: they authenticate nobody; they only make sure that the peer follows this version of QUIC.

use super::hash::Hash;
use super::hkdf::{Secret, extract};
use super::packet_key::{DirectionKeys, Keys};
use super::suite::Suite;
use crate::wire::Side;

/// The salt of version 1.
const SALT_V1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];

/// The Initial keys of the endpoint `side`.
///
/// `destination_cid` is that of the first Initial packet the client sent, or of the first one after a Retry.
//= rfc9001#5.2
pub fn keys(destination_cid: &[u8], side: Side) -> Keys {
    let initial = extract(Hash::Sha256, &SALT_V1, destination_cid);
    let direction = |sender| {
        DirectionKeys::from_secret(Suite::Aes128GcmSha256, &secret(&initial, sender), None)
    };
    Keys {
        local: direction(side),
        remote: direction(side.peer()),
    }
}

fn secret(initial: &Secret, sender: Side) -> Secret {
    let label: &[u8] = match sender {
        Side::Client => b"client in",
        Side::Server => b"server in",
    };
    initial.derive(Hash::Sha256, label, &[])
}
