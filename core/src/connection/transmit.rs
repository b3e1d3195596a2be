//! The way out: which spaces have something to say, one packet for each, as many datagrams as fit.
//!
//! Invariant: what is sent is constrained by congestion control and pacing unless it is an
//! acknowledgement, a probe or the end; every datagram with an Initial packet has 1,200 bytes.

use super::interest::{DATAGRAM_SIZE, Interest};
use super::packet_builder::{PacketBuilder, PacketHead};
use super::{Connection, ConnectionError, State, Transmit, close, lent};
use crate::codec::to_u64;
use crate::context::Context;
use crate::frame_writer::{FrameWriter, PACKET_TOKENS_MAX};
use crate::recovery::{self, Codepoint, Purpose, Token};
use crate::time::Instant;
use crate::trace::Event;
use crate::wire::frame::Frame;
use crate::wire::packet::{ConnectionId, Space};
use crate::wire::{Code, TransportError, rule};

/// Bytes that a packet needs at least, with a connection ID of any length.
const LAST_PACKET: usize = 64;

/// Probe timeouts in a row whose probes are as small as they can be.
const SMALL_PROBES: u8 = 1;

/// A datagram that was built.
struct Datagram {
    length: usize,
    codepoint: Codepoint,
    /// It must travel alone: packets of the handshake are not batched.
    alone: bool,
}

