//! The small curves against RustCrypto's, on random and on awkward numbers.

use std::vec::Vec;

use rand_core::Rng;

use super::*;
use crate::crypto::random::Random;
use crate::crypto::vectors::hex;

/// Keys at both ends of their range and some in between, as bytes.
fn scalars<const N: usize>(curve: &Curve<N>, random: &mut Random) -> Vec<Vec<u8>> {
    let mut highest = curve.scalars.modulus;
    highest[0] -= 1;
    let mut scalars: Vec<Words<N>> = (1..6)
        .flat_map(|low| {
            let mut number = [0; N];
            number[0] = low;
            let mut power = [0; N];
            power[N - 1] = 1 << (5 * low);
            [number, power]
        })
        .collect();
    scalars.push(highest);
    for _ in 0..30 {
        scalars.push(PrivateKey::generate(curve, random).0);
    }
    let bytes = |words: &Words<N>| {
        let mut bytes = std::vec![0; 4 * N];
        write(words, &mut bytes);
        bytes
    };
    scalars.iter().map(bytes).collect()
}

macro_rules! against_rustcrypto {
    ($name:ident, $crate_name:ident, $curve:expr, $words:literal) => {
        mod $name {
            use super::*;
            use $crate_name::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
            use $crate_name::ecdsa::{Signature, SigningKey, VerifyingKey};
            use $crate_name::elliptic_curve::sec1::ToSec1Point;

            const LENGTH: usize = 4 * $words;

            fn public(scalar: &[u8]) -> Vec<u8> {
                let mut out = std::vec![0; 1 + 2 * LENGTH];
                PrivateKey(words::<$words>(scalar))
                    .public($curve, &mut out)
                    .unwrap();
                out
            }

            #[test]
            fn public_keys_and_agreements_are_the_same() {
                let mut random = Random::new([4; 32]);
                let scalars = scalars($curve, &mut random);
                for (index, scalar) in scalars.iter().enumerate() {
                    let key = $crate_name::SecretKey::from_slice(scalar).unwrap();
                    let expected = key.public_key();
                    assert_eq!(public(scalar), expected.to_sec1_point(false).as_bytes());
                    let peer = &scalars[(index * 7 + 3) % scalars.len()];
                    let peer_key = $crate_name::SecretKey::from_slice(peer).unwrap();
                    let shared = $crate_name::elliptic_curve::ecdh::diffie_hellman(
                        key.to_nonzero_scalar(),
                        peer_key.public_key().as_affine(),
                    );
                    let mut ours = [0; LENGTH];
                    PrivateKey(words::<$words>(scalar))
                        .agree($curve, &public(peer), &mut ours)
                        .unwrap();
                    assert_eq!(ours[..], shared.raw_secret_bytes()[..]);
                }
            }

            #[test]
            fn signatures_verify_there_and_here_or_nowhere() {
                let mut random = Random::new([5; 32]);
                for scalar in scalars($curve, &mut random) {
                    let key = SigningKey::from_slice(&scalar).unwrap();
                    let verifying = VerifyingKey::from(&key);
                    let public = public(&scalar);
                    let mut digest = [0; 48];
                    random.fill_bytes(&mut digest);
                    let digest = &digest[..[32, 48][usize::from(digest[0] & 1)]];
                    let signature: Signature = key.sign_prehash(digest).unwrap();
                    let der = signature.to_der();
                    assert!($curve.verify(&public, digest, der.as_bytes()).is_some());
                    for _ in 0..8 {
                        let mut changed = der.as_bytes().to_vec();
                        let at = random.next_u64() as usize % changed.len();
                        changed[at] ^= 1 << (random.next_u64() % 8);
                        let expected = Signature::from_der(&changed)
                            .is_ok_and(|signature| {
                                verifying.verify_prehash(digest, &signature).is_ok()
                            });
                        let ours = $curve.verify(&public, digest, &changed).is_some();
                        assert_eq!(ours, expected, "{changed:02x?}");
                    }
                    let other = [digest, &[1]].concat();
                    assert!($curve.verify(&public, &other[1..], der.as_bytes()).is_none());
                }
            }

            #[test]
            fn what_is_no_point_is_no_key() {
                let point = public(&[&[0; LENGTH - 1][..], &[3]].concat());
                assert!($curve.read(&point).is_some());
                for length in 0..point.len() {
                    assert!($curve.read(&point[..length]).is_none());
                }
                for (at, bit) in [(0, 1), (0, 2), (1, 1), (LENGTH, 1), (2 * LENGTH, 1)] {
                    let mut changed = point.clone();
                    changed[at] ^= bit;
                    assert!($curve.read(&changed).is_none(), "{at} {bit}");
                }
                let mut out_of_field = point.clone();
                out_of_field[1..=LENGTH].fill(0xff);
                assert!($curve.read(&out_of_field).is_none());
            }
        }
    };
}

#[cfg(feature = "p256")]
against_rustcrypto!(on_p256, p256, &P256, 8);
#[cfg(feature = "p384")]
against_rustcrypto!(on_p384, p384, &P384, 12);

/// The sum is the neutral point: `G` and a key of `-G`, or a key of `G` with factors that cancel.
#[cfg(feature = "p256")]
#[test]
fn the_neutral_point_verifies_nothing() {
    let generator = P256.point(&P256.generator).unwrap();
    let mut minus_one = P256.scalars.modulus;
    minus_one[0] -= 1;
    let mut one = [0; 8];
    one[0] = 1;
    let sum = P256.sum_of_multiples([&generator, &generator], [&one, &minus_one]);
    assert!(P256.coordinates_of(&sum).is_none());
    let sum = P256.sum_of_multiples([&generator, &generator], [&[0; 8], &[0; 8]]);
    assert!(P256.coordinates_of(&sum).is_none());
}

#[test]
fn numbers_of_a_signature_have_one_form() {
    let read = |der: &str| read_signature::<8>(&hex(der)).map(|[r, s]| (r[0], s[0]));
    assert_eq!(read("3006020101020102"), Some((1, 2)));
    assert_eq!(
        read("3007020200800 20102".replace(' ', "").as_str()),
        Some((128, 2))
    );
    for wrong in [
        "",
        "30",
        "3006",
        "300602010102010200",
        "3007020101020102",
        "3005020101020102",
        "3106020101020102",
        "3006030101020102",
        "300602018002 0102",
        "300702020001020102",
        "30050200020102",
        "308106020101020102",
        "3003020101",
        "3009020101020102020103",
    ] {
        assert_eq!(read(&wrong.replace(' ', "")), None, "{wrong}");
    }
    let long = std::format!("302602210{}020101", "1".repeat(65));
    assert_eq!(read(&long), None);
}
