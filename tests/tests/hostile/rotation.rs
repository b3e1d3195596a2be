//! A server that is stingy, greedy or contradictory with connection IDs while the client changes them by itself.

use super::ours::{Ours, address, assert_alive, assert_works, config, give, instant};
use quicpro_core::connection::{Receive, Rotation};
use quicpro_core::wire::frame::Frame;
use quicpro_core::{Duration, Limits};
use quicpro_tests::scripted::{Link, Options, Server};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Longer than three probe timeouts on a link of 10 ms.
const WHILE: Duration = Duration::from_secs(1);

/// A confirmed connection that changes after so many packets.
fn rotating(options: Options, rotation: Rotation) -> Link<Ours> {
    let server = Server::new(options);
    let config = config(&server).connection_id_rotation(rotation);
    let client = Ours::new(&config, &Limits::SMALL, 1);
    let mut link = Link::new(client, server);
    link.settle();
    assert!(link.server.is_complete());
    link.server.open_http3();
    link.settle();
    link
}

fn often() -> Rotation {
    Rotation::NEVER.after_packets(2)
}

/// A packet that wants an answer; where it was sent to.
fn speak(link: &mut Link<Ours>) -> Vec<u8> {
    link.client.client.transport_mut().ping();
    link.settle();
    let last = link.server.log().last().expect("a packet");
    last.destination.as_slice().to_vec()
}

/// So many packets, with time between them; where they were sent to, without repetition.
fn speak_often(link: &mut Link<Ours>, times: usize) -> Vec<Vec<u8>> {
    let mut destinations = Vec::new();
    for _ in 0..times {
        destinations.push(speak(link));
        link.advance(WHILE);
    }
    destinations.dedup();
    destinations
}

/// The numbers that the client retired, in their order.
fn retired(link: &Link<Ours>) -> Vec<u64> {
    let frames = link.server.frames();
    frames
        .filter_map(|(_, frame)| match frame {
            Frame::RetireConnectionId { sequence } => Some(sequence),
            _ => None,
        })
        .collect()
}

#[test]
fn who_gives_none_or_one_is_sent_to_as_ever() {
    for spare in [0, 1] {
        let mut link = rotating(Options::default(), often());
        for sequence in 1..=spare {
            give(&mut link, sequence, 0);
        }
        assert_eq!(speak_often(&mut link, 20).len(), 1, "{spare} spare");
        assert!(retired(&link).is_empty());
        assert_works(&mut link);
    }
}

//= rfc9000#5.1.2 test
#[test]
fn who_gives_some_and_never_more_is_left_with_one_for_a_move() {
    let mut link = rotating(Options::default(), often());
    for sequence in 1..=3 {
        give(&mut link, sequence, 0);
    }
    let destinations = speak_often(&mut link, 20);
    assert_eq!(destinations[destinations.len() - 2..], [[1; 8], [2; 8]]);
    assert_eq!(retired(&link), [0, 1]);
    // The last spare one is good for that.
    let now = instant(link.now);
    let elsewhere = SocketAddr::from(([198, 51, 100, 7], 4_000));
    let transport = link.client.client.transport_mut();
    assert!(transport.migrate(now, elsewhere).is_ok());
    link.settle();
    assert_alive(&mut link);
}

//= rfc9000#5.1.2 test
#[test]
fn who_replaces_what_is_retired_is_never_sent_to_the_same_place_again() {
    let mut link = rotating(Options::default(), often());
    for sequence in 1..=3 {
        give(&mut link, sequence, 0);
    }
    let mut seen = Vec::new();
    for sequence in 4..40 {
        seen.extend(speak_often(&mut link, 3));
        seen.dedup();
        if retired(&link).len() + 3 >= sequence as usize {
            give(&mut link, sequence, 0);
        }
    }
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "{seen:?}");
    assert!(seen.len() > 30, "{}", seen.len());
    // Each once, in order.
    let retired = retired(&link);
    assert!(
        retired.iter().copied().eq(0..retired.len() as u64),
        "{retired:?}"
    );
    assert_works(&mut link);
}

