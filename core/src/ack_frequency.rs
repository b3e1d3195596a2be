//! Asking the peer for fewer acknowledgements (draft-ietf-quic-ack-frequency): the sender's half.
//!
//! A window of many packets needs no answer for every second one: sixteen answers a round trip keep the estimates, the
//! pacer and loss detection informed. The receiver's half is in `ack` and `space`.
//!
//! Invariant: nothing is asked of a peer that did not say min_ack_delay, and never less delay than that.

use crate::frame_writer::FrameWriter;
use crate::recovery::Token;
use crate::wire::frame::Frame;

/// Acknowledgements in a round trip that are enough.
const ANSWERS: u32 = 16;

/// Ack-eliciting packets that an acknowledgement is held back for, at most.
const THRESHOLD_MAX: u32 = 31;

/// What every endpoint does without being asked: every second packet is acknowledged.
const THRESHOLD_DEFAULT: u32 = 1;

/// Reordering that loss detection tolerates, so that nothing is gained by hearing of less.
const REORDERING: u64 = 3;

/// What the peer was asked for, and what should be.
#[derive(Debug, Default)]
pub struct AckRequests {
    /// What the peer can do at least, and what it does by itself, in microseconds; `None` if it cannot be asked.
    delays: Option<Delays>,
    /// Sequence numbers below were used.
    next_sequence: u64,
    /// The wish to be told of next.
    wish: Option<Wish>,
    /// The latest that was sent.
    asked: Option<Wish>,
    /// It is not acknowledged yet.
    outstanding: bool,
}

#[derive(Clone, Copy, Debug)]
struct Delays {
    min_us: u32,
    default_us: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish {
    threshold: u32,
    delay_us: u32,
}

impl AckRequests {
    /// The peer takes requests: it can delay by `min_us`, and by `default_us` unless it is asked for something else.
    pub fn enable(&mut self, min_us: u32, default_us: u32) {
        self.delays = Some(Delays { min_us, default_us });
    }

    /// Thinks again: `packets` are what the window holds, `rtt_us` the round trip.
    pub fn consider(&mut self, packets: u32, rtt_us: u32) {
        let Some(delays) = self.delays.filter(|_| !self.outstanding) else {
            return;
        };
        let threshold = (packets / ANSWERS).clamp(THRESHOLD_DEFAULT, THRESHOLD_MAX);
        let before = self
            .asked
            .map_or(THRESHOLD_DEFAULT, |asked| asked.threshold);
        // Small changes are not worth a frame.
        if threshold < before * 2 && before < threshold * 2 {
            return;
        }
        let delay_us = if threshold == THRESHOLD_DEFAULT {
            delays.default_us
        } else {
            (rtt_us / ANSWERS * 2).min(delays.default_us)
        };
        self.wish = Some(Wish {
            threshold,
            delay_us: delay_us.max(delays.min_us),
        });
    }

    /// ACK_FREQUENCY is to be sent.
    pub fn has_pending(&self) -> bool {
        self.wish.is_some()
    }

    /// The peer holds acknowledgements back because we asked it to: a probe has to ask for one at once.
    pub fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// Writes ACK_FREQUENCY; returns the delay that was asked for.
    pub fn on_transmit(&mut self, w: &mut FrameWriter<'_>) -> Option<u32> {
        let wish = self.wish?;
        let sequence = self.next_sequence;
        let frame = Frame::AckFrequency {
            sequence,
            threshold: wish.threshold.into(),
            delay_us: wish.delay_us.into(),
            reordering: REORDERING,
        };
        if !w.frame(&frame, Token::AckFrequency { sequence }) {
            return None;
        }
        self.next_sequence += 1;
        self.asked = self.wish.take();
        self.outstanding = true;
        Some(wish.delay_us)
    }

    /// The request number `sequence` arrived; returns the delay that holds from now on, if it was the latest.
    pub fn on_ack(&mut self, sequence: u64) -> Option<u32> {
        if sequence + 1 != self.next_sequence {
            return None;
        }
        self.outstanding = false;
        self.asked.map(|asked| asked.delay_us)
    }

    /// The request number `sequence` was lost: the latest one is made again.
    pub fn on_loss(&mut self, sequence: u64) {
        if sequence + 1 == self.next_sequence && self.outstanding {
            self.outstanding = false;
            self.wish = self.asked;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Writer;
    use crate::wire::frame::Frames;

    fn transmit(requests: &mut AckRequests) -> Option<(u64, u64, u64)> {
        let mut buffer = [0; 40];
        let mut tokens = heapless::Vec::new();
        let mut w = FrameWriter::new(Writer::new(&mut buffer), &mut tokens, 8);
        let delay = requests.on_transmit(&mut w)?;
        let length = w.len();
        match Frames::new(&buffer[..length]).next() {
            Some(Ok(Frame::AckFrequency {
                sequence,
                threshold,
                delay_us,
                reordering,
            })) => {
                assert_eq!((delay_us, reordering), (delay.into(), REORDERING));
                Some((sequence, threshold, delay_us))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_large_window_asks_for_fewer_acknowledgements() {
        let mut requests = AckRequests::default();
        requests.consider(1_000, 50_000);
        assert!(!requests.has_pending(), "the peer cannot be asked");
        requests.enable(1_000, 25_000);
        requests.consider(31, 50_000);
        assert!(!requests.has_pending(), "every second packet it is");
        requests.consider(160, 50_000);
        assert_eq!(transmit(&mut requests), Some((0, 10, 6_250)));
        requests.consider(1_000, 50_000);
        assert!(!requests.has_pending(), "one at a time");
        assert_eq!(requests.on_ack(0), Some(6_250));
        requests.consider(200, 50_000);
        assert!(!requests.has_pending(), "not worth it");
        requests.consider(1_000, 1_000);
        assert_eq!(transmit(&mut requests), Some((1, 31, 1_000)));
        assert_eq!(requests.on_ack(0), None);
        // Lost, and said again under a new number.
        requests.on_loss(1);
        assert_eq!(transmit(&mut requests), Some((2, 31, 1_000)));
        requests.on_loss(1);
        assert!(!requests.has_pending());
        assert_eq!(requests.on_ack(2), Some(1_000));
        requests.consider(10, 50_000);
        assert_eq!(transmit(&mut requests), Some((3, 1, 25_000)));
    }
}
