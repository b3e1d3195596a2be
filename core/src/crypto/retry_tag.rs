//! The integrity tag of Retry packets (RFC 9001 §5.8).
//!
//! ```text
//! pseudo-packet = u8 length | original destination connection ID | Retry packet without its tag
//! ```
//!
//! Invariant: the key is public, so the tag proves only that its sender saw the client's first packet, nothing else.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, KeyInit};

use super::aead::{NONCE_LENGTH, TAG_LENGTH};
use super::hash::is_equal;
use crate::codec::{Full, Writer};

/// The key of version 1.
const KEY_V1: [u8; 16] = [
    0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e,
];

/// The nonce of version 1.
const NONCE_V1: [u8; NONCE_LENGTH] = [
    0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb,
];

/// The longest pseudo-packet, built on the stack because the AEAD wants its associated data in one piece: more than a
/// datagram of Ethernet can bring.
const PSEUDO_PACKET_LENGTH_MAX: usize = 1_500;

/// The tag of a Retry packet. `None` for one that is longer than any network delivers: it is to be discarded.
///
/// `original_cid` is the Destination Connection ID of the Initial packet that the Retry answers.
//= rfc9001#5.8
pub fn retry_tag(original_cid: &[u8], retry_without_tag: &[u8]) -> Option<[u8; TAG_LENGTH]> {
    let mut buffer = [0; PSEUDO_PACKET_LENGTH_MAX];
    let mut writer = Writer::new(&mut buffer);
    pseudo_packet(&mut writer, original_cid, retry_without_tag).ok()?;
    Aes128Gcm::new((&KEY_V1).into())
        .encrypt_inout_detached((&NONCE_V1).into(), writer.written(), (&mut [][..]).into())
        .ok()
        .map(Into::into)
}

/// Whether `retry`, a whole packet, ends with the tag that belongs to it.
pub fn is_retry_genuine(original_cid: &[u8], retry: &[u8]) -> bool {
    let middle = retry.len().checked_sub(TAG_LENGTH);
    middle
        .and_then(|middle| retry.split_at_checked(middle))
        .and_then(|(packet, tag)| Some(is_equal(&retry_tag(original_cid, packet)?, tag)))
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

    #[test]
    fn covers_connection_id_and_packet() {
        let tag = retry_tag(b"original", b"packet");
        assert!(tag.is_some());
        assert_ne!(tag, retry_tag(b"originaL", b"packet"));
        assert_ne!(tag, retry_tag(b"original", b"packeT"));
        assert_ne!(tag, retry_tag(b"origina", b"lpacket"));
    }

    #[test]
    fn a_packet_longer_than_the_bound_has_no_tag() {
        let fitting = PSEUDO_PACKET_LENGTH_MAX - 1 - 8;
        assert!(retry_tag(&[1; 8], &std::vec![0; fitting]).is_some());
        assert!(retry_tag(&[1; 8], &std::vec![0; fitting + 1]).is_none());
        assert!(!is_retry_genuine(
            &[1; 8],
            &std::vec![0; fitting + 1 + TAG_LENGTH]
        ));
    }

    #[test]
    fn what_is_shorter_than_a_tag_is_not_genuine() {
        for length in 0..TAG_LENGTH {
            assert!(!is_retry_genuine(&[1; 8], &[0; TAG_LENGTH][..length]));
        }
    }
}
