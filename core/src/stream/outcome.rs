//! What became of frames that were sent (RFC 9000 §13.3).
//!
//! Invariant: a token only names what it is about; whether anything is to be said again is decided by the
//! state as it is now.

use super::receiver::{MORE_AGAIN, RecvState, STOP};
use super::sender::{BLOCKED, Fin, RESET, SendState, Sender};
use super::{DATA_BLOCKED, MAX_DATA_AGAIN, MAX_STREAMS, STREAMS_BLOCKED, Set, Streams, by};
use crate::recovery::Token;

impl Streams<'_> {
    /// A packet with this frame arrived.
    pub fn on_ack(&mut self, token: Token) {
        match token {
            Token::Stream {
                id,
                offset,
                length,
                fin,
            } => self.on_stream_ack(id, offset, length, fin),
            Token::ResetStream { id } => {
                if let Some(slot) = self.slots.find(id.into())
                    && let Some(sender) = self.sender_mut(slot)
                    && sender.state == SendState::ResetSent
                {
                    sender.state = SendState::ResetRecvd;
                    sender.control = 0;
                    self.settle(slot);
                }
            }
            _ => {}
        }
    }

    fn on_stream_ack(&mut self, id: u32, offset: u64, length: u16, fin: bool) {
        let Some(slot) = self.slots.find(id.into()) else {
            return;
        };
        self.with_sender(slot, |sender, pool| {
            if sender.is_open() {
                if fin {
                    sender.fin = Fin::Acknowledged;
                }
                let range = offset..offset.saturating_add(length.into());
                sender.buffer.on_acknowledged(pool, range);
            }
        });
        if let Some(sender) = self.sender_mut(slot)
            && sender.is_open()
        {
            if sender.fin == Fin::Acknowledged && sender.buffer.is_empty() {
                sender.state = SendState::DataRecvd;
                self.insert(Set::Finished, slot);
                self.settle(slot);
            }
            self.refresh_sender(slot);
        }
    }

    /// A packet with this frame is lost. What is still of interest is sent again.
    pub fn on_loss(&mut self, token: Token) {
        match token {
            Token::Stream {
                id,
                offset,
                length,
                fin,
            } => self.on_stream_loss(id, offset, length, fin),
            Token::ResetStream { id } => {
                self.tell_again(id, RESET, |sender| sender.state == SendState::ResetSent);
            }
            Token::StreamDataBlocked { id, limit } => self.tell_again(id, BLOCKED, |sender| {
                sender.limit == limit && sender.is_limited()
            }),
            Token::StopSending { id } => self.tell_receiver_again(id, STOP, |_| true),
            Token::MaxStreamData { id, limit } => {
                self.tell_receiver_again(id, MORE_AGAIN, |told| told == limit);
            }
            Token::MaxData { limit } if limit == self.credit.told() => {
                self.control |= MAX_DATA_AGAIN;
            }
            Token::DataBlocked { limit } if limit == self.allowance.limit() => {
                self.control |= DATA_BLOCKED;
            }
            Token::MaxStreams { direction, limit }
                if limit == self.accepting[by(direction)].told =>
            {
                self.control |= MAX_STREAMS << by(direction);
            }
            Token::StreamsBlocked { direction, limit }
                if limit == self.opening[by(direction)].limit =>
            {
                self.control |= STREAMS_BLOCKED << by(direction);
            }
            _ => {}
        }
    }

    fn on_stream_loss(&mut self, id: u32, offset: u64, length: u16, fin: bool) {
        if let Some(slot) = self.slots.find(id.into())
            && let Some(sender) = self.sender_mut(slot)
            && sender.is_open()
        {
            let range = offset..offset.saturating_add(length.into());
            sender.buffer.on_lost(range);
            if fin && sender.fin == Fin::Sent {
                sender.fin = Fin::Wanted;
            }
            self.refresh_sender(slot);
        }
    }

    /// A frame about a sending part is lost.
    fn tell_again(&mut self, id: u32, what: u8, is_wanted: impl FnOnce(&Sender) -> bool) {
        if let Some(slot) = self.slots.find(id.into())
            && self.sender(slot).is_some_and(is_wanted)
        {
            self.demand_of_sender(slot, what);
        }
    }

    /// A frame about a receiving part is lost; it is only of interest while the final size is not known.
    fn tell_receiver_again(&mut self, id: u32, what: u8, is_latest: impl FnOnce(u64) -> bool) {
        if let Some(slot) = self.slots.find(id.into())
            && let Some(receiver) = self.receiver(slot)
            && receiver.state == RecvState::Recv
            && (what == STOP) == receiver.is_stopped
            && is_latest(receiver.limit)
        {
            self.demand_of_receiver(slot, what);
        }
    }
}
