//! The way in of a response: from a ready slot to an event, and its content to the application.
//!
//! Invariant: a field section's bytes stay in the receive pool until the event that shows them is over.

use super::{Connection, Quic, READY, extent};
use crate::http3::Code;
use crate::http3::error::{Fault, RecvError};
use crate::http3::event::{Event, RequestId};
use crate::http3::field_rules::{self, Checked, Kind};
use crate::http3::fields::Received;
use crate::http3::response::Step;
use crate::http3::slot::{Receiving, Sending};
use crate::qpack::Section;

/// What a look at a slot found.
pub(super) enum Found {
    /// An event that borrows nothing.
    Event(Event<'static>),
    /// A field section: a response's with its status, or trailers.
    Section {
        status: Option<u16>,
        checked: Checked,
    },
}

/// Where the content of a response stands.
enum Content {
    /// So many bytes are there, in one or several pieces.
    There(usize),
    /// More will come.
    Later,
    /// That was all.
    Over,
}

impl<'m> Connection<'m> {
    /// Looks at the ready slots in turn until one has something to tell.
    pub(super) fn find(&mut self, quic: &mut Quic<'m>) -> Option<(RequestId, Found)> {
        while let Some(place) = self.ready.next(READY, self.turn) {
            self.turn = place + 1;
            if let Some(request) = self.slots[place].id()
                && let Some(found) = self.look(quic, place, request)
            {
                return Some((request, found));
            }
            self.ready.remove(READY, place);
        }
        None
    }

    fn look(&mut self, quic: &mut Quic<'m>, place: usize, request: RequestId) -> Option<Found> {
        let slot = &mut self.slots[place];
        if core::mem::take(&mut slot.writable_untold) {
            return Some(Found::Event(Event::Writable { request }));
        }
        //= rfc9114#5.2
        if slot.receiving == Receiving::Open
            && self.go_away.is_some_and(|last| request.stream_id() >= last)
        {
            slot.end(Receiving::Reset(Code::REQUEST_REJECTED));
            self.abandon(quic, place, Code::REQUEST_CANCELLED);
        }
        let receiving = self.slots[place].receiving;
        if receiving != Receiving::Open {
            return self.tell_end(place, request);
        }
        match self.advance(quic, place, request) {
            Ok(found) => found,
            Err(Fault::Connection(violation)) => {
                self.violate(violation);
                None
            }
            Err(Fault::Message(error)) => {
                self.slots[place].end(Receiving::Failed(error));
                self.abandon(quic, place, error.code());
                self.tell_end(place, request)
            }
        }
    }

    /// Says once how a response ended.
    fn tell_end(&mut self, place: usize, request: RequestId) -> Option<Found> {
        let slot = &mut self.slots[place];
        if !core::mem::take(&mut slot.end_untold) {
            return None;
        }
        let event = match slot.receiving {
            Receiving::Finished => Event::Finished { request },
            Receiving::Reset(code) => Event::Reset { request, code },
            Receiving::Failed(error) => Event::Failed { request, error },
            Receiving::Open | Receiving::Cancelled => return None,
        };
        self.on_half_over(place);
        Some(Found::Event(event))
    }

    /// A slot may have become free for another request.
    pub(super) fn on_half_over(&mut self, place: usize) {
        if self.slots[place].is_reusable() {
            self.on_requests_possible();
        }
    }

    /// Moves a response on until there is something to tell.
    fn advance(
        &mut self,
        quic: &mut Quic<'m>,
        place: usize,
        request: RequestId,
    ) -> Result<Option<Found>, Fault> {
        let id = request.stream_id();
        self.release(quic, place, request);
        loop {
            let Some(stream) = quic.recv_stream(id) else {
                return Ok(None);
            };
            let (available, ended) = extent(&stream);
            let stream_offset = stream.read_offset();
            let received = Received::new(quic, id);
            let slot = &mut self.slots[place];
            match slot
                .response
                .step(&received, available, ended, self.section_max)?
            {
                Step::Wait => return Ok(None),
                Step::Consume(count) => consume(quic, request, count),
                Step::Body { .. } => {
                    let end = stream_offset + available as u64;
                    if core::mem::replace(&mut slot.told_to, end) == end {
                        return Ok(None);
                    }
                    return Ok(Some(Found::Event(Event::Data { request })));
                }
                Step::Section { length } => {
                    let kind = slot.response.section_kind();
                    let section = Section::open(&received, 0, length)?;
                    let size_max = self.section_size_max;
                    let checked =
                        field_rules::check(section, &received, &mut self.scratch, kind, size_max)?;
                    slot.response.on_section(&checked, slot.method);
                    slot.lent = length;
                    let status = (kind == Kind::Head).then_some(checked.status);
                    return Ok(Some(Found::Section { status, checked }));
                }
                Step::End => {
                    if let Some(mut stream) = quic.recv_stream(id) {
                        stream.received_all();
                    }
                    self.slots[place].end(Receiving::Finished);
                    return Ok(self.tell_end(place, request));
                }
            }
        }
    }

    /// Gives back the bytes of the section that was shown last.
    fn release(&mut self, quic: &mut Quic<'m>, place: usize, request: RequestId) {
        let lent = core::mem::take(&mut self.slots[place].lent);
        consume(quic, request, lent);
    }

