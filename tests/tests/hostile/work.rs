//! What one datagram may cost: work that a server can save up, and have done all at once.
//!
//! Invariant: work is counted, never timed, and each bound is a multiple of the bytes that came.

use super::ours::{Ours, Seen, assert_alive, config};
use quicpro_core::Limits;
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::Space;
use quicpro_tests::scripted::{Link, Options, Server};

/// The shortest ticket there is: 18 bytes.
const TICKET: [u8; 18] = [
    4, 0, 0, 14, 0, 0, 0, 1, 1, 2, 3, 4, 0, 0, 1, 0x77, 0, 0,
];

/// Messages that all become readable with the byte that comes last are moved out of the way once, not one by one:
/// that would be quadratic in the window.
#[test]
fn tickets_whose_first_byte_comes_last() {
    let server = Server::new(Options::default());
    let client = Ours::new(&config(&server), &Limits::DESKTOP, 1);
    let mut link = Link::new(client, server);
    link.settle();
    assert!(link.client.has_seen(&Seen::Connected));
    let room = Limits::DESKTOP.tickets;
    let bytes = TICKET.repeat(room / TICKET.len());
    assert!(bytes.len() > 100 * TICKET.len());
    // A byte short of the last ticket's end, so that something is left to be moved.
    let end = bytes.len() - 1;
    let before = link.client.client.transport().crypto_bytes_moved();
    for start in (1..end).step_by(1000) {
        let data = &bytes[start..end.min(start + 1000)];
        let frame = Frame::Crypto {
            offset: start as u64,
            data,
        };
        link.server.send(Space::Application, &[frame]);
        link.settle();
    }
    let first = Frame::Crypto {
        offset: 0,
        data: &bytes[..1],
    };
    link.server.send(Space::Application, &[first]);
    link.settle();
    let moved = link.client.client.transport().crypto_bytes_moved() - before;
    assert_eq!(moved, TICKET.len() as u64 - 1, "only what was not read yet");
    assert_alive(&mut link);
}
