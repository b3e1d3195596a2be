//! All of RFC 9369 appendix A: version 2. Only for tests.
//!
//! Invariant: every value is the document's; nothing here was produced by the code under test.

use super::*;
use crate::wire::Side;
use crate::wire::packet::{Header, Kind, Version};
use vectors::hex;

/// The connection ID that the client chose.
const DESTINATION_CID: &str = "8394c8f03e515708";

const CLIENT_CRYPTO_FRAME: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c000004130113\
    02010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d00170018001000070005\
    04616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce1\
    5d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c0002400100\
    3900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806\
    048000ffff";

const CLIENT_INITIAL: &str = "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071bf03dceebfa162e75d6c\
    96058bdbfb127cdfcbf903388e99ad049f9a3dd4425ae4d0992cfff18ecf0fdb5a842d09747052f17ac2053d21f57c5d\
    250f2c4f0e0202b70785b7946e992e58a59ac52dea6774d4f03b55545243cf1a12834e3f249a78d395e0d18f4d766004\
    f1a2674802a747eaa901c3f10cda5500cb9122faa9f1df66c392079a1b40f0de1c6054196a11cbea40afb6ef5253cd68\
    18f6625efce3b6def6ba7e4b37a40f7732e093daa7d52190935b8da58976ff3312ae50b187c1433c0f028edcc4c2838b\
    6a9bfc226ca4b4530e7a4ccee1bfa2a3d396ae5a3fb512384b2fdd851f784a65e03f2c4fbe11a53c7777c023462239dd\
    6f7521a3f6c7d5dd3ec9b3f233773d4b46d23cc375eb198c63301c21801f6520bcfb7966fc49b393f0061d974a2706df\
    8c4a9449f11d7f3d2dcbb90c6b877045636e7c0c0fe4eb0f697545460c806910d2c355f1d253bc9d2452aaa549e27a1f\
    ac7cf4ed77f322e8fa894b6a83810a34b361901751a6f5eb65a0326e07de7c1216ccce2d0193f958bb3850a833f7ae43\
    2b65bc5a53975c155aa4bcb4f7b2c4e54df16efaf6ddea94e2c50b4cd1dfe06017e0e9d02900cffe1935e0491d77ffb4\
    fdf85290fdd893d577b1131a610ef6a5c32b2ee0293617a37cbb08b847741c3b8017c25ca9052ca1079d8b78aebd4787\
    6d330a30f6a8c6d61dd1ab5589329de714d19d61370f8149748c72f132f0fc99f34d766c6938597040d8f9e2bb522ff9\
    9c63a344d6a2ae8aa8e51b7b90a4a806105fcbca31506c446151adfeceb51b91abfe43960977c87471cf9ad4074d30e1\
    0d6a7f03c63bd5d4317f68ff325ba3bd80bf4dc8b52a0ba031758022eb025cdd770b44d6d6cf0670f4e990b22347a7db\
    848265e3e5eb72dfe8299ad7481a408322cac55786e52f633b2fb6b614eaed18d703dd84045a274ae8bfa73379661388\
    d6991fe39b0d93debb41700b41f90a15c4d526250235ddcd6776fc77bc97e7a417ebcb31600d01e57f32162a8560cacc\
    7e27a096d37a1a86952ec71bd89a3e9a30a2a26162984d7740f81193e8238e61f6b5b984d4d3dfa033c1bb7e4f0037fe\
    bf406d91c0dccf32acf423cfa1e7071010d3f270121b493ce85054ef58bada42310138fe081adb04e2bd901f2f13458b\
    3d6758158197107c14ebb193230cd1157380aa79cae1374a7c1e5bbcb80ee23e06ebfde206bfb0fcbc0edc4ebec30966\
    1bdd908d532eb0c6adc38b7ca7331dce8dfce39ab71e7c32d318d136b6100671a1ae6a6600e3899f31f0eed19e3417d1\
    34b90c9058f8632c798d4490da4987307cba922d61c39805d072b589bd52fdf1e86215c2d54e6670e07383a27bbffb5a\
    ddf47d66aa85a0c6f9f32e59d85a44dd5d3b22dc2be80919b490437ae4f36a0ae55edf1d0b5cb4e9a3ecabee93dfc6e3\
    8d209d0fa6536d27a5d6fbb17641cde27525d61093f1b28072d111b2b4ae5f89d5974ee12e5cf7d5da4d6a31123041f3\
    3e61407e76cffcdcfd7e19ba58cf4b536f4c4938ae79324dc402894b44faf8afbab35282ab659d13c93f70412e85cb19\
    9a37ddec600545473cfb5a05e08d0b209973b2172b4d21fb69745a262ccde96ba18b2faa745b6fe189cf772a9f84cbfc";

