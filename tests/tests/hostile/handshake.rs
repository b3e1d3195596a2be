//! Handshakes that a server spoils: versions, connection IDs, transport parameters, fragments.

use super::ours::{
    Ours, Seen, assert_alive, assert_closed, assert_legal, at, config, connected, fresh, settled,
};
use super::retry::with_retry;
use quicpro_core::Limits;
use quicpro_core::connection::ConnectionError;
use quicpro_core::http3::Error;
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::{Space, Version};
use quicpro_core::wire::{Code, TransportParameters};
use quicpro_tests::pair::Random;
use quicpro_tests::scripted::{Link, Options, Packet, Retry, Server, varint};
use std::time::Duration;

const TRANSPORT_PARAMETER_ERROR: u64 = Code::TRANSPORT_PARAMETER_ERROR.get();

/// Transport parameters by their numbers (RFC 9000 §18.2).
mod id {
    pub const ORIGINAL_DESTINATION_CONNECTION_ID: u64 = 0x00;
    pub const STATELESS_RESET_TOKEN: u64 = 0x02;
    pub const MAX_UDP_PAYLOAD_SIZE: u64 = 0x03;
    pub const INITIAL_MAX_DATA: u64 = 0x04;
    pub const DISABLE_ACTIVE_MIGRATION: u64 = 0x0c;
    pub const PREFERRED_ADDRESS: u64 = 0x0d;
    pub const INITIAL_SOURCE_CONNECTION_ID: u64 = 0x0f;
    pub const RETRY_SOURCE_CONNECTION_ID: u64 = 0x10;
}

fn parameter(id: u64, value: &[u8]) -> Vec<u8> {
    [varint(id), varint(value.len() as u64), value.to_vec()].concat()
}

/// The encoded parameters without the one with this number, which has fewer than 64 bytes.
fn without(bytes: &[u8], unwanted: u64) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut reader = quicpro_core::codec::Reader::new(bytes);
    while !reader.is_empty() {
        let id = reader.varint().unwrap();
        let length = reader.varint().unwrap();
        let value = reader.take_u64(length).unwrap();
        if id != unwanted {
            kept.extend(parameter(id, value));
        }
    }
    kept
}

/// Client and server after the server has said something else than what it was told to say.
fn altered(alter: impl FnMut(Vec<u8>) -> Vec<u8> + 'static) -> Link<Ours> {
    settled(Options::default().alter_parameters(alter))
}

#[test]
fn an_honest_handshake_breaks_no_rule() {
    let mut link = connected();
    link.advance(Duration::from_secs(5));
    assert_alive(&mut link);
    assert_eq!(link.server.undecryptable(), 0);
    let done = |frame: &Frame<'_>| matches!(frame, Frame::Crypto { .. });
    assert!(link.server.count(done) >= 2, "ClientHello and Finished");
    // What only a server may say would not have decoded.
    let said = link.server.client_parameters().expect("its parameters");
    assert_eq!(said.original_destination_connection_id, None);
    assert_eq!(said.retry_source_connection_id, None);
    assert!(said.preferred_address.is_none() && said.stateless_reset_token.is_none());
}

//= rfc9000#7.3 test
#[test]
fn connection_ids_that_the_server_does_not_vouch_for() {
    for id in [
        id::ORIGINAL_DESTINATION_CONNECTION_ID,
        id::INITIAL_SOURCE_CONNECTION_ID,
    ] {
        let absent = altered(move |bytes| without(&bytes, id));
        assert_closed(&absent, TRANSPORT_PARAMETER_ERROR);
        let wrong =
            altered(move |bytes| [without(&bytes, id), parameter(id, b"wrong one")].concat());
        assert_closed(&wrong, TRANSPORT_PARAMETER_ERROR);
        let empty = altered(move |bytes| [without(&bytes, id), parameter(id, b"")].concat());
        assert_closed(&empty, TRANSPORT_PARAMETER_ERROR);
    }
    let retry = id::RETRY_SOURCE_CONNECTION_ID;
    let unasked = altered(move |bytes| [bytes, parameter(retry, b"try this")].concat());
    assert_closed(&unasked, TRANSPORT_PARAMETER_ERROR);
    let options = with_retry(Retry::default());
    let missing = settled(options.alter_parameters(move |bytes| without(&bytes, retry)));
    assert_closed(&missing, TRANSPORT_PARAMETER_ERROR);
    let options = with_retry(Retry::default());
    let wrong = settled(options.alter_parameters(move |bytes| {
        [without(&bytes, retry), parameter(retry, b"something")].concat()
    }));
    assert_closed(&wrong, TRANSPORT_PARAMETER_ERROR);
}

