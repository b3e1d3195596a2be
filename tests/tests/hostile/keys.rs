//! Key updates, stateless resets, copies and forgeries (RFC 9001 §6, RFC 9000 §10.3, §12.3).

use super::ours::{
    Ours, Seen, assert_alive, assert_closed, assert_works, at, connected, requested, settled,
};
use aws_lc_rs::aead::{AES_128_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use quicpro_core::Limits;
use quicpro_core::connection::{ConnectionError, KeyLimits, State};
use quicpro_core::crypto::external::{BoxedPacketKey, ExternalPacketKey};
use quicpro_core::crypto::{OpenError, Provider};
use quicpro_core::http3::Error;
use quicpro_core::mem::Shared;
use quicpro_core::wire::Code;
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::Space;
use quicpro_tests::pair::Random;
use quicpro_tests::scripted::{Link, Options, Packet, Server, http3 as wire};
use quicpro_tests::server::Suite;
use std::sync::Arc;
use std::time::Duration;

const APPLICATION: Space = Space::Application;

fn ping(link: &mut Link<Ours>) {
    link.server.send(APPLICATION, &[Frame::Ping]);
    link.advance(Duration::from_millis(100));
}

fn newest(link: &Link<Ours>) -> usize {
    link.server.log().last().unwrap().generation
}

//= rfc9001#6.1 test
//= rfc9001#6.2 test
#[test]
fn the_server_updates_keys_many_times() {
    let mut link = requested();
    for generation in 1..=20 {
        link.server.update_keys();
        ping(&mut link);
        assert_eq!(newest(&link), generation);
        // The next one waits until packets of the last generation are over.
        link.advance(Duration::from_secs(1));
    }
    link.server
        .respond(0, &[(":status", "200")], b"under the twentieth keys");
    link.settle();
    assert_eq!(link.client.bodies[&0], b"under the twentieth keys");
    assert_alive(&mut link);
}

//= rfc9001#6.1 test
#[test]
fn the_client_updates_keys_and_waits_for_the_answer() {
    let mut link = requested();
    ping(&mut link);
    for generation in 1..=5 {
        assert!(link.client.client.transport_mut().update_keys());
        assert!(
            !link.client.client.transport_mut().update_keys(),
            "not confirmed yet"
        );
        link.client.client.transport_mut().ping();
        link.settle();
        ping(&mut link);
        assert_eq!(newest(&link), generation);
        assert_eq!(link.server.generation(), generation);
        link.advance(Duration::from_secs(1));
    }
    assert_alive(&mut link);
}

/// The server does not hear of the update for longer than three probe timeouts, and goes on with its old keys: they are
/// good until a packet with the new ones comes.
//= rfc9001#6.1 test
#[test]
fn old_keys_stay_until_the_server_has_followed() {
    let mut link = requested();
    ping(&mut link);
    link.deaf = true;
    assert!(link.client.client.transport_mut().update_keys());
    link.client.client.transport_mut().ping();
    link.settle();
    let opened = |link: &Link<Ours>| link.client.client.transport().stats().packets_received;
    let before = opened(&link);
    for count in 1..=20 {
        link.server.send(APPLICATION, &[Frame::Ping]);
        link.advance(Duration::from_millis(500));
        assert_eq!(opened(&link), before + count);
    }
    link.deaf = false;
    link.advance(Duration::from_secs(10));
    assert_eq!(link.server.generation(), 1);
    assert_works(&mut link);
    // Once it has, they are good for three probe timeouts.
    ping(&mut link);
    link.advance(Duration::from_secs(5));
    let old = Packet::new(APPLICATION)
        .frames(&[Frame::Ping])
        .generation(0);
    let before = opened(&link);
    link.server.send_packet_as_is(&old);
    link.settle();
    assert_eq!(opened(&link), before);
}

/// All in one batch, so that nothing of ours has left since the ClientHello: no server can have confirmed anything.
//= rfc9001#6.1 test
#[test]
fn a_key_update_before_our_handshake_has_left() {
    let mut link = at(Space::Initial);
    for space in [Space::Initial, Space::Handshake] {
        let data = link.server.crypto(space).to_vec();
        let crypto = Frame::Crypto {
            offset: 0,
            data: &data,
        };
        link.server.send(space, &[crypto]);
    }
    let update = Packet::new(APPLICATION).frames(&[Frame::Ping]);
    link.server.send_packet(update.generation(1));
    link.server_speaks();
    link.settle();
    assert_closed(&link, Code::KEY_UPDATE_ERROR.get());
}

//= rfc9001#6.5 test
#[test]
fn packets_of_the_last_generation_may_come_late() {
    let mut link = requested();
    let head = wire::status("200");
    let frame = Frame::Stream {
        id: quicpro_tests::scripted::stream_id(0),
        offset: 0,
        data: &head,
        fin: true,
    };
    let late = link.server.seal(&Packet::new(APPLICATION).frames(&[frame]));
    link.server.update_keys();
    ping(&mut link);
    assert_eq!(newest(&link), 1);
    link.server.send_datagram(late);
    link.settle();
    assert!(link.client.has_seen(&Seen::Response(0, 200, Vec::new())));
    assert_alive(&mut link);
}

//= rfc9001#6.4 test
#[test]
fn old_keys_for_a_newer_packet_are_not_accepted() {
    let mut link = requested();
    link.server.update_keys();
    ping(&mut link);
    let packet = Packet::new(APPLICATION)
        .frames(&[Frame::Ping])
        .generation(0);
    link.server.send_packet(packet);
    link.settle();
    assert_closed(&link, Code::KEY_UPDATE_ERROR.get());
}

//= rfc9001#6.4 test
#[test]
fn old_keys_for_a_newer_packet_are_not_accepted_with_cryptography_from_outside() {
    for suite in [Suite::Aes128Gcm, Suite::ChaCha20Poly1305] {
        let options = Options {
            suites: vec![suite],
            ..Options::default()
        };
        let server = Server::new(options);
        let config = super::ours::config(&server).provider(Shared::Owned(Arc::new(Outside)));
        let client = Ours::new(&config, &Limits::SMALL, 1);
        let mut link = Link::new(client, server);
        link.settle();
        link.server.update_keys();
        ping(&mut link);
        let packet = Packet::new(APPLICATION).frames(&[Frame::Ping]);
        link.server.send_packet(packet.generation(0));
        link.settle();
        assert_closed(&link, Code::KEY_UPDATE_ERROR.get());
    }
}

/// aws-lc's ciphers, which wipe what they do not open.
struct Outside;

struct OutsideKey(LessSafeKey);

impl Provider for Outside {
    fn packet_key(&self, suite: quicpro_core::crypto::Suite, key: &[u8]) -> Option<BoxedPacketKey> {
        let algorithm = match suite {
            quicpro_core::crypto::Suite::Aes128GcmSha256 => &AES_128_GCM,
            quicpro_core::crypto::Suite::ChaCha20Poly1305Sha256 => &CHACHA20_POLY1305,
            quicpro_core::crypto::Suite::Aes256GcmSha384 => return None,
        };
        let key = UnboundKey::new(algorithm, key).expect("a key of the suite's length");
        Some(Box::new(OutsideKey(LessSafeKey::new(key))))
    }
}

impl ExternalPacketKey for OutsideKey {
    fn seal(&self, nonce: &[u8; 12], header: &[u8], payload: &mut [u8]) -> Option<[u8; 16]> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let sealed = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(header), payload);
        sealed.ok()?.as_ref().try_into().ok()
    }

    fn open(&self, nonce: &[u8; 12], header: &[u8], payload: &mut [u8]) -> Result<(), OpenError> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(header), payload);
        opened.map(drop).map_err(|_| OpenError)
    }
}

