//! A server that plays with the client's paths (RFC 9000 §8.2, §9): what it cannot forge, and what it can exhaust.

use super::ours::{Ours, address, assert_alive, connected, give, instant, settled};
use quicpro_core::connection::{MigrateError, PathId, Receive};
use quicpro_core::wire::PreferredAddress;
use quicpro_core::wire::frame::{Frame, Frames};
use quicpro_core::wire::packet::Space;
use quicpro_tests::scripted::{Link, Options, Packet};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

const APPLICATION: Space = Space::Application;

/// Where the client goes.
fn elsewhere() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], 4_000))
}

fn migrate(link: &mut Link<Ours>) -> Result<PathId, MigrateError> {
    let transport = link.client.client.transport_mut();
    let migrated = transport.migrate(instant(link.now), elsewhere());
    link.settle();
    migrated
}

/// The client's challenges so far.
fn challenges(link: &Link<Ours>) -> Vec<[u8; 8]> {
    let frames = link.server.frames();
    frames
        .filter_map(|(_, frame)| match frame {
            Frame::PathChallenge(data) => Some(data),
            _ => None,
        })
        .collect()
}

fn active(link: &Link<Ours>) -> u32 {
    link.client.client.transport().active_path().number()
}

/// A confirmed connection with a spare connection ID, number 1.
fn movable() -> Link<Ours> {
    let mut link = connected();
    give(&mut link, 1, 0);
    link
}

//= rfc9000#8.2.3 test
#[test]
fn only_the_bytes_of_a_challenge_validate_a_path() {
    let mut link = movable();
    link.server
        .send(APPLICATION, &[Frame::PathResponse([9; 8])]);
    let id = migrate(&mut link).expect("a spare connection ID");
    let [challenge] = challenges(&link)[..] else {
        panic!("one challenge");
    };
    // It went to the new connection ID, alone in a full datagram.
    let last = link.server.log().last().expect("a packet");
    assert_eq!(last.destination.as_slice(), [1; 8]);
    assert_eq!(
        last.payload.len(),
        1_200 - 1 - 8 - 16 - usize::from(last.first & 3) - 1
    );
    for byte in 0..8 {
        let mut wrong = challenge;
        wrong[byte] ^= 1;
        link.server.send(APPLICATION, &[Frame::PathResponse(wrong)]);
    }
    link.settle();
    assert_eq!(active(&link), 0);
    // On whatever path the right one comes.
    for _ in 0..5 {
        link.server
            .send(APPLICATION, &[Frame::PathResponse(challenge)]);
    }
    link.settle();
    assert_eq!(active(&link), id.number());
    assert_alive(&mut link);
    link.advance(Duration::from_secs(5));
    let retired = Frame::RetireConnectionId { sequence: 0 };
    assert_eq!(link.server.count(|frame| *frame == retired), 1);
    assert_alive(&mut link);
}

//= rfc9000#9 test
//= rfc9000#8 test
#[test]
fn challenges_from_odd_addresses_are_not_heard() {
    let mut link = movable();
    let before = link.transmitted;
    let challenge = Packet::new(APPLICATION).frames(&[Frame::PathChallenge([7; 8])]);
    for port in 1..1_000 {
        let mut datagram = link.server.seal(&challenge);
        let odd = SocketAddr::from(([203, 0, 113, 1], port));
        let now = instant(link.now);
        let client = &mut link.client.client;
        client.handle_datagram(now, &Receive::from(odd), &mut datagram);
    }
    link.settle();
    assert_eq!(link.transmitted, before);
    assert_alive(&mut link);
}

