//! The way in of a response: from a ready slot to an event, and its content to the application.
//!
//! Invariant: a field section's bytes stay in the receive pool until the event that shows them is over.

use super::{Connection, Quic, READY, extent};
use crate::codec::to_u64;
use crate::http3::Code;
use crate::http3::error::{Fault, RecvError};
use crate::http3::event::RequestId;
use crate::http3::field_rules::{self, Checked, Kind};
use crate::http3::fields::Received;
use crate::http3::memory::field_section_size;
use crate::http3::response::Step;
use crate::http3::slot::{Receiving, RequestSlot};
use crate::qpack::Section;

/// What a look at a slot found.
pub(super) enum Found {
    /// A refused write can succeed, or fails for good.
    Writable,
    /// Content.
    Data,
    /// The end of the response, which the slot knows.
    End(Receiving),
    /// A field section: a response's, or trailers.
    Section(Kind, Checked),
}

impl<'m> Connection<'m> {
    /// Looks at the ready slots in turn until one has something to tell.
    pub(super) fn find(&mut self, quic: &mut Quic<'m>) -> Option<(RequestId, Found)> {
        while let Some(place) = self.ready.next(READY, self.turn) {
            self.turn = place + 1;
            if let Some(found) = self.look(quic, place) {
                return Some(found);
            }
            self.ready.remove(READY, place);
        }
        None
    }

    fn look(&mut self, quic: &mut Quic<'m>, place: usize) -> Option<(RequestId, Found)> {
        let slot = self.slots.get_mut(place)?;
        let request = slot.id()?;
        if core::mem::take(&mut slot.writable_untold) {
            return Some((request, Found::Writable));
        }
        //= rfc9114#5.2
        if slot.receiving == Receiving::Open
            && self
                .control
                .last()
                .is_some_and(|last| request.stream_id() >= last)
        {
            slot.end(Receiving::Reset(Code::REQUEST_REJECTED));
            slot.abandon(quic, Code::REQUEST_CANCELLED);
        }
        if slot.receiving == Receiving::Open {
            match advance(slot, quic, self.section_max, &mut self.scratch) {
                Ok(Some(found)) => return Some((request, found)),
                Ok(None) => {}
                Err(Fault::Connection(violation)) => self.violate(violation),
                Err(Fault::Message(error)) => {
                    slot.end(Receiving::Failed(error));
                    slot.abandon(quic, error.code());
                }
            }
        }
        let slot = self.slots.get_mut(place)?;
        if !core::mem::take(&mut slot.end_untold) {
            return None;
        }
        let how = slot.receiving;
        let is_reusable = slot.is_reusable();
        self.on_half_over(is_reusable);
        Some((request, Found::End(how)))
    }

    /// One half of a request is over, and its slot may have become free for another.
    pub(super) fn on_half_over(&mut self, is_reusable: bool) {
        if is_reusable {
            self.on_requests_possible();
        }
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
        while let Some(free @ [_, ..]) = out.get_mut(copied..) {
            let (slot, length) = match self.content(quic, id) {
                Ok((_, 0)) => break,
                Err(RecvError::Blocked) if copied > 0 => break,
                content => content?,
            };
            let stream = quic.recv_stream(id.stream_id());
            let free = match free.get_mut(..length) {
                Some(wanted) => wanted,
                None => free,
            };
            let read = stream.map(|mut stream| stream.read(free));
            let Some(Ok(length @ 1..)) = read else {
                return Err(RecvError::Closed);
            };
            slot.on_body(length);
            copied += length;
        }
        Ok(copied)
    }

