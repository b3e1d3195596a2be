//! Congestion control of our client on quinn-proto's server: marks, windows, and a controller from outside.

use quicpro_core::congestion::{Acknowledged, Algorithm, Congestion, Factory, Rtt};
use quicpro_core::mem::{Object, Shared};
use quicpro_core::{ClientConfig, Instant, Limits};
use quicpro_tests::pair::our_pattern::Client;
use quicpro_tests::pair::ours::{self, Ours};
use quicpro_tests::pair::pattern::{Plan, Server};
use quicpro_tests::pair::quinn::{Options, Quinn};
use quicpro_tests::pair::{Bottleneck, Ecn, Pair, Verdict, Weather};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

type Simulation = Pair<Ours<Client>, Quinn<Server>>;

/// 50 Mbit/s and 40 ms, with a queue of twice what is under way.
fn weather() -> Weather {
    Weather {
        delay: Duration::from_millis(20),
        bottleneck: Some(Bottleneck {
            rate: 6_250_000,
            queue: 500_000,
        }),
        ..Weather::default()
    }
}

fn pair(config: &ClientConfig<'static>, weather: &Weather, plan: Plan) -> Simulation {
    let client = Ours::new(3, Limits::DESKTOP, config, Client::new(&[plan], 64_000));
    let server = Quinn::server(3, Options::default(), Server::default());
    Pair::new(3, weather, client, server)
}

/// Milliseconds until the exchange is complete.
fn complete(pair: &mut Simulation) -> u64 {
    let done = pair.run(Duration::from_secs(120), |client, _| {
        client.application.completed == 1
    });
    done.expect("the exchange completes").as_micros() / 1_000
}

const UPLOAD: Plan = Plan {
    up: 3_000_000,
    down: 10,
};

/// Datagrams that leave with ECT(0), and what the path does to the mark.
fn count_marks(pair: &mut Simulation, bleaches: bool) -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    let counter = count.clone();
    pair.up.set_filter(Box::new(move |_, datagram| {
        if datagram.ecn == Ecn::Capable0 {
            counter.fetch_add(1, Ordering::Relaxed);
            if bleaches {
                datagram.ecn = Ecn::NotCapable;
            }
        }
        Verdict::Pass
    }));
    count
}

//= rfc9000#13.4.2 test
#[test]
fn packets_leave_marked_where_that_is_wanted() {
    for wanted in [true, false] {
        let config = ours::config().congestion_notification(wanted);
        let mut pair = pair(&config, &weather(), UPLOAD);
        let count = count_marks(&mut pair, false);
        complete(&mut pair);
        let count = count.load(Ordering::Relaxed);
        assert_eq!(count > 2_000, wanted, "{count}");
        assert_eq!(count == 0, !wanted, "{count}");
    }
}

//= rfc9000#13.4.2.1 test
#[test]
fn marks_that_do_not_arrive_are_given_up() {
    let config = ours::config().congestion_notification(true);
    let mut pair = pair(&config, &weather(), UPLOAD);
    let count = count_marks(&mut pair, true);
    complete(&mut pair);
    let count = count.load(Ordering::Relaxed);
    assert!((1..=10).contains(&count), "{count}");
}

/// Congestion that the network announces shrinks the window although nothing is lost.
#[test]
fn marks_of_the_network_are_answered() {
    for congestion in [Congestion::NewReno, Congestion::Cubic, Congestion::Bbr] {
        let config = ours::config()
            .congestion(congestion.clone())
            .congestion_notification(true);
        let times = [0, 10].map(|congestion_marks| {
            let weather = Weather {
                congestion_marks,
                ..weather()
            };
            let mut pair = pair(&config, &weather, UPLOAD);
            complete(&mut pair)
        });
        assert!(times[1] > times[0], "{congestion:?} {times:?}");
    }
}

/// The receive window follows the path's bandwidth and delay: it is never what limits a download.
#[test]
fn a_download_is_as_fast_as_the_path() {
    let plan = Plan {
        up: 10,
        down: 20_000_000,
    };
    let mut pair = pair(&ours::config(), &weather(), plan);
    let ms = complete(&mut pair);
    // 3.2 s on the line without headers, and a few round trips.
    assert!(ms < 3_900, "{ms} ms");
}

/// A window for ever, and how many were made.
struct Fixed(&'static AtomicUsize);

impl Factory for Fixed {
    fn controller(&self, _datagram: u16) -> Object<'static, dyn Algorithm> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Object::Owned(Box::new(Window(125_000)))
    }
}

struct Window(u32);

impl Algorithm for Window {
    fn on_sent(&mut self, _now: Instant, _bytes: u32, _in_flight: u32) {}
    fn on_acknowledged(&mut self, _now: Instant, _acknowledged: &Acknowledged, _rtt: &Rtt) {}
    fn on_congestion(&mut self, _now: Instant, _sent: Instant) {}
    fn on_persistent_congestion(&mut self, _now: Instant) {}
    fn on_datagram_size(&mut self, _datagram: u16) {}
    fn window(&self) -> u32 {
        self.0
    }
}

#[test]
fn a_controller_from_outside_is_asked() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let congestion = Congestion::Custom(Shared::Owned(Arc::new(Fixed(&MADE))));
    let mut pair = pair(&ours::config().congestion(congestion), &weather(), UPLOAD);
    let ms = complete(&mut pair);
    assert_eq!(MADE.load(Ordering::Relaxed), 1);
    // Half of what the path holds: 3.125 MB/s.
    assert!((950..1_300).contains(&ms), "{ms} ms");
}
