//! One arm for each frame: which component it goes to (RFC 9000 §12.4, §19).
//!
//! Invariant: this file decides order, components decide what a frame means.

use super::{Connection, ConnectionError, State, lent};
use crate::context::Context;
use crate::time::{Duration, Instant};
use crate::wire::frame::{Ack, Frame};
use crate::wire::packet::{ConnectionId, Space};
use crate::wire::{Code, TransportError, rule};

/// Where and when a frame is applied.
pub(super) struct Place<'a> {
    pub(super) now: Instant,
    pub(super) space: Space,
    /// Whom its packet was for.
    pub(super) destination: &'a ConnectionId,
}

impl Connection<'_> {
    /// Applies a frame that was admitted.
    #[inline(never)]
    pub(super) fn apply_frame(
        &mut self,
        place: &Place<'_>,
        frame: &Frame<'_>,
    ) -> Result<(), TransportError> {
        let mut cx = Context {
            now: place.now,
            random: &mut self.random,
            trace: &mut self.trace,
        };
        match frame {
            Frame::Padding { .. } | Frame::Ping => {}
            Frame::Ack(ack) => self.on_ack_frame(place, ack)?,
            Frame::Crypto { offset, data } => self.on_crypto_frame(place.space, *offset, data),
            Frame::Stream { .. }
            | Frame::ResetStream { .. }
            | Frame::StopSending { .. }
            | Frame::MaxData { .. }
            | Frame::MaxStreamData { .. }
            | Frame::MaxStreams { .. }
            | Frame::DataBlocked { .. }
            | Frame::StreamDataBlocked { .. }
            | Frame::StreamsBlocked { .. } => self.parts.streams.on_frame(&mut cx, frame)?,
            Frame::NewConnectionId { .. } => self.on_new_connection_id(frame)?,
            Frame::RetireConnectionId { sequence } => {
                self.parts
                    .local_cids
                    .on_retire(*sequence, place.destination)?;
            }
            Frame::PathChallenge(data) => self.on_path_challenge(*data),
            Frame::PathResponse(data) => self.on_path_response(place.now, data),
            #[cfg(feature = "tokens")]
            Frame::NewToken { token } => self.parts.new_token.on_frame(token),
            // Without a place for it, it is as if the server had sent none.
            #[cfg(not(feature = "tokens"))]
            Frame::NewToken { .. } => {}
            Frame::ConnectionClose(close) => {
                self.end(place.now, ConnectionError::Peer(close.into()));
            }
            #[cfg(feature = "ack-frequency")]
            Frame::AckFrequency {
                sequence,
                threshold,
                delay_us,
                reordering,
            } => {
                let spaces = &mut self.parts.spaces;
                spaces.on_ack_frequency(*sequence, *threshold, *delay_us, *reordering)?;
            }
            #[cfg(feature = "ack-frequency")]
            Frame::ImmediateAck => self.parts.spaces.on_immediate_ack(place.now),
            #[cfg(feature = "datagrams")]
            Frame::Datagram { data, .. } => {
                self.parts.datagrams.on_frame(frame.datagram_size(), data)?;
            }
            Frame::HandshakeDone => self.confirm(place.now)?,
        }
        Ok(())
    }

    fn on_new_connection_id(&mut self, frame: &Frame<'_>) -> Result<(), TransportError> {
        if let Frame::NewConnectionId {
            sequence,
            retire_prior_to,
            cid,
            reset_token,
        } = frame
        {
            let cids = &mut self.parts.remote_cids;
            cids.on_new(*sequence, *retire_prior_to, cid, *reset_token)?;
            #[cfg(feature = "migration")]
            self.on_remote_cids();
        }
        Ok(())
    }

    #[cfg(not(feature = "migration"))]
    fn on_path_challenge(&mut self, data: [u8; 8]) {
        self.parts.challenges.on_challenge(data);
    }

    /// Nothing was challenged, so nothing is expected (RFC 9000 §19.18 permits ignoring it).
    #[cfg(not(feature = "migration"))]
    fn on_path_response(&mut self, _: Instant, _: &[u8; 8]) {}

    #[inline(never)]
    fn on_ack_frame(&mut self, place: &Place<'_>, ack: &Ack<'_>) -> Result<(), TransportError> {
        let parts = &mut self.parts;
        let summary =
            self.recovery
                .on_ack(place.now, place.space, ack, &mut |space, outcome, token| {
                    parts.on_outcome(space, outcome, token);
                })?;
        if place.space == Space::Application {
            self.keyring.on_acknowledged(ack.largest);
            // Who read a 1-RTT packet has completed the handshake, whatever became of HANDSHAKE_DONE: without this, a
            // client goes on with Handshake packets that nobody has keys for.
            self.confirm(place.now)?;
        }
        if summary.rtt_sampled {
            // Of the least one: queues of our own making must not look like a reason for longer ones.
            let rtt = Duration::from_micros(self.recovery.rtt().min_us().into());
            self.parts.streams.set_rtt(rtt);
        }
        #[cfg(feature = "ack-frequency")]
        self.review_ack_frequency();
        Ok(())
    }

    /// The window may have become another one, or the server has heard of a request.
    #[cfg(feature = "ack-frequency")]
    fn review_ack_frequency(&mut self) {
        let packets = self.recovery.window() / u32::from(super::interest::DATAGRAM_BYTES);
        let rtt_us = self.recovery.rtt().smoothed_us();
        self.parts.ack_requests.consider(packets, rtt_us);
        if let Some(delay_us) = self.parts.ack_delay_us.take() {
            self.recovery.set_max_ack_delay(delay_us);
        }
    }

    fn on_crypto_frame(&mut self, space: Space, offset: u64, data: &[u8]) {
        let (receive, _) = self.parts.streams.handshake_buffers();
        let buffer = lent::divide(self.state, receive, self.version.token_length()).window;
        self.crypto_receive.store(space, offset, data, buffer);
    }

    /// The server may have a complete handshake: that takes our Finished, all of which has to have left.
    //= rfc9001#4.1.1
    pub(super) fn is_heard(&self) -> bool {
        self.state != State::Handshaking && !self.parts.crypto_send.has_unsent(Space::Handshake)
    }

    /// The server has completed the handshake, too, and says so or shows it.
    //= rfc9001#4.1.2
    fn confirm(&mut self, now: Instant) -> Result<(), TransportError> {
        if !self.is_heard() {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "the handshake was confirmed before it was complete"
            )));
        }
        if self.state == State::Established {
            self.state = State::Confirmed;
            self.recovery.on_handshake_confirmed();
            //= rfc9001#4.9.2
            self.discard_keys(now, Space::Handshake);
            self.parts.streams.release_handshake_send();
            self.keyring.derive_next(self.settings.provider());
            #[cfg(feature = "pmtud")]
            self.start_mtu_search();
            #[cfg(feature = "migration")]
            self.try_preferred_address(now);
        }
        Ok(())
    }
}
