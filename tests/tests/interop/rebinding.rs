//! A translator between client and server that gives the client another address in the middle of a transfer.

use super::{LIMIT, MB, Scenario, network};
use quicpro_core::Instant;
use quicpro_tests::pair::{CLIENT, Rebinding};
use std::collections::BTreeSet;

/// 10 MB, and a rebinding after a second and then every five.
fn rebind(seed: u64, rebinding: Rebinding) -> Scenario {
    let mut scenario = Scenario::new(seed, &network(), &[10 * MB]);
    for second in [1, 6, 11, 16] {
        let at = Instant::from_micros(second * 1_000_000);
        scenario.pair.nat.plan(at, rebinding);
    }
    let seconds = scenario.pass(LIMIT);
    let met = scenario.pair.nat.rebindings();
    assert!(met >= 2, "{met} rebindings in {seconds} s");
    let stats = scenario.server_stats();
    // quinn challenges the new path and the old one.
    assert!(stats.frame_tx.path_challenge >= u64::from(met), "{stats:?}");
    assert!(stats.frame_rx.path_response >= u64::from(met), "{stats:?}");
    let server = scenario.pair.server.connection().expect("a connection");
    let seen = server.remote_address();
    assert_eq!(seen.port(), CLIENT.port() + met, "the last path is used");
    scenario
}

/// Datagrams that the server sends to each place begin on a new one with a challenge, so the first is full.
fn check_first_datagrams(scenario: &Scenario) {
    let mut places = BTreeSet::new();
    for sight in scenario.down.sights() {
        if places.insert(sight.to) && sight.to != CLIENT {
            assert!(sight.len >= 1200, "{sight:?}");
        }
    }
    assert!(places.len() > 2, "{places:?}");
}

#[test]
fn rebind_port() {
    for seed in 0..3 {
        check_first_datagrams(&rebind(seed, Rebinding::Port));
    }
}

#[test]
fn rebind_addr() {
    for seed in 0..3 {
        let scenario = rebind(seed, Rebinding::Address);
        check_first_datagrams(&scenario);
        let sights = scenario.up.sights();
        let addresses: BTreeSet<_> = sights.iter().map(|sight| sight.from.ip()).collect();
        assert!(addresses.len() > 1);
    }
}
