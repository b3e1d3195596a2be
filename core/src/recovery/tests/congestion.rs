//! Whole controllers on a path in virtual time: that they fill it, what they leave of it, and what they make of losses.

use super::model::{Model, Terrain};
use super::*;
use crate::recovery::congestion::Congestion;

const SECOND: u64 = 1_000_000;

/// Bytes in flight on the model's path without a queue.
const PRODUCT: u64 = 250_000;

fn model(congestion: &Congestion, terrain: Terrain) -> Model {
    Model::new(congestion, Ecn::off(), terrain)
}

/// The part of the bottleneck that was used in so many seconds, in percent.
fn used(model: &mut Model, seconds: u64) -> u64 {
    let delivered = model.run(seconds * SECOND).delivered;
    delivered * 100 / (model.terrain.rate * seconds)
}

fn all() -> [Congestion; 3] {
    [Congestion::NewReno, Congestion::Cubic, Congestion::Bbr]
}

#[test]
fn a_path_without_losses_is_filled_by_all() {
    for congestion in all() {
        let mut model = model(&congestion, Terrain::new(20));
        assert!(used(&mut model, 2) >= 90, "{congestion:?}");
        assert!(used(&mut model, 8) >= 95, "{congestion:?}");
    }
}

//= rfc9438#4.10 test
#[test]
fn slow_start_ends_before_the_queue_is_lost() {
    let mut cubic = model(&Congestion::Cubic, Terrain::new(40));
    let mut reno = model(&Congestion::NewReno, Terrain::new(40));
    let (cubic, reno) = (cubic.run(SECOND), reno.run(SECOND));
    assert!(cubic.dropped * 4 < reno.dropped, "{cubic:?} {reno:?}");
    assert!(cubic.delivered >= reno.delivered, "{cubic:?} {reno:?}");
}

#[test]
fn bbr_keeps_the_queue_short_and_lets_it_run_dry() {
    let mut model = model(&Congestion::Bbr, Terrain::new(40));
    let start = model.run(SECOND);
    assert!(start.queue_max <= PRODUCT * 5 / 4, "{start:?}");
    for _ in 1..10 {
        let course = model.run(SECOND);
        assert!(
            course.queue_max <= PRODUCT && course.dropped == 0,
            "{course:?}"
        );
    }
    assert_eq!(model.bench.recovery.rtt().min_us() / 1_000, 40);
}

#[test]
fn bbr_bears_losses_of_one_percent_and_yields_to_five() {
    let mut terrain = Terrain::new(40);
    terrain.loss = 100;
    assert!(used(&mut model(&Congestion::Bbr, terrain), 10) >= 60);
    terrain.loss = 500;
    let mut bbr = model(&Congestion::Bbr, terrain);
    let first = used(&mut bbr, 5);
    let later = used(&mut bbr, 5);
    assert!(later < 20 && later < first, "{first} {later}");
    let cubic = used(&mut model(&Congestion::Cubic, terrain), 10);
    assert!(first > 3 * cubic, "{first} {cubic}");
}

#[test]
fn packets_that_overtake_each_other_cost_no_goodput() {
    for congestion in all() {
        let mut terrain = Terrain::new(20);
        let clean = model(&congestion, terrain).run(4 * SECOND).delivered;
        terrain.reordered = (500, 20);
        let mut model = model(&congestion, terrain);
        let delivered = model.run(4 * SECOND).delivered;
        assert!(
            delivered * 100 >= clean * 95,
            "{congestion:?} {delivered} {clean}"
        );
        assert!(model.bench.recovery.stats().spurious > 0, "{congestion:?}");
    }
}

//= rfc9000#13.4.2 test
#[test]
fn marks_shrink_the_window_before_anything_is_lost() {
    for congestion in all() {
        let mut terrain = Terrain::new(40);
        terrain.mark_above = PRODUCT;
        let mut model = Model::new(&congestion, Ecn::testing(), terrain);
        model.run(3 * SECOND);
        let course = model.run(3 * SECOND);
        assert_eq!(course.dropped, 0, "{congestion:?}");
        assert!(
            course.queue_max <= PRODUCT * 3 / 2,
            "{congestion:?} {course:?}"
        );
        assert!(model.bench.recovery.is_marking(Application));
    }
}

#[test]
fn a_path_that_was_idle_is_filled_again() {
    for congestion in all() {
        let mut model = model(&congestion, Terrain::new(20));
        model.run(3 * SECOND);
        model.is_idle = true;
        model.run(20 * SECOND);
        model.is_idle = false;
        let percent = used(&mut model, 2);
        assert!(percent >= 85, "{congestion:?} {percent}");
    }
}

#[cfg(feature = "alloc")]
mod own {
    use super::*;
    use crate::mem::{Object, Shared};
    use crate::recovery::congestion::{Acknowledged, Algorithm, Factory, Rtt};

    /// The same window for ever.
    struct Fixed(u32);

    impl Algorithm for Fixed {
        fn on_sent(&mut self, _: Instant, _: u32, _: u32) {}
        fn on_acknowledged(&mut self, _: Instant, _: &Acknowledged, _: &Rtt) {}
        fn on_congestion(&mut self, _: Instant, _: Instant) {}
        fn on_persistent_congestion(&mut self, _: Instant) {}
        fn on_datagram_size(&mut self, _: u16) {}
        fn window(&self) -> u32 {
            self.0
        }
    }

    struct Half;

    impl Factory for Half {
        fn controller(&self, _: u16) -> Object<'static, dyn Algorithm> {
            Object::Owned(std::boxed::Box::new(Fixed(125_000)))
        }
    }

    #[test]
    fn a_users_own_controller_decides_the_window() {
        let congestion = Congestion::Custom(Shared::Borrowed(&Half));
        let mut model = model(&congestion, Terrain::new(20));
        model.run(SECOND);
        let percent = used(&mut model, 5);
        assert!((45..=55).contains(&percent), "{percent}");
    }
}
