//! The hashes of the cipher suites, HMAC on them, and comparison in constant time.
//!
//! Invariant: a `Digest` is exactly as long as the output of its hash.

use crate::codec::copy;
use core::fmt;

use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
#[cfg(feature = "aes256")]
use sha2::Sha384;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// Bytes of the longest digest: SHA-384's.
pub const DIGEST_LENGTH_MAX: usize = 48;

/// The hash of a cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    #[cfg(feature = "aes256")]
    Sha384,
}

impl Hash {
    /// Bytes of a digest, and of every secret of the key schedule.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            #[cfg(feature = "aes256")]
            Self::Sha384 => 48,
        }
    }

    /// The digest of `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }

    /// HMAC (RFC 2104) of `data` under `key`, which is no longer than the hash's block: 64 or 128 bytes.
    pub fn hmac(self, key: &[u8], data: &[u8]) -> Digest {
        match self {
            Self::Sha256 => hmac::<Hmac<Sha256>>(key, data),
            #[cfg(feature = "aes256")]
            Self::Sha384 => hmac::<Hmac<Sha384>>(key, data),
        }
    }
}

fn hmac<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Digest {
    // A key that is shorter than the hash's block is filled up with zeros (RFC 2104 §2).
    let mut block = Key::<M>::default();
    copy(&mut block, key);
    let mac = <M as KeyInit>::new(&block);
    Digest::new(&mac.chain_update(data).finalize().into_bytes())
}

/// What a hash or HMAC gives. Equality takes the same time wherever the first difference is.
#[derive(Clone, Copy)]
pub struct Digest {
    bytes: [u8; DIGEST_LENGTH_MAX],
    length: u8,
}

impl Digest {
    fn new(output: &[u8]) -> Self {
        let mut bytes = [0; DIGEST_LENGTH_MAX];
        copy(&mut bytes, output);
        Self {
            bytes,
            // At most DIGEST_LENGTH_MAX: longer ones do not fit `bytes`.
            length: output.len() as u8,
        }
    }

    /// The digest's bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        is_equal(self.as_slice(), other.as_slice())
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.as_slice() {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// A hash in progress. A clone is a fork: the digest so far, while the original goes on.
#[derive(Clone)]
pub enum Hasher {
    /// SHA-256.
    Sha256(Sha256),
    /// SHA-384.
    #[cfg(feature = "aes256")]
    Sha384(Sha384),
}

impl Hasher {
    /// A hash of nothing yet.
    pub fn new(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256(Sha256::new()),
            #[cfg(feature = "aes256")]
            Hash::Sha384 => Self::Sha384(Sha384::new()),
        }
    }

    /// Which hash this is.
    pub const fn hash(&self) -> Hash {
        match self {
            Self::Sha256(_) => Hash::Sha256,
            #[cfg(feature = "aes256")]
            Self::Sha384(_) => Hash::Sha384,
        }
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            #[cfg(feature = "aes256")]
            Self::Sha384(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of everything added so far.
    pub fn finish(&self) -> Digest {
        match self {
            Self::Sha256(hasher) => Digest::new(&hasher.clone().finalize()),
            #[cfg(feature = "aes256")]
            Self::Sha384(hasher) => Digest::new(&hasher.clone().finalize()),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hasher").field(&self.hash()).finish()
    }
}

/// Whether both are the same bytes, in a time that depends on nothing but their lengths.
pub fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::vectors::hex;

    #[test]
    fn digests_of_abc() {
        assert_eq!(
            Hash::Sha256.digest(b"abc").as_slice(),
            hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        );
        #[cfg(feature = "aes256")]
        assert_eq!(
            Hash::Sha384.digest(b"abc").as_slice(),
            hex(
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                 8086072ba1e7cc2358baeca134c825a7"
            )
        );
    }

    #[test]
    fn hmac_of_rfc_4231_case_2() {
        let (key, data) = (b"Jefe", b"what do ya want for nothing?");
        assert_eq!(
            Hash::Sha256.hmac(key, data).as_slice(),
            hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        );
        #[cfg(feature = "aes256")]
        assert_eq!(
            Hash::Sha384.hmac(key, data).as_slice(),
            hex(
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
                 8e2240ca5e69e2c78b3239ecfab21649"
            )
        );
    }

    #[test]
    fn a_fork_does_not_disturb_the_original() {
        let mut hasher = Hasher::new(Hash::Sha256);
        hasher.update(b"a");
        let mut fork = hasher.clone();
        fork.update(b"x");
        hasher.update(b"bc");
        assert_eq!(hasher.finish(), Hash::Sha256.digest(b"abc"));
        assert_eq!(fork.finish(), Hash::Sha256.digest(b"ax"));
        assert_eq!(
            hasher.finish(),
            hasher.finish(),
            "finishing consumes nothing"
        );
    }

    #[test]
    fn equality_sees_length_and_every_byte() {
        assert!(is_equal(b"", b""));
        assert!(is_equal(b"ab", b"ab"));
        assert!(!is_equal(b"ab", b"abc"));
        assert!(!is_equal(b"ab", b"bb"));
        assert!(!is_equal(b"ab", b"aa"));
    }
}
