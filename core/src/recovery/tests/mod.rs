//! RFC 9002's pseudocode as scenarios in virtual time, and the rules of the table of sent packets.

#[cfg(all(feature = "cubic", feature = "bbr"))]
mod congestion;
mod loss;
#[cfg(all(feature = "cubic", feature = "bbr"))]
mod model;
#[cfg(feature = "pmtud")]
mod mtu;
#[cfg(feature = "migration")]
mod path;
mod probe;
mod table;

use std::vec::Vec;

use super::*;
use crate::codec::Writer;
use crate::wire::frame::{Ack, EcnCounts, Frame, Frames};
use crate::wire::{Code, TransportError};
use Space::{Application, Handshake, Initial};

const DATAGRAM: u16 = 1_200;
/// Microseconds of a millisecond.
const MS: u64 = 1_000;

fn at(ms: u64) -> Instant {
    Instant::from_micros(ms * 1_000)
}

/// A recovery with everything that it reported.
struct Bench {
    recovery: Recovery<'static>,
    outcomes: Vec<(Space, Outcome, Token)>,
}

fn token(number: u64) -> Token {
    Token::MaxData { limit: number }
}

/// Notes what was said of a token. Of packets as a whole it is said for sinks.
fn report(
    outcomes: &mut Vec<(Space, Outcome, Token)>,
    space: Space,
    outcome: Outcome,
    token: Token,
) {
    #[cfg(feature = "sink")]
    if matches!(token, Token::Packet { .. }) {
        return;
    }
    outcomes.push((space, outcome, token));
}

impl Bench {
    fn new(side: Side, in_flight: usize) -> Self {
        Self::with(side, in_flight, Ecn::off())
    }

    fn with(side: Side, in_flight: usize, ecn: Ecn) -> Self {
        let packets = std::vec![SentPacket::EMPTY; SentMemory::packets(in_flight)].leak();
        let tokens = std::vec![Token::None; SentMemory::tokens(in_flight)].leak();
        let memory = SentMemory {
            packets: (&mut *packets).into(),
            tokens: (&mut *tokens).into(),
            #[cfg(feature = "bbr")]
            snapshots: std::vec![[0; 4]; SentMemory::packets(in_flight)]
                .leak()
                .into(),
        };
        Self {
            recovery: Recovery::new(side, memory, ecn, DATAGRAM),
            outcomes: Vec::new(),
        }
    }

    /// A client whose handshake is confirmed and whose round-trip time is 100 ms without variation to speak of.
    fn confirmed(in_flight: usize) -> Self {
        let mut bench = Self::new(Side::Client, in_flight);
        bench.recovery.on_handshake_keys();
        bench.recovery.on_handshake_confirmed();
        bench.recovery.discard_space(at(0), Initial);
        bench.recovery.discard_space(at(0), Handshake);
        for _ in 0..40 {
            bench
                .recovery
                .paths
                .active_mut()
                .rtt
                .on_sample(at(0), 100 * MS, 0);
        }
        bench
    }

    fn room(&mut self, space: Space, purpose: Purpose) -> usize {
        let outcomes = &mut self.outcomes;
        self.recovery
            .room(space, purpose, &mut |space, outcome, token| {
                report(outcomes, space, outcome, token);
            })
    }

    /// Sends an ack-eliciting packet whose token is its number.
    fn send(&mut self, ms: u64, space: Space) -> u64 {
        let number = self.recovery.next_number(space);
        self.send_packet(ms, space, true, true, &[token(number)]);
        number
    }

    /// Sends an ack-eliciting packet of the application space on a path; its token is its number.
    #[cfg(feature = "migration")]
    fn send_on(&mut self, ms: u64, path: Slot) -> u64 {
        let number = self.recovery.next_number(Application);
        let packet = Packet {
            size: DATAGRAM.into(),
            ack_eliciting: true,
            in_flight: true,
            path,
            tokens: &[token(number)],
        };
        self.recovery.on_packet_sent(at(ms), Application, &packet);
        number
    }

    fn send_packet(
        &mut self,
        ms: u64,
        space: Space,
        ack_eliciting: bool,
        in_flight: bool,
        tokens: &[Token],
    ) {
        let packet = Packet {
            size: DATAGRAM.into(),
            ack_eliciting,
            in_flight,
            path: Slot::FIRST,
            tokens,
        };
        self.recovery.on_packet_sent(at(ms), space, &packet);
    }

    fn ack_frame(
        &mut self,
        now: Instant,
        space: Space,
        numbers: &[u64],
        delay: u64,
        ecn: Option<EcnCounts>,
    ) -> Result<AckSummary, TransportError> {
        let mut descending = numbers.to_vec();
        descending.sort_unstable_by(|a, b| b.cmp(a));
        let mut ranges: Vec<core::ops::RangeInclusive<u64>> = Vec::new();
        for number in descending {
            match ranges.last_mut() {
                Some(last) if *last.start() == number + 1 => *last = number..=*last.end(),
                _ => ranges.push(number..=number),
            }
        }
        let mut buffer = [0; 1_000];
        let mut writer = Writer::new(&mut buffer);
        Ack::encode_ranges(&mut writer, delay, ranges.into_iter(), ecn).unwrap();
        let Some(Ok(Frame::Ack(ack))) = Frames::new(writer.written()).next() else {
            panic!("an ACK frame was written");
        };
        let outcomes = &mut self.outcomes;
        self.recovery
            .on_ack(now, space, &ack, &mut |space, outcome, token| {
                report(outcomes, space, outcome, token);
            })
    }

    fn ack(&mut self, ms: u64, space: Space, numbers: &[u64]) -> AckSummary {
        self.ack_frame(at(ms), space, numbers, 0, None).unwrap()
    }

    fn timeout(&mut self, now: Instant) -> Timeout {
        let outcomes = &mut self.outcomes;
        self.recovery.on_timeout(now, &mut |space, outcome, token| {
            report(outcomes, space, outcome, token);
        })
    }

    /// The numbers reported since the last call, by outcome.
    fn reported(&mut self, wanted: Outcome) -> Vec<u64> {
        let numbers = self.outcomes.iter().filter(|entry| entry.1 == wanted);
        let numbers = numbers.map(|entry| match entry.2 {
            Token::MaxData { limit } => limit,
            other => panic!("{other:?}"),
        });
        let numbers = numbers.collect();
        self.outcomes.retain(|entry| entry.1 != wanted);
        numbers
    }

    /// What recovery waits for, and when in microseconds.
    fn deadline(&self) -> Option<(Cause, u64)> {
        let deadline = self.recovery.deadline();
        let at = deadline.at.unless_never()?;
        Some((deadline.cause, at.as_micros()))
    }

    /// The probe timeout without backoff, in microseconds.
    fn unit(&self) -> u64 {
        self.recovery.probe_timeout_us().into()
    }
}
