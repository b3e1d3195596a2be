//! Servers that are known by their key (RFC 8446 §4.4.3). Only for tests.

use super::certificates::{
    ISSUER, LEAF, LEAF_PIN, MIDDLE, MIDDLE_PIN, SUBJECT, element, leaf_with, name, quoted_key,
};
use super::*;
use crate::wire::Side;

fn pinned(pins: &[&str]) -> ClientConfig<'static> {
    let pins: Vec<Pin> = pins
        .iter()
        .map(|pin| Pin(hex(pin).try_into().unwrap()))
        .collect();
    ClientConfig::pinned_keys_only(Box::leak(pins.into_boxed_slice())).server_name("other.example")
}

fn outcome(config: &ClientConfig<'static>, flight: &Flight) -> Result<(), Error> {
    let mut client = Client::new(config);
    let result = client.run(flight).map(drop);
    assert_eq!(client.handshake.is_complete(), result.is_ok());
    result
}

#[test]
fn a_pinned_key_is_enough_and_needed() {
    let correct = Flight::correct();
    assert_eq!(outcome(&pinned(&[LEAF_PIN]), &correct), Ok(()));
    assert_eq!(outcome(&pinned(&[MIDDLE_PIN, LEAF_PIN]), &correct), Ok(()));
    let alone = Flight {
        chain: std::vec![(hex(LEAF), Vec::new())],
        ..Flight::correct()
    };
    assert_eq!(outcome(&pinned(&[LEAF_PIN]), &alone), Ok(()));
    // The key of an issuer is not the server's.
    let unknown = Err(CertificateError::UnknownKey.into());
    assert_eq!(outcome(&pinned(&[MIDDLE_PIN]), &correct), unknown);
    assert_eq!(outcome(&pinned(&[]), &correct), unknown);
}

#[test]
fn a_pinned_key_that_a_name_quotes_is_not_the_servers() {
    let quoted = element(0x0c, &[&quoted_key()]);
    for place in [ISSUER, SUBJECT] {
        let quoting = Flight {
            chain: std::vec![(leaf_with(place, &name(&quoted)), Vec::new())],
            ..Flight::correct()
        };
        assert_eq!(outcome(&pinned(&[LEAF_PIN]), &quoting), Ok(()));
        let unknown = Err(CertificateError::UnknownKey.into());
        assert_eq!(outcome(&pinned(&[MIDDLE_PIN]), &quoting), unknown);
    }
}

#[test]
fn a_pinned_key_has_to_be_held() {
    let wrong = Flight {
        signer: Side::Client,
        ..Flight::correct()
    };
    let refused = Err(PeerMisbehaved::BadSignature.into());
    assert_eq!(outcome(&pinned(&[LEAF_PIN]), &wrong), refused);
    // A certificate whose key is pinned, shown by a server that holds another key.
    let stolen = Flight {
        chain: std::vec![(hex(MIDDLE), Vec::new())],
        ..Flight::correct()
    };
    assert_eq!(outcome(&pinned(&[MIDDLE_PIN]), &stolen), refused);
    let nothing = Flight {
        chain: std::vec![(b"no certificate".to_vec(), Vec::new())],
        ..Flight::correct()
    };
    let malformed = Err(CertificateError::Malformed.into());
    assert_eq!(outcome(&pinned(&[LEAF_PIN]), &nothing), malformed);
}