#[test]
fn a_flood_of_challenges_on_a_path_that_is_tried_is_answered_within_bounds() {
    let mut link = movable();
    migrate(&mut link).expect("a spare connection ID");
    let before = link.transmitted.1;
    for number in 0..200_u8 {
        let challenge = Packet::new(APPLICATION).frames(&[Frame::PathChallenge([number; 8])]);
        let mut datagram = link.server.seal(&challenge);
        let from = Receive {
            local: Some(elsewhere()),
            ..Receive::from(address())
        };
        let now = instant(link.now);
        let client = &mut link.client.client;
        client.handle_datagram(now, &from, &mut datagram);
    }
    link.settle();
    let answers = |frame: &Frame<'_>| matches!(frame, Frame::PathResponse(_));
    assert_eq!(link.server.count(answers), 2);
    let bytes = link.transmitted.1 - before;
    assert!(bytes <= 2 * 1_200 + 200, "{bytes}");
    // They left on the path on which they were asked for.
    let asked = link.server.log().iter();
    let mut asked = asked.filter(|packet| packet.frames().any(|frame| answers(&frame)));
    assert!(asked.all(|packet| packet.destination.as_slice() == [1; 8]));
    assert_alive(&mut link);
}

/// CVE-2025-29785: an acknowledgement of a path probe that was declared lost.
#[test]
fn lost_probes_may_be_acknowledged() {
    let mut link = movable();
    link.server.options_mut().acknowledges = false;
    migrate(&mut link).expect("a spare connection ID");
    link.advance(Duration::from_secs(8));
    assert_eq!(active(&link), 0);
    let retired = Frame::RetireConnectionId { sequence: 1 };
    assert!(link.server.count(|frame| *frame == retired) > 0);
    link.server.options_mut().acknowledges = true;
    // Acknowledges all there ever was, probes of the forgotten path among it.
    link.client.client.transport_mut().ping();
    link.settle();
    link.advance(Duration::from_secs(5));
    assert_alive(&mut link);
    let stats = link.client.client.transport().stats();
    assert_eq!(stats.in_flight, 0);
    give(&mut link, 2, 0);
    assert!(migrate(&mut link).is_ok());
    assert_alive(&mut link);
}

//= rfc9000#9.5 test
#[test]
fn connection_ids_taken_back_during_a_migration() {
    let mut link = connected();
    assert_eq!(migrate(&mut link), Err(MigrateError::NoConnectionId));
    give(&mut link, 1, 0);
    migrate(&mut link).expect("a spare connection ID");
    // The one that is tried is taken back, then the one in use: each path gets another or ends.
    give(&mut link, 2, 1);
    assert_alive(&mut link);
    give(&mut link, 3, 2);
    give(&mut link, 4, 3);
    link.advance(Duration::from_secs(1));
    for sequence in 5..60 {
        give(&mut link, sequence, sequence);
        link.advance(Duration::from_millis(100));
        assert_alive(&mut link);
    }
    // There is one left, and no path can use it but the one in use.
    assert_eq!(migrate(&mut link), Err(MigrateError::NoConnectionId));
    let last = link.server.log().last().expect("a packet");
    assert_eq!(last.destination.as_slice(), [59; 8]);
    assert_eq!(active(&link), 0);
    assert_alive(&mut link);
}

//= rfc9000#18.2 test
#[test]
fn who_disables_migration_is_left_alone_where_it_is() {
    let options = Options::default();
    let mut link = settled(options.parameters(|parameters| {
        parameters.disable_active_migration = true;
    }));
    give(&mut link, 1, 0);
    assert_eq!(migrate(&mut link), Err(MigrateError::Disabled));
    assert!(challenges(&link).is_empty());
    assert_alive(&mut link);
}

/// The path in use is dead, and its packets fill the table: a challenge leaves all the same, by each way to move.
//= rfc9000#9.1 test
#[test]
fn a_full_table_does_not_hold_back_a_migration() {
    for at_once in [false, true] {
        let mut link = movable();
        link.server.options_mut().acknowledges = false;
        let records = link.client.limits.packets_in_flight;
        for _ in 0..records {
            link.client.client.transport_mut().ping();
            link.settle();
        }
        if at_once {
            let transport = link.client.client.transport_mut();
            let moved = transport.migrate_at_once(instant(link.now), elsewhere());
            moved.expect("a spare connection ID");
            link.settle();
        } else {
            migrate(&mut link).expect("a spare connection ID");
        }
        assert_eq!(challenges(&link).len(), 1);
    }
}

