//! A short connection in weather drawn from its seed: it completes, or it ends with an error that weather explains.
//!
//! ```text
//! seed ─▶ limits, plan of exchanges, server, two links, a translator ─▶ Pair ─▶ Report, or what is wrong
//! ```
//! Invariant: everything about a trial follows from its seed, so that the seed replays it.

use crate::pair::our_pattern::Client;
use crate::pair::ours::{self, Ours};
use crate::pair::pattern::{Plan, Server};
use crate::pair::provider::Group;
use crate::pair::quinn::{Options, Quinn};
use crate::pair::{
    Bottleneck, Link, Load, Overtaking, Pair, Periods, Random, Rebinding, Stall, Storms, Weather,
};
use crate::silence::{Cause, Silence};
use quicpro_core::codec::VarInt;
use quicpro_core::connection::{CloseReason, ConnectionError, State};
use quicpro_core::mem::Object;
use quicpro_core::trace::Sink;
use quicpro_core::wire::Code;
use quicpro_core::{ClientConfig, Instant, Limits};
use quinn_proto::ConnectionError as QuinnError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::time::Duration;

/// Virtual time in which a trial completes or ends: both sides give up after 30 s of silence.
const PATIENCE: Duration = Duration::from_secs(600);

/// How a trial came out well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Every exchange, and the end of the connection.
    Complete,
    /// The client heard nothing for the idle timeout.
    TimedOut(Cause),
    /// The server had given up, and said so by a stateless reset.
    Reset,
    /// The server's token came back from another address, or changed on the way: it is judged before the packet
    /// that brings it is authenticated.
    TokenRefused,
}

/// What a trial came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it came out.
    pub outcome: Outcome,
    /// Virtual time that it took.
    pub time: Duration,
    /// Datagrams sent, both ways.
    pub datagrams: u64,
    /// Those that were lost.
    pub lost: u64,
    /// Those that were changed.
    pub corrupted: u64,
    /// Times that the client's address changed.
    pub rebindings: u16,
    /// SHA-256 over all datagrams with their times.
    pub transcript: String,
}

static CONFIG: LazyLock<ClientConfig<'static>> = LazyLock::new(ours::config);

/// The command that runs a trial again.
pub fn replay(seed: u64) -> String {
    format!(
        "cargo run --release -p quicpro-tests --bin simulate -- --first {seed} --seeds 1 --verbose"
    )
}

/// Runs the trial of `seed`; says what is wrong, and how to see it again.
pub fn run(seed: u64) -> Result<Report, String> {
    run_with(seed, None)
}

/// As [`run`]; our client tells `sink` what it does.
pub fn run_with(seed: u64, sink: Option<Object<'static, dyn Sink>>) -> Result<Report, String> {
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut trial = Trial::new(seed);
        if let Some(sink) = sink {
            trial.pair.client.connection.set_sink(sink);
        }
        trial.run()
    }));
    let problem = match result {
        Ok(Ok(report)) => return Ok(report),
        Ok(Err(problem)) => problem,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            format!("panic: {}", text.unwrap_or_default())
        }
    };
    Err(format!(
        "seed {seed}: {problem}\n  replay: {}",
        replay(seed)
    ))
}

/// A trial that has not begun.
pub struct Trial {
    exchanges: usize,
    has_retry: bool,
    up: u64,
    /// Rebindings, counted from when the handshake is confirmed.
    later: Vec<(Duration, Rebinding)>,
    /// The handshake was, at last.
    is_confirmed: bool,
    pair: Pair<Ours<Client>, Quinn<Server>>,
}

