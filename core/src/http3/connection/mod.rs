//! HTTP/3 over one QUIC connection (RFC 9114): which streams there are, and the order in which they are asked.
//!
//! Every verb takes the transport, so that it can be composed; [`super::Client`] owns both.
//!
//! ```text
//!   quic.poll_event ──absorb──▶ control, QPACK streams ──▶ settings, GOAWAY, violations
//!                        └────▶ request slots: ready ──▶ advance ──▶ Event
//! ```
//! Invariant: after a violation nothing is read or written any more; the transport is closed by `flush`,
//! which knows the time.

mod absorb;
mod receive;
mod report;
mod send;
#[cfg(test)]
mod tests;

use super::control::Control;
use super::error::Violation;
use super::event::{Event, RequestId};
use super::field_rules::Kind;
use super::fields::{Fields, Received};
use super::memory::Http3Memory;
use super::slot::{Receiving, RequestSlot};
use super::{Code, Settings};
use crate::connection::Connection as Quic;
use crate::limits::{Limits, REMOTE_UNIDIRECTIONAL};
use crate::mem::{Flags, Table};
use crate::stream::RecvStream;
use crate::time::Instant;
use crate::wire::StreamId;
use absorb::PeerStream;
use core::mem::take;
use receive::Found;

/// The one set of [`Http3Memory::ready`].
const READY: usize = 0;

/// What the peer is told, at most once each, when an event is asked for.
#[derive(Debug, Default)]
struct Untold {
    connected: bool,
    verification: bool,
    settings: bool,
    go_away: bool,
    requests: bool,
    closed: bool,
}

/// What ended the connection.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The server broke a rule of HTTP/3.
    Violation(Violation),
    /// The transport, which knows why.
    Transport,
}

/// Our own streams about the connection, in the order they are opened.
#[derive(Clone, Copy, Debug, Default)]
struct LocalStreams {
    ids: [Option<StreamId>; 3],
    /// How many have been opened and have said their type.
    started: usize,
}

impl LocalStreams {
    fn control(&self) -> Option<StreamId> {
        self.ids[0].filter(|_| self.started > 0)
    }
}

/// The HTTP/3 half of a client.
pub struct Connection<'m> {
    slots: Table<'m, RequestSlot>,
    /// Slots with something to look at.
    ready: Flags<'m>,
    /// Where the last look ended: the next begins behind it.
    turn: usize,
    scratch: Table<'m, u8>,
    section_max: usize,
    local: LocalStreams,
    peer: [Option<PeerStream>; REMOTE_UNIDIRECTIONAL],
    control: Control,
    /// Our GOAWAY: `Some(false)` is still to be sent.
    leaving: Option<bool>,
    /// Slots may hold priorities that are still to be sent.
    priorities_unsent: bool,
    /// A stream that was opened for a request that then found no room.
    spare: Option<StreamId>,
    /// A request was refused.
    requests_refused: bool,
    untold: Untold,
    end: Option<End>,
    /// The error is ours and the transport does not know of it yet.
    closing: bool,
}

impl<'m> Connection<'m> {
    /// HTTP/3 in `memory`, which was made for `limits`.
    pub fn new(memory: Http3Memory<'m>, limits: &Limits) -> Self {
        let members = memory.requests.len();
        Self {
            slots: memory.requests,
            ready: Flags::new(memory.ready, members),
            turn: 0,
            scratch: memory.scratch,
            section_max: limits.field_section,
            local: LocalStreams::default(),
            peer: [None; REMOTE_UNIDIRECTIONAL],
            control: Control::new(),
            leaving: None,
            priorities_unsent: false,
            spare: None,
            requests_refused: false,
            untold: Untold::default(),
            end: None,
            closing: false,
        }
    }

