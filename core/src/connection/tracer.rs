//! What a sink is told of a connection: what happened, and what has changed since it was told last.
//!
//! Invariant: nothing here is read by the engine. Without the feature `sink` there is nothing here at all.

#[cfg(feature = "sink")]
use super::State;
use super::{CloseReason, Connection, ConnectionError};
#[cfg(feature = "sink")]
use crate::mem::Object;
#[cfg(feature = "sink")]
use crate::recovery::{Outcome, Token};
use crate::stream::StreamEvent;
use crate::time::Instant;
use crate::trace::{Closure, Event, Owner, StreamSide, StreamState};
#[cfg(feature = "sink")]
use crate::trace::{Metrics, Sink};
#[cfg(feature = "sink")]
use crate::wire::packet::Space;
use crate::wire::{Side, StreamId};

/// The way to the sink, if there is one.
#[cfg(feature = "sink")]
#[derive(Default)]
pub(crate) struct Tracer<'m> {
    sink: Option<Object<'m, dyn Sink>>,
    /// The latest time that a verb was given: some that report have none.
    now: Instant,
    told: Told,
}

/// The way to no sink.
#[cfg(not(feature = "sink"))]
#[derive(Default)]
pub(crate) struct Tracer<'m>(core::marker::PhantomData<&'m ()>);

/// What the sink knows of things that change by themselves.
#[cfg(feature = "sink")]
#[derive(Default)]
struct Told {
    state: Option<State>,
    metrics: Metrics,
    phase: &'static str,
    datagram: u16,
    key_updates: u32,
}

#[cfg(feature = "sink")]
impl<'m> Tracer<'m> {
    /// Somebody listens. What is made for a report only is made only then.
    pub(crate) fn is_on(&self) -> bool {
        #[cfg(all(feature = "log", not(feature = "defmt")))]
        if log::log_enabled!(log::Level::Debug) {
            return true;
        }
        #[cfg(feature = "defmt")]
        if crate::fmt::IS_TELLING {
            return true;
        }
        self.sink.is_some()
    }

    /// Time has come so far.
    pub(super) fn at(&mut self, now: Instant) {
        self.now = now;
    }

    /// Reports `event` as happening now.
    pub(crate) fn event(&mut self, event: &Event<'_>) {
        #[cfg(all(feature = "log", not(feature = "defmt")))]
        {
            let level = if event.is_phase() {
                log::Level::Debug
            } else {
                log::Level::Trace
            };
            let line = crate::trace::Line(event);
            log::log!(level, "{} us: {line}", self.now.as_micros());
        }
        #[cfg(feature = "defmt")]
        if crate::fmt::IS_TELLING {
            let (now, line) = (self.now.as_micros(), crate::trace::Line(event));
            let line = defmt::Display2Format(&line);
            if event.is_phase() {
                defmt::debug!("{=u64} us: {}", now, line);
            } else {
                defmt::trace!("{=u64} us: {}", now, line);
            }
        }
        if let Some(sink) = &mut self.sink {
            sink.event(self.now, event);
        }
    }

    pub(super) fn set(&mut self, sink: Object<'m, dyn Sink>) {
        self.sink = Some(sink);
    }
}

#[cfg(not(feature = "sink"))]
impl Tracer<'_> {
    /// Nobody listens.
    pub(crate) const fn is_on(&self) -> bool {
        false
    }

    pub(super) fn at(&mut self, _: Instant) {}

    pub(crate) fn event(&mut self, _: &Event<'_>) {}
}

impl Tracer<'_> {
    /// The fate of a packet as a whole, which no component but this one cares for.
    #[cfg(feature = "sink")]
    pub(super) fn on_packet(&mut self, space: Space, outcome: Outcome, token: Token) {
        if let (true, Token::Packet { number, trigger }) = (self.is_on(), token) {
            self.event(&match outcome {
                Outcome::Acknowledged => Event::PacketAcknowledged { space, number },
                Outcome::Lost => Event::PacketLost {
                    space,
                    number,
                    trigger,
                },
            });
        }
    }

    /// A stream was opened, or one of its halves ended.
    fn on_stream_event(&mut self, event: StreamEvent) {
        let (id, side, state) = match event {
            StreamEvent::Opened { id } => return self.on_opened(id, Owner::Remote),
            StreamEvent::Finished { id } => (id, StreamSide::Sending, StreamState::DataReceived),
            StreamEvent::Stopped { id, .. } => (id, StreamSide::Sending, StreamState::Stopped),
            StreamEvent::Reset { id, .. } => {
                (id, StreamSide::Receiving, StreamState::ResetReceived)
            }
            StreamEvent::Readable { .. }
            | StreamEvent::Writable { .. }
            | StreamEvent::Available { .. } => return,
        };
        let owner = Owner::Remote;
        self.event(&Event::StreamUpdated {
            id,
            side,
            state,
            owner,
        });
    }

    fn on_opened(&mut self, id: StreamId, owner: Owner) {
        for &side in StreamSide::of(owner, id.direction()) {
            let state = StreamState::Open;
            self.event(&Event::StreamUpdated {
                id,
                side,
                state,
                owner,
            });
        }
    }
}

