//! Connections that move, against quinn-proto's server in virtual time (RFC 9000 §9).
//!
//! Whatever moves, and whoever wants it: numbers of packets rise through the change, and the bytes arrive.

use quicpro_core::connection::{Connection, Event, MigrateError, PathId};
use quicpro_core::mem::Object;
use quicpro_core::trace::{self, Sink};
use quicpro_core::wire::packet::Kind;
use quicpro_core::{Instant, Limits};
use quicpro_tests::pair::our_pattern::Client;
use quicpro_tests::pair::ours::{self, Application, Ours};
use quicpro_tests::pair::pattern::{Plan, Server};
use quicpro_tests::pair::quinn::{Options, Quinn};
use quicpro_tests::pair::{Bottleneck, CLIENT, Pair, Path, Rebinding, SERVER, Verdict, Weather};
use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);

/// The address that the client moves to.
const ELSEWHERE: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)),
    41_000,
);

/// Where the server would rather be reached.
const PREFERRED: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9)),
    4_433,
);

/// The interop runner's file.
const BODY: u64 = 2_000_000;

/// Numbers of 1-RTT packets, as they left.
#[derive(Clone, Default)]
struct Numbers(Arc<Mutex<Vec<u64>>>);

impl Sink for Numbers {
    fn event(&mut self, _: Instant, event: &trace::Event<'_>) {
        if let trace::Event::PacketSent(packet) = event
            && packet.kind == Kind::Short
        {
            self.0.lock().unwrap().push(packet.number);
        }
    }
}

/// The pattern's client, and what is said of paths.
struct Mover {
    pattern: Client,
    events: Vec<Event>,
}

impl Application for Mover {
    fn on_event(&mut self, connection: &mut Connection<'static>, event: Event) {
        if matches!(event, Event::PathValidated(_) | Event::PathAbandoned(_)) {
            self.events.push(event);
        }
        self.pattern.on_event(connection, event);
    }
}

struct Scene {
    pair: Pair<Ours<Mover>, Quinn<Server>>,
    numbers: Numbers,
}

fn slow() -> Weather {
    Weather {
        delay: Duration::from_millis(60),
        ..Weather::default()
    }
}

fn scene(options: Options, plan: Plan, config: &quicpro_core::ClientConfig<'static>) -> Scene {
    let application = Mover {
        pattern: Client::new(&[plan], 10_000),
        events: Vec::new(),
    };
    let mut client = Ours::new(5, Limits::DESKTOP, config, application);
    let numbers = Numbers::default();
    let sink = Object::Owned(Box::new(numbers.clone()) as Box<dyn Sink>);
    client.connection.set_sink(sink);
    let server = Quinn::server(5, options, Server::default());
    let bottleneck = Some(Bottleneck {
        rate: 1_000_000,
        queue: 200_000,
    });
    let weather = Weather {
        bottleneck,
        ..Weather::default()
    };
    let pair = Pair::new(5, &weather, client, server);
    Scene { pair, numbers }
}

fn upload() -> Scene {
    let plan = Plan { up: BODY, down: 1 };
    scene(Options::default(), plan, &ours::config())
}

impl Scene {
    /// Another path of the client, slower than the first.
    fn add_path(&mut self) {
        let path = Path::new(5, "elsewhere", &slow()).of_client(ELSEWHERE.ip());
        self.pair.paths.push(path);
    }

    /// Runs until so many bytes have reached the server.
    fn run_until_received(&mut self, bytes: u64) {
        let run = self
            .pair
            .run(PATIENCE, |_, server| server.application.received >= bytes);
        run.expect("half of it");
    }

    fn migrate(&mut self) -> Result<PathId, MigrateError> {
        let now = self.pair.now();
        self.pair.client.connection.migrate(now, ELSEWHERE)
    }

    /// Runs until the exchange is complete, and looks at the numbers of its packets.
    fn complete(&mut self) {
        let run = self.pair.run(PATIENCE, |client, _| {
            client.application.pattern.completed == 1
        });
        let (client, server) = (&self.pair.client, &self.pair.server);
        assert!(
            run.is_ok(),
            "{run:?} {:?} {:?}",
            client.lost(),
            server.lost()
        );
        let numbers = self.numbers.0.lock().unwrap();
        assert!(numbers.len() > 10);
        assert!(numbers.is_sorted_by(|a, b| a < b), "a number came again");
    }

    fn events(&self) -> &[Event] {
        &self.pair.client.application.events
    }

