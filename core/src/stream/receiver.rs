//! The receiving part of a stream (RFC 9000 §3.2).
//!
//! ```text
//!   Recv ──────── final size ──────▶ SizeKnown ── read to the end ──▶ DataRead
//!    │ ╲                             (all data there: "Data Recvd")
//!    │  RESET_STREAM ──▶ ResetRecvd ── told to the application ──▶ ResetRead
//! ```
//! Invariant: the final size never changes once it is known, and no byte beyond it or beyond the limit is
//! taken.

use crate::mem::{Pool, ReceiveBuffer};
use crate::time::Instant;
use crate::wire::{Code, TransportError, rule};

/// The RFC's states; "Data Recvd" is `SizeKnown` with nothing missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecvState {
    Recv,
    SizeKnown,
    DataRead,
    ResetRecvd,
    ResetRead,
}

/// The receiving part of one stream. All zeros is an unused one.
#[derive(Clone, Copy, Debug)]
pub struct Receiver {
    pub(super) buffer: ReceiveBuffer,
    /// MAX_STREAM_DATA the peer knows.
    pub(super) limit: u64,
    /// Meaningful once the state is not `Recv`.
    final_size: u64,
    /// The code of STOP_SENDING or of the peer's RESET_STREAM.
    pub(super) code: u64,
    /// Read offset when the share was last reconsidered.
    pub(super) mark: u64,
    /// And the time.
    pub(super) marked_at: Instant,
    /// Short rounds in a row since the share last grew.
    pub(super) quick_rounds: u8,
    /// Bytes beyond the read offset that the peer shall be allowed.
    pub(super) share: u32,
    pub(super) state: RecvState,
    /// The application wants no more: bytes are discarded as they come.
    pub(super) is_stopped: bool,
    /// Frames to be sent about it.
    pub(super) control: u8,
}

/// MAX_STREAM_DATA is to be sent, if there is something to tell.
pub(super) const MORE: u8 = 1;
/// MAX_STREAM_DATA is to be sent in any case: the last one was lost.
pub(super) const MORE_AGAIN: u8 = 2;
/// STOP_SENDING is to be sent.
pub(super) const STOP: u8 = 4;

impl Receiver {
    /// A part that was never used.
    pub const EMPTY: Self = Self {
        buffer: ReceiveBuffer::EMPTY,
        limit: 0,
        final_size: 0,
        code: 0,
        mark: 0,
        marked_at: Instant::ZERO,
        quick_rounds: 0,
        share: 0,
        state: RecvState::Recv,
        is_stopped: false,
        control: 0,
    };

    /// A new part whose peer may send `share` bytes.
    pub(super) fn open(share: u64) -> Self {
        Self {
            limit: share,
            // Part of a window, which has at most 1 GiB.
            share: share as u32,
            ..Self::EMPTY
        }
    }

    pub(super) fn final_size(&self) -> Option<u64> {
        (self.state != RecvState::Recv).then_some(self.final_size)
    }

    /// Bytes that may still be in the buffer or come, beyond the read offset.
    pub(super) fn allowance(&self) -> u64 {
        let end = match self.state {
            RecvState::Recv if !self.is_stopped => self.limit,
            RecvState::SizeKnown if !self.is_stopped => self.final_size,
            _ => return 0,
        };
        end - self.buffer.read_offset()
    }

