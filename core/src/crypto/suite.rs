//! The cipher suites of TLS 1.3 that QUIC may use (RFC 8446 appendix B.4, RFC 9001 §5.3, §6.6).
//!
//! Invariant: a suite that was not compiled in has no value, so it can be neither offered nor accepted.

use super::hash::Hash;

/// An AEAD and a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// TLS_AES_128_GCM_SHA256, the one that everybody has.
    Aes128GcmSha256,
    /// TLS_AES_256_GCM_SHA384.
    #[cfg(feature = "aes256")]
    Aes256GcmSha384,
    /// TLS_CHACHA20_POLY1305_SHA256.
    #[cfg(feature = "chacha20")]
    ChaCha20Poly1305Sha256,
}

impl Suite {
    /// Every suite that was compiled in; the fastest with AES instructions first.
    pub const ALL: &'static [Self] = &[
        Self::Aes128GcmSha256,
        #[cfg(feature = "chacha20")]
        Self::ChaCha20Poly1305Sha256,
        #[cfg(feature = "aes256")]
        Self::Aes256GcmSha384,
    ];

    /// The two bytes of the suite in ClientHello and ServerHello.
    pub const fn code(self) -> u16 {
        match self {
            Self::Aes128GcmSha256 => 0x1301,
            #[cfg(feature = "aes256")]
            Self::Aes256GcmSha384 => 0x1302,
            #[cfg(feature = "chacha20")]
            Self::ChaCha20Poly1305Sha256 => 0x1303,
        }
    }

    /// The suite of these two bytes, unless it is unknown or was not compiled in.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|suite| suite.code() == code)
    }

    /// The hash of the transcript and the key schedule.
    pub const fn hash(self) -> Hash {
        match self {
            Self::Aes128GcmSha256 => Hash::Sha256,
            #[cfg(feature = "aes256")]
            Self::Aes256GcmSha384 => Hash::Sha384,
            #[cfg(feature = "chacha20")]
            Self::ChaCha20Poly1305Sha256 => Hash::Sha256,
        }
    }

    /// Bytes of a packet key, and of a header protection key.
    pub const fn key_length(self) -> usize {
        match self {
            Self::Aes128GcmSha256 => 16,
            #[cfg(feature = "aes256")]
            Self::Aes256GcmSha384 => 32,
            #[cfg(feature = "chacha20")]
            Self::ChaCha20Poly1305Sha256 => 32,
        }
    }

    /// Packets that one key may seal before it has to be updated; `None` where packet numbers end first.
    //= rfc9001#6.6
    pub const fn confidentiality_limit(self) -> Option<u64> {
        match self {
            Self::Aes128GcmSha256 => Some(1 << 23),
            #[cfg(feature = "aes256")]
            Self::Aes256GcmSha384 => Some(1 << 23),
            #[cfg(feature = "chacha20")]
            Self::ChaCha20Poly1305Sha256 => None,
        }
    }

    /// Packets of a connection that may fail to open, over all keys, before it has to be closed.
    //= rfc9001#6.6
    pub const fn integrity_limit(self) -> u64 {
        match self {
            Self::Aes128GcmSha256 => 1 << 52,
            #[cfg(feature = "aes256")]
            Self::Aes256GcmSha384 => 1 << 52,
            #[cfg(feature = "chacha20")]
            Self::ChaCha20Poly1305Sha256 => 1 << 36,
        }
    }
}

/// Bytes of the longest key of any suite.
pub const KEY_LENGTH_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back_to_their_suite_and_to_no_other() {
        for &suite in Suite::ALL {
            assert_eq!(Suite::from_code(suite.code()), Some(suite));
            assert!(suite.key_length() <= KEY_LENGTH_MAX);
        }
        // TLS_AES_128_CCM_SHA256, TLS_AES_128_CCM_8_SHA256 and a TLS 1.2 suite.
        for code in [0, 0x1304, 0x1305, 0xc02f] {
            assert_eq!(Suite::from_code(code), None);
        }
    }

    //= rfc9001#6.6 test
    #[test]
    fn limits_are_those_of_the_aead() {
        assert_eq!(
            Suite::Aes128GcmSha256.confidentiality_limit(),
            Some(8_388_608)
        );
        assert_eq!(
            Suite::Aes128GcmSha256.integrity_limit(),
            4_503_599_627_370_496
        );
        #[cfg(feature = "chacha20")]
        assert_eq!(
            Suite::ChaCha20Poly1305Sha256.integrity_limit(),
            68_719_476_736
        );
    }
}