/// Limits that only packets sealed under one key reach.
fn sealing(confidentiality: u64) -> KeyLimits {
    KeyLimits {
        confidentiality,
        integrity: u64::MAX,
    }
}

//= rfc9001#6.6 test
#[test]
fn keys_are_updated_long_before_they_are_used_up() {
    let mut link = requested();
    ping(&mut link);
    let transport = link.client.client.transport_mut();
    transport.set_key_limits(sealing(1_000));
    for _ in 0..3_000 {
        link.server.send(APPLICATION, &[Frame::Ping]);
        link.settle();
        link.advance(Duration::from_millis(30));
    }
    let sealed = |generation| {
        let log = link.server.log().iter();
        log.filter(|received| received.generation == generation && received.space == APPLICATION)
            .count()
    };
    let newest = newest(&link);
    assert!(newest >= 4, "{newest} updates");
    for generation in 1..newest {
        assert!(
            (500..520).contains(&sealed(generation)),
            "{}",
            sealed(generation)
        );
    }
    assert_alive(&mut link);
}

//= rfc9001#4.1.2 test
#[test]
fn an_acknowledged_1_rtt_packet_confirms_a_handshake_whose_done_was_lost() {
    let mut link = settled(Options {
        confirms: false,
        ..Options::default()
    });
    let state = |link: &Link<Ours>| link.client.client.transport().state();
    assert_eq!(state(&link), State::Established);
    let acknowledgement = link.server.acknowledgement(APPLICATION);
    link.server
        .send_packet(Packet::new(APPLICATION).raw(&acknowledgement));
    link.settle();
    assert_eq!(state(&link), State::Confirmed);
    // Nothing leaves under keys that the server has forgotten.
    let before = link.server.received(Space::Handshake).len();
    link.advance(Duration::from_secs(10));
    assert_eq!(link.server.received(Space::Handshake).len(), before);
    assert_alive(&mut link);
}

