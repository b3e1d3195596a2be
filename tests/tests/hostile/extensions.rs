//! DATAGRAM, the greased QUIC bit, NEW_TOKEN and ACK_FREQUENCY under a scripted server.

use super::ours::{Ours, assert_alive, assert_closed, config, connected, settled};
use quicpro_core::connection::{Precedence, RecvDatagramError, SendDatagramError};
use quicpro_core::mem::Shared;
use quicpro_core::wire::Code;
use quicpro_core::wire::frame::{Ack, Frame};
use quicpro_core::wire::packet::{Space, Version};
use quicpro_core::{ClientConfig, Limits};
use quicpro_tests::scripted::{Link, Options, Received, Retry, Server};
use std::time::Duration;

const APPLICATION: Space = Space::Application;
const PROTOCOL_VIOLATION: u64 = Code::PROTOCOL_VIOLATION.get();

fn link(
    options: Options,
    limits: Limits,
    change: impl FnOnce(ClientConfig<'static>) -> ClientConfig<'static>,
) -> Link<Ours> {
    let server = Server::new(options);
    let client = Ours::new(&change(config(&server)), &limits, 1);
    Link::new(client, server)
}

/// Both sides take datagrams: the client frames of 999 bytes, the server of `server`.
fn with_datagrams(server: u64) -> Link<Ours> {
    let options =
        Options::default().parameters(|parameters| parameters.max_datagram_frame_size = server);
    let mut link = link(options, Limits::SMALL.datagrams(1_000), |config| config);
    link.settle();
    link
}

fn datagram(data: &[u8]) -> Frame<'_> {
    Frame::Datagram {
        data,
        has_length: true,
    }
}

fn received(link: &mut Link<Ours>) -> Option<Vec<u8>> {
    let mut buffer = [0; 1_500];
    let transport = link.client.client.transport_mut();
    match transport.recv_datagram(&mut buffer) {
        Ok(length) => Some(buffer[..length].to_vec()),
        Err(RecvDatagramError::Blocked) => None,
        Err(error) => panic!("{error}"),
    }
}

//= rfc9221#3 test
#[test]
fn datagrams_beyond_what_was_announced_end_the_connection() {
    let link = with_datagrams(65_535);
    let parameters = link.server.client_parameters().unwrap();
    assert_eq!(parameters.max_datagram_frame_size, 999);
    for (data, has_length, legal) in [
        (vec![7; 996], true, true),
        (vec![7; 997], true, false),
        (vec![7; 998], false, true),
        (vec![7; 999], false, false),
    ] {
        let mut link = with_datagrams(65_535);
        let data = &data;
        link.server
            .send(APPLICATION, &[Frame::Datagram { data, has_length }]);
        link.settle();
        if legal {
            assert_eq!(received(&mut link).as_ref(), Some(data));
            assert_alive(&mut link);
        } else {
            assert_closed(&link, PROTOCOL_VIOLATION);
        }
    }
    // Nothing was announced.
    let mut link = connected();
    link.server.send(APPLICATION, &[datagram(&[])]);
    link.settle();
    assert_closed(&link, PROTOCOL_VIOLATION);
}

//= rfc9221#4 test
#[test]
fn datagrams_belong_into_1_rtt_packets() {
    let options = Options {
        confirms: false,
        ..Options::default()
    };
    let mut link = link(options, Limits::SMALL.datagrams(1_000), |config| config);
    link.settle();
    link.server.send(Space::Handshake, &[datagram(b"early")]);
    link.settle();
    assert_closed(&link, PROTOCOL_VIOLATION);
}

#[test]
fn a_flood_of_datagrams_drops_the_oldest() {
    let mut link = with_datagrams(65_535);
    for number in 0..10_000_u32 {
        let data = [number.to_be_bytes(), [0; 4]].concat();
        link.server.send(APPLICATION, &[datagram(&data)]);
        if number % 100 == 0 {
            link.settle();
        }
    }
    link.settle();
    let mut kept = Vec::new();
    while let Some(data) = received(&mut link) {
        kept.push(u32::from_be_bytes(data[..4].try_into().unwrap()));
    }
    assert!(kept.iter().copied().eq(9_900..10_000), "{kept:?}");
    let stats = link.client.client.transport().datagram_stats();
    assert_eq!((stats.received, stats.dropped), (10_000, 9_900));
    assert_alive(&mut link);
}

