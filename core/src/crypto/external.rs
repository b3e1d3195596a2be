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

#[cfg(all(test, feature = "alloc", feature = "x25519"))]
mod tests {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::crypto::aead::Aead;
    use crate::crypto::header_protection::HeaderKey;
    use crate::crypto::key_exchange::{KeyExchangeError, KeyShare, PUBLIC_KEY_LENGTH_MAX};
    use crate::crypto::packet_key::DirectionKeys;
    use crate::crypto::random::Random;
    use crate::crypto::{Secret, signature};
    use crate::wire::packet::Version;

    /// The built-in AEAD, seen from outside.
    struct Wrapped(Aead);

    impl ExternalPacketKey for Wrapped {
        fn seal(
            &self,
            nonce: &[u8; NONCE_LENGTH],
            header: &[u8],
            payload: &mut [u8],
        ) -> Option<[u8; TAG_LENGTH]> {
            let mut whole = payload.to_vec();
            whole.extend([0; TAG_LENGTH]);
            self.0.seal(nonce, header, &mut whole);
            let (text, tag) = whole.split_last_chunk()?;
            payload.copy_from_slice(text);
            Some(*tag)
        }

        fn open(
            &self,
            nonce: &[u8; NONCE_LENGTH],
            header: &[u8],
            payload: &mut [u8],
        ) -> Result<(), OpenError> {
            self.0.open(nonce, header, payload).map(|_| ())
        }
    }

    /// A key that decrypts without checking, says so afterwards, and cannot seal.
    struct Broken;

    impl ExternalPacketKey for Broken {
        fn seal(&self, _: &[u8; NONCE_LENGTH], _: &[u8], _: &mut [u8]) -> Option<[u8; TAG_LENGTH]> {
            None
        }

        fn open(
            &self,
            _: &[u8; NONCE_LENGTH],
            _: &[u8],
            payload: &mut [u8],
        ) -> Result<(), OpenError> {
            payload.fill(0x77);
            Err(OpenError)
        }
    }

    struct FixedMask;

    impl ExternalHeaderKey for FixedMask {
        fn mask(&self, _: &[u8; SAMPLE_LENGTH]) -> [u8; 5] {
            [0xff; 5]
        }
    }

    /// An exchange whose secret is whatever byte it holds.
    struct Constant(u8);

    impl ExternalKeyExchange for Constant {
        fn public(&self, out: &mut [u8]) {
            out.fill(self.0);
        }

        fn agree(
            self: Box<Self>,
            peer: &[u8],
            out: &mut [u8; SHARED_SECRET_LENGTH_MAX],
        ) -> Option<()> {
            out.fill(self.0);
            (peer[0] != 9).then_some(())
        }
    }

    #[derive(Default)]
    struct Counting {
        packet_keys: AtomicUsize,
        header_keys: AtomicUsize,
    }

    impl Provider for Counting {
        fn packet_key(&self, suite: Suite, key: &[u8]) -> Option<Box<dyn ExternalPacketKey>> {
            self.packet_keys.fetch_add(1, Ordering::Relaxed);
            Some(Box::new(Wrapped(Aead::new(suite, key, None))))
        }

        fn header_key(&self, _: Suite, _: &[u8]) -> Option<Box<dyn ExternalHeaderKey>> {
            self.header_keys.fetch_add(1, Ordering::Relaxed);
            None
        }
    }

    struct Odd;

    impl Provider for Odd {
        fn packet_key(&self, _: Suite, _: &[u8]) -> Option<Box<dyn ExternalPacketKey>> {
            Some(Box::new(Broken))
        }

        fn header_key(&self, _: Suite, _: &[u8]) -> Option<Box<dyn ExternalHeaderKey>> {
            Some(Box::new(FixedMask))
        }