//= rfc9000#18.2 test
#[test]
fn transport_parameters_with_illegal_values() {
    let changes: [fn(&mut TransportParameters); 7] = [
        |parameters| parameters.max_udp_payload_size = 1199,
        |parameters| parameters.ack_delay_exponent = 21,
        |parameters| parameters.max_ack_delay_ms = 1 << 14,
        |parameters| parameters.active_connection_id_limit = 1,
        |parameters| parameters.active_connection_id_limit = 0,
        |parameters| parameters.initial_max_streams_bidi = (1 << 60) + 1,
        |parameters| parameters.initial_max_streams_uni = (1 << 60) + 1,
    ];
    for change in changes {
        assert_closed(
            &settled(Options::default().parameters(change)),
            TRANSPORT_PARAMETER_ERROR,
        );
    }
}

//= rfc9000#7.4 test
//= rfc9000#18 test
#[test]
fn transport_parameters_that_cannot_be_read() {
    let appended: Vec<Vec<u8>> = vec![
        parameter(id::INITIAL_MAX_DATA, &[1]),
        parameter(id::MAX_UDP_PAYLOAD_SIZE, &[0x45]),
        parameter(id::MAX_UDP_PAYLOAD_SIZE, &[0x45, 0xdc, 0]),
        parameter(id::MAX_UDP_PAYLOAD_SIZE, &[]),
        parameter(id::STATELESS_RESET_TOKEN, &[1; 15]),
        parameter(id::STATELESS_RESET_TOKEN, &[1; 17]),
        parameter(id::DISABLE_ACTIVE_MIGRATION, &[1]),
        parameter(id::PREFERRED_ADDRESS, &[]),
        parameter(id::PREFERRED_ADDRESS, &[1; 24]),
        parameter(
            id::PREFERRED_ADDRESS,
            &[&[1; 24][..], &[0], &[7; 16]].concat(),
        ),
        parameter(
            id::PREFERRED_ADDRESS,
            &[&[1; 24][..], &[21], &[7; 37]].concat(),
        ),
        parameter(
            id::PREFERRED_ADDRESS,
            &[&[1; 24][..], &[4], &[7; 19]].concat(),
        ),
        [varint(99), varint(1000)].concat(),
        vec![0x40],
        vec![0x20],
    ];
    for bytes in appended {
        let link = altered(move |honest| [honest, bytes.clone()].concat());
        assert_closed(&link, TRANSPORT_PARAMETER_ERROR);
    }
}

//= rfc9000#7.4.2 test
#[test]
fn unknown_transport_parameters_are_ignored() {
    let mut link = altered(|honest| {
        let unknown = [parameter(27, &[]), parameter((1 << 62) - 1, &[7; 300])].concat();
        [unknown.clone(), honest, unknown].concat()
    });
    assert!(link.client.has_seen(&Seen::Connected));
    assert_alive(&mut link);
}

