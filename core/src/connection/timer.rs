//! The deadlines that belong to the connection as a whole; recovery and acknowledgements have their own.
//!
//! Invariant: `poll_timeout` is the minimum of everything that can become due.

use super::config::Settings;
use super::{Connection, ConnectionError, State};
use crate::recovery::Recovery;
use crate::time::{Duration, Instant};
use crate::wire::transport_parameters::TransportParameters;

/// One place for each deadline.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// Nothing heard for too long (RFC 9000 §10.1).
    pub(super) idle: Option<Instant>,
    /// A PING keeps the connection from becoming idle.
    pub(super) keep_alive: Option<Instant>,
    /// The end of closing or draining.
    pub(super) close: Option<Instant>,
    /// The replaced 1-RTT key may go.
    previous_key: Option<Instant>,
}

impl Timers {
    /// Those of a connection that begins.
    pub(super) fn start(now: Instant, settings: &Settings<'_>, recovery: &Recovery<'_>) -> Self {
        let mut timers = Self::default();
        timers.restart_idle(now, settings, idle_timeout(settings, None, recovery));
        timers
    }

    fn restart_idle(&mut self, now: Instant, settings: &Settings<'_>, timeout: Option<Duration>) {
        let Some(timeout) = timeout else {
            return;
        };
        self.idle = Some(now + timeout);
        if let Some(interval) = settings.keep_alive {
            //= rfc9000#10.1.2
            self.keep_alive = Some(now + interval.min(timeout / 2));
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Keeps the replaced key for three probe timeouts after the update (RFC 9001 §6.5).
    pub(super) fn keep_previous_key(&mut self, now: Instant, pto: Duration) {
        //= rfc9001#6.5
        self.previous_key.get_or_insert(now + pto * 3);
    }

    fn next(&self) -> Option<Instant> {
        [self.idle, self.keep_alive, self.close, self.previous_key]
            .into_iter()
            .flatten()
            .min()
    }
}

impl Connection<'_> {
    /// When [`Connection::handle_timeout`] is to be called next; `None` if nothing will become due.
    ///
    /// Changes with every other call: ask again after each.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !self.state.is_open() {
            return self.timers.next();
        }
        let acknowledge = self.parts.spaces.ack_deadline();
        let recovery = self.recovery.deadline().map(|deadline| deadline.at);
        [self.timers.next(), recovery, acknowledge]
            .into_iter()
            .flatten()
            .min()
    }

    /// Acts on every deadline that has passed. A call that comes too early is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if due(self.timers.close) {
            self.timers.clear();
            self.state = State::Closed;
            return;
        }
        if !self.state.is_open() {
            return;
        }
        if due(self.timers.idle) {
            return self.end(now, ConnectionError::TimedOut);
        }
        if due(self.timers.keep_alive) {
            self.timers.keep_alive = None;
            self.ping = true;
        }
        if due(self.timers.previous_key) {
            self.timers.previous_key = None;
            self.keyring.discard_previous();
        }
        let parts = &mut self.parts;
        self.recovery.on_timeout(now, &mut |space, outcome, token| {
            parts.on_outcome(space, outcome, token);
        });
        self.report_recovery(now);
    }

    /// Something authentic arrived, or the first packet since then was sent that wants an answer.
    pub(super) fn restart_idle(&mut self, now: Instant) {
        self.idle_restartable = true;
        let timeout = self.idle_timeout();
        self.timers.restart_idle(now, &self.settings, timeout);
    }

    /// An ack-eliciting packet was sent; the first one after each receipt restarts the idle timer.
    pub(super) fn on_ack_eliciting_sent(&mut self, now: Instant) {
        //= rfc9000#10.1
        if self.idle_restartable {
            self.restart_idle(now);
            self.idle_restartable = false;
        }
    }

    /// Silence after which the connection is over: the smaller of both sides' timeouts, and never less than three
    /// probe timeouts. `None` for never.
    pub fn idle_timeout(&self) -> Option<Duration> {
        idle_timeout(&self.settings, self.peer.as_ref(), &self.recovery)
    }
}

fn idle_timeout(
    settings: &Settings<'_>,
    peer: Option<&TransportParameters>,
    recovery: &Recovery<'_>,
) -> Option<Duration> {
    let local = settings.idle_timeout.filter(|timeout| !timeout.is_zero());
    let peer = peer.filter(|peer| peer.max_idle_timeout_ms > 0);
    let peer = peer.map(|peer| Duration::from_millis(peer.max_idle_timeout_ms));
    let timeout = match (local, peer) {
        (Some(local), Some(peer)) => local.min(peer),
        (one, other) => one.or(other)?,
    };
    //= rfc9000#10.1
    Some(timeout.max(recovery.probe_timeout() * 3))
}
