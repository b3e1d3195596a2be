//! Our client against quinn-proto's server in virtual time.
//!
//! `QUICPRO_SEEDS` says how many seeds each storm is run with, `QUICPRO_BYTES` how long the longest bodies are.

use quicpro_core::Limits;
use quicpro_tests::pair::our_pattern::Client;
use quicpro_tests::pair::ours::{self, Ours};
use quicpro_tests::pair::pattern::{Plan, Server};
use quicpro_tests::pair::quinn::{Options, Quinn};
use quicpro_tests::pair::{Pair, Weather};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(600);

type Simulation = Pair<Ours<Client>, Quinn<Server>>;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: a number")))
}

fn seeds(default: u64) -> std::ops::Range<u64> {
    0..setting("QUICPRO_SEEDS").unwrap_or(default)
}

fn simulation(
    seed: u64,
    limits: Limits,
    weather: &Weather,
    server: Options,
    plans: &[Plan],
) -> Simulation {
    let client = Ours::new(seed, limits, &ours::config(), Client::new(plans, 10_000));
    let server = Quinn::server(seed, server, Server::default());
    let mut pair = Pair::new(seed, weather, client, server);
    pair.needless_timeouts = 20;
    pair
}

/// Runs until every planned exchange is complete, and says what went wrong otherwise.
fn complete(seed: u64, pair: &mut Simulation, exchanges: usize) {
    let result = pair.run(PATIENCE, |client, _| {
        client.application.completed == exchanges
    });
    let client = &pair.client;
    assert!(
        result.is_ok(),
        "seed {seed}: {result:?} at {:?}, {} of {exchanges} exchanges, client {:?} {:?}, server {:?}, {:?}",
        pair.now(),
        client.application.completed,
        client.connection.state(),
        client.lost(),
        pair.server.lost(),
        client.connection.stats(),
    );
}

#[test]
fn a_small_exchange_on_a_clear_day() {
    let plans = [Plan { up: 10, down: 1000 }];
    let mut pair = simulation(
        1,
        Limits::DESKTOP,
        &Weather::default(),
        Options::default(),
        &plans,
    );
    complete(1, &mut pair, 1);
    let micros = pair.now().as_micros();
    assert!((40_000..80_000).contains(&micros), "{micros} us");
}

#[test]
fn handshakes_survive_a_loss_of_a_fifth() {
    for seed in seeds(200) {
        let plans = [Plan { up: 10, down: 10 }];
        let mut pair = simulation(
            seed,
            Limits::TINY,
            &Weather::stormy(200),
            Options::default(),
            &plans,
        );
        complete(seed, &mut pair, 1);
        assert_eq!(pair.client.application.connected, 1, "seed {seed}");
    }
}

#[test]
fn bodies_cross_a_storm_whole_both_ways() {
    for seed in seeds(10) {
        for (limits, size) in [
            (Limits::TINY, 100_000),
            (Limits::SMALL, 1_000_000),
            (
                Limits::DESKTOP,
                setting("QUICPRO_BYTES").unwrap_or(1_000_000),
            ),
        ] {
            let plans = [Plan {
                up: size,
                down: size,
            }];
            let mut pair = simulation(
                seed,
                limits,
                &Weather::stormy(50),
                Options::default(),
                &plans,
            );
            complete(seed, &mut pair, 1);
            assert_eq!(pair.server.application.received, size, "seed {seed}");
        }
    }
}

/// 1-RTT data fills the window, the client's Finished is lost and its probe, too: the window must not
/// keep it back, as the server acknowledges nothing before it has come.
#[test]
fn a_full_window_does_not_starve_the_handshake() {
    const STARVED: u64 = 19;
    let plans = [Plan {
        up: 1_000_000,
        down: 10,
    }];
    let mut pair = simulation(
        STARVED,
        Limits::SMALL,
        &Weather::stormy(50),
        Options::default(),
        &plans,
    );
    complete(STARVED, &mut pair, 1);
}

#[test]
fn many_exchanges_share_a_connection_in_a_storm() {
    for seed in seeds(10) {
        let plans = [Plan {
            up: 3000,
            down: 20_000,
        }; 150];
        for limits in [Limits::TINY, Limits::SMALL, Limits::DESKTOP] {
            let mut pair = simulation(
                seed,
                limits,
                &Weather::stormy(50),
                Options::default(),
                &plans,
            );
            complete(seed, &mut pair, plans.len());
        }
    }
}

#[test]
fn a_retry_is_followed_in_a_storm() {
    for seed in seeds(50) {
        let options = Options {
            retry: true,
            ..Options::default()
        };
        let plans = [Plan { up: 100, down: 100 }];
        let mut pair = simulation(seed, Limits::SMALL, &Weather::stormy(100), options, &plans);
        complete(seed, &mut pair, 1);
    }
}

#[test]
fn equal_seeds_give_equal_transcripts() {
    let run = |seed| {
        let plans = [Plan {
            up: 50_000,
            down: 50_000,
        }; 3];
        let mut pair = simulation(
            seed,
            Limits::SMALL,
            &Weather::stormy(100),
            Options::default(),
            &plans,
        );
        complete(seed, &mut pair, plans.len());
        (pair.transcript(), pair.now())
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5).0, run(6).0);
}
