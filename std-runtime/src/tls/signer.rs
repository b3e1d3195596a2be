//! The client's private key in CertificateVerify (RFC 8446 §4.4.3).
//!
//! Invariant: a key signs only with schemes of its own type.

use std::sync::Arc;

use quicpro_core::crypto::Signer;
use rustls_pki_types::PrivateKeyDer;

#[cfg(feature = "aws-lc")]
pub(super) fn from_der(key: &PrivateKeyDer<'_>) -> Option<Arc<dyn Signer>> {
    aws_lc::from_der(key)
}

#[cfg(not(feature = "aws-lc"))]
pub(super) fn from_der(key: &PrivateKeyDer<'_>) -> Option<Arc<dyn Signer>> {
    rustcrypto::from_der(key)
}

/// Puts a signature where the engine wants it.
fn put(signature: &[u8], out: &mut [u8]) -> Option<usize> {
    out.get_mut(..signature.len())?.copy_from_slice(signature);
    Some(signature.len())
}

#[cfg(feature = "aws-lc")]
mod aws_lc {
    use super::put;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair,
    };
    use quicpro_core::crypto::{SignatureScheme, Signer};
    use rustls_pki_types::PrivateKeyDer;
    use std::sync::Arc;

    enum Key {
        Ecdsa(EcdsaKeyPair, [SignatureScheme; 1]),
        Ed25519(Ed25519KeyPair),
        Rsa(RsaKeyPair),
    }

    const RSA_SCHEMES: [SignatureScheme; 3] = [
        SignatureScheme::RSA_PSS_RSAE_SHA256,
        SignatureScheme::RSA_PSS_RSAE_SHA384,
        SignatureScheme::RSA_PSS_RSAE_SHA512,
    ];

    pub fn from_der(key: &PrivateKeyDer<'_>) -> Option<Arc<dyn Signer>> {
        let der = key.secret_der();
        if let Ok(rsa) = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)) {
            return Some(Arc::new(Key::Rsa(rsa)));
        }
        if let Ok(ed25519) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Some(Arc::new(Key::Ed25519(ed25519)));
        }
        for (algorithm, scheme) in [
            (
                &ECDSA_P256_SHA256_ASN1_SIGNING,
                SignatureScheme::ECDSA_SECP256R1_SHA256,
            ),
            (
                &ECDSA_P384_SHA384_ASN1_SIGNING,
                SignatureScheme::ECDSA_SECP384R1_SHA384,
            ),
        ] {
            if let Ok(ecdsa) = EcdsaKeyPair::from_private_key_der(algorithm, der) {
                return Some(Arc::new(Key::Ecdsa(ecdsa, [scheme])));
            }
        }
        None
    }

    impl Signer for Key {
        fn schemes(&self) -> &[SignatureScheme] {
            match self {
                Self::Ecdsa(_, scheme) => scheme,
                Self::Ed25519(_) => &[SignatureScheme::ED25519],
                Self::Rsa(_) => &RSA_SCHEMES,
            }
        }

        fn sign(&self, scheme: SignatureScheme, message: &[u8], out: &mut [u8]) -> Option<usize> {
            if !self.schemes().contains(&scheme) {
                return None;
            }
            let random = SystemRandom::new();
            match self {
                Self::Ecdsa(key, _) => put(key.sign(&random, message).ok()?.as_ref(), out),
                Self::Ed25519(key) => put(key.sign(message).as_ref(), out),
                Self::Rsa(key) => {
                    let padding = match scheme {
                        SignatureScheme::RSA_PSS_RSAE_SHA256 => &RSA_PSS_SHA256,
                        SignatureScheme::RSA_PSS_RSAE_SHA384 => &RSA_PSS_SHA384,
                        _ => &RSA_PSS_SHA512,
                    };
                    let length = key.public_modulus_len();
                    key.sign(padding, &random, message, out.get_mut(..length)?)
                        .ok()?;
                    Some(length)
                }
            }
        }
    }
}

#[cfg(not(feature = "aws-lc"))]
mod rustcrypto {
    use super::put;
    use p256::pkcs8::DecodePrivateKey;
    use quicpro_core::crypto::{SignatureScheme, Signer};
    use rustls_pki_types::PrivateKeyDer;
    use std::sync::Arc;

    enum Key {
        P256(p256::ecdsa::SigningKey),
        P384(p384::ecdsa::SigningKey),
        Ed25519(ed25519_dalek::SigningKey),
    }

    pub fn from_der(key: &PrivateKeyDer<'_>) -> Option<Arc<dyn Signer>> {
        let PrivateKeyDer::Pkcs8(pkcs8) = key else {
            return None;
        };
        let der = pkcs8.secret_pkcs8_der();
        let key = if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_der(der) {
            Key::P256(key)
        } else if let Ok(key) = p384::ecdsa::SigningKey::from_pkcs8_der(der) {
            Key::P384(key)
        } else {
            Key::Ed25519(ed25519_dalek::SigningKey::from_pkcs8_der(der).ok()?)
        };
        Some(Arc::new(key))
    }

    impl Signer for Key {
        fn schemes(&self) -> &[SignatureScheme] {
            match self {
                Self::P256(_) => &[SignatureScheme::ECDSA_SECP256R1_SHA256],
                Self::P384(_) => &[SignatureScheme::ECDSA_SECP384R1_SHA384],
                Self::Ed25519(_) => &[SignatureScheme::ED25519],
            }
        }

        fn sign(&self, scheme: SignatureScheme, message: &[u8], out: &mut [u8]) -> Option<usize> {
            use ed25519_dalek::Signer as _;
            if !self.schemes().contains(&scheme) {
                return None;
            }
            match self {
                Self::P256(key) => {
                    let signature: p256::ecdsa::DerSignature = key.try_sign(message).ok()?;
                    put(signature.as_bytes(), out)
                }
                Self::P384(key) => {
                    let signature: p384::ecdsa::DerSignature = key.try_sign(message).ok()?;
                    put(signature.as_bytes(), out)
                }
                Self::Ed25519(key) => put(&key.try_sign(message).ok()?.to_bytes(), out),
            }
        }
    }
}