impl Trial {
    /// The trial of a seed.
    pub fn new(seed: u64) -> Self {
        let mut draw = Draw(Random::new(seed, "trial"));
        let limits = draw.limits();
        let plans = draw.plans();
        let options = draw.server();
        let has_retry = options.retry;
        let [up, down] = [(); 2].map(|()| draw.weather());
        let client = Ours::new(seed, limits, &CONFIG, Client::new(&plans, 2000));
        let server = Quinn::server(seed, options, Server::default());
        let mut pair = Pair::new(seed, &down, client, server);
        pair.up = Link::new(up, Random::new(seed, "up"));
        pair.up.keep_fates();
        pair.down.keep_fates();
        let mut later = draw.rebindings();
        if draw.one_in(20) {
            for (after, rebinding) in later.drain(..) {
                pair.nat.plan(Instant::ZERO + after, rebinding);
            }
        }
        pair.needless_timeouts = draw.0.below(30) as u32;
        Self {
            exchanges: plans.len(),
            has_retry,
            up: plans.iter().map(|plan| plan.up).sum(),
            later,
            is_confirmed: false,
            pair,
        }
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Result<Report, String> {
        let result = self.exchange();
        let outcome = match (result, self.pair.client.lost()) {
            (Err(stall), _) => return Err(format!("{stall:?}: {}", self.summary())),
            (Ok(_), None) => Outcome::Complete,
            (Ok(_), Some(ConnectionError::TimedOut)) => Outcome::TimedOut(self.cause()?),
            (Ok(_), Some(ConnectionError::Reset)) => Outcome::Reset,
            (Ok(_), Some(ConnectionError::Peer(reason))) if self.explains(reason) => {
                Outcome::TokenRefused
            }
            (Ok(_), Some(error)) => return Err(format!("{error:?}: {}", self.summary())),
        };
        let received = self.pair.server.application.received;
        if outcome == Outcome::Complete && received != self.up {
            return Err(format!("{received} of {} bytes arrived", self.up));
        }
        let time = Duration::from_micros(self.pair.now().as_micros());
        self.end()?;
        let [up, down] = [self.pair.up.counts(), self.pair.down.counts()];
        Ok(Report {
            outcome,
            time,
            datagrams: up.sent + down.sent,
            lost: up.lost + down.lost,
            corrupted: up.corrupted + down.corrupted,
            rebindings: self.pair.nat.rebindings(),
            transcript: self.pair.transcript(),
        })
    }

    /// Runs until every exchange is complete, or the connection is lost.
    fn exchange(&mut self) -> Result<Instant, Stall> {
        let exchanges = self.exchanges;
        let is_over = |client: &Ours<Client>| {
            client.application.completed == exchanges || client.lost().is_some()
        };
        let result = self.pair.run(PATIENCE, |client, _| {
            is_over(client) || client.connection.state() == State::Confirmed
        });
        self.is_confirmed = self.pair.client.connection.state() == State::Confirmed;
        let now = self.pair.now();
        for (after, rebinding) in self.later.drain(..) {
            self.pair.nat.plan(now + after, rebinding);
        }
        result?;
        self.pair.run(PATIENCE, |client, _| is_over(client))
    }

    /// Why the client heard nothing any more; an error where nothing explains it.
    fn cause(&mut self) -> Result<Cause, String> {
        let silence = Silence::of(&mut self.pair);
        // A server that has not seen the handshake's end does not follow its client (RFC 9000 §9).
        let is_bound = self.pair.nat.rebindings() > 0 && !self.is_confirmed;
        silence
            .cause(is_bound)
            .ok_or_else(|| format!("timed out for no reason: {silence:?}: {}", self.summary()))
    }

    /// Whether the network can have made the server close with `reason`.
    fn explains(&self, reason: &CloseReason) -> bool {
        let has_meddled = self.pair.up.counts().corrupted > 0 || self.pair.nat.rebindings() > 0;
        let code = match reason {
            CloseReason::Transport { code, .. } => Some(*code),
            CloseReason::Application { .. } => None,
        };
        self.has_retry && has_meddled && code == Some(Code::INVALID_TOKEN)
    }

    /// Closes the connection: after some time neither side may have anything left to do.
    fn end(&mut self) -> Result<(), String> {
        let now = self.pair.now();
        let connection = &mut self.pair.client.connection;
        connection.close(now, VarInt::from_u32(0), "");
        let result = self.pair.run(PATIENCE, |_, _| false);
        if result != Err(Stall::Idle) {
            return Err(format!("no end: {result:?} {}", self.summary()));
        }
        // A first packet that was changed on the way is refused before there is a connection.
        if self.pair.server.connection().is_none() {
            return Ok(());
        }
        match self.pair.server.lost() {
            None | Some(QuinnError::TimedOut | QuinnError::ApplicationClosed(_)) => Ok(()),
            Some(error) => Err(format!("the server: {error:?}: {}", self.summary())),
        }
    }

    fn summary(&self) -> String {
        let client = &self.pair.client;
        let exchanges = self.exchanges;
        format!(
            "at {:?}, {} of {exchanges} exchanges, {:?}, {:?}, server {:?}, {:?}",
            self.pair.now(),
            client.application.completed,
            client.connection.state(),
            client.lost(),
            self.pair.server.lost(),
            client.connection.stats(),
        )
    }
}

/// What is drawn for a trial.
struct Draw(Random);

impl Draw {
    /// True in one of `cases`.
    fn one_in(&mut self, cases: u64) -> bool {
        self.0.below(cases) == 0
    }

