//! The machine and its model, one event at a time. Whole paths are in `recovery::tests`.

use super::model::*;
use super::*;
use crate::recovery::congestion::{Congestion, Controller, Snapshot, minimum_window};
use proptest::prelude::*;

const DATAGRAM: u16 = 1_200;
const RTT_US: u64 = 40_000;

fn at(us: u64) -> Instant {
    Instant::from_micros(us)
}

fn rtt() -> Rtt {
    let mut rtt = Rtt::new();
    rtt.on_sample(at(0), RTT_US, 0);
    rtt
}

/// A flow whose every round trip is one acknowledgement.
struct Flow {
    bbr: Bbr,
    now: u64,
    delivered: u64,
}

impl Flow {
    fn new() -> Self {
        Self {
            bbr: Bbr::new(DATAGRAM, 1),
            now: 1_000_000,
            delivered: 0,
        }
    }

    fn sample(&self, rate: u64, bytes: u32) -> RateSample {
        RateSample {
            rate,
            delivered: bytes.into(),
            prior_delivered: self.delivered,
            total_delivered: self.delivered + u64::from(bytes),
            in_flight: bytes,
            lost: 0,
            rtt_us: RTT_US as u32,
            is_limited: false,
            is_limited_now: false,
        }
    }

    /// A round trip that delivers at `rate` and leaves `in_flight`.
    fn round_with(&mut self, in_flight: u32, change: impl Fn(&mut RateSample), rate: u64) {
        let bytes = (rate / 25) as u32;
        let mut sample = self.sample(rate, bytes);
        change(&mut sample);
        self.now += RTT_US;
        self.delivered = sample.total_delivered;
        let acknowledged = Acknowledged {
            bytes,
            newest_sent: at(self.now - RTT_US),
            utilisation: Utilisation::Full,
            in_flight,
            delivery: sample,
        };
        self.bbr
            .on_acknowledged(at(self.now), &acknowledged, &rtt());
    }

    fn round(&mut self, rate: u64, in_flight: u32) {
        self.round_with(in_flight, |_| {}, rate);
    }

    /// In ProbeBW with 6.25 MB/s, that is 250,000 bytes in 40 ms.
    fn cruising() -> Self {
        let mut flow = Self::new();
        for _ in 0..4 {
            flow.round(6_250_000, 500_000);
        }
        flow.round(6_250_000, 200_000);
        flow.round(6_250_000, 200_000);
        assert_eq!(flow.bbr.phase, Phase::Cruise);
        flow
    }

    fn lose(&mut self, number: u64, in_flight: u32, lost: u32) {
        let lost = Lost {
            number,
            bytes: DATAGRAM.into(),
            sent: at(self.now - RTT_US),
            in_flight: 100_000,
            lost_since_sent: lost,
            snapshot: Snapshot::with_in_flight(in_flight),
        };
        self.bbr.on_lost(at(self.now), &lost);
    }
}

//= rfc9002#7.7 test
#[test]
fn what_startup_has_above_ten_datagrams_waits_for_a_round_trip_time_and_is_spread_over_it() {
    let mut flow = Flow::new();
    assert_eq!(flow.bbr.window(), 12_000);
    // The ClientHello, acknowledged: at a rate that says nothing.
    let bytes = u32::from(DATAGRAM);
    flow.round_with(0, |_| {}, u64::from(bytes) * 25);
    assert_eq!(flow.bbr.window(), 32 * bytes + bytes);
    let pace = flow.bbr.pace(&rtt()).expect("BBR paces");
    assert_eq!(pace.burst, Some(12_000));
    // 2.77 windows in a round trip.
    let window_in_a_round_trip = 32 * u64::from(bytes) * 1_000_000 / RTT_US;
    assert_eq!(pace.rate, window_in_a_round_trip * 277 / 100);
    // A later sample opens nothing again.
    flow.bbr.window = 4 * bytes;
    flow.round_with(0, |_| {}, u64::from(bytes) * 25);
    assert_eq!(flow.bbr.window(), 5 * bytes);
}

