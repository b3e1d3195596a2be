//! The deadlines that belong to the connection as a whole; recovery and acknowledgements have their own.
//!
//! Invariant: `poll_timeout` is the minimum of everything that can become due.

use super::config::{NEVER_MS, Settings};
use super::{Connection, ConnectionError, State};
use crate::recovery::Recovery;
use crate::time::{Duration, Instant};

/// One place for each deadline.
#[derive(Debug)]
pub(super) struct Timers {
    /// Nothing heard for too long (RFC 9000 §10.1).
    pub(super) idle: Instant,
    /// A PING keeps the connection from becoming idle.
    pub(super) keep_alive: Instant,
    /// The end of closing or draining.
    pub(super) close: Instant,
    /// The replaced 1-RTT key may go.
    previous_key: Instant,
}

impl Timers {
    /// None is running.
    pub(super) const NONE: Self = Self {
        idle: Instant::NEVER,
        keep_alive: Instant::NEVER,
        close: Instant::NEVER,
        previous_key: Instant::NEVER,
    };

    /// Those of a connection that begins.
    pub(super) fn start(now: Instant, settings: &Settings<'_>, recovery: &Recovery<'_>) -> Self {
        let mut timers = Self::NONE;
        timers.restart_idle(now, settings, idle_timeout_us(settings, NEVER_MS, recovery));
        timers
    }

    fn restart_idle(&mut self, now: Instant, settings: &Settings<'_>, timeout_us: u64) {
        self.idle = now.after(timeout_us);
        //= rfc9000#10.1.2
        if settings.keep_alive_ms != NEVER_MS && timeout_us != u64::MAX {
            let interval = settings.keep_alive_ms.saturating_mul(1_000);
            self.keep_alive = now.after(interval.min(timeout_us / 2));
        }
    }

    /// The keys were updated: how long the replaced one stays is not known yet.
    pub(super) fn forget_previous_key(&mut self) {
        self.previous_key = Instant::NEVER;
    }

    /// Keeps the replaced key for three probe timeouts after the first packet with the new one (RFC 9001 §6.5).
    pub(super) fn keep_previous_key(&mut self, now: Instant, pto_us: u32) {
        //= rfc9001#6.5
        if self.previous_key == Instant::NEVER {
            self.previous_key = now.after(u64::from(pto_us) * 3);
        }
    }

    fn next(&self) -> Instant {
        let earlier = self.idle.min(self.keep_alive);
        earlier.min(self.close).min(self.previous_key)
    }
}

impl Connection<'_> {
    /// When [`Connection::handle_timeout`] is to be called next; `None` if nothing will become due.
    ///
    /// Changes with every other call: ask again after each.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let mut next = self.timers.next();
        if self.state.is_open() {
            next = next.min(self.parts.spaces.ack_deadline());
            next = next.min(self.recovery.deadline().at);
            #[cfg(feature = "migration")]
            {
                next = next.min(self.routes.deadline());
            }
        }
        next.unless_never()
    }

    /// Acts on every deadline that has passed. A call that comes too early is harmless.
    #[inline(never)]
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.timers.close <= now {
            self.timers = Timers::NONE;
            self.state = State::Closed;
            return self.observe(now);
        }
        if !self.state.is_open() {
            return;
        }
        if self.timers.idle <= now {
            return self.end(now, ConnectionError::TimedOut);
        }
        if self.timers.keep_alive <= now {
            self.timers.keep_alive = Instant::NEVER;
            self.ping = true;
        }
        if self.timers.previous_key <= now {
            self.timers.previous_key = Instant::NEVER;
            self.keyring.discard_previous();
        }
        #[cfg(feature = "migration")]
        self.handle_path_timeout(now);
        let parts = &mut self.parts;
        self.recovery.on_timeout(now, &mut |space, outcome, token| {
            parts.on_outcome(space, outcome, token);
        });
        self.observe(now);
    }

    /// Something authentic arrived, or the first packet since then was sent that wants an answer.
    pub(super) fn restart_idle(&mut self, now: Instant) {
        self.idle_restartable = true;
        let timeout = self.idle_timeout_us();
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
        let timeout = self.idle_timeout_us();
        (timeout != u64::MAX).then(|| Duration::from_micros(timeout))
    }

    fn idle_timeout_us(&self) -> u64 {
        let promised = self.promise.idle_timeout_ms;
        idle_timeout_us(&self.settings, promised, &self.recovery)
    }
}

/// The idle timeout in microseconds, the largest number for never.
fn idle_timeout_us(settings: &Settings<'_>, promised_ms: u64, recovery: &Recovery<'_>) -> u64 {
    let timeout = settings.idle_timeout_ms.min(promised_ms);
    //= rfc9000#10.1
    let probes = u64::from(recovery.probe_timeout_us()) * 3;
    timeout.saturating_mul(1_000).max(probes)
}
