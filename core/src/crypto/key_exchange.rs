//! Ephemeral key exchange: X25519 and P-256 (RFC 7748, RFC 8446 §4.2.8, §7.4).
//!
//! Invariant: a private key is used for one agreement and wiped; what it agrees on was contributed to by both sides.

#[cfg(feature = "x25519")]
use crate::codec::copy;
use rand_core::CryptoRng;
use zeroize::Zeroize;

#[cfg(feature = "p256")]
use super::curve_point;
#[cfg(feature = "alloc")]
use super::external::BoxedKeyExchange;
use super::external::Provider;
use super::hash::is_equal;

/// Bytes of the longest public key: an uncompressed point of P-256.
pub const PUBLIC_KEY_LENGTH_MAX: usize = 65;

/// Bytes of the longest shared secret.
pub const SHARED_SECRET_LENGTH_MAX: usize = 32;

/// A named group of TLS 1.3. Whether it can be used depends on features and provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// X25519.
    X25519,
    /// secp256r1.
    P256,
}

impl Group {
    /// The groups that were compiled in.
    pub const BUILT_IN: &'static [Self] = &[
        #[cfg(feature = "x25519")]
        Self::X25519,
        #[cfg(feature = "p256")]
        Self::P256,
    ];

    /// The two bytes of the group in `supported_groups` and `key_share`.
    pub const fn code(self) -> u16 {
        match self {
            Self::X25519 => 0x001d,
            Self::P256 => 0x0017,
        }
    }

    /// The group of these two bytes.
    pub const fn from_code(code: u16) -> Option<Self> {
        match code {
            0x001d => Some(Self::X25519),
            0x0017 => Some(Self::P256),
            _ => None,
        }
    }

    /// Bytes of a public key.
    pub const fn public_key_length(self) -> usize {
        match self {
            Self::X25519 => 32,
            Self::P256 => 65,
        }
    }
}

/// Why there is no shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyExchangeError {
    /// The group was not compiled in, and the provider does not have it.
    UnsupportedGroup,
    /// The peer's public key is no point of the group, or one that makes the secret known to everybody.
    InvalidPublicKey,
}

/// What both sides agreed on. Wiped when it is dropped.
pub struct SharedSecret {
    bytes: [u8; SHARED_SECRET_LENGTH_MAX],
    length: usize,
}

impl SharedSecret {
    /// The secret's bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Drop for SharedSecret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl core::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SharedSecret").finish_non_exhaustive()
    }
}

/// The private key of one group, for one handshake.
pub struct KeyShare {
    group: Group,
    private: Private,
}

enum Private {
    #[cfg(feature = "x25519")]
    X25519(x25519_dalek::EphemeralSecret),
    #[cfg(feature = "p256")]
    P256(p256::ecdh::EphemeralSecret),
    #[cfg(feature = "alloc")]
    External(BoxedKeyExchange),
    /// Without a built-in group and without `alloc` there is no private key, but the type needs a value.
    #[cfg(not(any(feature = "x25519", feature = "p256", feature = "alloc")))]
    #[allow(dead_code)]
    Absent,
}

impl KeyShare {
    /// A new private key. `provider` is asked first, the built-in groups serve otherwise.
    pub fn generate(
        group: Group,
        random: &mut dyn CryptoRng,
        provider: Option<&dyn Provider>,
    ) -> Result<Self, KeyExchangeError> {
        let private = Private::generate(group, random, provider)?;
        Ok(Self { group, private })
    }

    /// Which group it belongs to.
    pub const fn group(&self) -> Group {
        self.group
    }

    /// Puts the public key at the front of `out`, as `key_share` carries it; returns its length.
    pub fn public(&self, out: &mut [u8; PUBLIC_KEY_LENGTH_MAX]) -> usize {
        let length = self.group.public_key_length();
        self.private
            .public(out.get_mut(..length).unwrap_or_default());
        length
    }

