//! What the transport reports: requests are marked ready, streams about the connection are read at once.
//!
//! Invariant: bytes of the server's control and QPACK streams never wait for the application.

use super::{Connection, End, Quic, READY, extent, report};
use crate::codec::Writer;
use crate::connection::Event as QuicEvent;
use crate::http3::control::Message;
use crate::http3::error::Violation;
use crate::http3::fields::Received;
use crate::http3::memory::field_section_size;
use crate::http3::settings::{PREFACE_MAX, write_preface};
use crate::http3::slot::{Receiving, RequestSlot, Sending};
use crate::http3::{Code, Settings, stream_type};
use crate::qpack::{Cursor, instruction};
use crate::stream::StreamEvent;
use crate::trace::{Http3Frame, Owner};
use crate::wire::{Direction, Side, StreamId, rule};

/// What a unidirectional stream of the server's is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its type has not arrived whole.
    Unknown,
    Control,
    Encoder,
    Decoder,
}

/// A unidirectional stream of the server's that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PeerStream {
    id: StreamId,
    purpose: Purpose,
}

impl<'m> Connection<'m> {
    /// Takes in all that the transport has to report.
    pub(super) fn absorb(&mut self, quic: &mut Quic<'m>) {
        while let Some(event) = quic.poll_event() {
            self.on_quic_event(quic, event);
        }
        self.start(quic);
    }

    fn on_quic_event(&mut self, quic: &mut Quic<'m>, event: QuicEvent) {
        match event {
            QuicEvent::VerificationPending => self.untold.verification = true,
            QuicEvent::Connected => {
                self.untold.connected = true;
                self.on_requests_possible();
            }
            #[cfg(feature = "tokens")]
            QuicEvent::NewToken => {}
            // Nothing of HTTP/3 uses them; whoever does asks the transport.
            #[cfg(feature = "datagrams")]
            QuicEvent::DatagramReceived => {}
            QuicEvent::Stream(StreamEvent::Available {
                direction: Direction::Bidirectional,
            }) => {
                self.on_requests_possible();
            }
            QuicEvent::Stream(StreamEvent::Opened { id } | StreamEvent::Readable { id }) => {
                self.on_readable(quic, id);
            }
            QuicEvent::Stream(StreamEvent::Writable { id }) => self.on_writable(quic, id),
            QuicEvent::Stream(StreamEvent::Stopped { id, code }) => {
                self.on_stopped(id, Code::new(code));
            }
            QuicEvent::Stream(StreamEvent::Reset { id, code }) => {
                self.on_reset(quic, id, Code::new(code));
            }
            QuicEvent::Closed(_) => {
                // What we found ourselves says more than the transport's echo of it, but what the server was
                // not told did not end the connection.
                let unsaid = self.closing && self.untold.closed;
                if self.end.is_none() || unsaid {
                    self.end = Some(End::Transport);
                    self.untold.closed = true;
                }
                self.closing = false;
            }
            QuicEvent::Stream(StreamEvent::Available { .. } | StreamEvent::Finished { .. })
            | QuicEvent::HandshakeData
            | QuicEvent::NewSession => {}
            #[cfg(feature = "migration")]
            QuicEvent::PathValidated(_) | QuicEvent::PathAbandoned(_) => {}
        }
    }

    fn on_readable(&mut self, quic: &mut Quic<'m>, id: StreamId) {
        if self.ready_slot(id).is_none() && id.initiator() == Side::Server && self.is_open() {
            let result = self.read_peer_stream(quic, id);
            result.unwrap_or_else(|violation| self.violate(violation));
        }
    }

    /// The slot of the request on stream `id`, if it is a request's, to be looked at.
    fn ready_slot(&mut self, id: StreamId) -> Option<&mut RequestSlot> {
        let place = self.place(id, |slot| slot.is(id))?;
        self.ready.insert(READY, place);
        self.slots.get_mut(place)
    }

    fn on_writable(&mut self, quic: &mut Quic<'m>, id: StreamId) {
        if let Some(slot) = self.ready_slot(id) {
            slot.writable_untold = true;
        } else if self.spare == Some(id) {
            self.on_requests_possible();
        } else {
            self.say_what_waits(quic);
        }
    }

