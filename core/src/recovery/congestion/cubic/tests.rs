//! RFC 9438's formulas against the integers, and its rules in virtual time.

use super::*;
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

fn acknowledged(bytes: u32, sent: u64, utilisation: Utilisation) -> Acknowledged {
    Acknowledged {
        bytes,
        newest_sent: at(sent),
        utilisation,
        in_flight: 0,
        #[cfg(feature = "bbr")]
        delivery: crate::recovery::congestion::RateSample::default(),
    }
}

fn acknowledge(cubic: &mut Cubic, bytes: u32, sent: u64) {
    let acknowledged = acknowledged(bytes, sent, Utilisation::Full);
    cubic.on_acknowledged(at(sent + RTT_US), &acknowledged, &rtt());
}

/// In congestion avoidance at `us`, reduced from `window`.
fn reduced(window: u32, us: u64) -> Cubic {
    let mut cubic = Cubic::new(DATAGRAM);
    cubic.window = window;
    cubic.on_congestion(at(us), at(us - 1));
    cubic
}

/// Acknowledges whole windows, one in each round trip, for `us`; returns the time.
fn grow(cubic: &mut Cubic, from: u64, us: u64) -> u64 {
    let mut now = from;
    while now < from + us {
        for _ in 0..10 {
            now += RTT_US / 10;
            let part = acknowledged(cubic.window() / 10, now, Utilisation::Full);
            cubic.on_acknowledged(at(now), &part, &rtt());
        }
    }
    now
}

#[test]
fn the_cube_root_is_exact() {
    for root in [0_u64, 1, 2, 3, 1_000, 1_625, (1 << 21) + 7, (1 << 22) - 1] {
        let cube = root.saturating_mul(root).saturating_mul(root);
        if cube < u64::MAX {
            assert_eq!(u64::from(cube_root(cube)), root);
            assert_eq!(u64::from(cube_root(cube + 1)), root.max(1));
        }
    }
    assert_eq!(cube_root(u64::MAX), 2_642_245);
}

//= rfc9438#4.2 test
#[test]
fn the_curve_is_0_4_datagrams_times_seconds_cubed() {
    assert_eq!(cubic_bytes(1_000, DATAGRAM), 480);
    assert_eq!(cubic_bytes(10_000, DATAGRAM), 480_000);
    assert_eq!(cubic_bytes(100_000, DATAGRAM), 480_000_000);
    assert_eq!(cubic_bytes(u64::MAX, DATAGRAM), u32::MAX);
    // 100 datagrams less 70 are 30: the cube root of 75 seconds cubed.
    assert_eq!(rise_ms(30 * 1_200, DATAGRAM), 4_217);
}

//= rfc9438#4.6 test
//= rfc9438#4.7 test
#[test]
fn a_loss_leaves_seven_tenths_and_two_in_a_row_lower_the_plateau() {
    let mut cubic = reduced(120_000, 1_000_000);
    assert_eq!(cubic.window(), 84_000);
    assert_eq!(cubic.curve.plateau, 120_000);
    cubic.on_congestion(at(1_040_000), at(999_999));
    assert_eq!(cubic.window(), 84_000, "the same event");
    cubic.on_congestion(at(1_080_000), at(1_000_001));
    assert_eq!((cubic.window(), cubic.curve.plateau), (58_800, 71_400));
}

#[test]
fn a_mark_leaves_more_than_a_loss_does() {
    let mut cubic = reduced(120_000, 1_000_000);
    cubic.on_marked(at(2_000_000), at(1_990_000));
    assert_eq!(cubic.window(), 71_400);
    cubic.on_spurious_congestion(at(2_010_000));
    assert_eq!(cubic.window(), 71_400, "marks are never spurious");
}

//= rfc9438#4.4 test
//= rfc9438#4.5 test
#[test]
fn the_window_is_back_on_its_plateau_after_k_and_goes_beyond() {
    let window = 1_000 * 1_200;
    let mut cubic = reduced(window, 1_000_000);
    let rise = u64::from(cubic.curve.rise_ms) * 1_000;
    let now = grow(&mut cubic, 1_000_000, rise);
    let distance = cubic.window().abs_diff(window);
    assert!(distance < window / 200, "{distance} of {window}");
    grow(&mut cubic, now, rise);
    assert!(cubic.window() > window * 5 / 4, "{}", cubic.window());
}

//= rfc9438#4.3 test
#[test]
fn a_small_window_grows_as_renos_does() {
    let mut cubic = reduced(20 * 1_200, 1_000_000);
    // 9/17 of a datagram a round trip while it is below 20, a whole one after that.
    let now = grow(&mut cubic, 1_000_000, 10 * RTT_US);
    let datagrams = f64::from(cubic.window()) / 1_200.0;
    assert!((18.5..19.5).contains(&datagrams), "{datagrams}");
    grow(&mut cubic, now, 20 * RTT_US);
    let datagrams = f64::from(cubic.window()) / 1_200.0;
    assert!((36.0..39.0).contains(&datagrams), "{datagrams}");
}

