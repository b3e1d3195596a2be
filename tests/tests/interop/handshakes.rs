//! Handshakes: over long ways, with a Retry, with a long chain, and through loss and corruption.

use super::{KB, LIMIT, Scenario, network};
use quicpro_core::Instant;
use quicpro_core::mem::Object;
use quicpro_core::trace::{Event, Sink};
use quicpro_core::wire::packet::Kind;
use quicpro_tests::certificates::Authority;
use quicpro_tests::pair::ours;
use quicpro_tests::pair::quinn::Options;
use quicpro_tests::pair::{Verdict, Weather, Witness};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn handshake() {
    let mut scenario = Scenario::new(1, &network(), &[KB]);
    scenario.pass(LIMIT);
    assert_eq!(scenario.count(Kind::Retry), 0);
}

#[test]
fn longrtt() {
    let weather = Weather {
        delay: Duration::from_millis(750),
        ..network()
    };
    let mut scenario = Scenario::new(1, &weather, &[KB]);
    // A round trip for the handshake and one for the file.
    let seconds = scenario.pass(LIMIT);
    assert!((3.0..3.1).contains(&seconds), "{seconds} s");
    let first_answer = Instant::from_micros(1_500_000);
    let sights = scenario.up.sights();
    let hellos = sights
        .iter()
        .filter(|sight| sight.at < first_answer && sight.has(Kind::Initial));
    // The first, and what one probe timeout sends.
    assert!((2..=4).contains(&hellos.count()));
}

/// Keeps the numbers of the Initial packets that were sent.
#[derive(Clone, Default)]
struct Numbers(Arc<Mutex<Vec<u64>>>);

impl Sink for Numbers {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        if let Event::PacketSent(packet) = event
            && packet.kind == Kind::Initial
        {
            self.0.lock().expect("one thread").push(packet.number);
        }
    }
}

#[test]
fn retry() {
    let options = Options {
        retry: true,
        ..Options::default()
    };
    let config = ours::config();
    let mut scenario = Scenario::with(1, &network(), &[10 * KB], &config, options);
    let numbers = Numbers::default();
    let connection = &mut scenario.pair.client.connection;
    connection.set_sink(Object::Owned(Box::new(numbers.clone())));
    scenario.pass(LIMIT);
    let sights = scenario.down.sights();
    let retries: Vec<_> = sights.iter().filter(|one| one.has(Kind::Retry)).collect();
    let [retry] = retries[..] else {
        panic!("{} Retry packets", retries.len());
    };
    assert!(!retry.token.is_empty());
    let sights = scenario.up.sights();
    let initials = sights.iter().filter(|sight| sight.has(Kind::Initial));
    let initials: Vec<_> = initials.collect();
    assert!(initials[0].token.is_empty());
    assert!(initials[1..].iter().all(|one| one.token == retry.token));
    let numbers = numbers.0.lock().expect("one thread").clone();
    assert!(numbers.len() >= 2);
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

/// Nine certificates; the path to the root needs seven of them, which is as far as verifiers look.
fn long_chain() -> (Authority, Options) {
    const PADDING: usize = 900;
    let root = Authority::deterministic("amplification root", [1; 32]);
    let step = |above: &Authority, number: u8| {
        let name = format!("amplification {number}");
        above.intermediate_deterministic(&name, [number; 32], PADDING)
    };
    let chain = (3..8).fold(step(&root, 2), |above, number| step(&above, number));
    let mut identity = chain.issue_deterministic([9; 32]);
    for number in 10..12 {
        identity.chain.push(step(&root, number).der());
    }
    assert_eq!(identity.chain.len(), 9);
    let options = Options {
        identity,
        ..Options::default()
    };
    (root, options)
}

#[test]
fn amplificationlimit() {
    let (root, options) = long_chain();
    let config = ours::trusting(root.der());
    let mut scenario = Scenario::with(1, &network(), &[5 * KB], &config, options);
    let lost = |place| match place {
        2..=7 => Verdict::Drop,
        _ => Verdict::Pass,
    };
    scenario.up = Witness::with(&mut scenario.pair.up, lost);
    scenario.pass(LIMIT);
    let (up, down) = (scenario.up.sights(), scenario.down.sights());
    let arrived = up.iter().filter(|sight| sight.verdict == Verdict::Pass);
    let travel = Duration::from_millis(15);
    // The line's time is left out of the travel: it only makes the server's allowance come later.
    let arrived: Vec<_> = arrived
        .map(|one| (one.at + travel, one.len, one.has(Kind::Handshake)))
        .collect();
    let validated = arrived.iter().find(|(.., handshake)| *handshake);
    let validated = validated.expect("the client's last flight").0;
    let mut sent = 0;
    for sight in down.iter().filter(|sight| sight.at < validated) {
        sent += sight.len;
        let received = arrived.iter().filter(|(at, ..)| *at <= sight.at);
        let received: usize = received.map(|(_, len, _)| len).sum();
        assert!(sent <= 3 * received, "{sent} bytes for {received}");
    }
    let handshake = down
        .iter()
        .filter(|sight| sight.has(Kind::Initial) || sight.has(Kind::Handshake));
    let bytes: usize = handshake.map(|sight| sight.len).sum();
    assert!(bytes >= 7500, "{bytes} bytes of handshake");
}

/// Fifty connections one after another, in 300 s.
fn multiconnect(weather: &Weather) {
    let mut seconds = 0.0;
    for seed in 0..50 {
        seconds += Scenario::new(seed, weather, &[KB]).pass(Duration::from_secs(300));
    }
    assert!(seconds < 300.0, "{seconds:.1} s");
}

#[test]
fn handshakeloss() {
    multiconnect(&Weather {
        loss: 300,
        in_row_max: 3,
        ..network()
    });
}

#[test]
fn handshakecorruption() {
    multiconnect(&Weather {
        corruption: 300,
        in_row_max: 3,
        ..network()
    });
}
