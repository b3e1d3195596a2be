//! The public key in a certificate, for those who know the server by it (RFC 5280 §4.1, RFC 7469 §2.4).
//!
//! ```text
//! Certificate { { version [0], serial, algorithm, issuer, validity, subject, SubjectPublicKeyInfo, … }, …, … }
//! ```
//!
//! Nothing else in the certificate means anything here: it is a case for the key, which is trusted as it is.
//!
//! Invariant: a key that was read stands where X.509 version 3 has it, and all of it is what a pin covers.

use der::asn1::{AnyRef, BitStringRef};
use der::{Reader, SliceReader, Tag, TagNumber, Tagged};
#[cfg(any(test, not(feature = "webpki")))]
use rustls_pki_types::SignatureVerificationAlgorithm;

use crate::crypto::Hash;
#[cfg(any(test, not(feature = "webpki")))]
use crate::tls::error::{CertificateError, Error, PeerMisbehaved};

/// A server's public key, known beforehand: the SHA-256 digest of its SubjectPublicKeyInfo in DER.
///
/// `openssl x509 -in server.pem -noout -pubkey | openssl pkey -pubin -outform der | sha256sum` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin(pub [u8; 32]);

impl Pin {
    /// The pin of a SubjectPublicKeyInfo.
    pub fn of(subject_public_key_info: &[u8]) -> Self {
        let digest = Hash::Sha256.digest(subject_public_key_info);
        Self(digest.as_slice().try_into().unwrap_or_default())
    }
}

/// A SubjectPublicKeyInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey<'a> {
    /// All of it.
    pub info: &'a [u8],
    /// What stands in its AlgorithmIdentifier.
    algorithm: &'a [u8],
    /// The key itself.
    bits: &'a [u8],
}

/// Where the version stands.
const VERSION: Tag = Tag::ContextSpecific {
    constructed: true,
    number: TagNumber(0),
};
/// A certificate of version 3 says so with this.
const VERSION_3: &[u8] = &[2, 1, 2];

impl<'a> PublicKey<'a> {
    /// The key of a certificate.
    pub fn of(certificate: &'a [u8]) -> Option<Self> {
        let mut outer = SliceReader::new(certificate).ok()?;
        let mut parts = SliceReader::new(value(&mut outer, Tag::Sequence)?).ok()?;
        let mut fields = SliceReader::new(value(&mut parts, Tag::Sequence)?).ok()?;
        if !outer.is_finished() || value(&mut fields, VERSION)? != VERSION_3 {
            return None;
        }
        // Serial number, algorithm, issuer, validity, subject.
        value(&mut fields, Tag::Integer)?;
        for _ in 0..4 {
            value(&mut fields, Tag::Sequence)?;
        }
        let info = fields.tlv_bytes().ok()?;
        let mut whole = SliceReader::new(info).ok()?;
        let mut key = SliceReader::new(value(&mut whole, Tag::Sequence)?).ok()?;
        let algorithm = value(&mut key, Tag::Sequence)?;
        let bits: BitStringRef<'a> = key.decode().ok()?;
        key.is_finished().then_some(Self {
            info,
            algorithm,
            bits: bits.as_bytes()?,
        })
    }
}

/// What is in the next element, which has this tag.
fn value<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Option<&'a [u8]> {
    let element: AnyRef<'a> = reader.decode().ok()?;
    (element.tag() == tag).then_some(element.value())
}

/// Whether it can be read.
#[cfg(not(feature = "webpki"))]
pub fn is_certificate(candidate: &[u8]) -> bool {
    PublicKey::of(candidate).is_some()
}

/// Verifies a signature by the key of `certificate`.
#[cfg(any(test, not(feature = "webpki")))]
pub fn verify_signature(
    certificate: &[u8],
    algorithm: &dyn SignatureVerificationAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    let key = PublicKey::of(certificate).ok_or(CertificateError::Malformed)?;
    if algorithm.public_key_alg_id().as_ref() != key.algorithm {
        return Err(PeerMisbehaved::UnofferedSignatureScheme.into());
    }
    algorithm
        .verify_signature(key.bits, message, signature)
        .map_err(|_| PeerMisbehaved::BadSignature.into())
}

#[cfg(all(test, feature = "x25519", feature = "p256"))]
mod tests {
    use super::*;
    use crate::crypto::signature;
    use crate::crypto::vectors::hex;
    use crate::tls::test::certificates::{
        ALGORITHM, EXTENSIONS, ISSUER, LEAF, LEAF_PIN, MIDDLE, MIDDLE_PIN, SERIAL_NUMBER, SUBJECT,
        element, leaf_with, name, quoted_key,
    };

