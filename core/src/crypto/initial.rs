//! The keys of Initial packets, which anyone can derive who saw the client's first packet (RFC 9001 §5.2).
//!
//! Invariant: they authenticate nobody; they only make sure that the peer follows this version of QUIC.

use super::hash::Hash;
use super::hkdf::{Secret, extract};
use super::packet_key::{DirectionKeys, Keys};
use super::suite::Suite;
use crate::wire::Side;
use crate::wire::packet::Version;

/// The Initial keys of the endpoint `side`.
///
/// `destination_cid` is that of the first Initial packet the client sent, or of the first one after a Retry.
//= rfc9001#5.2
pub fn keys(version: Version, destination_cid: &[u8], side: Side) -> Keys {
    let initial = extract(Hash::Sha256, &version.initial_salt(), destination_cid);
    let direction = |sender| {
        let secret = secret(&initial, sender);
        DirectionKeys::from_secret(version, Suite::Aes128GcmSha256, &secret, None)
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
