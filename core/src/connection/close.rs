//! The end of a connection (RFC 9000 §10.2): what is said, how often, and for how long.
//!
//! Invariant: the first reason wins; CONNECTION_CLOSE is rebuilt from it and never queued.

use super::{CloseReason, Connection, ConnectionError, Reason, State};
use crate::codec::VarInt;
use crate::fmt::debug;
use crate::time::Instant;
use crate::trace;
use crate::wire::frame::{Close, Frame};
use crate::wire::packet::Space;
use crate::wire::{Code, TransportError};

/// What is left to say and to count once a connection is closing.
#[derive(Debug, Default)]
pub(super) struct Closing {
    reason: Option<CloseReason>,
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

    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    pub(super) fn on_sent(&mut self) {
        self.due = false;
    }

    /// The frame to send in `space`.
    pub(super) fn frame(&self, space: Space) -> Option<Frame<'_>> {
        Some(Frame::ConnectionClose(match self.reason.as_ref()? {
            CloseReason::Transport {
                code,
                frame,
                reason,
            } => Close::Transport {
                code: *code,
                frame: *frame,
                reason: reason.as_bytes(),
            },
            //= rfc9000#10.2.3
            // Before 1-RTT an application's code would be readable by anybody on the path.
            CloseReason::Application { .. } if space != Space::Application => Close::Transport {
                code: Code::APPLICATION_ERROR,
                frame: 0,
                reason: &[],
            },
            CloseReason::Application { code, reason } => Close::Application {
                code: *code,
                reason: reason.as_bytes(),
            },
        }))
    }
}

impl From<TransportError> for ConnectionError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
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
        self.start_closing(now, reason, ConnectionError::Local(reason));
    }

    /// Ends the connection for an error of either side that the peer is to be told of.
    pub(super) fn fail(&mut self, now: Instant, error: ConnectionError) {
        let reason = match error {
            ConnectionError::Transport(error) => error.into(),
            ConnectionError::Tls(error) => {
                //= rfc9001#4.8
                error.transport().into()
            }
            ConnectionError::Local(reason) => reason,
            ConnectionError::Peer(_)
            | ConnectionError::TimedOut
            | ConnectionError::Reset
            | ConnectionError::VersionMismatch => return self.end(now, error),
        };
        self.start_closing(now, reason, error);
    }

    fn start_closing(&mut self, now: Instant, reason: CloseReason, error: ConnectionError) {
        if !self.state.is_open() {
            return;
        }
        debug!("closing");
        self.close = Closing {
            reason: Some(reason),
            due: true,
            stragglers: 0,
        };
        self.enter_last_state(now, State::Closing, error);
    }

    /// The peer closed: nothing is sent any more.
    pub(super) fn drain(&mut self, now: Instant, error: ConnectionError) {
        //= rfc9000#10.2.2
        if self.state.is_open() {
            self.enter_last_state(now, State::Draining, error);
        }
    }

    /// Over at once, without a word.
    pub(super) fn end(&mut self, now: Instant, error: ConnectionError) {
        if self.state.is_open() {
            self.enter_last_state(now, State::Closed, error);
            self.timers.clear();
        }
    }

    fn enter_last_state(&mut self, now: Instant, state: State, error: ConnectionError) {
        let pto = self.recovery.probe_timeout();
        self.state = state;
        self.error = Some(error);
        self.events.closed = true;
        self.timers.clear();
        //= rfc9000#10.2
        self.timers.close = Some(now + pto * 3);
        self.report(now, &trace::Event::Closed);
    }
}
