//! Suites, groups and HelloRetryRequest (RFC 8446 §4.1). Only for tests.

use super::peer::{retry, shares};
use super::*;
use crate::tls::transcript::Transcript;

const AES128: Suite = Suite::Aes128GcmSha256;

/// Both groups offered, X25519 shared.
fn client() -> Client {
    Client::new(&config())
}

fn misbehaved(result: Result<(), Error>) -> PeerMisbehaved {
    match result {
        Err(Error::PeerMisbehaved(error)) => error,
        other => panic!("{other:?}"),
    }
}

//= rfc8446#4.1.1 test
#[test]
fn every_suite_with_every_group() {
    for &suite in Suite::ALL {
        for group in [Group::X25519, Group::P256] {
            let groups = Box::leak(Box::new([group]));
            let mut client = Client::new(&config().groups(groups, groups));
            let (mut server, hello) = Server::hello(&client.output.initial, suite, group);
            client.feed_all(Space::Initial, &hello).unwrap();
            let flight = server.flight(&Flight::correct());
            assert!(!client.handshake.is_complete());
            client.feed_all(Space::Handshake, &flight).unwrap();
            assert!(client.handshake.is_complete());
            assert_eq!(client.handshake.suite(), Some(suite));
            assert_eq!(client.handshake.protocol(), Some(&b"h3"[..]));
            assert_eq!(client.output.parameters, PARAMETERS);
            let sent = server.check_finished(&client.output.handshake, suite.hash().length());
            assert_eq!(sent, b"");
            let application = server.application.unwrap();
            let ours = &client.output.keys;
            let expected = [
                (
                    Space::Handshake,
                    server.secrets.client(),
                    server.secrets.server(),
                ),
                (Space::Application, &application.client, &application.server),
            ];
            assert_eq!(ours.len(), 2);
            for (ours, theirs) in ours.iter().zip(expected) {
                assert_eq!((ours.0, ours.1), (theirs.0, suite));
                assert_eq!(ours.2.as_slice(), theirs.1.as_slice());
                assert_eq!(ours.3.as_slice(), theirs.2.as_slice());
            }
        }
    }
}

//= rfc8446#4.1.4 test
#[test]
fn a_retry_moves_to_the_group_the_server_wants() {
    for (group, cookie) in [
        (Some(Group::P256), None),
        (Some(Group::P256), Some(&b"cookie"[..])),
        (None, Some(&b"cookie"[..])),
    ] {
        let mut client = client();
        let first = client.output.initial.clone();
        let retry = retry(AES128.code(), group.map(Group::code), cookie);
        client.feed_all(Space::Initial, &retry).unwrap();
        assert!(client.output.keys.is_empty());
        let second = client.output.initial[first.len()..].to_vec();
        let group = group.unwrap_or(Group::X25519);
        let sent = shares(&second);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].0, group.code());
        let extensions = peer::extensions(&second);
        let sent = extensions.iter().find(|(kind, _)| *kind == 44);
        assert_eq!(sent.map(|(_, data)| &data[2..]), cookie);
        let mut transcript = Transcript::retried(AES128.hash(), &first);
        transcript.add(&retry);
        transcript.add(&second);
        let (mut server, hello) = Server::hello_after(transcript, &second, AES128, group);
        client.feed_all(Space::Initial, &hello).unwrap();
        let flight = server.flight(&Flight::correct());
        client.feed_all(Space::Handshake, &flight).unwrap();
        assert!(client.handshake.is_complete());
        server.check_finished(&client.output.handshake, 32);
    }
}

//= rfc8446#4.1.4 test
//= rfc8446#4.2.8 test
#[test]
fn retries_that_break_the_rules_are_refused() {
    let cases = [
        (
            retry(0x1301, Some(0x001d), None),
            PeerMisbehaved::RetryForSharedGroup,
        ),
        (
            retry(0x1301, Some(0x0018), None),
            PeerMisbehaved::UnofferedGroup,
        ),
        (
            retry(0x1301, None, None),
            PeerMisbehaved::RetryWithoutChange,
        ),
        (
            retry(0x1304, Some(0x0017), None),
            PeerMisbehaved::UnofferedSuite,
        ),
    ];
    for (retry, error) in cases {
        assert_eq!(Error::from(error).alert(), Some(Alert::ILLEGAL_PARAMETER));
        assert_eq!(misbehaved(client().feed_all(Space::Initial, &retry)), error);
    }
}

