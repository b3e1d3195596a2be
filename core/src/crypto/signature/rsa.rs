//! RSA signature verification (RFC 8017 §8.1.2, §8.2.2): the public operation on numbers of fixed size.
//!
//! Invariant: nothing here is secret, so nothing takes constant time; a signature has exactly one accepted form.

use core::fmt;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U4096, Uint};
#[cfg(feature = "rsa-widths")]
use crypto_bigint::{U2048, U3072};
use der::asn1::UintRef;
use der::{Decode, Reader, SliceReader};
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::SIGNATURE_LENGTH_MAX;
use super::rsa_padding::{is_pkcs1, is_pss};
use crate::codec::to_usize;

/// Shorter moduli are no longer safe; longer ones would cost more stack than certificates of the web are worth.
const MODULUS_BITS: core::ops::RangeInclusive<usize> = 2_048..=SIGNATURE_LENGTH_MAX * 8;

/// Exponents have at most 33 bits, as elsewhere: 65537 is what is used, and a long one only costs the verifier time.
const EXPONENT_MAX: u64 = (1 << 33) - 1;

/// One padding with one hash.
pub(super) struct Rsa {
    name: &'static str,
    signature: AlgorithmIdentifier,
    /// Whether an encoded message of so many bits belongs to a message. It may use the encoding's space.
    is_encoding: fn(encoded: &mut [u8], modulus_bits: usize, message: &[u8]) -> bool,
}

pub(super) static PKCS1_SHA256: Rsa = Rsa {
    name: "RSA PKCS#1 SHA-256",
    signature: alg_id::RSA_PKCS1_SHA256,
    is_encoding: |encoded, _, message| is_pkcs1(encoded, 0x01, &Sha256::digest(message)),
};

pub(super) static PKCS1_SHA384: Rsa = Rsa {
    name: "RSA PKCS#1 SHA-384",
    signature: alg_id::RSA_PKCS1_SHA384,
    is_encoding: |encoded, _, message| is_pkcs1(encoded, 0x02, &Sha384::digest(message)),
};

pub(super) static PKCS1_SHA512: Rsa = Rsa {
    name: "RSA PKCS#1 SHA-512",
    signature: alg_id::RSA_PKCS1_SHA512,
    is_encoding: |encoded, _, message| is_pkcs1(encoded, 0x03, &Sha512::digest(message)),
};

pub(super) static PSS_SHA256: Rsa = Rsa {
    name: "RSA PSS SHA-256",
    signature: alg_id::RSA_PSS_SHA256,
    is_encoding: |encoded, bits, message| is_pss::<Sha256>(encoded, bits, &Sha256::digest(message)),
};

pub(super) static PSS_SHA384: Rsa = Rsa {
    name: "RSA PSS SHA-384",
    signature: alg_id::RSA_PSS_SHA384,
    is_encoding: |encoded, bits, message| is_pss::<Sha384>(encoded, bits, &Sha384::digest(message)),
};

pub(super) static PSS_SHA512: Rsa = Rsa {
    name: "RSA PSS SHA-512",
    signature: alg_id::RSA_PSS_SHA512,
    is_encoding: |encoded, bits, message| is_pss::<Sha512>(encoded, bits, &Sha512::digest(message)),
};

impl SignatureVerificationAlgorithm for Rsa {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = PublicKey::decode(public_key).ok_or(InvalidSignature)?;
        let mut buffer = [0; SIGNATURE_LENGTH_MAX];
        let encoded = buffer
            .get_mut(..key.modulus.len())
            .ok_or(InvalidSignature)?;
        key.raise(signature, encoded).ok_or(InvalidSignature)?;
        let is_valid = (self.is_encoding)(encoded, key.modulus_bits(), message);
        is_valid.then_some(()).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

impl fmt::Debug for Rsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A key within the bounds above. The modulus has no leading zero bytes.
struct PublicKey<'a> {
    modulus: &'a [u8],
    exponent: u64,
}

impl<'a> PublicKey<'a> {
    /// Reads `SEQUENCE { modulus INTEGER, publicExponent INTEGER }`.
    fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = SliceReader::new(bytes).ok()?;
        let (modulus, exponent) = reader
            .sequence(|reader| {
                let modulus = UintRef::decode(reader)?;
                Ok::<_, der::Error>((modulus.as_bytes(), u64::decode(reader)?))
            })
            .ok()?;
        reader.finish().ok()?;
        let key = Self { modulus, exponent };
        let is_exponent = (3..=EXPONENT_MAX).contains(&exponent) && exponent & 1 == 1;
        (is_exponent && MODULUS_BITS.contains(&key.modulus_bits())).then_some(key)
    }

    fn modulus_bits(&self) -> usize {
        let unused = self.modulus.first().map_or(0, |byte| byte.leading_zeros());
        self.modulus.len() * 8 - to_usize(unused)
    }

    /// Raises `signature` to the public exponent. It has the modulus' length and is smaller.
    ///
    /// The widest arithmetic does for every key: without the feature `rsa-widths` there is only that, a third of the
    /// code, in which the shortest keys take several times as long.
    fn raise(&self, signature: &[u8], out: &mut [u8]) -> Option<()> {
        if signature.len() != self.modulus.len() {
            return None;
        }
        match signature.len() {
            #[cfg(feature = "rsa-widths")]
            0..=256 => self.raise_in::<{ U2048::LIMBS }>(signature, out),
            #[cfg(feature = "rsa-widths")]
            257..=384 => self.raise_in::<{ U3072::LIMBS }>(signature, out),
            _ => self.raise_in::<{ U4096::LIMBS }>(signature, out),
        }
    }

    /// Square and multiply, from the exponent's second bit on: the windows of the library's own exponentiation would
    /// double the stack, for an exponent with two bits set.
    #[inline(never)]
    fn raise_in<const LIMBS: usize>(&self, signature: &[u8], out: &mut [u8]) -> Option<()> {
        let number = |bytes| Uint::<LIMBS>::from_be_slice_truncated(bytes, Uint::<LIMBS>::BITS);
        let (modulus, signature) = (number(self.modulus), number(signature));
        if signature >= modulus {
            return None;
        }
        let modulus = Option::<Odd<_>>::from(modulus.to_odd())?;
        let parameters = FixedMontyParams::new_vartime(modulus);
        let base = FixedMontyForm::new(&signature, &parameters);
        let mut power = base;
        for bit in (0..self.exponent.checked_ilog2()?).rev() {
            power = power.square();
            if self.exponent >> bit & 1 == 1 {
                power = power.mul(&base);
            }
        }
        let power = power.retrieve();
        let words = power.as_limbs().iter().map(|limb| limb.0.to_le_bytes());
        out.iter_mut()
            .rev()
            .zip(words.flatten())
            .for_each(|(byte, value)| *byte = value);
        Some(())
    }
}
