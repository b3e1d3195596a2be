//! Several paths under one number space: what is said of a packet touches the estimates of its own path only.

use super::*;

const OLD: Slot = Slot::FIRST;
const NEW: Slot = Slot::ALL[1];

impl Bench {
    fn open(&mut self, ms: u64, slot: Slot) {
        let outcomes = &mut self.outcomes;
        self.recovery
            .open_path(at(ms), slot, DATAGRAM, &mut |space, outcome, token| {
                outcomes.push((space, outcome, token));
            });
    }

    /// Round trip, window and bytes in flight of a path.
    fn estimates(&self, slot: Slot) -> (u32, u32, u32) {
        let path = self.recovery.paths.get(slot).unwrap();
        let rtt = path.rtt.smoothed_us();
        (rtt, path.window(), path.in_flight)
    }
}

/// Before anything was measured.
const FRESH: (u32, u32) = (rtt::INITIAL_US, 12_000);

//= rfc9000#9.4 test
#[test]
fn an_acknowledgement_of_old_packets_leaves_the_new_path_untouched() {
    let mut bench = Bench::confirmed(16);
    for _ in 0..4 {
        bench.send(0, Application);
    }
    bench.open(10, NEW);
    assert_eq!(bench.recovery.active(), OLD);
    bench.recovery.activate_path(NEW);
    assert_eq!(bench.recovery.next_number(Application), 4, "numbers go on");
    assert_eq!(bench.recovery.bytes_in_flight(), 0);
    assert_eq!(
        (bench.recovery.rtt().smoothed_us(), bench.recovery.window()),
        FRESH
    );
    bench.send_on(10, NEW);
    // The first acknowledgement on the new path is of packets of the old one.
    let summary = bench.ack(80, Application, &[1, 2]);
    assert_eq!(
        (summary.newly_acknowledged, summary.rtt_sampled),
        (2, false)
    );
    assert_eq!(bench.estimates(NEW), (FRESH.0, FRESH.1, 1_200));
    assert_eq!(bench.estimates(OLD).2, 2_400);
    assert!(bench.estimates(OLD).0 < 100_000);
    // Then one of its own: no sample of the old path, whose packets are late after the longer delay.
    let old = bench.estimates(OLD);
    assert!(bench.ack(400, Application, &[1, 2, 4]).rtt_sampled);
    bench.timeout(at(439));
    assert_eq!(bench.reported(Outcome::Lost), [0, 3]);
    assert_eq!(bench.estimates(NEW), (390_000, 12_000, 0));
    assert_eq!(bench.estimates(OLD).0, old.0);
    assert_eq!(bench.estimates(OLD).1, 6_000, "the loss is the old path's");
}

//= rfc9002#6.1.1 test
#[test]
fn packets_are_counted_against_those_of_their_own_path() {
    let mut bench = Bench::confirmed(32);
    bench.open(0, NEW);
    let old = bench.send(0, Application);
    bench.recovery.activate_path(NEW);
    for _ in 0..8 {
        bench.send_on(1, NEW);
    }
    assert_eq!(bench.ack(20, Application, &[4, 5]).lost, 2);
    assert_eq!(bench.reported(Outcome::Lost), [1, 2]);
    // One of the new path is late soon, the old path's after its own, longer round trip; the timer knows both.
    let (third, due) = (MS + 19 * MS * 9 / 8, 100 * MS * 9 / 8);
    assert_eq!(bench.deadline(), Some((Cause::Loss, third)));
    bench.timeout(Instant::from_micros(third));
    assert_eq!(bench.reported(Outcome::Lost), [3]);
    assert_eq!(bench.deadline(), Some((Cause::Loss, due)));
    bench.timeout(Instant::from_micros(due));
    assert_eq!(bench.reported(Outcome::Lost), [old]);
}

#[test]
fn what_has_no_record_counts_for_the_path_in_use() {
    let mut bench = Bench::confirmed(32);
    bench.send(0, Application);
    bench.open(0, NEW);
    bench.recovery.activate_path(NEW);
    bench.send_on(0, NEW);
    for _ in 0..3 {
        bench.send_packet(1, Application, false, false, &[]);
    }
    assert_eq!(bench.ack(2, Application, &[4]).lost, 1);
    assert_eq!(bench.reported(Outcome::Lost), [1]);
}

//= rfc9002#7.6.2 test
#[test]
fn persistent_congestion_is_one_paths() {
    let mut bench = Bench::confirmed(32);
    let threshold = bench.unit() * 3 / MS;
    bench.open(0, NEW);
    bench.send(1, Application);
    // Something of the new path arrives in between, which says nothing of the old one.
    let arrived = bench.send_on(100, NEW);
    bench.send(2 + threshold, Application);
    for _ in 0..3 {
        bench.send(2_000, Application);
    }
    bench.ack(2_100, Application, &[arrived, 5]);
    assert_eq!(bench.recovery.stats().persistent_congestion, 1);
    assert_eq!(bench.estimates(OLD).1, 2_400);
    assert_eq!(bench.estimates(NEW).1, 12_000);
}

#[test]
fn a_place_is_used_again_and_nothing_of_before_touches_the_new_path() {
    let mut bench = Bench::confirmed(32);
    bench.open(0, NEW);
    bench.recovery.activate_path(NEW);
    let first = bench.send_on(0, NEW);
    let second = bench.send_on(0, NEW);
    bench.recovery.activate_path(OLD);
    // The path in use cannot be replaced.
    bench.open(5, OLD);
    assert_eq!(bench.estimates(OLD).0, 100_000);
    bench.open(5, NEW);
    assert_eq!(bench.reported(Outcome::Lost), [first, second]);
    assert_eq!(bench.estimates(NEW).2, 0);
    bench.recovery.activate_path(NEW);
    bench.send_on(6, NEW);
    bench.ack(50, Application, &[first, second]);
    assert_eq!(bench.estimates(NEW), (FRESH.0, FRESH.1, 1_200));
    assert_eq!(bench.recovery.stats().spurious, 2);
    assert_eq!(bench.deadline().unwrap().0, Cause::Probe);
}

//= rfc9000#13.4.2 test
#[test]
fn marks_are_judged_path_by_path() {
    let mut bench = Bench::with(Side::Client, 32, Ecn::testing());
    bench.recovery.on_handshake_confirmed();
    bench.send(0, Application);
    bench.send(0, Application);
    bench.open(1, NEW);
    bench.recovery.activate_path(NEW);
    bench.send_on(1, NEW);
    let counts = |ect0, ce| Some(EcnCounts { ect0, ect1: 0, ce });
    // The old path reports congestion, in an acknowledgement that came on the new one.
    bench
        .ack_frame(at(50), Application, &[0, 1], 0, counts(1, 1))
        .unwrap();
    assert_eq!(bench.estimates(OLD).1, 6_000);
    assert_eq!(bench.estimates(NEW).1, 12_000);
    // And the new one clears marks.
    bench
        .ack_frame(at(90), Application, &[0, 1, 2], 0, counts(1, 1))
        .unwrap();
    assert!(!bench.recovery.is_marking(Application));
    bench.recovery.activate_path(OLD);
    assert!(bench.recovery.is_marking(Application));
}
