//! TLS messages that break the handshake, and the alerts for it (RFC 8446, RFC 9001 §4.8, §8).

use super::ours::{Ours, Seen, assert_alive, assert_closed, at, connected, settled};
use quicpro_core::wire::Code;
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::Space;
use quicpro_tests::certificates::{Algorithm, Authority, Flaw, Identity};
use quicpro_tests::pair::provider::Group;
use quicpro_tests::scripted::{Link, Options};
use quicpro_tests::server::Suite;

/// Alerts by their numbers (RFC 8446 §6).
mod alert {
    pub const UNEXPECTED_MESSAGE: u8 = 10;
    pub const CERTIFICATE_EXPIRED: u8 = 45;
    pub const ILLEGAL_PARAMETER: u8 = 47;
    pub const UNKNOWN_CA: u8 = 48;
    pub const DECODE_ERROR: u8 = 50;
    pub const DECRYPT_ERROR: u8 = 51;
    pub const PROTOCOL_VERSION: u8 = 70;
    pub const BAD_CERTIFICATE: u8 = 42;
    pub const MISSING_EXTENSION: u8 = 109;
    pub const UNSUPPORTED_EXTENSION: u8 = 110;
    pub const NO_APPLICATION_PROTOCOL: u8 = 120;
}

/// Handshake messages by their types (RFC 8446 §4).
mod kind {
    pub const SERVER_HELLO: u8 = 2;
    pub const NEW_SESSION_TICKET: u8 = 4;
    pub const END_OF_EARLY_DATA: u8 = 5;
    pub const ENCRYPTED_EXTENSIONS: u8 = 8;
    pub const CERTIFICATE: u8 = 11;
    pub const CERTIFICATE_VERIFY: u8 = 15;
    pub const FINISHED: u8 = 20;
    pub const KEY_UPDATE: u8 = 24;
}

const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;
const QUIC_TRANSPORT_PARAMETERS: u16 = 57;

const X25519: u16 = 0x001d;
const P256: u16 = 0x0017;
const P384: u16 = 0x0018;

/// The random of a ServerHello that is a HelloRetryRequest (RFC 8446 §4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