    //= rfc9114#4.1
    // The response stays: a server may answer before it has read everything.
    fn on_stopped(&mut self, id: StreamId, code: Code) {
        if let Some(slot) = self.ready_slot(id) {
            if slot.sending != Sending::Over {
                slot.sending = Sending::Stopped(code);
                slot.writable_untold = true;
            }
        } else if self.local.ids.contains(&Some(id)) {
            self.violate(CRITICAL);
        }
    }

    fn on_reset(&mut self, quic: &mut Quic<'m>, id: StreamId, code: Code) {
        if let Some(slot) = self.ready_slot(id) {
            slot.end(Receiving::Reset(code));
            // The response is lost: the rest of the request is of no use.
            slot.reset_sending(quic, Code::REQUEST_CANCELLED);
            return;
        }
        let Some(entry) = self
            .peer
            .iter_mut()
            .find(|entry| entry.is_some_and(|peer| peer.id == id))
        else {
            return;
        };
        //= rfc9114#6.2.1
        if entry
            .take()
            .is_some_and(|peer| peer.purpose != Purpose::Unknown)
        {
            self.violate(CRITICAL);
        }
    }

    /// Reads a stream of the server's as far as it has come. A critical stream may not end.
    //= rfc9114#6.2.1
    //= rfc9204#4.2
    fn read_peer_stream(&mut self, quic: &mut Quic<'m>, id: StreamId) -> Result<(), Violation> {
        let known = self
            .peer
            .iter()
            .position(|entry| entry.is_some_and(|peer| peer.id == id));
        let place = known.or_else(|| self.peer.iter().position(Option::is_none));
        // The transport gives the server as many streams as there are places.
        let Some(place) = place else {
            return Ok(());
        };
        let purpose = self.peer[place].map_or(Purpose::Unknown, |peer| peer.purpose);
        self.peer[place] = Some(PeerStream { id, purpose });
        loop {
            let Some(stream) = quic.recv_stream(id) else {
                self.peer[place] = None;
                return Ok(());
            };
            let (available, ended) = extent(&stream);
            let received = Received::new(quic, id);
            let mut cursor = Cursor::new(&received, 0, available);
            let mut told = None;
            let Some(PeerStream { purpose, .. }) = self.peer[place] else {
                return Ok(());
            };
            let goes_on = match purpose {
                Purpose::Unknown => self.read_type(place, &mut cursor)?,
                Purpose::Control => match self.control.read(&mut cursor)? {
                    Some(message) => {
                        self.on_control(message);
                        told = Some(message);
                        true
                    }
                    None => false,
                },
                Purpose::Encoder => instruction::read_encoder(&mut cursor)?,
                Purpose::Decoder => instruction::read_decoder(&mut cursor)?,
            };
            let used = cursor.position();
            self.report_read(quic, place, purpose, told);
            let Some(mut stream) = quic.recv_stream(id) else {
                return Ok(());
            };
            if used > 0 {
                stream.consume(used);
            }
            let Some(peer) = self.peer[place] else {
                //= rfc9114#6.2.3
                stream.stop(Code::STREAM_CREATION_ERROR.varint());
                return Ok(());
            };
            if goes_on {
                continue;
            }
            if ended && peer.purpose != Purpose::Unknown {
                return Err(CRITICAL);
            }
            if ended {
                // It ended before its type: nothing to be learnt from it.
                stream.stop(Code::STREAM_CREATION_ERROR.varint());
                self.peer[place] = None;
            }
            return Ok(());
        }
    }

    /// Tells a sink what was read from the stream at `place`, which had this purpose before.
    fn report_read(
        &self,
        quic: &mut Quic<'m>,
        place: usize,
        before: Purpose,
        told: Option<Message>,
    ) {
        let Some(&Some(peer)) = self.peer.get(place).filter(|_| quic.tracer().is_on()) else {
            return;
        };
        if before != peer.purpose {
            let kind = match peer.purpose {
                Purpose::Unknown => return,
                Purpose::Control => stream_type::CONTROL,
                Purpose::Encoder => stream_type::QPACK_ENCODER,
                Purpose::Decoder => stream_type::QPACK_DECODER,
            };
            report::stream(quic, Owner::Remote, peer.id, Some(kind));
        }
        match (told, self.control.settings(), self.control.last()) {
            (Some(Message::Settings), Some(settings), _) => {
                report::settings(quic, Owner::Remote, peer.id, settings);
            }
            (Some(Message::GoAway), _, Some(last)) => {
                let id = last.get();
                report::frame(quic, Owner::Remote, peer.id, Http3Frame::GoAway { id });
            }
            _ => {}
        }
    }

