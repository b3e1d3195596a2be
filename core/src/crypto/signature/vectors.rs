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
const MESSAGE: &[u8] = b"quicpro";

#[cfg(any(
    feature = "p256",
    feature = "p384",
    feature = "ed25519",
    feature = "rsa"
))]
/// The algorithm for certificates with these identifiers.
fn algorithm(
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
fn verifies(
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

#[cfg(feature = "rsa")]
mod rsa {
    use super::*;

    fn pkcs1(hash: AlgorithmIdentifier) -> &'static dyn SignatureVerificationAlgorithm {
        algorithm(alg_id::RSA_ENCRYPTION, hash)
    }

    use pkcs1 as pss;

    #[test]
    fn every_padding_and_hash_verifies_its_own_signature_only() {
        let signatures = [
            (alg_id::RSA_PKCS1_SHA256, RSA_2048_PKCS1_256),
            (alg_id::RSA_PKCS1_SHA384, RSA_2048_PKCS1_384),
            (alg_id::RSA_PKCS1_SHA512, RSA_2048_PKCS1_512),
            (alg_id::RSA_PSS_SHA256, RSA_2048_PSS_256),
            (alg_id::RSA_PSS_SHA384, RSA_2048_PSS_384),
            (alg_id::RSA_PSS_SHA512, RSA_2048_PSS_512),
        ];
        for (at, (identifier, _)) in signatures.iter().enumerate() {
            for (of, (_, signature)) in signatures.iter().enumerate() {
                let verified = verifies(pkcs1(*identifier), RSA_2048, MESSAGE, signature);
                assert_eq!(verified, at == of, "{at} {of}");
            }
            let (_, own) = signatures[at];
            assert!(!verifies(pkcs1(*identifier), RSA_2048, b"quicpr", own));
            assert!(!verifies(pkcs1(*identifier), RSA_3072, MESSAGE, own));
        }
    }

    #[test]
    fn every_size_of_modulus_within_the_bounds() {
        let (p256, p384, p512) = (
            pss(alg_id::RSA_PSS_SHA256),
            pss(alg_id::RSA_PSS_SHA384),
            pss(alg_id::RSA_PSS_SHA512),
        );
        assert!(verifies(p384, RSA_3072, MESSAGE, RSA_3072_PSS_384));
        assert!(verifies(p512, RSA_4096, MESSAGE, RSA_4096_PSS_512));
        let sha512 = pkcs1(alg_id::RSA_PKCS1_SHA512);
        assert!(verifies(sha512, RSA_4096, MESSAGE, RSA_4096_PKCS1_512));
        // One bit above a whole byte, where PSS is a byte shorter than the modulus, and one bit below.
        assert!(verifies(p256, RSA_2049, MESSAGE, RSA_2049_PSS_256));
        assert!(verifies(p256, RSA_2055, MESSAGE, RSA_2055_PSS_256));
        let sha256 = pkcs1(alg_id::RSA_PKCS1_SHA256);
        assert!(verifies(sha256, RSA_2049, MESSAGE, RSA_2049_PKCS1_256));
        assert!(verifies(sha256, RSA_2055, MESSAGE, RSA_2055_PKCS1_256));
        let (key, signature) = (RSA_2048_EXPONENT_3, RSA_2048_EXPONENT_3_PSS_256);
        assert!(verifies(p256, key, MESSAGE, signature));
    }

    #[test]
    fn moduli_out_of_bounds_are_refused_with_a_good_signature() {
        let algorithm = pss(alg_id::RSA_PSS_SHA256);
        assert!(!verifies(algorithm, RSA_2047, MESSAGE, RSA_2047_PSS_256));
        assert!(!verifies(algorithm, RSA_4104, MESSAGE, RSA_4104_PSS_256));
    }

    #[test]
    fn one_changed_bit_or_byte_of_length_and_nothing_verifies() {
        for (algorithm, signature) in [
            (pkcs1(alg_id::RSA_PKCS1_SHA256), RSA_2048_PKCS1_256),
            (pss(alg_id::RSA_PSS_SHA256), RSA_2048_PSS_256),
        ] {
            let (key, good) = (hex(RSA_2048), hex(signature));
            let refused = |signature: &[u8]| {
                algorithm
                    .verify_signature(&key, MESSAGE, signature)
                    .is_err()
            };
            for bit in (0..good.len() * 8).step_by(41) {
                let mut changed = good.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(refused(&changed), "bit {bit}");
            }
            assert!(refused(&good[..255]));
            assert!(refused(&good[1..]));
            assert!(refused(&[&good[..], &[0]].concat()));
            assert!(refused(&[&[0], &good[..]].concat()), "a leading zero");
            assert!(refused(&[]));
            assert!(refused(&[0; 256]));
            assert!(refused(&[0xff; 256]));
        }
    }

    #[test]
    fn a_signature_has_no_second_form() {
        let algorithm = pss(alg_id::RSA_PSS_SHA256);
        let (small, large) = (RSA_2048_PSS_256_SMALL, RSA_2048_PSS_256_PLUS_MODULUS);
        assert!(verifies(algorithm, RSA_2048, MESSAGE, small));
        assert!(!verifies(algorithm, RSA_2048, MESSAGE, large));
    }

    #[test]
    fn paddings_that_others_might_let_pass_are_refused() {
        let pkcs1 = pkcs1(alg_id::RSA_PKCS1_SHA256);
        for signature in [RSA_2048_PKCS1_WITHOUT_NULL, RSA_2048_PKCS1_GARBAGE_BEHIND] {
            assert!(!verifies(pkcs1, RSA_2048, MESSAGE, signature));
        }
        let pss = pss(alg_id::RSA_PSS_SHA256);
        assert!(!verifies(pss, RSA_2048, MESSAGE, RSA_2048_PSS_SALT_20));
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let algorithm = pss(alg_id::RSA_PSS_SHA256);
        let good = hex(RSA_2048);
        // SEQUENCE of 4-byte header, then INTEGER with 4-byte header and a zero byte, then 02 03 01 00 01.
        let modulus_at = 9;
        let exponent_at = good.len() - 3;
        let refused = |key: &[u8]| {
            algorithm
                .verify_signature(key, MESSAGE, &hex(RSA_2048_PSS_256))
                .is_err()
        };
        assert!(!refused(&good));
        let with = |at: usize, bytes: &[u8]| {
            let mut key = good.clone();
            key[at..at + bytes.len()].copy_from_slice(bytes);
            key
        };
        assert!(refused(&with(exponent_at, &[1, 0, 0])), "even");
        assert!(refused(&with(exponent_at, &[0, 0, 1])), "not shortest");
        assert!(refused(&with(exponent_at, &[0x80, 0, 1])), "negative");
        assert!(
            refused(&with(modulus_at + 255, &[good[modulus_at + 255] ^ 1])),
            "even modulus"
        );
        assert!(refused(&with(modulus_at, &[0; 256])), "zero");
        for end in 0..good.len() {
            assert!(refused(&good[..end]));
        }
        assert!(refused(&[&good[..], &[0]].concat()));
        // The shortest exponent, 1, would make every encoding its own signature.
        let mut one = good[..good.len() - 5].to_vec();
        one.extend([2, 1, 1]);
        let length = u16::from_be_bytes([one[2], one[3]]) - 2;
        one[2..4].copy_from_slice(&length.to_be_bytes());
        assert!(refused(&one));
    }

    const RSA_2048: &str = "3082010a0282010100ba0e7e6094dc873c2d7c4dc88b63606f90c2e60528538ec37878663e73c5f0ae8aa34d4fef966dd60e\
     fa2d7c97a78116eb13362b58998f1af19708aff3ea2dfaa5a2d7768bb0523319b9932d771914950f14c383c308e12767d64e\
     0a755cd7665707ad5cf73562fbb4c1bde1bd2cbd3d5b5bad0de87da99ac462e7f1d7fb0f1ea4571bec65e5b3b0e36e061338\
     4b5916e33b1deca844fab5099f2cd99f6c0f9bab74df8324d1ef5cc6b9b8ea5588f61eaab5f10a306b54d73c0a2594b1198c\
     8cd16c173db15039c08cb6e38f1288f6f1771ea07acfe1d79128cf715d7cb025c8d9246aed5d218d7ca2ccb2810347c089e4\
     6bfe811e5438c84744a9206e00f7550203010001";

    const RSA_2048_PKCS1_256: &str = "60639cc451ae5c94d4da1c9288e9254ef46e0e47edc41436477ad336d3a1370f6d37b0045d5957e752de4d9527e073cf61a3\
     dfde9b6a8c7988d9d8048a7dac8f393ae1cbd1790befbb17b93caee154b1c885ab948facc0759fda96e8a73879acedb4eebf\
     e82b20a2fb4666ed235f2f941bb69ef9be3fcc8e1bc4688e5ffd54c26a890bf180733f9223965acad642bf0f544425390e66\
     aa1e0ee803f29cc2872c3138a737af2d764cff96695578dc2de4e03fa5446407850045ae736d2cbb83433df4e1b999113b74\
     7c7fd4058ae172e2bce92d2a4904fc2d8d55b23f12e90bd990522fe916b4eeae8da728e83e422d46a3811fba093fc95a2970\
     8f59acc30f6d";

    const RSA_2048_PKCS1_384: &str = "b3914293c978d02e33fa9c624cc0d279e4a0ff7faceed76eefa82fcca6204ff83829c97ec4a0bb0cdeb033993ec0e7bff1fa\
     f1521a092e2e439bfe710501ea7dd508abf451445cd5a7b456078266aac6241f861d961b58e6e6ed37f3b87bcd0df991f9b4\
     54c1bf86f6496a6e67875ba9a53c59d485eac7ba4c02a70da2eebc037311d144b71ffe40eb604bc3c813b2a7749c01685a14\
     bcb0409944d77549cc79e3d0be1342ca2e8cb362c4fc6d15e922a4e6a0ae55e17854fd474788ade3bbe718b41f55f3e9d6c8\
     2ab8f023840956dac8d9fcaf3c6b223c6f3687602c715668f9c28d8298ce5ac1689de28ceb5f964bbe30cbb85a822e7fd07b\
     591da28271f5";

    const RSA_2048_PKCS1_512: &str = "062a31d8a6d702c8de97c2021b4a658ff25041f874ebee95e28e4d143146c781d58fb99040a6c2fe82a507e59a4ec10d324e\
     a5b91edfb3361a595da965f43199bee8c694da810c47de8826365f09fe2f72619f3de353bacfe431a6d3a938b19c5c4de77d\
     f1cdab5a6c4b431336b41031833414c75e782d093b1fbdb109a27833cc9f8eab62478441ed44f76902ed151b8bf951f0faf2\
     edf8d4ecc74ea4ca4d36152085e3ad74aad606aa5c0dbc70286e380a45c82e4add5ed541785003b83a5545a8be927c9eafc9\
     97a68ef041d39cbee20012555f0d03ff252de9a71747bc25a0dccd8577bcd5c90819e953b0fdf550fc17b6282d8f48e5eb2f\
     90bd5178cc37";

    const RSA_2048_PSS_256: &str = "5e70ba4fda6ad0e5f5e574c268e53c587005bc3fe511d01225885eb1cf96b3879a7902afc57388411b950450678d830790d4\
     8ba0ef17505874724189e43f7573ae934b1f8459c67693f21033c1d67b0e63ab7cd9da560165e61419a93ccd8264c0a88ed1\
     ac905fea400eb281b06cd40c998e0fb8ff10be8aa120346650bff8841d962dde7535267d6f37d169e9835a44297151ab3295\
     a5183e5a5d9ccd8a46a49488bcdb59a03d29589ef2ae2df4455aa787ab8be807e79fa7be71ef7266afbba82e1b5c6260a99d\
     4b1741cad5c222194f9e614a634ecdc6f0532eb98a33d5e277edb419ec1692da89797bd7b6c83ef624beff9867de19addcb5\
     aa92183b07d1";

    const RSA_2048_PSS_384: &str = "058f2606f7a242428bc8b31e912472bd63adf955be152d49485ba8b56cccc77cbf9be8d95dd26789366419fde34e6efd82c4\
     1c29c7e667017c95142916a7522fab3b2e0778fde22d8d5f4df0ce8d208b372c8bf3d2b3356af4087b5c3b55266a21b7f9ac\
     1a74b9cff0cc589315568dde8819a65ee9ad296426ad205de23020db9bc8c0efd0de2b91839c832302a782fdec91b0bddfe7\
     b31b10cd8e6030635dfa74a9ef71f53427a6d8fbce7906bf9eb1b85161f574e388dc65606585589275c61fc856aad29fa77d\
     dc8e05552f1b0832b313d160d52ec01554fd0e942742d5d58709eaee0881866dc3e7dee088d96356bf297181e30c3eca62b8\
     c794c739514c";

    const RSA_2048_PSS_512: &str = "65c730aaa10452987673d102a7a5d993f28453bd5861aeec29c0dc306527d14cd43bacf251d4a12b0238c1d7fc9ce314e383\
     e12c8bd361f45b3be6641fa8295dc08edba4dc6b2a68692bb6dcab8efbe863dd03c129feb3c4d234081e58b42077c417fcb9\
     51857e796c6ca150f74a519f94eeef91e00bfdaf3e0927a684c9701c2a2f814e3b938d0c7f85b6a2ccc3a3cd669274b1f911\
     77f40170f550ed98a6caa96b6f98499a671f34feeed43d7fce43d9021dd6aa5910cb7fa874b567134dea678bf5d9ac0aa2da\
     5fb3c08a68d4dbbe8793d8cb26a9895381000d6cda7e3d13b45d27f981993b01de449e41f7277246ddc66f7fc5c4c3f9ffa0\
     21f525c042a5";

    const RSA_2048_PSS_SALT_20: &str = "6002a179bde9b3ea8f38b3cbca6d9997b4e9c68a3d45c7d4118fdf0f838e31396a6e546f1ffd27685848becbadffc57c3fd7\
     9b3023744cd6bb823481b000307a6e1729af853b47b9ec019704e54172e680948182b77803c6c572fd2ccb1ffa888cba4f0e\
     cebbf747447427ece5acd53eb79599444df3e0c7769466db8be59de92a59bba3a717b9eb3445aaab7f0a4d567a4faddb7fd1\
     148c18eab275892b10771f5e6ff81b24b0e87245018094761cf6d9fdb83e856bc122590a12e43c7a80f149f119b5349180e0\
     e042295ab561cb4456bca96934c652b55ebd9dd498cd5bc981c92bfb97ad8cb9a983148fcd821928798b114815c74cf89d0b\
     dc7a9e17013a";

    const RSA_2048_PKCS1_WITHOUT_NULL: &str = "1c9991ee9884070fb2f025020924195e2e93ddbc6d8a191c63c54d863a6c45c6ba71c71b905ed984f06e3edc992b398d0a6f\
     fae7335725a7a4f34dbd760e5d983688c43cdf104e7cb10f6076c592a3745838cf55e6aee88845d1a999f6435db24786b682\
     85ead36b95963fd91fcb638d94da60481f11efab55d0a4476ac66339dd823476af6a1cf374ba6df001accab633616a44eff4\
     29dfcf90709d2c111b5f353a752e74f5c5f569d3336f5a825817aaf0b267221d3bde7785e78c803aa5be0c2e50a5eb788504\
     764606e6c0e8ce1ff67b93420d45ac48f666066a12adec3139ac6bbdb8ba21ef5bdbefc42a6abeb2ed4d490e40439feff384\
     0b81eae16bb8";

    const RSA_2048_PKCS1_GARBAGE_BEHIND: &str = "93485388d4ba6fae20451bf6671d44da5e54d759d0aa577f6a3f95daeab1d24c2a6a6f7b71fb62b1f2fb6bcb3ccce47a5dfd\
     b54b367b6dfa8b74b5b7e4064f4b55c780a5d0a0714f9a9e0fdf733698f25c2ce5fe8ea08f80459ee320e765e68b6d746388\
     8bf4162734ccdf3019b95f1f7b84aa344c46877b75f0b1970ad1e909ca8f3e06de2c1467ee62d920b7456ac516d418828719\
     0c2ce9079a5697c96c574307c98b218a303c660aeb131d0c552781670d497d741aa5c54fbcd46b48388f2ea4b7c300727027\
     094b726c3325ddad8b9957d28a65bb6f1558d317c75e5cc6c830b40b3f3b174d1b0f6d2ab13da5a289facc6735cd5a3b9b93\
     f1afee517394";

    const RSA_2048_PSS_256_PLUS_MODULUS: &str = "fbc6e3734ec07dd9357d6799ff2970c14db5e37f48c1775d1af7de6561a77fab5e42e75692fcc0aa93b27da7afd80e9f1afb\
     8ae15b9270bc962df3e738847134ab841319a77478fe0bc5a4a602963a7371948d732a4a06009de5c4c24607a94ec1766bfa\
     df243dfaf986045f1906b9cb9d7c6711409c8b32959868fde61e3f23d9b54cd929733a5d55615a57fbd205c703a00c67a8a8\
     2845b094a7f74da1d1fa8cf07ea80ffde5511e99a51d91e2389dd52452a61a161128caba2738c17836c97c1c77395343e856\
     f32b53bde113013406ba30deec169a2d6daaa5209e1405002c820e0785d4037d4fe137c9e04d459c5a4f6a3c1eaae992fc71\
     8fc8402cd364";

    const RSA_2048_PSS_256_SMALL: &str = "41b86512b9e3f69d080119d173c61051bcf2fd7a206de899a27f7826ede18efcd39f9a06a36652d484b8502b18308d882fe8\
     54b602f8e1a1a496eb37449a433a05e13ba31bc426caf20c11788b7d25de627fc9ef674124d9360f76b7d0aad1e86a6ebe9d\
     e7eedaff44c4467d5bd9fc8e4220ba03581ee197d135810c0e233005355e30ecc38d86ac71f35444c386acb02064ee7b0063\
     2d90a6f57b1dae35c25ee17b9f24eb2bf5f457dfec333c59427f2a6e619be9aabc518eb001a4105eaa3caab05ffba1f3ae96\
     6674702ece8a0a428f9b90641c34c29c44db33c32163df37535da31a28b27600ad148548dd05851275e36bbb0056b0cab52c\
     e6a7d22bdc0f";

    const RSA_3072: &str = "3082018a02820181008e4517df9ece1287b6866c069df460fb504afa8d2f16e0353b69f6d5818d866a33e1b4121bf0900ee0\
     9029d0dd23f210898bce6237d4f414ac0de995881b2879c8b5ac2f01548599620a8ebe7d2fd8f85d9ff11e6038146cc15a99\
     df672c6cf733745fb908e79176dbecd97116a6a479001fb76e023b89060d6e522cb6760d5ddf6ed557b827911cb65ed5f5b7\
     3da59874f1220f66ca74227cff75dd4d37d4448006142a521591add14e84fd92cf92e0769a1235d008ba2131f1b5059b8150\
     d5000fa8b66a6a2fbf8ae31306698764aadb1060d96eacde192830e14366cce5ef5556560e8a2ecf2cc48a65205eefce30da\
     19a14f07458cbe8e408f4b43dc5cae6adedc4c17934a20d09f08eada8b14c1c1cf69a19ffc80fc9ff429a2ac4780ee429a6c\
     5556deefa7bdd5718a1523527b1701d38a358decc838288b2d7dbac0921d7e20637f17f55b26cfbf163dcff058dee1cc349e\
     f2e12599725c1fe0db4f9efb9a76d19bb94c52473211d6ddf20d6ae146448d233983185664fd05d2943f8b0203010001";

    const RSA_3072_PSS_384: &str = "6bafcc35484b6c341373548c36f72038beaa2862c90981caede011eceb6683f3803e90b8370fe9438dae6bc657078ec63e78\
     2a22f96e4e32de09306d6ac136dea275cc2244bcaa0cff8f6a5f6987951462750b1f0416b8ed0b5ab87d00b781c9eae2d14b\
     aa1e77def0d11627c53db4c07f1fd52648ce2c8b5a47608701c9c195d6684a33e8ada9dea07f936524283e337cae3c9090b2\
     037fa574870deffc7ecf604378bb069d6ad6d9ed8ab644c57e8e810907434360f2ed5986788af28d3f9b5cd02105fa6f0414\
     8cd1b3d799a51949b360a22d4e9b62cb7853222b0cee60f611faac7a4208efdf0eb13d365ead619cc9b9579e0cf5a0a333a3\
     7ad6490d1a3d1db0832e34ba2885ca86ffd6400a6eee4a0fcffda6709e4cc0422aa7d55202aabc457580ad8dcd0ae395ee75\
     6ced9ab26f28d3a7f0cc7d97e65d00468a0f179fa1e4bbd088ac82018dac5d6ba3ade172cd17e461d0dc4883c17eb66e0279\
     6f3d4bd30d7dc0ea79c379f82c7b1b594dd7867e0014bc771597a777f1fc6d551265";

    const RSA_4096: &str = "3082020a0282020100bf088cef5c523d0246e4741e89a964fdef67fa0b54d1fecc264af0614e2995739d7c57d4aaf74a189f\
     6b37d40e608c2636352b7acd61c0f464b6ce552d67ec930dac55feae9c7f9eb60fdf7e01c717ba84e61d4904e20498387e64\
     b31bd72f3812980a7e7694134019fad67786da345a7e2524d95ae2808cf204f3e08ebbb5dc50b5f8fc4a1226b4c297acc7a4\
     a50dfbea49d22418d4549b2074684b80deea6af46007d1a10da964d1249551ec9adef2c38bbbd6041dbc1be09ee74a9cdc7d\
     139dce7bead5f8d0a9258c1eea4cc6a74613040df27b2e9c7f8946cf1d79ed244c49f8dc4249b12cbec2a14b80680e494ac0\
     bd1f606d420ae5fecda402bee5a9df814fee60a3935cff13227e1f203858d1179f846362a433688dfc26118b9468419d1185\
     feb2a0c9e363aaa7ec84a9be0dc4d6dd4849236df01da81f310923ec3e51bb29094a1347750fdcc1c86d033bf37265afba79\
     cceb91ed24b219a90e68d2017e2b6b20495aea9ac73a58726c4c2110c2b1a6638168c944509dc341728bae51fb298183ed80\
     daac3473f870d9aa0f21a8e8bc16aeea238f36891a0fb2670f997904c359271e0421793a177f8b4c9b6cf025e8615c1db95f\
     3450cdf1b245b55d2e1022b364f40ae03955e7619265c33ec5e0fa05f8ff195b217c6f72506aea720993ac19e80e5710bfd8\
     f2328b580839bb487671967203aa7fb08481d5eb1f0203010001";

    const RSA_4096_PKCS1_512: &str = "5277a5b5d1cf475be5e130c07f304d3cef2f0f46d59ffa6a81c4379c258a64bde98e4c81db010cef60ff2ad5ed16f7f23738\
     8ac8d9b0259006d91cb5a58f3d67b4482f95e86d82c991ffe74042554cc03b1010d5d2aaf8a718c37c657fd41eba9512b687\
     b0b823144602f547f61bb7f15b9e7687bf5c520fd7936d25660a22bef628554e60df8e4a2106fe92442b36581b8550badcb2\
     bfcae4be75d64e27a2d6177723422e3170aabdcd994c5dd6cc6c3ceeb062a0c677e8681af19068e7cce4510e174c71801888\
     0b470ef518adbf588ce7f061a4ad9daa3c02c68c64dfe1926c515c6659a15ab0572ba15a4f1d96e3b52183f9303dee40d81a\
     150fbb555230f1d5855913a635c92bec8a011b7276a9a1d6576f3b65878b80f49961affb1859d68bc9e6980bfda390fb6ec7\
     3289f3451cd9af75502c24b11cd1d08fb4430b4f51644390f9ae50982c07a41a02a887e5c6afd5851e07997117e692123faf\
     13a35f5ca7509cfc4c8ed9b44ed647a8a036e613d616c0e685f57306a527466d4a909f75670125c78d28ad9002fc514e59b4\
     01188a40156a3d4755bf3d1b94f84c181263071864a01521e0a069bd77079dfc3ecc9faea477743e8a89237a775b4a5b8a92\
     2c686c30ef25c8b79b2fe8a10def6e2e9db751628f68dac68d5bca41ee512c65a3c6ad89f76bda27d85d4c5314c0a255a883\
     55ec23408111c56000e6794c";

    const RSA_4096_PSS_512: &str = "5219402361b37586b8bc7129a17d4211804fcd2b301e9d3981ca68eb44fce145d340cb79751432e5e4772c399bc47226b5fa\
     94e2bbdd27e216b0c0cb8ac5e2d4e005c0c9f057540623de1570508d3f656d740a71470ffc97c60194793b13df6d3189aade\
     b8f4cb13d2d2ff8ccad6296557fd57900b3c9462ba4428244e2d614216f555a027b087c62f6176f28a3e20473f617d817325\
     ecd8094337b5886d27d2be241bf83a23f5a90e337f14d208ee341097e82447966027f254bf00b7a99c83d8526d3f39e5fbea\
     960c694ba4e70d45792eb0872ca8fe975e9f99ecc5809c98f3ff69ad120e2a4f296e2d65d9b4fdac4edb85ffa43b32f48597\
     db4b87704ae3ed79d6ae4fa1f7ce978a71e4f1627093ce1b1046dd39ab26f01515571ffb84dd8c0ec0b0f195629a688a1ea2\
     b2c97a02582f16e3d6919e0b1bc0cdcb2e173773cce7daaebe00936633514438dcee2af978a8837e9accfc492c19373f2e2a\
     aded16b20356d32bed1bb5d3ed2e82e716c07dedc444858da924ec85896b832da71f9f847c53b4b9145bee161cb9c6a89b77\
     d4730626234309e3e8e1b8f1f61a397b57a7de90d269760ec94f74fc84ca3cc8df926cfa2bd3ca49efbb63f89e5871bdf5e9\
     9cbacdc2907e3f326d8cf1bac887b4ad05c726784a5c646826e1e80c361600791505a0e7646b199d3dc9dfd5baf30fca3d6c\
     9cf2eb8e52a46e203b1e9e92";

    const RSA_2049: &str = "3082010a0282010100ad3c870010bd55ea85f23061ab2b62ca940311408c069d192458746b50c7b9dcab5104a46425b164a9\
     6058e34b103dd9bda8c3f0302a015d48deaa6ec7acd58286d820f7346aaa54d5b732fd86ebcebdc875a1893b13e0798d2539\
     bebda02a3ff48db6223175dfcd3b453a9c8a6eb331bf0eadcff0344ff26ea2c0bf238b274a787af0b76a611a8a46ad515678\
     4e842537f3b14ef3b41ed766ac3086bd0aff733fa0aedf058c38e320a12068ca8a224d92ba812b4128b60b64c71c99d1acbb\
     b2308232459369c2b63d8b1ca71b5245a7abd3d46958e38ebd55c338a7a038208581baee8ff9a480395f92dd8b5209981a14\
     35ac05bf983de4b0c789cca1e06d7f0203010001";

    const RSA_2049_PSS_256: &str = "33ad08b1c3d347a33d77c40d443ea55a376c636b1ff867466ca904b015c65ec7941728cae25bb470db0b536cda06512fac39\
     d25e95c2de5a5f27b4292c3ddce29ca490d0d0d95a0b39f87b27f654fb4205b65138406a1562e33cb1951f1ee61bf6552140\
     ff9c250c22e53cca038ad23db13b6e542790ab3281093e3d31c32651ba6aa0488f339904474185be8a88304fff90ab14b85c\
     cd37bc8811d2ffc547991e46f0e26111a18a310c5e8299874e5b2cb3bb4a1aa175b6a35059766a98c77c94c7c670d361afe8\
     3eb85125c2de04b55e1a254d17b243bfadf62e5487a325fa0c54cdfdb23946d01eeab2330dc4084ba69ef549c3de4ca27910\
     9427731eba6d";

    const RSA_2049_PKCS1_256: &str = "0810fd5116ebd9aaafdef3c7206800e0167097171770e1fb28c916daad20fc9635a3650256f30f4bbcd016ea795f0713b701\
     3654a496fb8e0f9bdaa534dc042c227908455bad7ab5c1967601f88dfe31ab0e1bbb63f7a5c67eb7d4129b0634a0cddc8847\
     1f3245eb0076fa0281690b19f22fea2656a40014b36d1eca6e0b7de5565625112a7c6ed01f1da317f35954755435a867d801\
     ec85b837c54b704ca8b26801e08290f6064b8c14cd2675905e5289ee3c2db9df99fc35f7a8e5ec15524227efc626eadb2c98\
     20b6c5561c7d566d76c3c687fb0aff6808d98c278951ce5165cdd58b462cc58bd2a300bebc68dac008b2633161908f0f0e6a\
     6acbf6e7255e";

    const RSA_2055: &str = "3082010a0282010128a30d03148d4d2cd345965d690a3819b33f829b53e06314288c15cfaf80fdbd06c0be5eba5717af02de\
     b9dbb4063372f1b3c6e228e40c7784b06ec748d08727050d63b742c8a5e8e328d845c1058f078207cc9655e7edbd70799ae9\
     9cf65af7bf76216333aa7fabf392b38dcd0c06bb66c2f5cf20cc6fe681161902eebbf0d3f5caf1e2ab2610ce334ee28ca075\
     dfcdffd60317b7661d479430e31045b2e2f88f9e7f0c570e7b8f0ece15a5a9a1983929b123a041b6883b1d6a315ca8abd2e8\
     c89cddfd0ba0b4b67b94feea7c78913fb7da63b02909a0e78fd660afcf01f5241cc409f1c2de8d07e3e156459d8a99479815\
     e4654c9889716a2bb2b202731432f50203010001";

    const RSA_2055_PSS_256: &str = "146f0376ae81f56b73b8b8c5c3ad6a5b2b395297a38865fd2a38c9670a09d0995e60fab1191fc199be71396643bb70548167\
     70a67a70cc2a7a4cae2aaf276c8029b64a7c6017fd5f0182c5c80473f7e10b00117d9e248bb4039faef52772248cc017ffed\
     279f86a15c8a4a3f4e5671d987f151a1ad7933a990e95b05488c60a847ffdcb644c2c77594136f528bada23e28eac73ef5fe\
     3ff7e40ecca5db05088e260af945fd36354aebd4c6de42a95e604dbd69cf995f83120fd1a6750359d1d5db0a61feead85949\
     c9945f628922c2433fec2a45b0cf6ff29ffa76a289c0ecc368b8a56c07691cce37ced817922810ccb5e55602f224bd943a3f\
     158f4c6917bbd3";

    const RSA_2055_PKCS1_256: &str = "03c2474fb8c7ea8c7eec2dfe695d9c2fdeae4eda1b33254210bff8769fc5a6eccd3200756b9e1e1f93465221589b406b3109\
     adde2fc991054af627285f8f5fa3b5aea38348ed96dcae894d7d4c6f572e9c5c5af4c57495de508f5598231684351d32e601\
     b9bd4ae23d492d257b83e64e92bea116f8eab269b2a8b0ff7f71f34c384f2cd500754c135a1706c276e00a2023f6b4bc8506\
     a4ab5b09eb27184520f075c8f07c72de0fc19471c345dca276400f029e1214a447971076b67f5283bcf50b16edca7aa555e2\
     c42d5636ae02f25e8eaadc3589f18f9b63b7bb93d84d7d03537e6637a9b1ca4c47d8eac1913ae953bdb29a2276ee1dd75345\
     203606136ce49c";

    const RSA_2048_EXPONENT_3: &str = "308201080282010100c85c1c9cf381331a971d56429319ea7878001c6dbdd39b73f580b41d82daa7b7fec90a736c08679a90\
     524d3eac5b18a483fd1c51ed89a777d763f655d9708d1d2f2faa7b9230f80a02d3331b92ebaf41aff1a5994c70799e33f5f2\
     27b2097977f7b24ec9d07af9b192c60da769afb2bc06d5745eec3afe526772278f991ebba9e60b836c2be5ea9d3916d985b2\
     6cecfe56877a710f3d7754f022894adbf900f987adaeee435aaf6add672c2cd5224b0e036d9afa141044c678f3a92f36eda2\
     c4a83c4855c5f206bd3bae3bffcff3900c01d62591d06d8f3e587e9cd9091abb4fa346392f2572d5ff4a3db7502206ed122f\
     5259e6a560439837a65c6305cac851020103";

    const RSA_2048_EXPONENT_3_PSS_256: &str = "218fb66e01e7317b082f9058ea1eb9628c2a8e5dfec8c1ab5cfb89c3455e7cdbc01c7520ed435fa77c71b42ec503baf398fc\
     7032f764c9c61d26c7de0f2fc776817cbb59c2e1a6752dd16b151a1f328b5b0e38de8453047f661649ea2abdf06d5a8e99b2\
     b184b534eb47673fb3f934f66dca5adb626e6b920e19f00ac33ba0af796264a3db971e97241ab1320c754d5273c51df86f9a\
     3008097b51cd5772b625dd04c69a2dc949ac60c842d4a61adcf2d489f19a6865ce0429360642ec851028a5d410f590770ba4\
     cee4c0e16a6d1fcf65bc21b979ad0b99f80dfcfed4860a818c045ede876bf7f8dbc94869e3e97fd5be5c8caaa1cb6804683c\
     8a1ebe305bbd";

    const RSA_2047: &str = "30820109028201007fb28acd7471dc39a894a7ac70921cc559fa57667a7d0ba3d7644883f78c86e12272b46e34cf691c9c7b\
     5014f182fda980d243a932f0bad5512c24af08edf88e6aad48d112bf12ec6cd2f318a11fe0014bf36a78d689466b7f228065\
     ce4e7ee04beef29d2aceec490088a6b49b4f90ccfe1be0f1409fdadee3672dbd5bffcc8a34c34f979c15ed6aab3fc93644de\
     a88d38df1b8123c8e31dd9bf50dffa13f79c2a2c58679e6971548f5db2275ff9afa4d990757562e02dac24eb96280c84a4cc\
     432f0b909007746951caeb4893c172094505abf5cb8eb9d18050f55e1e8fb6e13587bca3b9e891bb407cf719dc7f27779e08\
     c67d659eee217fef07a3a0272fef0203010001";

    const RSA_2047_PSS_256: &str = "591690eb85abcfbf5c68d8326227fa062e48bc3fcdd38e2f2f256a5b2933077759ce57df31ab34a7bf0e7d0a80a0ba695633\
     0b2e95c8735884892e56a23827520193ed82cc1a7f629059cf8d208b3fc1c8a3a3be59612c1d993b805a2bc38edac682b6ff\
     12fff86afc36ff7df571350093036fdc3f65755ff72416c95f369cd5614556b67b4f31f6dc92596c29aeb25dbf48eb342d94\
     9a2afcf206d5b63d611d6ad59f80b5b089573c2cab0242d7d95951748358251f13683a9b3c3e4b0dfde115d04054ec416045\
     80a7e0c4cdb3dff3d4c6b730e1f4fad3d814fb87f96ee0f74e99dc4f856eb6a4fd01ffb329aee9d84db801ccc5f0baf9f882\
     fbdbc90c19a3";

    const RSA_4104: &str = "3082020b0282020200dd11cdeb51b69b83e7a42069971554cc2c5384cfe1c92fe3a1b38530abd5beb6d1c782812ce8df0354\
     e46a8a4f8c4aeefd8b9f1fd6ae5bd5ea25942aa5ee81d3b88b5c5b60d99a6bc7b4de39b7b7b83cab55a1532ace84034e0fe5\
     133d3aee0cf2da3062e29f8a9c3144f472ae939f8cd2f68a25d39ebf2b72670c32b67b6e4cd3359415e9239780da198fad30\
     b157c2a515abc2339641112d35aac222f44c6035b89c0815d0ce7362478755281d739c15700f08fbd9fa1d4a723c5683ca08\
     11adb77f32b95ef449932b1f822fbb44345ba3ac8fed9b891b8afa5e0fc62e41585d41aa97122429e3310dd502e3db1ce4dc\
     7056251de329c0d383633160426192a774c1a4b89472c2e02b630f4bdb88b41ddddfe81d009a89855fd44490859e4e67ee8c\
     8ea8e7d5152673fe2390ffe8b505e8a26e5e715cb1a54e3afd9fcb41811560fe9e025b054afa75e5b6e3645651dcc050861e\
     314c8ffd1a7df474495abc9dcf9010d1ff818fde6e0e95732ab74d41db2f24e4ef40153bc738569a5d15d2edb199db31bdcd\
     703d08f142af5a27a6fe2624b3974a4b91036d8aab9dc1b406f7563810b842e75b266289013cc5bda21f99fb516425700477\
     0ca2644e3774e2c356d09620481fc563f13878cf102721b6a1273c166675f2f3f463b8396c9eb69d296ab0618d4bbe555907\
     79267b54afbc0ada8a572da1ab8e67ffc8799c23db390203010001";

    const RSA_4104_PSS_256: &str = "a9cbb968178122682eca6b0b524a54483e8a68ff88fd9be313867ed516ec1372d8297d5aaba9a82f580cf0de83d9c7ffd399\
     d2aa73563501735c66055fbe727cf736232eb5e78f011ede9e8206044c8db680cc59505e88343285803a89a6e56c77ec80d9\
     9270b5b8555f0425cc346f19f10a235183cd3d1668c20b0d6197de82c249502ee2b408913a4588346fcbeaffdbc43453b64c\
     acc5767ba620aff58f5d089e0921d89e0566e95583bffa8d0eeed0f687a9589ce1a233efae2724728d804c8284cfddee3fb6\
     a06072c9d65cf2c995787d352c887acdcb360f614289a1fcdc0ec952bb12ba0f8c4b249f62532a114f88c16954db076f7302\
     b3a4cb72b71f8fb9161506409608d64b56f30c319f173e7a662ed975298f388d216874351b77330a2d3d7a1cdd9b0e712023\
     66c771cb5e4852c36f43251320a8e5b5cb3859c7737081cab66dbd69ac75a52949e3c0876bded22972beef6e50aef5d3b024\
     79d19e87724d8eb2020d71c909229a1da02a159a5a6403c9cee7e9c276e199af00d6e9eff63072a6d446a77badec1f8e9d64\
     3ca417fba4b2ffbcce4a5a89de4e6766b9ca0f47e1d52576f22207b4c63719b8ec7f6e7056b84909e48deed512eca2c827cf\
     2feb9fd7f46085e0586e9f2584285e8ebbe3356ccb1e8fa393ff7645ec46827ec5f960a2b91d8e9cce03b92964e9df57251f\
     9f77e86da8485ecd2246e7b4de";
}