    /// Most often nothing, else up to `most`.
    fn chance(&mut self, most: u64) -> u32 {
        if self.one_in(2) {
            return 0;
        }
        self.0.below(most + 1) as u32
    }

    fn micros(&mut self, most: u64) -> Duration {
        Duration::from_micros(self.0.below(most + 1))
    }

    fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.0.below(most - least + 1))
    }

    fn limits(&mut self) -> Limits {
        match self.0.below(16) {
            0 => Limits::DESKTOP,
            1..=7 => Limits::SMALL,
            _ => Limits::TINY,
        }
    }

    fn plans(&mut self) -> Vec<Plan> {
        let count = 1 + self.0.below(4);
        let size = |draw: &mut Self| {
            let most = [100, 2000, 20_000][draw.0.below(3) as usize];
            draw.0.below(most)
        };
        let plan = |_| Plan {
            up: size(self),
            down: size(self),
        };
        (0..count).map(plan).collect()
    }

    fn server(&mut self) -> Options {
        let groups = if self.one_in(6) {
            vec![Group::P256]
        } else {
            vec![Group::X25519, Group::P256]
        };
        Options {
            groups,
            retry: self.one_in(4),
            ..Options::default()
        }
    }

    /// At most three, within two seconds.
    fn rebindings(&mut self) -> Vec<(Duration, Rebinding)> {
        let count = if self.one_in(3) {
            1 + self.0.below(3)
        } else {
            0
        };
        let mut times: Vec<_> = (0..count).map(|_| self.0.below(2_000_000)).collect();
        times.sort_unstable();
        let with_kind = |at| {
            let kinds = [Rebinding::Port, Rebinding::Address];
            (Duration::from_micros(at), kinds[self.0.below(2) as usize])
        };
        times.into_iter().map(with_kind).collect()
    }

    fn weather(&mut self) -> Weather {
        let storms = Storms {
            begin: 1 + self.0.below(50) as u32,
            end: 100 + self.0.below(900) as u32,
            loss: 300 + self.0.below(701) as u32,
        };
        let overtaking = Overtaking {
            chance: self.0.below(100) as u32,
            by: [3, 20],
            patience: Duration::from_millis(20),
        };
        let blackouts = Periods {
            on: self.millis(300, 3000),
            off: self.millis(50, 3000),
        };
        let far = [2000, 50_000, 300_000][self.0.below(3) as usize];
        let mut weather = Weather {
            delay: Duration::from_millis(1) + self.micros(far),
            jitter: Duration::ZERO,
            loss: self.chance(300),
            duplication: self.chance(50),
            reordering: self.chance(100),
            held_back: self.millis(1, 50),
            corruption: self.chance(200),
            congestion_marks: self.chance(200),
            mtu: 1200 + self.0.below(300) as usize,
            ..Weather::default()
        };
        if self.one_in(2) {
            weather.jitter = self.micros(20_000);
        }
        weather.storms = self.one_in(4).then_some(storms);
        weather.overtaking = self.one_in(4).then_some(overtaking);
        weather.blackouts = self.one_in(8).then_some(blackouts);
        if self.one_in(300) {
            weather.mtu = 1199;
        }
        if self.one_in(3) {
            self.narrow(&mut weather);
        }
        weather
    }

    fn narrow(&mut self, weather: &mut Weather) {
        let rate = 10_000 + self.0.below(1_000_000);
        let queue = 3000 + self.0.below(60_000);
        weather.bottleneck = Some(Bottleneck { rate, queue });
        weather.mark_above = self.one_in(3).then_some(queue / 3);
        let load = Load {
            rate: rate / 2,
            packet: 1000,
            periods: Periods {
                on: self.millis(10, 500),
                off: self.millis(0, 500),
            },
        };
        weather.load = self.one_in(4).then_some(load);
    }
}
