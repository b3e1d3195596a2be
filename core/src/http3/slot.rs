//! One request and its response: where both stand.
//!
//! Invariant: a slot belongs to one stream; it can be reused when both halves are over, and is kept until
//! then, so that late questions get the true answer.

use super::error::MessageError;
use super::event::RequestId;
use super::response::{Method, Response};
use super::{Code, Priority};
use crate::connection::Connection;
use crate::wire::StreamId;

/// The response's half. Its representation is fixed: `Open` is zero, so that an empty slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Receiving {
    /// More may come.
    Open,
    /// Complete and read to its end.
    Finished,
    /// The server abandoned it.
    Reset(Code),
    /// We gave it up.
    Failed(MessageError),
    /// The application gave it up.
    Cancelled,
}

/// The request's half. `Open` is zero, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Sending {
    /// Content may follow.
    Open,
    /// Trailers were sent: only the end may follow.
    Trailers,
    /// The server does not want more.
    Stopped(Code),
    /// The end was said, or the half was reset.
    Over,
}

/// Memory for one request. All zeros is an empty slot.
#[derive(Clone, Copy, Debug)]
pub struct RequestSlot {
    /// Some request has the slot, and its stream is `stream`.
    taken: bool,
    stream: StreamId,
    pub(crate) response: Response,
    pub(crate) method: Method,
    pub(crate) receiving: Receiving,
    pub(crate) sending: Sending,
    /// Bytes of a field section that was shown by an event and is released at the next touch.
    pub(crate) lent: usize,
    /// Where the content ended that was told last: it is told again only when there is more, or when a read left
    /// something behind. 0 for neither.
    pub(crate) told_to: u64,
    /// The end of the receiving half has not been told yet.
    pub(crate) end_untold: bool,
    /// A refused write can succeed, or is known to fail.
    pub(crate) writable_untold: bool,
    /// The priority that was asked for last, once one was.
    priority: Priority,
    /// It is still to be sent.
    priority_untold: bool,
}

impl RequestSlot {
    /// No request.
    pub const EMPTY: Self = Self {
        taken: false,
        stream: StreamId::ZERO,
        response: Response::NEW,
        method: Method::Other,
        receiving: Receiving::Open,
        sending: Sending::Open,
        lent: 0,
        told_to: 0,
        end_untold: false,
        writable_untold: false,
        priority: Priority::new(0),
        priority_untold: false,
    };

    pub(crate) fn new(id: RequestId, method: Method) -> Self {
        Self {
            taken: true,
            stream: id.stream_id(),
            method,
            ..Self::EMPTY
        }
    }

    pub(crate) fn is(&self, id: StreamId) -> bool {
        self.taken && self.stream == id
    }

    /// The stream of a slot that is not empty.
    pub(crate) fn id(&self) -> Option<RequestId> {
        self.taken.then_some(RequestId::new(self.stream))
    }

    /// Nothing can happen to its request any more, so another may have it.
    pub(crate) fn is_reusable(&self) -> bool {
        let received = self.receiving != Receiving::Open && !self.end_untold;
        !self.taken || received && matches!(self.sending, Sending::Over | Sending::Stopped(_))
    }

    /// A new priority is to be sent.
    pub(crate) fn set_priority(&mut self, priority: Priority) {
        self.priority = priority;
        self.priority_untold = true;
    }

    /// The priority that is still to be sent.
    pub(crate) fn untold_priority(&self) -> Option<Priority> {
        self.priority_untold.then_some(self.priority)
    }

    /// The new priority was sent.
    pub(crate) fn on_priority_told(&mut self) {
        self.priority_untold = false;
    }

    /// The application has read `length` bytes of content; what it left is told again.
    pub(crate) fn on_body(&mut self, length: usize) {
        self.response.on_body(length);
        self.told_to = 0;
    }

    /// Wants nothing of the response any more, and says nothing more of the request.
    pub(crate) fn abandon(&mut self, quic: &mut Connection<'_>, code: Code) {
        if let Some(id) = self.id()
            && let Some(mut stream) = quic.recv_stream(id.stream_id())
        {
            stream.stop(code.varint());
        }
        self.reset_sending(quic, code);
    }

    /// Says nothing more of the request.
    pub(crate) fn reset_sending(&mut self, quic: &mut Connection<'_>, code: Code) {
        let (Some(id), Sending::Open | Sending::Trailers) = (self.id(), self.sending) else {
            return;
        };
        self.sending = Sending::Over;
        if let Some(mut stream) = quic.send_stream(id.stream_id()) {
            stream.reset(code.varint());
        }
    }

    /// Gives back the bytes of the section that was shown last.
    pub(crate) fn release(&mut self, quic: &mut Connection<'_>) {
        let lent = core::mem::take(&mut self.lent);
        self.consume(quic, lent);
    }

    /// Takes `count` bytes off the front of the response.
    pub(crate) fn consume(&self, quic: &mut Connection<'_>, count: usize) {
        if count > 0
            && let Some(id) = self.id()
            && let Some(mut stream) = quic.recv_stream(id.stream_id())
        {
            stream.consume(count);
        }
    }

    /// The response ends here, and an event will say so.
    pub(crate) fn end(&mut self, how: Receiving) {
        debug_assert!(how != Receiving::Open);
        if self.receiving == Receiving::Open {
            self.receiving = how;
            self.end_untold = true;
        }
    }
}

const _: () = assert!(size_of::<RequestSlot>() <= 136);