//= rfc9000#5.1.2 test
#[test]
fn an_id_that_is_being_left_is_taken_back_at_the_same_time() {
    let mut link = rotating(Options::default(), Rotation::NEVER.after_packets(1));
    for sequence in 1..=3 {
        give(&mut link, sequence, 0);
    }
    // Some of what was given was answered: the change has begun, and the first one is not retired yet.
    assert_eq!(speak(&mut link), [1; 8]);
    link.advance(Duration::from_millis(50));
    assert!(retired(&link).is_empty(), "packets may be under way to it");
    give(&mut link, 4, 3);
    // Whichever of the two that are left.
    let destination = speak(&mut link);
    assert!([[3; 8], [4; 8]].contains(&destination[..].try_into().unwrap()));
    link.advance(WHILE);
    let mut all = retired(&link);
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2], "each once");
    // Everything is taken back again and again, in the middle of changes.
    for sequence in 5..60 {
        give(&mut link, sequence, sequence.saturating_sub(sequence % 3));
        speak(&mut link);
        assert_alive(&mut link);
    }
    link.advance(WHILE);
    let mut all = retired(&link);
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "none was retired twice");
    assert_works(&mut link);
}

#[test]
fn ids_without_bytes_stay() {
    let options = Options {
        connection_id: Vec::new(),
        ..Options::default()
    };
    let mut link = rotating(options, often());
    assert_eq!(speak_often(&mut link, 20), [[0; 0]]);
    assert_works(&mut link);
}

//= rfc9000#9.5 test
#[test]
fn silence_is_followed_by_another_id() {
    let silence = Duration::from_secs(10);
    for (seconds, changes) in [(9, false), (11, true)] {
        let rotation = Rotation::NEVER.after_silence(silence);
        let mut link = rotating(Options::default(), rotation);
        give(&mut link, 1, 0);
        give(&mut link, 2, 0);
        let first = speak(&mut link);
        // Time alone causes nothing.
        let before = link.transmitted;
        link.advance(Duration::from_secs(seconds));
        assert_eq!(link.transmitted, before);
        assert_eq!(speak(&mut link) != first, changes, "after {seconds} s");
        link.advance(WHILE);
        assert_eq!(retired(&link).len(), usize::from(changes));
        assert_works(&mut link);
    }
}

/// Rotation is for what is said, and is not itself something to say: a connection that is idle becomes silent, and ends.
//= rfc9000#10.1 test
#[test]
fn nothing_rotates_for_the_sake_of_rotation() {
    for rotation in [
        Rotation::NEVER.after_packets(1),
        Rotation::NEVER.after_time(Duration::from_millis(1)),
        Rotation::NEVER.after_silence(Duration::from_millis(1)),
    ] {
        let mut link = rotating(Options::default(), rotation);
        give(&mut link, 1, 0);
        give(&mut link, 2, 0);
        speak(&mut link);
        let mut given = 2;
        for _ in 0..60 {
            link.advance(WHILE);
            if retired(&link).len() + 2 > given as usize {
                given += 1;
                give(&mut link, given, 0);
            }
        }
        assert!(retired(&link).len() <= 3, "{:?}", retired(&link));
        assert!(link.client.closed().is_some(), "{rotation:?}");
    }
}

/// A server that lost its state says so about the ID that packets under way were sent to.
//= rfc9000#10.3.1 test
#[test]
fn a_reset_of_the_id_that_is_being_left_is_one() {
    for (token, is_reset) in [(1, true), (2, true), (3, false)] {
        let mut link = rotating(Options::default(), Rotation::NEVER);
        for sequence in 1..=3 {
            give(&mut link, sequence, 0);
        }
        // The first ID of this server has no token, so it has the client leave that: for number 2.
        give(&mut link, 4, 1);
        assert_eq!(speak(&mut link), [2; 8]);
        link.advance(WHILE);
        let transport = link.client.client.transport_mut();
        assert!(transport.rotate_connection_id(instant(link.now)));
        assert_eq!(speak(&mut link), [1; 8]);
        let mut datagram = vec![0x5a; 40];
        datagram[24..].fill(token);
        let now = instant(link.now);
        let from = Receive::from(address());
        link.client
            .client
            .handle_datagram(now, &from, &mut datagram);
        link.client.drain();
        assert_eq!(link.client.closed().is_some(), is_reset, "token {token}");
    }
}