//= rfc9001#6.6 test
#[test]
fn a_connection_whose_keys_cannot_be_updated_ends_before_they_are_used_up() {
    // Without HANDSHAKE_DONE an update is not permitted.
    let mut link = settled(Options {
        confirms: false,
        ..Options::default()
    });
    let transport = link.client.client.transport_mut();
    transport.set_key_limits(sealing(200));
    for _ in 0..300 {
        link.server.send(APPLICATION, &[Frame::Ping]);
        link.settle();
        link.advance(Duration::from_millis(30));
    }
    assert_closed(&link, Code::AEAD_LIMIT_REACHED.get());
    let sealed = link.server.received(APPLICATION).len();
    assert!(sealed <= 200, "{sealed}");
}

//= rfc9001#6.6 test
#[test]
fn too_many_forgeries_end_the_connection() {
    let mut link = requested();
    let transport = link.client.client.transport_mut();
    transport.set_key_limits(KeyLimits {
        confidentiality: u64::MAX,
        integrity: 100,
    });
    let forge = |link: &mut Link<Ours>, count| {
        for _ in 0..count {
            let mut datagram = link
                .server
                .seal(&Packet::new(APPLICATION).frames(&[Frame::Ping]));
            *datagram.last_mut().unwrap() ^= 1;
            link.server.send_datagram(datagram);
        }
        link.settle();
    };
    forge(&mut link, 99);
    assert_alive(&mut link);
    forge(&mut link, 1);
    assert_closed(&link, Code::AEAD_LIMIT_REACHED.get());
}

//= rfc9001#6.2 test
#[test]
fn an_update_before_the_last_one_was_answered() {
    let mut link = connected();
    let first = link.server.seal(
        &Packet::new(APPLICATION)
            .frames(&[Frame::Ping])
            .generation(1),
    );
    let second = link.server.seal(
        &Packet::new(APPLICATION)
            .frames(&[Frame::Ping])
            .generation(2),
    );
    link.server.send_datagram(first);
    link.server.send_datagram(second);
    link.server_speaks();
    link.settle();
    assert_closed(&link, Code::KEY_UPDATE_ERROR.get());
}

//= rfc9001#6.3 test
//= rfc9001#5.5 test
#[test]
fn forged_key_phases_change_nothing() {
    let mut link = requested();
    for number in 1000..1200_u64 {
        let packet = Packet::new(APPLICATION)
            .frames(&[Frame::Ping])
            .number(number)
            .flip(0x04);
        link.server.send_packet(packet);
    }
    link.settle();
    assert_eq!(newest(&link), 0);
    assert_alive(&mut link);
}

//= rfc9000#10.3 test
#[test]
fn stateless_resets_are_recognised_by_their_token_alone() {
    let token = [0xa7; 16];
    let with_token = || {
        settled(Options::default().parameters(|parameters| {
            parameters.stateless_reset_token = Some(token);
        }))
    };
    for length in [21, 22, 43, 1200] {
        let mut link = with_token();
        let mut wrong = token;
        wrong[15] ^= 1;
        link.server.send_stateless_reset(wrong, length);
        link.settle();
        assert_alive(&mut link);
        link.server.send_stateless_reset(token, length);
        link.settle();
        assert_eq!(
            link.client.closed(),
            Some(Error::Transport(ConnectionError::Reset))
        );
        let before = link.transmitted;
        link.advance(Duration::from_secs(60));
        assert_eq!(link.transmitted, before, "nothing is said any more");
    }
    let mut short = with_token();
    short.server.send_stateless_reset(token, 20);
    short.settle();
    assert_alive(&mut short);
    let mut without = connected();
    without.server.send_stateless_reset([0; 16], 100);
    without.settle();
    assert_alive(&mut without);
}

