//! Header protection: the mask over the first byte and the packet number (RFC 9001 §5.4).
//!
//! ```text
//! packet: | first byte | … | packet number, 1 to 4 bytes | payload … |
//!                          ^ number_at                  ^ sample: 16 bytes from number_at + 4
//! ```
//!
//! Invariant: every sample gives a mask; the peer chooses the sample, so none may be refused.

use aes::Aes128Enc;
#[cfg(feature = "aes256")]
use aes::Aes256Enc;
use aes::cipher::BlockCipherEncrypt;
use zeroize::Zeroize;
#[cfg(feature = "chacha20")]
use zeroize::Zeroizing;

use super::aes_key::AesKey;
#[cfg(feature = "alloc")]
use super::external::BoxedHeaderKey;
use super::external::Provider;
use super::hkdf::{Secret, expand_label};
use super::suite::{KEY_LENGTH_MAX, Suite};
use crate::wire::packet::Version;

/// Bytes of ciphertext that the mask is made of.
pub const SAMPLE_LENGTH: usize = 16;

/// The longest packet number; the sample begins this far behind the number's first byte, however long it is.
const NUMBER_LENGTH_MAX: usize = 4;

/// What the mask hides besides the packet number.
const LONG_HEADER_MASK: u8 = 0x0f;
const SHORT_HEADER_MASK: u8 = 0x1f;

/// The key that hides packet numbers in one direction. Key updates leave it as it is.
pub struct HeaderKey {
    cipher: Cipher,
}

enum Cipher {
    Aes128(AesKey<Aes128Enc>),
    #[cfg(feature = "aes256")]
    Aes256(AesKey<Aes256Enc>),
    #[cfg(feature = "chacha20")]
    ChaCha20(Zeroizing<[u8; 32]>),
    #[cfg(feature = "alloc")]
    External(BoxedHeaderKey),
}

/// The part of a header that was hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unprotected {
    /// The first byte as its sender meant it. Its reserved bits may be judged only after the packet was opened.
    pub first: u8,
    /// The packet number's lowest bytes.
    pub truncated: u64,
    /// How many bytes those are: 1 to 4.
    pub number_length: usize,
}

/// The packet has no room for a packet number and a sample: it is to be discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooShort;

impl HeaderKey {
    /// The key that follows from a traffic secret.
    //= rfc9001#5.1
    pub fn from_secret(
        version: Version,
        suite: Suite,
        secret: &Secret,
        provider: Option<&dyn Provider>,
    ) -> Self {
        let label = version.labels().header;
        let mut key = [0; KEY_LENGTH_MAX];
        let bytes = key.get_mut(..suite.key_length()).unwrap_or_default();
        expand_label(suite.hash(), secret.as_slice(), label, &[], bytes);
        let header_key = Self::new(suite, bytes, provider);
        key.zeroize();
        header_key
    }

    /// `key` has the suite's key length.
    pub(super) fn new(suite: Suite, key: &[u8], provider: Option<&dyn Provider>) -> Self {
        Self {
            cipher: Cipher::new(suite, key, provider),
        }
    }

    /// Hides first byte and packet number of a sealed packet.
    ///
    /// The packet is long enough: its builder pads to 4 bytes of packet number and plaintext together.
    pub(super) fn protect(&self, packet: &mut [u8], number_at: usize, number_length: usize) {
        let Some(mask) = self.mask_of(packet, number_at) else {
            debug_assert!(false, "a packet is padded until it has a sample");
            packet.fill(0);
            return;
        };
        let [first_mask, number_mask @ ..] = mask;
        if let Some(first) = packet.first_mut() {
            *first ^= first_mask & hidden_bits(*first);
        }
        let number = packet.iter_mut().skip(number_at).take(number_length);
        number
            .zip(number_mask)
            .for_each(|(byte, mask)| *byte ^= mask);
    }

    /// Uncovers first byte and packet number of `packet`, in place. It is one packet, from its first byte to its end.
    //= rfc9001#5.4.1
    pub fn unprotect(&self, packet: &mut [u8], number_at: usize) -> Result<Unprotected, TooShort> {
        let mask = self.mask_of(packet, number_at).ok_or(TooShort)?;
        let first = packet.first_mut().ok_or(TooShort)?;
        *first ^= mask[0] & hidden_bits(*first);
        let first = *first;
        let number_length = usize::from(first & 0x03) + 1;
        let number = packet
            .get_mut(number_at..number_at + number_length)
            .ok_or(TooShort)?;
        let mut truncated = 0;
        for (byte, mask) in number.iter_mut().zip(&mask[1..]) {
            *byte ^= mask;
            truncated = truncated << 8 | u64::from(*byte);
        }
        Ok(Unprotected {
            first,
            truncated,
            number_length,
        })
    }

    //= rfc9001#5.4.2
    fn mask_of(&self, packet: &[u8], number_at: usize) -> Option<[u8; 5]> {
        let sample_at = number_at.checked_add(NUMBER_LENGTH_MAX)?;
        let sample = packet.get(sample_at..)?.first_chunk()?;
        Some(self.cipher.mask(sample))
    }
}

/// Which bits of the first byte are hidden depends on its own first bit, which never is.
const fn hidden_bits(first: u8) -> u8 {
    if first & 0x80 == 0 {
        SHORT_HEADER_MASK
    } else {
        LONG_HEADER_MASK
    }
}