/// Every cut of the honest parameters and 500 seeded mutations: an answer, and no panic.
#[test]
fn transport_parameters_cut_and_mutated() {
    let mut random = Random::new(1, "parameters");
    for case in 0..600_usize {
        let draws: [u64; 4] = std::array::from_fn(|_| random.number());
        let link = altered(move |mut bytes| {
            if case < 100 {
                bytes.truncate(case % bytes.len());
                return bytes;
            }
            for draw in &draws[..=case % 4] {
                let at = *draw as usize % bytes.len();
                bytes[at] ^= (draw >> 32) as u8;
            }
            bytes
        });
        assert_legal(&link);
        if let Some(closed) = link.server.closed() {
            let versions = Code::VERSION_NEGOTIATION_ERROR.get();
            assert!([TRANSPORT_PARAMETER_ERROR, versions].contains(&closed.code));
        }
    }
}

//= rfc9000#6.2 test
#[test]
fn version_negotiation_is_believed_once_and_only_when_it_offers_nothing() {
    let others = [Version(0x0a1a_2a3a), Version(0xff00_001d)];
    let mut link = at(Space::Initial);
    let ours = link.server.version_packet(&[others[0], Version::V1]);
    link.server.send_datagram(ours);
    link.settle();
    assert_eq!(link.client.closed(), None, "version 1 is among them");
    let mut foreign = link.server.version_packet(&others);
    foreign[6] ^= 1;
    link.server.send_datagram(foreign);
    link.settle();
    assert_eq!(link.client.closed(), None, "for another connection");
    let packet = link.server.version_packet(&others);
    link.server.send_datagram(packet);
    link.settle();
    let ended = Error::Transport(ConnectionError::VersionMismatch);
    assert_eq!(link.client.closed(), Some(ended));

    for space in [Space::Handshake, Space::Application] {
        let mut link = at(space);
        let late = link.server.version_packet(&others);
        link.server.send_datagram(late);
        link.settle();
        assert_eq!(
            link.client.closed(),
            None,
            "the server has spoken version 1"
        );
    }
}

//= rfc9000#17.2 test
//= rfc9000#5.2.1 test
#[test]
fn packets_of_other_versions_are_discarded() {
    for space in [Space::Initial, Space::Handshake] {
        let mut link = at(space);
        for version in [2, 0x6b33_43cf, 0xff00_001d, u32::MAX] {
            let mut packet = Packet::new(space).frames(&[Frame::Ping]);
            packet.version = Some(Version(version));
            link.server.send_packet(packet);
        }
        link.settle();
        assert_alive(&mut link);
    }
}

//= rfc9000#14 test
#[test]
fn small_datagrams_of_the_server_are_as_good_as_large_ones() {
    for space in [Space::Initial, Space::Handshake, Space::Application] {
        let mut link = at(space);
        let opened = link.client.client.transport().stats().packets_received;
        let datagram = link
            .server
            .seal(&Packet::new(space).frames(&[Frame::Ping]).padded(20));
        assert!(datagram.len() < 100, "{}", datagram.len());
        link.server.send_datagram(datagram);
        link.settle();
        let stats = link.client.client.transport().stats();
        assert_eq!(stats.packets_received, opened + 1);
        assert_alive(&mut link);
    }
}

//= rfc9000#17.2.2 test
#[test]
fn an_initial_packet_of_the_server_with_a_token_is_not_accepted() {
    let mut link = at(Space::Initial);
    let hello = link.server.crypto(Space::Initial).to_vec();
    let mut packet = Packet::new(Space::Initial).frames(&[Frame::Crypto {
        offset: 0,
        data: &hello,
    }]);
    packet.token = b"token".to_vec();
    link.server.send_packet(packet);
    link.settle();
    assert!(
        link.server
            .log()
            .iter()
            .all(|packet| packet.space == Space::Initial),
        "not processed"
    );
    if let Some(closed) = link.server.closed() {
        assert_eq!(closed.code, Code::PROTOCOL_VIOLATION.get());
    }
}

