//! The slow line behind a bottleneck's queue, which others may fill as well.
//!
//! Invariant: what is let in leaves in order, each packet after its own time on the line.

use super::weather::{Bottleneck, Load};
use quicpro_core::Instant;

const NANOS: u128 = 1_000_000_000;

/// The queue and its line.
#[derive(Debug, Default)]
pub struct Line {
    busy_until_ns: u128,
    /// When the next packet of others comes.
    load_ns: u128,
    /// The queue's lengths, where they are wanted.
    pub samples: Option<Vec<Sample>>,
}

/// How long the queue was when a datagram came to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// Bytes that waited or were on the line.
    pub waiting: u64,
}

/// A datagram that was let in.
#[derive(Clone, Copy, Debug)]
pub struct Passage {
    /// When its last byte leaves the line.
    pub departure: Instant,
    /// Bytes before it.
    pub waiting: u64,
}

impl Line {
    /// Lets a datagram in, or not if the queue is full.
    pub fn pass(
        &mut self,
        now: Instant,
        bottleneck: Bottleneck,
        load: Option<Load>,
        length: u64,
    ) -> Option<Passage> {
        let now_ns = u128::from(now.as_micros()) * 1000;
        if let Some(load) = load.filter(|load| load.rate > 0) {
            self.admit_others(now_ns, bottleneck, load);
        }
        let waiting = self.waiting(now_ns, bottleneck);
        if let Some(samples) = &mut self.samples {
            samples.push(Sample { at: now, waiting });
        }
        self.admit(now_ns, bottleneck, length)?;
        let departure = u64::try_from(self.busy_until_ns.div_ceil(1000)).unwrap_or(u64::MAX);
        Some(Passage {
            departure: Instant::from_micros(departure),
            waiting,
        })
    }

    fn waiting(&self, now_ns: u128, bottleneck: Bottleneck) -> u64 {
        let waiting_ns = self.busy_until_ns.saturating_sub(now_ns);
        u64::try_from((waiting_ns * u128::from(bottleneck.rate)).div_ceil(NANOS))
            .unwrap_or(u64::MAX)
    }

    fn admit(&mut self, now_ns: u128, bottleneck: Bottleneck, length: u64) -> Option<()> {
        let is_full = self.waiting(now_ns, bottleneck) > bottleneck.queue;
        let line_ns = u128::from(length) * NANOS / u128::from(bottleneck.rate.max(1));
        (!is_full).then(|| self.busy_until_ns = self.busy_until_ns.max(now_ns) + line_ns)
    }

    /// Lets in, in their order, the packets that others have sent until now.
    fn admit_others(&mut self, now_ns: u128, bottleneck: Bottleneck, load: Load) {
        let interval = u128::from(load.packet) * NANOS / u128::from(load.rate);
        let [on, off] = [load.periods.on, load.periods.off].map(|time| time.as_nanos());
        while self.load_ns <= now_ns {
            let phase = self.load_ns % (on + off).max(1);
            if phase >= on {
                self.load_ns += on + off - phase;
                continue;
            }
            let _ = self.admit(self.load_ns, bottleneck, load.packet);
            self.load_ns += interval.max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::weather::Periods;
    use super::*;
    use std::time::Duration;

    const BOTTLENECK: Bottleneck = Bottleneck {
        rate: 6_250_000,
        queue: 50_000,
    };

    #[test]
    fn a_full_line_keeps_its_rate_exactly() {
        let mut line = Line::default();
        let mut now = Instant::ZERO;
        let mut bytes = 0;
        while now.as_micros() < 1_000_000 {
            if line.pass(now, BOTTLENECK, None, 1201).is_some() {
                bytes += 1201;
            }
            now = Instant::from_micros(now.as_micros() + 100);
        }
        assert!((6_250_000..6_303_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn others_take_their_part_while_they_are_on() {
        let periods = Periods {
            on: Duration::from_millis(500),
            off: Duration::from_millis(500),
        };
        let load = Some(Load {
            rate: 3_125_000,
            packet: 1000,
            periods,
        });
        let mut line = Line::default();
        let mut passed = [0, 0];
        for micros in (0..1_000_000).step_by(100) {
            let now = Instant::from_micros(micros);
            if line.pass(now, BOTTLENECK, load, 1000).is_some() {
                passed[(micros / 500_000) as usize] += 1000;
            }
        }
        assert!((1_500_000..2_200_000).contains(&passed[0]), "{passed:?}");
        assert!((3_100_000..3_200_000).contains(&passed[1]), "{passed:?}");
    }
}
