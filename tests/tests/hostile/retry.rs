//! Retry: followed once, where it is genuine and comes before the server has spoken (RFC 9000 §17.2.5).

use super::ours::{Seen, assert_alive, at, fresh, settled};
use quicpro_core::trace::Discard;
use quicpro_core::wire::packet::{ConnectionId, Space};
use quicpro_tests::scripted::{Options, Packet, RETRY_CID, Retry};
use std::time::Duration;

pub fn with_retry(retry: Retry) -> Options {
    Options {
        retry: Some(retry),
        ..Options::default()
    }
}

//= rfc9000#17.2.5 test
//= rfc9000#8.1.2 test
#[test]
fn a_genuine_retry_is_followed_with_its_token_and_the_next_numbers() {
    let retry = Retry {
        copies: 3,
        ..Retry::default()
    };
    let mut link = settled(with_retry(retry.clone()));
    assert!(link.client.has_seen(&Seen::Connected));
    let initials = || {
        link.server
            .log()
            .iter()
            .filter(|packet| packet.space == Space::Initial)
    };
    assert!(initials().count() > 0);
    assert!(initials().all(|packet| packet.token == retry.token));
    //= rfc9000#17.2.5.3 test
    assert!(
        initials().all(|packet| packet.number > 0),
        "0 was the packet that the Retry answers"
    );
    assert_alive(&mut link);
}

/// A second one, as genuine as the first: for the connection ID that our first packet went to, and for the one that the
/// first Retry gave.
//= rfc9000#17.2.5.2 test
#[test]
fn only_the_first_retry_is_followed() {
    let first = Retry::default();
    let mut link = fresh(Options {
        sends_handshake: false,
        acknowledges: false,
        ..with_retry(first.clone())
    });
    link.settle();
    let source = |bytes: &[u8; 8]| ConnectionId::new(bytes).expect("8 bytes");
    let second = Retry {
        token: b"another token".to_vec(),
        ..Retry::default()
    };
    let original = link.server.original_cid().expect("a packet came");
    for answered in [original, source(RETRY_CID)] {
        let another = source(b"away now");
        let packet = link.server.retry_packet_for(&answered, &another, &second);
        link.server.send_datagram(packet);
        link.settle();
    }
    let discarded = link.client.client.transport().trace();
    assert_eq!(discarded.discarded(Discard::Unexpected), 2);
    link.advance(Duration::from_secs(3));
    link.server.options_mut().sends_handshake = true;
    link.server.flush();
    link.settle();
    assert!(link.client.has_seen(&Seen::Connected));
    let mut tokens = link.server.log().iter().map(|packet| &packet.token);
    assert!(tokens.all(|token| *token == first.token || token.is_empty()));
    assert_alive(&mut link);
}

//= rfc9001#5.8 test
#[test]
fn retries_that_are_no_retries_are_discarded() {
    let forged = Retry {
        genuine: false,
        ..Retry::default()
    };
    let empty = Retry {
        token: Vec::new(),
        ..Retry::default()
    };
    for retry in [forged, empty] {
        let mut link = settled(with_retry(retry));
        assert!(!link.client.has_seen(&Seen::Connected));
        assert_eq!(link.client.closed(), None);
        // The client goes on as if nothing had come: it repeats its first flight.
        let before = link.transmitted.0;
        link.advance(Duration::from_secs(3));
        assert!(link.transmitted.0 > before);
    }
}

//= rfc9000#17.2.5.2 test
#[test]
fn a_retry_after_the_server_has_spoken_is_discarded() {
    for space in Space::ALL {
        let mut link = at(space);
        let acknowledge = link.server.acknowledgement(Space::Initial);
        link.server
            .send_packet(Packet::new(Space::Initial).raw(&acknowledge));
        link.settle();
        let source = ConnectionId::new(RETRY_CID).unwrap();
        let packet = link.server.retry_packet(&source, &Retry::default());
        link.server.send_datagram(packet);
        link.settle();
        link.server.options_mut().sends_handshake = true;
        link.server.flush();
        link.settle();
        assert!(link.client.has_seen(&Seen::Connected), "{space:?}");
        assert_alive(&mut link);
    }
}

//= rfc9000#8.1.2 test
#[test]
fn a_retry_token_is_followed_as_long_as_there_is_room_for_anything_else() {
    for length in [1, 100, 500, 1000] {
        let token = vec![7; length];
        let mut link = settled(with_retry(Retry {
            token,
            ..Retry::default()
        }));
        assert!(link.client.has_seen(&Seen::Connected), "{length} bytes");
        assert_alive(&mut link);
    }
    for length in [1001, 1100, 1200, 1300] {
        let token = vec![7; length];
        let link = settled(with_retry(Retry {
            token,
            ..Retry::default()
        }));
        assert!(link.client.closed().is_some(), "{length} bytes");
    }
}

/// It comes after half of the idle timeout, and then nothing does.
//= rfc9000#10.1 test
#[test]
fn a_retry_is_a_sign_of_life() {
    let mut link = fresh(Options {
        sends_handshake: false,
        acknowledges: false,
        ..with_retry(Retry::default())
    });
    link.deaf = true;
    link.advance(Duration::from_secs(10));
    link.deaf = false;
    link.advance(Duration::from_secs(10));
    assert!(
        link.server
            .log()
            .iter()
            .any(|packet| !packet.token.is_empty())
    );
    link.advance(Duration::from_secs(20));
    assert_eq!(link.client.closed(), None);
    link.advance(Duration::from_secs(20));
    assert!(link.client.closed().is_some());
}
