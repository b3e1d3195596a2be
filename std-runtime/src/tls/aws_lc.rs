//! The default cryptography: aws-lc through the engine's seam (RFC 9001 §5, RFC 8446 §4.2.8).
//!
//! Invariant: every key it makes gives the same bytes as the engine's own; private keys come from the randomness the
//! engine hands over, so that a seeded connection can be repeated.

use aws_lc_rs::aead::quic::HeaderProtectionKey;
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use quicpro_core::crypto::aead::{NONCE_LENGTH, OpenError, TAG_LENGTH};
use quicpro_core::crypto::external::{
    BoxedHeaderKey, BoxedKeyExchange, BoxedPacketKey, ExternalHeaderKey, ExternalKeyExchange,
    ExternalPacketKey,
};
use quicpro_core::crypto::header_protection::SAMPLE_LENGTH;
use quicpro_core::crypto::key_exchange::SHARED_SECRET_LENGTH_MAX;
use quicpro_core::crypto::{Group, Provider, Suite};
use rand_core::CryptoRng;
use rustls_pki_types::SignatureVerificationAlgorithm;
use webpki::aws_lc_rs as algorithms;

/// aws-lc as the engine's provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AwsLc;

/// What certificates and handshake signatures are checked with.
pub(crate) static SIGNATURES: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ED25519,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
];

/// Draws before a P-256 key is given up: each is out of range once in 2^32.
const DRAWS_MAX: usize = 4;

impl Provider for AwsLc {
    fn packet_key(&self, suite: Suite, key: &[u8]) -> Option<BoxedPacketKey> {
        let algorithm = match suite.code() {
            0x1301 => &aead::AES_128_GCM,
            0x1302 => &aead::AES_256_GCM,
            0x1303 => &aead::CHACHA20_POLY1305,
            _ => return None,
        };
        let key = UnboundKey::new(algorithm, key).ok()?;
        Some(Box::new(PacketKey(LessSafeKey::new(key))))
    }

    fn header_key(&self, suite: Suite, key: &[u8]) -> Option<BoxedHeaderKey> {
        let algorithm = match suite.code() {
            0x1301 => &quic::AES_128,
            0x1302 => &quic::AES_256,
            0x1303 => &quic::CHACHA20,
            _ => return None,
        };
        Some(Box::new(HeaderKey(
            HeaderProtectionKey::new(algorithm, key).ok()?,
        )))
    }

    fn key_exchange(&self, group: Group, random: &mut dyn CryptoRng) -> Option<BoxedKeyExchange> {
        let algorithm = match group {
            Group::X25519 => &agreement::X25519,
            Group::P256 => &agreement::ECDH_P256,
        };
        let key = (0..DRAWS_MAX).find_map(|_| {
            let mut private = [0; 32];
            random.fill_bytes(&mut private);
            PrivateKey::from_private_key(algorithm, &private).ok()
        })?;
        Some(Box::new(KeyExchange { algorithm, key }))
    }

    fn signature_algorithms(
        &self,
    ) -> Option<&'static [&'static dyn SignatureVerificationAlgorithm]> {
        Some(SIGNATURES)
    }
}

struct PacketKey(LessSafeKey);

impl ExternalPacketKey for PacketKey {
    fn seal(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        header: &[u8],
        payload: &mut [u8],
    ) -> Option<[u8; TAG_LENGTH]> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(header), payload)
            .ok()?;
        tag.as_ref().try_into().ok()
    }

    fn open(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        header: &[u8],
        payload: &mut [u8],
    ) -> Result<(), OpenError> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(header), payload);
        opened.map(|_| ()).map_err(|_| OpenError)
    }
}

struct HeaderKey(HeaderProtectionKey);

impl ExternalHeaderKey for HeaderKey {
    fn mask(&self, sample: &[u8; SAMPLE_LENGTH]) -> [u8; 5] {
        // A sample of the right length always has a mask; a wrong one would only spoil this packet.
        self.0.new_mask(sample).unwrap_or_default()
    }
}

struct KeyExchange {
    algorithm: &'static agreement::Algorithm,
    key: PrivateKey,
}

impl ExternalKeyExchange for KeyExchange {
    fn public(&self, out: &mut [u8]) {
        if let Ok(public) = self.key.compute_public_key()
            && public.as_ref().len() == out.len()
        {
            out.copy_from_slice(public.as_ref());
        }
    }

    fn agree(self: Box<Self>, peer: &[u8], out: &mut [u8; SHARED_SECRET_LENGTH_MAX]) -> Option<()> {
        let peer = UnparsedPublicKey::new(self.algorithm, peer);
        agreement::agree(&self.key, peer, (), |secret| {
            out.get_mut(..secret.len())
                .ok_or(())?
                .copy_from_slice(secret);
            Ok(())
        })
        .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quicpro_core::crypto::key_exchange::PUBLIC_KEY_LENGTH_MAX;
    use quicpro_core::crypto::{DirectionKeys, KeyShare, Random, Secret};
    use quicpro_core::wire::packet::Version;

    #[test]
    fn both_sides_of_the_seam_protect_alike() {
        for &suite in Suite::ALL {
            let secret = Secret::new(&vec![7; suite.hash().length()]).unwrap();
            let ours = DirectionKeys::from_secret(Version::V1, suite, &secret, None);
            let theirs = DirectionKeys::from_secret(Version::V1, suite, &secret, Some(&AwsLc));
            let mut first = [0x41; 80];
            let mut second = first;
            ours.seal(&mut first, 9, 9, 2);
            theirs.seal(&mut second, 9, 9, 2);
            assert_eq!(first, second, "{suite:?}");
            assert_ne!(first, [0x41; 80]);

            let mask = theirs.header.unprotect(&mut second, 9).unwrap();
            assert_eq!(mask.number_length, 2);
            let opened = theirs.packet.open_packet(&mut second, 11, 9).unwrap();
            assert!(second[opened].iter().all(|&byte| byte == 0x41));
        }
    }

    #[test]
    fn key_exchanges_meet_across_the_seam_and_repeat_with_the_seed() {
        for group in [Group::X25519, Group::P256] {
            let share = |seed: u8, provider: Option<&dyn Provider>| {
                KeyShare::generate(group, &mut Random::new([seed; 32]), provider).unwrap()
            };
            let public = |share: &KeyShare| {
                let mut out = [0; PUBLIC_KEY_LENGTH_MAX];
                let length = share.public(&mut out);
                out[..length].to_vec()
            };
            let (ours, theirs) = (share(1, None), share(2, Some(&AwsLc)));
            assert_eq!(public(&theirs), public(&share(2, Some(&AwsLc))));
            assert_eq!(public(&theirs), public(&share(2, None)), "{group:?}");
            let (to_ours, to_theirs) = (public(&theirs), public(&ours));
            let one = ours.agree(&to_ours).unwrap();
            let other = theirs.agree(&to_theirs).unwrap();
            assert_eq!(one.as_slice(), other.as_slice());

            let invalid = vec![0; group.public_key_length()];
            assert!(share(3, Some(&AwsLc)).agree(&invalid).is_err(), "{group:?}");
        }
    }
}