#[test]
fn startup_ends_after_three_rounds_without_growth_and_drains() {
    let mut flow = Flow::new();
    for rate in [300_000, 600_000, 1_200_000, 2_400_000] {
        flow.round(rate, 100_000);
        assert_eq!(flow.bbr.phase, Phase::Startup);
        let pace = flow.bbr.pace(&rtt()).unwrap();
        assert!(pace.rate >= rate * 277 / 100 - 300);
    }
    flow.round(2_900_000, 200_000);
    flow.round(2_900_000, 200_000);
    assert_eq!(flow.bbr.phase, Phase::Startup);
    flow.round(2_900_000, 200_000);
    assert_eq!(flow.bbr.phase, Phase::Drain);
    assert_eq!(flow.bbr.pacing_rate, 2_900_000 / 2);
    // The product is 116,000 bytes.
    flow.round(2_900_000, 116_001);
    assert_eq!(flow.bbr.phase, Phase::Drain);
    flow.round(2_900_000, 116_000);
    // And what is drained need not slow down.
    assert_eq!(flow.bbr.phase, Phase::Cruise);
}

#[test]
fn startup_never_ends_while_the_application_limits_it() {
    let mut flow = Flow::new();
    for _ in 0..100 {
        flow.round_with(10_000, |sample| sample.is_limited = true, 300_000);
    }
    assert_eq!(flow.bbr.phase, Phase::Startup);
}

#[test]
fn startup_ends_when_six_holes_are_more_than_two_percent() {
    for (holes, lost, phase) in [
        (6, 5_001, Phase::Drain),
        (5, 5_001, Phase::Startup),
        (6, 5_000, Phase::Startup),
    ] {
        let mut flow = Flow::new();
        flow.round(3_000_000, 200_000);
        for hole in 0..holes {
            flow.lose(10 + 2 * hole, 250_000, 1_200);
        }
        let limited = |sample: &mut RateSample| {
            sample.is_limited = true;
            sample.lost = lost;
            sample.in_flight = 250_000;
        };
        flow.round_with(200_000, limited, 6_250_000);
        assert_eq!(flow.bbr.phase, phase, "{holes} {lost}");
        if phase == Phase::Drain {
            assert_eq!(flow.bbr.volume_long, 250_000);
            flow.bbr.on_spurious_congestion(at(flow.now));
            assert_eq!(flow.bbr.phase, Phase::Startup);
            assert_eq!(flow.bbr.volume_long, NO_VOLUME);
        }
    }
}

#[test]
fn drain_ends_after_three_rounds_at_the_latest() {
    let mut flow = Flow::new();
    for _ in 0..4 {
        flow.round(6_250_000, 500_000);
    }
    for _ in 0..3 {
        assert_eq!(flow.bbr.phase, Phase::Drain);
        flow.round(5_600_000, 500_000);
    }
    flow.round(5_600_000, 500_000);
    assert_eq!(flow.bbr.phase, Phase::Down);
}

#[test]
fn the_cycle_goes_from_cruising_through_refilling_to_more_and_back() {
    let mut flow = Flow::cruising();
    assert_eq!(flow.bbr.pacing_rate, 6_250_000);
    let start = flow.now;
    while flow.bbr.phase == Phase::Cruise {
        flow.round(6_250_000, 250_000);
    }
    // Two to three seconds, or 62 to 63 round trips of which some are over.
    let waited = flow.now - start;
    assert!((1_900_000..3_100_000).contains(&waited), "{waited}");
    assert_eq!(flow.bbr.phase, Phase::Refill);
    flow.round(6_250_000, 250_000);
    assert_eq!(flow.bbr.phase, Phase::Up);
    assert_eq!(flow.bbr.pacing_rate, 6_250_000 * 125 / 100);
    flow.round(6_250_000, 300_000);
    flow.round(6_250_000, 300_000);
    assert_eq!(flow.bbr.phase, Phase::Up);
    flow.round(6_250_000, 300_000);
    assert_eq!(flow.bbr.phase, Phase::Down);
}