#[track_caller]
fn assert_alert(link: &Link<Ours>, alert: u8) {
    assert_closed(link, Code::crypto(alert).get());
    assert!(!link.client.has_seen(&Seen::Connected));
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

/// The messages in `bytes`.
fn messages(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut all = Vec::new();
    while let [kind, a, b, c, rest @ ..] = bytes {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        all.push((*kind, rest[..length].to_vec()));
        bytes = &rest[length..];
    }
    all
}

/// Changes the body of each message of a kind.
fn change(bytes: &[u8], wanted: u8, alter: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let all = messages(bytes).into_iter();
    all.flat_map(|(kind, body)| message(kind, &if kind == wanted { alter(body) } else { body }))
        .collect()
}

fn extension(id: u16, body: &[u8]) -> Vec<u8> {
    [
        &id.to_be_bytes()[..],
        &(body.len() as u16).to_be_bytes(),
        body,
    ]
    .concat()
}

/// The extensions of EncryptedExtensions' body.
fn extensions(body: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut rest = &body[2..];
    let mut all = Vec::new();
    while let [a, b, c, d, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        all.push((u16::from_be_bytes([*a, *b]), tail[..length].to_vec()));
        rest = &tail[length..];
    }
    all
}

/// EncryptedExtensions' body of these.
fn encrypted_extensions(all: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let bytes: Vec<u8> = all
        .iter()
        .flat_map(|(id, body)| extension(*id, body))
        .collect();
    [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat()
}

/// Client and server after the server's flight was changed in this way.
fn altered(space: Space, alter: impl Fn(Vec<u8>) -> Vec<u8> + 'static) -> Link<Ours> {
    settled(Options::default().alter_handshake(
        move |at, bytes| {
            if at == space { alter(bytes) } else { bytes }
        },
    ))
}

fn altered_extensions(alter: impl Fn(&mut Vec<(u16, Vec<u8>)>) + 'static) -> Link<Ours> {
    altered(Space::Handshake, move |bytes| {
        change(&bytes, kind::ENCRYPTED_EXTENSIONS, |body| {
            let mut all = extensions(&body);
            alter(&mut all);
            encrypted_extensions(&all)
        })
    })
}

//= rfc9001#8.1 test
//= rfc7301#3.2 test
//= rfc9000#7 test
#[test]
fn application_protocols_that_do_not_fit() {
    let none = altered_extensions(|all| all.retain(|(id, _)| *id != ALPN));
    assert_alert(&none, alert::NO_APPLICATION_PROTOCOL);
    let chosen = |name: &'static [u8]| {
        altered_extensions(move |all| {
            let alpn = all.iter_mut().find(|(id, _)| *id == ALPN).unwrap();
            let list = [&[name.len() as u8], name].concat();
            alpn.1 = [&(list.len() as u16).to_be_bytes()[..], &list].concat();
        })
    };
    assert_alert(&chosen(b"h2"), alert::ILLEGAL_PARAMETER);
    assert_alert(&chosen(b"h3-29"), alert::ILLEGAL_PARAMETER);
}

//= rfc9001#8.2 test
#[test]
fn no_transport_parameters() {
    let link = altered_extensions(|all| all.retain(|(id, _)| *id != QUIC_TRANSPORT_PARAMETERS));
    assert_alert(&link, alert::MISSING_EXTENSION);
}

//= rfc8446#4.2 test
#[test]
fn extensions_that_nobody_asked_for_or_that_come_twice() {
    let unasked = altered_extensions(|all| all.push((0x1234, vec![1, 2, 3])));
    assert_alert(&unasked, alert::UNSUPPORTED_EXTENSION);
    let twice = altered_extensions(|all| all.push(all[0].clone()));
    assert_alert(&twice, alert::ILLEGAL_PARAMETER);
    let misplaced = altered_extensions(|all| all.push((KEY_SHARE, vec![0, 0x1d, 0, 0])));
    assert_alert(&misplaced, alert::ILLEGAL_PARAMETER);
}

//= rfc9001#6 test
//= rfc9001#8.3 test
#[test]
fn messages_that_have_no_place_in_quic() {
    for message in [
        message(kind::KEY_UPDATE, &[0]),
        message(kind::END_OF_EARLY_DATA, &[]),
    ] {
        let first = message.clone();
        let handshake = altered(Space::Handshake, move |bytes| {
            [first.clone(), bytes].concat()
        });
        assert_alert(&handshake, alert::UNEXPECTED_MESSAGE);

        let mut after = connected();
        after.server.queue_crypto(Space::Application, &message);
        after.server.flush();
        after.settle();
        assert_closed(&after, Code::crypto(alert::UNEXPECTED_MESSAGE).get());
    }
}

//= rfc8446#4.1.3 test
#[test]
fn messages_at_the_wrong_level_or_out_of_order() {
    let initial = altered(Space::Initial, |_| {
        message(kind::ENCRYPTED_EXTENSIONS, &[0, 0])
    });
    assert_alert(&initial, alert::UNEXPECTED_MESSAGE);
    let finished_first = altered(Space::Handshake, |bytes| {
        let mut all = messages(&bytes);
        all.rotate_right(1);
        assert_eq!(all[0].0, kind::FINISHED);
        all.into_iter()
            .flat_map(|(kind, body)| message(kind, &body))
            .collect()
    });
    assert_alert(&finished_first, alert::UNEXPECTED_MESSAGE);
    for skipped in [
        kind::ENCRYPTED_EXTENSIONS,
        kind::CERTIFICATE,
        kind::CERTIFICATE_VERIFY,
    ] {
        let link = altered(Space::Handshake, move |bytes| {
            let kept = messages(&bytes)
                .into_iter()
                .filter(|(kind, _)| *kind != skipped);
            kept.flat_map(|(kind, body)| message(kind, &body)).collect()
        });
        assert_alert(&link, alert::UNEXPECTED_MESSAGE);
    }
}

//= rfc9001#4.1.3 test
#[test]
fn bytes_behind_the_last_message_of_a_level() {
    let initial = altered(Space::Initial, |bytes| [bytes, vec![8]].concat());
    assert_alert(&initial, alert::UNEXPECTED_MESSAGE);
    let handshake = altered(Space::Handshake, |bytes| {
        [bytes, message(8, &[0, 0])].concat()
    });
    assert_closed(&handshake, Code::crypto(alert::UNEXPECTED_MESSAGE).get());
}

//= rfc8446#4.4.3 test
//= rfc8446#4.4.4 test
#[test]
fn signatures_and_finished_that_are_wrong() {
    for kind in [kind::CERTIFICATE_VERIFY, kind::FINISHED] {
        let link = altered(Space::Handshake, move |bytes| {
            change(&bytes, kind, |mut body| {
                *body.last_mut().unwrap() ^= 1;
                body
            })
        });
        assert_alert(&link, alert::DECRYPT_ERROR);
    }
}

//= rfc8446#6.2 test
#[test]
fn messages_that_do_not_decode() {
    for kind in [
        kind::ENCRYPTED_EXTENSIONS,
        kind::CERTIFICATE,
        kind::CERTIFICATE_VERIFY,
    ] {
        let link = altered(Space::Handshake, move |bytes| {
            change(&bytes, kind, |mut body| {
                body.pop();
                body
            })
        });
        assert_alert(&link, alert::DECODE_ERROR);
    }
}

/// A ServerHello with these extensions.
fn hello(random: &[u8; 32], suite: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = extensions.concat();
    let body = [
        &[3, 3][..],
        random,
        &[0],
        &suite.to_be_bytes(),
        &[0],
        &(extensions.len() as u16).to_be_bytes(),
        &extensions,
    ];
    message(kind::SERVER_HELLO, &body.concat())
}

fn tls13() -> Vec<u8> {
    extension(SUPPORTED_VERSIONS, &[3, 4])
}

fn retry_request(group: u16) -> Vec<u8> {
    let group = extension(KEY_SHARE, &group.to_be_bytes());
    hello(&RETRY_RANDOM, 0x1301, &[tls13(), group])
}

/// The client after these bytes instead of a ServerHello.
fn answered(bytes: &[u8]) -> Link<Ours> {
    let mut link = at(Space::Initial);
    link.server.send(
        Space::Initial,
        &[Frame::Crypto {
            offset: 0,
            data: bytes,
        }],
    );
    link.settle();
    link
}

//= rfc8446#4.1.3 test
//= rfc9001#4.2 test
#[test]
fn answers_that_were_not_offered() {
    let share = |group: u16, key: &[u8]| {
        let length = (key.len() as u16).to_be_bytes();
        extension(
            KEY_SHARE,
            &[&group.to_be_bytes()[..], &length, key].concat(),
        )
    };
    let good = share(X25519, &[9; 32]);
    let random = [5; 32];
    let cases = [
        (
            hello(&random, 0x1304, &[tls13(), good.clone()]),
            alert::ILLEGAL_PARAMETER,
        ),
        (
            hello(&random, 0x1301, &[tls13(), share(P384, &[4; 97])]),
            alert::ILLEGAL_PARAMETER,
        ),
        (
            hello(&random, 0x1301, &[tls13(), share(X25519, &[0; 32])]),
            alert::ILLEGAL_PARAMETER,
        ),
        (
            hello(&random, 0x1301, &[tls13(), share(X25519, &[9; 31])]),
            alert::ILLEGAL_PARAMETER,
        ),
        (hello(&random, 0x1301, &[tls13()]), alert::MISSING_EXTENSION),
        (
            hello(&random, 0x1301, std::slice::from_ref(&good)),
            alert::PROTOCOL_VERSION,
        ),
        (
            hello(
                &random,
                0x1301,
                &[extension(SUPPORTED_VERSIONS, &[3, 3]), good.clone()],
            ),
            alert::ILLEGAL_PARAMETER,
        ),
        (
            hello(
                &random,
                0x1301,
                &[
                    tls13(),
                    good.clone(),
                    extension(ALPN, &[0, 3, 2, b'h', b'3']),
                ],
            ),
            alert::ILLEGAL_PARAMETER,
        ),
        (
            hello(
                &random,
                0x1301,
                &[tls13(), good.clone(), extension(0x1234, &[])],
            ),
            alert::UNSUPPORTED_EXTENSION,
        ),
    ];
    for (bytes, alert) in cases {
        assert_alert(&answered(&bytes), alert);
    }
}

//= rfc8446#4.1.4 test
#[test]
fn a_retry_request_to_another_offered_group_is_followed() {
    let mut link = settled(Options {
        groups: vec![Group::P256],
        ..Options::default()
    });
    assert!(link.client.has_seen(&Seen::Connected));
    assert!(link.server.is_complete());
    assert_alive(&mut link);
}

//= rfc8446#4.1.4 test
#[test]
fn retry_requests_that_ask_for_what_cannot_be() {
    assert_alert(&answered(&retry_request(X25519)), alert::ILLEGAL_PARAMETER);
    assert_alert(&answered(&retry_request(P384)), alert::ILLEGAL_PARAMETER);
    let nothing = hello(&RETRY_RANDOM, 0x1301, &[tls13()]);
    assert_alert(&answered(&nothing), alert::ILLEGAL_PARAMETER);
    let twice = [retry_request(P256), retry_request(P256)].concat();
    let mut link = answered(&retry_request(P256));
    let (offset, data) = (
        retry_request(P256).len() as u64,
        &twice[retry_request(P256).len()..],
    );
    link.server
        .send(Space::Initial, &[Frame::Crypto { offset, data }]);
    link.settle();
    assert_alert(&link, alert::UNEXPECTED_MESSAGE);
}

//= rfc8446#4.1.4 test
#[test]
fn a_suite_that_changes_after_the_retry_request() {
    let mut hellos = 0;
    let options = Options {
        groups: vec![Group::P256],
        ..Options::default()
    };
    let link = settled(options.alter_handshake(move |space, mut bytes| {
        hellos += usize::from(space == Space::Initial);
        if space == Space::Initial && hellos == 2 {
            let at = 4 + 2 + 32 + 1;
            assert_eq!(bytes[at..at + 2], [0x13, 0x01]);
            bytes[at + 1] = 0x03;
        }
        bytes
    }));
    assert_alert(&link, alert::ILLEGAL_PARAMETER);
}

#[test]
fn a_message_longer_than_the_handshakes_memory() {
    let huge = altered(Space::Handshake, |_| {
        vec![kind::ENCRYPTED_EXTENSIONS, 0x0f, 0xff, 0xff, 0, 0]
    });
    assert_closed(&huge, Code::CRYPTO_BUFFER_EXCEEDED.get());
    let hello = answered(&[kind::SERVER_HELLO, 0xff, 0xff, 0xff]);
    assert_closed(&hello, Code::CRYPTO_BUFFER_EXCEEDED.get());
}

#[test]
fn every_suite_is_spoken() {
    for suite in [Suite::Aes128Gcm, Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        let mut link = settled(Options {
            suites: vec![suite],
            ..Options::default()
        });
        assert!(link.client.has_seen(&Seen::Connected), "{suite:?}");
        assert!(link.server.is_complete());
        assert_alive(&mut link);
    }
}

//= rfc8446#4.6.1 test
#[test]
fn tickets_are_taken_and_rubbish_after_the_handshake_is_not() {
    let mut link = connected();
    let lifetime_and_age = [0, 0, 0x0e, 0x10, 1, 2, 3, 4];
    let ticket = [
        &lifetime_and_age[..],
        &[1, 0],
        &[0, 100],
        &[7; 100],
        &[0, 0],
    ]
    .concat();
    for _ in 0..20 {
        link.server.queue_crypto(
            Space::Application,
            &message(kind::NEW_SESSION_TICKET, &ticket),
        );
    }
    link.server.flush();
    link.settle();
    assert_alive(&mut link);
    // Tickets larger than what is kept for them are given up, not an error (RFC 9000 §7.5).
    link.server.queue_crypto(
        Space::Application,
        &message(kind::NEW_SESSION_TICKET, &vec![7; 20_000]),
    );
    link.server.flush();
    link.settle();
    assert_eq!(link.server.closed().map(|closed| closed.code), None);

    let mut link = connected();
    link.server
        .queue_crypto(Space::Application, &message(99, &[1, 2, 3]));
    link.server.flush();
    link.settle();
    assert_closed(&link, Code::crypto(alert::UNEXPECTED_MESSAGE).get());
}

fn identified(root: &Authority, identity: Identity) -> Link<Ours> {
    settled(Options {
        root: root.der(),
        identity,
        ..Options::default()
    })
}

//= rfc9001#4.4 test
#[test]
fn servers_that_are_not_who_they_claim_to_be() {
    let root = Authority::default();
    let cases = [
        (
            root.issue(Algorithm::P256, Flaw::WrongName),
            alert::BAD_CERTIFICATE,
        ),
        (
            root.issue(Algorithm::P256, Flaw::Expired),
            alert::CERTIFICATE_EXPIRED,
        ),
        (
            root.issue(Algorithm::P256, Flaw::NotYetValid),
            alert::CERTIFICATE_EXPIRED,
        ),
        // Another authority of the same name, and one of another.
        (Authority::default().good(), alert::BAD_CERTIFICATE),
        (
            Authority::root("unknown", Algorithm::P256).good(),
            alert::UNKNOWN_CA,
        ),
        (Identity::self_signed(), alert::UNKNOWN_CA),
    ];
    for (identity, alert) in cases {
        assert_alert(&identified(&root, identity), alert);
    }
    for algorithm in Algorithm::ALL {
        let link = identified(&root, root.issue(algorithm, Flaw::None));
        assert!(link.client.has_seen(&Seen::Connected), "{algorithm:?}");
    }
}