impl Cipher {
    fn new(suite: Suite, key: &[u8], provider: Option<&dyn Provider>) -> Self {
        #[cfg(feature = "alloc")]
        if let Some(external) = provider.and_then(|provider| provider.header_key(suite, key)) {
            return Self::External(external);
        }
        #[cfg(not(feature = "alloc"))]
        let _ = provider;
        match suite {
            Suite::Aes128GcmSha256 => Self::Aes128(AesKey::new(key)),
            #[cfg(feature = "aes256")]
            Suite::Aes256GcmSha384 => Self::Aes256(AesKey::new(key)),
            #[cfg(feature = "chacha20")]
            Suite::ChaCha20Poly1305Sha256 => {
                let mut bytes = Zeroizing::new([0; 32]);
                bytes.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
                Self::ChaCha20(bytes)
            }
        }
    }

    fn mask(&self, sample: &[u8; SAMPLE_LENGTH]) -> [u8; 5] {
        match self {
            Self::Aes128(key) => key.with(|key| aes_mask(key, sample)),
            #[cfg(feature = "aes256")]
            Self::Aes256(key) => key.with(|key| aes_mask(key, sample)),
            #[cfg(feature = "chacha20")]
            Self::ChaCha20(key) => chacha20_mask(key, sample),
            #[cfg(feature = "alloc")]
            Self::External(key) => key.mask(sample),
        }
    }
}

//= rfc9001#5.4.3
fn aes_mask<C>(key: &C, sample: &[u8; SAMPLE_LENGTH]) -> [u8; 5]
where
    C: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>,
{
    let mut block = (*sample).into();
    key.encrypt_block(&mut block);
    [block[0], block[1], block[2], block[3], block[4]]
}

/// The sample is block counter and nonce. The stream interface of the cipher refuses the last counter, which the peer
/// may choose like any other; the block interface does not.
//= rfc9001#5.4.4
#[cfg(feature = "chacha20")]
fn chacha20_mask(key: &[u8; 32], sample: &[u8; SAMPLE_LENGTH]) -> [u8; 5] {
    use chacha20::cipher::{Block, KeyIvInit, StreamCipherCore};
    use chacha20::variants::Ietf;
    use chacha20::{ChaChaCore, R20};
    type Core = ChaChaCore<R20, Ietf>;

    let [c0, c1, c2, c3, nonce @ ..] = sample;
    let mut core = Core::new(key.into(), nonce.into());
    core.set_block_pos(u32::from_le_bytes([*c0, *c1, *c2, *c3]));
    let mut block = Block::<Core>::default();
    core.write_keystream_block(&mut block);
    [block[0], block[1], block[2], block[3], block[4]]
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(feature = "chacha20")]
    use crate::crypto::vectors::hex;

    #[test]
    fn short_packets_are_refused_and_left_alone() {
        let key = HeaderKey::new(Suite::Aes128GcmSha256, &[3; 16], None);
        for length in 0..25 {
            let mut packet = std::vec![0x5a; length];
            assert_eq!(key.unprotect(&mut packet, 5), Err(TooShort), "{length}");
            assert!(packet.iter().all(|&byte| byte == 0x5a));
        }
        assert!(key.unprotect(&mut [0x5a; 25], 5).is_ok());
        assert_eq!(key.unprotect(&mut [0; 64], usize::MAX), Err(TooShort));
        assert_eq!(key.unprotect(&mut [0; 64], usize::MAX - 3), Err(TooShort));
    }

    //= rfc9001#5.4.1 test
    #[test]
    fn protecting_and_unprotecting_are_inverse() {
        for &suite in Suite::ALL {
            let key = HeaderKey::new(suite, &[9; 32][..suite.key_length()], None);
            for (first, number_length) in [(0x40, 1), (0x41, 2), (0xc2, 3), (0xe3, 4)] {
                let mut packet: [u8; 40] = core::array::from_fn(|at| at as u8);
                packet[0] = first;
                let clear = packet;
                key.protect(&mut packet, 7, number_length);
                assert_ne!(packet, clear);
                let unprotected = key.unprotect(&mut packet, 7).unwrap();
                assert_eq!(packet, clear);
                assert_eq!(unprotected.first, first);
                assert_eq!(unprotected.number_length, number_length);
                assert_eq!(
                    unprotected.truncated,
                    0x0708_090a >> (8 * (4 - number_length))
                );
            }
        }
    }

    //= rfc9001#5.4.4 test
    #[cfg(feature = "chacha20")]
    #[test]
    fn the_last_block_counter_has_a_mask() {
        let key: [u8; 32] = core::array::from_fn(|at| at as u8);
        let mask = |counter: &str| {
            let sample = hex(&std::format!("{counter}000000000000004a00000000"));
            chacha20_mask(&key, sample.as_slice().try_into().unwrap())
        };
        // RFC 8439 §2.4.2 uses this key and nonce; its key stream of block 1 begins with these bytes.
        assert_eq!(mask("01000000")[..], hex("224f51f340"));
        // The last counter, computed with an implementation of its own.
        assert_eq!(mask("ffffffff")[..], hex("6d29da5bd1"));
    }
}
