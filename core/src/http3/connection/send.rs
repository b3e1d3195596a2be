//! The way out: requests, their content, their end, and frames on our control stream.
//!
//! Invariant: a frame is written whole or not at all.

use super::{Connection, Quic, report};
use crate::codec::{VarInt, Writer, to_u64};
use crate::http3::error::{RequestError, SendError};
use crate::http3::event::RequestId;
use crate::http3::field_rules;
use crate::http3::frame::{self, HEADER_MAX, Header};
use crate::http3::priority::Priority;
use crate::http3::response::Method;
use crate::http3::slot::{Receiving, RequestSlot, Sending};
use crate::http3::{Code, Request};
use crate::qpack::{Encoder, Field, Lines, encoder};
use crate::stream::{OpenError, SendStream, WriteError};
use crate::trace::{Http3Frame, Owner};
use crate::wire::{Direction, StreamId};

/// Bytes of a PRIORITY_UPDATE or GOAWAY frame at most: header, stream number, value.
const CONTROL_FRAME_MAX: usize = HEADER_MAX + 8 + 8;

impl<'m> Connection<'m> {
    /// Sends the head of a request. `authority` stands in where the request names none.
    ///
    /// Content may follow by [`Connection::send_body`]; [`Connection::finish`] ends the request.
    pub fn request(
        &mut self,
        quic: &mut Quic<'m>,
        request: &Request<'_>,
        authority: &str,
    ) -> Result<RequestId, RequestError> {
        if !self.is_open() || !quic.state().is_open() {
            return Err(RequestError::Closed);
        }
        if self.control.last().is_some() || self.leaving.is_some() {
            return Err(RequestError::GoingAway);
        }
        field_rules::check_request(request, authority).map_err(RequestError::Invalid)?;
        let fields = |each: &mut dyn FnMut(&Field<'_>)| request.each_field(authority, each);
        let length = self.section_length(&fields);
        let length = length.ok_or(RequestError::FieldsTooLarge)?;
        let id = self.open_request(quic)?;
        let place = self.place(id, RequestSlot::is_reusable);
        let slot = place.and_then(|place| self.slots.get_mut(place));
        let (Some(slot), Some(mut stream)) = (slot, quic.send_stream(id)) else {
            return Err(self.refuse(id, RequestError::Blocked));
        };
        if let Err(error) = write_section(&mut stream, length, &fields) {
            return Err(self.refuse(id, error.into()));
        }
        if let Some(priority) = request.asked_priority() {
            stream.set_priority(priority.into());
        }
        let method = match request.method() {
            "HEAD" => Method::Head,
            "CONNECT" => Method::Connect,
            _ => Method::Other,
        };
        report::request(quic, id, length, &fields);
        let id = RequestId::new(id);
        *slot = RequestSlot::new(id, method);
        Ok(id)
    }

    /// A stream for a request: the one that was left over, or a new one.
    fn open_request(&mut self, quic: &mut Quic<'m>) -> Result<StreamId, RequestError> {
        if let Some(id) = self.spare.take() {
            return Ok(id);
        }
        quic.open_stream(Direction::Bidirectional)
            .map_err(|error| match error {
                OpenError::Blocked => {
                    self.requests_refused = true;
                    RequestError::Blocked
                }
                OpenError::Closed => RequestError::Closed,
            })
    }

    /// Keeps the stream of a refused request for the next one.
    fn refuse(&mut self, id: StreamId, error: RequestError) -> RequestError {
        self.spare = Some(id);
        self.requests_refused |= error == RequestError::Blocked;
        error
    }

    /// Bytes of an encoded section; `None` if it is more than the server takes.
    //= rfc9114#4.2.2
    fn section_length(&self, fields: Lines<'_>) -> Option<usize> {
        let mut size = 0;
        let mut encoder = Encoder::new(None);
        encoder.bytes(&encoder::PREFIX);
        fields(&mut |field| {
            size += field.size();
            encoder.field(field);
        });
        let settings = self.control.settings();
        let accepted = settings.and_then(|settings| settings.max_field_section_size);
        let fits = accepted.is_none_or(|max| to_u64(size) <= max);
        fits.then_some(encoder.finish())
    }

    /// Sends content; returns how much was taken.
    pub fn send_body(
        &mut self,
        quic: &mut Quic<'m>,
        id: RequestId,
        data: &[u8],
    ) -> Result<usize, SendError> {
        if self.sending_slot(id)?.sending == Sending::Trailers {
            return Err(SendError::Closed);
        }
        if data.is_empty() {
            return Ok(0);
        }
        let mut stream = quic.send_stream(id.stream_id()).ok_or(SendError::Closed)?;
        let room = stream.capacity();
        let overhead = 1 + VarInt::size(to_u64(room));
        let fits = room.saturating_sub(overhead).min(data.len());
        if fits == 0 {
            // Asked for in vain, so that the refusal is noted and Writable follows. A whole would be taken beyond
            // what the peer allows, a byte at a time.
            stream.reserve(usize::MAX).map_err(send_error)?;
            return Err(SendError::Blocked);
        }
        let header = Header {
            kind: frame::DATA,
            length: to_u64(fits),
        };
        let mut buffer = [0; HEADER_MAX];
        let mut writer = Writer::new(&mut buffer);
        let written = header.encode(&mut writer);
        debug_assert!(written.is_ok());
        stream
            .write_whole(&[writer.written(), &data[..fits]])
            .map_err(send_error)?;
        let length = header.length;
        report::frame(
            quic,
            Owner::Local,
            id.stream_id(),
            Http3Frame::Data { length },
        );
        Ok(fits)
    }

    /// Sends fields behind the content. Only the end may follow.
    pub fn send_trailers(
        &mut self,
        quic: &mut Quic<'m>,
        id: RequestId,
        fields: &[Field<'_>],
    ) -> Result<(), SendError> {
        if self.sending_slot(id)?.sending == Sending::Trailers {
            return Err(SendError::Closed);
        }
        field_rules::check_fields(fields).map_err(SendError::Invalid)?;
        let fields = |each: &mut dyn FnMut(&Field<'_>)| fields.iter().for_each(each);
        let length = self.section_length(&fields);
        let length = length.ok_or(SendError::FieldsTooLarge)?;
        let stream = quic.send_stream(id.stream_id());
        write_section(&mut stream.ok_or(SendError::Closed)?, length, &fields)?;
        report::headers(quic, id.stream_id(), length, &fields);
        self.sending_slot(id)?.sending = Sending::Trailers;
        Ok(())
    }

    /// Ends the request.
    pub fn finish(&mut self, quic: &mut Quic<'m>, id: RequestId) -> Result<(), SendError> {
        let slot = self.sending_slot(id)?;
        let mut stream = quic.send_stream(id.stream_id()).ok_or(SendError::Closed)?;
        let finished = stream.finish();
        slot.sending = Sending::Over;
        let reusable = slot.is_reusable();
        self.on_half_over(reusable);
        finished.map_err(send_error)
    }

    /// Gives a request up, in both directions. No event follows for it.
    //= rfc9114#4.1.1
    pub fn cancel(&mut self, quic: &mut Quic<'m>, id: RequestId, code: Code) {
        let Some(slot) = self.slot(id.stream_id()) else {
            return;
        };
        slot.abandon(quic, code);
        slot.sending = Sending::Over;
        slot.end(Receiving::Cancelled);
        slot.end_untold = false;
        slot.writable_untold = false;
        let reusable = slot.is_reusable();
        self.on_half_over(reusable);
    }

    /// Tells the server, and our own sending, how urgent a request is now.
    //= rfc9218#7
    pub fn set_priority(&mut self, quic: &mut Quic<'m>, id: RequestId, priority: Priority) {
        let Some(slot) = self.slot(id.stream_id()) else {
            return;
        };
        slot.set_priority(priority);
        if let Some(mut stream) = quic.send_stream(id.stream_id()) {
            stream.set_priority(priority.into());
        }
        self.priorities_unsent = true;
        self.say_what_waits(quic);
    }

    /// The slot of a request of which more can be sent.
    fn sending_slot(&mut self, id: RequestId) -> Result<&mut RequestSlot, SendError> {
        let slot = self.slot(id.stream_id()).ok_or(SendError::Closed)?;
        match slot.sending {
            Sending::Open | Sending::Trailers => Ok(slot),
            Sending::Stopped(code) => Err(SendError::Stopped(code)),
            Sending::Over => Err(SendError::Closed),
        }
    }

    /// Writes to our control stream what waits for it: priorities, then GOAWAY.
    pub(super) fn say_what_waits(&mut self, quic: &mut Quic<'m>) {
        let Some(control) = self.local.control() else {
            return;
        };
        if self.priorities_unsent {
            for slot in self.slots.iter_mut() {
                let (Some(id), Some(priority)) = (slot.id(), slot.untold_priority()) else {
                    continue;
                };
                let (kind, number) = (frame::PRIORITY_UPDATE, id.stream_id().get());
                let text = priority.text();
                if slot.receiving == Receiving::Open
                    && !say(quic, control, kind, number, text.as_bytes())
                {
                    return;
                }
                slot.on_priority_told();
            }
            self.priorities_unsent = false;
        }
        // The server pushes nothing, so the first push it must not send is number 0.
        if self.leaving == Some(false) && say(quic, control, frame::GOAWAY, 0, &[]) {
            self.leaving = Some(true);
        }
    }
}

/// Writes a control frame of a number and a text, whole or not at all.
fn say(quic: &mut Quic<'_>, control: StreamId, kind: u32, number: u64, text: &[u8]) -> bool {
    let header = Header {
        kind,
        length: to_u64(VarInt::size(number) + text.len()),
    };
    let mut buffer = [0; CONTROL_FRAME_MAX];
    let mut writer = Writer::new(&mut buffer);
    let written = header
        .encode(&mut writer)
        .and_then(|()| writer.varint(number))
        .and_then(|()| writer.bytes(text));
    debug_assert!(written.is_ok());
    let stream = quic.send_stream(control);
    let said = stream.is_some_and(|mut stream| stream.write_whole(&[writer.written()]).is_ok());
    if said {
        report::control(quic, control, kind, number, text);
    }
    said
}

/// Writes HEADERS with a section of `length` bytes, or nothing.
fn write_section(
    stream: &mut SendStream<'_, '_>,
    length: usize,
    fields: Lines<'_>,
) -> Result<(), SendError> {
    let mut buffer = [0; HEADER_MAX];
    let mut header = Writer::new(&mut buffer);
    let written = Header {
        kind: frame::HEADERS,
        length: to_u64(length),
    }
    .encode(&mut header);
    debug_assert!(written.is_ok());
    let total = header.len() + length;
    if total > stream.largest_whole() {
        return Err(SendError::FieldsTooLarge);
    }
    stream.reserve(total).map_err(send_error)?;
    let mut flush = |bytes: &[u8]| {
        let written = stream.write(bytes);
        debug_assert_eq!(written, Ok(bytes.len()), "the room was asked for");
    };
    let mut encoder = Encoder::new(Some(&mut flush));
    encoder.bytes(header.written());
    encoder.bytes(&encoder::PREFIX);
    fields(&mut |field| encoder.field(field));
    encoder.finish();
    Ok(())
}

fn send_error(error: WriteError) -> SendError {
    match error {
        WriteError::Blocked => SendError::Blocked,
        WriteError::Stopped(code) => SendError::Stopped(Code::new(code)),
        WriteError::Closed => SendError::Closed,
    }
}
