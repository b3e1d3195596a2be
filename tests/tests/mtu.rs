//! Datagrams that grow to what the path carries, against quinn-proto's server in virtual time (RFC 9000 §14.3).

use quicpro_core::{Instant, Limits};
use quicpro_tests::pair::our_pattern::Client;
use quicpro_tests::pair::ours::{self, Ours};
use quicpro_tests::pair::pattern::{Plan, Server};
use quicpro_tests::pair::quinn::{Options, Quinn};
use quicpro_tests::pair::{Bottleneck, Link, Pair, Random, Verdict, Weather};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);
const BODY: u64 = 2_000_000;

type Upload = Pair<Ours<Client>, Quinn<Server>>;

fn upload(plan: Plan) -> Upload {
    upload_within(plan, 1_472)
}

/// Both sides take datagrams of so many bytes.
fn upload_within(plan: Plan, datagram_max: u16) -> Upload {
    let application = Client::new(&[plan], 10_000);
    let limits = Limits::DESKTOP.datagram(datagram_max.into());
    let client = Ours::new(9, limits, &ours::config(), application);
    let options = Options {
        datagram_max: Some(datagram_max),
        ..Options::default()
    };
    let server = Quinn::server(9, options, Server::default());
    let bottleneck = Some(Bottleneck {
        rate: 1_000_000,
        queue: 100_000,
    });
    let weather = Weather {
        bottleneck,
        mtu: usize::from(u16::MAX),
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

/// Buffers longer than Ethernet's packets: the network alone says how long datagrams become. An MTU counts 28 bytes for
/// the headers of IPv4 and UDP, or 48 with IPv6.
//= rfc9000#14.3 test
#[test]
fn datagrams_grow_beyond_ethernet() {
    const MTUS: [usize; 6] = [1_280, 1_492, 1_500, 4_352, 9_000, 65_535];
    for headers in [28, 48] {
        for mtu in MTUS {
            for buffer in [9_000, 65_487] {
                let link = mtu - headers;
                let up = if mtu > 1_500 { 40_000_000 } else { BODY };
                let mut pair = upload_within(Plan { up, down: 1 }, buffer);
                let (rate, queue) = if mtu > 1_500 {
                    (50_000_000, 4_000_000)
                } else {
                    (1_000_000, 100_000)
                };
                let bottleneck = Some(Bottleneck { rate, queue });
                let weather = Weather {
                    bottleneck,
                    mtu: link,
                    ..Weather::default()
                };
                pair.up = Link::new(weather, Random::new(9, "up"));
                complete(&mut pair);
                let size = datagram(&pair);
                let best = link.min(buffer.into());
                let least = if link > 1_472 {
                    best - best / 16
                } else {
                    best - 16
                };
                let what = format!("MTU {mtu}, headers {headers}, buffer {buffer}");
                assert!((least..=best).contains(&size), "{what}: {size}");
                let stats = pair.client.connection.stats();
                assert_eq!(stats.recovery.persistent_congestion, 0, "{what}");
            }
        }
    }
}

/// A host that knows its network refuses what is too long, and says so.
#[test]
fn what_the_host_refuses_costs_no_time() {
    let mut pair = upload_within(Plan { up: BODY, down: 1 }, 65_487);
    let refused = Arc::new(Mutex::new(Vec::new()));
    let noted = refused.clone();
    pair.up.set_filter(Box::new(move |_, datagram| {
        if datagram.bytes.len() > 1_472 {
            noted.lock().unwrap().push(datagram.bytes.len());
            return Verdict::Drop;
        }
        Verdict::Pass
    }));
    let mut told = 0;
    let run = pair.run(PATIENCE, |client, _| {
        let now = Instant::from_micros(1);
        for length in &refused.lock().unwrap()[told..] {
            told += 1;
            client.connection.on_datagram_refused(now, *length);
        }
        client.application.completed == 1
    });
    assert!(run.is_ok(), "{run:?}");
    assert_eq!(datagram(&pair), 1_472);
    // Each length once, instead of three times.
    let refused = refused.lock().unwrap();
    assert_eq!(refused[..2], [8_972, 8_952]);
    assert!(refused.is_sorted_by(|a, b| a > b), "{refused:?}");
    assert!(told <= 9, "{refused:?}");
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
