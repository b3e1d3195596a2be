//! What belongs to a pair of addresses: connection IDs, and challenges of the peer (RFC 9000 §5.1, §8.2).
//!
//! Invariant: a challenge is answered at most once, on the path it came on.

pub mod cid;
#[cfg(feature = "migration")]
mod rotation;
#[cfg(feature = "migration")]
mod route;
#[cfg(feature = "migration")]
mod validation;

#[cfg(feature = "migration")]
pub use rotation::{Rotation, Rotor};
#[cfg(feature = "migration")]
pub use route::{PathId, Route, Routes, Which};
#[cfg(feature = "migration")]
pub use validation::Validation;

use crate::frame_writer::FrameWriter;
use crate::recovery::Token;
use crate::wire::frame::Frame;

/// Challenges that wait for their response; a newer one replaces the oldest, which its sender gave up.
const CHALLENGES_MAX: usize = 2;

/// The peer's challenges on one path that are not answered yet.
#[derive(Clone, Debug, Default)]
pub struct Challenges {
    waiting: heapless::Vec<[u8; 8], CHALLENGES_MAX>,
}

impl Challenges {
    /// None.
    pub const fn new() -> Self {
        Self {
            waiting: heapless::Vec::new(),
        }
    }

    /// A PATH_CHALLENGE arrived.
    //= rfc9000#8.2.2
    pub fn on_challenge(&mut self, data: [u8; 8]) {
        if self.waiting.is_full() {
            self.waiting.remove(0);
        }
        // There is room now; a table without places would answer nothing.
        let _ = self.waiting.push(data);
    }

    /// There is something to answer.
    pub fn has_pending(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Writes the responses; `true` if there was one, and the datagram is to be padded to 1,200 bytes.
    /// They are not repeated when lost: the peer challenges again.
    pub fn on_transmit(&mut self, w: &mut FrameWriter<'_>) -> bool {
        let before = self.waiting.len();
        self.waiting
            .retain(|&data| !w.frame(&Frame::PathResponse(data), Token::None));
        self.waiting.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Writer;
    use crate::wire::frame::Frames;
    use std::vec::Vec;

    fn transmit(challenges: &mut Challenges, room: usize) -> Vec<[u8; 8]> {
        let mut buffer = [0; 100];
        let mut tokens = heapless::Vec::new();
        let mut w = FrameWriter::new(Writer::new(&mut buffer[..room]), &mut tokens, 8);
        let written = challenges.on_transmit(&mut w);
        let length = w.len();
        assert!(tokens.is_empty());
        assert_eq!(written, length > 0);
        let mut frames = Frames::new(&buffer[..length]);
        core::iter::from_fn(|| match frames.next()? {
            Ok(Frame::PathResponse(data)) => Some(data),
            other => panic!("{other:?}"),
        })
        .collect()
    }

    //= rfc9000#8.2.2 test
    #[test]
    fn the_newest_two_are_answered_once() {
        let mut challenges = Challenges::new();
        assert!(!challenges.has_pending());
        for number in 1..=3 {
            challenges.on_challenge([number; 8]);
        }
        // Room for one only.
        assert_eq!(transmit(&mut challenges, 9), [[2; 8]]);
        assert!(challenges.has_pending());
        assert_eq!(transmit(&mut challenges, 100), [[3; 8]]);
        assert!(transmit(&mut challenges, 100).is_empty());
    }
}
