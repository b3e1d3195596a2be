//! QUIC version 2 and the ways to it and away from it (RFC 9368, RFC 9369).

use super::ours::{Ours, assert_alive, assert_closed, assert_legal, config};
use quicpro_core::connection::ConnectionError;
use quicpro_core::http3::Error;
use quicpro_core::mem::Object;
use quicpro_core::trace::{Event, Sink};
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::{Space, Version};
use quicpro_core::wire::{Code, VersionInformation};
use quicpro_core::{ClientConfig, Instant, Limits};
use quicpro_tests::scripted::{Link, Options, Packet, Retry, Server};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const V1: Version = Version::V1;
const V2: Version = Version::V2;

/// A client with changes to its configuration, and a server; nothing was sent yet.
fn fresh(
    options: Options,
    change: impl FnOnce(ClientConfig<'static>) -> ClientConfig<'static>,
) -> Link<Ours> {
    let server = Server::new(options);
    let client = Ours::new(&change(config(&server)), &Limits::SMALL, 1);
    Link::new(client, server)
}

fn settled(
    options: Options,
    change: impl FnOnce(ClientConfig<'static>) -> ClientConfig<'static>,
) -> Link<Ours> {
    let mut link = fresh(options, change);
    link.settle();
    link
}

/// A server that answers in `version`.
fn answering(version: Version) -> Options {
    Options {
        version: Some(version),
        ..Options::default()
    }
}

/// A server that says this in its transport parameters.
fn saying(information: VersionInformation, options: Options) -> Options {
    options.parameters(|parameters| parameters.version_information = Some(information))
}

/// Versions of the client's packets of one kind, each named once, in their order.
fn versions(link: &Link<Ours>, space: Space) -> Vec<Version> {
    let received = link.server.log().iter();
    let mut versions: Vec<_> = received
        .filter(|received| received.space == space)
        .map(|received| received.version)
        .collect();
    versions.dedup();
    versions
}

/// A request is answered, after a key update by each side.
fn assert_works(link: &mut Link<Ours>, version: Version) {
    assert_eq!(link.client.client.transport().version(), version);
    link.server.open_http3();
    let id = link.client.get("/");
    link.settle();
    link.server.update_keys();
    link.server.send(Space::Application, &[Frame::Ping]);
    link.advance(Duration::from_secs(1));
    link.server.respond(id, &[(":status", "200")], b"a body");
    link.settle();
    assert_eq!(link.client.bodies[&id], b"a body");
    // Something is acknowledged under the new keys, which permits the next.
    link.client.client.transport_mut().ping();
    link.advance(Duration::from_secs(1));
    assert!(link.client.client.transport_mut().update_keys());
    link.client.client.transport_mut().ping();
    link.advance(Duration::from_secs(1));
    assert_eq!(link.server.log().last().unwrap().generation, 2);
    assert_alive(link);
}

/// The interop runner's scenario `v2`.
//= rfc9369#4.1 test
//= rfc9368#2.3 test
#[test]
fn a_server_changes_version_1_to_version_2() {
    let mut link = settled(answering(V2), |config| config);
    assert_eq!(versions(&link, Space::Initial), [V1, V2]);
    assert_eq!(versions(&link, Space::Handshake), [V2]);
    let ours = link.server.client_parameters().unwrap().version_information;
    assert_eq!(ours, Some(VersionInformation::new(V1, &[V2, V1])));
    assert_eq!(link.server.undecryptable(), 0);
    assert_works(&mut link, V2);
}

//= rfc9369#4.1 test
#[test]
fn a_server_stays_with_version_1() {
    let mut link = settled(Options::default(), |config| config);
    assert_eq!(versions(&link, Space::Initial), [V1]);
    assert_works(&mut link, V1);
}

#[test]
fn a_server_that_knows_nothing_of_versions_is_good_enough_in_the_first_one() {
    let old = || Options {
        names_versions: false,
        ..Options::default()
    };
    assert_works(&mut settled(old(), |config| config), V1);
    let first = |config: ClientConfig<'static>| config.first_version(V2);
    assert_works(&mut settled(old(), first), V2);
}

//= rfc9369#3 test
#[test]
fn a_connection_begins_in_version_2_and_is_changed_to_version_1() {
    let only = |config: ClientConfig<'static>| config.versions(&[V2]);
    let mut link = settled(Options::default(), only);
    assert_eq!(versions(&link, Space::Initial), [V2]);
    assert_works(&mut link, V2);
    let first = |config: ClientConfig<'static>| config.first_version(V2);
    let mut link = settled(answering(V1), first);
    assert_eq!(versions(&link, Space::Handshake), [V1]);
    assert_works(&mut link, V1);
}

//= rfc9369#4.1 test
#[test]
fn a_retry_comes_in_the_original_version_and_a_change_behind_it() {
    let retried = |version| Options {
        retry: Some(Retry::default()),
        ..answering(version)
    };
    for (first, version) in [(V1, V2), (V2, V2), (V2, V1)] {
        let change = |config: ClientConfig<'static>| config.first_version(first);
        let mut link = settled(retried(version), change);
        assert_eq!(versions(&link, Space::Initial)[0], first);
        assert_works(&mut link, version);
    }
    // A Retry packet of the other version is none.
    let mut link = fresh(
        Options {
            sends_handshake: false,
            ..Options::default()
        },
        |config| config,
    );
    link.client_speaks();
    let source = quicpro_core::wire::packet::ConnectionId::new(b"elsewhere").unwrap();
    let mut retry = link.server.retry_packet(&source, &Retry::default());
    retry[1..5].copy_from_slice(&V2.0.to_be_bytes());
    link.server.send_datagram(retry);
    link.settle();
    assert!(
        link.server
            .log()
            .iter()
            .all(|received| received.token.is_empty())
    );
}

//= rfc9369#4.1 test
#[test]
fn a_server_may_acknowledge_in_the_original_version_before_it_changes() {
    let mut link = fresh(
        Options {
            sends_handshake: false,
            ..answering(V2)
        },
        |config| config,
    );
    link.client_speaks();
    let acknowledgement = link.server.acknowledgement(Space::Initial);
    let packet = Packet::new(Space::Initial).raw(&acknowledgement);
    link.server.send_packet(packet.version(V1));
    link.server_speaks();
    assert_eq!(link.client.client.transport().version(), V1);
    link.server.options_mut().sends_handshake = true;
    link.server.flush();
    link.settle();
    // What comes late in the version that was left is dropped.
    let late = Packet::new(Space::Initial).frames(&[Frame::Ping]);
    link.server.send_packet(late.version(V1));
    assert_works(&mut link, V2);
}

//= rfc9369#4.1 test
#[test]
fn handshake_packets_of_another_version_are_dropped() {
    let mut link = settled(
        Options {
            confirms: false,
            ..answering(V2)
        },
        |config| config,
    );
    // Were it read, it would end the connection: the frame is not permitted here.
    let packet = Packet::new(Space::Handshake).frames(&[Frame::HandshakeDone]);
    link.server.send_packet(packet.version(V1));
    link.settle();
    assert_alive(&mut link);
}

#[test]
fn forged_packets_of_the_other_version_change_nothing() {
    let mut link = fresh(
        Options {
            sends_handshake: false,
            ..Options::default()
        },
        |config| config,
    );
    link.client_speaks();
    for byte in 0..100 {
        // Sealed with the keys of version 1.
        let packet = Packet::new(Space::Initial).frames(&[Frame::Ping]);
        let mut datagram = link.server.seal(&packet.version(V2).padded(1100));
        datagram[40] ^= byte;
        link.server.send_datagram(datagram);
    }
    link.settle();
    assert_eq!(link.client.client.transport().version(), V1);
    link.server.options_mut().sends_handshake = true;
    link.server.flush();
    link.settle();
    assert_works(&mut link, V1);
}

//= rfc9368#4 test
//= rfc9369#4 test
#[test]
fn a_server_that_lies_about_the_version_is_left() {
    let error = Code::VERSION_NEGOTIATION_ERROR.get();
    let both = [V1, V2];
    for (answer, said) in [(V1, V2), (V2, V1), (V1, Version(0x0a1a_2a3a))] {
        let options = saying(VersionInformation::new(said, &both), answering(answer));
        assert_closed(&settled(options, |config| config), error);
    }
    // One that has changed the version has to say so.
    let silent = Options {
        names_versions: false,
        ..answering(V2)
    };
    assert_closed(&settled(silent, |config| config), error);
    for torn in [&[][..], &[0, 0, 1], &[0, 0, 0, 1, 0, 0, 0, 0], &[0; 4]] {
        let options = Options {
            names_versions: false,
            ..Options::default()
        };
        let parameter = [&[0x11, torn.len() as u8], torn].concat();
        let options = options.alter_parameters(move |bytes| [bytes, parameter.clone()].concat());
        let link = settled(options, |config| config);
        assert_closed(&link, Code::TRANSPORT_PARAMETER_ERROR.get());
    }
}

#[test]
fn a_change_that_was_not_offered_is_not_followed() {
    let only = |config: ClientConfig<'static>| config.versions(&[V1]);
    let link = settled(answering(V2), only);
    assert!(!link.client.client.transport().state().is_established());
    assert_legal(&link);
}

/// A server that takes first flights in `version` alone, and says that it speaks `fully`.
fn refusing(version: Version, fully: &[Version]) -> Options {
    let options = Options {
        offers: vec![Version(0x0a1a_2a3a), version],
        ..Options::default()
    };
    saying(VersionInformation::new(version, fully), options)
}

//= rfc9368#2.1 test
//= rfc9368#4 test
#[test]
fn a_list_of_versions_leads_to_a_second_attempt() {
    let mut link = settled(refusing(V2, &[V2]), |config| config);
    let ours = link.server.client_parameters().unwrap().version_information;
    assert_eq!(ours, Some(VersionInformation::new(V2, &[V2, V1])));
    assert_works(&mut link, V2);
    let first = |config: ClientConfig<'static>| config.first_version(V2);
    assert_works(&mut settled(refusing(V1, &[V1]), first), V1);
    // A change behind it.
    let mut options = refusing(V1, &[V1, V2]);
    options.parameters.version_information = Some(VersionInformation::new(V1, &[V1]));
    assert_works(&mut settled(options, first), V1);
}

//= rfc9368#4 test
#[test]
fn a_forged_list_of_versions_is_found_out() {
    let error = Code::VERSION_NEGOTIATION_ERROR.get();
    // Version 2 is preferred: a list without it was not the server's.
    let first = |config: ClientConfig<'static>| config.first_version(V2);
    assert_closed(&settled(refusing(V1, &[V1, V2]), first), error);
    assert_closed(&settled(refusing(V1, &[]), first), error);
    let silent = Options {
        names_versions: false,
        offers: vec![V1],
        ..Options::default()
    };
    assert_closed(&settled(silent, first), error);
    // To be sent where one would have gone anyway is no harm.
    assert_works(&mut settled(refusing(V2, &[V1, V2]), |config| config), V2);
}

//= rfc9368#4 test
#[test]
fn a_list_of_versions_is_acted_on_once() {
    let mut link = fresh(
        Options {
            sends_handshake: false,
            ..Options::default()
        },
        |config| config,
    );
    link.client_speaks();
    let refused = link.server.version_packet(&[V2]);
    link.server.send_datagram(refused.clone());
    link.server.send_datagram(refused);
    link.server_speaks();
    assert_eq!(link.client.client.transport().version(), V2);
    assert_eq!(link.client.closed(), None);

    // Nothing that it could try.
    let only = |config: ClientConfig<'static>| config.versions(&[V1]);
    let mut link = settled(
        Options {
            sends_handshake: false,
            ..Options::default()
        },
        only,
    );
    let refused = link.server.version_packet(&[V2]);
    link.server.send_datagram(refused);
    link.settle();
    let ended = Error::Transport(ConnectionError::VersionMismatch);
    assert_eq!(link.client.closed(), Some(ended));
}

/// The server's list, and the version in use.
type Telling = (Vec<Version>, Option<Version>);

/// What a sink is told of versions.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Telling>>>);

impl Sink for Told {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        if let Event::Versions { server, chosen, .. } = event {
            self.0.lock().unwrap().push((server.to_vec(), *chosen));
        }
    }
}

#[test]
fn a_sink_is_told_of_the_version_that_is_spoken() {
    let unknown = Version(0x0a1a_2a3a);
    for (options, expected) in [
        (Options::default(), vec![(vec![], Some(V1))]),
        (answering(V2), vec![(vec![], Some(V2))]),
        (
            refusing(V2, &[V2]),
            vec![(vec![unknown, V2], None), (vec![], Some(V2))],
        ),
        (
            Options {
                offers: vec![unknown],
                ..Options::default()
            },
            vec![(vec![unknown], None)],
        ),
    ] {
        let mut link = fresh(options, |config| config);
        let told = Told::default();
        let sink = Object::Owned(Box::new(told.clone()) as Box<dyn Sink>);
        link.client.client.transport_mut().set_sink(sink);
        link.settle();
        assert_eq!(*told.0.lock().unwrap(), expected);
    }
}
