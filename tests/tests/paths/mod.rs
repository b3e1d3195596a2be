//! Connections that move, against quinn-proto's server in virtual time (RFC 9000 §9).
//!
//! Whatever moves, and whoever wants it: numbers of packets rise through the change, and the bytes arrive.

mod continuity;
mod ledger;
mod room;
mod rotation;

use ledger::{Ledger, Way};
use quicpro_core::Limits;
use quicpro_core::connection::{Connection, Event, MigrateError, PathId};
use quicpro_tests::pair::our_pattern::Client;
use quicpro_tests::pair::ours::{self, Application, Ours};
use quicpro_tests::pair::pattern::{Plan, Server};
use quicpro_tests::pair::quinn::{Options, Quinn};
use quicpro_tests::pair::{Bottleneck, CLIENT, Pair, Path, SERVER, Verdict, Weather};
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
    pair: Pair<Ledger, Quinn<Server>>,
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
    let client = Ledger::new(Ours::new(5, Limits::DESKTOP, config, application));
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
    Scene { pair }
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
        self.pair.client.ours.connection.migrate(now, ELSEWHERE)
    }

    /// Runs until the exchange is complete. The ledger has looked at the numbers of its packets.
    fn complete(&mut self) {
        let run = self.pair.run(PATIENCE, |client, _| {
            client.ours.application.pattern.completed == 1
        });
        let (client, server) = (&self.pair.client, &self.pair.server);
        assert!(
            run.is_ok(),
            "{run:?} {:?} {:?}",
            client.ours.lost(),
            server.lost()
        );
        assert!(client.last() > 10);
    }

    fn events(&self) -> &[Event] {
        &self.pair.client.ours.application.events
    }

    fn seen_by_server(&mut self) -> SocketAddr {
        let connection = self.pair.server.connection().expect("a connection");
        connection.remote_address()
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
    assert_eq!(scene.pair.client.ours.connection.active_path(), id);
    let first = scene.events().first();
    assert_eq!(first, Some(&Event::PathValidated(id)));
    assert!(scene.pair.paths[0].up.counts().sent > 200);
    // Nobody can tell from connection IDs that it is the same connection.
    assert_eq!(new.lock().unwrap().len(), 1);
    assert!(old.lock().unwrap().is_disjoint(&new.lock().unwrap()));
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
    let connection = &scene.pair.client.ours.connection;
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
        assert_eq!(scene.pair.client.ours.connection.remote(), SERVER);
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
    assert_eq!(scene.pair.client.ours.connection.active_path().number(), 0);
    assert_eq!(scene.pair.client.ours.connection.path(id), None);
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
    let connection = &mut scene.pair.client.ours.connection;
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
        if scene
            .pair
            .client
            .ours
            .connection
            .migrate(now, local)
            .is_ok()
        {
            moves += 1;
            last = port;
        }
        scene.pair.run_for(Duration::from_millis(500));
    }
    assert!(moves >= 6, "{moves}");
    scene.complete();
    assert_eq!(scene.seen_by_server().port(), last);
}
