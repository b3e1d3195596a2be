//! What streams put into packets, and what becomes of it (RFC 9000 §13.3).
//!
//! Order: connection-wide limits, control frames of single streams, what was lost, new data by urgency.
//! Invariant: a frame is written whole with a token or not at all, and state changes only with it.

use super::receiver::{MORE, MORE_AGAIN, STOP};
use super::sender::{BLOCKED, Fin, RESET, Sender};
use super::{DATA_BLOCKED, MAX_DATA, MAX_DATA_AGAIN, MAX_STREAMS, STREAMS_BLOCKED};
use super::{Set, Streams, by};
use crate::codec::to_u64;
use crate::context::Context;
use crate::frame_writer::FrameWriter;
use crate::recovery::Token;
use crate::time::Instant;
use crate::wire::frame::Frame;
use crate::wire::{Direction, StreamId};

/// The longest piece of a stream in one frame.
const PIECE: usize = 0x3fff;

impl Streams<'_> {
    /// Whether [`on_transmit`](Self::on_transmit) would write something if it had room.
    pub fn has_pending(&self) -> bool {
        self.control != 0
            || self.flags.any(Set::Control.index())
            || self.flags.any(Set::Again.index())
            || (self.allowance.available() > 0 && self.next_urgency().is_some())
    }

    /// Writes as much as fits of what is to be sent.
    pub fn on_transmit(&mut self, cx: &mut Context<'_>, writer: &mut FrameWriter<'_>) {
        self.reap();
        let is_done = self.write_limits(writer)
            && self.write_controls(cx.now, writer)
            && self.write_again(writer);
        if is_done {
            self.write_new(writer);
        }
        if self.control & DATA_BLOCKED != 0 {
            self.write_limits(writer);
        }
    }

    /// Connection-wide frames. Says whether all fitted.
    fn write_limits(&mut self, writer: &mut FrameWriter<'_>) -> bool {
        if self.control == 0 {
            return true;
        }
        let limit = self.credit.limit();
        if self.control & (MAX_DATA | MAX_DATA_AGAIN) != 0 {
            let is_needed = self.control & MAX_DATA_AGAIN != 0 || limit > self.credit.told();
            if is_needed && !writer.frame(&Frame::MaxData { limit }, Token::MaxData { limit }) {
                return false;
            }
            self.credit.on_told(limit);
            self.control &= !(MAX_DATA | MAX_DATA_AGAIN);
        }
        if self.control & DATA_BLOCKED != 0 {
            let limit = self.allowance.limit();
            let is_needed = self.allowance.available() == 0;
            let token = Token::DataBlocked { limit };
            if is_needed && !writer.frame(&Frame::DataBlocked { limit }, token) {
                return false;
            }
            self.control &= !DATA_BLOCKED;
        }
        [Direction::Bidirectional, Direction::Unidirectional]
            .into_iter()
            .all(|direction| self.write_stream_limits(direction, writer))
    }

    fn write_stream_limits(&mut self, direction: Direction, writer: &mut FrameWriter<'_>) -> bool {
        if self.control & (MAX_STREAMS << by(direction)) != 0 {
            let limit = self.accepting[by(direction)].limit;
            let token = Token::MaxStreams { direction, limit };
            if !writer.frame(&Frame::MaxStreams { direction, limit }, token) {
                return false;
            }
            self.accepting[by(direction)].told = limit;
            self.control &= !(MAX_STREAMS << by(direction));
        }
        if self.control & (STREAMS_BLOCKED << by(direction)) != 0 {
            let opening = self.opening[by(direction)];
            let limit = opening.limit;
            let token = Token::StreamsBlocked { direction, limit };
            let is_needed = opening.next >= limit;
            if is_needed && !writer.frame(&Frame::StreamsBlocked { direction, limit }, token) {
                return false;
            }
            self.control &= !(STREAMS_BLOCKED << by(direction));
        }
        true
    }

    /// Control frames of single streams. Says whether all fitted.
    fn write_controls(&mut self, now: Instant, writer: &mut FrameWriter<'_>) -> bool {
        while let Some((slot, id)) = self.next_slot(Set::Control.index()) {
            if !self.write_control(slot, id, now, writer) {
                return false;
            }
            self.flags.remove(Set::Control.index(), slot);
        }
        true
    }

    fn write_control(
        &mut self,
        slot: usize,
        id: StreamId,
        now: Instant,
        writer: &mut FrameWriter<'_>,
    ) -> bool {
        if let Some(sender) = self.sender_mut(slot)
            && !write_sender_control(sender, id, writer)
        {
            return false;
        }
        let Some(receiver) = self.receiver_mut(slot) else {
            return true;
        };
        if receiver.control & STOP != 0 {
            let code = receiver.code;
            let token = Token::StopSending { id: number(id) };
            if !writer.frame(&Frame::StopSending { id, code }, token) {
                return false;
            }
            receiver.control &= !STOP;
        }
        if receiver.control & (MORE | MORE_AGAIN) == 0 {
            return true;
        }
        let (told, is_needed) = (receiver.limit, receiver.control & MORE_AGAIN != 0);
        let limit = self.next_stream_limit(slot, now);
        if is_needed || limit > told {
            let token = Token::MaxStreamData {
                id: number(id),
                limit,
            };
            if !writer.frame(&Frame::MaxStreamData { id, limit }, token) {
                return false;
            }
            self.with_receiver(slot, |receiver, _| {
                receiver.limit = limit;
                0
            });
        }
        if let Some(receiver) = self.receiver_mut(slot) {
            receiver.control &= !(MORE | MORE_AGAIN);
        }
        true
    }

    /// MAX_STREAM_DATA as it should be now.
    fn next_stream_limit(&mut self, slot: usize, now: Instant) -> u64 {
        let place = self.slots.receiver(slot);
        let Some(receiver) = place.and_then(|place| self.receivers.get_mut(place)) else {
            return 0;
        };
        let read = receiver.buffer.read_offset();
        if !self.slots.is_bidirectional(slot) {
            return receiver.limit.max(read + u64::from(receiver.share));
        }
        self.budget.tune(receiver, now, self.rtt);
        let lent = self.budget.lent(receiver.allowance());
        let share = receiver.share.min(self.budget.most(lent));
        receiver.limit.max(read + u64::from(share))
    }

    /// Lost data and ends of streams. Says whether all fitted.
    fn write_again(&mut self, writer: &mut FrameWriter<'_>) -> bool {
        while let Some((slot, id)) = self.next_slot(Set::Again.index()) {
            let (Some(sender), pool) = (self.senders.get_mut(slot), &mut self.send) else {
                return true;
            };
            let end = sender.buffer.end();
            let piece = sender.buffer.next_lost(pool, PIECE);
            let wants_fin = sender.fin == Fin::Wanted;
            let (range, is_lost) = match piece {
                Some(range) => (range, true),
                None if wants_fin && sender.buffer.next() == end => (end..end, false),
                None => {
                    self.refresh_sender(slot);
                    continue;
                }
            };
            // At most PIECE.
            let length = (range.end - range.start) as usize;
            let last = wants_fin && range.end == end;
            let buffer = &mut sender.buffer;
            let written = writer.stream(id, range.start, length, last, |out| {
                buffer.copy(pool, range.start, out);
            });
            let Some((length, fin)) = written else {
                return false;
            };
            if is_lost {
                sender.buffer.on_sent_again(range.start + to_u64(length));
            }
            if fin {
                sender.on_fin_sent();
            }
            self.refresh_sender(slot);
        }
        true
    }

    /// New data, the most urgent first.
    fn write_new(&mut self, writer: &mut FrameWriter<'_>) {
        while let Some(urgency) = self.next_urgency() {
            let credit = self.allowance.available();
            if credit == 0 {
                //= rfc9000#19.12
                if self.allowance.on_blocked() {
                    self.control |= DATA_BLOCKED;
                }
                return;
            }
            let set = Set::Data.index() + urgency;
            let Some((slot, id)) = self.next_slot(set) else {
                return;
            };
            let (Some(sender), pool) = (self.senders.get_mut(slot), &self.send) else {
                return;
            };
            let offset = sender.buffer.next();
            let available = sender.sendable().min(credit).min(to_u64(PIECE));
            let last = sender.fin == Fin::Wanted && offset + available == sender.buffer.end();
            let buffer = &mut sender.buffer;
            // At most PIECE.
            let written = writer.stream(id, offset, available as usize, last, |out| {
                buffer.copy(pool, offset, out);
            });
            let Some((length, fin)) = written else {
                return;
            };
            sender.buffer.on_sent(length);
            if fin {
                sender.on_fin_sent();
            }
            if let Some(cursor) = self.cursors.get_mut(set) {
                // There are at most 2^15 slots.
                *cursor = slot as u16 + u16::from(sender.priority.incremental);
            }
            self.allowance.on_sent(to_u64(length));
            self.refresh_sender(slot);
        }
    }

    /// The most urgent set of streams with new data.
    fn next_urgency(&self) -> Option<usize> {
        (0..8).find(|urgency| self.flags.any(Set::Data.index() + urgency))
    }

    fn next_slot(&mut self, set: usize) -> Option<(usize, StreamId)> {
        let cursor = usize::from(*self.cursors.get(set)?);
        let slot = self.flags.next(set, cursor)?;
        let id = self.slots.id(slot);
        debug_assert!(id.is_some(), "sets name streams only");
        Some((slot, id?))
    }
}

/// A stream as tokens name it: there are no more than [`super::STREAMS_EVER`].
fn number(id: StreamId) -> u32 {
    id.get() as u32
}

fn write_sender_control(sender: &mut Sender, id: StreamId, writer: &mut FrameWriter<'_>) -> bool {
    let number = number(id);
    if sender.control & RESET != 0 {
        let frame = Frame::ResetStream {
            id,
            code: sender.code,
            final_size: sender.buffer.next(),
        };
        if !writer.frame(&frame, Token::ResetStream { id: number }) {
            return false;
        }
        sender.control &= !RESET;
    }
    if sender.control & BLOCKED != 0 {
        let limit = sender.limit;
        let token = Token::StreamDataBlocked { id: number, limit };
        if !writer.frame(&Frame::StreamDataBlocked { id, limit }, token) {
            return false;
        }
        sender.control &= !BLOCKED;
    }
    true
}
