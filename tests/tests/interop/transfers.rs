//! Files: how many, how long, over which network.

use super::{KB, LIMIT, MB, Scenario, network};
use quicpro_core::Limits;
use quicpro_core::crypto::Suite;
use quicpro_core::wire::packet::Kind;
use quicpro_tests::pair::http3::{Answering, Asking};
use quicpro_tests::pair::our_pattern;
use quicpro_tests::pair::ours::{self, Ours};
use quicpro_tests::pair::pattern::{self, Plan, Server};
use quicpro_tests::pair::quinn::{self, Options, Quinn};
use quicpro_tests::pair::{CLIENT, Crowd, Ecn, Exchanger, Pair, Periods, Weather};
use std::net::SocketAddr;
use std::time::Duration;

#[test]
fn transfer() {
    let mut scenario = Scenario::new(1, &network(), &[2 * MB, 3 * MB, 5 * MB]);
    scenario.pass(LIMIT);
    assert_eq!(scenario.count(Kind::Retry), 0);
    // 10 MB went through windows of 64 KB, so they were moved often.
    let moved = scenario.server_stats().frame_rx;
    assert!(moved.max_data + moved.max_stream_data > 50, "{moved:?}");
}

#[test]
fn chacha20() {
    let suites: &'static [Suite] = &[Suite::ChaCha20Poly1305Sha256];
    let config = ours::config().suites(suites);
    let options = Options::default();
    let mut scenario = Scenario::with(1, &network(), &[3 * MB], &config, options);
    scenario.pass(LIMIT);
    let suite = scenario.pair.client.connection.suite();
    assert_eq!(suite, Some(Suite::ChaCha20Poly1305Sha256));
}

#[test]
fn multiplexing() {
    let mut scenario = Scenario::new(1, &network(), &[32; 1999]);
    scenario.pass(LIMIT);
    assert_eq!(scenario.pair.server.application.answered, 1999);
    // quinn allows 100 at once.
    assert!(scenario.server_stats().frame_tx.max_streams_bidi > 5);
}

#[test]
fn http3() {
    const FILES: [u64; 3] = [5 * KB, 10 * KB, 500 * KB];
    let client = Asking::new(1, Limits::SMALL, &ours::config(), &FILES);
    let server = Quinn::server(1, Options::default(), Answering::new(&FILES));
    let mut pair = Pair::new(1, &network(), client, server);
    let result = pair.run(LIMIT, |client, _| client.completed == 3);
    assert!(result.is_ok(), "{result:?} {:?}", pair.client.lost);
    assert_eq!(pair.client.connected, 1, "exactly one handshake");
    let now = pair.now();
    pair.client.client.close(now);
    assert!(pair.run(LIMIT, |_, server| server.lost().is_some()).is_ok());
}

#[test]
fn blackhole() {
    let blackouts = Periods {
        on: Duration::from_secs(5),
        off: Duration::from_secs(2),
    };
    let weather = Weather {
        blackouts: Some(blackouts),
        ..network()
    };
    for seed in 0..5 {
        let mut scenario = Scenario::new(seed, &weather, &[10 * MB]);
        let seconds = scenario.pass(LIMIT);
        assert!(seconds > 7.0, "it did not meet a blackout: {seconds}");
    }
}

#[test]
fn keyupdate() {
    let mut scenario = Scenario::new(1, &network(), &[3 * MB]);
    let pair = &mut scenario.pair;
    let half = pair.run(LIMIT, |client, _| {
        client.connection.stats().bytes_received > MB
    });
    half.expect("half of the file");
    assert!(pair.client.connection.update_keys());
    assert!(!pair.client.connection.update_keys(), "one at a time");
    let files = pair.run(LIMIT, |client, _| client.application.completed == 1);
    files.expect("the file");
    // The next update may be made only once the server has acknowledged, in the new phase, a packet of the new phase.
    assert_eq!(pair.client.connection.stats().key_updates, 1);
    assert!(pair.client.connection.update_keys(), "it was not confirmed");
    scenario.close();
}

/// The server marks its packets and goes on doing so, as our acknowledgements count the marks rightly: quinn stops
/// where the counts are missing or wrong.
#[test]
fn ecn() {
    let mut scenario = Scenario::new(1, &network(), &[100 * KB]);
    scenario.pass(LIMIT);
    let sights = scenario.down.sights();
    let protected = sights.iter().filter(|sight| sight.has(Kind::Short));
    let marks: Vec<_> = protected.map(|sight| sight.ecn).collect();
    assert!(marks.len() > 70);
    assert!(marks.iter().all(|mark| *mark == Ecn::Capable0), "{marks:?}");
}

#[test]
fn transferloss() {
    for seed in 0..5 {
        let weather = Weather {
            loss: 20,
            in_row_max: 3,
            ..network()
        };
        Scenario::new(seed, &weather, &[2 * MB]).pass(LIMIT);
    }
}

#[test]
fn transfercorruption() {
    for seed in 0..5 {
        let weather = Weather {
            corruption: 20,
            in_row_max: 3,
            ..network()
        };
        Scenario::new(seed, &weather, &[2 * MB]).pass(LIMIT);
    }
}

#[test]
fn ipv6() {
    let mut scenario = Scenario::new(1, &network(), &[5 * KB, 10 * KB]);
    scenario.pass(LIMIT);
    let mut sights = scenario.up.sights();
    sights.extend(scenario.down.sights());
    assert!(sights.len() > 10);
    let is_v6 = |address: &SocketAddr| address.is_ipv6();
    assert!(sights.iter().all(|one| is_v6(&one.from) && is_v6(&one.to)));
}

/// The runner reports a rate and has no bar; ours is nine tenths of the line.
#[test]
fn goodput() {
    for seed in 0..5 {
        let mut scenario = Scenario::wide(seed, &network(), &[10 * MB]);
        let seconds = scenario.pass(LIMIT);
        let megabits = 10.0 * MB as f64 * 8.0 / seconds / 1e6;
        assert!(megabits > 9.0, "seed {seed}: {megabits:.2} Mbit/s");
    }
}

/// 25 MB beside a download that never ends and whose sender runs CUBIC, through one bottleneck.
#[test]
fn crosstraffic() {
    let address = |place: u16| SocketAddr::new(CLIENT.ip(), CLIENT.port() + place);
    let plan = |down| [Plan { up: 0, down }];
    let application = our_pattern::Client::new(&plan(25 * MB), 10_000);
    let config = ours::config();
    let ours: Box<dyn Exchanger> = Box::new(Ours::new(1, Limits::SMALL, &config, application));
    let rival = pattern::Client::new(&plan(1 << 40));
    let rival = Quinn::client(2, Options::default(), quinn::root(), rival);
    let rival: Box<dyn Exchanger> = Box::new(rival);
    let clients = Crowd::of_clients(vec![(address(0), ours), (address(1), rival)]);
    let server = |seed| Quinn::server(seed, Options::default(), Server::default());
    let servers = Crowd::of_servers(vec![(address(0), server(1)), (address(1), server(2))]);
    let mut pair = Pair::new(1, &network(), clients, servers);
    let result = pair.run(Duration::from_secs(180), |clients, _| {
        clients.members[0].1.completed() == 1
    });
    assert!(result.is_ok(), "{result:?}");
}
