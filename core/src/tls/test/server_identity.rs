//! Who the server is, who we are, and who decides (RFC 8446 §4.4, RFC 5280). Only for tests.

use std::sync::Mutex;

use super::certificates::{LEAF, LEAF_FROM, LEAF_UNTIL, MIDDLE, NOW, OTHER_ROOT, ROOT};
use super::peer::with_length;
use super::*;
use crate::crypto::signature::{SignatureScheme, Signer};
use crate::mem::Shared;
use crate::tls::config::{Identity, KeyLog, Question, Trust, Verdict, Verifier};
use crate::wire::Side;

fn run(config: &ClientConfig<'static>, flight: &Flight) -> Result<Client, Error> {
    let mut client = Client::new(config);
    let result = client.run(flight);
    assert_eq!(client.handshake.is_complete(), result.is_ok());
    result.map(|_| client)
}

fn error(config: &ClientConfig<'static>, flight: &Flight) -> Error {
    run(config, flight).map(drop).unwrap_err()
}

fn with_chain(chain: &[&str]) -> Flight {
    Flight {
        chain: chain.iter().map(|der| (hex(der), Vec::new())).collect(),
        ..Flight::correct()
    }
}

#[test]
fn names_and_anchors_have_to_match() {
    let at = |root, name| ClientConfig::new(anchors(root), WallClock::At(NOW)).server_name(name);
    let correct = Flight::correct();
    for name in ["a.example", "A.EXAMPLE", "127.0.0.1"] {
        assert!(run(&at(ROOT, name), &correct).is_ok(), "{name}");
    }
    for name in ["b.example", "x.a.example", "example", "127.0.0.2", "::1"] {
        assert_eq!(
            error(&at(ROOT, name), &correct),
            CertificateError::NameMismatch.into(),
            "{name}"
        );
    }
    let unknown = Error::Certificate(CertificateError::UnknownIssuer);
    assert_eq!(error(&at(OTHER_ROOT, "a.example"), &correct), unknown);
    let nobody = ClientConfig::new(&[], WallClock::At(NOW)).server_name("a.example");
    assert_eq!(error(&nobody, &correct), unknown);
    assert_eq!(error(&config(), &with_chain(&[LEAF])), unknown);
    assert_eq!(unknown.alert(), Some(Alert::UNKNOWN_CA));
}

#[test]
fn dates_are_checked_to_the_second() {
    let at = |seconds| {
        let config = ClientConfig::new(anchors(ROOT), WallClock::At(seconds));
        run(&config.server_name("a.example"), &Flight::correct()).map(drop)
    };
    assert_eq!(at(LEAF_FROM), Ok(()));
    assert_eq!(at(LEAF_UNTIL), Ok(()));
    assert_eq!(
        at(LEAF_FROM - 1),
        Err(Error::Certificate(CertificateError::NotYetValid))
    );
    let expired = Error::Certificate(CertificateError::Expired);
    assert_eq!(at(LEAF_UNTIL + 1), Err(expired));
    assert_eq!(expired.alert(), Some(Alert::CERTIFICATE_EXPIRED));
}

#[test]
fn without_a_clock_only_the_dates_are_skipped() {
    let absent = |root, name| {
        let config = ClientConfig::new(anchors(root), WallClock::Absent).server_name(name);
        run(&config, &Flight::correct()).map(drop)
    };
    assert_eq!(absent(ROOT, "a.example"), Ok(()));
    assert_eq!(
        absent(OTHER_ROOT, "a.example"),
        Err(CertificateError::UnknownIssuer.into())
    );
    assert_eq!(
        absent(ROOT, "b.example"),
        Err(CertificateError::NameMismatch.into())
    );
}

#[test]
fn a_certificate_for_another_purpose_or_spoiled_is_refused() {
    assert_eq!(
        error(&config(), &with_chain(&[MIDDLE])),
        CertificateError::WrongPurpose.into()
    );
    let mut spoiled = Flight::correct();
    *spoiled.chain[0].0.last_mut().unwrap() ^= 1;
    assert_eq!(
        error(&config(), &spoiled),
        CertificateError::BadSignature.into()
    );
    let mut garbage = Flight::correct();
    garbage.chain[0].0 = std::vec![0x30; 40];
    assert_eq!(
        error(&config(), &garbage),
        CertificateError::Malformed.into()
    );
}