impl<'m> Connection<'m> {
    /// Reports events to `sink` from now on. Set before [`Connection::start`], it hears of everything.
    #[cfg(feature = "sink")]
    pub fn set_sink(&mut self, sink: Object<'m, dyn Sink>) {
        self.parts.tracer.set(sink);
    }

    /// The estimates and the window, as a sink is told them.
    #[cfg(feature = "sink")]
    pub fn metrics(&self) -> Metrics {
        self.recovery.metrics()
    }

    /// What the congestion controller is called.
    #[cfg(feature = "sink")]
    pub fn congestion_control(&self) -> &'static str {
        self.recovery.congestion_control()
    }

    /// What the congestion controller is doing, in the words of its specification.
    #[cfg(feature = "sink")]
    pub fn congestion_phase(&self) -> &'static str {
        self.recovery.phase()
    }

    /// The way to the sink, for what stands above.
    pub(crate) fn tracer(&mut self) -> &mut Tracer<'m> {
        &mut self.parts.tracer
    }

    /// Reports `event` as happening at `now`.
    pub(super) fn report(&mut self, now: Instant, event: &Event<'_>) {
        self.parts.tracer.at(now);
        if self.parts.tracer.is_on() {
            self.parts.tracer.event(event);
        }
    }

    /// Reports what changed since the last look. Called where a verb that has the time ends.
    pub(super) fn observe(&mut self, now: Instant) {
        self.parts.tracer.at(now);
        #[cfg(feature = "sink")]
        if self.parts.tracer.is_on() {
            self.observe_state();
            self.observe_recovery();
        }
    }

    #[cfg(feature = "sink")]
    fn observe_state(&mut self) {
        let tracer = &mut self.parts.tracer;
        if tracer.told.state.replace(self.state) != Some(self.state) {
            let state = match self.state {
                State::Handshaking => "attempted",
                State::Established => "handshake_complete",
                State::Confirmed => "handshake_confirmed",
                State::Closing => "closing",
                State::Draining => "draining",
                State::Closed => "closed",
            };
            tracer.event(&Event::StateUpdated { state });
        }
        let updates = self.counters.key_updates;
        if core::mem::replace(&mut tracer.told.key_updates, updates) != updates {
            tracer.event(&Event::KeyUpdated { updates });
        }
    }

    #[cfg(feature = "sink")]
    fn observe_recovery(&mut self) {
        let (metrics, phase) = (self.recovery.metrics(), self.recovery.phase());
        let new = self.recovery.datagram_size();
        let tracer = &mut self.parts.tracer;
        if core::mem::replace(&mut tracer.told.metrics, metrics) != metrics {
            tracer.event(&Event::MetricsUpdated(metrics));
        }
        if core::mem::replace(&mut tracer.told.phase, phase) != phase {
            tracer.event(&Event::CongestionPhase { phase });
        }
        let old = core::mem::replace(&mut tracer.told.datagram, new);
        if old != new && old != 0 {
            tracer.event(&Event::MtuUpdated { old, new });
        }
    }

    /// Reports what an event that is being handed out means for a stream.
    pub(super) fn report_stream(&mut self, event: StreamEvent) {
        if self.parts.tracer.is_on() {
            self.parts.tracer.on_stream_event(event);
        }
    }

    /// Reports a stream that was opened here.
    pub(super) fn report_opened(&mut self, id: StreamId) {
        debug_assert_eq!(id.initiator(), Side::Client);
        if self.parts.tracer.is_on() {
            self.parts.tracer.on_opened(id, Owner::Local);
        }
    }

    /// Reports the end.
    pub(super) fn report_closed(&mut self, now: Instant, error: &ConnectionError) {
        self.parts.tracer.at(now);
        if self.parts.tracer.is_on() {
            self.parts.tracer.event(&Event::Closed(closure(error)));
            self.observe(now);
        }
    }
}

fn closure(error: &ConnectionError) -> Closure<'_> {
    let refused = |error: &crate::wire::TransportError| Closure::Transport {
        owner: Owner::Local,
        code: error.code().get(),
        reason: error.reason().as_bytes(),
    };
    match error {
        ConnectionError::TimedOut => Closure::IdleTimeout,
        ConnectionError::Reset => Closure::StatelessReset,
        ConnectionError::VersionMismatch => Closure::VersionMismatch,
        ConnectionError::Local(close) => said(Owner::Local, close),
        ConnectionError::Peer(close) => said(Owner::Remote, close),
        ConnectionError::Transport(error) => refused(error),
        ConnectionError::Tls(error) => refused(&error.transport()),
    }
}

/// A CONNECTION_CLOSE of `owner`.
fn said(owner: Owner, close: &CloseReason) -> Closure<'_> {
    match close {
        CloseReason::Transport { code, reason, .. } => Closure::Transport {
            owner,
            code: code.get(),
            reason: reason.as_bytes(),
        },
        CloseReason::Application { code, reason } => Closure::Application {
            owner,
            code: *code,
            reason: reason.as_bytes(),
        },
    }
}
