//! Secrets, and HKDF in the form of TLS 1.3 that derives them (RFC 5869, RFC 8446 §7.1).
//!
//! ```text
//! HkdfLabel = u16 output length | u8 length | "tls13 " label | u8 length | context
//! ```
//!
//! Invariant: a secret is as long as the digest of its hash, and is wiped when it is dropped.

use crate::codec::copy;
use core::fmt;

use hkdf::{Hkdf, HkdfExtract};
use sha2::Sha256;
#[cfg(feature = "aes256")]
use sha2::Sha384;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::hash::{DIGEST_LENGTH_MAX, Hash};
use super::suite::Suite;
use crate::wire::packet::Version;

/// A secret of the key schedule: 32 or 48 bytes.
#[derive(Clone)]
pub struct Secret {
    bytes: [u8; DIGEST_LENGTH_MAX],
    length: u8,
}

impl Secret {
    /// A secret of these bytes; `None` unless they are 32 or 48.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        matches!(bytes.len(), 32 | 48).then(|| Self::copied(bytes))
    }

    fn copied(source: &[u8]) -> Self {
        let mut bytes = [0; DIGEST_LENGTH_MAX];
        copy(&mut bytes, source);
        Self {
            bytes,
            // At most DIGEST_LENGTH_MAX, as the callers have it.
            length: source.len() as u8,
        }
    }

    /// The secret's bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }

    /// A secret of the same length that follows from this one.
    pub fn derive(&self, hash: Hash, label: &[u8], context: &[u8]) -> Self {
        let mut derived = Self {
            bytes: [0; DIGEST_LENGTH_MAX],
            // 32 or 48.
            length: hash.length() as u8,
        };
        let out = derived.bytes.get_mut(..hash.length()).unwrap_or_default();
        expand_label(hash, self.as_slice(), label, context, out);
        derived
    }

    /// The secret after the next key update. The header protection key is not derived anew from it.
    //= rfc9001#6.1
    pub fn next(&self, version: Version, suite: Suite) -> Self {
        self.derive(suite.hash(), version.labels().update, &[])
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl ZeroizeOnDrop for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

/// HKDF-Extract. An empty `salt` counts as one of zeros.
pub fn extract(hash: Hash, salt: &[u8], key_material: &[u8]) -> Secret {
    // A macro, since a function generic over both hashes would need bounds longer than its body.
    macro_rules! extract {
        ($hash:ty) => {{
            let mut extract = HkdfExtract::<$hash>::new(Some(salt));
            extract.input_ikm(key_material);
            let (mut output, _) = extract.finalize();
            let secret = Secret::copied(&output);
            output.as_mut_slice().zeroize();
            secret
        }};
    }
    match hash {
        Hash::Sha256 => extract!(Sha256),
        #[cfg(feature = "aes256")]
        Hash::Sha384 => extract!(Sha384),
    }
}

/// HKDF-Expand-Label: fills `out` from `secret`. `label` comes without its prefix `tls13 `.
///
/// `secret` is at least as long as the hash's digest, label and context have at most 249 and 255 bytes and `out` has at
/// most 255 digests: all four are the caller's own. Were they not, `out` would get bytes that nobody else can make.
pub fn expand_label(hash: Hash, secret: &[u8], label: &[u8], context: &[u8], out: &mut [u8]) {
    const PREFIX: &[u8] = b"tls13 ";
    let short = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
    let length = u16::try_from(out.len()).unwrap_or(u16::MAX).to_be_bytes();
    let info: [&[u8]; 6] = [
        &length,
        &[short(PREFIX.len() + label.len())],
        PREFIX,
        label,
        &[short(context.len())],
        context,
    ];
    macro_rules! expand {
        ($hash:ty) => {
            Hkdf::<$hash>::from_prk(secret)
                .is_ok_and(|expand| expand.expand_multi_info(&info, out).is_ok())
        };
    }
    let is_expanded = match hash {
        Hash::Sha256 => expand!(Sha256),
        #[cfg(feature = "aes256")]
        Hash::Sha384 => expand!(Sha384),
    };
    if !is_expanded {
        debug_assert!(
            false,
            "labels, contexts and outputs of the key schedule are short"
        );
        copy(out, hash.hmac(secret, label).as_slice());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::vectors::hex;

    #[test]
    fn early_and_derived_secret_of_rfc_8448_section_3() {
        let early = extract(Hash::Sha256, &[], &[0; 32]);
        assert_eq!(
            early.as_slice(),
            hex("33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a")
        );
        let empty = Hash::Sha256.digest(&[]);
        let derived = early.derive(Hash::Sha256, b"derived", empty.as_slice());
        assert_eq!(
            derived.as_slice(),
            hex("6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba")
        );
        let shared = hex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
        assert_eq!(
            extract(Hash::Sha256, derived.as_slice(), &shared).as_slice(),
            hex("1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac")
        );
    }

    #[cfg(feature = "aes256")]
    #[test]
    fn secrets_of_sha384_have_48_bytes() {
        let early = extract(Hash::Sha384, &[], &[0; 48]);
        assert_eq!(early.as_slice().len(), 48);
        assert_eq!(
            early
                .next(Version::V1, Suite::Aes256GcmSha384)
                .as_slice()
                .len(),
            48
        );
    }

    #[test]
    fn only_a_digest_s_length_makes_a_secret() {
        assert!(Secret::new(&[1; 31]).is_none());
        assert!(Secret::new(&[1; 33]).is_none());
        assert!(Secret::new(&[1; 49]).is_none());
        assert_eq!(Secret::new(&[1; 32]).unwrap().as_slice(), [1; 32]);
        assert_eq!(Secret::new(&[1; 48]).unwrap().as_slice(), [1; 48]);
    }

    #[test]
    fn debug_hides_the_bytes() {
        let secret = Secret::new(&[0xab; 32]).unwrap();
        assert_eq!(std::format!("{secret:?}"), "Secret { .. }");
    }
}
