//! The way in: a datagram becomes packets, a packet is opened, admitted whole, then applied whole.
//!
//! Invariant: nothing of a packet has any effect before all of it was found legal.

use super::frames::Place;
use super::handshake::LOCAL_CID_LENGTH;
use super::keys::KeyError;
use super::{Connection, ConnectionError, Receive, State};
use crate::connection::crypto_stream::Admission;
use crate::fmt::debug;
use crate::recovery::Codepoint;
use crate::space::Arrival;
use crate::time::Instant;
use crate::trace::Discard;
use crate::wire::frame::{Frame, Frames, kind};
use crate::wire::packet::{self, ConnectionId, Header, HeaderError, Kind, Space, number};
use crate::wire::{Code, Side, TransportError, rule};

/// The last bytes of a datagram, which are a stateless reset's token (RFC 9000 §10.3).
const RESET_TOKEN_LENGTH: usize = 16;

/// The shortest datagram that can be a stateless reset.
const RESET_LENGTH_MIN: usize = 21;

/// What became of one packet.
pub(super) enum Outcome {
    /// It was opened and applied.
    Applied,
    /// It was thrown away, for this reason.
    Discarded(Discard),
}

/// A packet that was opened: where its frames lie, and what is to be remembered of it.
struct Opened {
    space: Space,
    number: u64,
    payload: core::ops::Range<usize>,
    source: ConnectionId,
    destination: ConnectionId,
}