#[test]
fn losses_while_cruising_bound_the_rate_for_a_short_term() {
    let mut flow = Flow::cruising();
    flow.round(6_250_000, 250_000);
    flow.lose(100, 250_000, 1_200);
    flow.round(3_000_000, 250_000);
    flow.lose(200, 250_000, 1_200);
    flow.round(3_000_000, 250_000);
    // Not below seven tenths, and not below what was delivered.
    assert_eq!(flow.bbr.rate, 6_250_000 * 7 / 10);
    while flow.bbr.phase != Phase::Refill {
        flow.round(3_000_000, 100_000);
    }
    flow.round(3_000_000, 100_000);
    assert_eq!(flow.bbr.rate, 6_250_000, "a probe forgets it");
}

#[test]
fn a_probe_that_loses_too_much_bounds_the_volume() {
    let mut flow = Flow::cruising();
    while flow.bbr.phase != Phase::Up {
        flow.round(6_250_000, 250_000);
    }
    flow.lose(100, 300_000, 6_000);
    assert_eq!(
        (flow.bbr.phase, flow.bbr.volume_long),
        (Phase::Up, NO_VOLUME)
    );
    flow.lose(101, 300_000, 7_200);
    assert_eq!(flow.bbr.phase, Phase::Down);
    // Where 2 % were passed: 298,800 and of this packet nothing.
    assert_eq!(flow.bbr.volume_long, 298_800);
    flow.lose(102, 100_000, 8_400);
    assert_eq!(flow.bbr.volume_long, 298_800, "once a probe");
    flow.bbr.on_spurious_congestion(at(flow.now));
    assert_eq!(
        (flow.bbr.phase, flow.bbr.volume_long),
        (Phase::Refill, NO_VOLUME)
    );
}

#[test]
fn the_round_trip_time_is_probed_every_five_seconds() {
    let mut flow = Flow::cruising();
    let start = flow.now;
    while flow.bbr.phase != Phase::ProbeRtt {
        flow.round(6_250_000, 250_000);
        assert!(flow.now - start < 6_000_000);
    }
    assert!(flow.bbr.holds_back());
    assert_eq!(flow.bbr.window(), 125_000);
    let start = flow.now;
    while flow.bbr.phase == Phase::ProbeRtt {
        flow.round(3_125_000, 125_000);
    }
    let lasted = flow.now - start;
    assert!((200_000..400_000).contains(&lasted), "{lasted}");
    assert_eq!(flow.bbr.phase, Phase::Cruise);
    assert!(flow.bbr.window() > 200_000);
}

#[test]
fn a_hundredth_of_the_rate_stays_unused_while_there_is_a_queue() {
    let mut flow = Flow::cruising();
    while flow.bbr.phase != Phase::Cruise {
        flow.round(6_250_000, 250_000);
    }
    let empty = flow.bbr.pacing_rate;
    // The shortest round trip is the path's; the last one took longer by a tenth.
    let shortest = RTT_US as u32 / 11 * 10;
    flow.round_with(250_000, |sample| sample.rtt_us = shortest, 6_250_000);
    assert_eq!(flow.bbr.phase, Phase::Cruise);
    assert_eq!(flow.bbr.pacing_rate, empty * 99 / 100);
}

#[test]
fn a_restart_from_idle_paces_at_the_rate() {
    let mut flow = Flow::cruising();
    while flow.bbr.phase != Phase::Up {
        flow.round(6_250_000, 250_000);
    }
    flow.round_with(0, |sample| sample.is_limited_now = true, 6_250_000);
    flow.bbr.on_sent(at(flow.now + 10_000_000), 1_200, 1_200);
    assert_eq!(flow.bbr.pacing_rate, 6_250_000);
    flow.now += 10_000_000;
    flow.round(6_250_000, 0);
    assert_ne!(flow.bbr.phase, Phase::ProbeRtt, "idleness was as good");
}