//= rfc8446#4.4.3 test
//= rfc8446#4.4.4 test
#[test]
fn possession_of_the_key_has_to_be_proven_whoever_is_trusted() {
    let danger = ClientConfig::danger_accept_any_server().server_name("b.example");
    assert!(run(&danger, &with_chain(&[LEAF])).is_ok());
    for config in [config(), danger] {
        let mut flight = Flight::correct();
        flight.signer = Side::Client;
        let wrong = error(&config, &flight);
        assert_eq!(wrong, PeerMisbehaved::BadSignature.into());
        assert_eq!(wrong.alert(), Some(Alert::DECRYPT_ERROR));
        for scheme in [0x0401, 0x0804, 0x0603, 0] {
            let mut flight = Flight::correct();
            flight.scheme = scheme;
            let wrong = error(&config, &flight);
            assert_eq!(wrong, PeerMisbehaved::UnofferedSignatureScheme.into());
        }
        let mut flight = Flight::correct();
        flight.spoil_finished = true;
        let wrong = error(&config, &flight);
        assert_eq!(wrong, PeerMisbehaved::BadFinished.into());
        assert_eq!(wrong.alert(), Some(Alert::DECRYPT_ERROR));
    }
}

//= rfc8446#4.4.2.4 test
#[test]
fn a_server_without_certificate_is_refused() {
    let wrong = error(&config(), &with_chain(&[]));
    assert_eq!(wrong, PeerMisbehaved::NoCertificate.into());
    assert_eq!(wrong.alert(), Some(Alert::DECODE_ERROR));
}

#[test]
fn a_chain_may_be_longer_than_the_memory() {
    let mut chain = std::vec![LEAF];
    chain.extend([OTHER_ROOT; 60]);
    chain.push(MIDDLE);
    chain.extend([ROOT; 60]);
    let mut client = Client::new(&config());
    client.store.truncate(1100);
    client.window = 256;
    client.run(&with_chain(&chain)).unwrap();
    let kept: Vec<_> = client.handshake.certificates(&client.store).collect();
    assert_eq!(kept, [hex(LEAF), hex(MIDDLE)]);
}

#[test]
fn memory_that_is_too_small_is_named() {
    for (length, message_length) in [(hex(LEAF).len() - 1, LEAF), (hex(LEAF).len(), MIDDLE)] {
        let mut client = Client::new(&config());
        client.store.truncate(length);
        let result = client.run(&Flight::correct()).map(drop);
        assert_eq!(
            result,
            Err(Error::TooLarge {
                message: MessageType::CERTIFICATE,
                length: hex(message_length).len() as u32
            })
        );
    }
}

//= rfc8446#4.4.2 test
#[test]
fn extensions_of_certificates_have_to_be_asked_for() {
    let mut flight = Flight::correct();
    flight.chain[1].1 = std::vec![0, 18, 0, 1, 9];
    assert_eq!(
        error(&config(), &flight),
        PeerMisbehaved::UnsolicitedExtension(18).into()
    );
    flight.chain[1].1 = stapled(b"response");
    assert_eq!(
        error(&config(), &flight),
        PeerMisbehaved::UnsolicitedExtension(5).into()
    );
}

fn stapled(response: &[u8]) -> Vec<u8> {
    let status = [&[1][..], &with_length(3, response)].concat();
    [&[0, 5][..], &with_length(2, &status)].concat()
}

/// Answers the same each time and remembers the question.
struct Fixed(Verdict, Mutex<Vec<Vec<u8>>>);

