//! What follows from a change to a stream: the sets it belongs to, the window and chunks it holds, and the
//! end of its slot.
//!
//! Invariant: the sets name exactly the streams that have something to say, and budgets count exactly what
//! streams hold.

use super::receiver::{self, Receiver};
use super::sender::{self, Sender};
use super::{MAX_DATA, MAX_STREAMS, SETS, STREAMS_EVER, Set, Streams, by};
use crate::codec::to_u64;
use crate::mem::Pool;
use crate::wire::Direction;

impl<'m> Streams<'m> {
    /// The sending part in `slot`.
    pub(super) fn sender(&self, slot: usize) -> Option<&Sender> {
        self.senders.get(self.slots.sender(slot)?)
    }

    pub(super) fn sender_mut(&mut self, slot: usize) -> Option<&mut Sender> {
        self.senders.get_mut(self.slots.sender(slot)?)
    }

    /// The receiving part in `slot`.
    pub(super) fn receiver(&self, slot: usize) -> Option<&Receiver> {
        self.receivers.get(self.slots.receiver(slot)?)
    }

    pub(super) fn receiver_mut(&mut self, slot: usize) -> Option<&mut Receiver> {
        self.receivers.get_mut(self.slots.receiver(slot)?)
    }

    /// What the receiving part in `slot` has there, from `offset` bytes behind its read offset on.
    pub(super) fn peek_at(&self, slot: usize, offset: usize) -> &[u8] {
        let receiver = self.receiver(slot);
        receiver.map_or(&[], |receiver| {
            receiver.buffer.peek_at(&self.receive, offset)
        })
    }

    pub(super) fn insert(&mut self, set: Set, slot: usize) {
        self.flags.insert(set.index(), slot);
    }

    pub(super) fn remove(&mut self, set: Set, slot: usize) {
        self.flags.remove(set.index(), slot);
    }

    /// Puts a sending part into the sets that its state asks for.
    pub(super) fn refresh_sender(&mut self, slot: usize) {
        let Some(sender) = self.sender_mut(slot) else {
            return;
        };
        let again = sender.needs_no_credit();
        let data = Set::Data.index() + sender.urgency();
        let has_data = sender.sendable() > 0;
        if sender.is_limited() && !sender.is_blocked_told {
            sender.is_blocked_told = true;
            self.demand_of_sender(slot, sender::BLOCKED);
        }
        self.flags.put(Set::Again.index(), slot, again);
        self.flags.put(data, slot, has_data);
    }

    /// Control frames of a sending part are to be sent.
    pub(super) fn demand_of_sender(&mut self, slot: usize, control: u8) {
        if let Some(sender) = self.sender_mut(slot) {
            sender.control |= control;
            self.insert(Set::Control, slot);
        }
    }

    /// Control frames of a receiving part are to be sent.
    pub(super) fn demand_of_receiver(&mut self, slot: usize, control: u8) {
        if let Some(receiver) = self.receiver_mut(slot) {
            receiver.control |= control;
            self.insert(Set::Control, slot);
        }
    }