//= rfc9221#3 test
//= rfc9221#5 test
#[test]
fn datagrams_are_sent_as_the_server_takes_them() {
    let mut link = with_datagrams(100);
    let transport = link.client.client.transport_mut();
    assert_eq!(transport.max_datagram_size(), Some(97));
    assert_eq!(
        transport.send_datagram(&[0; 98]),
        Err(SendDatagramError::TooLarge)
    );
    let mut sent = 0;
    while transport.send_datagram(&[sent; 97]).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 10, "the queue has 1,000 bytes");
    assert_eq!(
        transport.send_datagram(&[0; 97]),
        Err(SendDatagramError::Blocked)
    );
    link.settle();
    let arrived: Vec<u8> = link
        .server
        .frames()
        .filter_map(|(_, frame)| match frame {
            Frame::Datagram { data, .. } => Some(data[0]),
            _ => None,
        })
        .collect();
    assert!(arrived.iter().copied().eq(0..sent));
    link.advance(Duration::from_secs(1));
    let stats = link.client.client.transport().datagram_stats();
    assert_eq!((stats.sent, stats.acknowledged, stats.lost), (10, 10, 0));

    // What is lost is counted, and not said again.
    link.deaf = true;
    let transport = link.client.client.transport_mut();
    transport.send_datagram(b"into the void").unwrap();
    link.client_speaks();
    link.deaf = false;
    link.advance(Duration::from_secs(5));
    let stats = link.client.client.transport().datagram_stats();
    assert_eq!((stats.sent, stats.acknowledged, stats.lost), (11, 10, 1));
    let void = |frame: &Frame<'_>| matches!(frame, Frame::Datagram { data, .. } if *data == b"into the void");
    assert_eq!(link.server.count(void), 0);
    assert_alive(&mut link);

    let mut none = with_datagrams(0);
    let transport = none.client.client.transport_mut();
    assert_eq!(
        transport.send_datagram(b""),
        Err(SendDatagramError::NotSupported)
    );
}

//= rfc9221#5.4 test
#[test]
fn datagrams_wait_for_the_congestion_window() {
    let mut link = with_datagrams(65_535);
    link.server.options_mut().acknowledges = false;
    let before = link.transmitted.1;
    let mut taken = 0;
    for _ in 0..100 {
        let transport = link.client.client.transport_mut();
        if transport.send_datagram(&[7; 900]).is_ok() {
            taken += 1;
        }
        link.client_speaks();
    }
    let stats = link.client.client.transport().stats();
    assert!(stats.in_flight <= stats.window, "{stats:?}");
    let bytes = (link.transmitted.1 - before) as u64;
    assert!(
        (8_000..=stats.window).contains(&bytes),
        "{bytes}: {stats:?}"
    );
    // What does not leave waits in the queue, which holds one; what it does not hold was refused.
    let stats = link.client.client.transport().datagram_stats();
    assert_eq!(stats.sent + 1, taken);
    link.server.options_mut().acknowledges = true;
    link.advance(Duration::from_secs(5));
    let stats = link.client.client.transport().datagram_stats();
    assert_eq!(stats.sent, taken);
    assert_alive(&mut link);
}

//= rfc9221#5.1 test
#[test]
fn datagrams_come_before_streams_or_after_them_as_is_wished() {
    for (precedence, expected) in [
        (Precedence::Datagrams, [true, true]),
        (Precedence::Streams, [false, false]),
        (Precedence::Turns, [true, false]),
    ] {
        let mut link = with_datagrams(65_535);
        link.server.open_http3();
        link.settle();
        let transport = link.client.client.transport_mut();
        transport.set_datagram_precedence(precedence);
        let mut firsts = Vec::new();
        for path in ["/one", "/two"] {
            let transport = link.client.client.transport_mut();
            transport.send_datagram(b"a word").expect("room");
            let id = link.client.get(path);
            let seen = link.server.log().len();
            link.settle();
            let packets = link.server.log()[seen..].iter();
            let order: Vec<_> = packets
                .flat_map(Received::frames)
                .filter_map(|frame| match frame {
                    Frame::Datagram { .. } => Some(true),
                    Frame::Stream { id: of, .. } if of.get() == id => Some(false),
                    _ => None,
                })
                .collect();
            assert_eq!(order.len(), 2, "{order:?}");
            firsts.push(order[0]);
        }
        if precedence == Precedence::Turns {
            // Whose turn it is depends on the packets before.
            firsts.sort_unstable_by(|one, other| other.cmp(one));
            assert!(firsts[0] || !firsts[1]);
        } else {
            assert_eq!(firsts, expected);
        }
        assert_alive(&mut link);
    }
}

/// First bytes of the client's 1-RTT packets that have the QUIC bit, and that do not.
fn fixed_bits(link: &Link<Ours>, space: Space) -> (usize, usize) {
    let log = link.server.log().iter();
    let firsts = log
        .filter(|received| received.space == space)
        .map(|received| received.first);
    let (with, without): (Vec<u8>, Vec<u8>) = firsts.partition(|first| first & 0x40 != 0);
    (with.len(), without.len())
}