//= rfc9000#7.2 test
#[test]
fn the_servers_connection_id_cannot_be_changed_in_the_handshake() {
    let mut link = at(Space::Handshake);
    let length = link.server.crypto(Space::Handshake).len();
    link.server.send_packet(
        Packet::new(Space::Initial)
            .frames(&[Frame::Ping])
            .from(b"usurper!"),
    );
    link.settle();
    link.server.send_crypto(Space::Handshake, 0..length / 2);
    link.settle();
    let last = link.server.log().last().unwrap();
    assert_eq!(last.destination.as_slice(), b"scripted");
    link.server
        .send_crypto(Space::Handshake, length / 2..length);
    link.settle();
    assert!(link.client.has_seen(&Seen::Connected));
    let last = link.server.log().last().unwrap();
    assert_eq!(last.destination.as_slice(), b"scripted");
    assert_alive(&mut link);
}

//= rfc9000#5.2 test
#[test]
fn packets_for_other_connection_ids_are_discarded() {
    for space in Space::ALL {
        let mut link = at(space);
        let length = link.server.client_cid().len();
        for destination in [vec![0x77; length], vec![0x77; 20]] {
            if destination.as_slice() == link.server.client_cid().as_slice() {
                continue;
            }
            let packet = Packet::new(space).raw(&[0x2f, 0, 0, 0]).to(&destination);
            link.server.send_packet(packet);
        }
        link.settle();
        assert_eq!(link.server.closed(), None);
        assert_legal(&link);
    }
}

#[test]
fn servers_with_connection_ids_of_any_length() {
    for length in 0..=20 {
        let connection_id = vec![0x5c; length];
        let mut link = settled(Options {
            connection_id,
            ..Options::default()
        });
        assert!(link.client.has_seen(&Seen::Connected), "{length} bytes");
        assert_alive(&mut link);
    }
}

//= rfc9000#5.1 test
#[test]
fn a_server_without_connection_ids_cannot_issue_any() {
    let mut link = settled(Options {
        connection_id: Vec::new(),
        ..Options::default()
    });
    let new = Frame::NewConnectionId {
        sequence: 1,
        retire_prior_to: 0,
        cid: b"another1",
        reset_token: [1; 16],
    };
    link.server.send(Space::Application, &[new]);
    link.settle();
    assert_closed(&link, Code::PROTOCOL_VIOLATION.get());
}

/// Sends the handshake bytes of both levels in the order that `order` makes of them, one in each packet,
/// again and again until the client has them all.
fn in_single_bytes(limits: &Limits, mut order: impl FnMut(&mut Vec<usize>)) -> usize {
    let options = Options {
        sends_handshake: false,
        acknowledges: true,
        ..Options::default()
    };
    let server = Server::new(options);
    let client = Ours::new(&config(&server), limits, 1);
    let mut link = Link::new(client, server);
    link.settle();
    let mut rounds = 0;
    for space in [Space::Initial, Space::Handshake] {
        let length = link.server.crypto(space).len();
        assert!(length > 80);
        while !has_read(&mut link, space) {
            let mut places: Vec<usize> = (0..length).collect();
            order(&mut places);
            for place in places {
                link.server.send_crypto(space, place..place + 1);
                link.server_speaks();
            }
            link.settle();
            rounds += 1;
            assert!(rounds < 200, "{space:?}: no progress");
        }
    }
    link.server.options_mut().sends_handshake = true;
    link.server.skip_crypto(Space::Initial);
    link.server.skip_crypto(Space::Handshake);
    link.server.flush();
    link.settle();
    assert!(link.server.is_complete());
    assert_alive(&mut link);
    rounds
}

/// The client has read all handshake bytes of `space`: it has the keys that they lead to.
fn has_read(link: &mut Link<Ours>, space: Space) -> bool {
    if space == Space::Initial {
        link.server.send(Space::Handshake, &[Frame::Ping]);
        link.settle();
        return !link.server.received(Space::Handshake).is_empty();
    }
    link.client.has_seen(&Seen::Connected)
}