//= rfc9000#9.3.3 test
#[test]
fn a_challenge_on_the_path_in_use_is_answered_by_a_packet_that_is_no_probe() {
    let mut link = movable();
    link.server
        .send(APPLICATION, &[Frame::PathChallenge([7; 8])]);
    link.settle();
    let log = link.server.log().iter();
    let mut answers = log.filter(|packet| {
        let mut frames = packet.frames();
        frames.any(|frame| frame == Frame::PathResponse([7; 8]))
    });
    let answer = answers.next().expect("an answer").payload.clone();
    let mut frames = Frames::new(&answer).flatten();
    assert!(frames.any(|frame| !is_probing(&frame)));
    assert_alive(&mut link);
}

/// Frames of which packets that probe a path consist (RFC 9000 §9.1).
fn is_probing(frame: &Frame<'_>) -> bool {
    matches!(
        frame,
        Frame::PathChallenge(_)
            | Frame::PathResponse(_)
            | Frame::NewConnectionId { .. }
            | Frame::Padding { .. }
    )
}

/// A server that would rather be elsewhere.
fn preferring(ipv4: &str) -> Link<Ours> {
    let preferred = PreferredAddress {
        ipv4: ipv4.parse().ok(),
        ipv6: None,
        connection_id: quicpro_core::wire::packet::ConnectionId::new(&[8; 8]).unwrap(),
        reset_token: [8; 16],
    };
    let options = Options::default();
    settled(options.parameters(|parameters| parameters.preferred_address = Some(preferred)))
}

//= rfc9000#9.6.2 test
//= rfc9000#21.5.3 test
#[test]
fn a_preferred_address_that_is_silent_gets_nothing_but_challenges() {
    let mut link = preferring("203.0.113.5:443");
    for _ in 0..10 {
        assert_alive(&mut link);
        link.client.client.transport_mut().ping();
        link.advance(Duration::from_secs(1));
    }
    let mut packets = 0;
    for packet in link.server.log() {
        if packet.destination.as_slice() == [8; 8] {
            packets += 1;
            assert!(packet.frames().all(|frame| is_probing(&frame)));
        }
    }
    assert!((1..=10).contains(&packets), "{packets}");
    assert_eq!(active(&link), 0);
    let retired = Frame::RetireConnectionId { sequence: 1 };
    assert_eq!(link.server.count(|frame| *frame == retired), 1);
    assert_alive(&mut link);
}

//= rfc9000#9.6 test
//= rfc9000#9.6.3 test
//= rfc9000#21.5.6 test
#[test]
fn a_preferred_address_of_no_use() {
    let v6: SocketAddrV6 = "[2001:db8::1]:443".parse().expect("an address");
    let v4 = |text: &str| text.parse::<SocketAddrV4>().ok();
    for (ipv4, ipv6) in [
        (None, Some(v6)),
        (v4("192.0.2.1:443"), None),
        (v4("192.0.2.9:0"), None),
        // A service of the client's own machine.
        (v4("127.0.0.1:443"), None),
    ] {
        let preferred = PreferredAddress {
            ipv4,
            ipv6,
            connection_id: quicpro_core::wire::packet::ConnectionId::new(&[8; 8]).unwrap(),
            reset_token: [8; 16],
        };
        let options = Options::default();
        let mut link = settled(options.parameters(|parameters| {
            parameters.preferred_address = Some(preferred);
        }));
        link.advance(Duration::from_secs(5));
        let destinations: Vec<_> = link.client.destinations().iter().copied().collect();
        assert_eq!(destinations, [address()]);
        assert!(challenges(&link).is_empty());
        assert_alive(&mut link);
        // Its connection ID is good for any other path.
        assert!(migrate(&mut link).is_ok());
        assert_alive(&mut link);
    }
}