    /// Bytes may still be taken.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, RecvState::Recv | RecvState::SizeKnown)
    }

    /// The peer gave up.
    pub(super) fn is_reset(&self) -> bool {
        matches!(self.state, RecvState::ResetRecvd | RecvState::ResetRead)
    }

    /// The peer may be asked for more: it has not said where the end is, and the application reads.
    pub(super) fn is_wanted(&self) -> bool {
        self.state == RecvState::Recv && !self.is_stopped
    }

    /// Everything up to the end is there.
    pub(super) fn is_complete(&self) -> bool {
        self.state == RecvState::SizeKnown && self.buffer.ready() == self.final_size
    }

    /// Everything up to the end was consumed.
    pub(super) fn is_at_end(&self) -> bool {
        self.state == RecvState::DataRead
            || (self.state == RecvState::SizeKnown && self.buffer.read_offset() == self.final_size)
    }

    /// The application will not ask again.
    pub(super) fn is_left(&self) -> bool {
        self.is_stopped || matches!(self.state, RecvState::DataRead | RecvState::ResetRead)
    }

    /// Nothing more comes, and the application will not ask again.
    pub(super) fn is_terminal(&self) -> bool {
        self.is_left() && self.state != RecvState::Recv
    }

    /// Bytes that can be read and were not.
    pub(super) fn unread(&self) -> u64 {
        self.buffer.ready() - self.buffer.read_offset()
    }

    /// There is credit worth a MAX_STREAM_DATA, or the peer can do nothing before it gets one.
    pub(super) fn is_update_due(&self) -> bool {
        if !self.is_wanted() {
            return false;
        }
        let limit = self.buffer.read_offset() + u64::from(self.share);
        let more = limit.saturating_sub(self.limit);
        more > 0 && (more >= u64::from(self.share) / 4 || self.buffer.high() == self.limit)
    }

    /// Checks a frame that ends at `end`, which is the final size if `is_final`, against what is known.
    /// Returns how many bytes it adds to the highest offset.
    //= rfc9000#4.5
    pub(super) fn admit(&self, end: u64, is_final: bool) -> Result<u64, TransportError> {
        if let Some(size) = self.final_size() {
            if end > size {
                return Err(TransportError::new(rule!(
                    Code::FINAL_SIZE_ERROR,
                    "data beyond the final size"
                )));
            }
            if is_final && end != size {
                return Err(TransportError::new(rule!(
                    Code::FINAL_SIZE_ERROR,
                    "the final size changed"
                )));
            }
            return Ok(0);
        }
        let high = self.buffer.high();
        if is_final && end < high {
            return Err(TransportError::new(rule!(
                Code::FINAL_SIZE_ERROR,
                "the final size is below data"
            )));
        }
        //= rfc9000#4.1
        if end > self.limit {
            return Err(TransportError::new(rule!(
                Code::FLOW_CONTROL_ERROR,
                "more than MAX_STREAM_DATA"
            )));
        }
        Ok(end.saturating_sub(high))
    }

    /// The final size is known.
    pub(super) fn on_final_size(&mut self, size: u64) {
        if self.state == RecvState::Recv {
            self.state = RecvState::SizeKnown;
            self.final_size = size;
            self.control = 0;
        }
    }

    /// Throws away what is buffered and all that comes up to `end`. Returns the bytes that count as
    /// consumed by that.
    pub(super) fn discard(&mut self, pool: &mut Pool<'_>, end: u64) -> u64 {
        self.buffer.discard_to(pool, end)
    }
}

const _: () = assert!(size_of::<Receiver>() <= 96);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::leaked_memory;

    fn code(result: Result<u64, TransportError>) -> Code {
        result.unwrap_err().code()
    }

    //= rfc9000#4.1 test
    #[test]
    fn the_limit_is_exact() {
        let receiver = Receiver::open(100);
        assert_eq!(receiver.admit(100, false), Ok(100));
        assert_eq!(code(receiver.admit(101, false)), Code::FLOW_CONTROL_ERROR);
    }

    //= rfc9000#4.5 test
    #[test]
    fn the_final_size_holds() {
        let mut pool = Pool::new(leaked_memory(4, 32), 32);
        let mut receiver = Receiver::open(100);
        receiver.buffer.write(&mut pool, 10, &[0; 10]).unwrap();
        assert_eq!(code(receiver.admit(19, true)), Code::FINAL_SIZE_ERROR);
        assert_eq!(receiver.admit(30, true), Ok(10));
        receiver.on_final_size(30);
        assert_eq!(receiver.admit(30, false), Ok(0));
        assert_eq!(code(receiver.admit(31, false)), Code::FINAL_SIZE_ERROR);
        assert_eq!(code(receiver.admit(29, true)), Code::FINAL_SIZE_ERROR);
        assert_eq!(receiver.admit(29, false), Ok(0));
        receiver.on_final_size(7);
        assert_eq!(receiver.final_size(), Some(30));
        assert!(!receiver.is_complete() && !receiver.is_at_end());
    }
}