impl Verifier for Fixed {
    fn verify(&self, question: &Question<'_>) -> Verdict {
        let mut seen = self.1.lock().unwrap();
        seen.push(question.end_entity.to_vec());
        seen.extend(question.intermediates.iter().map(|der| der.to_vec()));
        seen.push(question.ocsp.to_vec());
        assert_eq!(question.now, WallClock::At(NOW));
        assert_eq!(question.server_name.sni(), Some("a.example"));
        self.0
    }
}

fn verified_by(verdict: Verdict) -> (&'static Fixed, ClientConfig<'static>) {
    let verifier: &'static Fixed = Box::leak(Box::new(Fixed(verdict, Mutex::default())));
    let trust = Trust::Verifier(Shared::Borrowed(verifier as &dyn Verifier));
    let config = ClientConfig::with_trust(trust, WallClock::At(NOW)).server_name("a.example");
    (verifier, config)
}

#[test]
fn a_verifier_from_outside_sees_everything_and_decides() {
    let mut flight = with_chain(&[LEAF, OTHER_ROOT, MIDDLE]);
    flight.chain[0].1 = stapled(b"response");
    flight.chain[2].1 = stapled(b"another");
    let (verifier, config) = verified_by(Verdict::Accepted);
    assert!(run(&config, &flight).is_ok());
    let seen = verifier.1.lock().unwrap().clone();
    assert_eq!(
        seen,
        [
            hex(LEAF),
            hex(OTHER_ROOT),
            hex(MIDDLE),
            b"response".to_vec()
        ]
    );
    let (_, config) = verified_by(Verdict::Refused(CertificateError::Revoked));
    assert_eq!(error(&config, &flight), CertificateError::Revoked.into());
    let twice = [stapled(b"one"), stapled(b"two")].concat();
    flight.chain[0].1 = twice;
    assert_eq!(
        error(&config, &flight),
        PeerMisbehaved::DuplicateExtension(5).into()
    );
}

#[test]
fn a_pending_verification_pauses_the_handshake() {
    for answer in [Ok(()), Err(CertificateError::NameMismatch)] {
        let (_, config) = verified_by(Verdict::Pending);
        let mut client = Client::new(&config);
        let (mut server, hello) = Server::hello(
            &client.output.initial,
            Suite::Aes128GcmSha256,
            Group::X25519,
        );
        client.feed_all(Space::Initial, &hello).unwrap();
        assert_eq!(
            client.handshake.resume_verification(answer),
            Ok(()),
            "too early"
        );
        let flight = server.flight(&Flight::correct());
        let rest = client.feed(Space::Handshake, &flight).unwrap();
        assert_eq!(rest[0], 15, "CertificateVerify waits");
        assert!(client.handshake.is_verifying());
        assert_eq!(client.feed(Space::Handshake, rest).unwrap(), rest);
        let result = client.handshake.resume_verification(answer);
        assert_eq!(result, answer.map_err(Error::Certificate));
        assert!(!client.handshake.is_verifying());
        assert_eq!(client.feed(Space::Handshake, rest).is_ok(), answer.is_ok());
        assert_eq!(client.handshake.is_complete(), answer.is_ok());
    }
}

/// ECDSA by the leaf's key.
struct LeafKey(&'static [SignatureScheme]);

impl Signer for LeafKey {
    fn schemes(&self) -> &[SignatureScheme] {
        self.0
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], out: &mut [u8]) -> Option<usize> {
        assert_eq!(scheme, SignatureScheme::ECDSA_SECP256R1_SHA256);
        let signature = peer::sign(message);
        out[..signature.len()].copy_from_slice(&signature);
        Some(signature.len())
    }
}

/// A request for ECDSA with P-256 or Ed25519.
const REQUEST: [u8; 13] = [0, 0, 10, 0, 13, 0, 6, 0, 4, 4, 3, 8, 7];

fn with_identity(signer: &'static LeafKey) -> ClientConfig<'static> {
    let chain: &'static [CertificateDer<'static>] = Box::leak(Box::new([
        CertificateDer::from(leaked(LEAF)),
        CertificateDer::from(leaked(MIDDLE)),
    ]));
    config().identity(Identity {
        chain: Shared::Borrowed(chain),
        signer: Shared::Borrowed(signer as &dyn Signer),
    })
}

