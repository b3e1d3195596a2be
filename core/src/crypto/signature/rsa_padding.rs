//! The two paddings of RSA signatures: EMSA-PKCS1-v1_5 and EMSA-PSS (RFC 8017 §9).
//!
//! Invariant: every bit of an encoding is compared with the one that it has to be; only the salt of PSS is free, and it
//! is as long as the hash.

use sha2::Digest;

/// What precedes the digest: a DigestInfo whose hash is number `?` of NIST's list, with lengths `?` to be filled in.
const DIGEST_INFO: [u8; 19] = [
    0x30, 0, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0, 0x05, 0x00,
    0x04, 0,
];

/// The shortest run of 0xff that PKCS#1 allows.
const FILL_LENGTH_MIN: usize = 8;

/// Whether `encoded`, as long as the modulus, is `0x00 0x01 0xff… 0x00 DigestInfo digest`. `hash` is the last part of
/// the hash's object identifier 2.16.840.1.101.3.4.2.
pub(super) fn is_pkcs1(encoded: &[u8], hash: u8, digest: &[u8]) -> bool {
    let mut info = DIGEST_INFO;
    // A digest has at most 64 bytes: both sums are below 128.
    info[1] = (info.len() - 2 + digest.len()) as u8;
    info[14] = hash;
    info[18] = digest.len() as u8; // 64 at most
    let Some(fill_length) = encoded.len().checked_sub(3 + info.len() + digest.len()) else {
        return false;
    };
    let fill = core::iter::repeat_n(0xff, fill_length);
    let expected = [0x00, 0x01].into_iter().chain(fill).chain([0x00]);
    let expected = expected.chain(info).chain(digest.iter().copied());
    fill_length >= FILL_LENGTH_MIN && expected.eq(encoded.iter().copied())
}

/// Whether `encoded`, as long as the modulus, is
///
/// ```text
/// mask( 0x00… 0x01 salt ) | H = hash( 8 zero bytes | digest | salt ) | 0xbc
/// ```
///
/// in one bit less than the modulus has; the mask is MGF1 of H. The mask is taken off in place.
pub(super) fn is_pss<D: Digest>(encoded: &mut [u8], modulus_bits: usize, digest: &[u8]) -> bool {
    let bits = modulus_bits - 1;
    // With 8n + 1 bits of modulus the encoding is a byte shorter than the modulus.
    let above = encoded.len().checked_sub(bits.div_ceil(8));
    let Some((above, encoded)) = above.and_then(|above| encoded.split_at_mut_checked(above)) else {
        return false;
    };
    let salt_length = digest.len();
    let Some(zeros) = encoded.len().checked_sub(digest.len() + salt_length + 2) else {
        return false;
    };
    let Some((masked, tail)) = encoded.split_at_mut_checked(zeros + 1 + salt_length) else {
        return false;
    };
    let Some((0xbc, hash)) = tail.split_last() else {
        return false;
    };
    let used = 0xff >> (bits.wrapping_neg() % 8);
    if above.iter().any(|&byte| byte != 0) || masked.first().is_none_or(|&first| first & !used != 0)
    {
        return false;
    }
    unmask::<D>(masked, hash);
    if let Some(first) = masked.first_mut() {
        *first &= used;
    }
    let Some((zeros, salt)) = masked.split_at_checked(zeros) else {
        return false;
    };
    let Some((0x01, salt)) = salt.split_first() else {
        return false;
    };
    zeros.iter().all(|&byte| byte == 0)
        && D::new()
            .chain_update([0; 8])
            .chain_update(digest)
            .chain_update(salt)
            .finalize()[..]
            == *hash
}

/// Takes MGF1's mask off `masked`.
fn unmask<D: Digest>(masked: &mut [u8], seed: &[u8]) {
    for (counter, chunk) in (0u32..).zip(masked.chunks_mut(seed.len().max(1))) {
        let mask = D::new()
            .chain_update(seed)
            .chain_update(counter.to_be_bytes())
            .finalize();
        chunk
            .iter_mut()
            .zip(mask.iter())
            .for_each(|(byte, mask)| *byte ^= mask);
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use sha2::Sha256;

    use super::*;

    fn pkcs1_encoding(length: usize, digest: &[u8; 32]) -> Vec<u8> {
        let info = crate::crypto::vectors::hex("3031300d060960864801650304020105000420");
        let fill = std::vec![0xff; length - 3 - info.len() - digest.len()];
        [&[0, 1], &fill[..], &[0], &info, digest].concat()
    }

    fn pss_encoding(bits: usize, digest: &[u8; 32], salt: &[u8]) -> Vec<u8> {
        let length = (bits - 1).div_ceil(8);
        let hash = Sha256::new()
            .chain_update([0; 8])
            .chain_update(digest)
            .chain_update(salt)
            .finalize();
        let mut data = std::vec![0; length - salt.len() - 34];
        data.push(1);
        data.extend(salt);
        unmask::<Sha256>(&mut data, &hash);
        data[0] &= 0xff >> (8 * length - (bits - 1));
        let mut encoding = std::vec![0; bits.div_ceil(8) - length];
        encoding.extend(data);
        encoding.extend(hash);
        encoding.push(0xbc);
        encoding
    }

    #[test]
    fn pkcs1_has_one_encoding() {
        let digest = [0xd1; 32];
        let good = pkcs1_encoding(256, &digest);
        assert!(is_pkcs1(&good, 1, &digest));
        assert!(!is_pkcs1(&good, 2, &digest));
        for bit in 0..good.len() * 8 {
            let mut changed = good.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_pkcs1(&changed, 1, &digest), "bit {bit}");
        }
    }

    #[test]
    fn pkcs1_needs_eight_bytes_of_fill() {
        let digest = [0xd1; 32];
        for length in 54..80 {
            let good = pkcs1_encoding(length, &digest);
            assert_eq!(is_pkcs1(&good, 1, &digest), length >= 62, "{length}");
        }
        for length in 0..54 {
            assert!(!is_pkcs1(&std::vec![0xff; length], 1, &digest));
        }
    }

    #[test]
    fn pss_accepts_its_own_encoding_for_every_number_of_bits() {
        let (digest, salt) = ([0xd1; 32], [0x5a; 32]);
        for bits in 2_048..=2_064 {
            let good = pss_encoding(bits, &digest, &salt);
            assert!(is_pss::<Sha256>(&mut good.clone(), bits, &digest), "{bits}");
            for bit in 0..good.len() * 8 {
                let mut changed = good.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(
                    !is_pss::<Sha256>(&mut changed, bits, &digest),
                    "{bits} {bit}"
                );
            }
        }
    }

    #[test]
    fn pss_salt_is_as_long_as_the_hash() {
        let digest = [0xd1; 32];
        for length in (0..64).filter(|&length| length != 32) {
            let mut other = pss_encoding(2_048, &digest, &std::vec![0x5a; length]);
            assert!(!is_pss::<Sha256>(&mut other, 2_048, &digest), "{length}");
        }
    }

    #[test]
    fn encodings_too_short_for_their_hash_are_refused() {
        for length in 1..66 {
            let mut short = std::vec![0xbc; length];
            assert!(!is_pss::<Sha256>(&mut short, length * 8, &[0xd1; 32]));
        }
    }
}