    /// The content that comes next, as far as it lies in one piece; empty at its end.
    pub fn peek_body<'a>(
        &'a mut self,
        quic: &'a mut Quic<'m>,
        id: RequestId,
    ) -> Result<&'a [u8], RecvError> {
        let (_, length) = self.content(quic, id)?;
        let piece = quic.peek_stream(id.stream_id(), 0);
        Ok(piece.get(..length).unwrap_or(piece))
    }

    /// Takes `count` bytes of what [`Connection::peek_body`] showed; more than that are not taken.
    pub fn consume_body(&mut self, quic: &mut Quic<'m>, id: RequestId, count: usize) {
        if let Ok((slot, length)) = self.content(quic, id) {
            let piece = quic.peek_stream(id.stream_id(), 0).len();
            let count = count.min(length).min(piece);
            slot.consume(quic, count);
            slot.on_body(count);
        }
    }

    /// Passes what stands in front of the content: frame headers and unknown frames. Returns the slot, which is
    /// looked at again after this, and how much content is there, in one or several pieces; 0 at its end.
    fn content(
        &mut self,
        quic: &mut Quic<'m>,
        id: RequestId,
    ) -> Result<(&mut RequestSlot, usize), RecvError> {
        let place = self.place(id.stream_id(), |slot| slot.is(id.stream_id()));
        let place = place.ok_or(RecvError::Closed)?;
        let slot = self.slots.get_mut(place).ok_or(RecvError::Closed)?;
        match slot.receiving {
            Receiving::Open | Receiving::Finished => self.ready.insert(READY, place),
            Receiving::Reset(code) => return Err(RecvError::Reset(code)),
            Receiving::Failed(error) => return Err(RecvError::Message(error)),
            Receiving::Cancelled => return Err(RecvError::Closed),
        }
        if slot.receiving == Receiving::Finished {
            return Ok((slot, 0));
        }
        slot.release(quic);
        let step = step(slot, quic, self.section_max).ok_or(RecvError::Closed)?;
        // A fault is found again, and told, when the slot is looked at.
        match step {
            Ok(Step::Body { length }) => Ok((slot, length)),
            Ok(Step::End) => Ok((slot, 0)),
            _ if slot.response.is_behind_body() => Ok((slot, 0)),
            _ => Err(RecvError::Blocked),
        }
    }
}

/// Moves a response on until there is something to tell. The end is left in the slot.
fn advance(
    slot: &mut RequestSlot,
    quic: &mut Quic<'_>,
    section_max: usize,
    scratch: &mut [u8],
) -> Result<Option<Found>, Fault> {
    slot.release(quic);
    let (Some(step), Some(id)) = (step(slot, quic, section_max), slot.id()) else {
        return Ok(None);
    };
    let id = id.stream_id();
    let step = step?;
    if let Step::Section { length } = step {
        let received = Received::new(quic, id);
        let kind = slot.response.section_kind();
        let section = Section::open(&received, 0, length)?;
        let size_max = field_section_size(section_max);
        let checked = field_rules::check(section, &received, scratch, kind, size_max)?;
        slot.response.on_section(&checked, slot.method);
        slot.lent = length;
        return Ok(Some(Found::Section(kind, checked)));
    }
    let Some(mut stream) = quic.recv_stream(id) else {
        return Ok(None);
    };
    match step {
        Step::Body { .. } => {
            let end = stream.read_offset() + to_u64(stream.available());
            let told = core::mem::replace(&mut slot.told_to, end);
            return Ok((told != end).then_some(Found::Data));
        }
        Step::End => {
            stream.received_all();
            slot.end(Receiving::Finished);
        }
        _ => {}
    }
    Ok(None)
}

/// The next thing to do with a response, behind what has only to be consumed. `None` without its stream.
fn step(
    slot: &mut RequestSlot,
    quic: &mut Quic<'_>,
    section_max: usize,
) -> Option<Result<Step, Fault>> {
    let id = slot.id()?.stream_id();
    loop {
        let (available, ended) = extent(&quic.recv_stream(id)?);
        let received = Received::new(quic, id);
        let step = slot.response.step(&received, available, ended, section_max);
        let Ok(Step::Consume(count)) = step else {
            return Some(step);
        };
        slot.consume(quic, count);
    }
}