    /// Reads a stream's type; a stream of an unknown type loses its place.
    //= rfc9114#6.2
    fn read_type(&mut self, place: usize, cursor: &mut Cursor<'_>) -> Result<bool, Violation> {
        let Ok(kind) = cursor.varint() else {
            return Ok(false);
        };
        let purpose = match kind {
            stream_type::CONTROL => Purpose::Control,
            stream_type::QPACK_ENCODER => Purpose::Encoder,
            stream_type::QPACK_DECODER => Purpose::Decoder,
            //= rfc9114#4.6
            stream_type::PUSH => {
                return Err(Violation::new(rule!(
                    Code::ID_ERROR,
                    "a push that was not permitted"
                )));
            }
            _ => {
                self.peer[place] = None;
                return Ok(true);
            }
        };
        //= rfc9114#6.2.1
        if self
            .peer
            .iter()
            .flatten()
            .any(|peer| peer.purpose == purpose)
        {
            return Err(Violation::new(rule!(
                Code::STREAM_CREATION_ERROR,
                "a second stream of its type"
            )));
        }
        if let Some(peer) = &mut self.peer[place] {
            peer.purpose = purpose;
        }
        Ok(true)
    }

    fn on_control(&mut self, message: Message) {
        match message {
            Message::Settings => self.untold.settings = true,
            //= rfc9114#5.2
            Message::GoAway => {
                self.untold.go_away = true;
                // Each finds out whether it is meant.
                for place in 0..self.slots.len() {
                    self.ready.insert(READY, place);
                }
            }
        }
    }

    pub(super) fn on_requests_possible(&mut self) {
        self.untold.requests |= core::mem::take(&mut self.requests_refused);
    }

    /// Opens our control stream and says SETTINGS, then the QPACK streams, as soon as the peer permits.
    //= rfc9114#6.2.1
    //= rfc9204#4.2
    pub(super) fn start(&mut self, quic: &mut Quic<'m>) {
        while self.local.started < self.local.ids.len() && self.is_open() {
            let role = self.local.started;
            let id = match self.local.ids[role] {
                Some(id) => id,
                None => match quic.open_stream(Direction::Unidirectional) {
                    Ok(id) => *self.local.ids[role].insert(id),
                    Err(_) => return,
                },
            };
            let mut buffer = [0; PREFACE_MAX];
            let mut preface = Writer::new(&mut buffer);
            let written = match role {
                0 => {
                    // Any 32 bits will do.
                    let grease = quic.random().u64() as u32;
                    write_preface(&mut preface, field_section_size(self.section_max), grease)
                }
                1 => preface.varint(stream_type::QPACK_ENCODER),
                _ => preface.varint(stream_type::QPACK_DECODER),
            };
            debug_assert!(written.is_ok());
            let Some(mut stream) = quic.send_stream(id) else {
                return;
            };
            if stream.write_whole(&[preface.written()]).is_err() {
                return;
            }
            self.local.started += 1;
            if !quic.tracer().is_on() {
                continue;
            }
            let kinds = [
                stream_type::CONTROL,
                stream_type::QPACK_ENCODER,
                stream_type::QPACK_DECODER,
            ];
            report::stream(quic, Owner::Local, id, kinds.get(role).copied());
            if role == 0 {
                let settings = Settings {
                    max_field_section_size: Some(field_section_size(self.section_max)),
                    ..Settings::default()
                };
                report::settings(quic, Owner::Local, id, &settings);
            }
        }
    }
}

const CRITICAL: Violation = Violation::new(rule!(
    Code::CLOSED_CRITICAL_STREAM,
    "a stream that HTTP/3 cannot do without was closed"
));
