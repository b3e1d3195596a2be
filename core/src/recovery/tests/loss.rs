//! Which packets are lost, and what that does to window and round-trip time (RFC 9002 §5, §6.1, §7).

use super::*;

//= rfc9000#13.1 test
#[test]
fn an_acknowledgement_of_the_future_is_a_violation() {
    let mut bench = Bench::confirmed(8);
    bench.send(0, Application);
    let error = bench
        .ack_frame(at(1), Application, &[0, 1], 0, None)
        .unwrap_err();
    assert_eq!(
        (error.code(), error.frame()),
        (Code::PROTOCOL_VIOLATION, Some(2))
    );
    let counts = Some(EcnCounts::default());
    let error = bench
        .ack_frame(at(1), Application, &[1], 0, counts)
        .unwrap_err();
    assert_eq!(error.frame(), Some(3));
    assert_eq!(bench.recovery.bytes_in_flight(), 1_200);
    assert!(bench.outcomes.is_empty());
}

//= rfc9002#6.1.1 test
#[test]
fn three_packets_later_makes_a_packet_lost() {
    let mut bench = Bench::confirmed(16);
    for _ in 0..5 {
        bench.send(0, Application);
    }
    assert_eq!(bench.ack(100, Application, &[2]).lost, 0);
    assert_eq!(bench.reported(Outcome::Acknowledged), [2]);
    let summary = bench.ack(101, Application, &[3, 2]);
    assert_eq!((summary.newly_acknowledged, summary.lost), (1, 1));
    assert_eq!(bench.reported(Outcome::Lost), [0]);
    assert_eq!(bench.recovery.bytes_in_flight(), 2 * 1_200);
    assert_eq!(bench.ack(102, Application, &[2, 3, 4]).lost, 1);
    assert_eq!(bench.reported(Outcome::Lost), [1]);
    assert_eq!(bench.recovery.bytes_in_flight(), 0);
    assert_eq!(bench.deadline(), None);
}

//= rfc9002#6.1.2 test
#[test]
fn nine_eighths_of_a_round_trip_later_makes_a_packet_lost() {
    let mut bench = Bench::confirmed(16);
    bench.send(0, Application);
    bench.send(10, Application);
    bench.ack(110, Application, &[1]);
    // 0 + 112.5 ms: loss, not probe.
    let due = 112_500;
    assert_eq!(bench.deadline(), Some((Cause::Loss, due)));
    assert_eq!(bench.timeout(at(112)), Timeout::Nothing);
    assert_eq!(bench.reported(Outcome::Lost), []);
    assert_eq!(bench.timeout(at(0).after(due)), Timeout::Losses);
    assert_eq!(bench.reported(Outcome::Lost), [0]);
    assert_eq!(bench.deadline(), None);
    assert_eq!(bench.recovery.window(), 6_000);
}

#[test]
fn a_loss_may_turn_out_to_be_none() {
    let mut bench = Bench::confirmed(16);
    for _ in 0..4 {
        bench.send(0, Application);
    }
    bench.ack(100, Application, &[3]);
    assert_eq!(bench.reported(Outcome::Lost), [0]);
    bench.reported(Outcome::Acknowledged);
    bench.ack(101, Application, &[0, 1, 2, 3]);
    let mut arrived = bench.reported(Outcome::Acknowledged);
    arrived.sort_unstable();
    assert_eq!(arrived, [0, 1, 2]);
    assert_eq!(bench.recovery.stats().spurious, 1);
    // Once more changes nothing.
    assert_eq!(
        bench.ack(102, Application, &[0, 1, 2, 3]),
        AckSummary::default()
    );
    assert!(bench.outcomes.is_empty());
}

//= rfc9002#5.1 test
//= rfc9002#5.3 test
#[test]
fn samples_come_from_the_largest_number_and_only_if_it_is_new() {
    let mut bench = Bench::new(Side::Client, 16);
    bench.send(0, Application);
    bench.send(20, Application);
    bench.send(30, Application);
    assert!(bench.ack(100, Application, &[1]).rtt_sampled);
    assert_eq!(bench.recovery.rtt().latest_us(), 80_000);
    // The largest was acknowledged before.
    assert!(!bench.ack(101, Application, &[0, 1]).rtt_sampled);
    // Confirmed, the peer may not claim more than its max_ack_delay; the exponent scales.
    bench.recovery.on_peer_parameters(10_000, 10);
    bench.recovery.on_handshake_confirmed();
    bench
        .ack_frame(at(130), Application, &[2], 60, None)
        .unwrap();
    // 100 - 10 = 90 from 80: (7 * 80 + 90) / 8.
    assert_eq!(bench.recovery.rtt().smoothed_us(), 81_250);
}