#[test]
fn aggregation_is_remembered_for_ten_rounds() {
    let mut aggregation = Aggregation::new();
    let mut round = Rounds::default();
    aggregation.restart(at(0));
    aggregation.on_acknowledged(at(10_000), &round, 50_000, 1_000_000, 100_000);
    assert_eq!(aggregation.get(0, true), 50_000);
    for count in 1..=9 {
        round.count = count;
        round.is_start = true;
        let now = at(u64::from(count) * 1_000_000);
        aggregation.on_acknowledged(now, &round, 100, 1_000_000, 100_000);
        assert_eq!(aggregation.get(count, false), 50_000);
        assert_eq!(aggregation.get(count, true), 100);
    }
    round.count = 10;
    aggregation.on_acknowledged(at(20_000_000), &round, 200, 1_000_000, 100_000);
    assert_eq!(aggregation.get(10, false), 200);
}

#[test]
fn a_factory_gives_each_path_its_own() {
    let Controller::Bbr(bbr) = Congestion::Bbr.controller(DATAGRAM, 3) else {
        panic!("as chosen");
    };
    assert_eq!(bbr.window(), 12_000);
    assert!(bbr.wants_delivery());
}

proptest! {
    #[test]
    fn no_sequence_overflows_or_leaves_the_bounds(
        seed in any::<u64>(),
        events in prop::collection::vec((0u8..12, any::<u32>(), any::<u64>(), any::<u64>()), 1..300),
    ) {
        let mut bbr = Bbr::new(DATAGRAM, seed);
        let mut size = DATAGRAM;
        let mut delivered = 0_u64;
        for (event, bytes, now, other) in events {
            // Both near each other and anywhere.
            let now = at(if event & 1 == 0 { now } else { now % 20_000_000 });
            let prior = delivered;
            delivered = delivered.saturating_add(bytes.into());
            let delivery = RateSample {
                rate: if event == 0 { other } else { other % 100_000_000 },
                delivered: u64::from(bytes),
                prior_delivered: prior,
                total_delivered: delivered,
                in_flight: other as u32,
                lost: (other >> 32) as u32 / 64,
                rtt_us: (other as u32 % 1_000_000).max(1),
                is_limited: bytes % 5 == 0,
                is_limited_now: bytes % 7 == 0,
            };
            match event {
                0..6 => {
                    let acknowledged = Acknowledged {
                        bytes: if event < 2 { bytes } else { bytes % 100_000 },
                        newest_sent: at(other),
                        utilisation: if bytes % 3 == 0 { Utilisation::Limited } else { Utilisation::Full },
                        in_flight: bytes / 3,
                        delivery,
                    };
                    bbr.on_acknowledged(now, &acknowledged, &rtt());
                }
                6 => bbr.on_sent(now, bytes / 4, bytes / 4 + (other as u32 % 2) * (bytes / 2)),
                7 => bbr.on_congestion(now, at(other)),
                8 => {
                    let lost = Lost {
                        number: other,
                        bytes: bytes % 65_536,
                        sent: at(other),
                        in_flight: bytes,
                        lost_since_sent: other as u32,
                        snapshot: Snapshot::with_in_flight(bytes),
                    };
                    bbr.on_lost(now, &lost);
                }
                9 => bbr.on_marked(now, at(other)),
                10 => bbr.on_spurious_congestion(now),
                _ if bytes % 2 == 0 => bbr.on_persistent_congestion(now),
                _ => {
                    size = 1_200 + (bytes % 60_000) as u16;
                    bbr.on_datagram_size(size);
                }
            }
            prop_assert!(bbr.window() >= minimum_window(size));
            prop_assert!(bbr.window() <= WINDOW_MAX);
            prop_assert!(bbr.pace(&rtt()).unwrap().rate > 0);
        }
    }
}
