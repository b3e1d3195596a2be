//! The way out: requests, their content, their end, and frames on our control stream.
//!
//! Invariant: a frame is written whole or not at all.

use super::{Connection, Quic};
use crate::codec::{VarInt, Writer};
use crate::http3::error::{RequestError, SendError};
use crate::http3::event::RequestId;
use crate::http3::field_rules;
use crate::http3::frame::{self, HEADER_MAX, Header};
use crate::http3::priority::Priority;
use crate::http3::response::Method;
use crate::http3::slot::{Receiving, RequestSlot, Sending};
use crate::http3::{Code, Request};
use crate::qpack::{Encoder, Field, encoder};
use crate::stream::{OpenError, SendStream, WriteError};
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
        if self.go_away.is_some() || self.leaving.is_some() {
            return Err(RequestError::GoingAway);
        }
        field_rules::check_request(request, authority).map_err(RequestError::Invalid)?;
        let priority = request.asked_priority();
        let text = priority.map(Priority::text);
        let priority_field = text
            .as_ref()
            .map(|text| Field::new("priority", text.as_bytes()));
        let given = request.given_fields().iter().copied();
        let fields = request
            .pseudo_fields(authority)
            .chain(given)
            .chain(priority_field);
        let length = self.section_length(fields.clone());
        let length = length.ok_or(RequestError::FieldsTooLarge)?;
        let id = self.open_request(quic)?;
        let (Some(place), Some(mut stream)) = (self.vacancy(id), quic.send_stream(id)) else {
            return Err(self.refuse(id, RequestError::Blocked));
        };
        if let Err(error) = write_section(&mut stream, length, fields) {
            return Err(self.refuse(id, error.into()));
        }
        let method = match request.method() {
            "HEAD" => Method::Head,
            "CONNECT" => Method::Connect,
            _ => Method::Other,
        };
        if let Some(priority) = priority {
            stream.set_priority(priority.into());
        }
        let id = RequestId::new(id);
        self.slots[place] = RequestSlot::new(id, method);
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
    fn section_length<'f>(&self, fields: impl Iterator<Item = Field<'f>>) -> Option<usize> {
        let mut length = encoder::PREFIX.len();
        let mut size = 0;
        for field in fields {
            length += encoder::line_length(&field);
            size += field.size() as u64;
        }
        let accepted = self
            .settings
            .and_then(|settings| settings.max_field_section_size);
        accepted.is_none_or(|max| size <= max).then_some(length)
    }

    /// Sends content; returns how much was taken.
    pub fn send_body(
        &mut self,
        quic: &mut Quic<'m>,
        id: RequestId,
        data: &[u8],
    ) -> Result<usize, SendError> {
        let place = self.sending_slot(id)?;
        if self.slots[place].sending == Sending::Trailers {
            return Err(SendError::Closed);
        }
        if data.is_empty() {
            return Ok(0);
        }
        let mut stream = quic.send_stream(id.stream_id()).ok_or(SendError::Closed)?;
        let room = stream.capacity();
        let overhead = |length: usize| 1 + VarInt::size(length as u64);
        let fits = room.saturating_sub(overhead(room)).min(data.len());
        if fits == 0 {
            // Asked for in vain, so that the refusal is noted and Writable follows. A whole would be taken beyond
            // what the peer allows, a byte at a time.
            return match stream.reserve(usize::MAX) {
                Ok(()) => Err(SendError::Blocked),
                Err(error) => Err(send_error(error)),
            };
        }
        let data = &data[..fits];
        let header = Header {
            kind: frame::DATA,
            length: data.len() as u64,
        };
        let mut buffer = [0; HEADER_MAX];
        match stream.write_whole(&[header.write(&mut buffer), data]) {
            Ok(()) => Ok(data.len()),
            Err(error) => Err(send_error(error)),
        }
    }

    /// Sends fields behind the content. Only the end may follow.
    pub fn send_trailers(
        &mut self,
        quic: &mut Quic<'m>,
        id: RequestId,
        fields: &[Field<'_>],
    ) -> Result<(), SendError> {
        let place = self.sending_slot(id)?;
        if self.slots[place].sending == Sending::Trailers {
            return Err(SendError::Closed);
        }
        field_rules::check_fields(fields).map_err(SendError::Invalid)?;
        let fields = fields.iter().copied();
        let length = self.section_length(fields.clone());
        let length = length.ok_or(SendError::FieldsTooLarge)?;
        let stream = quic.send_stream(id.stream_id());
        write_section(&mut stream.ok_or(SendError::Closed)?, length, fields)?;
        self.slots[place].sending = Sending::Trailers;
        Ok(())
    }

    /// Ends the request.
    pub fn finish(&mut self, quic: &mut Quic<'m>, id: RequestId) -> Result<(), SendError> {
        let place = self.sending_slot(id)?;
        let mut stream = quic.send_stream(id.stream_id()).ok_or(SendError::Closed)?;
        let finished = stream.finish();
        self.slots[place].sending = Sending::Over;
        self.on_half_over(place);
        finished.map_err(send_error)
    }

    /// Gives a request up, in both directions. No event follows for it.
    //= rfc9114#4.1.1
    pub fn cancel(&mut self, quic: &mut Quic<'m>, id: RequestId, code: Code) {
        let Some(place) = self.slot(id) else {
            return;
        };
        self.abandon(quic, place, code);
        let slot = &mut self.slots[place];
        slot.sending = Sending::Over;
        slot.end(Receiving::Cancelled);
        slot.end_untold = false;
        slot.writable_untold = false;
        self.on_half_over(place);
    }

    /// Tells the server, and our own sending, how urgent a request is now.
    //= rfc9218#7
    pub fn set_priority(&mut self, quic: &mut Quic<'m>, id: RequestId, priority: Priority) {
        let Some(place) = self.slot(id) else {
            return;
        };
        if let Some(mut stream) = quic.send_stream(id.stream_id()) {
            stream.set_priority(priority.into());
        }
        self.slots[place].set_priority(priority);
        self.priorities_unsent = true;
        self.say_what_waits(quic);
    }

    /// The slot of a request of which more can be sent.
    fn sending_slot(&self, id: RequestId) -> Result<usize, SendError> {
        let place = self.slot(id).ok_or(SendError::Closed)?;
        match self.slots[place].sending {
            Sending::Open | Sending::Trailers => Ok(place),
            Sending::Stopped(code) => Err(SendError::Stopped(code)),
            Sending::Over => Err(SendError::Closed),
        }
    }

    /// Writes to our control stream what waits for it: priorities, then GOAWAY.
    pub(super) fn say_what_waits(&mut self, quic: &mut Quic<'m>) {
        let Some(control) = self.local.control() else {
            return;
        };
        for place in 0..self.slots.len() {
            if !self.priorities_unsent {
                break;
            }
            let slot = &mut self.slots[place];
            let (Some(id), Some(priority)) = (slot.id(), slot.untold_priority()) else {
                continue;
            };
            let number = id.stream_id().get();
            let said = slot.receiving != Receiving::Open
                || say(
                    quic,
                    control,
                    frame::PRIORITY_UPDATE,
                    number,
                    priority.text().as_bytes(),
                );
            if !said {
                return;
            }
            self.slots[place].on_priority_told();
        }
        self.priorities_unsent = false;
        // The server pushes nothing, so the first push it must not send is number 0.
        if self.leaving == Some(false) && say(quic, control, frame::GOAWAY, 0, &[]) {
            self.leaving = Some(true);
        }
    }
}

