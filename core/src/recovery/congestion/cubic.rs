//! CUBIC (RFC 9438): after a loss the window returns along a cubic curve to where it was, and then goes beyond.
//!
//! Bytes, milliseconds and 64-bit integers; nothing here needs floating point.
//! Invariant: the window lies between two datagrams and [`WINDOW_MAX`], so no product below overflows.

use super::super::rtt::Rtt;
use super::hystart::HyStart;
use super::{Acknowledged, Algorithm, Pace, Utilisation, initial_window, minimum_window};
use crate::time::Instant;

/// More than any table of sent packets holds.
const WINDOW_MAX: u32 = 1 << 30;

/// The part of the window that a loss leaves, in twentieths: β of the RFC.
//= rfc9438#4.6
const BETA: u32 = 14;

/// And a congestion mark, which comes before the queue is full (RFC 8511).
const BETA_MARKED: u32 = 17;

/// The part of the window that W_max becomes when losses come before the last one was made up for: (1 + β)/2.
//= rfc9438#4.7
const CONVERGENCE: u32 = 17;

/// Reno's growth for a flow that loses only β: 3·(1 − β)/(1 + β) of a datagram a round trip, in seventeenths.
//= rfc9438#4.3
const ALPHA: u64 = 9;

const SEVENTEENTHS: u64 = 17;

/// Milliseconds behind which the curve is as high as windows get.
const CURVE_MAX_MS: u64 = 1 << 20;

/// The window's way back after a congestion event.
#[derive(Clone, Copy, Debug)]
struct Curve {
    /// W_max: where the curve is flat.
    plateau: u32,
    /// cwnd_prior: the window before the event.
    prior: u32,
    /// W_est: what Reno would have.
    estimate: u32,
    /// K: milliseconds until the plateau is reached.
    rise_ms: u32,
    /// Since when it is followed; the end of time before that.
    epoch: Instant,
}

impl Curve {
    /// Where a window begins that no event reduced: on the plateau.
    //= rfc9438#4.8
    //= rfc9438#4.10
    fn level(window: u32, epoch: Instant) -> Self {
        Self {
            plateau: window,
            prior: window,
            estimate: window,
            rise_ms: 0,
            epoch,
        }
    }

    /// W_cubic at `at`.
    //= rfc9438#4.2
    fn height(&self, at: Instant, datagram: u16) -> u32 {
        let ms = at.since(self.epoch) / 1_000;
        let away = cubic_bytes(ms.abs_diff(self.rise_ms.into()), datagram);
        if ms < u64::from(self.rise_ms) {
            self.plateau.saturating_sub(away)
        } else {
            self.plateau.saturating_add(away)
        }
    }
}

/// What a congestion event changed.
#[derive(Clone, Copy, Debug)]
struct Undo {
    window: u32,
    slow_start_threshold: u32,
    curve: Curve,
}

/// RFC 9438's controller, with RFC 9406's slow start.
#[derive(Clone, Copy, Debug)]
pub struct Cubic {
    window: u32,
    slow_start_threshold: u32,
    curve: Curve,
    /// Parts of a byte that the window and Reno's estimate have grown.
    window_credit: u64,
    estimate_credit: u64,
    /// Nothing sent before changes the window again.
    recovery_end: Instant,
    /// Since when the window is not used up: such time does not count on the curve.
    limited_since: Instant,
    hystart: HyStart,
    undo: Option<Undo>,
    datagram: u16,
}

impl Cubic {
    /// In slow start, with the initial window.
    pub fn new(datagram: u16) -> Self {
        let window = initial_window(datagram);
        Self {
            window,
            slow_start_threshold: u32::MAX,
            curve: Curve::level(window, Instant::NEVER),
            window_credit: 0,
            estimate_credit: 0,
            recovery_end: Instant::ZERO,
            limited_since: Instant::NEVER,
            hystart: HyStart::new(),
            undo: None,
            datagram,
        }
    }

    fn is_slow_start(&self) -> bool {
        self.window < self.slow_start_threshold
    }

    fn in_recovery(&self, sent: Instant) -> bool {
        sent < self.recovery_end
    }

