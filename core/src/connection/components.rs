//! The components whose frames a packet can carry, and the way an outcome finds its owner.
//!
//! Invariant: every token names its owner; an owner that no longer cares ignores it.

use super::crypto_stream::CryptoSend;
use super::tracer::Tracer;
use crate::path::Challenges;
use crate::path::cid::{LocalCids, RemoteCids};
use crate::recovery::{Outcome, Token};
use crate::space::NumberSpaces;
use crate::stream::Streams;
use crate::wire::packet::Space;

/// Everything that writes frames.
pub(super) struct Components<'m> {
    pub(super) crypto_send: CryptoSend,
    pub(super) spaces: NumberSpaces<'m>,
    pub(super) challenges: Challenges,
    pub(super) streams: Streams<'m>,
    pub(super) local_cids: LocalCids,
    pub(super) remote_cids: RemoteCids,
    pub(super) tracer: Tracer<'m>,
    #[cfg(feature = "ack-frequency")]
    pub(super) ack_requests: crate::ack_frequency::AckRequests,
    /// What the peer's acknowledgements may be delayed by from now on.
    #[cfg(feature = "ack-frequency")]
    pub(super) ack_delay_us: Option<u32>,
    #[cfg(feature = "tokens")]
    pub(super) new_token: super::new_token::NewToken,
    #[cfg(feature = "datagrams")]
    pub(super) datagrams: crate::datagram::Datagrams<'m>,
}

impl Components<'_> {
    /// Tells the owner of `token` what became of it.
    pub(super) fn on_outcome(&mut self, space: Space, outcome: Outcome, token: Token) {
        match (token, outcome) {
            #[cfg(feature = "sink")]
            (Token::Packet { .. }, _) => self.tracer.on_packet(space, outcome, token),
            (Token::Ack { largest }, Outcome::Acknowledged) => self.spaces.on_ack(space, largest),
            (Token::None | Token::Ack { .. } | Token::PathChallenge, _) => {}
            (Token::Crypto { offset, length }, Outcome::Acknowledged) => {
                self.crypto_send.on_ack(space, offset, length);
            }
            (Token::Crypto { offset, length }, Outcome::Lost) => {
                self.crypto_send.on_loss(space, offset, length);
            }
            (Token::NewConnectionId { .. }, Outcome::Acknowledged) => {}
            (Token::NewConnectionId { sequence }, Outcome::Lost) => {
                self.local_cids.on_loss(sequence);
            }
            (Token::RetireConnectionId { sequence }, Outcome::Acknowledged) => {
                self.remote_cids.on_ack(sequence);
            }
            (Token::RetireConnectionId { sequence }, Outcome::Lost) => {
                self.remote_cids.on_loss(sequence);
            }
            #[cfg(feature = "ack-frequency")]
            (Token::AckFrequency { sequence }, Outcome::Acknowledged) => {
                self.ack_delay_us = self.ack_requests.on_ack(sequence).or(self.ack_delay_us);
            }
            #[cfg(feature = "ack-frequency")]
            (Token::AckFrequency { sequence }, Outcome::Lost) => {
                self.ack_requests.on_loss(sequence);
            }
            #[cfg(feature = "datagrams")]
            (Token::Datagram, Outcome::Acknowledged) => self.datagrams.on_ack(),
            #[cfg(feature = "datagrams")]
            (Token::Datagram, Outcome::Lost) => self.datagrams.on_loss(),
            (_, Outcome::Acknowledged) => self.streams.on_ack(token),
            (_, Outcome::Lost) => self.streams.on_loss(token),
        }
    }
}