//= rfc8446#4.1.4 test
#[test]
fn a_second_retry_is_unexpected() {
    let mut client = client();
    let retry = retry(0x1301, Some(0x0017), None);
    client.feed_all(Space::Initial, &retry).unwrap();
    let error = misbehaved(client.feed_all(Space::Initial, &retry));
    assert_eq!(error, PeerMisbehaved::SecondRetry);
    assert_eq!(Error::from(error).alert(), Some(Alert::UNEXPECTED_MESSAGE));
}

//= rfc8446#4.1.4 test
#[cfg(feature = "chacha20")]
#[test]
fn a_suite_changed_after_the_retry_is_refused() {
    let mut client = client();
    let first = client.output.initial.len();
    let retry = retry(0x1301, Some(0x0017), None);
    client.feed_all(Space::Initial, &retry).unwrap();
    let second = client.output.initial[first..].to_vec();
    let (_, hello) = Server::hello(&second, Suite::ChaCha20Poly1305Sha256, Group::P256);
    let error = misbehaved(client.feed_all(Space::Initial, &hello));
    assert_eq!(error, PeerMisbehaved::SuiteChanged);
    assert_eq!(Error::from(error).alert(), Some(Alert::ILLEGAL_PARAMETER));
}

//= rfc8446#4.2.8 test
#[test]
fn a_share_of_the_wrong_group_is_refused() {
    // Of a group that was offered but not shared.
    let share = [&[0, 51, 0, 69, 0, 23, 0, 65][..], &[4; 65]].concat();
    let body = peer::hello_body([5; 32], 0x1301, &[&peer::VERSION[..], &share].concat());
    let hello = peer::message(2, &body);
    let error = misbehaved(client().feed_all(Space::Initial, &hello));
    assert_eq!(error, PeerMisbehaved::WrongGroup);
    // Of the group shared first, when another was asked for.
    let mut client = client();
    let first = client.output.initial.clone();
    let retry = retry(0x1301, Some(0x0017), None);
    client.feed_all(Space::Initial, &retry).unwrap();
    let (_, hello) = Server::hello(&first, AES128, Group::X25519);
    let error = misbehaved(client.feed_all(Space::Initial, &hello));
    assert_eq!(error, PeerMisbehaved::WrongGroup);
}

//= rfc8446#7.4.2 test
#[test]
fn a_share_without_secret_is_refused() {
    let share = [&[0, 51, 0, 36, 0, 29, 0, 32][..], &[0; 32]].concat();
    let body = peer::hello_body([5; 32], 0x1301, &[&peer::VERSION[..], &share].concat());
    let error = misbehaved(client().feed_all(Space::Initial, &peer::message(2, &body)));
    assert_eq!(error, PeerMisbehaved::InvalidKeyShare);
}

#[test]
fn only_suites_that_were_offered_are_taken() {
    let mut client = Client::new(&config().suites(&[AES128]));
    let share = [&[0, 51, 0, 36, 0, 29, 0, 32][..], &[9; 32]].concat();
    let body = peer::hello_body([5; 32], 0x1303, &[&peer::VERSION[..], &share].concat());
    let error = misbehaved(client.feed_all(Space::Initial, &peer::message(2, &body)));
    assert_eq!(error, PeerMisbehaved::UnofferedSuite);
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    let cases: [(ClientConfig<'static>, ConfigError); 7] = [
        (config().server_name("a b"), ConfigError::ServerName),
        (config().protocols(&[]), ConfigError::ApplicationProtocol),
        (config().protocols(&[b""]), ConfigError::ApplicationProtocol),
        (config().suites(&[]), ConfigError::Suites),
        (config().groups(&[], &[]), ConfigError::Groups),
        (
            config().groups(&[Group::P256], &[Group::X25519]),
            ConfigError::Groups,
        ),
        (config().groups(Group::BUILT_IN, &[]), ConfigError::Groups),
    ];
    for (config, error) in cases {
        let mut buffer = [0; 1024];
        let mut out = Writer::new(&mut buffer);
        let result =
            Handshake::idle().start(&config, &mut Random::new([1; 32]), PARAMETERS, &mut out);
        assert_eq!(result.map(drop), Err(error));
    }
    let mut small = [0; 100];
    let mut out = Writer::new(&mut small);
    let result =
        Handshake::idle().start(&config(), &mut Random::new([1; 32]), PARAMETERS, &mut out);
    assert_eq!(result, Err(ConfigError::SendBuffer));
}