    /// The secret shared with the owner of the public key `peer`, as `key_share` carries it.
    //= rfc8446#4.2.8.2
    pub fn agree(self, peer: &[u8]) -> Result<SharedSecret, KeyExchangeError> {
        const INVALID: KeyExchangeError = KeyExchangeError::InvalidPublicKey;
        if peer.len() != self.group.public_key_length() {
            return Err(INVALID);
        }
        // A point of P-256 comes uncompressed or not at all.
        if self.group == Group::P256 && peer.first() != Some(&4) {
            return Err(INVALID);
        }
        let mut secret = SharedSecret {
            bytes: [0; SHARED_SECRET_LENGTH_MAX],
            length: 32,
        };
        self.private.agree(peer, &mut secret.bytes).ok_or(INVALID)?;
        // Points of small order: the secret would be the same whatever our key is.
        //= rfc8446#7.4.2
        if is_equal(secret.as_slice(), &[0; SHARED_SECRET_LENGTH_MAX]) {
            return Err(INVALID);
        }
        Ok(secret)
    }
}

impl core::fmt::Debug for KeyShare {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KeyShare")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

impl Private {
    fn generate(
        group: Group,
        random: &mut dyn CryptoRng,
        provider: Option<&dyn Provider>,
    ) -> Result<Self, KeyExchangeError> {
        #[cfg(feature = "alloc")]
        if let Some(key) = provider.and_then(|provider| provider.key_exchange(group, random)) {
            return Ok(Self::External(key));
        }
        let _ = (&provider, &random);
        match group {
            #[cfg(feature = "x25519")]
            Group::X25519 => Ok(Self::X25519(
                x25519_dalek::EphemeralSecret::random_from_rng(random),
            )),
            #[cfg(feature = "p256")]
            Group::P256 => {
                use p256::elliptic_curve::Generate;
                Ok(Self::P256(p256::ecdh::EphemeralSecret::generate_from_rng(
                    random,
                )))
            }
            #[allow(unreachable_patterns)]
            _ => Err(KeyExchangeError::UnsupportedGroup),
        }
    }
    fn public(&self, out: &mut [u8]) {
        match self {
            #[cfg(feature = "x25519")]
            Self::X25519(key) => {
                copy(out, x25519_dalek::PublicKey::from(key).as_bytes());
            }
            #[cfg(feature = "p256")]
            Self::P256(key) => {
                curve_point::write_point(&key.public_key(), out);
            }
            #[cfg(feature = "alloc")]
            Self::External(key) => key.public(out),
            #[cfg(not(any(feature = "x25519", feature = "p256", feature = "alloc")))]
            Self::Absent => out.fill(0),
        }
    }

    fn agree(self, peer: &[u8], out: &mut [u8; SHARED_SECRET_LENGTH_MAX]) -> Option<()> {
        match self {
            #[cfg(feature = "x25519")]
            Self::X25519(key) => {
                let peer = <[u8; 32]>::try_from(peer).ok()?;
                out.copy_from_slice(key.diffie_hellman(&peer.into()).as_bytes());
                Some(())
            }
            #[cfg(feature = "p256")]
            Self::P256(key) => {
                let peer = curve_point::read_point(peer)?;
                out.copy_from_slice(key.diffie_hellman(&peer).raw_secret_bytes());
                Some(())
            }
            #[cfg(feature = "alloc")]
            Self::External(key) => key.agree(peer, out),
            #[cfg(not(any(feature = "x25519", feature = "p256", feature = "alloc")))]
            Self::Absent => {
                let _ = (peer, out);
                None
            }
        }
    }
}

#[cfg(all(test, feature = "x25519", feature = "p256"))]
mod tests {
    use super::*;
    use crate::crypto::random::Random;
    use crate::crypto::vectors::hex;

    /// Gives prepared bytes, so that a private key can be chosen.
    struct Prepared(std::vec::Vec<u8>);

    impl rand_core::TryRng for Prepared {
        type Error = core::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            unreachable!("keys are filled as bytes")
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            unreachable!("keys are filled as bytes")
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            let rest = self.0.split_off(bytes.len());
            bytes.copy_from_slice(&self.0);
            self.0 = rest;
            Ok(())
        }
    }

    impl rand_core::TryCryptoRng for Prepared {}