//= rfc9001#7 test
#[test]
fn a_delay_in_the_handshake_that_anybody_could_have_written_is_not_believed() {
    for space in [Initial, Handshake] {
        let mut bench = Bench::new(Side::Client, 16);
        bench.send(0, space);
        bench.ack(100, space, &[0]);
        bench.send(100, space);
        bench.ack_frame(at(300), space, &[1], 10_000, None).unwrap();
        // (7 * 100 + 200) / 8, as if the server had not waited.
        assert_eq!(bench.recovery.rtt().smoothed_us(), 112_500);
    }
}

//= rfc9002#7.6.2 test
#[test]
fn losing_everything_for_three_probe_timeouts_collapses_the_window() {
    for (span, persistent) in [(0, 0), (1, 1)] {
        let mut bench = Bench::confirmed(32);
        let threshold = bench.unit() * 3 / MS;
        bench.send(1, Application);
        bench.send(100, Application);
        bench.send(1 + threshold + span, Application);
        for _ in 0..3 {
            bench.send(2_000, Application);
        }
        bench.ack(2_100, Application, &[5]);
        assert_eq!(bench.recovery.stats().persistent_congestion, persistent);
        assert_eq!(
            bench.recovery.window(),
            if persistent == 1 { 2_400 } else { 6_000 }
        );
    }
}

//= rfc9002#7.6.2 test
#[test]
fn one_arrival_in_between_is_not_persistent_congestion() {
    let mut bench = Bench::confirmed(32);
    for ms in [1, 400, 800] {
        bench.send(ms, Application);
    }
    for _ in 0..3 {
        bench.send(2_000, Application);
    }
    bench.ack(2_100, Application, &[1, 5]);
    assert_eq!(bench.recovery.stats().lost, 2);
    assert_eq!(bench.recovery.stats().persistent_congestion, 0);
}

//= rfc9002#7.6.2 test
#[test]
fn packets_from_before_the_first_sample_do_not_count() {
    let mut bench = Bench::new(Side::Client, 32);
    bench.recovery.on_handshake_confirmed();
    for ms in [1, 5_000, 10_000, 10_000, 10_000, 10_000] {
        bench.send(ms, Application);
    }
    bench.ack(10_100, Application, &[5]);
    assert!(bench.recovery.stats().lost >= 2);
    assert_eq!(bench.recovery.stats().persistent_congestion, 0);
}

#[test]
fn packets_that_only_acknowledge_are_numbered_and_forgotten() {
    let mut bench = Bench::confirmed(8);
    bench.send_packet(0, Application, false, false, &[Token::Ack { largest: 3 }]);
    assert_eq!(bench.recovery.next_number(Application), 1);
    assert_eq!(bench.recovery.bytes_in_flight(), 0);
    assert_eq!(bench.deadline(), None);
    // Padded, it is in flight, but no probe timeout waits for it.
    bench.send_packet(0, Application, false, true, &[]);
    assert_eq!(bench.recovery.bytes_in_flight(), 1_200);
    assert_eq!(bench.deadline(), None);
    // An acknowledgement of an unrecorded packet still shows what is late.
    bench.send(0, Application);
    for _ in 0..3 {
        bench.send_packet(1, Application, false, false, &[]);
    }
    assert_eq!(bench.ack(100, Application, &[5]).lost, 2);
    assert_eq!(bench.recovery.bytes_in_flight(), 0);
}

//= rfc9002#7 test
//= rfc9002#7.8 test
#[test]
fn the_budget_is_the_window_and_tells_whether_it_was_used() {
    let mut bench = Bench::confirmed(64);
    assert_eq!(bench.recovery.budget(at(0)), Budget::Bytes(12_000));
    bench.send(0, Application);
    assert_eq!(bench.recovery.budget(at(0)), Budget::Bytes(10_800));
    // Asked and not used: acknowledgements do not grow the window.
    bench.ack(100, Application, &[0]);
    assert_eq!(bench.recovery.window(), 12_000);
    for _ in 0..10 {
        bench.send(100, Application);
    }
    assert_eq!(bench.recovery.budget(at(100)), Budget::WindowFull);
    bench.ack(200, Application, &(1..=10).collect::<Vec<_>>());
    assert_eq!(bench.recovery.window(), 24_000);
}

//= rfc9002#7.1 test
#[test]
fn congestion_reported_by_the_network_counts_as_a_loss() {
    let mut bench = Bench::with(Side::Server, 16, Ecn::testing());
    assert!(bench.recovery.is_marking(Application));
    bench.send(0, Application);
    bench.send(0, Application);
    let counts = Some(EcnCounts {
        ect0: 1,
        ect1: 0,
        ce: 1,
    });
    bench
        .ack_frame(at(100), Application, &[0, 1], 0, counts)
        .unwrap();
    assert_eq!(bench.recovery.window(), 6_000);
    assert!(bench.reported(Outcome::Lost).is_empty());
}