fn pings(link: &mut Link<Ours>) {
    for _ in 0..100 {
        link.client.client.transport_mut().ping();
        link.settle();
    }
}

//= rfc9287#3.1 test
#[test]
fn the_quic_bit_is_random_once_the_server_permits_it() {
    let mut link =
        settled(Options::default().parameters(|parameters| parameters.grease_quic_bit = true));
    assert!(link.server.client_parameters().unwrap().grease_quic_bit);
    pings(&mut link);
    let (with, without) = fixed_bits(&link, APPLICATION);
    assert!(with > 25 && without > 25, "{with} {without}");
    assert_eq!(fixed_bits(&link, Space::Initial).1, 0);
    assert_alive(&mut link);

    let mut link = connected();
    pings(&mut link);
    assert_eq!(fixed_bits(&link, APPLICATION).1, 0);
}

/// The largest number that the client acknowledged in 1-RTT packets.
fn acknowledged(link: &Link<Ours>) -> Option<u64> {
    let acks = link
        .server
        .frames()
        .filter_map(|(space, frame)| match frame {
            Frame::Ack(Ack { largest, .. }) if space == APPLICATION => Some(largest),
            _ => None,
        });
    acks.max()
}

fn acknowledgements(link: &Link<Ours>) -> usize {
    link.server.count(|frame| matches!(frame, Frame::Ack(_)))
}

/// A server that gives the client `token`, and what the client then has.
fn given(token: &[u8]) -> Vec<u8> {
    let mut link = connected();
    link.server.send(APPLICATION, &[Frame::NewToken { token }]);
    link.settle();
    assert_alive(&mut link);
    link.client.client.transport().new_token().to_vec()
}

fn tokens(link: &Link<Ours>) -> Vec<Vec<u8>> {
    let log = link.server.log().iter();
    let initials = log.filter(|received| received.space == Space::Initial);
    initials.map(|received| received.token.clone()).collect()
}

//= rfc9000#8.1.3 test
#[test]
fn a_token_comes_back_in_the_first_packet_of_the_next_connection() {
    let token = given(b"come again");
    assert_eq!(token, b"come again");
    let bring = |config: ClientConfig<'static>| config.token(Shared::Owned(token.clone().into()));
    let mut next = link(Options::default(), Limits::SMALL, bring);
    next.settle();
    let seen = tokens(&next);
    assert!(!seen.is_empty() && seen.iter().all(|seen| *seen == token));
    assert_alive(&mut next);

    //= rfc9000#17.2.5.2 test
    // A Retry's token takes its place.
    let options = Options {
        retry: Some(Retry::default()),
        ..Options::default()
    };
    let mut next = link(options, Limits::SMALL, bring);
    next.settle();
    let seen = tokens(&next);
    assert!(!seen.is_empty() && seen.iter().all(|seen| *seen == Retry::default().token));
    assert_alive(&mut next);

    //= rfc9369#5 test
    // In another version it is none.
    let options = Options {
        offers: vec![Version::V2],
        ..Options::default()
    };
    let mut next = link(options, Limits::SMALL, bring);
    next.settle();
    assert!(tokens(&next).iter().all(Vec::is_empty));
    assert_alive(&mut next);
}

//= rfc9000#19.7 test
#[test]
fn tokens_cost_no_memory() {
    assert_eq!(given(&[7; 256]), [7; 256]);
    assert!(given(&[7; 257]).is_empty());
    let mut link = connected();
    for number in 0..1_000_u32 {
        let token = &number.to_be_bytes()[..];
        link.server.send(APPLICATION, &[Frame::NewToken { token }]);
        link.settle();
    }
    let newest = 999_u32.to_be_bytes();
    assert_eq!(link.client.client.transport().new_token(), newest);
    assert_alive(&mut link);
    // One that does not fit is left out.
    let bring = |config: ClientConfig<'static>| config.token(Shared::Owned([7; 2_000][..].into()));
    let mut long = self::link(Options::default(), Limits::SMALL, bring);
    long.settle();
    assert!(tokens(&long).iter().all(Vec::is_empty));
    assert_alive(&mut long);
}

/// ACK_FREQUENCY.
fn request(sequence: u64, threshold: u64, delay_us: u64) -> Frame<'static> {
    Frame::AckFrequency {
        sequence,
        threshold,
        delay_us,
        reordering: 3,
    }
}

