//! Packet protection: sealing and opening packets in place (RFC 9001 §5.1 to §5.4).
//!
//! ```text
//! traffic secret ─┬─ "quic key", "quic iv" → PacketKey   payload, with the header as associated data
//!                 ├─ "quic hp"             → HeaderKey   first byte and packet number; survives key updates
//!                 └─ "quic ku"             → the next traffic secret
//! ```
//!
//! Invariant: a nonce is the key's IV combined with the packet number, so it is used once if the number is.

use core::ops::Range;

use zeroize::{Zeroize, Zeroizing};

use super::aead::{Aead, NONCE_LENGTH, OpenError};
use super::external::Provider;
use super::header_protection::HeaderKey;
use super::hkdf::{Secret, expand_label};
use super::suite::{KEY_LENGTH_MAX, Suite};
use crate::wire::packet::Version;

/// The keys of one encryption level, both ways.
#[derive(Debug)]
pub struct Keys {
    /// What this endpoint seals with.
    pub local: DirectionKeys,
    /// What it opens with.
    pub remote: DirectionKeys,
}

/// The keys of one encryption level, one way.
pub struct DirectionKeys {
    /// Hides and uncovers packet numbers.
    pub header: HeaderKey,
    /// Seals and opens payloads.
    pub packet: PacketKey,
}

/// A connection holds up to seven of these; AES with all its round keys and GHASH's tables is the largest.
const _: () = assert!(size_of::<DirectionKeys>() <= 1_024);

impl DirectionKeys {
    /// The keys that follow from a traffic secret. `provider` is asked first, the built-in ciphers serve otherwise.
    pub fn from_secret(
        version: Version,
        suite: Suite,
        secret: &Secret,
        provider: Option<&dyn Provider>,
    ) -> Self {
        Self {
            header: HeaderKey::from_secret(version, suite, secret, provider),
            packet: PacketKey::from_secret(version, suite, secret, provider),
        }
    }

    /// Seals a packet in place and hides its number.
    ///
    /// `packet` is header, payload and 16 free bytes for the tag; the header ends with the packet number, `number_length`
    /// bytes (1 to 4) at `number_at`, whose lowest bytes are those of `number`. Number and payload together have at
    /// least 4 bytes.
    pub fn seal(&self, packet: &mut [u8], number: u64, number_at: usize, number_length: usize) {
        debug_assert!((1..=4).contains(&number_length));
        self.packet.seal(packet, number_at + number_length, number);
        self.header.protect(packet, number_at, number_length);
    }
}

impl core::fmt::Debug for DirectionKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DirectionKeys").finish_non_exhaustive()
    }
}

/// The key of one AEAD in one direction and one key phase.
pub struct PacketKey {
    aead: Aead,
    iv: Zeroizing<[u8; NONCE_LENGTH]>,
}

impl PacketKey {
    /// The key that follows from a traffic secret.
    //= rfc9001#5.1
    pub fn from_secret(
        version: Version,
        suite: Suite,
        secret: &Secret,
        provider: Option<&dyn Provider>,
    ) -> Self {
        let labels = version.labels();
        let mut key = [0; KEY_LENGTH_MAX];
        let bytes = key.get_mut(..suite.key_length()).unwrap_or_default();
        let mut iv = Zeroizing::new([0; NONCE_LENGTH]);
        expand_label(suite.hash(), secret.as_slice(), labels.key, &[], bytes);
        expand_label(
            suite.hash(),
            secret.as_slice(),
            labels.iv,
            &[],
            iv.as_mut_slice(),
        );
        let aead = Aead::new(suite, bytes, provider);
        key.zeroize();
        Self { aead, iv }
    }

    /// Encrypts `packet` from `payload_at` on, and puts the tag into its last 16 bytes.
    fn seal(&self, packet: &mut [u8], payload_at: usize, number: u64) {
        match packet.split_at_mut_checked(payload_at) {
            Some((header, payload)) => self.aead.seal(&self.nonce(number), header, payload),
            None => packet.fill(0),
        }
    }

    /// Decrypts `payload`, ciphertext and tag, in place. Returns how many of its first bytes are plaintext.
    ///
    /// `header` is everything in front, uncovered. After an error the content of `payload` is undefined, but holds no
    /// plaintext.
    pub fn open(&self, number: u64, header: &[u8], payload: &mut [u8]) -> Result<usize, OpenError> {
        self.aead.open(&self.nonce(number), header, payload)
    }

    /// Opens one packet whose header was uncovered; its payload begins at `payload_at`. Returns where the plaintext is.
    pub fn open_packet(
        &self,
        packet: &mut [u8],
        payload_at: usize,
        number: u64,
    ) -> Result<Range<usize>, OpenError> {
        let (header, payload) = packet.split_at_mut_checked(payload_at).ok_or(OpenError)?;
        let length = self.open(number, header, payload)?;
        Ok(payload_at..payload_at + length)
    }

