//! What a connection tells people who ask: every packet in a line of the log, and where its paths stand.

use quicpro_core::Limits;
use quicpro_core::connection::State;
use quicpro_tests::pair::our_pattern::Client;
use quicpro_tests::pair::ours::{self, Ours};
use quicpro_tests::pair::pattern::{Plan, Server};
use quicpro_tests::pair::quinn::{Options, Quinn};
use quicpro_tests::pair::{CLIENT, Pair, SERVER, Weather};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Once;
use std::time::Duration;

/// A logger for threads that asked for it: the tests of one program run beside each other.
struct Logger;

thread_local! {
    static LINES: RefCell<Option<Vec<(log::Level, String)>>> = const { RefCell::new(None) };
}

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        LINES.with_borrow(Option::is_some)
    }

    fn log(&self, record: &log::Record<'_>) {
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                lines.push((record.level(), record.args().to_string()));
            }
        });
    }

    fn flush(&self) {}
}

/// What is logged on this thread while `run` runs.
fn logged(run: impl FnOnce()) -> Vec<(log::Level, String)> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Logger).expect("the only logger of this program");
        log::set_max_level(log::LevelFilter::Trace);
    });
    LINES.set(Some(Vec::new()));
    run();
    LINES.take().unwrap_or_default()
}

fn pair() -> Pair<Ours<Client>, Quinn<Server>> {
    let plan = Plan {
        up: 20_000,
        down: 30_000,
    };
    let application = Client::new(&[plan], 10_000);
    let client = Ours::new(1, Limits::SMALL, &ours::config(), application);
    let server = Quinn::server(1, Options::default(), Server::default());
    Pair::new(1, &Weather::default(), client, server)
}

fn exchange(pair: &mut Pair<Ours<Client>, Quinn<Server>>) {
    let done = pair.run(Duration::from_secs(60), |client, _| {
        client.application.completed == 1 && client.connection.state() == State::Confirmed
    });
    done.expect("the exchange ends");
}

#[test]
fn every_packet_is_a_line_of_the_log() {
    let mut counts = (0, 0);
    let lines = logged(|| {
        let mut pair = pair();
        exchange(&mut pair);
        let stats = pair.client.connection.stats();
        counts = (stats.packets_sent, stats.packets_received);
    });
    let count = |words: &str| {
        let is_it = |line: &&(log::Level, String)| line.1.contains(words);
        u64::try_from(lines.iter().filter(is_it).count()).expect("a small number")
    };
    assert_eq!((count(" us: sent "), count(" us: received ")), counts);
    for (level, line) in &lines {
        let is_packet = line.contains(" us: sent ") || line.contains(" us: received ");
        assert!(!is_packet || *level == log::Level::Trace, "{level} {line}");
    }
    // Space, number, size and frames by name.
    let has = |start: &str, frames: &str| {
        lines
            .iter()
            .any(|(_, line)| line.contains(start) && line.contains(frames))
    };
    assert!(has("sent initial 0, ", " bytes: CRYPTO[0+"));
    assert!(has("received handshake 0, ", "CRYPTO["));
    assert!(has("sent 1-RTT ", "STREAM[0: 0+"));
    assert!(has("received 1-RTT ", "HANDSHAKE_DONE"));
    assert!(has("sent 1-RTT ", "ACK[0"));
    let phase = (log::Level::Debug, "state: handshake_confirmed");
    assert!(
        lines
            .iter()
            .any(|(level, line)| *level == phase.0 && line.ends_with(phase.1))
    );
}

#[test]
fn every_path_says_where_it_stands() {
    let mut pair = pair();
    exchange(&mut pair);
    let now = pair.now();
    let connection = &mut pair.client.connection;
    assert_eq!(connection.congestion_control(), "NewReno");
    let only: Vec<_> = connection.paths().collect();
    assert_eq!(only.len(), 1);
    assert!(only[0].is_active && only[0].is_validated && only[0].remote == SERVER);
    assert_eq!(
        only[0].window,
        u32::try_from(connection.stats().window).unwrap()
    );

    let elsewhere = SocketAddr::new(CLIENT.ip(), CLIENT.port() ^ 1);
    let tried = connection.migrate(now, elsewhere).expect("it may move");
    let both: Vec<_> = connection.paths().collect();
    assert_eq!(both.len(), 2);
    assert_eq!(both[0], only[0]);
    assert_eq!((both[1].id, both[1].local), (tried, Some(elsewhere)));
    assert!(!both[1].is_active && !both[1].is_validated && both[1].in_flight == 0);
    assert_eq!(Some(both[1]), connection.path(tried));

    connection
        .migrate_at_once(now, elsewhere)
        .expect("it may move");
    let moved: Vec<_> = connection.paths().collect();
    assert!(moved[0].is_active && moved[0].local == Some(elsewhere));
    assert_eq!((moved[1].id, moved[1].is_active), (only[0].id, false));
}
