//! The scenarios of quic-interop-runner's table, in virtual time, with its networks, sizes, limits and pass rules.
//!
//! Our client against quinn-proto's server. Resumption and 0-RTT are left out: they need session tickets. The names
//! are the runner's. What quinn cannot serve, the scripted server does: `v2` is
//! `hostile::versions::a_server_changes_version_1_to_version_2`. ACK_FREQUENCY is
//! `hostile::extensions::acknowledgements_come_as_the_server_asks` there, and with quinn, both ways, in `extensions`;
//! `ecn` is quinn's marks here, and ours in `congestion`.

mod handshakes;
mod rebinding;
mod transfers;

use quicpro_core::codec::VarInt;
use quicpro_core::wire::packet::Kind;
use quicpro_core::{ClientConfig, Limits};
use quicpro_tests::pair::our_pattern::Client;
use quicpro_tests::pair::ours::{self, Ours};
use quicpro_tests::pair::pattern::{Plan, Server};
use quicpro_tests::pair::quinn::{Options, Quinn};
use quicpro_tests::pair::{Bottleneck, Pair, Weather, Witness};
use quinn_proto::ConnectionError;
use std::time::Duration;

/// The runner's limit for a test, unless it says otherwise.
const LIMIT: Duration = Duration::from_secs(60);
const KB: u64 = 1 << 10;
const MB: u64 = 1 << 20;

/// The runner's network: 15 ms one way, 10 Mbit/s, a queue of 25 packets.
fn network() -> Weather {
    Weather {
        delay: Duration::from_millis(15),
        bottleneck: Some(Bottleneck {
            rate: 1_250_000,
            queue: 25 * 1500,
        }),
        ..Weather::default()
    }
}

/// One connection that downloads some files, and what passed on the wire.
struct Scenario {
    pair: Pair<Ours<Client>, Quinn<Server>>,
    files: usize,
    up: Witness,
    down: Witness,
}

impl Scenario {
    fn new(seed: u64, weather: &Weather, files: &[u64]) -> Self {
        let config = ours::config();
        Self::with(seed, weather, files, &config, Options::default())
    }

    /// With windows that hold nobody back.
    fn wide(seed: u64, weather: &Weather, files: &[u64]) -> Self {
        let (config, options) = (ours::config(), Options::default());
        Self::within(Limits::DESKTOP, seed, weather, files, &config, options)
    }

    fn with(
        seed: u64,
        weather: &Weather,
        files: &[u64],
        config: &ClientConfig<'static>,
        options: Options,
    ) -> Self {
        // Long chains have to fit.
        let limits = Limits::SMALL.handshake(32 * 1024);
        Self::within(limits, seed, weather, files, config, options)
    }

    fn within(
        limits: Limits,
        seed: u64,
        weather: &Weather,
        files: &[u64],
        config: &ClientConfig<'static>,
        options: Options,
    ) -> Self {
        let plan = |down: &u64| Plan { up: 0, down: *down };
        let plans: Vec<_> = files.iter().map(plan).collect();
        let client = Ours::new(seed, limits, config, Client::new(&plans, 10_000));
        let server = Quinn::server(seed, options, Server::default());
        let mut pair = Pair::new(seed, weather, client, server);
        let up = Witness::of(&mut pair.up);
        let down = Witness::of(&mut pair.down);
        Self {
            pair,
            files: files.len(),
            up,
            down,
        }
    }

    /// Runs until all files are there, and closes; returns the seconds that it took without the closing.
    fn pass(&mut self, limit: Duration) -> f64 {
        let files = self.files;
        let result = self
            .pair
            .run(limit, |client, _| client.application.completed == files);
        let client = &self.pair.client;
        let end = result.unwrap_or_else(|stall| {
            panic!(
                "{stall:?}: {} of {files} files, {:?}, server {:?}, {:?}",
                client.application.completed,
                client.lost(),
                self.pair.server.lost(),
                client.connection.stats(),
            )
        });
        assert_eq!(client.application.connected, 1, "exactly one handshake");
        self.close();
        end.as_micros() as f64 / 1e6
    }

    /// The client closes with code 0, which reaches the server.
    fn close(&mut self) {
        let now = self.pair.now();
        let connection = &mut self.pair.client.connection;
        connection.close(now, VarInt::from_u32(0), "");
        // On a bad day the packet is lost, and nobody repeats it unasked.
        let _ = self.pair.run(LIMIT, |_, server| server.lost().is_some());
        match self.pair.server.lost() {
            Some(ConnectionError::ApplicationClosed(close)) => {
                assert_eq!(close.error_code.into_inner(), 0);
            }
            other => {
                let counts = [self.pair.up.counts(), self.pair.down.counts()];
                let harmed = counts
                    .iter()
                    .any(|counts| counts.lost + counts.corrupted > 0);
                let is_silent = matches!(other, None | Some(ConnectionError::TimedOut));
                assert!(harmed && is_silent, "{other:?}");
            }
        }
    }

    fn count(&self, kind: Kind) -> usize {
        self.up.count(kind) + self.down.count(kind)
    }

    fn server_stats(&mut self) -> quinn_proto::ConnectionStats {
        self.pair.server.connection().expect("a connection").stats()
    }
}
