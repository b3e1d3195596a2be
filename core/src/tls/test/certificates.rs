//! A chain of P-256 certificates made once by OpenSSL 3, and the key of its end.
//!
//! Whatever is put into a field of the leaf, its key stays where it is; the middle's signature is void then, which nobody
//! looks at where keys are pinned.
//!
//! Invariant: root (2024-2044) signed middle (2024-06-2043), middle signed leaf (2025-2035) for `a.example` and
//! `127.0.0.1`; the other root signed nothing.

use super::super::certificate::public_key::PublicKey;
use crate::crypto::vectors::hex;
use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader};
use std::vec;
use std::vec::Vec;

/// The anchor.
pub const ROOT: &str = "\
    3082014b3081f3a00302010202021001300a06082a8648ce3d040302300f310d300b06035504030c04726f6f74301e17\
    0d3234303130313030303030305a170d3434303130313030303030305a300f310d300b06035504030c04726f6f743059\
    301306072a8648ce3d020106082a8648ce3d03010703420004fbc83234627291acd313e1d5184ba3522fa61918d4cb75\
    03be722a6c12b40f06ff018c3c53638da81b32d656cba37f98dfa628aa19c4da8126c75c4036779fa9a33f303d300f06\
    03551d130101ff040530030101ff300b0603551d0f040403020204301d0603551d0e041604147764d38c1c8cecb7a32f\
    a5f6f331c33a8bb8902c300a06082a8648ce3d040302034700304402205d14cddabd105c1c5b828770b39e0b3701c942\
    745f709741bc549ed7573b255b022012b69a25e70fd751482468de7fdba67e8e0aed87128c3bbae700868b7ee2cb8c";

/// An anchor of nobody here.
pub const OTHER_ROOT: &str = "\
    3082014e3081f5a00302010202021002300a06082a8648ce3d0403023010310e300c06035504030c056f74686572301e\
    170d3234303130313030303030305a170d3434303130313030303030305a3010310e300c06035504030c056f74686572\
    3059301306072a8648ce3d020106082a8648ce3d0301070342000475c0dcb4351c399fc4cdee3cc6bcf9b8e7791250c4\
    94a82c442ef81557c01cbbfe78c6050af4024bbb0483444e05afb4e5431823850dff6f8eeef2a7a6a976e0a33f303d30\
    0f0603551d130101ff040530030101ff300b0603551d0f040403020204301d0603551d0e04160414d119da80e4041cfc\
    ddeab511d8cb5985a88931a3300a06082a8648ce3d0403020348003045022100cbb46b02a1be704aef55a6b9bbb9e4b2\
    c521f126bafbe15d41e4cd0c1283cc66022068e74bcc2f36483a09843a3a0b0e3ca8794ed0d7b5cab59d4f4df020a80a\
    ddac";

/// What the root signed.
pub const MIDDLE: &str = "\
    3082017030820116a00302010202021003300a06082a8648ce3d040302300f310d300b06035504030c04726f6f74301e\
    170d3234303630313030303030305a170d3433303130313030303030305a3011310f300d06035504030c066d6964646c\
    653059301306072a8648ce3d020106082a8648ce3d03010703420004df56e1bb999eb7693e32ac39588cba8dbd167390\
    930d7567090ef06b14a6093a0a31b95e7ff4baf4b267358cec7244604aecc1c1290f38a68534b0b1898dafc9a360305e\
    300f0603551d130101ff040530030101ff300b0603551d0f040403020204301d0603551d0e04160414a288c235a50692\
    8eb290d1af6c87edebf69d6920301f0603551d230418301680147764d38c1c8cecb7a32fa5f6f331c33a8bb8902c300a\
    06082a8648ce3d0403020348003045022100d82871d5b03a076d0b4a626013c4eeea3ae0adcc80404692d46d6583a8dc\
    9a5a022052c2dd5a805a1f23e37ac8826c035ada35f2476a7520ebd9b4092731fe283123";

/// What the middle signed.
pub const LEAF: &str = "\
    3082018230820129a00302010202021004300a06082a8648ce3d0403023011310f300d06035504030c066d6964646c65\
    301e170d3235303130313030303030305a170d3335303130313030303030305a300f310d300b06035504030c046c6561\
    663059301306072a8648ce3d020106082a8648ce3d03010703420004ba63c74c88428f4215cb703233d23c07f3e1d1ff\
    3496727c4048d509bda6db007d59b3ca789eafed69a148be9858d1155b5d3838dde75db8d861aef0b73a5c53a3733071\
    301a0603551d11041330118209612e6578616d706c6587047f00000130130603551d25040c300a06082b060105050703\
    01301d0603551d0e041604144aabdf33c2d457d19727e7f49537911c1b1ad810301f0603551d23041830168014a288c2\
    35a506928eb290d1af6c87edebf69d6920300a06082a8648ce3d040302034700304402204bf4539881675076e9486160\
    261fb1ab24d8067aae1276a6cea9f397ad27778102207bc24d2a51b73772aaf242e7bde7d08f0474b2948114e5777421\
    782060d9e491";

/// The private key of the leaf.
pub const LEAF_KEY: &str = "b86f7006d4c1b858d5a75e876049720b620a8ae4fa8c8409e966b5136723e0a5";

/// 2026-01-01, a day on which all are valid.
pub const NOW: u64 = 1_767_225_600;
/// The first second of the leaf.
pub const LEAF_FROM: u64 = 1_735_689_600;
/// The last second of the leaf.
pub const LEAF_UNTIL: u64 = 2_051_222_400;

/// What OpenSSL gives as the SHA-256 digest of the leaf's and of the middle's public key.
pub const LEAF_PIN: &str = "b77611feba434172d5c90a73c8ba2924257a18d8a32a6b3e72a182ddc08b9091";
pub const MIDDLE_PIN: &str = "136132491c6cb5e54b652c0f540a1118c54785d0b304398097bc13ac8c54c0e1";

/// Places of the fields that are signed.
pub const SERIAL_NUMBER: usize = 1;
pub const ALGORITHM: usize = 2;
pub const ISSUER: usize = 3;
pub const SUBJECT: usize = 5;
pub const EXTENSIONS: usize = 7;

/// An element of DER from the parts of its value.
pub fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let [high, low] = u16::try_from(value.len()).unwrap().to_be_bytes();
    let header = match value.len() {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [header, value].concat()
}

/// A name whose one attribute, a common name, has this element as its value.
pub fn name(value: &[u8]) -> Vec<u8> {
    let attribute = element(0x30, &[&hex("0603550403"), value]);
    element(0x30, &[&element(0x31, &[&attribute])])
}

/// The elements inside of one.
fn parts(of: &[u8]) -> Vec<&[u8]> {
    let mut reader = SliceReader::new(AnyRef::from_der(of).unwrap().value()).unwrap();
    let mut parts = Vec::new();
    while !reader.is_finished() {
        parts.push(reader.tlv_bytes().unwrap());
    }
    parts
}

/// The leaf with another element in the field at `place`.
pub fn leaf_with(place: usize, field: &[u8]) -> Vec<u8> {
    let leaf = hex(LEAF);
    let mut whole = parts(&leaf);
    let mut fields = parts(whole[0]);
    fields[place] = field;
    let signed = element(0x30, &fields);
    whole[0] = &signed;
    element(0x30, &whole)
}

/// The middle's key, as others' certificates may quote it.
pub fn quoted_key() -> Vec<u8> {
    PublicKey::of(&hex(MIDDLE)).unwrap().info.to_vec()
}