//= rfc9000#7.5 test
#[test]
fn handshakes_in_single_bytes_in_order_and_backwards() {
    assert_eq!(in_single_bytes(&Limits::SMALL, |_| {}), 2);
    assert_eq!(
        in_single_bytes(&Limits::SMALL, |places| places.reverse()),
        2
    );
    assert_eq!(in_single_bytes(&Limits::TINY, |places| places.reverse()), 2);
}

//= rfc9000#7.5 test
#[test]
fn handshakes_in_single_bytes_in_any_order() {
    for seed in 0..3 {
        let mut random = Random::new(seed, "order");
        in_single_bytes(&Limits::SMALL, |places| shuffle(places, &mut random));
    }
}

fn shuffle(places: &mut [usize], random: &mut Random) {
    for end in (1..places.len()).rev() {
        places.swap(end, random.below(end as u64 + 1) as usize);
    }
}

//= rfc9000#7.5 test
#[test]
fn handshake_bytes_far_beyond_the_window_are_as_good_as_lost() {
    let mut link = at(Space::Handshake);
    for offset in [1 << 16, 1 << 40, (1 << 62) - 200] {
        let beyond = Frame::Crypto {
            offset,
            data: &[0; 100],
        };
        link.server.send(Space::Handshake, &[beyond]);
    }
    link.settle();
    link.server.options_mut().sends_handshake = true;
    link.server.skip_crypto(Space::Initial);
    link.server.flush();
    link.settle();
    assert!(link.client.has_seen(&Seen::Connected));
    assert_alive(&mut link);
}

//= rfc9000#12.2 test
#[test]
fn what_follows_a_good_packet_in_its_datagram_does_not_spoil_it() {
    for rubbish in [
        &[0_u8; 30][..],
        &[0xff; 300],
        &[0xc0, 0, 0, 0, 1, 0xff],
        &[0x40; 25],
        b"\xe0\0\0\0\x01",
    ] {
        let mut link = fresh(Options {
            sends_handshake: false,
            ..Options::default()
        });
        link.settle();
        for space in [Space::Initial, Space::Handshake] {
            let data = link.server.crypto(space).to_vec();
            let packet = Packet::new(space).frames(&[Frame::Crypto {
                offset: 0,
                data: &data,
            }]);
            let mut datagram = link.server.seal(&packet);
            datagram.extend(rubbish);
            link.server.send_datagram(datagram);
            link.server.skip_crypto(space);
            link.settle();
        }
        assert!(link.client.has_seen(&Seen::Connected));
        assert_legal(&link);
    }
}

//= rfc9000#12.2 test
#[test]
fn all_three_levels_in_one_datagram() {
    let mut link = at(Space::Initial);
    let spaces = [Space::Initial, Space::Handshake];
    let data = spaces.map(|space| link.server.crypto(space).to_vec());
    let mut packets: Vec<Packet> = spaces
        .iter()
        .zip(&data)
        .map(|(&space, data)| Packet::new(space).frames(&[Frame::Crypto { offset: 0, data }]))
        .collect();
    packets.push(Packet::new(Space::Application).frames(&[Frame::Ping]));
    link.server.send_coalesced(&packets);
    link.settle();
    assert!(link.client.has_seen(&Seen::Connected));
    link.advance(Duration::from_secs(1));
    assert!(link.server.is_complete());
    assert_legal(&link);
}

#[test]
fn a_certificate_chain_longer_than_the_handshakes_memory() {
    let mut options = Options::default();
    let filler = quicpro_tests::certificates::Authority::default();
    options.identity.chain.extend((0..60).map(|_| filler.der()));
    let mut link = settled(options);
    assert!(link.server.crypto(Space::Handshake).len() > 2 * Limits::SMALL.handshake);
    for _ in 0..20 {
        if link.client.has_seen(&Seen::Connected) {
            break;
        }
        link.server.resend_crypto(Space::Handshake);
        link.advance(Duration::from_millis(50));
    }
    assert!(link.client.has_seen(&Seen::Connected));
    assert_alive(&mut link);
}