    fn set_window(&mut self, window: u32) {
        self.window = window.min(WINDOW_MAX).max(minimum_window(self.datagram));
    }

    //= rfc9438#4.10
    fn slow_start(&mut self, now: Instant, acknowledged: &Acknowledged, rtt: &Rtt) {
        let Acknowledged {
            bytes, newest_sent, ..
        } = *acknowledged;
        let step = self
            .hystart
            .on_acknowledged(now, newest_sent, rtt.latest_us(), bytes);
        let room = self.slow_start_threshold - self.window;
        self.set_window(self.window.saturating_add(step.growth.min(room)));
        if step.is_over {
            self.slow_start_threshold = self.window;
        }
    }

    fn avoid_congestion(&mut self, now: Instant, bytes: u32, rtt: &Rtt) {
        if self.curve.epoch == Instant::NEVER {
            self.curve = Curve::level(self.window, now);
        }
        self.grow_estimate(bytes);
        if self.curve.height(now, self.datagram) < self.curve.estimate {
            return self.set_window(self.window.max(self.curve.estimate));
        }
        //= rfc9438#4.4
        //= rfc9438#4.5
        let later = now.after(rtt.smoothed_us().into());
        let target = self.curve.height(later, self.datagram);
        let target = target.max(self.window).min(self.window / 2 * 3);
        self.window_credit += u64::from(target.saturating_sub(self.window)) * u64::from(bytes);
        let growth = take_whole(&mut self.window_credit, self.window.into());
        self.set_window(self.window.saturating_add(growth));
    }

    /// W_est grows as Reno's window would.
    //= rfc9438#4.3
    fn grow_estimate(&mut self, bytes: u32) {
        let alpha = if self.curve.estimate < self.curve.prior {
            ALPHA
        } else {
            SEVENTEENTHS
        };
        self.estimate_credit += u64::from(bytes) * u64::from(self.datagram) * alpha;
        let divisor = u64::from(self.window) * SEVENTEENTHS;
        let growth = take_whole(&mut self.estimate_credit, divisor);
        self.curve.estimate = self.curve.estimate.saturating_add(growth).min(WINDOW_MAX);
    }

    /// A congestion event leaves `beta` twentieths of the window.
    fn reduce(&mut self, now: Instant, beta: u32) {
        self.recovery_end = now.after(1);
        let prior = self.window;
        //= rfc9438#4.7
        let plateau = if prior < self.curve.plateau {
            twentieths(prior, CONVERGENCE)
        } else {
            prior
        };
        //= rfc9438#4.6
        self.set_window(twentieths(prior, beta));
        self.slow_start_threshold = self.window;
        self.curve = Curve {
            plateau,
            prior,
            estimate: self.window,
            rise_ms: rise_ms(plateau.saturating_sub(self.window), self.datagram),
            epoch: now,
        };
        self.window_credit = 0;
        self.estimate_credit = 0;
    }
}

impl Algorithm for Cubic {
    fn on_sent(&mut self, _now: Instant, _bytes: u32, _in_flight: u32) {}

    fn on_acknowledged(&mut self, now: Instant, acknowledged: &Acknowledged, rtt: &Rtt) {
        //= rfc9002#7.8
        //= rfc9438#5.8
        if acknowledged.utilisation == Utilisation::Limited {
            self.limited_since = self.limited_since.min(now);
            return;
        }
        let limited = now.since(self.limited_since);
        self.limited_since = Instant::NEVER;
        self.curve.epoch = self.curve.epoch.after(limited);
        if self.in_recovery(acknowledged.newest_sent) {
            // Reno's estimate stands for time that passes, so the round trip of recovery counts, too.
            return self.grow_estimate(acknowledged.bytes);
        }
        if self.is_slow_start() {
            self.slow_start(now, acknowledged, rtt);
        } else {
            self.avoid_congestion(now, acknowledged.bytes, rtt);
        }
    }

    fn on_congestion(&mut self, now: Instant, sent: Instant) {
        if !self.in_recovery(sent) {
            self.undo = Some(Undo {
                window: self.window,
                slow_start_threshold: self.slow_start_threshold,
                curve: self.curve,
            });
            self.reduce(now, BETA);
        }
    }