/// Sends `count` packets and counts the acknowledgements before time passes.
fn answers(link: &mut Link<Ours>, count: usize) -> usize {
    let before = acknowledgements(link);
    let delay = std::mem::replace(&mut link.delay, Duration::ZERO);
    for _ in 0..count {
        link.server.send(APPLICATION, &[Frame::Ping]);
        link.server_speaks();
        link.client_speaks();
    }
    link.delay = delay;
    acknowledgements(link) - before
}

#[test]
fn acknowledgements_come_as_the_server_asks() {
    let mut link = connected();
    let ours = link.server.client_parameters().unwrap();
    assert_eq!(ours.min_ack_delay_us, Some(1_000));
    link.advance(Duration::from_secs(1));
    assert_eq!(answers(&mut link, 40), 20);
    link.server.send(APPLICATION, &[request(1, 9, 20_000)]);
    link.advance(Duration::from_secs(1));
    assert_eq!(answers(&mut link, 40), 4);
    // Old, and without effect.
    link.server.send(APPLICATION, &[request(0, 0, 1_000)]);
    link.server.send(APPLICATION, &[request(1, 0, 1_000)]);
    link.advance(Duration::from_secs(1));
    assert_eq!(answers(&mut link, 40), 4);
    link.advance(Duration::from_secs(1));
    let before = acknowledgements(&link);
    link.server
        .send(APPLICATION, &[Frame::Ping, Frame::ImmediateAck]);
    link.settle();
    assert_eq!(acknowledgements(&link) - before, 1);
    // The delay is the one that was asked for.
    link.server.send(APPLICATION, &[Frame::Ping]);
    link.settle();
    let largest = acknowledged(&link);
    link.advance(Duration::from_millis(19));
    assert_eq!(acknowledged(&link), largest);
    link.advance(Duration::from_millis(2));
    assert!(acknowledged(&link) > largest);
    assert_alive(&mut link);
}

#[test]
fn requests_for_acknowledgements_that_are_illegal() {
    for delay_us in [0, 999, 16_384_000, 1 << 40] {
        let mut link = connected();
        link.server.send(APPLICATION, &[request(1, 1, delay_us)]);
        link.settle();
        assert_closed(&link, PROTOCOL_VIOLATION);
    }
    for (min_us, legal) in [(25_000, true), (25_001, false)] {
        let options =
            Options::default().parameters(|parameters| parameters.min_ack_delay_us = Some(min_us));
        let mut link = settled(options);
        if legal {
            assert_alive(&mut link);
        } else {
            assert_closed(&link, Code::TRANSPORT_PARAMETER_ERROR.get());
        }
    }
}

#[test]
fn a_flood_of_requests_for_acknowledgements_is_answered_packet_by_packet() {
    let mut link = connected();
    let before = link.transmitted.0;
    for sequence in 0..1_000 {
        let frames = [request(sequence, sequence % 3, 1_000), Frame::ImmediateAck];
        link.server.send(APPLICATION, &frames.repeat(20));
    }
    link.settle();
    assert!(link.transmitted.0 - before <= 1_001);
    assert_alive(&mut link);
}

#[test]
fn unknown_and_greased_transport_parameters_are_none_of_our_business() {
    let options = Options::default().alter_parameters(|bytes| {
        let unknown = [
            &[0x1b, 3, 1, 2, 3][..],
            &[0x40, 0x3a, 0],
            &[0xff, 0x04, 0xde, 0x1c, 0, 0, 0, 1, 2, 9, 9],
            &[0x7f, 0xff, 1, 0],
        ];
        [bytes, unknown.concat()].concat()
    });
    let mut link = settled(options);
    assert!(link.server.is_complete());
    assert_alive(&mut link);
}

//= rfc9000#5.1 test
#[test]
fn our_connection_ids_have_as_many_bytes_as_the_configuration_says() {
    for length in [0, 1, 8, 20, 21] {
        let with = |config: ClientConfig<'static>| config.connection_id_length(length);
        let mut link = link(Options::default(), Limits::SMALL, with);
        link.settle();
        assert!(link.server.is_complete());
        assert_eq!(link.server.client_cid().len(), length.min(20));
        link.server.open_http3();
        let id = link.client.get("/");
        link.settle();
        link.server.respond(id, &[(":status", "200")], b"a body");
        link.settle();
        assert_eq!(link.client.bodies[&id], b"a body");
        // Further ones are issued only if they are any.
        let issued = |frame: &Frame<'_>| matches!(frame, Frame::NewConnectionId { .. });
        assert_eq!(link.server.count(issued) > 0, length > 0);
        assert_alive(&mut link);
        if length == 0 {
            let retire = Frame::RetireConnectionId { sequence: 0 };
            link.server.send(APPLICATION, &[retire]);
            link.settle();
            assert_closed(&link, PROTOCOL_VIOLATION);
        }
    }
}
