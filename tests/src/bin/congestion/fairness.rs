//! Two connections through one bottleneck, the second a second later: how they share it.

use super::Arguments;
use super::cell::{self, BDP, RATE};
use super::figures::{in_parallel, median};
use super::sender::{self, Sender};
use super::transfer::{print_row, print_rule};
use quicpro_core::Instant;
use quicpro_tests::pair::{Bottleneck, CLIENT, Crowd, Late, Link, Pair, Random, Weather};
use std::net::SocketAddr;
use std::time::Duration;

/// When the second begins.
const SECOND: Instant = Instant::from_micros(1_000_000);
/// When counting begins and ends.
const COUNTED: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(120)];
/// More than the line carries in that time.
const ENDLESS: u64 = 1 << 40;

/// Bytes that each of two senders delivered while they were counted.
fn share(arguments: &Arguments, senders: [Sender; 2], seed: u64) -> [u64; 2] {
    let mtu = arguments.mtu;
    let address = |place: u16| SocketAddr::new(CLIENT.ip(), CLIENT.port() + place);
    let client = |place: usize| {
        let seed = 2 * seed + place as u64;
        let at = if place == 0 { Instant::ZERO } else { SECOND };
        let sender = senders[place];
        let make = move |now| sender.client(now, seed, ENDLESS, mtu);
        (address(place as u16), Late::new(at, make))
    };
    let server = |place: usize| {
        let seed = 2 * seed + place as u64;
        (address(place as u16), sender::server(seed, mtu))
    };
    let clients = Crowd::of_clients(vec![client(0), client(1)]);
    let servers = Crowd::of_servers(vec![server(0), server(1)]);
    let mut pair = Pair::new(seed, &cell::down(mtu), clients, servers);
    let up = Weather {
        bottleneck: Some(Bottleneck {
            rate: RATE,
            queue: BDP,
        }),
        ..cell::down(mtu)
    };
    pair.up = Link::new(up, Random::new(seed, "up"));
    let mut received = COUNTED.map(|until| {
        let now = Duration::from_micros(pair.now().as_micros());
        pair.run_for(until.saturating_sub(now));
        let members = &pair.server.members;
        [0, 1].map(|place| members[place].1.application.received)
    });
    let [before, after] = &mut received;
    [0, 1].map(|place| after[place] - before[place])
}

/// Jain's index: 1 for equal shares, 1/2 where one has all.
fn jain(shares: [u64; 2]) -> f64 {
    let [a, b] = shares.map(|share| share as f64);
    (a + b).powi(2) / (2.0 * (a * a + b * b))
}

/// Jain's index of each of our senders beside quinn's CUBIC, and of quinn's CUBIC beside itself.
pub fn print_table(arguments: &Arguments) {
    const SEEDS_MAX: u64 = 10;
    print_row(&[
        "bytes from second 30 to 120, 1-BDP drop-tail",
        "first, MB",
        "second, MB",
        "Jain's index, median",
        "lowest",
    ]);
    print_rule(5);
    for &first in &arguments.sender {
        let pair = [first, Sender::QuinnCubic];
        for senders in [pair, [pair[1], pair[0]]] {
            let seeds: Vec<_> = arguments.seeds().take(SEEDS_MAX as usize).collect();
            let run = |seed: &u64| share(arguments, senders, *seed);
            let shares = in_parallel(&seeds, arguments.threads, run);
            let indices: Vec<_> = shares.iter().map(|share| jain(*share)).collect();
            let megabytes = |place: usize| {
                let values = shares.iter().map(|share| share[place] as f64 / 1e6);
                format!("{:.1}", median(&values.collect::<Vec<_>>()))
            };
            print_row(&[
                format!("{}, then {}", senders[0].title(), senders[1].title()),
                megabytes(0),
                megabytes(1),
                format!("{:.3}", median(&indices)),
                format!("{:.3}", indices.iter().copied().fold(1.0, f64::min)),
            ]);
            if first == Sender::QuinnCubic {
                break;
            }
        }
    }
    println!();
}
