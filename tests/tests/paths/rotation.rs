//! Connection IDs that change while the path does not, with quinn-proto's server (RFC 9000 §5.1.2, §9.5).

use super::*;
use quicpro_core::connection::Rotation;
use quicpro_tests::pair::ours::config;

/// The destination connection IDs of what goes up, in the order in which they appeared and without repetition.
fn destinations_in_order(pair: &mut Pair<Ledger, Quinn<Server>>) -> Arc<Mutex<Vec<Vec<u8>>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    pair.up.set_filter(Box::new(move |_, datagram| {
        if datagram.bytes[0] & 0x80 == 0 {
            let id = datagram.bytes[1..9].to_vec();
            let mut noted = noted.lock().unwrap();
            if noted.last() != Some(&id) {
                noted.push(id);
            }
        }
        Verdict::Pass
    }));
    seen
}

/// An exchange under a rule; the IDs, and where it ended.
fn exchange(rotation: Rotation, plan: Plan) -> (Vec<Vec<u8>>, Scene) {
    let config = config().connection_id_rotation(rotation);
    let mut scene = scene(Options::default(), plan, &config);
    let seen = destinations_in_order(&mut scene.pair);
    scene.complete();
    let seen = seen.lock().unwrap().clone();
    (seen, scene)
}

fn distinct(seen: &[Vec<u8>]) -> usize {
    seen.iter().collect::<BTreeSet<_>>().len()
}

//= rfc9000#5.1.2 test
#[test]
fn ids_change_as_often_as_they_shall_and_never_back() {
    let up = Plan { up: BODY, down: 1 };
    let down = Plan { up: 1, down: BODY };
    for plan in [up, down] {
        let (usual, scene) = exchange(Rotation::NEVER, plan);
        assert!(distinct(&usual) <= 2, "the handshake's, at most: {usual:?}");
        let lost = scene.pair.client.ours.connection.stats().recovery.lost;
        for rotation in [
            Rotation::NEVER.after_packets(100),
            Rotation::NEVER.after_time(Duration::from_millis(100)),
        ] {
            let (seen, mut scene) = exchange(rotation, plan);
            assert!(seen.len() >= 4, "{rotation:?}: {}", seen.len());
            assert_eq!(distinct(&seen), seen.len(), "{rotation:?}: one came again");
            // A rotation costs nothing.
            let stats = scene.pair.client.ours.connection.stats();
            assert!(stats.recovery.lost <= lost, "{rotation:?}: {stats:?}");
            assert_eq!(scene.events(), []);
            assert_eq!(scene.pair.client.used.len(), 1, "the same path");
            // Old ones are retired, the server replaces them.
            scene.pair.run_for(Duration::from_secs(2));
            let server = scene.pair.server.connection().expect("a connection");
            let frames = server.stats();
            let retired = frames.frame_rx.retire_connection_id;
            assert!(
                retired + 2 >= seen.len() as u64,
                "{retired} of {}",
                seen.len()
            );
            assert!(frames.frame_tx.new_connection_id >= retired + 3);
        }
    }
}

#[test]
fn ids_change_in_a_storm() {
    let plan = Plan {
        up: 300_000,
        down: 300_000,
    };
    let rotation = Rotation::NEVER.after_packets(1);
    let config = config().connection_id_rotation(rotation);
    for seed in 0..10 {
        let application = Mover {
            pattern: Client::new(&[plan], 10_000),
            events: Vec::new(),
        };
        let client = Ledger::new(Ours::new(seed, Limits::DESKTOP, &config, application));
        let server = Quinn::server(seed, Options::default(), Server::default());
        let pair = Pair::new(seed, &Weather::stormy(50), client, server);
        let mut scene = Scene { pair };
        let seen = destinations_in_order(&mut scene.pair);
        scene.complete();
        let seen = seen.lock().unwrap().clone();
        assert!(distinct(&seen) >= 3, "seed {seed}: {}", distinct(&seen));
    }
}

/// A change of the path in the middle of changes of the ID: every path has its own, whatever else happens.
//= rfc9000#9.5 test
#[test]
fn ids_change_while_paths_do() {
    let rotation = Rotation::NEVER.after_packets(20);
    let config = config().connection_id_rotation(rotation);
    let plan = Plan { up: BODY, down: 1 };
    let mut scene = scene(Options::default(), plan, &config);
    scene.add_path();
    let old = destinations(&mut scene.pair.up);
    let new = destinations(&mut scene.pair.paths[0].up);
    let mut moves = 0;
    for step in 1..=4 {
        scene.run_until_received(BODY / 6 * step);
        let now = scene.pair.now();
        let connection = &mut scene.pair.client.ours.connection;
        let port = 43_000 + u16::try_from(step).unwrap();
        let local = SocketAddr::new(ELSEWHERE.ip(), port);
        moves += usize::from(connection.migrate(now, local).is_ok());
        scene.pair.run_for(Duration::from_millis(700));
    }
    assert!(moves >= 3, "{moves}");
    scene.complete();
    let (old, new) = (old.lock().unwrap(), new.lock().unwrap());
    assert!(old.is_disjoint(&new), "two paths have an ID in common");
    assert!(new.len() >= moves + 2, "{} for {moves} moves", new.len());
}
