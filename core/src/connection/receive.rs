//! The way in: a datagram becomes packets, a packet is opened, admitted whole, then applied whole.
//!
//! Invariant: nothing of a packet has any effect before all of it was found legal.

use core::ops::Range;

use super::crypto_stream::Admission;
use super::frames::Place;
use super::refusal::Refusal;
use super::{Connection, ConnectionError, Receive, State};
use crate::codec::to_u64;
use crate::fmt::debug;
use crate::recovery::Codepoint;
use crate::space::Arrival;
use crate::time::Instant;
use crate::trace::{Discard, Event, Packet};
use crate::wire::frame::{Frame, Frames, kind};
use crate::wire::packet::{self, Header, HeaderError, Kind, Space, number};
use crate::wire::{Code, Side, TransportError, rule};

/// The last bytes of a datagram, which are a stateless reset's token (RFC 9000 §10.3).
const RESET_TOKEN_LENGTH: usize = 16;

/// The shortest datagram that can be a stateless reset.
const RESET_LENGTH_MIN: usize = 21;

/// What an admitted packet consists of.
struct Content {
    /// It is to be acknowledged.
    ack_eliciting: bool,
    /// It carries something for TLS.
    crypto: bool,
}

impl Connection<'_> {
    /// Takes in a datagram, which is decrypted in place. Bad input is discarded and counted; an error of
    /// the peer surfaces once as [`super::Event::Closed`]. Never fails, in any state.
    #[inline(never)]
    pub fn handle_datagram(&mut self, now: Instant, from: &Receive, datagram: &mut [u8]) {
        self.counters.datagrams_received += 1;
        self.counters.bytes_received += to_u64(datagram.len());
        //= rfc9000#9
        //= rfc9000#8
        // Servers move only where they said; packets from elsewhere are not from the server.
        if !self.is_from_server(from) {
            return self.discard(now, Discard::WrongAddress, datagram.len());
        }
        if !self.state.is_open() {
            return self.handle_straggler(now, datagram);
        }
        let tail = datagram.len().checked_sub(RESET_TOKEN_LENGTH);
        let tail = tail.and_then(|at| datagram.get(at..)?.try_into().ok());
        if !self.handle_packets(now, from, datagram) {
            self.recognise_reset(now, datagram, tail);
        }
        self.observe(now);
    }

    /// Whether a datagram came from an address of the server; notes on which path.
    fn is_from_server(&mut self, from: &Receive) -> bool {
        #[cfg(feature = "migration")]
        return match self.routes.find(from.local, from.remote) {
            Some(which) => {
                self.routes.arrival = which;
                true
            }
            None => false,
        };
        #[cfg(not(feature = "migration"))]
        return from.remote == self.remote;
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
            let cid_length = self.source.len();
            let header = match Header::decode(datagram, start, cid_length) {
                Ok(header) => header,
                Err(error) => {
                    let reason = match error {
                        HeaderError::Version(_) => Discard::WrongVersion,
                        _ => Discard::Malformed,
                    };
                    self.discard(now, reason, datagram.len() - start);
                    break;
                }
            };
            match self.handle_packet(now, from.codepoint, &header, datagram) {
                Ok(()) => any_opened = true,
                Err(Refusal::Discard(reason)) => {
                    let packet = datagram.get(start..header.end).unwrap_or(&[]);
                    self.discard_packet(now, from, &header, reason, packet);
                }
                Err(fatal) => self.refuse(now, fatal),
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
        if !(is_early && self.early.keep(from.codepoint, packet)) {
            self.discard(now, reason, packet.len());
        }
    }

    /// An unopened datagram that ends with a reset token of the peer means it has lost its state.
    fn recognise_reset(&mut self, now: Instant, datagram: &[u8], tail: Option<[u8; 16]>) {
        //= rfc9000#10.3.1
        let Some(token) = tail else { return };
        if datagram.len() >= RESET_LENGTH_MIN && self.is_reset(&token) {
            debug!("stateless reset");
            self.end(now, ConnectionError::Reset);
        }
    }

    /// Whether a token belongs to a connection ID that is sent to on the path on which it came, or was until just now.
    fn is_reset(&self, token: &[u8; 16]) -> bool {
        let cids = &self.parts.remote_cids;
        #[cfg(feature = "migration")]
        if self.routes.arrival != crate::path::Which::Active {
            let route = self.routes.get(self.routes.arrival);
            let sequence = route.and_then(|route| route.cid);
            return sequence.is_some_and(|sequence| cids.is_reset_of(sequence, token));
        }
        #[cfg(feature = "migration")]
        if let Some(sequence) = self.routes.rotor.left()
            && cids.is_reset_of(sequence, token)
        {
            return true;
        }
        cids.is_reset(token)
    }

    #[inline(never)]
    fn handle_packet(
        &mut self,
        now: Instant,
        codepoint: Codepoint,
        header: &Header,
        datagram: &mut [u8],
    ) -> Result<(), Refusal> {
        let space = match header.kind {
            Kind::VersionNegotiation => {
                return self.handle_version_negotiation(now, header, datagram);
            }
            Kind::Retry => {
                self.handle_retry(now, header, datagram)?;
                self.on_heard(now);
                self.report_received(now, header, 0, &[]);
                return Ok(());
            }
            // Only clients send 0-RTT.
            Kind::ZeroRtt => return Err(Discard::Unexpected.into()),
            Kind::Initial => Space::Initial,
            Kind::Handshake => Space::Handshake,
            Kind::Short => Space::Application,
        };
        //= rfc9000#5.2
        if !self.parts.local_cids.contains(&header.destination) {
            return Err(Discard::UnknownConnectionId.into());
        }
        #[cfg(feature = "v2")]
        if header.kind != Kind::Short && !self.version.choice.admits(header.version) {
            return Err(Discard::WrongVersion.into());
        }
        //= rfc9000#7.2
        //= rfc9000#17.2.2
        // A long header from somebody else, or with a token that only clients have.
        let has_token = header.kind == Kind::Initial && !header.token.is_empty();
        if has_token || (header.kind != Kind::Short && !self.version.is_from_server(&header.source))
        {
            return Err(Discard::Unexpected.into());
        }
        let packet = datagram
            .get_mut(header.start..header.end)
            .ok_or(Discard::Malformed)?;
        #[cfg(feature = "v2")]
        let (number, payload) = self.open_in_its_version(now, space, header, packet)?;
        #[cfg(not(feature = "v2"))]
        let (number, payload) = self.open(now, space, header, packet)?;
        let payload = packet.get(payload).unwrap_or(&[]);
        let content = self.admit(space, payload)?;
        #[cfg(feature = "v2")]
        if space == Space::Initial && content.crypto {
            self.settle_version(header.version, true);
        }
        self.report_received(now, header, number, payload);
        self.on_opened(now, space, header);
        self.apply(now, space, header, payload)?;
        // Keys may have been discarded by what the packet said.
        if self.keyring.has(space) {
            let eliciting = content.ack_eliciting;
            let spaces = &mut self.parts.spaces;
            spaces.on_packet_received(now, space, number, eliciting, codepoint);
        }
        if content.crypto {
            self.drive_handshake(now)?;
        }
        Ok(())
    }

    /// Opens an Initial packet in another version than ours, if the server may still change to it, with that version's
    /// keys, which stay in use if they fit; and every other packet with the keys in use.
    #[cfg(feature = "v2")]
    fn open_in_its_version(
        &mut self,
        now: Instant,
        space: Space,
        header: &Header,
        packet: &mut [u8],
    ) -> Result<(u64, Range<usize>), Refusal> {
        let changes = space == Space::Initial && header.version != self.version.choice.current();
        if changes {
            self.keyring.exchange_initial();
        }
        let opened = self.open(now, space, header, packet);
        if changes && opened.is_err() {
            self.keyring.exchange_initial();
        } else if changes {
            self.settle_version(header.version, false);
        }
        opened
    }

    /// Removes both layers of protection, and refuses what was seen before. Returns the packet's number and where
    /// its frames lie.
    #[inline(never)]
    fn open(
        &mut self,
        now: Instant,
        space: Space,
        header: &Header,
        packet: &mut [u8],
    ) -> Result<(u64, Range<usize>), Refusal> {
        let number_at = header.number_offset - header.start;
        let key = self.keyring.header_key(space).ok_or(Discard::NoKeys)?;
        let unprotected = key
            .unprotect(packet, number_at)
            .map_err(|_| Discard::Malformed)?;
        let largest = self.parts.spaces.largest_received(space);
        let number = number::decode(unprotected.truncated, unprotected.number_length, largest);
        let payload_at = number_at + unprotected.number_length;
        let phase = packet::key_phase(unprotected.first);
        let provider = self.settings.provider();
        let phase_before = self.keyring.phase();
        let payload = self
            .keyring
            .open(space, packet, payload_at, number, phase, provider)?;
        //= rfc9001#9.5
        // Only an authentic packet may touch what is remembered of numbers.
        if self.parts.spaces.check(space, number) != Arrival::New {
            return Err(Discard::Duplicate.into());
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
        if self.keyring.phase() != phase_before {
            self.on_keys_updated()?;
        }
        //= rfc9001#6.1
        if space == Space::Application && self.keyring.has_replaced() {
            self.timers
                .keep_previous_key(now, self.recovery.probe_timeout_us());
        }
        Ok((number, payload))
    }

    /// The server has updated the 1-RTT keys.
    fn on_keys_updated(&mut self) -> Result<(), TransportError> {
        self.timers.forget_previous_key();
        //= rfc9001#6.1
        if self.is_heard() {
            return Ok(());
        }
        Err(TransportError::new(rule!(
            Code::KEY_UPDATE_ERROR,
            "a key update before the handshake was confirmed"
        )))
    }

    /// Checks every frame of a packet: syntax, whether it may stand here, whether CRYPTO data fits.
    #[inline(never)]
    fn admit(&mut self, space: Space, payload: &[u8]) -> Result<Content, Refusal> {
        //= rfc9000#12.4
        if payload.is_empty() {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "a packet without frames"
            ))
            .into());
        }
        //= rfc9000#4
        let capacity = self.lent().0.window.len();
        let mut content = Content {
            ack_eliciting: false,
            crypto: false,
        };
        for frame in Frames::new(payload) {
            let frame = frame?;
            let kind = frame.kind();
            //= rfc9000#12.4
            kind::check(kind, space, Side::Server)?;
            if let Frame::Crypto { offset, data } = frame {
                content.crypto = true;
                let receive = &self.crypto_receive;
                if receive.admit(space, offset, data.len(), capacity)? == Admission::Beyond {
                    return Err(Discard::CryptoBeyondWindow.into());
                }
            }
            content.ack_eliciting |= kind::is_ack_eliciting(kind);
        }
        Ok(content)
    }

    /// Applies every frame, until one of them ends the connection.
    fn apply(
        &mut self,
        now: Instant,
        space: Space,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), TransportError> {
        let place = Place {
            now,
            space,
            destination: &header.destination,
        };
        for frame in Frames::new(payload) {
            self.apply_frame(&place, &frame?)?;
            if !self.state.is_open() {
                break;
            }
        }
        Ok(())
    }

    /// What any authentic packet means, whatever it carries.
    fn on_opened(&mut self, now: Instant, space: Space, header: &Header) {
        //= rfc9000#7.2
        // The server's choice replaces our random one, once; later Initials cannot change it.
        if space == Space::Initial && self.version.on_initial(header.source) {
            self.parts.remote_cids.set_first(header.source);
        }
        self.on_heard(now);
    }

    /// The server lives.
    fn on_heard(&mut self, now: Instant) {
        self.counters.packets_received += 1;
        //= rfc9000#10.1
        self.restart_idle(now);
    }

    /// A datagram for a connection that is closing or over (RFC 9000 §10.2).
    fn handle_straggler(&mut self, now: Instant, datagram: &[u8]) {
        self.discard(now, Discard::Closed, datagram.len());
        if self.state == State::Closing {
            self.close.on_straggler();
        }
    }

    fn report_received(&mut self, now: Instant, header: &Header, number: u64, payload: &[u8]) {
        let packet = Packet {
            kind: header.kind,
            number,
            size: header.end - header.start,
            version: header.version,
            destination: header.destination,
            source: header.source,
            token_length: header.token.len(),
            payload,
        };
        self.report(now, &Event::PacketReceived(packet));
    }

    pub(super) fn discard(&mut self, now: Instant, reason: Discard, size: usize) {
        self.trace.discard(reason);
        self.report(now, &Event::Discarded { reason, size });
    }
}
