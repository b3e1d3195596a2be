//! What stays and what begins anew when the path changes (RFC 9000 §9.4, RFC 9002): for each way in which it can.
//!
//! | change | whose wish | the new path, as the client has it |
//! |---|---|---|
//! | `migrate` | the application's | another address of the client |
//! | `migrate_at_once` | the application's, or a desktop's whose socket died | another address of the client |
//! | preferred address | the server's | another address of the server |
//! | a translator's rebinding | nobody's | none: the pair of addresses is the same, only the server sees another |
//!
//! Invariant of each test: numbers rise and none is used twice (the ledger looks at every packet); acknowledgements that
//! came on the new path cover packets that had left on the old one; and these change nothing of what is known of the new
//! path (the ledger looks at every datagram and every timeout).

use super::*;
use quicpro_core::Instant;
use quicpro_tests::pair::Rebinding;

const OLD: Way = (CLIENT, SERVER);

/// The least number of old packets that a test wants to see acknowledged on the new path.
const ENOUGH: usize = 10;

impl Scene {
    /// What the old path still brings down is lost: every acknowledgement from now on comes on the new one.
    fn silence_old_path(&mut self) {
        self.pair.down.set_filter(Box::new(|_, _| Verdict::Drop));
    }

    /// Holds the clauses that all changes have in common.
    fn assert_continuous(&self, new: Way) {
        let client = &self.pair.client;
        let covered = client.covered(OLD, new);
        assert!(covered >= ENOUGH, "{covered} old packets acknowledged");
        // Not a coincidence of one datagram: there were acknowledgements of old packets alone.
        assert!(client.alone > 5, "{} of old packets alone", client.alone);
        assert!(client.left(OLD) > 100 && client.left(new) > 100);
    }

    /// Round-trip time, window and bytes in flight of a path that begins.
    fn assert_fresh(&self, id: PathId) {
        let path = self.pair.client.ours.connection.path(id).expect("a path");
        assert_eq!(path.rtt, Duration::from_millis(333));
        assert_eq!(path.window, 12_000);
        assert!(path.in_flight <= 2 * 1_200, "probes alone: {path:?}");
    }

    fn rtt(&self) -> Duration {
        let connection = &self.pair.client.ours.connection;
        let path = connection.path(connection.active_path()).expect("a path");
        path.rtt
    }
}

//= rfc9000#9.4 test
#[test]
fn migration_carries_numbers_on_and_estimates_not() {
    let mut scene = upload();
    scene.add_path();
    scene.run_until_received(BODY / 2);
    let id = scene.migrate().expect("a spare connection ID");
    scene
        .pair
        .run(PATIENCE, |client, _| {
            client.ours.connection.active_path() == id
        })
        .expect("a valid path");
    scene.silence_old_path();
    scene.complete();
    scene.assert_continuous((ELSEWHERE, SERVER));
    // The estimates are the new path's in the end: twice 60 ms.
    let rtt = scene.rtt();
    assert!(rtt >= Duration::from_millis(119), "{rtt:?}");
}

/// What std-runtime does when its socket is dead, or the machine's address another.
//= rfc9000#9.4 test
#[test]
fn moving_at_once_carries_numbers_on_and_estimates_not() {
    let mut scene = upload();
    scene.add_path();
    scene.run_until_received(BODY / 2);
    scene.silence_old_path();
    let now = scene.pair.now();
    let connection = &mut scene.pair.client.ours.connection;
    let id = connection
        .migrate_at_once(now, ELSEWHERE)
        .expect("a spare connection ID");
    scene.assert_fresh(id);
    scene.complete();
    scene.assert_continuous((ELSEWHERE, SERVER));
    assert!(scene.rtt() >= Duration::from_millis(119));
}

//= rfc9000#9.4 test
//= rfc9000#9.6.1 test
#[test]
fn the_preferred_address_carries_numbers_on_and_estimates_not() {
    let options = Options {
        preferred: Some(PREFERRED),
        ..Options::default()
    };
    let plan = Plan { up: BODY, down: 1 };
    let mut scene = scene(options, plan, &ours::config());
    let path = Path::new(5, "preferred", &slow()).of_server(PREFERRED.ip());
    scene.pair.paths.push(path);
    scene
        .pair
        .run(PATIENCE, |client, _| {
            client.ours.connection.remote() == PREFERRED
        })
        .expect("a valid path");
    scene.silence_old_path();
    scene.complete();
    scene.assert_continuous((CLIENT, PREFERRED));
    assert!(scene.rtt() >= Duration::from_millis(119));
}

/// The client cannot see it: what has to be true is that there is no new path, and that nothing of the old one is lost.
/// That the server does see another path is looked at, what it makes of its own estimates is its own matter.
//= rfc9000#9.3 test
//= rfc9000#9.4 test
#[test]
fn a_translator_that_forgets_is_not_noticed() {
    for rebinding in [Rebinding::Port, Rebinding::Address] {
        let mut scene = upload();
        let mut boundaries = Vec::new();
        for times in 1..=2 {
            scene.run_until_received(BODY * times / 3);
            let window = scene.pair.client.ours.connection.stats().window;
            scene.pair.nat.rebind(rebinding);
            scene.pair.client.forget_extremes();
            boundaries.push((scene.pair.client.last(), scene.pair.client.covered.len()));
            // Two round trips: the answers to the first packets through the new binding.
            scene.pair.run_for(Duration::from_millis(600));
            let (last, known) = *boundaries.last().expect("pushed just now");
            let since = &scene.pair.client.covered[known..];
            let covered = since
                .iter()
                .filter(|covered| covered.number <= last)
                .count();
            assert!(covered >= ENOUGH, "{covered} packets of the old binding");
            // No estimate began anew: that would be 333 ms, and a window of ten packets or of two.
            let longest = scene.pair.client.rtt_max;
            assert!(longest < Duration::from_millis(330), "{longest:?}");
            let after = scene.pair.client.ours.connection.stats().window;
            assert!(after * 3 >= window, "{after} after {window}");
        }
        scene.complete();
        let seen = scene.seen_by_server();
        assert_eq!(seen.port(), CLIENT.port() + 2);
        assert_eq!(seen.ip() != CLIENT.ip(), rebinding == Rebinding::Address);
        // The server asked each time, was answered, and we never moved.
        let connection = scene.pair.server.connection().expect("a connection");
        let stats = connection.stats();
        assert!(stats.frame_tx.path_challenge >= 2 && stats.frame_rx.path_response >= 2);
        assert_eq!(scene.events(), []);
        let client = &scene.pair.client;
        assert_eq!(client.used.len(), 1, "one path all the time");
        assert_eq!(client.used[0].number(), 0);
        assert_eq!(client.alone, 0, "there is no other path");
    }
}

/// A rebinding on top of a migration: the client moves, and the translator forgets the new place at once.
//= rfc9000#9.3 test
#[test]
fn a_rebinding_during_a_migration() {
    let mut scene = upload();
    scene.add_path();
    scene.run_until_received(BODY / 2);
    let id = scene.migrate().expect("a spare connection ID");
    let at = scene.pair.now().as_micros();
    for ms in [50, 200, 400] {
        let at = Instant::from_micros(at + ms * 1_000);
        scene.pair.nat.plan(at, Rebinding::Port);
    }
    scene.complete();
    assert_eq!(scene.pair.client.ours.connection.active_path(), id);
    assert_eq!(scene.seen_by_server().port(), ELSEWHERE.port() + 3);
    let covered = scene.pair.client.covered(OLD, (ELSEWHERE, SERVER));
    assert!(covered > 0, "{covered} old packets acknowledged");
}
