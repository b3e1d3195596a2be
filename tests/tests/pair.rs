//! The virtual-time harness proven with quinn-proto on both sides, before anything of ours relies on it.

use quicpro_core::Instant;
use quicpro_tests::pair::pattern::{Client, Plan, Server};
use quicpro_tests::pair::provider::Group;
use quicpro_tests::pair::quinn::{Options, Quinn, root};
use quicpro_tests::pair::{
    Bottleneck, CLIENT, Pair, Path, Rebinding, SERVER, Stall, Verdict, Weather,
};
use quinn_proto::ConnectionError;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(300);

type QuinnPair = Pair<Quinn<Client>, Quinn<Server>>;

fn pair(seed: u64, weather: &Weather, server: Options, plans: &[Plan]) -> QuinnPair {
    let client = Quinn::client(seed, Options::default(), root(), Client::new(plans));
    Pair::new(
        seed,
        weather,
        client,
        Quinn::server(seed, server, Server::default()),
    )
}

/// Runs until every planned exchange is complete.
fn complete(pair: &mut QuinnPair, exchanges: usize) {
    let result = pair.run(PATIENCE, |client, _| {
        client.application.completed == exchanges
    });
    let lost = (pair.client.lost(), pair.server.lost());
    assert!(
        result.is_ok(),
        "{result:?} {lost:?} {:?}",
        pair.client.application.completed
    );
}

#[test]
fn bodies_cross_a_clear_network_in_virtual_time() {
    let mut pair = pair(
        1,
        &Weather::default(),
        Options::default(),
        &[Plan {
            up: 100_000,
            down: 300_000,
        }],
    );
    complete(&mut pair, 1);
    assert_eq!(pair.server.application.received, 100_000);
    assert_eq!(pair.server.application.answered, 1);
    let micros = pair.now().as_micros();
    assert!((40_000..2_000_000).contains(&micros), "{micros} us");
    assert_eq!((pair.up.counts().lost, pair.down.counts().lost), (0, 0));
}

#[test]
fn equal_seeds_give_equal_transcripts() {
    let run = |seed| {
        let plans = [Plan {
            up: 20_000,
            down: 50_000,
        }; 5];
        let mut pair = pair(
            seed,
            &Weather::stormy(100),
            Options {
                retry: true,
                ..Options::default()
            },
            &plans,
        );
        pair.needless_timeouts = 50;
        complete(&mut pair, plans.len());
        (
            pair.transcript(),
            pair.now(),
            pair.up.counts(),
            pair.down.counts(),
        )
    };
    let first = run(11);
    assert_eq!(first, run(11));
    assert_ne!(first.0, run(12).0);
    assert!(
        first.3.lost > 0 && first.3.duplicated > 0 && first.3.corrupted > 0,
        "{:?}",
        first.3
    );
}

#[test]
fn handshakes_survive_a_loss_of_a_fifth() {
    for seed in 0..100 {
        let mut pair = pair(
            seed,
            &Weather::stormy(200),
            Options::default(),
            &[Plan { up: 10, down: 10 }],
        );
        complete(&mut pair, 1);
        assert_eq!(pair.client.application.connected, 1, "seed {seed}");
    }
}

#[test]
fn a_group_without_a_share_and_a_retry_take_a_round_trip_each() {
    let time = |options| {
        let mut pair = pair(5, &Weather::default(), options, &[Plan { up: 1, down: 1 }]);
        complete(&mut pair, 1);
        pair.now().as_micros() / 20_000
    };
    let plain = time(Options::default());
    assert_eq!(
        time(Options {
            retry: true,
            ..Options::default()
        }),
        plain + 1
    );
    assert_eq!(
        time(Options {
            groups: vec![Group::P256],
            ..Options::default()
        }),
        plain + 1
    );
}

#[test]
fn a_bottleneck_holds_the_rate() {
    let bottleneck = Some(Bottleneck {
        rate: 1_000_000,
        queue: 30_000,
    });
    let weather = Weather {
        bottleneck,
        ..Weather::default()
    };
    let mut pair = pair(
        3,
        &weather,
        Options::default(),
        &[Plan {
            up: 0,
            down: 2_000_000,
        }],
    );
    complete(&mut pair, 1);
    assert!(
        pair.now().as_micros() >= 2_000_000,
        "faster than the line: {:?}",
        pair.now()
    );
    assert!(pair.down.counts().lost > 0, "the queue never overflowed");
}

#[test]
fn a_silent_network_ends_in_a_timeout_and_then_in_idleness() {
    let mut pair = pair(4, &Weather::default(), Options::default(), &[]);
    assert!(
        pair.run(PATIENCE, |client, _| client.is_established())
            .is_ok()
    );
    pair.up.set_filter(Box::new(|_, _| Verdict::Drop));
    pair.down.set_filter(Box::new(|_, _| Verdict::Drop));
    assert_eq!(pair.run(PATIENCE, |_, _| false), Err(Stall::Idle));
    assert_eq!(pair.client.lost(), Some(&ConnectionError::TimedOut));
    assert_eq!(pair.server.lost(), Some(&ConnectionError::TimedOut));
}

#[test]
fn a_test_that_is_never_content_ends() {
    let mut pair = pair(4, &Weather::default(), Options::default(), &[]);
    assert_eq!(
        pair.run(Duration::from_millis(25), |_, _| false),
        Err(Stall::TooLate)
    );
}

#[test]
fn a_server_follows_a_client_that_was_rebound() {
    let plan = Plan {
        up: 2_000_000,
        down: 1,
    };
    let bottleneck = Some(Bottleneck {
        rate: 1_000_000,
        queue: 30_000,
    });
    let weather = Weather {
        bottleneck,
        ..Weather::default()
    };
    let mut pair = pair(3, &weather, Options::default(), &[plan]);
    pair.nat
        .plan(Instant::from_micros(500_000), Rebinding::Port);
    pair.nat
        .plan(Instant::from_micros(1_000_000), Rebinding::Address);
    complete(&mut pair, 1);
    let seen = pair.server.connection().map(|c| c.remote_address());
    let seen = seen.expect("a connection");
    assert_eq!(seen.port(), CLIENT.port() + 2);
    assert_ne!(seen.ip(), CLIENT.ip());
    assert_eq!(pair.nat.rebindings(), 2);
}

#[test]
fn a_path_takes_the_datagrams_of_its_addresses() {
    let weather = Weather {
        delay: Duration::from_millis(100),
        ..Weather::default()
    };
    let run = |path: Path| {
        let mut pair = pair(3, &Weather::default(), Options::default(), &[]);
        pair.paths.push(path);
        let now = pair.run(PATIENCE, |client, _| client.is_established());
        let count = pair.paths[0].up.counts().sent;
        (now.expect("a handshake").as_micros(), count > 0)
    };
    let path = || Path::new(3, "slow", &weather);
    assert_eq!(run(path()), (200_000, true));
    assert_eq!(run(path().of_server(SERVER.ip())), (200_000, true));
    let other = "2001:db8::1".parse().expect("an address");
    assert_eq!(run(path().of_client(other)), (20_000, false));
}