    fn seen_by_server(&mut self) -> SocketAddr {
        let connection = self.pair.server.connection().expect("a connection");
        connection.remote_address()
    }

    /// Round-trip time, window and bytes in flight of a path.
    fn path(&self, id: PathId) -> (Duration, u32, u32) {
        let path = self.pair.client.connection.path(id).expect("a path");
        (path.rtt, path.window, path.in_flight)
    }
}

/// Notes the destination connection IDs of the datagrams that take a path upwards.
fn destinations(path: &mut quicpro_tests::pair::Link) -> Arc<Mutex<BTreeSet<Vec<u8>>>> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let noted = seen.clone();
    path.set_filter(Box::new(move |_, datagram| {
        if datagram.bytes[0] & 0x80 == 0 {
            noted.lock().unwrap().insert(datagram.bytes[1..9].to_vec());
        }
        Verdict::Pass
    }));
    seen
}

//= rfc9000#9.5 test
#[test]
fn an_upload_goes_on_from_another_address() {
    let mut scene = upload();
    scene.add_path();
    let old = destinations(&mut scene.pair.up);
    let new = destinations(&mut scene.pair.paths[0].up);
    scene.run_until_received(BODY / 2);
    let id = scene.migrate().expect("a spare connection ID");
    scene.complete();
    assert_eq!(scene.seen_by_server(), ELSEWHERE);
    assert_eq!(scene.pair.client.connection.active_path(), id);
    let first = scene.events().first();
    assert_eq!(first, Some(&Event::PathValidated(id)));
    assert!(scene.pair.paths[0].up.counts().sent > 200);
    // Nobody can tell from connection IDs that it is the same connection.
    assert_eq!(new.lock().unwrap().len(), 1);
    assert!(old.lock().unwrap().is_disjoint(&new.lock().unwrap()));
}

//= rfc9000#9.4 test
#[test]
fn an_acknowledgement_of_the_old_paths_packets_leaves_the_new_one_untouched() {
    let mut scene = upload();
    scene.add_path();
    scene.run_until_received(BODY / 2);
    let old = scene.pair.client.connection.active_path();
    let new = scene.migrate().expect("a spare connection ID");
    scene
        .pair
        .run(PATIENCE, |client, _| client.connection.active_path() == new)
        .expect("a valid path");
    assert!(scene.path(old).2 > 10_000, "the old path's packets are out");
    // They wait in a queue, longer than the server needs to follow; what it says comes the new way from then on. The new
    // path is sounded by one burst in each of its round trips, so there are moments with acknowledgements of old packets
    // alone.
    scene.pair.down.set_filter(Box::new(|_, _| Verdict::Drop));
    scene.pair.run_for(Duration::from_millis(100));
    let mut alone = 0;
    for _ in 0..200 {
        let (before, untouched) = (scene.path(old).2, scene.path(new));
        scene.pair.run_for(Duration::from_millis(1));
        let now = scene.path(new);
        if scene.path(old).2 < before && now.2 == untouched.2 {
            alone += 1;
            assert_eq!(now, untouched);
        }
    }
    assert!(alone > 5, "{alone} acknowledgements of old packets alone");
    scene.complete();
    // And the estimates are the new path's in the end.
    let rtt = scene.path(new).0;
    assert!(rtt >= Duration::from_millis(119), "{rtt:?}");
}

//= rfc9000#9.3 test
#[test]
fn a_translator_that_forgets_is_not_noticed() {
    let mut scene = upload();
    let at = |ms: u64| Instant::from_micros(ms * 1_000);
    scene.pair.nat.plan(at(500), Rebinding::Port);
    scene.pair.nat.plan(at(1_000), Rebinding::Address);
    scene.complete();
    assert_eq!(scene.pair.nat.rebindings(), 2);
    let seen = scene.seen_by_server();
    assert!(seen.ip() != CLIENT.ip() && seen.port() == CLIENT.port() + 2);
    // The server asked twice, was answered, and we never moved.
    assert_eq!(scene.events(), []);
    assert_eq!(scene.pair.client.connection.active_path().number(), 0);
}