impl Connection<'_> {
    /// Fills `out` with one datagram, or with several of equal length (the last may be shorter).
    ///
    /// `None` when there is nothing to send now. `out` should have room for `Limits::datagram` bytes; with
    /// room for more, as many datagrams are written as congestion control and pacing release.
    #[inline(never)]
    pub fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        if self.state.is_open() {
            self.before_transmit(now);
        }
        match self.state {
            State::Closed | State::Draining => return None,
            State::Closing if !self.close.take_due() => return None,
            _ => {}
        }
        #[cfg(feature = "migration")]
        if let Some(probe) = self.transmit_probe(now, out) {
            return Some(probe);
        }
        #[cfg(feature = "pmtud")]
        if let Some(probe) = self.transmit_mtu_probe(now, out) {
            return Some(probe);
        }
        let mut length = 0;
        #[cfg(feature = "pmtud")]
        let mut segment = self.segment_size(out.len());
        #[cfg(not(feature = "pmtud"))]
        let mut segment = DATAGRAM_SIZE;
        let mut codepoint = Codepoint::NotEct;
        let marking = self.recovery.is_marking(Space::Application);
        while let Some(space) = out
            .get_mut(length..)
            .and_then(|rest| rest.get_mut(..segment))
        {
            let datagram = self.transmit_datagram(now, space);
            if length == 0 {
                segment = datagram.length;
                codepoint = datagram.codepoint;
            }
            length += datagram.length;
            // A batch has one mark.
            if datagram.alone
                || datagram.length < segment
                || segment == 0
                || self.recovery.is_marking(Space::Application) != marking
            {
                break;
            }
        }
        self.observe(now);
        (length > 0)
            .then(|| self.transmit_of(length, (length > segment).then_some(segment), codepoint))
    }

    pub(super) fn transmit_of(
        &mut self,
        len: usize,
        segment_size: Option<usize>,
        codepoint: Codepoint,
    ) -> Transmit {
        let datagrams = segment_size.map_or(1, |size| len.div_ceil(size.max(1)));
        self.counters.datagrams_sent += to_u64(datagrams);
        self.counters.bytes_sent += to_u64(len);
        Transmit {
            to: self.remote,
            #[cfg(feature = "migration")]
            from: self.routes.active.local,
            #[cfg(not(feature = "migration"))]
            from: None,
            len,
            segment_size,
            codepoint,
        }
    }

    /// Work that was put off until something is sent.
    fn before_transmit(&mut self, now: Instant) {
        if self.keyring.wants_update() && self.state == State::Confirmed {
            let started = self.start_key_update();
            // Acknowledgements alone are never acknowledged, and so would never permit the next update.
            self.ping |= !started && self.keyring.take_confirmation_due();
        }
        //= rfc9001#6.6
        if self.keyring.is_used_up() {
            let error = TransportError::new(rule!(
                Code::AEAD_LIMIT_REACHED,
                "the keys are used up and cannot be updated"
            ));
            self.end(now, ConnectionError::Transport(error));
        }
    }

    /// One datagram: one packet of each space that has something to say.
    //= rfc9001#4
    #[inline(never)]
    fn transmit_datagram(&mut self, now: Instant, out: &mut [u8]) -> Datagram {
        let marked = self.recovery.is_marking(Space::Application);
        let interests = self.interests(now);
        let [initial, handshake, application] = interests.map(|one| one != Interest::None);
        let mut length = 0;
        for (space, is_last) in [
            (Space::Initial, !handshake && !application),
            (Space::Handshake, !application),
            (Space::Application, true),
        ] {
            let interest = interests[space.index()];
            if interest == Interest::None {
                continue;
            }
            //= rfc9000#14.1
            //= rfc9000#6
            let pad_to = if is_last && (initial || self.is_giving_room(interest)) {
                DATAGRAM_SIZE.saturating_sub(length)
            } else {
                0
            };
            // The last one pads, so there has to be room for it.
            let end = if initial && !is_last {
                DATAGRAM_SIZE - LAST_PACKET
            } else {
                out.len()
            };
            let rest = out.get_mut(length..end).unwrap_or(&mut []);
            length += self.transmit_packet(now, space, interest, rest, pad_to);
        }
        Datagram {
            length,
            codepoint: if marked && application {
                Codepoint::Ect0
            } else {
                Codepoint::NotEct
            },
            alone: initial || !application || interests[2] == Interest::Close,
        }
    }

    /// Probes that went unanswered may have reached a server that must not answer: a translator has moved us, and until
    /// the new address is validated the server sends three times what came from there. To 30 bytes it owes 90, which
    /// hold no challenge of 1,200; so after a probe timeout that was silent the next probes are full datagrams.
    //= rfc9000#9.3
    fn is_giving_room(&self, interest: Interest) -> bool {
        interest == Interest::Everything(Purpose::Probe)
            && self.state == State::Confirmed
            && self.recovery.pto_count() > SMALL_PROBES
    }

    /// What each space may send now.
    #[inline(never)]
    fn interests(&mut self, now: Instant) -> [Interest; 3] {
        let mut interests = [Interest::None; 3];
        let mut may_send = None;
        for (&space, interest) in Space::ALL.iter().zip(&mut interests) {
            if !self.keyring.has(space) {
                continue;
            }
            let waits = self.has_pending(space);
            if waits && may_send.is_none() {
                // Asked only when something waits: a refusal counts as a window that is used.
                let budget = self.recovery.budget(now);
                may_send = Some(matches!(budget, recovery::Budget::Bytes(_)));
            }
            *interest = if self.state == State::Closing {
                Interest::Close
            } else if self.recovery.probes(space) > 0 {
                Interest::Everything(Purpose::Probe)
            } else if waits && (may_send == Some(true) || self.is_starving(space)) {
                //= rfc9221#5.4
                Interest::Everything(Purpose::Data)
            } else if self.parts.spaces.is_ack_due(now, space) {
                Interest::Acknowledge
            } else {
                Interest::None
            };
        }
        interests
    }

    /// The handshake waits for this space, and no timer would ever help it: nothing of it is in flight, while
    /// 1-RTT data may fill the congestion window that the server cannot acknowledge before the handshake's
    /// rest arrives. One packet at a time, as a probe would (RFC 9002 §7.5).
    fn is_starving(&self, space: Space) -> bool {
        space != Space::Application && self.recovery.is_silent(space)
    }

    /// Something of `space` other than acknowledgements waits to be sent.
    fn has_pending(&self, space: Space) -> bool {
        if self.parts.crypto_send.has_pending(space) {
            return true;
        }
        #[cfg(feature = "migration")]
        if space == Space::Application && self.is_challenge_due() {
            return true;
        }
        space == Space::Application
            && (self.has_news()
                || self.parts.challenges.has_pending()
                || self.parts.local_cids.has_pending()
                || self.parts.remote_cids.has_pending())
    }

    /// Something of the application's waits, or a sign of life, and not only upkeep.
    fn has_news(&self) -> bool {
        self.ping || self.parts.has_pending_extension() || self.parts.streams.has_pending()
    }

    /// Builds, seals and records one packet; returns its length, 0 if there was nothing to write after all.
    #[inline(never)]
    fn transmit_packet(
        &mut self,
        now: Instant,
        space: Space,
        interest: Interest,
        out: &mut [u8],
        pad_to: usize,
    ) -> usize {
        let (interest, room) = self.interest_with_room(space, interest, pad_to);
        let number = self.recovery.next_number(space);
        #[cfg(feature = "migration")]
        if matches!(interest, Interest::Everything(_)) && self.has_news() {
            self.rotate_cid(now);
        }
        let destination = self.parts.remote_cids.current();
        let Some(mut builder) = self.start_packet(space, number, destination, out) else {
            return 0;
        };
        let mut tokens = heapless::Vec::<Token, PACKET_TOKENS_MAX>::new();
        let payload_min = builder.payload_min().max(builder.payload_for(pad_to));
        let mut writer = builder.frames(&mut tokens, room);
        self.write_frames(now, space, interest, &mut writer);
        // What stands behind an Initial packet pads the datagram, even if that is all.
        let is_filler = (1..DATAGRAM_SIZE).contains(&pad_to);
        if writer.is_empty() && !is_filler {
            return 0;
        }
        writer.pad_to(payload_min);
        let payload = writer.len();
        let ack_eliciting = writer.is_ack_eliciting();
        let in_flight = writer.is_in_flight() && interest != Interest::Close;
        if self.parts.tracer.is_on() {
            let token_length = self.version.token_length();
            let event = Event::PacketSent(builder.packet(payload, token_length));
            self.report(now, &event);
        }
        let size = builder.finish(&mut self.keyring, payload);
        let packet = recovery::Packet {
            size,
            ack_eliciting,
            in_flight,
            path: self.recovery.active(),
            tokens: &tokens,
        };
        self.recovery.on_packet_sent(now, space, &packet);
        self.on_packet_sent(now, space, &packet);
        size
    }

    /// What may leave where the table of sent packets may be full: without a place for its record, nothing that asks for
    /// an answer. A challenge of ours takes the oldest one's, because the path that filled the table may be dead.
    fn interest_with_room(
        &mut self,
        space: Space,
        interest: Interest,
        pad_to: usize,
    ) -> (Interest, usize) {
        let room = self.tokens_room(space, interest, pad_to);
        if room > 0 || !matches!(interest, Interest::Everything(_)) {
            return (interest, room);
        }
        #[cfg(feature = "migration")]
        if space == Space::Application && self.is_challenge_due() {
            let interest = Interest::Everything(Purpose::Probe);
            return (interest, self.tokens_room(space, interest, pad_to));
        }
        let interest = Interest::Acknowledge;
        let room = if pad_to > 0 {
            self.tokens_room(space, interest, pad_to)
        } else {
            0
        };
        (interest, room)
    }

    /// Tokens the next packet may carry; 0 if only an acknowledgement can leave.
    pub(super) fn tokens_room(&mut self, space: Space, interest: Interest, pad_to: usize) -> usize {
        let purpose = match interest {
            Interest::Everything(purpose) => purpose,
            // An acknowledgement that is padded counts as in flight, so it needs a record.
            Interest::Acknowledge if pad_to > 0 => Purpose::Probe,
            // One that stands alone may still carry a PING.
            Interest::Acknowledge => Purpose::Data,
            Interest::None | Interest::Close => return 0,
        };
        let parts = &mut self.parts;
        self.recovery
            .room(space, purpose, &mut |space, outcome, token| {
                parts.on_outcome(space, outcome, token);
            })
    }

    pub(super) fn start_packet<'o>(
        &mut self,
        space: Space,
        number: u64,
        destination: ConnectionId,
        out: &'o mut [u8],
    ) -> Option<PacketBuilder<'o>> {
        //= rfc9287#3.1
        // Only what the handshake has proven to be the server's word counts.
        #[cfg(feature = "grease")]
        let greased = self.state > State::Handshaking
            && self.promise.grease_quic_bit
            && self.random.u64() & 1 != 0;
        let (receive, _) = self.parts.streams.handshake_buffers();
        let token = lent::divide(self.state, receive, self.version.token_length()).token;
        let head = PacketHead {
            space,
            version: self.version.choice.current(),
            destination,
            source: self.source,
            token,
            number,
            largest_acknowledged: self.recovery.largest_acknowledged(space),
            phase: self.keyring.phase(),
            #[cfg(feature = "grease")]
            greased,
        };
        PacketBuilder::new(out, &head)
    }

    /// Asks the components for frames, in the order of their urgency.
    #[inline(never)]
    fn write_frames(
        &mut self,
        now: Instant,
        space: Space,
        interest: Interest,
        writer: &mut FrameWriter<'_>,
    ) {
        let largest = self.datagram_max_now();
        let mut cx = Context {
            now,
            random: &mut self.random,
            trace: &mut self.trace,
        };
        let parts = &mut self.parts;
        if interest == Interest::Close {
            if let Some(error) = &self.error {
                close::write(error, space, writer);
            }
            return;
        }
        //= rfc9000#9.3.3
        // It is no probe of a path, so with it an answer to a challenge is none either.
        parts.spaces.on_transmit(now, space, writer);
        let Interest::Everything(purpose) = interest else {
            parts
                .spaces
                .write_ping(now, space, self.recovery.rtt().smoothed_us(), writer);
            return;
        };
        let (_, send) = parts.streams.handshake_buffers();
        parts.crypto_send.on_transmit(space, send, writer);
        let mut pad = false;
        //= rfc9001#4.9
        //= rfc9221#6
        if space == Space::Application {
            pad = parts.challenges.on_transmit(writer);
            #[cfg(feature = "migration")]
            {
                let route = &mut self.routes.active;
                pad |= super::migration::write_challenge(route, now, cx.random, writer);
            }
            parts.local_cids.on_transmit(cx.random, writer);
            parts.remote_cids.on_transmit(writer);
            #[cfg(feature = "ack-frequency")]
            if let Some(delay_us) = parts.ack_requests.on_transmit(writer) {
                self.recovery.raise_max_ack_delay(delay_us);
            }
            parts.write_data(&mut cx, largest, writer);
        }
        let wants_ping = purpose == Purpose::Probe || (self.ping && space == Space::Application);
        #[cfg(feature = "ack-frequency")]
        if purpose == Purpose::Probe
            && space == Space::Application
            && parts.ack_requests.is_asking()
        {
            writer.frame(&Frame::ImmediateAck, Token::None);
        }
        if wants_ping && !writer.is_ack_eliciting() {
            //= rfc9002#6.2.4
            writer.frame(&Frame::Ping, Token::None);
        }
        if space == Space::Application && writer.is_ack_eliciting() {
            self.ping = false;
        }
        if pad {
            //= rfc9000#8.2.2
            writer.pad_to(usize::MAX);
        }
    }

    /// Seals and records a 1-RTT packet that is a probe of a path: alone in its datagram, without a token.
    #[cfg(any(feature = "migration", feature = "pmtud"))]
    pub(super) fn finish_probe(
        &mut self,
        now: Instant,
        builder: PacketBuilder<'_>,
        payload: usize,
        path: recovery::Slot,
    ) -> usize {
        if self.parts.tracer.is_on() {
            let event = Event::PacketSent(builder.packet(payload, 0));
            self.report(now, &event);
        }
        let size = builder.finish(&mut self.keyring, payload);
        let packet = recovery::Packet {
            size,
            ack_eliciting: true,
            in_flight: true,
            path,
            tokens: &[],
        };
        let space = Space::Application;
        self.recovery.on_packet_sent(now, space, &packet);
        self.on_packet_sent(now, space, &packet);
        size
    }

    /// What follows from having sent a packet.
    fn on_packet_sent(&mut self, now: Instant, space: Space, packet: &recovery::Packet<'_>) {
        self.counters.packets_sent += 1;
        #[cfg(feature = "migration")]
        if packet.path == self.recovery.active() {
            self.routes.rotor.on_sent(now);
        }
        if self.recovery.wants_skipped() {
            let random = self.random.u64();
            self.recovery.choose_skipped(random);
        }
        if packet.ack_eliciting {
            self.on_ack_eliciting_sent(now);
        }
        //= rfc9001#4.9.1
        if space == Space::Handshake && self.keyring.has(Space::Initial) {
            self.discard_keys(now, Space::Initial);
        }
    }

    /// Throws the keys of a space away, and with them everything that waited for them.
    pub(super) fn discard_keys(&mut self, now: Instant, space: Space) {
        if !self.keyring.discard(space) {
            return;
        }
        self.recovery.discard_space(now, space);
        self.parts.crypto_send.discard(space);
        self.parts.spaces.discard(space);
        if space == Space::Initial {
            self.version.forget_token();
        }
        self.report(now, &Event::KeysDiscarded { space });
    }

    /// The 1-RTT keys of both directions are replaced, if the last update is confirmed.
    pub(super) fn start_key_update(&mut self) -> bool {
        let updated = self.keyring.update(self.settings.provider());
        self.counters.key_updates += u32::from(updated);
        if updated {
            self.timers.forget_previous_key();
        }
        updated
    }
}
