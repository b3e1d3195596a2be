//! The loss detection timer, and spaces that come and go (RFC 9002 §6.2 to §6.4).

use super::*;

//= rfc9002#6.2.1 test
#[test]
fn probe_timeouts_back_off_and_are_reset_by_an_acknowledgement() {
    let mut bench = Bench::confirmed(16);
    let number = bench.send(0, Application);
    let unit = bench.unit();
    assert!(unit >= 125 * MS);
    assert_eq!(bench.deadline(), Some((Cause::Probe, unit)));
    assert_eq!(bench.timeout(at(0).after(unit - 1)), Timeout::Nothing);
    let probe = Timeout::Probe {
        space: Application,
        packets: 2,
    };
    assert_eq!(bench.timeout(at(0).after(unit)), probe);
    //= rfc9002#6.2.4 test
    assert_eq!(bench.recovery.probes(Application), 2);
    //= rfc9002#6.2 test
    // What was in flight is said again, and stays in flight: a probe timeout is not a loss.
    assert_eq!(bench.reported(Outcome::Lost), [number]);
    assert_eq!(bench.recovery.bytes_in_flight(), 1_200);
    assert_eq!(bench.recovery.window(), 12_000);
    bench.send(200, Application);
    bench.send(200, Application);
    assert_eq!(bench.recovery.probes(Application), 0);
    assert_eq!(bench.deadline(), Some((Cause::Probe, 200 * MS + unit * 2)));
    bench.timeout(at(200).after(unit * 2));
    bench.send(500, Application);
    assert_eq!(bench.deadline(), Some((Cause::Probe, 500 * MS + unit * 4)));
    // The tokens of the first packet were reported once, and are not again when it is lost.
    bench.reported(Outcome::Lost);
    bench.ack(600, Application, &[3]);
    assert_eq!(bench.reported(Outcome::Lost), []);
    bench.send(700, Application);
    let unit = bench.unit();
    assert_eq!(bench.deadline(), Some((Cause::Probe, 700 * MS + unit)));
}

//= rfc9002#6.2.1 test
#[test]
fn the_application_space_waits_for_confirmation() {
    let mut bench = Bench::new(Side::Server, 16);
    bench.send(0, Application);
    assert_eq!(bench.deadline(), None);
    bench.send(0, Handshake);
    // Max_ack_delay does not count in the handshake: 333 + 4 * 166.5.
    assert_eq!(bench.deadline(), Some((Cause::Probe, 999 * MS)));
    bench.timeout(at(999));
    assert_eq!(
        (
            bench.recovery.probes(Handshake),
            bench.recovery.probes(Application)
        ),
        (2, 1)
    );
    bench.recovery.discard_space(at(999), Handshake);
    assert_eq!(bench.deadline(), None);
    bench.recovery.on_handshake_confirmed();
    assert_eq!(bench.deadline(), Some((Cause::Probe, 1_024 * MS)));
}

//= rfc9002#6.2.2.1 test
#[test]
fn a_client_probes_until_the_server_has_surely_heard_it() {
    let mut bench = Bench::new(Side::Client, 16);
    let number = bench.send(0, Initial);
    bench.ack(100, Initial, &[number]);
    // Nothing is in flight, but the server may be out of credit. Smoothed 100, variation 50.
    assert_eq!(bench.deadline(), Some((Cause::Probe, 400 * MS)));
    let probe = Timeout::Probe {
        space: Initial,
        packets: 1,
    };
    assert_eq!(bench.timeout(at(400)), probe);
    assert_eq!(bench.deadline(), Some((Cause::Probe, 1_000 * MS)));
    bench.recovery.on_handshake_keys();
    let probe = Timeout::Probe {
        space: Handshake,
        packets: 1,
    };
    assert_eq!(bench.timeout(at(1_000)), probe);
    let number = bench.send(1_000, Handshake);
    bench.recovery.discard_space(at(1_000), Initial);
    // 1-RTT data alone does not keep the client from probing.
    bench.send(1_000, Application);
    bench.ack(1_100, Handshake, &[number]);
    assert_eq!(bench.deadline(), None);
}

#[test]
fn unconfirmed_application_data_does_not_silence_the_anti_deadlock_probe() {
    let mut bench = Bench::new(Side::Client, 16);
    let number = bench.send(0, Initial);
    bench.ack(100, Initial, &[number]);
    bench.recovery.on_handshake_keys();
    bench.send(150, Application);
    assert_eq!(bench.deadline(), Some((Cause::Probe, 450 * MS)));
    let probe = Timeout::Probe {
        space: Handshake,
        packets: 1,
    };
    assert_eq!(bench.timeout(at(450)), probe);
}

//= rfc9002#6.4 test
#[test]
fn discarding_a_space_takes_its_packets_out_of_flight() {
    let mut bench = Bench::new(Side::Client, 16);
    bench.send(0, Initial);
    bench.send(0, Handshake);
    bench.timeout(at(999));
    bench.reported(Outcome::Lost);
    bench.recovery.discard_space(at(1_000), Initial);
    assert_eq!(bench.recovery.bytes_in_flight(), 1_200);
    assert!(bench.outcomes.is_empty());
    assert_eq!(bench.recovery.window(), 12_000);
    assert_eq!(bench.recovery.probes(Initial), 0);
    // The backoff is gone.
    assert_eq!(bench.deadline(), Some((Cause::Probe, 999 * MS)));
}

//= rfc9002#6.3 test
#[test]
fn a_retry_starts_the_initial_space_again_but_not_its_numbers() {
    let mut bench = Bench::new(Side::Client, 16);
    bench.send(0, Initial);
    bench.timeout(at(999));
    bench.recovery.restart_space(at(1_000), Initial);
    assert_eq!(bench.recovery.bytes_in_flight(), 0);
    assert_eq!(bench.send(1_000, Initial), 1);
    assert_eq!(bench.deadline(), Some((Cause::Probe, 1_999 * MS)));
}

//= rfc9002#7.7 test
#[test]
fn pacing_is_a_deadline_that_only_asks_to_transmit() {
    let mut bench = Bench::confirmed(64);
    bench.recovery.on_handshake_confirmed();
    for _ in 0..10 {
        bench.send(0, Application);
    }
    assert_eq!(bench.recovery.budget(at(0)), Budget::WindowFull);
    bench.ack(40, Application, &(0..10).collect::<Vec<_>>());
    for _ in 0..8 {
        bench.send(40, Application);
    }
    let Budget::Paced(ready) = bench.recovery.budget(at(40)) else {
        panic!("the bucket holds ten datagrams at most, and eight left");
    };
    assert!(ready > at(40));
    assert_eq!(
        bench.recovery.deadline(),
        Deadline {
            at: ready,
            cause: Cause::Pacing
        }
    );
    assert_eq!(bench.timeout(ready), Timeout::Nothing);
    assert_eq!(bench.deadline().unwrap().0, Cause::Probe);
    assert!(matches!(bench.recovery.budget(ready), Budget::Bytes(_)));
}
