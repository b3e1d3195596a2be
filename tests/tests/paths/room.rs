//! A server that may hardly speak: it sends three times what came from an address that it has not validated.

use super::*;
use quicpro_tests::pair::Rebinding;
use std::sync::atomic::{AtomicU32, Ordering};

/// A client that only listens has nothing to say but signs of life of 30 bytes. They tell the server where it is now,
/// but three times as much is no challenge of 1,200 bytes: where the first is lost, full datagrams make room for another.
//= rfc9000#9.3 test
#[test]
fn probes_give_a_server_room_for_another_challenge() {
    let keep_alive = Duration::from_secs(2);
    let plan = Plan { up: 1, down: BODY };
    let config = ours::config().keep_alive(Some(keep_alive));
    let mut scene = scene(Options::default(), plan, &config);
    let is_half =
        |client: &mut Ledger, _: &mut _| client.ours.connection.stats().bytes_received >= BODY / 2;
    scene.pair.run(PATIENCE, is_half).expect("half of it");
    // A second of which nothing is left, and the translator forgets as well: so no late acknowledgement makes room.
    for link in [&mut scene.pair.up, &mut scene.pair.down] {
        link.set_filter(Box::new(|_, _| Verdict::Drop));
    }
    scene.pair.run_for(Duration::from_secs(1));
    scene.pair.nat.rebind(Rebinding::Address);
    scene.pair.up.set_filter(Box::new(|_, _| Verdict::Pass));
    // What is still sent to the old place is lost there; the first datagram to the new one is the first challenge.
    let challenges = AtomicU32::new(0);
    scene.pair.down.set_filter(Box::new(move |_, datagram| {
        let is_new = datagram.to != CLIENT;
        if is_new && challenges.fetch_add(1, Ordering::Relaxed) == 0 {
            Verdict::Drop
        } else {
            Verdict::Pass
        }
    }));
    let before = scene.pair.now();
    scene.complete();
    let took = Duration::from_micros(scene.pair.now().as_micros() - before.as_micros());
    assert!(took < keep_alive + Duration::from_secs(1), "{took:?}");
    let connection = scene.pair.server.connection().expect("a connection");
    assert!(connection.stats().frame_tx.path_challenge >= 2);
}
