//! The end of a connection (RFC 9000 §10.2): what is said, how often, and for how long.
//!
//! Invariant: the first error wins; CONNECTION_CLOSE is rebuilt from it and never queued.

use super::refusal::Refusal;
use super::timer::Timers;
use super::{CloseReason, Connection, ConnectionError, Reason, State};
use crate::codec::VarInt;
use crate::fmt::debug;
use crate::frame_writer::FrameWriter;
use crate::recovery::Token;
use crate::time::Instant;
use crate::wire::frame::{Close, Frame};
use crate::wire::packet::Space;
use crate::wire::{Code, TransportError};

/// What is left to say and to count once a connection is closing.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// CONNECTION_CLOSE is to be sent (again).
    due: bool,
    /// Datagrams received since it was closed.
    stragglers: u32,
}

impl Closing {
    /// A datagram came after all: answer it, but only at each doubling of their number.
    pub(super) fn on_straggler(&mut self) {
        //= rfc9000#10.2.1
        self.stragglers = self.stragglers.saturating_add(1);
        self.due |= self.stragglers.is_power_of_two();
    }

    /// CONNECTION_CLOSE is to be sent now, once for each time it became due.
    pub(super) fn take_due(&mut self) -> bool {
        core::mem::take(&mut self.due)
    }
}

/// Writes the frame that tells the peer of `error` into a packet of `space`.
pub(super) fn write(error: &ConnectionError, space: Space, writer: &mut FrameWriter<'_>) {
    let frame = match error {
        ConnectionError::Transport(error) => transport(error),
        //= rfc9001#4.8
        ConnectionError::Tls(error) => transport(&error.transport()),
        ConnectionError::Local(CloseReason::Application { code, reason })
            if space == Space::Application =>
        {
            Close::Application {
                code: *code,
                reason: reason.as_bytes(),
            }
        }
        //= rfc9000#10.2.3
        // Before 1-RTT an application's code would be readable by anybody on the path.
        ConnectionError::Local(_) => Close::Transport {
            code: Code::APPLICATION_ERROR,
            frame: 0,
            reason: &[],
        },
        ConnectionError::Peer(_)
        | ConnectionError::TimedOut
        | ConnectionError::Reset
        | ConnectionError::VersionMismatch => return,
    };
    writer.frame(&Frame::ConnectionClose(frame), Token::None);
}

fn transport(error: &TransportError) -> Close<'static> {
    Close::Transport {
        code: error.code(),
        frame: error.frame().unwrap_or(0),
        reason: error.reason().as_bytes(),
    }
}

impl Connection<'_> {
    /// Closes the connection with the application's `code`; at most 64 bytes of `reason` are sent.
    ///
    /// Nothing that was written but not yet sent will be. A second call does nothing.
    pub fn close(&mut self, now: Instant, code: VarInt, reason: &str) {
        let reason = CloseReason::Application {
            code: code.get(),
            reason: Reason::new(reason.as_bytes()),
        };
        self.end(now, ConnectionError::Local(reason));
    }

    /// Ends the connection for what is wrong with a packet.
    pub(super) fn refuse(&mut self, now: Instant, refusal: Refusal) {
        if let Ok(error) = refusal.fatal() {
            self.end(now, error);
        }
    }

    /// Ends the connection, the first time it is called. Who has to be told follows from the reason.
    #[inline(never)]
    pub(super) fn end(&mut self, now: Instant, error: ConnectionError) {
        if !self.state.is_open() {
            return;
        }
        debug!("closing");
        self.state = match error {
            ConnectionError::Transport(_) | ConnectionError::Tls(_) | ConnectionError::Local(_) => {
                State::Closing
            }
            //= rfc9000#10.2.2
            ConnectionError::Peer(_) => State::Draining,
            ConnectionError::TimedOut
            | ConnectionError::Reset
            | ConnectionError::VersionMismatch => State::Closed,
        };
        self.close.due = true;
        self.timers = Timers::NONE;
        if self.state != State::Closed {
            //= rfc9000#10.2
            let pto = u64::from(self.recovery.probe_timeout_us());
            self.timers.close = now.after(pto * 3);
        }
        self.error = Some(error);
        self.events.closed = true;
        self.report_closed(now, &error);
    }
}