    /// Takes the next event; `None` when there is none. Draining it always ends.
    pub fn poll_event<'a>(&'a mut self, quic: &'a mut Quic<'m>) -> Option<Event<'a>> {
        self.absorb(quic);
        if self.end.is_some() && !self.untold.closed {
            // The end was told, and it was the last word.
            return None;
        }
        if let Some(event) = self.told() {
            return Some(event);
        }
        let Some((request, found)) = self.find(quic) else {
            let end = self.end.filter(|_| take(&mut self.untold.closed))?;
            let error = match end {
                End::Violation(violation) => violation.into(),
                End::Transport => quic.error()?.into(),
            };
            return Some(Event::Closed(error));
        };
        let (kind, checked) = match found {
            Found::Writable => return Some(Event::Writable { request }),
            Found::Data => return Some(Event::Data { request }),
            Found::End(how) => return end(request, how),
            Found::Section(kind, checked) => (kind, checked),
        };
        let length = self.slot(request.stream_id()).map_or(0, |slot| slot.lent);
        let id = request.stream_id();
        report::section(quic, id, kind, &checked, length, &mut self.scratch);
        let received = Received::new(quic, request.stream_id());
        let fields = Fields::new(received, checked.start, &mut self.scratch, checked.fields);
        let status = checked.status;
        Some(match kind {
            Kind::Trailers => Event::Trailers { request, fields },
            Kind::Head if status < 200 => Event::Informational {
                request,
                status,
                fields,
            },
            Kind::Head => Event::Response {
                request,
                status,
                fields,
            },
        })
    }

    /// Carries out what was decided and needs the time: call it before `quic.poll_transmit`.
    pub fn flush(&mut self, now: Instant, quic: &mut Quic<'m>) {
        self.start(quic);
        self.say_what_waits(quic);
        if let (true, Some(End::Violation(violation))) = (self.closing, self.end) {
            self.closing = false;
            quic.close(now, violation.code().varint(), violation.reason());
        }
    }

    /// Announces that no more requests will come, and makes none; those that were made go on.
    //= rfc9114#5.2
    pub fn go_away(&mut self, quic: &mut Quic<'m>) {
        self.leaving.get_or_insert(false);
        self.say_what_waits(quic);
    }

    /// Closes the connection with H3_NO_ERROR. Requests that are not complete are lost.
    pub fn close(&mut self, now: Instant, quic: &mut Quic<'m>) {
        quic.close(now, Code::NO_ERROR.varint(), "");
    }

    /// The server's settings, once they have arrived.
    pub fn settings(&self) -> Option<&Settings> {
        self.control.settings()
    }

    /// Requests that are not over.
    pub fn requests(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.is_reusable()).count()
    }

    /// A request could be made, as far as HTTP/3 knows.
    fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// The next event about the connection as a whole, but for its end.
    fn told(&mut self) -> Option<Event<'static>> {
        if take(&mut self.untold.verification) {
            return Some(Event::VerificationPending);
        }
        if take(&mut self.untold.connected) {
            return Some(Event::Connected);
        }
        if take(&mut self.untold.settings) {
            return self.control.settings().copied().map(Event::Settings);
        }
        if take(&mut self.untold.go_away) {
            return self.control.last().map(|last| Event::GoAway { last });
        }
        take(&mut self.untold.requests).then_some(Event::RequestsAvailable)
    }

    /// The server broke a rule: the connection ends.
    fn violate(&mut self, violation: Violation) {
        if self.end.is_none() {
            self.end = Some(End::Violation(violation));
            self.closing = true;
            self.untold.closed = true;
        }
    }

    /// The slot of the request on stream `id`.
    fn slot(&mut self, id: StreamId) -> Option<&mut RequestSlot> {
        let place = self.place(id, |slot| slot.is(id))?;
        self.slots.get_mut(place)
    }

    /// Where the first slot is that is `wanted`, looking first where stream `id` belongs: streams come in order, so
    /// a request's slot is nearly always where its number says.
    fn place(&self, id: StreamId, wanted: impl Fn(&RequestSlot) -> bool) -> Option<usize> {
        let count = self.slots.len();
        let mut place = (id.index() as usize).checked_rem(count)?;
        for _ in 0..count {
            if self.slots.get(place).is_some_and(&wanted) {
                return Some(place);
            }
            place = if place + 1 < count { place + 1 } else { 0 };
        }
        None
    }
}

/// How a response ended.
fn end(request: RequestId, how: Receiving) -> Option<Event<'static>> {
    match how {
        Receiving::Finished => Some(Event::Finished { request }),
        Receiving::Reset(code) => Some(Event::Reset { request, code }),
        Receiving::Failed(error) => Some(Event::Failed { request, error }),
        Receiving::Open | Receiving::Cancelled => None,
    }
}

/// Bytes of a stream that can be read now, and whether its end comes behind them.
fn extent(stream: &RecvStream<'_, '_>) -> (usize, bool) {
    let available = stream.available();
    let end = stream.read_offset().saturating_add(available as u64);
    (available, stream.final_size() == Some(end))
}
