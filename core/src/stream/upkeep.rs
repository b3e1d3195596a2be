//! What follows from a change to a stream: the sets it belongs to, the window and chunks it holds, and the
//! end of its slot.
//!
//! Invariant: the sets name exactly the streams that have something to say, and budgets count exactly what
//! streams hold.

use super::receiver::{self, Receiver};
use super::sender::{self, Sender};
use super::{MAX_DATA, MAX_STREAMS, SETS, STREAMS_EVER, Set, Streams, by};
use crate::mem::Pool;
use crate::wire::Direction;

impl<'m> Streams<'m> {
    pub(super) fn insert(&mut self, set: Set, slot: usize) {
        self.flags.insert(set as usize, slot);
    }

    /// Puts a sending part into the sets that its state asks for.
    pub(super) fn refresh_sender(&mut self, slot: usize) {
        let Some(place) = self.slots.sender(slot) else {
            return;
        };
        let sender = &mut self.senders[place];
        let again = sender.needs_no_credit();
        let data = Set::Data as usize + sender.urgency();
        let has_data = sender.sendable() > 0;
        if sender.is_limited() && !sender.is_blocked_told {
            sender.is_blocked_told = true;
            sender.control |= sender::BLOCKED;
            self.flags.insert(Set::Control as usize, slot);
        }
        self.flags.put(Set::Again as usize, slot, again);
        self.flags.put(data, slot, has_data);
    }

    /// Changes a receiving part and keeps account of what it is lent.
    pub(super) fn with_receiver<T>(
        &mut self,
        slot: usize,
        place: usize,
        change: impl FnOnce(&mut Receiver, &mut Pool<'m>) -> T,
    ) -> T {
        let receiver = &mut self.receivers[place];
        if !self.slots.is_bidirectional(slot) {
            return change(receiver, &mut self.receive);
        }
        let before = self.budget.lent(receiver.allowance());
        let result = change(receiver, &mut self.receive);
        let after = self.budget.lent(receiver.allowance());
        self.budget.on_lent(before, after);
        result
    }

    /// `count` bytes were consumed or discarded.
    pub(super) fn on_consumed(&mut self, count: u64) {
        self.credit.on_consumed(count);
        if self.credit.is_update_due() {
            self.control |= MAX_DATA;
        }
    }

    /// Notes whether the peer of a receiving part should be allowed more.
    pub(super) fn refresh_receiver(&mut self, slot: usize, place: usize) {
        let receiver = &mut self.receivers[place];
        if receiver.is_update_due() {
            receiver.control |= receiver::MORE;
            self.insert(Set::Control, slot);
        }
    }

    /// Changes the sending part and keeps account of the chunks it holds.
    pub(super) fn with_sender<T>(
        &mut self,
        place: usize,
        change: impl FnOnce(&mut Sender, &mut Pool<'m>) -> T,
    ) -> T {
        let sender = &mut self.senders[place];
        let before = sender.buffer.is_empty();
        let result = change(sender, &mut self.send);
        match (before, sender.buffer.is_empty()) {
            (true, false) => self.holding += 1,
            (false, true) => self.holding -= 1,
            _ => {}
        }
        result
    }

    /// Bytes the sending part may take now.
    ///
    /// Every sending slot owns one chunk. Of the rest nobody takes more than half while another waits.
    pub(super) fn room(&self, slot: usize, place: usize) -> usize {
        let buffer = &self.senders[place].buffer;
        let own = usize::from(buffer.is_empty());
        let free = self.send.free_chunks();
        let reserved = self.senders.len() - self.holding - own;
        let mut spare = free.saturating_sub(reserved + own);
        let others = self.flags.count(Set::Waiting as usize)
            - usize::from(self.flags.contains(Set::Waiting as usize, slot));
        if others > 0 {
            let rest = self.send.chunks().saturating_sub(self.senders.len());
            let held = buffer.chunks(&self.send).saturating_sub(1);
            spare = spare.min((rest / 2).saturating_sub(held));
        }
        buffer.room(&self.send, (own + spare).min(free))
    }

    /// Bytes a write may append now: within the [`room`](Self::room), and beyond the peer's limit at most a
    /// chunk, so that a stream whose peer does not read leaves the rest to others.
    pub(super) fn capacity(&self, slot: usize, place: usize) -> usize {
        let sender = &self.senders[place];
        if !sender.is_writable() {
            return 0;
        }
        let ahead = sender.limit.saturating_add(self.send.chunk_len() as u64);
        let allowed = ahead
            .max(sender.promised)
            .saturating_sub(sender.buffer.end());
        let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
        self.room(slot, place).min(allowed)
    }

    /// Resets the sending part: nothing of it will be sent again but this.
    pub(super) fn reset_sender(&mut self, slot: usize, place: usize, code: u64) {
        let is_freed = self.with_sender(place, |sender, pool| {
            let used = pool.used_chunks();
            sender.buffer.discard(pool);
            sender.state = sender::SendState::ResetSent;
            sender.code = code;
            sender.control = sender::RESET;
            used > pool.used_chunks()
        });
        self.is_send_freed |= is_freed;
        self.flags.remove(Set::Waiting as usize, slot);
        self.flags.remove(Set::Writable as usize, slot);
        self.insert(Set::Control, slot);
        self.refresh_sender(slot);
        self.settle(slot);
    }

    /// Looks at what has become of a stream: whether the application has left it, whether it is over.
    pub(super) fn settle(&mut self, slot: usize) {
        let sender = self.slots.sender(slot).map(|place| &self.senders[place]);
        let receiver = self
            .slots
            .receiver(slot)
            .map(|place| &self.receivers[place]);
        let send_left = sender.is_none_or(|sender| !sender.is_writable());
        let receive_left = receiver.is_none_or(Receiver::is_left);
        let is_over =
            sender.is_none_or(Sender::is_terminal) && receiver.is_none_or(Receiver::is_terminal);
        if let Some(place) = self.slots.receiver(slot)
            && receive_left
            && self.slots.is_bidirectional(slot)
        {
            self.budget.on_ended(&mut self.receivers[place]);
        }
        if send_left && receive_left && !self.flags.contains(Set::Left as usize, slot) {
            self.insert(Set::Left, slot);
            if self.slots.is_bidirectional(slot) {
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
        while let Some(slot) = self.flags.at_least(Set::Ended as usize, from) {
            from = slot + 1;
            let untold = [Set::Finished, Set::Reset, Set::Stopped];
            if untold
                .iter()
                .any(|set| self.flags.contains(*set as usize, slot))
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