    fn share(group: Group, private: &str) -> KeyShare {
        KeyShare::generate(group, &mut Prepared(hex(private)), None).unwrap()
    }

    fn public(share: &KeyShare) -> std::vec::Vec<u8> {
        let mut out = [0; PUBLIC_KEY_LENGTH_MAX];
        let length = share.public(&mut out);
        out[..length].to_vec()
    }

    #[test]
    fn both_sides_agree_in_every_group() {
        let mut random = Random::new([5; 32]);
        for &group in Group::BUILT_IN {
            let ours = KeyShare::generate(group, &mut random, None).unwrap();
            let theirs = KeyShare::generate(group, &mut random, None).unwrap();
            assert_eq!(Group::from_code(group.code()), Some(group));
            assert_eq!(ours.group(), group);
            let (our_public, their_public) = (public(&ours), public(&theirs));
            assert_ne!(our_public, their_public);
            assert_eq!(
                ours.agree(&their_public).unwrap().as_slice(),
                theirs.agree(&our_public).unwrap().as_slice()
            );
        }
    }

    #[cfg(feature = "x25519")]
    #[test]
    fn x25519_of_rfc_7748_section_6_1() {
        let alice = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
        let bob = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
        let bob_public = hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
        let shared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        assert_eq!(public(&share(Group::X25519, bob)), bob_public);
        let agreed = share(Group::X25519, alice).agree(&bob_public).unwrap();
        assert_eq!(agreed.as_slice(), shared);
    }

    #[cfg(feature = "p256")]
    #[test]
    fn p256_of_rfc_5903_section_8_1() {
        let initiator = "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433";
        let responder = "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53";
        let responder_public = hex(
            "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63\
             56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
        );
        let shared = hex("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de");
        assert_eq!(public(&share(Group::P256, responder)), responder_public);
        let agreed = share(Group::P256, initiator)
            .agree(&responder_public)
            .unwrap();
        assert_eq!(agreed.as_slice(), shared);
    }

    //= rfc8446#7.4.2 test
    #[cfg(feature = "x25519")]
    #[test]
    fn x25519_points_of_small_order_are_refused() {
        for point in [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            let share = KeyShare::generate(Group::X25519, &mut Random::new([5; 32]), None).unwrap();
            assert_eq!(
                share.agree(&hex(point)).unwrap_err(),
                KeyExchangeError::InvalidPublicKey,
                "{point}"
            );
        }
    }

    #[test]
    fn public_keys_of_a_wrong_length_are_refused() {
        for &group in Group::BUILT_IN {
            for length in [0, 1, 31, 33, 64, 66] {
                let share = KeyShare::generate(group, &mut Random::new([5; 32]), None).unwrap();
                assert!(share.agree(&[4; 66][..length]).is_err());
            }
        }
    }

    //= rfc8446#4.2.8.2 test
    #[cfg(feature = "p256")]
    #[test]
    fn p256_takes_only_uncompressed_points_of_the_curve() {
        let mut random = Random::new([6; 32]);
        let mut new = || KeyShare::generate(Group::P256, &mut random, None).unwrap();
        let point = public(&new());
        assert!(new().agree(&point).is_ok());
        assert!(new().agree(&[&[2], &point[1..33]].concat()).is_err());
        let mut hybrid = point.clone();
        hybrid[0] = 6 | (point[64] & 1);
        assert!(new().agree(&hybrid).is_err());
        let mut off_curve = point.clone();
        off_curve[64] ^= 1;
        assert!(new().agree(&off_curve).is_err());
        let mut out_of_field = point;
        out_of_field[1..33].fill(0xff);
        assert!(new().agree(&out_of_field).is_err());
        assert!(new().agree(&[0]).is_err(), "the point at infinity");
    }

    #[test]
    fn debug_hides_keys() {
        for &group in Group::BUILT_IN {
            let share = KeyShare::generate(group, &mut Random::new([5; 32]), None).unwrap();
            assert_eq!(
                std::format!("{share:?}"),
                std::format!("KeyShare {{ group: {group:?}, .. }}")
            );
        }
    }
}