const SERVER_PAYLOAD: &str = "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a1200\
    130100002e00330024001d00209d3c940d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00\
    020304";

const SERVER_INITIAL: &str = "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf872630\
    17915358230035f7fd3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2\
    c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca84bed8521e2e140";

const RETRY: &str = "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6";

fn keys(side: Side) -> Keys {
    initial::keys(Version::V2, &hex(DESTINATION_CID), side)
}

/// `clear` is what `from` sealed, number `number` of `length` bytes, to be opened by the other side.
fn assert_sealed(
    from: Side,
    header: &str,
    payload: &[u8],
    (number, length): (u64, usize),
    sealed: &str,
) {
    let mut clear = hex(header);
    let number_at = clear.len() - length;
    clear.extend(payload);
    let mut packet = clear.clone();
    packet.extend([0; TAG_LENGTH]);
    keys(from)
        .local
        .seal(&mut packet, number, number_at, length);
    assert_eq!(packet, hex(sealed));

    let header = Header::decode(&packet, 0, 0).unwrap();
    assert_eq!((header.kind, header.version), (Kind::Initial, Version::V2));
    assert_eq!(
        (header.number_offset, header.end),
        (number_at, packet.len())
    );
    let opening = keys(from.peer()).remote;
    let unprotected = opening.header.unprotect(&mut packet, number_at).unwrap();
    assert_eq!(unprotected.number_length, length);
    let payload_at = number_at + length;
    let plaintext = opening.packet.open_packet(&mut packet, payload_at, number);
    assert_eq!(packet[..plaintext.unwrap().end], clear);
}

//= rfc9369#3.3.1 test
//= rfc9369#3.3.2 test
#[test]
fn client_initial() {
    let mut payload = hex(CLIENT_CRYPTO_FRAME);
    payload.resize(1_162, 0);
    let header = "d36b3343cf088394c8f03e5157080000449e00000002";
    assert_sealed(Side::Client, header, &payload, (2, 4), CLIENT_INITIAL);
}

//= rfc9369#3.3.2 test
#[test]
fn server_initial() {
    let header = "d16b3343cf0008f067a5502a4262b50040750001";
    let payload = hex(SERVER_PAYLOAD);
    assert_sealed(Side::Server, header, &payload, (1, 2), SERVER_INITIAL);
}

//= rfc9369#3.3.3 test
#[test]
fn retry() {
    let (retry, cid) = (hex(RETRY), hex(DESTINATION_CID));
    assert!(retry_tag::is_retry_genuine(Version::V2, &cid, &retry));
    assert!(!retry_tag::is_retry_genuine(Version::V1, &cid, &retry));
    let header = Header::decode(&retry, 0, 0).unwrap();
    assert_eq!((header.kind, header.version), (Kind::Retry, Version::V2));
    assert_eq!(&retry[header.token], b"token");
}

//= rfc9369#3.3.2 test
#[cfg(feature = "chacha20")]
#[test]
fn chacha20_short_header_packet() {
    const NUMBER: u64 = 654_360_564;
    let suite = Suite::ChaCha20Poly1305Sha256;
    let secret = "9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b";
    let secret = Secret::new(&hex(secret)).unwrap();
    let keys = DirectionKeys::from_secret(Version::V2, suite, &secret, None);
    let mut packet = hex("4200bff401");
    packet.extend([0; TAG_LENGTH]);
    keys.seal(&mut packet, NUMBER, 1, 3);
    assert_eq!(packet, hex("5558b1c60ae7b6b932bc27d786f4bc2bb20f2162ba"));
    assert_eq!(
        secret.next(Version::V2, suite).as_slice(),
        hex("c69374c49e3d2a9466fa689e49d476db5d0dfbc87d32ceeaa6343fd0ae4c7d88")
    );
}