//= rfc9000#10.3.1 test
#[test]
fn only_tokens_of_connection_ids_in_use_count() {
    let new = |sequence, retire_prior_to, token| Frame::NewConnectionId {
        sequence,
        retire_prior_to,
        cid: if sequence == 1 {
            b"another1"
        } else {
            b"another2"
        },
        reset_token: [token; 16],
    };
    // The token of the connection ID that the client was made to use.
    let mut used = settled(Options::default().parameters(|parameters| {
        parameters.stateless_reset_token = Some([0x33; 16]);
    }));
    used.server.send(APPLICATION, &[new(1, 1, 0x11)]);
    ping(&mut used);
    // Of one that it does not use yet.
    used.server.send(APPLICATION, &[new(2, 1, 0x22)]);
    ping(&mut used);
    used.server.send_stateless_reset([0x22; 16], 60);
    // Of one that was retired.
    used.server.send_stateless_reset([0x33; 16], 60);
    used.settle();
    assert_alive(&mut used);
    used.server.send_stateless_reset([0x11; 16], 60);
    used.settle();
    assert_eq!(
        used.client.closed(),
        Some(Error::Transport(ConnectionError::Reset))
    );
}

//= rfc9000#12.3 test
//= rfc9001#5.5 test
#[test]
fn copies_are_discarded() {
    let mut link = requested();
    link.server.respond(0, &[(":status", "200")], b"once");
    link.settle();
    let sent = link.server.sent().to_vec();
    for _ in 0..3 {
        for datagram in &sent {
            link.server.send_datagram(datagram.clone());
        }
        link.settle();
    }
    assert_eq!(link.client.bodies[&0], b"once");
    assert_alive(&mut link);
}

//= rfc9000#12.3 test
#[test]
fn numbers_that_jump_and_come_back() {
    let mut link = requested();
    let start = 1000;
    // So many gaps that not all can be remembered: the lowest are forgotten, and what is below them is
    // then taken for a copy. That is allowed; nothing else may happen.
    for index in 0..500 {
        link.server.send_packet(
            Packet::new(APPLICATION)
                .frames(&[Frame::Ping])
                .number(start + 2 * index),
        );
    }
    link.settle();
    for index in 0..500 {
        let packet = Packet::new(APPLICATION)
            .frames(&[Frame::Ping])
            .number(start + 2 * index + 1);
        link.server.send_packet(packet);
    }
    link.settle();
    // A number of four bytes cannot be told from one 2^32 further on.
    link.server.send_packet(
        Packet::new(APPLICATION)
            .frames(&[Frame::Ping])
            .number(1 << 30),
    );
    link.settle();
    assert_alive(&mut link);
}

//= rfc9001#9.3 test
#[test]
fn every_bit_of_a_packet_is_authenticated() {
    let mut link = requested();
    let datagram = link
        .server
        .seal(&Packet::new(APPLICATION).frames(&[Frame::HandshakeDone]));
    let before = link.server.log().len();
    for bit in 0..datagram.len() * 8 {
        let mut forged = datagram.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        link.server.send_datagram(forged);
    }
    link.advance(Duration::from_secs(1));
    assert_eq!(link.server.log().len(), before, "nothing was acknowledged");
    assert_alive(&mut link);
    link.server.send_datagram(datagram);
    link.advance(Duration::from_secs(1));
    assert!(link.server.log().len() > before);
}

#[test]
fn random_datagrams_before_during_and_after_the_handshake() {
    let mut random = Random::new(5, "datagrams");
    for space in Space::ALL {
        let mut link = at(space);
        for _ in 0..500 {
            let mut datagram = vec![0; random.below(1300) as usize];
            random.fill(&mut datagram);
            link.server.send_datagram(datagram);
        }
        for length in 0..64 {
            link.server.send_datagram(vec![0xc0; length]);
            link.server.send_datagram(vec![0x40; length]);
        }
        link.settle();
        assert_alive(&mut link);
    }
}
