//! A handshake over a satellite: 1.5 s of round trip, longer than the first probe timeout.

use super::Arguments;
use super::figures::median;
use super::sender::{self, Sender};
use super::transfer::{print_row, print_rule};
use quicpro_core::Instant;
use quicpro_tests::pair::{Pair, Weather};
use std::time::Duration;

fn run(arguments: &Arguments, sender: Sender, seed: u64) -> [f64; 2] {
    let weather = Weather {
        delay: Duration::from_millis(750),
        mtu: usize::from(arguments.mtu),
        ..Weather::default()
    };
    let client = sender.client(Instant::ZERO, seed, 1000, arguments.mtu);
    let mut pair = Pair::new(seed, &weather, client, sender::server(seed, arguments.mtu));
    let patience = Duration::from_secs(60);
    let connected = pair.run(patience, |client, _| client.is_connected());
    let connected = connected.expect("a handshake");
    let done = pair.run(patience, |client, _| client.completed() == 1);
    [connected, done.expect("an answer")].map(|time| time.as_micros() as f64 / 1e6)
}

/// Times to the handshake's end and to the first answer.
pub fn print_table(arguments: &Arguments) {
    print_row(&[
        "round trip 1.5 s",
        "handshake, s",
        "1 kB up and an answer, s",
    ]);
    print_rule(3);
    for &sender in &arguments.sender {
        let times: Vec<_> = arguments
            .seeds()
            .map(|seed| run(arguments, sender, seed))
            .collect();
        let of = |part: usize| {
            let values: Vec<_> = times.iter().map(|times| times[part]).collect();
            format!("{:.3}", median(&values))
        };
        print_row(&[sender.title().to_owned(), of(0), of(1)]);
    }
    println!();
}
