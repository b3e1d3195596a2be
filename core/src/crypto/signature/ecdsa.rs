//! ECDSA on P-256 and P-384 (RFC 5480, RFC 8446 §4.2.3): each curve with both hashes, since chains mix them.
//!
//! Invariant: only uncompressed points are keys.

use core::fmt;

use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use sha2::Digest;

use crate::crypto::curve_point::{read_point, read_signature};

/// One curve with one hash.
pub(super) struct Ecdsa {
    name: &'static str,
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    verify: Verify,
}

/// Public key, message, signature; `Some` only for a good one.
type Verify = fn(&[u8], &[u8], &[u8]) -> Option<()>;

#[cfg(feature = "p256")]
pub(super) static P256_SHA256: Ecdsa = Ecdsa {
    name: "ECDSA P-256 SHA-256",
    key: alg_id::ECDSA_P256,
    signature: alg_id::ECDSA_SHA256,
    verify: p256::<sha2::Sha256>,
};

#[cfg(all(feature = "p256", feature = "p384"))]
pub(super) static P256_SHA384: Ecdsa = Ecdsa {
    name: "ECDSA P-256 SHA-384",
    key: alg_id::ECDSA_P256,
    signature: alg_id::ECDSA_SHA384,
    verify: p256::<sha2::Sha384>,
};

#[cfg(feature = "p384")]
pub(super) static P384_SHA384: Ecdsa = Ecdsa {
    name: "ECDSA P-384 SHA-384",
    key: alg_id::ECDSA_P384,
    signature: alg_id::ECDSA_SHA384,
    verify: p384::<sha2::Sha384>,
};

#[cfg(feature = "p384")]
pub(super) static P384_SHA256: Ecdsa = Ecdsa {
    name: "ECDSA P-384 SHA-256",
    key: alg_id::ECDSA_P384,
    signature: alg_id::ECDSA_SHA256,
    verify: p384::<sha2::Sha256>,
};

impl SignatureVerificationAlgorithm for Ecdsa {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        (self.verify)(public_key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

impl fmt::Debug for Ecdsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// One curve, by the crate of its name.
macro_rules! verify {
    ($curve:ident, $name:ident) => {
        fn $curve<D: Digest>(public_key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
            use $curve::ecdsa::signature::hazmat::PrehashVerifier;
            use $curve::ecdsa::{Signature, VerifyingKey};

            let key = VerifyingKey::from(read_point::<$curve::$name>(public_key)?);
            let [r, s] = read_signature::<$curve::$name>(signature)?;
            let signature = Signature::from_scalars(r, s).ok()?;
            key.verify_prehash(&D::digest(message), &signature).ok()
        }
    };
}

#[cfg(feature = "p256")]
verify!(p256, NistP256);
#[cfg(feature = "p384")]
verify!(p384, NistP384);