//= rfc8446#4.4.2 test
#[test]
fn a_client_without_fitting_certificate_says_so() {
    let mut flight = Flight::correct();
    flight.request = Some(REQUEST.to_vec());
    for config in [
        config(),
        with_identity(&LeafKey(&[SignatureScheme::RSA_PSS_RSAE_SHA256])),
    ] {
        let mut client = Client::new(&config);
        let mut server = client.run(&flight).unwrap();
        let sent = server.check_finished(&client.output.handshake, 32);
        assert_eq!(sent, [11, 0, 0, 4, 0, 0, 0, 0]);
    }
}

#[test]
fn a_client_certificate_is_sent_only_when_asked_for_and_proven() {
    let config = with_identity(&LeafKey(&[
        SignatureScheme::RSA_PSS_RSAE_SHA256,
        SignatureScheme::ECDSA_SECP256R1_SHA256,
    ]));
    let mut client = run(&config, &Flight::correct()).unwrap();
    assert_eq!(client.output.handshake.len(), 36, "Finished alone");
    let mut flight = Flight::correct();
    flight.request = Some(REQUEST.to_vec());
    client = Client::new(&config);
    let mut server = client.run(&flight).unwrap();
    let chain = [LEAF, MIDDLE]
        .map(|der| [with_length(3, &hex(der)), std::vec![0, 0]].concat())
        .concat();
    let certificate = peer::message(11, &[std::vec![0], with_length(3, &chain)].concat());
    let mut transcript = server.transcript.clone();
    let sent = server.check_finished(&client.output.handshake, 32);
    assert!(sent.starts_with(&certificate));
    transcript.add(&certificate);
    let mut content = [0; 200];
    let mut content = Writer::new(&mut content);
    message::signed_content(Side::Client, &transcript.digest(), &mut content).unwrap();
    let signature = peer::sign(content.written());
    let body = [&[4, 3][..], &with_length(2, &signature)].concat();
    assert_eq!(sent[certificate.len()..], peer::message(15, &body));
}

#[test]
fn a_server_asks_once() {
    let mut client = Client::new(&config());
    let (mut server, hello) = Server::hello(
        &client.output.initial,
        Suite::Aes128GcmSha256,
        Group::X25519,
    );
    client.feed_all(Space::Initial, &hello).unwrap();
    let flight = server.flight(&Flight::correct());
    let extensions = message::Header::decode(&flight).unwrap().total().unwrap();
    let twice = [
        &flight[..extensions],
        &peer::message(13, &REQUEST).repeat(2),
    ]
    .concat();
    assert_eq!(
        client.feed(Space::Handshake, &twice),
        Err(PeerMisbehaved::UnexpectedMessage(MessageType::CERTIFICATE_REQUEST).into())
    );
}

struct Log(Mutex<Vec<(&'static str, Vec<u8>)>>);

impl KeyLog for Log {
    fn log(&self, label: &'static str, client_random: &[u8; 32], secret: &[u8]) {
        assert_ne!(client_random, &[0; 32]);
        self.0.lock().unwrap().push((label, secret.to_vec()));
    }
}

#[test]
fn secrets_are_logged_where_asked_for() {
    let log: &'static Log = Box::leak(Box::new(Log(Mutex::default())));
    let config = config().key_log(Shared::Borrowed(log as &dyn KeyLog));
    let client = run(&config, &Flight::correct()).unwrap();
    let logged = log.0.lock().unwrap().clone();
    let keys = &client.output.keys;
    let expected = [
        ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", &keys[0].2),
        ("SERVER_HANDSHAKE_TRAFFIC_SECRET", &keys[0].3),
        ("CLIENT_TRAFFIC_SECRET_0", &keys[1].2),
        ("SERVER_TRAFFIC_SECRET_0", &keys[1].3),
    ]
    .map(|(label, secret)| (label, secret.as_slice().to_vec()));
    assert_eq!(logged, expected);
}
