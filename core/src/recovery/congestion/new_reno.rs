//! NewReno (RFC 9002 §7.3, appendix B): slow start, recovery, one datagram a round trip.
//!
//! Invariant: the window changes downwards at most once per round trip.

use super::super::rtt::Rtt;
use super::{Acknowledged, Algorithm, Utilisation, initial_window, minimum_window};
use crate::time::Instant;

/// RFC 9002's controller.
#[derive(Clone, Copy, Debug)]
pub struct NewReno {
    window: u32,
    slow_start_threshold: u32,
    /// Bytes acknowledged in congestion avoidance that did not yet make a datagram's growth.
    credit: u32,
    /// Nothing sent before changes the window again.
    recovery_end: Instant,
    datagram: u16,
    /// Window and threshold before the last event.
    #[cfg(feature = "spurious-losses")]
    undo: Option<(u32, u32)>,
}

impl NewReno {
    /// In slow start, with the initial window.
    pub fn new(datagram: u16) -> Self {
        Self {
            window: initial_window(datagram),
            slow_start_threshold: u32::MAX,
            credit: 0,
            recovery_end: Instant::ZERO,
            datagram,
            #[cfg(feature = "spurious-losses")]
            undo: None,
        }
    }

    fn in_recovery(&self, sent: Instant) -> bool {
        sent < self.recovery_end
    }
}

impl Algorithm for NewReno {
    fn on_sent(&mut self, _now: Instant, _bytes: u32, _in_flight: u32) {}

    fn on_acknowledged(&mut self, _now: Instant, acknowledged: &Acknowledged, _rtt: &Rtt) {
        //= rfc9002#7.8
        if acknowledged.utilisation == Utilisation::Limited {
            return;
        }
        //= rfc9002#7.3.2
        if self.in_recovery(acknowledged.newest_sent) {
            return;
        }
        let mut bytes = acknowledged.bytes;
        //= rfc9002#7.3.1
        if self.window < self.slow_start_threshold {
            let growth = bytes.min(self.slow_start_threshold - self.window);
            self.window = self.window.saturating_add(growth);
            bytes -= growth;
        }
        //= rfc9002#7.3.3
        self.credit = self.credit.saturating_add(bytes);
        if self.credit >= self.window {
            self.credit -= self.window;
            self.window = self.window.saturating_add(self.datagram.into());
        }
    }

    fn on_congestion(&mut self, now: Instant, sent: Instant) {
        if self.in_recovery(sent) {
            return;
        }
        #[cfg(feature = "spurious-losses")]
        {
            self.undo = Some((self.window, self.slow_start_threshold));
        }
        //= rfc9002#7.3.2
        self.recovery_end = now.after(1);
        self.slow_start_threshold = (self.window / 2).max(minimum_window(self.datagram));
        self.window = self.slow_start_threshold;
        // Credit is growth that has begun, credit / window of a datagram, and is halved as the window is: of half a
        // window that is a quarter.
        self.credit /= 4;
    }

    fn on_persistent_congestion(&mut self, _now: Instant) {
        //= rfc9002#7.6.2
        self.window = minimum_window(self.datagram);
        self.recovery_end = Instant::ZERO;
        self.credit = 0;
    }

    #[cfg(feature = "sink")]
    fn threshold(&self) -> Option<u32> {
        (self.slow_start_threshold != u32::MAX).then_some(self.slow_start_threshold)
    }

