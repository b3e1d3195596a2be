//! Two sans-IO endpoints in one virtual time: no sockets, no threads, no clock, no luck.
//!
//! [`Pair`] moves datagrams between a client and a server, each a [`Party`], over two [`Link`]s, and jumps
//! from one event to the next. [`ours::Ours`] is our client, [`quinn::Quinn`] a party that quinn-proto plays.
//! Invariant: equal seeds give equal transcripts, datagram by datagram.

pub mod link;
pub mod our_pattern;
pub mod ours;
pub mod pattern;
pub mod provider;
pub mod quinn;
pub mod random;

pub use link::{Bottleneck, Datagram, Ecn, Filter, Link, Verdict, Weather};
pub use random::Random;

use crate::body;
use quicpro_core::Instant;
use sha2::{Digest, Sha256};
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The client's address, as the server sees it.
pub const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 40_000);
/// The server's address.
pub const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 443);

/// Wall-clock time of every simulation, in seconds since 1970: 2026-07-01.
pub const UNIX_SECONDS: u64 = 1_782_864_000;

/// Room for one batch of datagrams.
const TRANSMIT_MAX: usize = 64 * 1024;
/// More batches than this at one moment are a bug: a sender that never ends.
const BATCHES_MAX: usize = 10_000;
/// More steps than this without time passing are a bug: a timer that is never satisfied.
const STEPS_AT_ONE_TIME_MAX: usize = 10_000;

/// One or more datagrams to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Transmit {
    /// Bytes written.
    pub len: usize,
    /// Length of each datagram but the last, which may be shorter; `None` if there is only one.
    pub segment_size: Option<usize>,
    /// The datagrams' mark.
    pub ecn: Ecn,
}

/// An endpoint and its application, without I/O.
pub trait Party {
    /// A datagram has arrived.
    fn handle_datagram(&mut self, now: Instant, ecn: Ecn, datagram: &mut [u8]);

    /// The time that [`Self::poll_timeout`] gave has come, or perhaps not.
    fn handle_timeout(&mut self, now: Instant);

    /// The application's turn: after input, before output.
    fn run_application(&mut self, now: Instant);

    /// Writes what is to be sent now to `out`; `None` when that is nothing.
    fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit>;

    /// When [`Self::handle_timeout`] is to be called at the latest.
    fn poll_timeout(&mut self) -> Option<Instant>;
}

/// Why a simulation ended before the test was content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// No datagram is under way and no timer is set.
    Idle,
    /// The deadline has passed.
    TooLate,
}

/// A client, a server and the network between them.
pub struct Pair<C, S> {
    /// The client.
    pub client: C,
    /// The server.
    pub server: S,
    /// From the client to the server.
    pub up: Link,
    /// From the server to the client.
    pub down: Link,
    /// Chance per mille of a needless call of `handle_timeout` in each step.
    pub needless_timeouts: u32,
    now: Instant,
    random: Random,
    steps_at_one_time: usize,
    transcript: Sha256,
    scratch: Vec<u8>,
}

impl<C: Party, S: Party> Pair<C, S> {
    /// A pair with the same weather both ways.
    pub fn new(seed: u64, weather: &Weather, client: C, server: S) -> Self {
        Self {
            client,
            server,
            up: Link::new(weather.clone(), Random::new(seed, "up")),
            down: Link::new(weather.clone(), Random::new(seed, "down")),
            needless_timeouts: 0,
            now: Instant::ZERO,
            random: Random::new(seed, "pair"),
            steps_at_one_time: 0,
            transcript: Sha256::new(),
            scratch: vec![0; TRANSMIT_MAX],
        }
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// SHA-256 of every datagram sent so far with its direction and time.
    pub fn transcript(&self) -> String {
        body::hex(&self.transcript.clone().finalize())
    }

    /// Runs until `is_done`, at most for `patience` of virtual time.
    pub fn run(
        &mut self,
        patience: Duration,
        mut is_done: impl FnMut(&mut C, &mut S) -> bool,
    ) -> Result<Instant, Stall> {
        let deadline = self.now + patience;
        loop {
            self.flush();
            if is_done(&mut self.client, &mut self.server) {
                self.flush();
                return Ok(self.now);
            }
            match self.next_event() {
                None => return Err(Stall::Idle),
                Some(next) if next > deadline => return Err(Stall::TooLate),
                Some(next) => self.advance(next),
            }
        }
    }

    /// Runs for `time`, whatever happens.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        let _ = self.run(time, |_, _| false);
        self.now = self.now.max(end);
    }

    /// Lets both applications run and sends what there is to send.
    pub fn flush(&mut self) {
        self.client.run_application(self.now);
        self.server.run_application(self.now);
        let hasher = &mut self.transcript;
        transmit(
            &mut self.client,
            &mut self.up,
            self.now,
            &mut self.scratch,
            |datagram| {
                record(hasher, b'>', self.now, datagram);
            },
        );
        transmit(
            &mut self.server,
            &mut self.down,
            self.now,
            &mut self.scratch,
            |datagram| {
                record(hasher, b'<', self.now, datagram);
            },
        );
    }

    fn next_event(&mut self) -> Option<Instant> {
        let times = [
            self.up.next_arrival(),
            self.down.next_arrival(),
            self.client.poll_timeout(),
            self.server.poll_timeout(),
        ];
        times.into_iter().flatten().min()
    }

    fn advance(&mut self, next: Instant) {
        self.steps_at_one_time = if next > self.now {
            0
        } else {
            self.steps_at_one_time + 1
        };
        assert!(
            self.steps_at_one_time < STEPS_AT_ONE_TIME_MAX,
            "time stands still at {:?}",
            self.now
        );
        self.now = self.now.max(next);
        while let Some(mut datagram) = self.up.receive(self.now) {
            self.server
                .handle_datagram(self.now, datagram.ecn, &mut datagram.bytes);
        }
        while let Some(mut datagram) = self.down.receive(self.now) {
            self.client
                .handle_datagram(self.now, datagram.ecn, &mut datagram.bytes);
        }
        let needless = self.random.chance(self.needless_timeouts);
        if needless
            || self
                .client
                .poll_timeout()
                .is_some_and(|timeout| timeout <= self.now)
        {
            self.client.handle_timeout(self.now);
        }
        if needless
            || self
                .server
                .poll_timeout()
                .is_some_and(|timeout| timeout <= self.now)
        {
            self.server.handle_timeout(self.now);
        }
    }
}

fn record(hasher: &mut Sha256, direction: u8, now: Instant, datagram: &[u8]) {
    hasher.update([direction]);
    hasher.update(now.as_micros().to_be_bytes());
    hasher.update((datagram.len() as u64).to_be_bytes());
    hasher.update(datagram);
}

/// Sends everything that `party` has to say now, cut into datagrams.
fn transmit(
    party: &mut impl Party,
    link: &mut Link,
    now: Instant,
    scratch: &mut [u8],
    mut record: impl FnMut(&[u8]),
) {
    for _ in 0..BATCHES_MAX {
        let Some(transmit) = party.poll_transmit(now, scratch) else {
            return;
        };
        let segment_size = transmit.segment_size.unwrap_or(transmit.len);
        assert!(transmit.len > 0 && segment_size > 0, "an empty datagram");
        for datagram in scratch[..transmit.len].chunks(segment_size) {
            record(datagram);
            link.send(
                now,
                Datagram {
                    bytes: datagram.to_vec(),
                    ecn: transmit.ecn,
                },
            );
        }
    }
    panic!("a party sends without end at {now:?}");
}
