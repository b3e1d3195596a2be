//! Honest streams with a few bytes changed: TLS flights and responses, in order and under the right keys.

use super::ours::{Ours, Seen, assert_legal, deliver, requested, settled};
use quicpro_core::http3::{Code, Error};
use quicpro_core::wire::packet::Space;
use quicpro_tests::pair::Random;
use quicpro_tests::scripted::{Link, Options, http3};

/// Every bit of the server's flight is covered by its Finished: with any of them flipped there is no
/// connection, and the server is told why.
#[test]
fn no_flipped_bit_of_a_handshake_goes_unnoticed() {
    let honest = settled(Options::default());
    let lengths = [Space::Initial, Space::Handshake].map(|space| honest.server.crypto(space).len());
    let mut random = Random::new(9, "flips");
    let mut told = 0;
    let cases = 800;
    for _ in 0..cases {
        let place = random.below((lengths[0] + lengths[1]) as u64) as usize;
        let bit = 1 << random.below(8);
        let link = settled(Options::default().alter_handshake(move |space, mut bytes| {
            let start = if space == Space::Initial {
                0
            } else {
                lengths[0]
            };
            let mine = place
                .checked_sub(start)
                .and_then(|place| bytes.get_mut(place));
            if let Some(byte) = mine.filter(|_| space != Space::Application) {
                *byte ^= bit;
            }
            bytes
        }));
        assert!(
            !link.client.has_seen(&Seen::Connected),
            "bit {bit:#x} of byte {place}"
        );
        assert_legal(&link);
        told += usize::from(link.server.closed().is_some());
    }
    // A length that grew makes the client wait for bytes that never come, and some keys never agree.
    assert!(told > cases / 2, "{told}");
}

/// What a client says of a connection that is over, if it is.
fn judge(link: &Link<Ours>) -> bool {
    assert_legal(link);
    let Some(end) = link.client.closed() else {
        return false;
    };
    let closed = link.server.closed().expect("the server is told");
    match end {
        Error::Local { code, .. } => {
            assert_eq!((closed.application, closed.code), (true, code.get()));
            assert!(
                code.name().is_some() && code != Code::INTERNAL_ERROR,
                "{code:?}"
            );
        }
        Error::Transport(_) => assert!(!closed.application),
        Error::Peer { .. } => panic!("the server closed nothing"),
    }
    true
}

#[test]
fn responses_with_a_few_bytes_changed() {
    let mut random = Random::new(10, "responses");
    let honest = [
        http3::headers(&[(":status", "103"), ("link", "</a>; rel=preload")]),
        http3::frame(http3::kind::GREASE, b"grease"),
        http3::headers(&[
            (":status", "200"),
            ("content-length", "20"),
            ("x-field", "some value"),
        ]),
        http3::data(b"0123456789"),
        http3::data(b"0123456789"),
        http3::headers(&[("x-trailer", "yes")]),
    ]
    .concat();
    let mut link = requested();
    let mut id = 0;
    let (mut ended, mut finished, mut failed) = (0, 0, 0);
    for _ in 0..3000 {
        let mut response = honest.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(response.len() as u64) as usize;
            match random.below(4) {
                0 => response[at] ^= 1 << random.below(8),
                1 => response[at] = random.number() as u8,
                2 => drop(response.remove(at)),
                _ => response.insert(at, random.number() as u8),
            }
        }
        let fin = random.chance(900);
        deliver(&mut link, id, &response, fin);
        finished += usize::from(link.client.has_seen(&Seen::Finished(id)));
        let fails = |seen: &Seen| matches!(seen, Seen::Failed(..));
        failed += usize::from(link.client.seen.iter().any(fails));
        link.client
            .seen
            .retain(|seen| matches!(seen, Seen::Closed(_)));
        if judge(&link) || id > 300 || !fin {
            ended += usize::from(link.client.closed().is_some());
            link = requested();
            id = 0;
            continue;
        }
        id = link.client.get("/next");
        link.settle();
    }
    assert!(
        ended > 100 && finished > 100 && failed > 100,
        "{ended} {finished} {failed}"
    );
}