    //= rfc9001#5.3
    fn nonce(&self, number: u64) -> [u8; NONCE_LENGTH] {
        let mut nonce = *self.iv;
        let tail = &mut nonce[NONCE_LENGTH - 8..];
        tail.iter_mut()
            .zip(number.to_be_bytes())
            .for_each(|(byte, number)| *byte ^= number);
        nonce
    }
}

impl core::fmt::Debug for PacketKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PacketKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::crypto::aead::TAG_LENGTH;

    const HEADER_LENGTH: usize = 9;
    const NUMBER: u64 = 0x12_3456_789a;

    fn keys(suite: Suite) -> DirectionKeys {
        let secret = Secret::new(&[0x42; 48][..suite.hash().length()]).unwrap();
        DirectionKeys::from_secret(Version::V1, suite, &secret, None)
    }

    /// A packet with a number of 2 bytes at 7, sealed.
    fn sealed(keys: &DirectionKeys, payload: &[u8]) -> Vec<u8> {
        let mut packet = std::vec![0x41, 1, 2, 3, 4, 5, 6, 0x78, 0x9a];
        packet.extend_from_slice(payload);
        packet.extend_from_slice(&[0; TAG_LENGTH]);
        keys.seal(&mut packet, NUMBER, 7, 2);
        packet
    }

    #[test]
    fn what_is_sealed_opens() {
        for &suite in Suite::ALL {
            let keys = keys(suite);
            for length in [2, 3, 16, 1_200] {
                let payload = std::vec![0x77; length];
                let mut packet = sealed(&keys, &payload);
                assert_ne!(packet[HEADER_LENGTH..HEADER_LENGTH + length], payload);
                let unprotected = keys.header.unprotect(&mut packet, 7).unwrap();
                assert_eq!(
                    (
                        unprotected.first,
                        unprotected.truncated,
                        unprotected.number_length
                    ),
                    (0x41, 0x789a, 2)
                );
                let plaintext = keys
                    .packet
                    .open_packet(&mut packet, HEADER_LENGTH, NUMBER)
                    .unwrap();
                assert_eq!(plaintext, HEADER_LENGTH..HEADER_LENGTH + length);
                assert_eq!(packet[plaintext], payload);
            }
        }
    }

    #[test]
    fn one_changed_bit_anywhere_and_nothing_opens() {
        for &suite in Suite::ALL {
            let keys = keys(suite);
            let payload = [0x77; 20];
            let mut clear = sealed(&keys, &payload);
            keys.header.unprotect(&mut clear, 7).unwrap();
            for bit in 0..clear.len() * 8 {
                let mut packet = clear.clone();
                packet[bit / 8] ^= 1 << (bit % 8);
                let opened = keys.packet.open_packet(&mut packet, HEADER_LENGTH, NUMBER);
                assert_eq!(opened, Err(OpenError), "bit {bit}");
                // Not even a part of it may be seen.
                assert!(packet.windows(8).all(|part| *part != payload[..8]));
            }
        }
    }

    #[test]
    fn number_key_and_length_have_to_be_right() {
        let keys = keys(Suite::Aes128GcmSha256);
        let mut clear = sealed(&keys, &[0x77; 20]);
        keys.header.unprotect(&mut clear, 7).unwrap();
        for number in [NUMBER + 1, NUMBER & 0xffff, 0, u64::MAX] {
            let mut packet = clear.clone();
            assert!(
                keys.packet
                    .open_packet(&mut packet, HEADER_LENGTH, number)
                    .is_err()
            );
        }
        let other = Secret::new(&[0x43; 32]).unwrap();
        let other = PacketKey::from_secret(Version::V1, Suite::Aes128GcmSha256, &other, None);
        assert!(
            other
                .open_packet(&mut clear.clone(), HEADER_LENGTH, NUMBER)
                .is_err()
        );
        for length in 0..clear.len() {
            let mut packet = clear[..length].to_vec();
            assert!(
                keys.packet
                    .open_packet(&mut packet, HEADER_LENGTH, NUMBER)
                    .is_err()
            );
        }
    }

    //= rfc9001#6.1 test
    #[test]
    fn after_an_update_only_the_header_key_still_fits() {
        for &suite in Suite::ALL {
            let secret = Secret::new(&[0x42; 48][..suite.hash().length()]).unwrap();
            let old = DirectionKeys::from_secret(Version::V1, suite, &secret, None);
            let new =
                PacketKey::from_secret(Version::V1, suite, &secret.next(Version::V1, suite), None);
            let mut packet = sealed(&old, &[0x77; 20]);
            old.header.unprotect(&mut packet, 7).unwrap();
            let mut again = packet.clone();
            assert!(new.open_packet(&mut packet, HEADER_LENGTH, NUMBER).is_err());
            assert!(
                old.packet
                    .open_packet(&mut again, HEADER_LENGTH, NUMBER)
                    .is_ok()
            );
        }
    }
}
