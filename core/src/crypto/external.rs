//! Cryptography from outside: AEAD with header protection, key exchange, signature verification.
//!
//! Invariant: a provider is asked when a key is made, never per packet. Where it gives nothing, the built-in algorithm
//! serves; both give the same bytes on the wire.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

#[cfg(feature = "alloc")]
use rand_core::CryptoRng;
use rustls_pki_types::SignatureVerificationAlgorithm;

#[cfg(feature = "alloc")]
use super::aead::{NONCE_LENGTH, OpenError, TAG_LENGTH};
#[cfg(feature = "alloc")]
use super::header_protection::SAMPLE_LENGTH;
#[cfg(feature = "alloc")]
use super::key_exchange::{Group, SHARED_SECRET_LENGTH_MAX};
#[cfg(feature = "alloc")]
use super::suite::Suite;

/// An AEAD key as a [`Provider`] gives it.
#[cfg(feature = "alloc")]
pub type BoxedPacketKey = Box<dyn ExternalPacketKey>;

/// A header protection key as a [`Provider`] gives it.
#[cfg(feature = "alloc")]
pub type BoxedHeaderKey = Box<dyn ExternalHeaderKey>;

/// A private key as a [`Provider`] gives it.
#[cfg(feature = "alloc")]
pub type BoxedKeyExchange = Box<dyn ExternalKeyExchange>;

/// A library that replaces built-in algorithms.
///
/// Without the feature `alloc` it can supply signature algorithms only, since keys come as boxes.
pub trait Provider: Send + Sync {
    /// An AEAD key; `key` has the suite's key length.
    #[cfg(feature = "alloc")]
    fn packet_key(&self, suite: Suite, key: &[u8]) -> Option<BoxedPacketKey> {
        let _ = (suite, key);
        None
    }

    /// A header protection key; `key` has the suite's key length.
    #[cfg(feature = "alloc")]
    fn header_key(&self, suite: Suite, key: &[u8]) -> Option<BoxedHeaderKey> {
        let _ = (suite, key);
        None
    }

    /// A new private key of `group`. One that does not take its randomness from `random` cannot be repeated in a test.
    #[cfg(feature = "alloc")]
    fn key_exchange(&self, group: Group, random: &mut dyn CryptoRng) -> Option<BoxedKeyExchange> {
        let _ = (group, random);
        None
    }

    /// The algorithms that certificates and the server's handshake signature are checked with, all of them.
    fn signature_algorithms(
        &self,
    ) -> Option<&'static [&'static dyn SignatureVerificationAlgorithm]> {
        None
    }
}

/// An AEAD with its key.
#[cfg(feature = "alloc")]
pub trait ExternalPacketKey: Send + Sync {
    /// Encrypts `payload` in place and returns the tag; `None` if that is impossible, the packet then goes unsent.
    fn seal(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        header: &[u8],
        payload: &mut [u8],
    ) -> Option<[u8; TAG_LENGTH]>;

    /// Checks and decrypts `payload`, ciphertext with the tag in its last 16 bytes, in place.
    fn open(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        header: &[u8],
        payload: &mut [u8],
    ) -> Result<(), OpenError>;
}

/// A header protection cipher with its key.
#[cfg(feature = "alloc")]
pub trait ExternalHeaderKey: Send + Sync {
    /// The mask of a sample. Every sample has one.
    fn mask(&self, sample: &[u8; SAMPLE_LENGTH]) -> [u8; 5];
}

/// A private key, used for one agreement.
#[cfg(feature = "alloc")]
pub trait ExternalKeyExchange: Send + Sync {
    /// Fills `out`, which has the length of the group's public keys, with the public key: 32 bytes for X25519, an
    /// uncompressed point for P-256.
    fn public(&self, out: &mut [u8]);

    /// Fills `out` with the secret shared with the owner of the public key `peer`, which has the right length; `None`
    /// if it is no valid one.
    fn agree(self: Box<Self>, peer: &[u8], out: &mut [u8; SHARED_SECRET_LENGTH_MAX]) -> Option<()>;
}
