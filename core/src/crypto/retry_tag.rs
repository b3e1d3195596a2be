//! The integrity tag of Retry packets (RFC 9001 §5.8).
//!
//! ```text
//! pseudo-packet = u8 length | original destination connection ID | Retry packet without its tag
//! ```
//!
//! Invariant: the key is public, so the tag proves only that its sender saw the client's first packet, nothing else.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, KeyInit};

use super::aead::TAG_LENGTH;
use super::hash::is_equal;
use crate::codec::{Full, Writer};
use crate::wire::packet::Version;

/// The longest pseudo-packet, built on the stack because the AEAD wants its associated data in one piece: more than a
/// datagram of Ethernet can bring.
const PSEUDO_PACKET_LENGTH_MAX: usize = 1_500;

/// The tag of a Retry packet. `None` for one that is longer than any network delivers: it is to be discarded.
///
/// `original_cid` is the Destination Connection ID of the Initial packet that the Retry answers.
//= rfc9001#5.8
pub fn retry_tag(
    version: Version,
    original_cid: &[u8],
    retry_without_tag: &[u8],
) -> Option<[u8; TAG_LENGTH]> {
    let mut buffer = [0; PSEUDO_PACKET_LENGTH_MAX];
    let mut writer = Writer::new(&mut buffer);
    pseudo_packet(&mut writer, original_cid, retry_without_tag).ok()?;
    let (key, nonce) = version.retry_key();
    Aes128Gcm::new((&key).into())
        .encrypt_inout_detached((&nonce).into(), writer.written(), (&mut [][..]).into())
        .ok()
        .map(Into::into)
}

/// Whether `retry`, a whole packet, ends with the tag that belongs to it.
pub fn is_retry_genuine(version: Version, original_cid: &[u8], retry: &[u8]) -> bool {
    let middle = retry.len().checked_sub(TAG_LENGTH);
    middle
        .and_then(|middle| retry.split_at_checked(middle))
        .and_then(|(packet, tag)| Some(is_equal(&retry_tag(version, original_cid, packet)?, tag)))
        .unwrap_or(false)
}

fn pseudo_packet(
    writer: &mut Writer<'_>,
    original_cid: &[u8],
    retry_without_tag: &[u8],
) -> Result<(), Full> {
    writer.vector_u8(|writer| writer.bytes(original_cid))?;
    writer.bytes(retry_without_tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: Version = Version::V1;

    #[test]
    fn covers_connection_id_and_packet() {
        let tag = retry_tag(V1, b"original", b"packet");
        assert!(tag.is_some());
        assert_ne!(tag, retry_tag(V1, b"originaL", b"packet"));
        assert_ne!(tag, retry_tag(V1, b"original", b"packeT"));
        assert_ne!(tag, retry_tag(V1, b"origina", b"lpacket"));
    }

    #[test]
    fn a_packet_longer_than_the_bound_has_no_tag() {
        let fitting = PSEUDO_PACKET_LENGTH_MAX - 1 - 8;
        assert!(retry_tag(V1, &[1; 8], &std::vec![0; fitting]).is_some());
        assert!(retry_tag(V1, &[1; 8], &std::vec![0; fitting + 1]).is_none());
        assert!(!is_retry_genuine(
            V1,
            &[1; 8],
            &std::vec![0; fitting + 1 + TAG_LENGTH]
        ));
    }

    #[test]
    fn what_is_shorter_than_a_tag_is_not_genuine() {
        for length in 0..TAG_LENGTH {
            assert!(!is_retry_genuine(V1, &[1; 8], &[0; TAG_LENGTH][..length]));
        }
    }
}
