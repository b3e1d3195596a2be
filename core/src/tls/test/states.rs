//! Order, levels and fragments of messages, and what follows the handshake. Only for tests.

use super::peer::message;
use super::*;

const UNEXPECTED: Alert = Alert::UNEXPECTED_MESSAGE;

/// A client that was told the flight's first messages, in pieces as `Flight` has them.
fn pieces(client: &mut Client, flight: &Flight) -> Vec<Vec<u8>> {
    let (mut server, hello) = Server::hello(
        &client.output.initial,
        Suite::Aes128GcmSha256,
        Group::X25519,
    );
    client.feed_all(Space::Initial, &hello).unwrap();
    let mut rest = &server.flight(flight)[..];
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let length = message::Header::decode(rest).unwrap().total().unwrap();
        pieces.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    pieces
}

#[test]
fn fragments_of_any_size_make_the_same_handshake() {
    for size in [1, 2, 3, 7, 64, 500] {
        let mut client = Client::new(&config());
        // Less than the Certificate message has, which is the point.
        client.window = 128;
        let (mut server, hello) = Server::hello(
            &client.output.initial,
            Suite::Aes128GcmSha256,
            Group::X25519,
        );
        let flight = server.flight(&Flight::correct());
        for (level, bytes) in [(Space::Initial, &hello), (Space::Handshake, &flight)] {
            let mut waiting = Vec::new();
            for piece in bytes.chunks(size) {
                waiting.extend_from_slice(piece);
                waiting = client.feed(level, &waiting).unwrap().to_vec();
                assert!(waiting.len() < 128);
            }
            assert!(waiting.is_empty());
        }
        assert!(client.handshake.is_complete());
        server.check_finished(&client.output.handshake, 32);
    }
}

#[test]
fn every_message_out_of_order_is_unexpected() {
    for due in 0..5 {
        for kind in 0..=255 {
            let mut client = Client::new(&config());
            let flight = if due == 0 {
                Vec::new()
            } else {
                pieces(&mut client, &Flight::correct())
            };
            for piece in flight.iter().take(usize::saturating_sub(due, 1)) {
                client.feed_all(Space::Handshake, piece).unwrap();
            }
            let expected: &[u8] = match due {
                0 => &[2],
                1 => &[8],
                2 => &[11, 13],
                3 => &[15],
                _ => &[20],
            };
            if expected.contains(&kind) {
                continue;
            }
            let level = if due == 0 {
                Space::Initial
            } else {
                Space::Handshake
            };
            // The type alone decides, whatever length follows.
            let error = client.feed(level, &[kind]).unwrap_err();
            assert_eq!(
                error,
                PeerMisbehaved::UnexpectedMessage(MessageType(kind)).into()
            );
            assert_eq!(error.alert(), Some(UNEXPECTED));
            assert_eq!(client.feed(level, &[]), Err(error), "an error is for good");
        }
    }
}

//= rfc9001#4.1.3 test
//= rfc8446#5.1 test
#[test]
fn no_bytes_are_left_behind_when_keys_change() {
    let mut client = Client::new(&config());
    let (mut server, hello) = Server::hello(
        &client.output.initial,
        Suite::Aes128GcmSha256,
        Group::X25519,
    );
    let longer = [&hello[..], &[8]].concat();
    let error = Client::new(&config())
        .feed(Space::Initial, &longer)
        .unwrap_err();
    assert_eq!(error, PeerMisbehaved::BytesAfterKeyChange.into());
    client.feed_all(Space::Initial, &hello).unwrap();
    let flight = server.flight(&Flight::correct());
    client.feed_all(Space::Handshake, &flight).unwrap();
    let error = client.feed(Space::Handshake, &[4]).unwrap_err();
    assert_eq!(error.alert(), Some(UNEXPECTED));

    let mut client = Client::new(&config());
    let (mut server, hello) = Server::hello(
        &client.output.initial,
        Suite::Aes128GcmSha256,
        Group::X25519,
    );
    client.feed_all(Space::Initial, &hello).unwrap();
    let longer = [&server.flight(&Flight::correct())[..], &[4]].concat();
    let error = client.feed(Space::Handshake, &longer).unwrap_err();
    assert_eq!(error, PeerMisbehaved::BytesAfterKeyChange.into());
    assert!(!client.handshake.is_complete());
    assert_eq!(client.output.keys.len(), 1);
}

