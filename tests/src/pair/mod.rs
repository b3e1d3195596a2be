//! Two sans-IO endpoints in one virtual time: no sockets, no threads, no clock, no luck.
//!
//! [`Pair`] moves datagrams between a client and a server, each a [`Party`], over [`Link`]s, and jumps from one
//! event to the next. [`ours::Ours`] is our client, [`quinn::Quinn`] a party that quinn-proto plays.
//!
//! ```text
//! client ── Nat ──┬── up, down ──────────┬── server
//!                 └── paths[0].up, down ─┘     a datagram takes the path that its addresses name
//! ```
//! Invariant: equal seeds give equal transcripts, datagram by datagram.

pub mod crowd;
pub mod exchanger;
pub mod http3;
pub mod late;
pub mod line;
pub mod link;
pub mod nat;
pub mod our_pattern;
pub mod ours;
pub mod path;
pub mod pattern;
pub mod provider;
pub mod quinn;
pub mod random;
pub mod weather;
pub mod witness;

pub use crowd::Crowd;
pub use exchanger::Exchanger;
pub use late::Late;
pub use link::{Datagram, Ecn, Fate, Filter, Link, Verdict};
pub use nat::{Nat, Rebinding};
pub use path::Path;
pub use random::Random;
pub use weather::{Bottleneck, Load, Overtaking, Periods, Storms, Weather};
pub use witness::Witness;

use crate::body;
use quicpro_core::Instant;
use sha2::{Digest, Sha256};
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The client's address, unless its party says from where it sends.
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
    /// Where to.
    pub to: SocketAddr,
    /// From which of the party's addresses; the usual one if `None`.
    pub from: Option<SocketAddr>,
    /// Bytes written.
    pub len: usize,
    /// Length of each datagram but the last, which may be shorter; `None` if there is only one.
    pub segment_size: Option<usize>,
    /// The datagrams' mark.
    pub ecn: Ecn,
}

/// How a datagram arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The sender, as it is seen here.
    pub from: SocketAddr,
    /// Which of the party's addresses it was sent to.
    pub to: SocketAddr,
    /// Its mark.
    pub ecn: Ecn,
}

/// An endpoint and its application, without I/O.
pub trait Party {
    /// A datagram has arrived.
    fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]);

    /// The time that [`Self::poll_timeout`] gave has come, or perhaps not.
    fn handle_timeout(&mut self, now: Instant);

    /// The application's turn: after input, before output.
    fn run_application(&mut self, now: Instant);

    /// Writes what is to be sent now to `out`; `None` when that is nothing.
    fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit>;

    /// When [`Self::handle_timeout`] is to be called at the latest.
    fn poll_timeout(&mut self) -> Option<Instant>;
}

impl<P: Party + ?Sized> Party for Box<P> {
    fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]) {
        (**self).handle_datagram(now, arrival, datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        (**self).handle_timeout(now);
    }

    fn run_application(&mut self, now: Instant) {
        (**self).run_application(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        (**self).poll_transmit(now, out)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        (**self).poll_timeout()
    }
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
    /// From the client to the server, where no other path is meant.
    pub up: Link,
    /// From the server to the client, where no other path is meant.
    pub down: Link,
    /// Further paths; the first one that fits a datagram's addresses takes it.
    pub paths: Vec<Path>,
    /// What stands between the client and all paths.
    pub nat: Nat,
    /// Where the client sends from, and the server, unless they say so themselves.
    pub addresses: (SocketAddr, SocketAddr),
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
            paths: Vec::new(),
            nat: Nat::default(),
            addresses: (CLIENT, SERVER),
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

    /// SHA-256 of every datagram sent so far with its direction, addresses and time.
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
        let mut out = core::mem::take(&mut self.scratch);
        let mut batches = 0;
        while let Some(transmit) = self.client.poll_transmit(self.now, &mut out) {
            cut(&transmit, self.addresses.0, &out, |d| self.send_up(d));
            batches += 1;
            assert!(batches < BATCHES_MAX, "an endless sender at {:?}", self.now);
        }
        batches = 0;
        while let Some(transmit) = self.server.poll_transmit(self.now, &mut out) {
            cut(&transmit, self.addresses.1, &out, |d| self.send_down(d));
            batches += 1;
            assert!(batches < BATCHES_MAX, "an endless sender at {:?}", self.now);
        }
        self.scratch = out;
    }

    fn send_up(&mut self, mut datagram: Datagram) {
        record(&mut self.transcript, b'>', self.now, &datagram);
        let path = path::find(&mut self.paths, datagram.from, datagram.to);
        datagram.from = self.nat.outward(self.now, datagram.from);
        path.map_or(&mut self.up, |path| &mut path.up)
            .send(self.now, datagram);
    }

    fn send_down(&mut self, datagram: Datagram) {
        record(&mut self.transcript, b'<', self.now, &datagram);
        let client = self.nat.inward(self.now, datagram.to);
        let path = path::find(
            &mut self.paths,
            client.unwrap_or(datagram.to),
            datagram.from,
        );
        path.map_or(&mut self.down, |path| &mut path.down)
            .send(self.now, datagram);
    }

    fn next_event(&mut self) -> Option<Instant> {
        let times = [
            self.up.next_arrival(),
            self.down.next_arrival(),
            self.client.poll_timeout(),
            self.server.poll_timeout(),
        ];
        let further = self.paths.iter().map(Path::next_arrival);
        times.into_iter().chain(further).flatten().min()
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
        self.deliver();
        let needless = self.random.chance(self.needless_timeouts);
        if needless || is_due(&mut self.client, self.now) {
            self.client.handle_timeout(self.now);
        }
        if needless || is_due(&mut self.server, self.now) {
            self.server.handle_timeout(self.now);
        }
    }

    fn deliver(&mut self) {
        let ups = self.paths.iter_mut().map(|path| &mut path.up);
        for link in core::iter::once(&mut self.up).chain(ups) {
            while let Some(mut datagram) = link.receive(self.now) {
                let arrival = datagram.arrival(datagram.to);
                self.server
                    .handle_datagram(self.now, &arrival, &mut datagram.bytes);
            }
        }
        let downs = self.paths.iter_mut().map(|path| &mut path.down);
        for link in core::iter::once(&mut self.down).chain(downs) {
            while let Some(mut datagram) = link.receive(self.now) {
                let Some(to) = self.nat.admit(self.now, datagram.to) else {
                    continue;
                };
                self.client
                    .handle_datagram(self.now, &datagram.arrival(to), &mut datagram.bytes);
            }
        }
    }
}

fn is_due(party: &mut impl Party, now: Instant) -> bool {
    party.poll_timeout().is_some_and(|timeout| timeout <= now)
}

fn record(hasher: &mut Sha256, direction: u8, now: Instant, datagram: &Datagram) {
    hasher.update([direction]);
    hasher.update(now.as_micros().to_be_bytes());
    hasher.update(format!("{} {}", datagram.from, datagram.to));
    hasher.update((datagram.bytes.len() as u64).to_be_bytes());
    hasher.update(&datagram.bytes);
}

/// Hands each datagram of a batch to `send`.
fn cut(transmit: &Transmit, usual: SocketAddr, out: &[u8], mut send: impl FnMut(Datagram)) {
    let segment_size = transmit.segment_size.unwrap_or(transmit.len);
    assert!(transmit.len > 0 && segment_size > 0, "an empty datagram");
    for bytes in out[..transmit.len].chunks(segment_size) {
        send(Datagram {
            bytes: bytes.to_vec(),
            ecn: transmit.ecn,
            from: transmit.from.unwrap_or(usual),
            to: transmit.to,
        });
    }
}
