//! Signatures that have to verify, and what must not. Only for tests.
//!
//! Invariant: keys and signatures were made by OpenSSL 3 or are a document's; nothing here by the code under test.

use super::*;
#[cfg(any(
    feature = "p256",
    feature = "p384",
    feature = "ed25519",
    feature = "rsa"
))]
use crate::crypto::vectors::hex;

#[cfg(any(
    feature = "p256",
    feature = "p384",
    feature = "ed25519",
    feature = "rsa"
))]
pub(super) const MESSAGE: &[u8] = b"quicpro";

#[cfg(any(
    feature = "p256",
    feature = "p384",
    feature = "ed25519",
    feature = "rsa"
))]
/// The algorithm for certificates with these identifiers.
pub(super) fn algorithm(
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
) -> &'static dyn SignatureVerificationAlgorithm {
    SUPPORTED
        .iter()
        .copied()
        .find(|algorithm| {
            algorithm.public_key_alg_id() == key && algorithm.signature_alg_id() == signature
        })
        .unwrap()
}

#[cfg(any(
    feature = "p256",
    feature = "p384",
    feature = "ed25519",
    feature = "rsa"
))]
/// Whether `signature` of the test's message is good.
pub(super) fn verifies(
    algorithm: &dyn SignatureVerificationAlgorithm,
    key: &str,
    message: &[u8],
    signature: &str,
) -> bool {
    algorithm
        .verify_signature(&hex(key), message, &hex(signature))
        .is_ok()
}

//= rfc8446#4.2.3 test
#[test]
fn handshake_schemes_lead_to_their_pair_and_pkcs1_to_none() {
    for scheme in SignatureScheme::KNOWN {
        let (key, signature) = scheme.identifiers().unwrap();
        let Some(found) = scheme.algorithm(SUPPORTED) else {
            continue;
        };
        assert!(found.public_key_alg_id() == key);
        assert!(found.signature_alg_id() == signature);
        let is_pkcs1 = matches!(scheme.code(), 0x0401 | 0x0501 | 0x0601);
        assert_eq!(scheme.handshake_algorithm(SUPPORTED).is_none(), is_pkcs1);
    }
    // SHA-1, P-521, RSA with a key for PSS only, Ed448, and nothing at all.
    for code in [0x0201, 0x0203, 0x0603, 0x0809, 0x0808, 0] {
        assert!(
            SignatureScheme(code)
                .handshake_algorithm(SUPPORTED)
                .is_none()
        );
    }
}

#[test]
fn only_what_can_be_verified_is_offered() {
    let all: std::vec::Vec<_> = schemes(SUPPORTED).collect();
    for scheme in SignatureScheme::KNOWN {
        assert_eq!(
            all.contains(&scheme),
            scheme.algorithm(SUPPORTED).is_some(),
            "{scheme:?}"
        );
    }
    assert_eq!(schemes(&[]).count(), 0);
}

#[cfg(any(feature = "p256", feature = "p384"))]
mod ecdsa {
    use super::*;