#[test]
fn a_message_longer_than_the_window_says_so_at_once() {
    let mut client = Client::new(&config());
    pieces(&mut client, &Flight::correct());
    client.window = 100;
    assert_eq!(
        client.feed(Space::Handshake, &[8, 0, 0, 97]),
        Err(Error::TooLarge {
            message: MessageType::ENCRYPTED_EXTENSIONS,
            length: 97
        })
    );
}

#[test]
fn own_messages_that_do_not_fit_are_an_error_of_ours() {
    struct NoRoom(Recorder);
    impl Output for NoRoom {
        fn message(&mut self, _: Space, _: &mut WriteMessage<'_>) -> Result<(), Full> {
            Err(Full)
        }
        fn client_hello(&self) -> &[u8] {
            &self.0.initial
        }
        fn keys(&mut self, _: Space, _: Suite, _: &Secret, _: &Secret) {}
        fn parameters(&mut self, _: &[u8]) -> Result<(), TransportError> {
            Ok(())
        }
    }
    let mut client = Client::new(&config());
    let retry = peer::retry(0x1301, Some(0x0017), None);
    let incoming = Incoming {
        level: Space::Initial,
        bytes: &retry,
        window: 4096,
    };
    let mut output = NoRoom(core::mem::take(&mut client.output));
    let result = client.handshake.read(
        &incoming,
        &mut client.store,
        &mut client.random,
        &mut output,
    );
    assert_eq!(result, Err(Error::SendBufferFull));
}

fn completed() -> Client {
    let mut client = Client::new(&config());
    client.run(&Flight::correct()).unwrap();
    client
}

fn ticket(length: usize) -> Vec<u8> {
    let mut body = std::vec![0, 0, 1, 0, 1, 2, 3, 4, 0];
    body.extend(peer::with_length(2, &std::vec![7; length]));
    body.extend([0, 0]);
    message(4, &body)
}

#[test]
fn tickets_are_handed_over_and_too_long_ones_passed_over() {
    let mut client = completed();
    client.window = 64;
    let tickets = [ticket(5), ticket(300), ticket(6)].concat();
    client.feed_all(Space::Application, &tickets).unwrap();
    assert_eq!(client.output.tickets, [[7; 5].to_vec(), [7; 6].to_vec()]);
    let mut client = completed();
    client.window = 64;
    let mut waiting = Vec::new();
    for byte in tickets {
        waiting.push(byte);
        waiting = client.feed(Space::Application, &waiting).unwrap().to_vec();
    }
    assert_eq!(client.output.tickets.len(), 2);
}

//= rfc9001#6 test
//= rfc9001#4.4 test
#[test]
fn key_updates_and_late_requests_end_the_connection() {
    let key_update = message(24, &[0]);
    let error = completed()
        .feed(Space::Application, &key_update)
        .unwrap_err();
    assert_eq!(error.transport().code().get(), 0x10a);
    let request = message(13, &[0, 0, 0]);
    let error = completed().feed(Space::Application, &request).unwrap_err();
    assert_eq!(
        error.transport().code(),
        crate::wire::Code::PROTOCOL_VIOLATION
    );
}

#[test]
fn no_changed_byte_of_a_flight_completes_a_handshake() {
    let flight = |client: &mut Client| {
        let (mut server, hello) = Server::hello(
            &client.output.initial,
            Suite::Aes128GcmSha256,
            Group::X25519,
        );
        (hello, server.flight(&Flight::correct()))
    };
    let config = config();
    let (hello, rest) = flight(&mut Client::new(&config));
    for at in 0..hello.len() + rest.len() {
        let (mut hello, mut rest) = (hello.clone(), rest.clone());
        match at.checked_sub(hello.len()) {
            Some(at) => rest[at] ^= 1 << (at % 8),
            None => hello[at] ^= 1 << (at % 8),
        }
        let mut client = Client::new(&config);
        if client.feed(Space::Initial, &hello).is_ok() && !client.output.keys.is_empty() {
            let _ = client.feed(Space::Handshake, &rest);
        }
        assert!(!client.handshake.is_complete(), "byte {at}");
        assert!(client.output.keys.len() < 2);
        assert!(client.output.handshake.is_empty());
    }
}