    #[cfg(feature = "sink")]
    fn name(&self) -> &'static str {
        "NewReno"
    }

    #[cfg(feature = "sink")]
    fn phase(&self) -> &'static str {
        if self.window < self.slow_start_threshold {
            "slow_start"
        } else {
            "congestion_avoidance"
        }
    }

    #[cfg(feature = "spurious-losses")]
    fn on_spurious_congestion(&mut self, _now: Instant) {
        if let Some((window, threshold)) = self.undo.take()
            && self.window < window
        {
            self.window = window;
            self.slow_start_threshold = threshold;
            self.recovery_end = Instant::ZERO;
        }
    }

    fn on_datagram_size(&mut self, datagram: u16) {
        if self.window == initial_window(self.datagram) {
            self.window = initial_window(datagram);
        }
        self.datagram = datagram;
        self.window = self.window.max(minimum_window(datagram));
    }

    fn window(&self) -> u32 {
        self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DATAGRAM: u16 = 1_200;

    fn acknowledge(reno: &mut NewReno, bytes: u32, sent: u64, utilisation: Utilisation) {
        let acknowledged = Acknowledged {
            bytes,
            newest_sent: Instant::from_micros(sent),
            utilisation,
            in_flight: 0,
            #[cfg(feature = "bbr")]
            delivery: crate::recovery::congestion::RateSample::default(),
        };
        reno.on_acknowledged(Instant::from_micros(sent + 1), &acknowledged, &Rtt::new());
    }

    //= rfc9002#7.3.1 test
    #[test]
    fn slow_start_grows_by_what_is_acknowledged() {
        let mut reno = NewReno::new(DATAGRAM);
        acknowledge(&mut reno, 12_000, 1, Utilisation::Full);
        assert_eq!(reno.window(), 24_000);
    }

    //= rfc9002#7.8 test
    #[test]
    fn an_unused_window_does_not_grow() {
        let mut reno = NewReno::new(DATAGRAM);
        acknowledge(&mut reno, 12_000, 1, Utilisation::Limited);
        assert_eq!(reno.window(), 12_000);
    }

    //= rfc9002#7.3.2 test
    //= rfc9002#7.3.3 test
    #[test]
    fn a_loss_halves_once_per_round_trip_and_then_growth_is_linear() {
        let mut reno = NewReno::new(DATAGRAM);
        acknowledge(&mut reno, 12_000, 1, Utilisation::Full);
        reno.on_congestion(Instant::from_micros(100), Instant::from_micros(50));
        assert_eq!(reno.window(), 12_000);
        // The same round trip: sent before the recovery began.
        reno.on_congestion(Instant::from_micros(110), Instant::from_micros(100));
        assert_eq!(reno.window(), 12_000);
        acknowledge(&mut reno, 12_000, 100, Utilisation::Full);
        assert_eq!(reno.window(), 12_000);
        // A window's worth of acknowledgements makes one datagram.
        acknowledge(&mut reno, 11_999, 101, Utilisation::Full);
        assert_eq!(reno.window(), 12_000);
        acknowledge(&mut reno, 1, 102, Utilisation::Full);
        assert_eq!(reno.window(), 13_200);
        reno.on_congestion(Instant::from_micros(200), Instant::from_micros(150));
        assert_eq!(reno.window(), 6_600);
    }

    /// RFC 9002 B.5 grows with every acknowledgement: what was acknowledged before a loss is not for nothing.
    //= rfc9002#7.3.3 test
    #[test]
    fn growth_that_has_begun_is_halved_as_the_window_is() {
        let mut reno = NewReno::new(DATAGRAM);
        acknowledge(&mut reno, 12_000, 1, Utilisation::Full);
        reno.on_congestion(Instant::from_micros(100), Instant::from_micros(50));
        // 11,200 of 12,000 bytes are 1,120 bytes of growth, and half of them 560: 2,800 of 6,000 bytes.
        acknowledge(&mut reno, 11_200, 101, Utilisation::Full);
        reno.on_congestion(Instant::from_micros(200), Instant::from_micros(150));
        assert_eq!(reno.window(), 6_000);
        acknowledge(&mut reno, 3_199, 201, Utilisation::Full);
        assert_eq!(reno.window(), 6_000);
        acknowledge(&mut reno, 1, 202, Utilisation::Full);
        assert_eq!(reno.window(), 7_200);
    }

    #[cfg(feature = "spurious-losses")]
    #[test]
    fn an_event_that_was_none_is_undone() {
        let mut reno = NewReno::new(DATAGRAM);
        reno.on_congestion(Instant::from_micros(100), Instant::from_micros(50));
        reno.on_spurious_congestion(Instant::from_micros(200));
        assert_eq!(reno.window(), 12_000);
        acknowledge(&mut reno, 1_200, 60, Utilisation::Full);
        assert_eq!(reno.window(), 13_200, "in slow start");
        reno.on_spurious_congestion(Instant::from_micros(300));
        assert_eq!(reno.window(), 13_200);
    }

    //= rfc9002#7.6.2 test
    #[test]
    fn persistent_congestion_starts_again_from_two_datagrams() {
        let mut reno = NewReno::new(DATAGRAM);
        reno.on_congestion(Instant::from_micros(100), Instant::from_micros(50));
        reno.on_persistent_congestion(Instant::from_micros(100));
        assert_eq!(reno.window(), 2_400);
        // Slow start up to the threshold that the loss left behind, linear from there.
        acknowledge(&mut reno, 100_000, 60, Utilisation::Full);
        assert_eq!(reno.window(), 6_000 + 1_200);
    }

    #[test]
    fn a_new_datagram_size_moves_an_untouched_initial_window() {
        let mut reno = NewReno::new(DATAGRAM);
        reno.on_datagram_size(1_472);
        assert_eq!(reno.window(), 14_720);
        reno.on_persistent_congestion(Instant::ZERO);
        reno.on_datagram_size(9_000);
        assert_eq!(reno.window(), 18_000);
    }

    proptest! {
        #[test]
        fn the_window_never_falls_below_two_datagrams(events in prop::collection::vec((0u8..3, 0u32..100_000), 1..200)) {
            let mut reno = NewReno::new(DATAGRAM);
            for (step, (event, value)) in events.into_iter().enumerate() {
                let now = Instant::from_micros(step as u64 * 1_000);
                match event {
                    0 => acknowledge(&mut reno, value, step as u64 * 1_000, Utilisation::Full),
                    1 => reno.on_congestion(now, Instant::from_micros(value.into())),
                    _ => reno.on_persistent_congestion(now),
                }
                prop_assert!(reno.window() >= 2_400);
            }
        }
    }
}
