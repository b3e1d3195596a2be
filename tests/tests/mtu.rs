//! Datagrams that grow to what the path carries, against quinn-proto's server in virtual time (RFC 9000 §14.3).

use quicpro_core::Limits;
use quicpro_tests::pair::our_pattern::Client;
use quicpro_tests::pair::ours::{self, Ours};
use quicpro_tests::pair::pattern::{Plan, Server};
use quicpro_tests::pair::quinn::{Options, Quinn};
use quicpro_tests::pair::{Bottleneck, Pair, Verdict, Weather};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);
const BODY: u64 = 2_000_000;

type Upload = Pair<Ours<Client>, Quinn<Server>>;

fn upload(plan: Plan) -> Upload {
    let application = Client::new(&[plan], 10_000);
    let client = Ours::new(9, Limits::DESKTOP, &ours::config(), application);
    let server = Quinn::server(9, Options::default(), Server::default());
    let bottleneck = Some(Bottleneck {
        rate: 1_000_000,
        queue: 100_000,
    });
    let weather = Weather {
        bottleneck,
        ..Weather::default()
    };
    Pair::new(9, &weather, client, server)
}

/// From now on the way up carries datagrams of so many bytes at most.
fn narrow(pair: &mut Upload, bytes: usize) {
    pair.up.set_filter(Box::new(move |_, datagram| {
        if datagram.bytes.len() > bytes {
            Verdict::Drop
        } else {
            Verdict::Pass
        }
    }));
}

fn datagram(pair: &Upload) -> usize {
    let connection = &pair.client.connection;
    let path = connection.path(connection.active_path());
    path.expect("the path in use").datagram.into()
}

/// Runs to the end; what the upload took.
fn complete(pair: &mut Upload) -> Duration {
    let start = pair.now();
    let run = pair.run(PATIENCE, |client, _| client.application.completed == 1);
    assert!(run.is_ok(), "{run:?} {:?}", pair.client.lost());
    pair.now() - start
}

//= rfc9000#14.2 test
//= rfc9000#14.3 test
#[test]
fn datagrams_grow_to_what_the_path_carries() {
    for (link, found) in [
        (1_200, 1_200..=1_200),
        (1_300, 1_284..=1_300),
        (1_452, 1_452..=1_452),
        (1_472, 1_472..=1_472),
        (9_000, 1_472..=1_472),
    ] {
        let mut pair = upload(Plan { up: BODY, down: 1 });
        narrow(&mut pair, link);
        let took = complete(&mut pair);
        let size = datagram(&pair);
        assert!(found.contains(&size), "{link}: {size}");
        assert!(took < Duration::from_secs(4), "{link}: {took:?}");
        // Probes that vanish are no congestion.
        let stats = pair.client.connection.stats();
        assert_eq!(stats.recovery.persistent_congestion, 0);
    }
}

//= rfc9000#14.4 test
#[test]
fn lost_probes_do_not_touch_the_window() {
    let mut pair = upload(Plan {
        up: 150_000,
        down: 1,
    });
    narrow(&mut pair, 1_200);
    let mut window = 0;
    let run = pair.run(PATIENCE, |client, _| {
        let now = client.connection.stats().window;
        assert!(now >= window, "{now} after {window}");
        window = now;
        client.application.completed == 1
    });
    assert!(run.is_ok(), "{run:?}");
    assert!(pair.client.connection.stats().recovery.lost > 0);
}

//= rfc9000#14.3 test
#[test]
fn a_path_that_shrinks_is_a_black_hole_for_a_while_only() {
    for link in [1_200, 1_250, 1_400] {
        let mut pair = upload(Plan { up: BODY, down: 1 });
        let half = |_: &mut Ours<Client>, server: &mut Quinn<Server>| {
            server.application.received >= BODY / 2
        };
        pair.run(PATIENCE, half).expect("half of it");
        assert_eq!(datagram(&pair), 1_472);
        narrow(&mut pair, link);
        let took = complete(&mut pair);
        let size = datagram(&pair);
        assert!((1_200..=link).contains(&size), "{link}: {size}");
        assert!(took < Duration::from_secs(10), "{link}: {took:?}");
    }
}

#[test]
fn who_only_receives_tries_nothing() {
    let mut pair = upload(Plan { up: 1, down: BODY });
    complete(&mut pair);
    assert_eq!(datagram(&pair), 1_200);
}