    #[test]
    fn a_pin_is_the_digest_that_openssl_gives() {
        for (certificate, pin) in [(LEAF, LEAF_PIN), (MIDDLE, MIDDLE_PIN)] {
            let certificate = hex(certificate);
            let key = PublicKey::of(&certificate).unwrap();
            assert_eq!(Pin::of(key.info).0[..], hex(pin));
            assert_eq!(key.bits.len(), 65);
        }
    }

    /// A search for what looks like a key would find another's, which anybody may quote.
    #[test]
    fn a_key_is_found_by_its_place_whatever_looks_like_one_elsewhere() {
        let (leaf, quoted) = (hex(LEAF), quoted_key());
        let key = PublicKey::of(&leaf).unwrap();
        let (bytes, text) = (element(0x04, &[&quoted]), element(0x0c, &[&quoted]));
        let ecdsa_with_sha256 = hex("06082a8648ce3d040302");
        let cases = [
            (SERIAL_NUMBER, element(0x02, &[&quoted])),
            (ALGORITHM, element(0x30, &[&ecdsa_with_sha256, &quoted])),
            (ALGORITHM, quoted.clone()),
            (ISSUER, name(&bytes)),
            (ISSUER, name(&quoted)),
            (ISSUER, quoted.clone()),
            (SUBJECT, name(&text)),
            (SUBJECT, name(&quoted)),
            (SUBJECT, quoted.clone()),
            (EXTENSIONS, element(0xa3, &[&quoted])),
        ];
        for (place, field) in cases {
            let certificate = leaf_with(place, &field);
            let find = |bytes: &[u8]| {
                let mut windows = certificate.windows(bytes.len());
                windows.position(|window| window == bytes).unwrap()
            };
            let is_first = place < EXTENSIONS;
            assert_eq!(find(&quoted) < find(key.info), is_first, "{place}");
            let found = PublicKey::of(&certificate).unwrap();
            assert_eq!(found, key, "{place}");
            assert_eq!(Pin::of(found.info).0[..], hex(LEAF_PIN));
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_key() {
        let certificate = hex(LEAF);
        for length in 0..certificate.len() {
            assert_eq!(PublicKey::of(&certificate[..length]), None, "{length}");
        }
        assert_eq!(PublicKey::of(&[&certificate[..], &[0]].concat()), None);
        let version = certificate
            .windows(5)
            .position(|bytes| bytes == [0xa0, 3, 2, 1, 2])
            .unwrap();
        let mut older = certificate.clone();
        older[version + 4] = 1;
        assert_eq!(PublicKey::of(&older), None);
        // Whatever is changed: a key that is read is a part of what was given, and nothing panics.
        for at in 0..certificate.len() {
            for change in [1, 0x20, 0x80, 0xff] {
                let mut changed = certificate.clone();
                changed[at] ^= change;
                if let Some(key) = PublicKey::of(&changed) {
                    let range = changed.as_ptr_range();
                    assert!(range.contains(&key.info.as_ptr()));
                }
            }
        }
    }

    /// The middle signed the leaf: what it signed stands behind the first header, the signature at the end.
    #[test]
    fn a_signature_is_verified_with_the_key() {
        let (issuer, leaf) = (hex(MIDDLE), hex(LEAF));
        let (signed, signature) = (&leaf[4..4 + 4 + 0x129], &leaf[leaf.len() - 70..]);
        let algorithm = signature::SUPPORTED[0];
        let verify =
            |certificate: &[u8]| verify_signature(certificate, algorithm, signed, signature);
        assert_eq!(verify(&issuer), Ok(()));
        assert_eq!(verify(&leaf), Err(PeerMisbehaved::BadSignature.into()));
    }

    #[test]
    fn an_algorithm_for_other_keys_does_not_serve() {
        let certificate = hex(LEAF);
        for algorithm in signature::SUPPORTED {
            let is_p256 = algorithm.public_key_alg_id() == rustls_pki_types::alg_id::ECDSA_P256;
            let expected = if is_p256 {
                PeerMisbehaved::BadSignature
            } else {
                PeerMisbehaved::UnofferedSignatureScheme
            };
            assert_eq!(
                verify_signature(&certificate, *algorithm, b"message", b"signature"),
                Err(expected.into())
            );
        }
        assert_eq!(
            verify_signature(b"no certificate", signature::SUPPORTED[0], b"", b""),
            Err(CertificateError::Malformed.into())
        );
    }
}