    fn on_marked(&mut self, now: Instant, sent: Instant) {
        if !self.in_recovery(sent) {
            // What the network says itself is never taken back.
            self.undo = None;
            self.reduce(now, BETA_MARKED);
        }
    }

    fn on_persistent_congestion(&mut self, _now: Instant) {
        //= rfc9002#7.6.2
        //= rfc9438#4.8
        self.window = minimum_window(self.datagram);
        self.recovery_end = Instant::ZERO;
        self.curve.epoch = Instant::NEVER;
        self.window_credit = 0;
        self.estimate_credit = 0;
        self.hystart = HyStart::new();
    }

    //= rfc9438#4.9.2
    fn on_spurious_congestion(&mut self, _now: Instant) {
        let Some(undo) = self.undo.take() else {
            return;
        };
        if self.window < undo.window {
            self.set_window(undo.window);
            self.slow_start_threshold = undo.slow_start_threshold;
            self.curve = undo.curve;
            self.recovery_end = Instant::ZERO;
            self.window_credit = 0;
            self.estimate_credit = 0;
        }
    }

    fn on_datagram_size(&mut self, datagram: u16) {
        if self.window == initial_window(self.datagram) {
            self.window = initial_window(datagram);
        }
        self.datagram = datagram;
        self.set_window(self.window);
    }

    fn window(&self) -> u32 {
        self.window
    }

    #[cfg(feature = "sink")]
    fn threshold(&self) -> Option<u32> {
        (self.slow_start_threshold != u32::MAX).then_some(self.slow_start_threshold)
    }

    #[cfg(feature = "sink")]
    fn name(&self) -> &'static str {
        "CUBIC"
    }

    #[cfg(feature = "sink")]
    fn phase(&self) -> &'static str {
        if self.is_slow_start() {
            "slow_start"
        } else {
            "congestion_avoidance"
        }
    }

    /// Slow start doubles the window in a round trip, and what it opens has to leave in the same one.
    fn pace(&self, rtt: &Rtt) -> Option<Pace> {
        self.is_slow_start()
            .then(|| Pace::window(self.window.saturating_mul(2), rtt))
    }
}

/// `count` twentieths of a window.
fn twentieths(window: u32, count: u32) -> u32 {
    // At most 2^30 times 20: the quotient is below 2^32.
    (u64::from(window) * u64::from(count) / 20) as u32
}

/// The whole part of `credit / divisor`; `credit` keeps the rest.
fn take_whole(credit: &mut u64, divisor: u64) -> u32 {
    let divisor = divisor.max(1);
    let whole = *credit / divisor;
    *credit %= divisor;
    u32::try_from(whole).unwrap_or(u32::MAX)
}

/// How far the curve is from its plateau, `ms` away from where it is flat: 0.4 datagrams times seconds cubed.
fn cubic_bytes(ms: u64, datagram: u16) -> u32 {
    let ms = ms.min(CURVE_MAX_MS);
    let cube = ms * ms * ms;
    let twice = u64::from(datagram) * 2;
    // 2/5 of 10^-9. Multiplied first where that fits, as most of a small cube would be rounded away.
    let bytes = if ms < 1 << 15 {
        cube * twice / 5_000_000_000
    } else {
        cube / 5_000_000 * twice / 1_000
    };
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// K: milliseconds that the curve needs for the last `bytes` below its plateau.
fn rise_ms(bytes: u32, datagram: u16) -> u32 {
    let cube = u64::from(bytes) * 2_500_000_000 / u64::from(datagram).max(1);
    cube_root(cube)
}

/// The largest number whose cube is not above `value`, digit by digit in base 2.
fn cube_root(value: u64) -> u32 {
    let mut root = 0_u64;
    // 2^22 cubed is 2^66.
    for bit in (0..22).rev() {
        let more = root | 1 << bit;
        if more * more <= value / more {
            root = more;
        }
    }
    root as u32 // below 2^22
}

#[cfg(test)]
mod tests;
