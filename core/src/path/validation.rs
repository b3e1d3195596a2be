//! Finding out whether a pair of addresses carries datagrams both ways (RFC 9000 §8.2).
//!
//! ```text
//! due ─► PATH_CHALLENGE sent ──► response to any of them: valid
//!  └──────────── interval, doubled ◄─┘            end of time: failed
//! ```
//! Invariant: every challenge has bytes of its own that nobody can guess, and only the last [`CHALLENGES_MAX`] count.

use crate::crypto::random::Random;
use crate::frame_writer::FrameWriter;
use crate::recovery::Token;
use crate::time::Instant;
use crate::wire::frame::Frame;

/// Challenges whose response is still welcome: those of all tries before a validation fails, and more.
const CHALLENGES_MAX: usize = 8;

/// Probe timeouts without a response after which a path does not work.
//= rfc9000#8.2.4
const TIMEOUTS_MAX: u32 = 3;

/// The validation of one path, from its first challenge to a response or its end.
#[derive(Clone, Debug)]
pub struct Validation {
    sent: heapless::Vec<[u8; 8], CHALLENGES_MAX>,
    /// A challenge is to be sent.
    due: bool,
    /// When the next one will be; not while one is due.
    next: Instant,
    interval_us: u32,
    end: Instant,
}

impl Validation {
    /// Begins. A challenge without a response is repeated after `interval_us` at first: the probe timeout of the path
    /// in use, which usually is as far from the server. It fails after three times `timeout_us`, the longer one of the
    /// probe timeouts of both paths.
    //= rfc9000#8.2.4
    pub fn new(now: Instant, interval_us: u32, timeout_us: u32) -> Self {
        let timeout = u64::from(timeout_us.max(interval_us)) * u64::from(TIMEOUTS_MAX);
        Self {
            sent: heapless::Vec::new(),
            due: true,
            next: Instant::NEVER,
            interval_us,
            end: now.after(timeout),
        }
    }

    /// A challenge is to be sent.
    pub const fn is_due(&self) -> bool {
        self.due
    }

    /// When [`Validation::on_timeout`] has something to do.
    pub fn deadline(&self) -> Instant {
        self.next.min(self.end)
    }

    /// Acts on a deadline that has come; whether the validation failed.
    pub fn on_timeout(&mut self, now: Instant) -> bool {
        if self.next <= now {
            self.next = Instant::NEVER;
            self.due = true;
        }
        self.end <= now
    }

    /// Goes on for as long again: there is no other path to go back to.
    pub fn prolong(&mut self, now: Instant, timeout_us: u32) {
        self.end = now.after(u64::from(timeout_us) * u64::from(TIMEOUTS_MAX));
    }

    /// Writes a challenge if one is due; `true` if there was, and the datagram is to be padded to 1,200 bytes.
    //= rfc9000#8.2.1
    pub fn on_transmit(
        &mut self,
        now: Instant,
        random: &mut Random,
        w: &mut FrameWriter<'_>,
    ) -> bool {
        if !self.due {
            return false;
        }
        let mut data = [0; 8];
        random.fill(&mut data);
        if !w.frame(&Frame::PathChallenge(data), Token::None) {
            return false;
        }
        if self.sent.is_full() {
            self.sent.remove(0);
        }
        // There is room now.
        let _ = self.sent.push(data);
        self.due = false;
        self.next = now.after(self.interval_us.into());
        self.interval_us = self.interval_us.saturating_mul(2);
        true
    }

    /// Whether a PATH_RESPONSE answers one of the challenges, on whatever path it came.
    //= rfc9000#8.2.3
    pub fn is_answer(&self, data: &[u8; 8]) -> bool {
        self.sent.contains(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Writer;
    use crate::wire::frame::Frames;

    const PTO: u32 = 200_000;
    const NEW_PTO: u32 = 1_000_000;

    fn at(us: u64) -> Instant {
        Instant::from_micros(us)
    }

    fn transmit(validation: &mut Validation, now: Instant, random: &mut Random) -> Option<[u8; 8]> {
        let mut buffer = [0; 100];
        let mut tokens = heapless::Vec::new();
        let mut w = FrameWriter::new(Writer::new(&mut buffer), &mut tokens, 8);
        let written = validation.on_transmit(now, random, &mut w);
        let length = w.len();
        match Frames::new(&buffer[..length]).next() {
            Some(Ok(Frame::PathChallenge(data))) => {
                assert!(written);
                Some(data)
            }
            None => None,
            other => panic!("{other:?}"),
        }
    }

    //= rfc9000#8.2.1 test
    //= rfc9000#8.2.4 test
    #[test]
    fn challenges_differ_are_repeated_ever_later_and_given_up_after_three_probe_timeouts() {
        let mut random = Random::new([1; 32]);
        let mut validation = Validation::new(at(0), PTO, NEW_PTO);
        let mut seen = std::vec::Vec::new();
        for now in [0, 200_000, 600_000, 1_400_000] {
            assert!(!validation.on_timeout(at(now)));
            assert!(validation.is_due());
            let data = transmit(&mut validation, at(now), &mut random).unwrap();
            assert!(!seen.contains(&data));
            seen.push(data);
            assert_eq!(transmit(&mut validation, at(now), &mut random), None);
        }
        assert_eq!(validation.deadline(), at(3_000_000));
        assert!(!validation.on_timeout(at(2_999_999)));
        assert!(validation.on_timeout(at(3_000_000)));
        // Until then each of them was welcome, and nothing else.
        assert!(seen.iter().all(|data| validation.is_answer(data)));
        assert!(!validation.is_answer(&[0; 8]));
        validation.prolong(at(3_000_000), NEW_PTO);
        assert!(!validation.on_timeout(at(5_999_999)));
        assert!(validation.is_due());
    }

    #[test]
    fn only_the_last_challenges_count() {
        let mut random = Random::new([1; 32]);
        let mut validation = Validation::new(at(0), 1, 1);
        let mut now = at(0);
        let first = transmit(&mut validation, now, &mut random).unwrap();
        for _ in 0..CHALLENGES_MAX {
            assert!(validation.is_answer(&first));
            now = validation.next;
            validation.on_timeout(now);
            transmit(&mut validation, now, &mut random).unwrap();
        }
        assert!(!validation.is_answer(&first));
    }
}