        fn key_exchange(
            &self,
            group: Group,
            random: &mut dyn CryptoRng,
        ) -> Option<Box<dyn ExternalKeyExchange>> {
            let mut byte = [0];
            random.fill_bytes(&mut byte);
            let byte = if group == Group::P256 { 0 } else { byte[0] | 1 };
            Some(Box::new(Constant(byte)))
        }

        fn signature_algorithms(
            &self,
        ) -> Option<&'static [&'static dyn SignatureVerificationAlgorithm]> {
            Some(&[])
        }
    }

    fn secret(suite: Suite) -> Secret {
        Secret::new(&[0x42; 48][..suite.hash().length()]).unwrap()
    }

    #[test]
    fn inside_and_outside_give_the_same_packets() {
        for &suite in Suite::ALL {
            let counting = Counting::default();
            let inside = DirectionKeys::from_secret(Version::V1, suite, &secret(suite), None);
            let outside =
                DirectionKeys::from_secret(Version::V1, suite, &secret(suite), Some(&counting));
            let mut one = [0x41; 60];
            let mut other = one;
            inside.seal(&mut one, 7, 5, 2);
            outside.seal(&mut other, 7, 5, 2);
            assert_eq!(one, other);
            outside.header.unprotect(&mut one, 5).unwrap();
            let plaintext = outside.packet.open_packet(&mut one, 7, 7).unwrap();
            assert_eq!(one[plaintext], [0x41; 37]);
            // Asked once for each key, not for each packet; what it does not supply is built in.
            assert_eq!(counting.packet_keys.into_inner(), 1);
            assert_eq!(counting.header_keys.into_inner(), 1);
        }
    }

    #[test]
    fn failures_outside_leave_no_payload_behind() {
        let suite = Suite::Aes128GcmSha256;
        let keys = DirectionKeys::from_secret(Version::V1, suite, &secret(suite), Some(&Odd));
        let mut packet = [0x41; 60];
        keys.seal(&mut packet, 7, 5, 2);
        assert!(packet[7..].iter().all(|&byte| byte == 0));
        let mut packet = [0x41; 60];
        assert_eq!(keys.packet.open_packet(&mut packet, 7, 7), Err(OpenError));
        assert!(packet[7..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn the_mask_of_an_external_key_is_applied() {
        let key = HeaderKey::new(Suite::Aes128GcmSha256, &[0; 16], Some(&Odd));
        let mut packet = [0x40; 30];
        let unprotected = key.unprotect(&mut packet, 1).unwrap();
        assert_eq!((unprotected.first, unprotected.number_length), (0x5f, 4));
        assert_eq!(unprotected.truncated, 0xbfbf_bfbf);
    }

    #[test]
    fn external_agreements_are_checked_like_built_in_ones() {
        let new = |group| KeyShare::generate(group, &mut Random::new([1; 32]), Some(&Odd)).unwrap();
        let mut public = [0; PUBLIC_KEY_LENGTH_MAX];
        assert_eq!(new(Group::X25519).public(&mut public), 32);
        let agreed = new(Group::X25519).agree(&[5; 32]).unwrap();
        assert_eq!(agreed.as_slice(), &public[..32]);
        const INVALID: KeyExchangeError = KeyExchangeError::InvalidPublicKey;
        let refused = |group, peer: &[u8]| new(group).agree(peer).unwrap_err() == INVALID;
        assert!(refused(Group::X25519, &[9; 32]), "by the provider");
        assert!(refused(Group::X25519, &[5; 31]), "its length");
        assert!(refused(Group::P256, &[4; 65]), "a secret of zeros");
    }

    #[test]
    fn a_provider_s_signature_algorithms_replace_the_built_in_ones() {
        assert!(signature::algorithms(Some(&Odd)).is_empty());
        let counting = Counting::default();
        let built_in = signature::SUPPORTED.len();
        assert_eq!(signature::algorithms(Some(&counting)).len(), built_in);
        assert_eq!(signature::algorithms(None).len(), built_in);
    }
}