//= rfc9438#5.8 test
#[test]
fn time_in_which_the_window_is_not_used_does_not_count() {
    let mut cubic = reduced(1_000 * 1_200, 1_000_000);
    let before = cubic.window();
    let idle = acknowledged(1_200, 1_000_100, Utilisation::Limited);
    cubic.on_acknowledged(at(1_040_000), &idle, &rtt());
    cubic.on_acknowledged(at(50_000_000), &idle, &rtt());
    assert_eq!(cubic.window(), before);
    acknowledge(&mut cubic, 12_000, 60_000_000 - RTT_US);
    assert_eq!(cubic.curve.epoch, at(1_000_000 + 60_000_000 - 1_040_000));
    assert!(cubic.window() < before + 1_200);
}

//= rfc9438#4.9.2 test
#[test]
fn an_event_that_was_none_is_undone() {
    let mut cubic = Cubic::new(DATAGRAM);
    acknowledge(&mut cubic, 12_000, 1);
    cubic.on_congestion(at(100_000), at(50_000));
    assert!(!cubic.is_slow_start());
    cubic.on_spurious_congestion(at(110_000));
    assert_eq!(cubic.window(), 24_000);
    assert!(cubic.is_slow_start());
    // What is lost now is another event, whenever it was sent.
    cubic.on_congestion(at(120_000), at(60_000));
    assert_eq!(cubic.window(), 16_800);
    grow(&mut cubic, 120_000, 10_000_000);
    let grown = cubic.window();
    cubic.on_spurious_congestion(at(10_200_000));
    assert_eq!(cubic.window(), grown, "a larger window stays");
}

//= rfc9438#4.8 test
#[test]
fn persistent_congestion_starts_again_and_ends_on_a_level_curve() {
    let mut cubic = reduced(120_000, 1_000_000);
    cubic.on_persistent_congestion(at(2_000_000));
    assert_eq!(cubic.window(), 2_400);
    let now = grow(&mut cubic, 2_000_000, 8 * RTT_US);
    assert!(cubic.window() >= 84_000);
    assert_eq!(cubic.curve.rise_ms, 0);
    assert!(cubic.curve.epoch < at(now) && cubic.curve.epoch > at(2_000_000));
}

//= rfc9438#4.10 test
#[test]
fn slow_start_doubles_and_ends_when_round_trips_grow() {
    let mut cubic = Cubic::new(DATAGRAM);
    let mut now = 0;
    let mut rounds = 0;
    while cubic.is_slow_start() {
        let window = cubic.window();
        // A path of 100 datagrams: what is more waits.
        let queued = u64::from(window.saturating_sub(120_000)) * RTT_US / 120_000;
        let mut rtt = Rtt::new();
        rtt.on_sample(at(now), RTT_US + queued, 0);
        let sent = now;
        for _ in 0..10 {
            now += (RTT_US + queued) / 10;
            let part = acknowledged(window / 10, sent, Utilisation::Full);
            cubic.on_acknowledged(at(now), &part, &rtt);
        }
        if window <= 60_000 {
            assert_eq!(cubic.window(), window * 2);
        }
        rounds += 1;
        assert!(rounds < 20);
    }
    let window = cubic.window();
    assert!((120_000..1_000_000).contains(&window), "{window}");
    assert!(cubic.pace(&rtt()).is_none());
}

proptest! {
    #[test]
    fn the_root_is_below_and_its_successor_above(value in any::<u64>()) {
        let root = u128::from(cube_root(value));
        prop_assert!(root.pow(3) <= u128::from(value));
        prop_assert!((root + 1).pow(3) > u128::from(value));
    }

    #[test]
    fn the_curve_follows_real_numbers(ms in 0u64..1 << 22, datagram in 1_200u16..) {
        let exact = 0.4 * f64::from(datagram) * (ms as f64 / 1_000.0).powi(3);
        let bytes = f64::from(cubic_bytes(ms, datagram));
        if exact < f64::from(u32::MAX) && ms < CURVE_MAX_MS {
            prop_assert!((bytes - exact).abs() <= 1.0 + exact / 1_000.0, "{bytes} {exact}");
        }
    }

    #[test]
    fn no_sequence_overflows_or_leaves_the_bounds(
        datagram in 1_200u16..,
        events in prop::collection::vec((0u8..8, any::<u32>(), any::<u64>(), any::<u64>()), 1..300),
    ) {
        let mut cubic = Cubic::new(datagram);
        let mut size = datagram;
        for (event, bytes, now, sent) in events {
            // Both near each other and anywhere.
            let now = at(if event & 1 == 0 { now } else { now % 100_000_000 });
            let sent = at(if event & 1 == 0 { sent } else { sent % 100_000_000 });
            let mut rtt = Rtt::new();
            rtt.on_sample(now, sent.as_micros(), 0);
            match event {
                0..3 => cubic.on_acknowledged(now, &acknowledged(bytes, sent.as_micros(), Utilisation::Full), &rtt),
                3 => cubic.on_acknowledged(now, &acknowledged(bytes, sent.as_micros(), Utilisation::Limited), &rtt),
                4 => cubic.on_congestion(now, sent),
                5 => cubic.on_marked(now, sent),
                6 => cubic.on_spurious_congestion(now),
                _ if bytes % 2 == 0 => cubic.on_persistent_congestion(now),
                _ => {
                    size = 1_200 + (bytes % 60_000) as u16;
                    cubic.on_datagram_size(size);
                }
            }
            let _ = cubic.pace(&rtt);
            prop_assert!((minimum_window(size)..=WINDOW_MAX).contains(&cubic.window()));
        }
    }
}
