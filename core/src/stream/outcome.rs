//! What became of frames that were sent (RFC 9000 §13.3).
//!
//! Invariant: a token only names what it is about; whether anything is to be said again is decided by the
//! state as it is now.

use super::receiver::{MORE_AGAIN, RecvState, STOP};
use super::sender::{BLOCKED, Fin, RESET, SendState};
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
                if let Some((slot, place)) = self.known_sender(id)
                    && self.senders[place].state == SendState::ResetSent
                {
                    self.senders[place].state = SendState::ResetRecvd;
                    self.senders[place].control = 0;
                    self.settle(slot);
                }
            }
            _ => {}
        }
    }

    fn on_stream_ack(&mut self, id: u32, offset: u64, length: u16, fin: bool) {
        let Some((slot, place)) = self.known_sender(id) else {
            return;
        };
        if !matches!(
            self.senders[place].state,
            SendState::Send | SendState::DataSent
        ) {
            return;
        }
        let is_freed = self.with_sender(place, |sender, pool| {
            if fin {
                sender.fin = Fin::Acknowledged;
            }
            let range = offset..offset.saturating_add(u64::from(length));
            sender.buffer.on_acknowledged(pool, range)
        });
        self.is_send_freed |= is_freed;
        let sender = &mut self.senders[place];
        if sender.fin == Fin::Acknowledged && sender.buffer.is_empty() {
            sender.state = SendState::DataRecvd;
            self.insert(Set::Finished, slot);
            self.settle(slot);
        }
        if fin || is_freed {
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
                if let Some((slot, place)) = self.known_sender(id)
                    && self.senders[place].state == SendState::ResetSent
                {
                    self.senders[place].control |= RESET;
                    self.insert(Set::Control, slot);
                }
            }
            Token::StreamDataBlocked { id, limit } => {
                if let Some((slot, place)) = self.known_sender(id) {
                    let sender = &mut self.senders[place];
                    if sender.limit == limit && sender.is_limited() {
                        sender.control |= BLOCKED;
                        self.insert(Set::Control, slot);
                    }
                }
            }
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
        let Some((slot, place)) = self.known_sender(id) else {
            return;
        };
        let sender = &mut self.senders[place];
        if !matches!(sender.state, SendState::Send | SendState::DataSent) {
            return;
        }
        let range = offset..offset.saturating_add(u64::from(length));
        sender.buffer.on_lost(range);
        if fin && sender.fin == Fin::Sent {
            sender.fin = Fin::Wanted;
        }
        self.refresh_sender(slot);
    }

    /// A frame about a receiving part is lost; it is only of interest while the final size is not known.
    fn tell_receiver_again(&mut self, id: u32, what: u8, is_latest: impl FnOnce(u64) -> bool) {
        let Some(slot) = self.slots.find(u64::from(id)) else {
            return;
        };
        let Some(place) = self.slots.receiver(slot) else {
            return;
        };
        let receiver = &mut self.receivers[place];
        let is_wanted = (what == STOP) == receiver.is_stopped;
        if receiver.state == RecvState::Recv && is_wanted && is_latest(receiver.limit) {
            receiver.control |= what;
            self.insert(Set::Control, slot);
        }
    }

    fn known_sender(&self, id: u32) -> Option<(usize, usize)> {
        let slot = self.slots.find(u64::from(id))?;
        Some((slot, self.slots.sender(slot)?))
    }
}
