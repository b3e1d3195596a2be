//! The script: bytes that say what the server does next, and what holds whatever it does.
//!
//! ```text
//! script = setup, action*        setup  = one byte: how far the handshake is, and which limits the client has
//! action = one byte, operands    packets of any payload, bytes of streams, datagrams, time, the client's own wishes
//! ```

use super::Guest;
use crate::scripted::{Link, Options, Packet, Server, http3};
use quicpro_core::Limits;
use quicpro_core::codec::Reader;
use quicpro_core::connection::ConnectionError;
use quicpro_core::http3::{Code, Error};
use quicpro_core::wire::frame::Frame;
use quicpro_core::wire::packet::Space;
use std::collections::BTreeSet;
use std::time::Duration;

/// Actions of a script at most.
const ACTIONS_MAX: usize = 200;

/// What the client may do in answer, in all.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Datagrams for each that came, or timer that ran, or request that was made.
    pub datagrams: usize,
    /// Datagrams that are owed to nothing of it: the handshake and its repetitions.
    pub handshake: usize,
    /// Events for each byte that came.
    pub events: usize,
}

impl Bounds {
    /// What holds for every script.
    pub const ALL: Self = Self {
        datagrams: 3,
        handshake: 40,
        events: 2,
    };
}

/// A server that follows `script`, against a client: the client's answers are legal and few, its tables keep their
/// limits, and it ends at most once, with a reason that it tells.
pub fn connection(script: &[u8]) {
    let mut script = Reader::new(script);
    let setup = script.u8().unwrap_or(0);
    let mut play = Play::start(setup);
    for _ in 0..ACTIONS_MAX {
        let Ok(action) = script.u8() else { break };
        play.act(action, &mut script);
    }
    play.link.settle();
    play.judge();
    play.link.advance(Duration::from_secs(200));
    play.judge();
    let is_over = play.link.client.end.is_some();
    assert!(is_over, "a server that was silent for so long is gone");
}

struct Play {
    link: Link<Guest>,
    /// What the client may answer: datagrams that came, timers, wishes.
    causes: usize,
    /// Bytes that came.
    came: usize,
}

impl Play {
    fn start(setup: u8) -> Self {
        let limits = [Limits::TINY, Limits::SMALL, Limits::SMALL, Limits::DESKTOP];
        let limits = limits[usize::from(setup & 3)];
        let stage = setup >> 2 & 3;
        let server = Server::new(Options {
            sends_handshake: stage > 1,
            acknowledges: setup & 0x10 == 0,
            confirms: setup & 0x20 == 0,
            ..Options::default()
        });
        let mut link = Link::new(Guest::new(&limits), server);
        link.settle();
        if stage == 1 {
            let hello = link.server.crypto(Space::Initial).len();
            link.server.send_crypto(Space::Initial, 0..hello);
        }
        if stage > 1 && setup & 0x40 == 0 {
            link.server.open_http3();
            link.settle();
            link.client.get();
        }
        link.settle();
        let causes = link.transmitted.0;
        Self {
            link,
            causes,
            came: 0,
        }
    }

    fn act(&mut self, action: u8, script: &mut Reader<'_>) {
        let mut byte = || script.u8().unwrap_or(0);
        match action % 16 {
            0..5 => {
                let length = usize::from(byte());
                let payload = take(script, length);
                self.send(Packet::new(Space::Application).raw(payload));
            }
            5 | 6 => {
                let space = [Space::Initial, Space::Handshake][usize::from(action & 1)];
                let length = usize::from(byte());
                let payload = take(script, length);
                self.send(Packet::new(space).raw(payload));
            }
            7..10 => self.write(script),
            10 => self.odd(script),
            11 => {
                let length = usize::from(byte()) << (action >> 6);
                let datagram = take(script, length).to_vec();
                self.link.server.send_datagram(datagram);
            }
            12 => {
                let millis = 1 << (byte() % 15);
                // Every timer of that time may speak, and probes do so at least a millisecond apart.
                self.causes += 64;
                self.link.advance(Duration::from_millis(millis));
            }
            13 => {
                self.link.settle();
            }
            14 => self.wish(action >> 4),
            _ => self.again(byte()),
        }
        if action & 0x80 == 0 {
            self.link.settle();
        } else {
            self.arrive();
        }
    }

    /// All that the server has said arrives before the client can speak.
    fn arrive(&mut self) {
        self.link.server_speaks();
    }

