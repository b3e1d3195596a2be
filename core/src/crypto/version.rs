//! In what the cryptography of QUIC's versions differs: salts, labels, Retry's key (RFC 9001 §5, RFC 9369 §3.3).
//!
//! Invariant: all of it is public; it only keeps apart what belongs to different versions.

use super::aead::NONCE_LENGTH;
use crate::wire::packet::Version;

/// What keys are derived under, without the prefix `tls13 `.
#[derive(Clone, Copy)]
pub(super) struct Labels {
    pub key: &'static [u8],
    pub iv: &'static [u8],
    pub header: &'static [u8],
    pub update: &'static [u8],
}

/// One version's constants.
struct Constants {
    initial_salt: [u8; 20],
    labels: Labels,
    retry_key: [u8; 16],
    retry_nonce: [u8; NONCE_LENGTH],
}

//= rfc9001#5.1
//= rfc9001#5.2
//= rfc9001#5.8
static V1: Constants = Constants {
    initial_salt: [
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c,
        0xad, 0xcc, 0xbb, 0x7f, 0x0a,
    ],
    labels: Labels {
        key: b"quic key",
        iv: b"quic iv",
        header: b"quic hp",
        update: b"quic ku",
    },
    retry_key: [
        0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8,
        0x4e,
    ],
    retry_nonce: [
        0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb,
    ],
};

//= rfc9369#3.3.1
//= rfc9369#3.3.2
//= rfc9369#3.3.3
#[cfg(feature = "v2")]
static V2: Constants = Constants {
    initial_salt: [
        0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d,
        0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
    ],
    labels: Labels {
        key: b"quicv2 key",
        iv: b"quicv2 iv",
        header: b"quicv2 hp",
        update: b"quicv2 ku",
    },
    retry_key: [
        0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c, 0xcc,
        0x92,
    ],
    retry_nonce: [
        0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a,
    ],
};

impl Version {
    /// The salt of Initial keys.
    pub(super) fn initial_salt(self) -> [u8; 20] {
        self.constants().initial_salt
    }

    /// What keys are derived under.
    pub(super) fn labels(self) -> Labels {
        self.constants().labels
    }

    /// Key and nonce of a Retry packet's tag.
    pub(super) fn retry_key(self) -> ([u8; 16], [u8; NONCE_LENGTH]) {
        let constants = self.constants();
        (constants.retry_key, constants.retry_nonce)
    }

    fn constants(self) -> &'static Constants {
        #[cfg(feature = "v2")]
        if self == Self::V2 {
            return &V2;
        }
        &V1
    }
}
