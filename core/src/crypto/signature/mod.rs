//! Signature verification: for certificates by webpki's pairs of algorithms, for the handshake by TLS 1.3's schemes
//! (RFC 8446 §4.2.3, §4.4.3). And the seam through which a client certificate's owner signs.
//!
//! Invariant: a scheme stands for exactly one pair of key type and signature algorithm, whoever implements it.

#[cfg(any(feature = "p256", feature = "p384"))]
mod ecdsa;
#[cfg(feature = "ed25519")]
mod ed25519;
#[cfg(feature = "rsa")]
mod rsa;
#[cfg(feature = "rsa")]
mod rsa_padding;
#[cfg(all(test, feature = "rsa"))]
mod rsa_vectors;
#[cfg(test)]
mod vectors;

use rustls_pki_types::{AlgorithmIdentifier, SignatureVerificationAlgorithm, alg_id};

use super::external::Provider;

/// Bytes of the longest signature of a scheme: RSA's with 4,096 bits.
pub const SIGNATURE_LENGTH_MAX: usize = 512;

/// Every algorithm that was compiled in.
pub static SUPPORTED: &[&dyn SignatureVerificationAlgorithm] = &[
    #[cfg(feature = "p256")]
    &ecdsa::P256_SHA256,
    #[cfg(all(feature = "p256", feature = "p384"))]
    &ecdsa::P256_SHA384,
    #[cfg(feature = "p384")]
    &ecdsa::P384_SHA384,
    #[cfg(feature = "p384")]
    &ecdsa::P384_SHA256,
    #[cfg(feature = "ed25519")]
    &ed25519::Ed25519,
    #[cfg(feature = "rsa")]
    &rsa::PSS_SHA256,
    #[cfg(feature = "rsa")]
    &rsa::PSS_SHA384,
    #[cfg(feature = "rsa")]
    &rsa::PSS_SHA512,
    #[cfg(feature = "rsa")]
    &rsa::PKCS1_SHA256,
    #[cfg(feature = "rsa")]
    &rsa::PKCS1_SHA384,
    #[cfg(feature = "rsa")]
    &rsa::PKCS1_SHA512,
];

/// The algorithms to verify with: the provider's if it has any of its own, else the built-in ones.
pub fn algorithms(
    provider: Option<&dyn Provider>,
) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    provider
        .and_then(Provider::signature_algorithms)
        .unwrap_or(SUPPORTED)
}

/// A signature algorithm as TLS 1.3 names it. Any two bytes are a value; only the constants mean something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureScheme(pub u16);

impl SignatureScheme {
    /// ECDSA on P-256 with SHA-256.
    pub const ECDSA_SECP256R1_SHA256: Self = Self(0x0403);
    /// ECDSA on P-384 with SHA-384.
    pub const ECDSA_SECP384R1_SHA384: Self = Self(0x0503);
    /// Ed25519.
    pub const ED25519: Self = Self(0x0807);
    /// RSASSA-PSS with SHA-256, by a key that does not say what it is for.
    pub const RSA_PSS_RSAE_SHA256: Self = Self(0x0804);
    /// The same with SHA-384.
    pub const RSA_PSS_RSAE_SHA384: Self = Self(0x0805);
    /// The same with SHA-512.
    pub const RSA_PSS_RSAE_SHA512: Self = Self(0x0806);
    /// RSASSA-PKCS1-v1_5 with SHA-256: in certificates only.
    pub const RSA_PKCS1_SHA256: Self = Self(0x0401);
    /// The same with SHA-384.
    pub const RSA_PKCS1_SHA384: Self = Self(0x0501);
    /// The same with SHA-512.
    pub const RSA_PKCS1_SHA512: Self = Self(0x0601);

    /// Every scheme that means something here, in the order in which they are offered.
    const KNOWN: [Self; 9] = [
        Self::ECDSA_SECP256R1_SHA256,
        Self::ED25519,
        Self::ECDSA_SECP384R1_SHA384,
        Self::RSA_PSS_RSAE_SHA256,
        Self::RSA_PSS_RSAE_SHA384,
        Self::RSA_PSS_RSAE_SHA512,
        Self::RSA_PKCS1_SHA256,
        Self::RSA_PKCS1_SHA384,
        Self::RSA_PKCS1_SHA512,
    ];

    /// The two bytes of the scheme.
    pub const fn code(self) -> u16 {
        self.0
    }

    /// Whether a handshake message may be signed with it.
    //= rfc8446#4.2.3
    pub const fn is_for_handshake(self) -> bool {
        !matches!(
            self,
            Self::RSA_PKCS1_SHA256 | Self::RSA_PKCS1_SHA384 | Self::RSA_PKCS1_SHA512
        )
    }

    /// The algorithm among `algorithms` that verifies a CertificateVerify of this scheme. `None` for one that is
    /// unknown, was not offered or is for certificates only.
    pub fn handshake_algorithm(
        self,
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> Option<&'static dyn SignatureVerificationAlgorithm> {
        self.algorithm(algorithms)
            .filter(|_| self.is_for_handshake())
    }

    fn algorithm(
        self,
        algorithms: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> Option<&'static dyn SignatureVerificationAlgorithm> {
        let (key, signature) = self.identifiers()?;
        algorithms.iter().copied().find(|algorithm| {
            algorithm.public_key_alg_id() == key && algorithm.signature_alg_id() == signature
        })
    }

    const fn identifiers(self) -> Option<(AlgorithmIdentifier, AlgorithmIdentifier)> {
        Some(match self {
            Self::ECDSA_SECP256R1_SHA256 => (alg_id::ECDSA_P256, alg_id::ECDSA_SHA256),
            Self::ECDSA_SECP384R1_SHA384 => (alg_id::ECDSA_P384, alg_id::ECDSA_SHA384),
            Self::ED25519 => (alg_id::ED25519, alg_id::ED25519),
            Self::RSA_PSS_RSAE_SHA256 => (alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA256),
            Self::RSA_PSS_RSAE_SHA384 => (alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA384),
            Self::RSA_PSS_RSAE_SHA512 => (alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA512),
            Self::RSA_PKCS1_SHA256 => (alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256),
            Self::RSA_PKCS1_SHA384 => (alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA384),
            Self::RSA_PKCS1_SHA512 => (alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA512),
            _ => return None,
        })
    }
}

/// The schemes to offer in `signature_algorithms` when signatures are verified with `algorithms`, preferred ones first.
/// Those for certificates only are among them: one list serves both.
pub fn schemes(
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
) -> impl Iterator<Item = SignatureScheme> + Clone {
    SignatureScheme::KNOWN
        .into_iter()
        .filter(|scheme| scheme.algorithm(algorithms).is_some())
}

/// The private key of a client certificate, wherever it is kept.
pub trait Signer: Send + Sync {
    /// The schemes the key can sign with, preferred ones first.
    fn schemes(&self) -> &[SignatureScheme];

    /// Signs `message`, which is not hashed yet, with one of its schemes. Puts the signature at the front of `out` and
    /// returns its length; `None` if it cannot sign or `out`, of at least `SIGNATURE_LENGTH_MAX` bytes, is too short.
    fn sign(&self, scheme: SignatureScheme, message: &[u8], out: &mut [u8]) -> Option<usize>;
}