    /// Refused whatever the curve: other messages and keys, numbers out of range, other encodings of the same numbers.
    fn refuses_variants(
        algorithm: &dyn SignatureVerificationAlgorithm,
        key: &str,
        signature: &str,
    ) {
        let refused = |signature: &[u8]| {
            algorithm
                .verify_signature(&hex(key), MESSAGE, signature)
                .is_err()
        };
        assert!(!verifies(algorithm, key, b"quicpr", signature));
        let good = hex(signature);
        assert!(refused(&[]));
        for end in 0..good.len() {
            assert!(refused(&good[..end]));
        }
        for bit in 0..good.len() * 8 {
            let mut changed = good.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&changed), "bit {bit}");
        }
        assert!(refused(&[&good[..], &[0]].concat()));
        let mut long_form = good.clone();
        long_form.splice(1..2, [0x81, good[1]]);
        assert!(refused(&long_form));
        for numbers in ["3006020100020100", "3006020101020100", "3006020100020101"] {
            assert!(refused(&hex(numbers)));
        }
        let mut compressed = hex(key);
        compressed.truncate(1 + compressed.len() / 2);
        compressed[0] = 2 | (hex(key)[hex(key).len() - 1] & 1);
        assert!(
            algorithm
                .verify_signature(&compressed, MESSAGE, &good)
                .is_err()
        );
        assert!(algorithm.verify_signature(&[], MESSAGE, &good).is_err());
    }

    #[cfg(feature = "p256")]
    #[test]
    fn p256_sha256() {
        let algorithm = algorithm(alg_id::ECDSA_P256, alg_id::ECDSA_SHA256);
        assert!(verifies(algorithm, P256, MESSAGE, P256_SHA256));
        refuses_variants(algorithm, P256, P256_SHA256);
    }

    #[cfg(all(feature = "p256", feature = "p384"))]
    #[test]
    fn p256_sha384() {
        let algorithm = algorithm(alg_id::ECDSA_P256, alg_id::ECDSA_SHA384);
        assert!(verifies(algorithm, P256, MESSAGE, P256_SHA384));
        assert!(!verifies(algorithm, P256, MESSAGE, P256_SHA256));
    }

    #[cfg(feature = "p384")]
    #[test]
    fn p384_with_both_hashes() {
        let sha384 = algorithm(alg_id::ECDSA_P384, alg_id::ECDSA_SHA384);
        let sha256 = algorithm(alg_id::ECDSA_P384, alg_id::ECDSA_SHA256);
        assert!(verifies(sha384, P384, MESSAGE, P384_SHA384));
        assert!(verifies(sha256, P384, MESSAGE, P384_SHA256));
        assert!(!verifies(sha384, P384, MESSAGE, P384_SHA256));
        assert!(!verifies(sha256, P384, MESSAGE, P384_SHA384));
        refuses_variants(sha384, P384, P384_SHA384);
    }

    #[cfg(feature = "p256")]
    const P256: &str = "0471315a94c9fbff971935868ed947fb878db4eb9cd3082aa276f8828c301585f753d934db86f721408cf3cf997f7f0d6ef0\
     3272d449ec4a11778dc50d69a4f629";

    #[cfg(feature = "p256")]
    const P256_SHA256: &str = "304502201120c14ed5abcb410a326f967744ec8cb296991fd1faf558ec9b73dd812d0e0f0221008584f7179ca011d3c695d2\
     c4c255a187c7c6f814faa103ba51c8f4ed82402144";

    #[cfg(all(feature = "p256", feature = "p384"))]
    const P256_SHA384: &str = "304502200103d904f24e0e5bc1713da0f7ee37b4a282535c728ca9f6890361a7771b90c4022100d0cc30635c791ab47ce7b4\
     2cfda71c4e3f842308b28d1419d03fabd441ce4d09";

    #[cfg(feature = "p384")]
    const P384: &str = "04d2ba5421c3b7b5cef51d8c23036df582016c8e493130025ad170b012b7429765023ead259de7aa3ca71bcea52f63bad325\
     3c0e9d6abd9a0c58fa065ecb04e375879a34c74a137228b06a89daa504e51b239a6b7c4ef000ee53354622ca892241";

    #[cfg(feature = "p384")]
    const P384_SHA256: &str = "30640230599a40f642a10aab6b9d23537892947746f7ae0f91c08d7cb05ba2ab5b5face5e53427f82299946e6e01a82ade48\
     e31b023035c576d249f7a8143368316c308b7dddf524af310c5b3ccd6f6cc564b10d05131ec1e92aa7fa31f7b9160ddccb1b\
     43e3";

    #[cfg(feature = "p384")]
    const P384_SHA384: &str = "30650231008dbe13265b814dd958e1c49ed688dec9ecbdb67e7cb39884fd79f98c29fe71172645759d59f43a2456e3918789\
     c2abad02306da8d268d12f52a6a62cf850cfcfcc919e64a7ccfcc1bec9fc550e8f556502305ab67c8096a034713f967ca13e\
     5328e6";
}

#[cfg(feature = "ed25519")]
mod ed25519 {
    use super::*;

    const KEY: &str = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
    const SIGNATURE: &str = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
                             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";

    #[test]
    fn test_3_of_rfc_8032_section_7_1() {
        let algorithm = algorithm(alg_id::ED25519, alg_id::ED25519);
        assert!(verifies(algorithm, KEY, &[0xaf, 0x82], SIGNATURE));
        assert!(!verifies(algorithm, KEY, &[0xaf, 0x83], SIGNATURE));
        let good = hex(SIGNATURE);
        for bit in 0..good.len() * 8 {
            let mut changed = good.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(
                algorithm
                    .verify_signature(&hex(KEY), &[0xaf, 0x82], &changed)
                    .is_err()
            );
        }
        for length in [0, 31, 63, 65] {
            let mut other = good.clone();
            other.resize(length, 0);
            assert!(
                algorithm
                    .verify_signature(&hex(KEY), &[0xaf, 0x82], &other)
                    .is_err()
            );
        }
    }

    /// With the neutral point as key and as commitment the equation holds for every message.
    #[test]
    fn keys_of_small_order_are_refused() {
        let algorithm = algorithm(alg_id::ED25519, alg_id::ED25519);
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(
            algorithm
                .verify_signature(&signature[..32], MESSAGE, &signature)
                .is_err()
        );
    }
}
