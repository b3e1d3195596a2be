//! The sending part of a stream (RFC 9000 §3.1).
//!
//! ```text
//!   Send ── finish() and all sent ──▶ DataSent ── all acknowledged ──▶ DataRecvd
//!    │                                    │
//!    └── reset() or STOP_SENDING ─────────┴──▶ ResetSent ── acknowledged ──▶ ResetRecvd
//! ```
//! "Ready" is `Send` with nothing written. Invariant: what is not acknowledged can be sent again, until the
//! stream is reset.

use crate::mem::SendBuffer;

/// The RFC's states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendState {
    Send,
    DataSent,
    DataRecvd,
    ResetSent,
    ResetRecvd,
}

/// How the end of the stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fin {
    /// More may be written.
    Open,
    /// Nothing more will be written, and FIN is to be sent.
    Wanted,
    /// FIN is under way.
    Sent,
    /// FIN arrived.
    Acknowledged,
}

/// When a stream's data is sent in relation to others' (RFC 9218 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Priority {
    /// 0, the most urgent, to 7; larger values count as 7.
    pub urgency: u8,
    /// Takes turns with others of the same urgency instead of being sent to its end first.
    pub incremental: bool,
}

impl Default for Priority {
    fn default() -> Self {
        Self {
            urgency: 3,
            incremental: false,
        }
    }
}

/// The sending part of one stream. All zeros is an unused one.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    pub(super) buffer: SendBuffer,
    /// The peer's MAX_STREAM_DATA.
    pub(super) limit: u64,
    /// Up to here bytes are taken, whatever the limit: a whole was begun.
    pub(super) promised: u64,
    /// The code of RESET_STREAM.
    pub(super) code: u64,
    pub(super) state: SendState,
    pub(super) fin: Fin,
    pub(super) priority: Priority,
    /// The peer asked to stop, with `code`.
    pub(super) is_stopped: bool,
    /// STREAM_DATA_BLOCKED was said, or is to be said, for `limit`.
    pub(super) is_blocked_told: bool,
    /// Frames to be sent about it.
    pub(super) control: u8,
}

/// RESET_STREAM is to be sent.
pub(super) const RESET: u8 = 1;
/// STREAM_DATA_BLOCKED is to be sent.
pub(super) const BLOCKED: u8 = 2;

impl Sender {
    /// A part that was never used.
    pub const EMPTY: Self = Self {
        buffer: SendBuffer::EMPTY,
        limit: 0,
        promised: 0,
        code: 0,
        state: SendState::Send,
        fin: Fin::Open,
        priority: Priority {
            urgency: 0,
            incremental: false,
        },
        is_stopped: false,
        is_blocked_told: false,
        control: 0,
    };

    /// Bytes may still be sent.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, SendState::Send | SendState::DataSent)
    }

    /// The application can write.
    pub(super) fn is_writable(&self) -> bool {
        self.state == SendState::Send && self.fin == Fin::Open
    }

    /// Bytes never sent that the stream's own limit allows now.
    pub(super) fn sendable(&self) -> u64 {
        let end = self.buffer.end().min(self.limit);
        end.saturating_sub(self.buffer.next())
    }

    /// FIN left in a packet.
    pub(super) fn on_fin_sent(&mut self) {
        self.fin = Fin::Sent;
        self.state = SendState::DataSent;
    }

    /// Something is to be sent that needs no credit: lost bytes, or the end alone.
    pub(super) fn needs_no_credit(&self) -> bool {
        let is_end_alone = self.fin == Fin::Wanted && self.buffer.next() == self.buffer.end();
        self.is_open() && (self.buffer.has_lost() || is_end_alone)
    }

    /// Bytes wait that the stream's own limit forbids to send.
    pub(super) fn is_limited(&self) -> bool {
        self.buffer.next() == self.limit && self.buffer.end() > self.limit
    }

    /// Nothing more happens here.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(self.state, SendState::DataRecvd | SendState::ResetRecvd)
    }

    /// Set of streams with new data that it belongs to.
    pub(super) fn urgency(&self) -> usize {
        usize::from(self.priority.urgency.min(7))
    }
}

const _: () = assert!(size_of::<Sender>() <= 144);