    /// Copies content to `out`.
    ///
    /// `Ok(0)` means the end of the content (or an empty `out`); trailers may follow.
    pub fn recv_body(
        &mut self,
        quic: &mut Quic<'m>,
        id: RequestId,
        out: &mut [u8],
    ) -> Result<usize, RecvError> {
        let mut copied = 0;
        while copied < out.len() {
            let place = self.receiving_slot(id)?;
            match self.content(quic, place, id)? {
                Content::There(length) => {
                    let length = length.min(out.len() - copied);
                    let Some(mut stream) = quic.recv_stream(id.stream_id()) else {
                        return Err(RecvError::Closed);
                    };
                    let Ok(length @ 1..) = stream.read(&mut out[copied..copied + length]) else {
                        return Err(RecvError::Closed);
                    };
                    self.slots[place].on_body(length);
                    copied += length;
                }
                Content::Over => break,
                Content::Later if copied > 0 => break,
                Content::Later => return Err(RecvError::Blocked),
            }
        }
        Ok(copied)
    }

    /// The content that comes next, as far as it lies in one piece; empty at its end.
    pub fn peek_body<'a>(
        &'a mut self,
        quic: &'a mut Quic<'m>,
        id: RequestId,
    ) -> Result<&'a [u8], RecvError> {
        let place = self.receiving_slot(id)?;
        match self.content(quic, place, id)? {
            Content::There(length) => {
                let piece = quic.peek_stream(id.stream_id(), 0);
                Ok(&piece[..length.min(piece.len())])
            }
            Content::Over => Ok(&[]),
            Content::Later => Err(RecvError::Blocked),
        }
    }

    /// Takes `count` bytes of what [`Connection::peek_body`] showed; more than that are not taken.
    pub fn consume_body(&mut self, quic: &mut Quic<'m>, id: RequestId, count: usize) {
        let Ok(place) = self.receiving_slot(id) else {
            return;
        };
        if let Ok(Content::There(length)) = self.content(quic, place, id) {
            let piece = quic.peek_stream(id.stream_id(), 0).len();
            let count = count.min(length).min(piece);
            consume(quic, id, count);
            self.slots[place].on_body(count);
        }
    }

    /// The slot of a request whose response can be read, and looked at again after this.
    fn receiving_slot(&mut self, id: RequestId) -> Result<usize, RecvError> {
        let place = self.slot(id).ok_or(RecvError::Closed)?;
        match self.slots[place].receiving {
            Receiving::Open | Receiving::Finished => {
                self.ready.insert(READY, place);
                Ok(place)
            }
            Receiving::Reset(code) => Err(RecvError::Reset(code)),
            Receiving::Failed(error) => Err(RecvError::Message(error)),
            Receiving::Cancelled => Err(RecvError::Closed),
        }
    }

    /// Passes what stands in front of the content: frame headers and unknown frames.
    fn content(
        &mut self,
        quic: &mut Quic<'m>,
        place: usize,
        id: RequestId,
    ) -> Result<Content, RecvError> {
        if self.slots[place].receiving == Receiving::Finished {
            return Ok(Content::Over);
        }
        self.release(quic, place, id);
        loop {
            let slot = &mut self.slots[place];
            let Some(stream) = quic.recv_stream(id.stream_id()) else {
                return Err(RecvError::Closed);
            };
            let (available, ended) = extent(&stream);
            let received = Received::new(quic, id.stream_id());
            // A fault is found again, and told, when the slot is looked at.
            let step = slot
                .response
                .step(&received, available, ended, self.section_max);
            match step.unwrap_or(Step::Wait) {
                Step::Consume(count) => consume(quic, id, count),
                Step::Body { length } => return Ok(Content::There(length)),
                Step::End => return Ok(Content::Over),
                Step::Wait | Step::Section { .. } if slot.response.is_behind_body() => {
                    return Ok(Content::Over);
                }
                Step::Wait | Step::Section { .. } => return Ok(Content::Later),
            }
        }
    }

    /// Wants nothing of a response any more, and says nothing more of the request.
    pub(super) fn abandon(&mut self, quic: &mut Quic<'m>, place: usize, code: Code) {
        let Some(id) = self.slots[place].id() else {
            return;
        };
        if let Some(mut stream) = quic.recv_stream(id.stream_id()) {
            stream.stop(code.varint());
        }
        self.reset_sending(quic, place, code);
    }

    /// The response is lost: the rest of the request is of no use.
    pub(super) fn abandon_sending(&mut self, quic: &mut Quic<'m>, place: usize) {
        self.reset_sending(quic, place, Code::REQUEST_CANCELLED);
    }

    fn reset_sending(&mut self, quic: &mut Quic<'m>, place: usize, code: Code) {
        let slot = &mut self.slots[place];
        let (Some(id), Sending::Open | Sending::Trailers) = (slot.id(), slot.sending) else {
            return;
        };
        slot.sending = Sending::Over;
        if let Some(mut stream) = quic.send_stream(id.stream_id()) {
            stream.reset(code.varint());
        }
    }
}

/// Takes `count` bytes off the front of a response.
fn consume(quic: &mut Quic<'_>, id: RequestId, count: usize) {
    if count > 0
        && let Some(mut stream) = quic.recv_stream(id.stream_id())
    {
        stream.consume(count);
    }
}