    /// Changes a receiving part, and keeps account of what it is lent and of the bytes that `change` says
    /// were consumed by it. Returns those.
    pub(super) fn with_receiver(
        &mut self,
        slot: usize,
        change: impl FnOnce(&mut Receiver, &mut Pool<'m>) -> u64,
    ) -> u64 {
        let before = self.lent(slot);
        let place = self.slots.receiver(slot);
        let receiver = place.and_then(|place| self.receivers.get_mut(place));
        let consumed = receiver.map_or(0, |receiver| change(receiver, &mut self.receive));
        self.on_changed(slot, before, consumed);
        consumed
    }

    /// What the receiving part in `slot` is lent: one of a request's only is.
    #[inline(never)]
    fn lent(&self, slot: usize) -> u32 {
        match self.receiver(slot) {
            Some(receiver) if self.slots.is_bidirectional(slot) => {
                self.budget.lent(receiver.allowance())
            }
            _ => 0,
        }
    }

    /// The receiving part in `slot`, which was lent `before`, has changed, and `consumed` bytes with it.
    #[inline(never)]
    fn on_changed(&mut self, slot: usize, before: u32, consumed: u64) {
        let after = self.lent(slot);
        self.budget.on_lent(before, after);
        self.credit.on_consumed(consumed);
        if self.credit.is_update_due() {
            self.control |= MAX_DATA;
        }
    }

    /// Notes whether the peer of a receiving part should be allowed more.
    pub(super) fn refresh_receiver(&mut self, slot: usize) {
        if self.receiver(slot).is_some_and(Receiver::is_update_due) {
            self.demand_of_receiver(slot, receiver::MORE);
        }
    }

    /// Changes the sending part and keeps account of the chunks it holds.
    pub(super) fn with_sender<T>(
        &mut self,
        slot: usize,
        change: impl FnOnce(&mut Sender, &mut Pool<'m>) -> T,
    ) -> Option<T> {
        let (was_holding, used) = (self.is_holding(slot), self.send.used_chunks());
        let sender = self.senders.get_mut(self.slots.sender(slot)?)?;
        let result = change(sender, &mut self.send);
        self.on_sender_changed(slot, was_holding, used);
        Some(result)
    }

    /// The sending part in `slot` has bytes that are not acknowledged, and chunks for them.
    #[inline(never)]
    fn is_holding(&self, slot: usize) -> bool {
        self.sender(slot)
            .is_some_and(|sender| !sender.buffer.is_empty())
    }

    fn on_sender_changed(&mut self, slot: usize, was_holding: bool, used: usize) {
        self.holding += usize::from(self.is_holding(slot));
        self.holding -= usize::from(was_holding);
        self.is_send_freed |= self.send.used_chunks() < used;
    }

    /// Bytes the sending part may take now.
    ///
    /// Every sending slot owns one chunk. Of the rest nobody takes more than half while another waits.
    pub(super) fn room(&self, slot: usize) -> usize {
        let Some(sender) = self.sender(slot) else {
            return 0;
        };
        let buffer = &sender.buffer;
        let own = usize::from(buffer.is_empty());
        let free = self.send.free_chunks();
        let reserved = self.senders.len() - self.holding - own;
        let mut spare = free.saturating_sub(reserved + own);
        let others = self.flags.count(Set::Waiting.index())
            - usize::from(self.flags.contains(Set::Waiting.index(), slot));
        if others > 0 {
            let rest = self.send.chunks().saturating_sub(self.senders.len());
            let held = buffer.chunks(&self.send).saturating_sub(1);
            spare = spare.min((rest / 2).saturating_sub(held));
        }
        buffer.room(&self.send, (own + spare).min(free))
    }

    /// Bytes a write may append now: within the [`room`](Self::room), and beyond the peer's limit at most a
    /// chunk, so that a stream whose peer does not read leaves the rest to others.
    pub(super) fn capacity(&self, slot: usize) -> usize {
        match self.sender(slot) {
            Some(sender) if sender.is_writable() => {
                let ahead = sender.limit.saturating_add(to_u64(self.send.chunk_len()));
                let end = sender.buffer.end();
                let allowed = ahead.max(sender.promised).saturating_sub(end);
                let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
                self.room(slot).min(allowed)
            }
            _ => 0,
        }
    }

    /// Resets the sending part: nothing of it will be sent again but this.
    //= rfc9000#3.3
    pub(super) fn reset_sender(&mut self, slot: usize, code: u64) {
        self.with_sender(slot, |sender, pool| {
            sender.buffer.discard(pool);
            sender.state = sender::SendState::ResetSent;
            sender.code = code;
            sender.control = 0;
        });
        self.remove(Set::Waiting, slot);
        self.remove(Set::Writable, slot);
        self.demand_of_sender(slot, sender::RESET);
        self.refresh_sender(slot);
        self.settle(slot);
    }

    /// Looks at what has become of a stream: whether the application has left it, whether it is over.
    pub(super) fn settle(&mut self, slot: usize) {
        let is_request = self.slots.is_bidirectional(slot);
        let (sender, receiver) = (self.sender(slot), self.receiver(slot));
        let send_left = sender.is_none_or(|sender| !sender.is_writable());
        let receive_left = receiver.is_none_or(Receiver::is_left);
        let is_over =
            sender.is_none_or(Sender::is_terminal) && receiver.is_none_or(Receiver::is_terminal);
        if is_request && receive_left {
            let place = self.slots.receiver(slot);
            if let Some(receiver) = place.and_then(|place| self.receivers.get_mut(place)) {
                self.budget.on_ended(receiver);
            }
        }
        if send_left && receive_left && !self.flags.contains(Set::Left.index(), slot) {
            self.insert(Set::Left, slot);
            if is_request {
                self.active -= 1;
                self.tell_available(Direction::Bidirectional);
            }
        }
        if is_over {
            self.insert(Set::Ended, slot);
        }
    }

    /// A slot may have become available to a refused `open`.
    pub(super) fn tell_available(&mut self, direction: Direction) {
        let opening = &mut self.opening[by(direction)];
        opening.is_available |= opening.is_refused && opening.next < opening.limit;
    }

    /// Frees the slots of streams that are over and of which everything was told.
    pub(super) fn reap(&mut self) {
        let mut from = 0;
        while let Some(slot) = self.flags.at_least(Set::Ended.index(), from) {
            from = slot + 1;
            let untold = [Set::Finished, Set::Reset, Set::Stopped];
            if untold
                .iter()
                .any(|set| self.flags.contains(set.index(), slot))
            {
                continue;
            }
            let Some(id) = self.slots.id(slot) else {
                continue;
            };
            for set in 0..SETS {
                self.flags.remove(set, slot);
            }
            self.slots.free(slot);
            if id.initiator() == self.side {
                self.tell_available(id.direction());
            } else {
                self.allow_another(id.direction());
            }
        }
    }

    /// A stream of the peer's is gone: it may open one more.
    pub(super) fn allow_another(&mut self, direction: Direction) {
        let accepting = &mut self.accepting[by(direction)];
        if accepting.limit < STREAMS_EVER {
            accepting.limit += 1;
            self.control |= MAX_STREAMS << by(direction);
        }
    }
}