/// Writes a control frame of a number and a text, whole or not at all.
fn say(quic: &mut Quic<'_>, control: StreamId, kind: u64, number: u64, text: &[u8]) -> bool {
    let header = Header {
        kind,
        length: (VarInt::size(number) + text.len()) as u64,
    };
    let mut buffer = [0; CONTROL_FRAME_MAX];
    let mut writer = Writer::new(&mut buffer);
    let written = writer
        .bytes(header.write(&mut [0; HEADER_MAX]))
        .and_then(|()| writer.varint(number))
        .and_then(|()| writer.bytes(text));
    debug_assert!(written.is_ok());
    let stream = quic.send_stream(control);
    stream.is_some_and(|mut stream| stream.write_whole(&[writer.written()]).is_ok())
}

/// Writes HEADERS with a section of `length` bytes, or nothing.
fn write_section<'f>(
    stream: &mut SendStream<'_, '_>,
    length: usize,
    fields: impl Iterator<Item = Field<'f>>,
) -> Result<(), SendError> {
    let header = Header {
        kind: frame::HEADERS,
        length: length as u64,
    };
    let total = header.size() + length;
    if total > stream.largest_whole() {
        return Err(SendError::FieldsTooLarge);
    }
    stream.reserve(total).map_err(send_error)?;
    let mut flush = |bytes: &[u8]| {
        let written = stream.write(bytes);
        debug_assert_eq!(written, Ok(bytes.len()), "the room was asked for");
    };
    let mut encoder = Encoder::new(&mut flush);
    encoder.bytes(header.write(&mut [0; HEADER_MAX]));
    encoder.bytes(&encoder::PREFIX);
    fields.for_each(|field| encoder.field(&field));
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