impl Connection<'_> {
    /// Takes in a datagram, which is decrypted in place. Bad input is discarded and counted; an error of
    /// the peer surfaces once as [`super::Event::Closed`]. Never fails, in any state.
    pub fn handle_datagram(&mut self, now: Instant, from: &Receive, datagram: &mut [u8]) {
        self.stats.datagrams_received += 1;
        self.stats.bytes_received += datagram.len() as u64;
        //= rfc9000#9
        // Servers do not move in this version; packets from elsewhere are not from the server.
        if from.remote != self.remote {
            return self.discard(now, Discard::WrongAddress, datagram.len());
        }
        if !self.state.is_open() {
            return self.handle_straggler(now, datagram);
        }
        let tail = datagram.last_chunk::<RESET_TOKEN_LENGTH>().copied();
        if !self.handle_packets(now, from, datagram) {
            self.recognise_reset(now, datagram, tail);
        }
    }

    /// Takes coalesced packets apart and handles each; says whether one of them was authentic.
    pub(super) fn handle_packets(
        &mut self,
        now: Instant,
        from: &Receive,
        datagram: &mut [u8],
    ) -> bool {
        let mut start = 0;
        let mut any_opened = false;
        while start < datagram.len() && self.state.is_open() {
            let header = match Header::decode(datagram, start, LOCAL_CID_LENGTH) {
                Ok(header) => header,
                Err(error) => {
                    let version = matches!(error, HeaderError::Version(_));
                    let reason = if version {
                        Discard::WrongVersion
                    } else {
                        Discard::Malformed
                    };
                    self.discard(now, reason, datagram.len() - start);
                    break;
                }
            };
            match self.handle_packet(now, from.codepoint, &header, datagram) {
                Ok(Outcome::Applied) => any_opened = true,
                Ok(Outcome::Discarded(reason)) => {
                    let packet = datagram.get(start..header.end).unwrap_or(&[]);
                    self.discard_packet(now, from, &header, reason, packet);
                }
                Err(error) => self.fail(now, error),
            }
            start = header.end;
        }
        any_opened
    }

    /// Discards a packet, unless it only came before its keys and there is a place to keep it.
    fn discard_packet(
        &mut self,
        now: Instant,
        from: &Receive,
        header: &Header,
        reason: Discard,
        packet: &[u8],
    ) {
        //= rfc9001#5.7
        let is_early = reason == Discard::NoKeys
            && self.state == State::Handshaking
            && header.kind != Kind::Initial;
        if !(is_early && self.early.keep(from, packet)) {
            self.discard(now, reason, packet.len());
        }
    }

    /// An unopened datagram that ends with a reset token of the peer means it has lost its state.
    fn recognise_reset(&mut self, now: Instant, datagram: &[u8], tail: Option<[u8; 16]>) {
        //= rfc9000#10.3.1
        let Some(token) = tail else { return };
        if datagram.len() >= RESET_LENGTH_MIN && self.parts.remote_cids.is_reset(&token) {
            debug!("stateless reset");
            self.end(now, ConnectionError::Reset);
        }
    }

    fn handle_packet(
        &mut self,
        now: Instant,
        codepoint: Codepoint,
        header: &Header,
        datagram: &mut [u8],
    ) -> Result<Outcome, ConnectionError> {
        let space = match header.kind {
            Kind::VersionNegotiation => return self.handle_version_negotiation(header, datagram),
            Kind::Retry => return Ok(self.handle_retry(now, header, datagram)),
            // Only clients send 0-RTT.
            Kind::ZeroRtt => return Ok(Outcome::Discarded(Discard::Unexpected)),
            Kind::Initial => Space::Initial,
            Kind::Handshake => Space::Handshake,
            Kind::Short => Space::Application,
        };
        if !self.parts.local_cids.contains(&header.destination) {
            return Ok(Outcome::Discarded(Discard::UnknownConnectionId));
        }
        //= rfc9000#7.2
        //= rfc9000#17.2.2
        // A long header from somebody else, or with a token that only clients have.
        let has_token = header.kind == Kind::Initial && !header.token.is_empty();
        if has_token || (header.kind != Kind::Short && !self.version.is_from_server(&header.source))
        {
            return Ok(Outcome::Discarded(Discard::Unexpected));
        }
        let Some(packet) = datagram.get_mut(header.start..header.end) else {
            return Ok(Outcome::Discarded(Discard::Malformed));
        };
        let opened = match self.open(now, space, header, packet)? {
            Ok(opened) => opened,
            Err(reason) => return Ok(Outcome::Discarded(reason)),
        };
        let payload = packet.get(opened.payload.clone()).unwrap_or(&[]);
        let Some(ack_eliciting) = self.admit(&opened, payload)? else {
            return Ok(Outcome::Discarded(Discard::CryptoBeyondWindow));
        };
        self.on_opened(now, &opened, header.end - header.start);
        let crypto = self.apply(now, &opened, payload)?;
        self.on_packet_received(now, space, opened.number, ack_eliciting, codepoint);
        if crypto {
            self.drive_handshake(now)?;
        }
        Ok(Outcome::Applied)
    }

    /// Removes both layers of protection, and refuses what was seen before.
    fn open(
        &mut self,
        now: Instant,
        space: Space,
        header: &Header,
        packet: &mut [u8],
    ) -> Result<Result<Opened, Discard>, ConnectionError> {
        let number_at = header.number_offset - header.start;
        let Some(key) = self.keyring.header_key(space) else {
            return Ok(Err(Discard::NoKeys));
        };
        let Ok(unprotected) = key.unprotect(packet, number_at) else {
            return Ok(Err(Discard::Malformed));
        };
        let largest = self.parts.spaces.largest_received(space);
        let number = number::decode(unprotected.truncated, unprotected.number_length, largest);
        let payload_at = number_at + unprotected.number_length;
        let phase = packet::key_phase(unprotected.first);
        let provider = self.settings.provider();
        let opened = self
            .keyring
            .open(space, packet, payload_at, number, phase, provider);
        let payload = match opened {
            Ok(payload) => payload,
            Err(KeyError::Undecryptable) => return Ok(Err(Discard::Undecryptable)),
            Err(KeyError::Fatal(error)) => return Err(error.into()),
        };
        // Only an authentic packet may touch what is remembered of numbers.
        if self.parts.spaces.check(space, number) != Arrival::New {
            return Ok(Err(Discard::Duplicate));
        }
        //= rfc9000#17.2
        //= rfc9000#17.3.1
        if packet::has_reserved_bits(unprotected.first) {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "reserved header bits are set"
            ))
            .into());
        }
        if space == Space::Application && self.keyring.has_previous() {
            self.timers
                .keep_previous_key(now, self.recovery.probe_timeout());
        }
        Ok(Ok(Opened {
            space,
            number,
            payload,
            source: header.source,
            destination: header.destination,
        }))
    }

    /// Checks every frame of a packet: syntax, whether it may stand here, whether CRYPTO data fits.
    ///
    /// Says whether the packet is ack-eliciting; `None` if it is to be treated as lost.
    fn admit(&mut self, opened: &Opened, payload: &[u8]) -> Result<Option<bool>, TransportError> {
        //= rfc9000#12.4
        if payload.is_empty() {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "a packet without frames"
            )));
        }
        let capacity = self.crypto_capacity();
        let mut ack_eliciting = false;
        for frame in Frames::new(payload) {
            let frame = frame?;
            let kind = frame.kind();
            //= rfc9000#12.4
            kind::check(kind, opened.space, Side::Server)?;
            if let Frame::Crypto { offset, data } = frame {
                let verdict =
                    self.crypto_receive
                        .admit(opened.space, offset, data.len(), capacity)?;
                if verdict == Admission::Beyond {
                    return Ok(None);
                }
            }
            ack_eliciting |= kind::is_ack_eliciting(kind);
        }
        Ok(Some(ack_eliciting))
    }

    /// Applies every frame; says whether CRYPTO data was among them.
    fn apply(
        &mut self,
        now: Instant,
        opened: &Opened,
        payload: &[u8],
    ) -> Result<bool, ConnectionError> {
        let mut crypto = false;
        for frame in Frames::new(payload) {
            let frame = frame?;
            crypto |= matches!(frame, Frame::Crypto { .. });
            let place = Place {
                now,
                space: opened.space,
                destination: opened.destination,
            };
            self.apply_frame(&place, &frame)?;
            if !self.state.is_open() {
                break;
            }
        }
        Ok(crypto)
    }

    /// What any authentic packet means, whatever it carries.
    fn on_opened(&mut self, now: Instant, opened: &Opened, size: usize) {
        self.stats.packets_received += 1;
        let event = crate::trace::Event::PacketReceived {
            space: opened.space,
            number: opened.number,
            size,
        };
        self.report(now, &event);
        if opened.space == Space::Initial {
            self.on_first_initial(opened.source);
        }
        self.restart_idle(now);
    }

    fn on_first_initial(&mut self, source: ConnectionId) {
        //= rfc9000#7.2
        // The server's choice replaces our random one, once; later Initials cannot change it.
        if self.version.on_initial(source) {
            self.parts.remote_cids.set_first(source);
        }
    }

    fn on_packet_received(
        &mut self,
        now: Instant,
        space: Space,
        number: u64,
        ack_eliciting: bool,
        codepoint: Codepoint,
    ) {
        // Keys may have been discarded by what the packet said.
        if self.keyring.has(space) {
            self.parts
                .spaces
                .on_packet_received(now, space, number, ack_eliciting, codepoint);
        }
    }

    /// A datagram for a connection that is closing or over (RFC 9000 §10.2).
    fn handle_straggler(&mut self, now: Instant, datagram: &[u8]) {
        self.discard(now, Discard::Closed, datagram.len());
        if self.state == State::Closing {
            self.close.on_straggler();
        }
    }

    pub(super) fn discard(&mut self, now: Instant, reason: Discard, size: usize) {
        self.trace.discard(reason);
        self.report(now, &crate::trace::Event::Discarded { reason, size });
    }
}