/// The interop runner's `connectionmigration`.
//= rfc9000#9.6.1 test
#[test]
fn a_download_moves_to_the_preferred_address() {
    let options = Options {
        preferred: Some(PREFERRED),
        ..Options::default()
    };
    let plan = Plan { up: 1, down: BODY };
    let mut scene = scene(options, plan, &ours::config());
    let path = Path::new(5, "preferred", &slow()).of_server(PREFERRED.ip());
    scene.pair.paths.push(path);
    let old = destinations(&mut scene.pair.up);
    let new = destinations(&mut scene.pair.paths[0].up);
    scene.complete();
    let connection = &scene.pair.client.connection;
    assert_eq!(connection.remote(), PREFERRED);
    assert_eq!(connection.active_path().number(), 1);
    assert_eq!(new.lock().unwrap().len(), 1);
    assert!(old.lock().unwrap().is_disjoint(&new.lock().unwrap()));
    assert!(scene.pair.paths[0].down.counts().sent > 1_000);
}

//= rfc9000#9.6.1 test
#[test]
fn a_preferred_address_is_declined_or_given_up() {
    let run = |follow: bool| {
        let options = Options {
            preferred: Some(PREFERRED),
            ..Options::default()
        };
        let plan = Plan { up: BODY, down: 1 };
        let mut scene = scene(options, plan, &ours::config().preferred_address(follow));
        // Nothing gets through there.
        let mut path = Path::new(5, "preferred", &slow()).of_server(PREFERRED.ip());
        path.up.set_filter(Box::new(|_, _| Verdict::Drop));
        scene.pair.paths.push(path);
        scene.complete();
        scene.pair.run_for(Duration::from_secs(5));
        assert_eq!(scene.pair.client.connection.remote(), SERVER);
        let tries = scene.pair.paths[0].up.counts().sent;
        (tries, scene.events().to_vec())
    };
    assert_eq!(run(false), (0, Vec::new()));
    let (tries, events) = run(true);
    assert!((3..=8).contains(&tries), "{tries}");
    assert!(matches!(events[..], [Event::PathAbandoned(id)] if id.number() == 1));
}

//= rfc9000#9.1 test
#[test]
fn a_path_that_does_not_work_is_never_used() {
    let mut scene = upload();
    scene.add_path();
    scene.pair.paths[0]
        .down
        .set_filter(Box::new(|_, _| Verdict::Drop));
    scene.run_until_received(BODY / 2);
    let id = scene.migrate().expect("a spare connection ID");
    // Once more: the first candidate makes way for the second.
    let again = scene.migrate().expect("another one");
    scene.complete();
    scene.pair.run_for(Duration::from_secs(5));
    assert_eq!(
        scene.events(),
        [Event::PathAbandoned(id), Event::PathAbandoned(again)]
    );
    assert_eq!(scene.pair.client.connection.active_path().number(), 0);
    assert_eq!(scene.pair.client.connection.path(id), None);
    assert_eq!(scene.seen_by_server(), CLIENT);
    assert!(scene.pair.paths[0].up.counts().sent <= 10);
}

//= rfc9000#9.2 test
#[test]
fn a_dead_address_is_left_at_once() {
    let mut scene = upload();
    scene.add_path();
    scene.run_until_received(BODY / 2);
    scene.pair.up.set_filter(Box::new(|_, _| Verdict::Drop));
    scene.pair.down.set_filter(Box::new(|_, _| Verdict::Drop));
    scene.pair.run_for(Duration::from_secs(1));
    let now = scene.pair.now();
    let connection = &mut scene.pair.client.connection;
    let id = connection.migrate_at_once(now, ELSEWHERE).unwrap();
    assert_eq!(connection.active_path(), id);
    assert_eq!(
        connection.migrate_at_once(now, ELSEWHERE),
        Err(MigrateError::SameAddress)
    );
    scene.complete();
    assert_eq!(scene.seen_by_server(), ELSEWHERE);
    assert!(scene.events().contains(&Event::PathValidated(id)));
    let took = scene.pair.now() - now;
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn paths_change_as_often_as_connection_ids_permit() {
    let mut scene = upload();
    scene.add_path();
    let (mut moves, mut last) = (0, 0);
    for step in 1..=8 {
        scene.run_until_received(BODY / 10 * step);
        let now = scene.pair.now();
        let port = 42_000 + u16::try_from(step).unwrap();
        let local = SocketAddr::new(ELSEWHERE.ip(), port);
        if scene.pair.client.connection.migrate(now, local).is_ok() {
            moves += 1;
            last = port;
        }
        scene.pair.run_for(Duration::from_millis(500));
    }
    assert!(moves >= 6, "{moves}");
    scene.complete();
    assert_eq!(scene.seen_by_server().port(), last);
}