    fn send(&mut self, packet: Packet) {
        if self.link.server.has_keys(packet.space) {
            self.causes += 1;
            self.came += packet.payload.len();
            self.link.server.send_packet_as_is(&packet);
        }
    }

    /// Bytes of a stream, in order.
    fn write(&mut self, script: &mut Reader<'_>) {
        let mut byte = || script.u8().unwrap_or(0);
        let ids = [
            0,
            4,
            8,
            http3::CONTROL,
            http3::ENCODER,
            http3::DECODER,
            http3::FOURTH,
            1,
        ];
        let choice = byte();
        let length = usize::from(byte());
        let data = take(script, length).to_vec();
        if self.link.server.has_keys(Space::Application) {
            self.causes += 2;
            self.came += length;
            let id = ids[usize::from(choice % 8)];
            self.link.server.write(id, &data, choice & 0x80 != 0);
        }
    }

    /// A packet with a number, a phase or a first byte of the script's own.
    fn odd(&mut self, script: &mut Reader<'_>) {
        let mut byte = || script.u8().unwrap_or(0);
        let (choice, number) = (byte(), byte());
        let length = usize::from(byte() % 32);
        let mut packet = Packet::new(Space::Application).raw(take(script, length));
        match choice % 4 {
            0 => packet.number = Some(u64::from(number)),
            1 => packet.number = Some(u64::from(number) << 20),
            2 => packet.flip = number & 0x1f,
            _ => packet.generation = Some(self.link.server.generation() + usize::from(number & 1)),
        }
        self.send(packet);
    }

    /// What the client's user does.
    fn wish(&mut self, which: u8) {
        self.causes += 2;
        let client = &mut self.link.client;
        match which {
            0..3 => client.get(),
            3 | 4 => client.cancel(0),
            5 => client.cancel(1),
            6 => client.reads = !client.reads,
            _ => client.catch_up(),
        }
    }

    /// A datagram that was sent before.
    fn again(&mut self, back: u8) {
        let sent = self.link.server.sent();
        if let Some(index) = sent.len().checked_sub(1 + usize::from(back)) {
            let datagram = sent[index].clone();
            self.causes += 1;
            self.link.server.send_datagram(datagram);
        }
    }

    fn judge(&self) {
        let (link, bounds) = (&self.link, Bounds::ALL);
        assert_eq!(link.server.problems(), [""; 0]);
        self.judge_tables();
        let most = bounds.datagrams * self.causes + bounds.handshake;
        assert!(
            link.transmitted.0 <= most,
            "{} datagrams for {} causes",
            link.transmitted.0,
            self.causes
        );
        let most = bounds.events * (self.came + self.causes) + 100;
        assert!(link.client.events <= most, "{} events", link.client.events);
        if let Some(end) = link.client.end {
            self.judge_end(&end);
        }
    }

    /// An end of the client's own has a legal code.
    fn judge_end(&self, end: &Error) {
        let silent = matches!(
            end,
            Error::Peer { .. }
                | Error::Transport(
                    ConnectionError::Peer(_) | ConnectionError::TimedOut | ConnectionError::Reset
                )
        );
        if let Some(closed) = self.link.server.closed().filter(|_| !silent)
            && closed.application
        {
            let code = Code::new(closed.code);
            assert!(code.name().is_some(), "{code:?}");
            assert_ne!(code, Code::INTERNAL_ERROR);
        }
    }

    fn judge_tables(&self) {
        let (link, limits) = (&self.link, &self.link.client.limits);
        let stats = link.client.client.transport().stats();
        let most = (limits.packets_in_flight as u64 + 16) * limits.datagram as u64;
        assert!(stats.in_flight <= most);
        let (mut issued, mut retired) = (BTreeSet::new(), BTreeSet::new());
        for (_, frame) in link.server.frames() {
            match frame {
                Frame::Ack(ack) => assert!(ack.ranges().count() <= limits.ack_ranges),
                Frame::NewConnectionId { sequence, .. } => drop(issued.insert(sequence)),
                Frame::RetireConnectionId { sequence } => drop(retired.insert(sequence)),
                _ => {}
            }
        }
        // Each is answered for by a frame of the server's, but for the first.
        assert!(issued.len() <= 16 + self.came && retired.len() <= 16 + self.came);
    }
}

/// As much of `length` bytes of the script as are there.
fn take<'a>(script: &mut Reader<'a>, length: usize) -> &'a [u8] {
    let length = length.min(script.remaining());
    script.take(length).unwrap_or(&[])
}
