//! Bytes of one stream that are to be sent, or were sent and may have to be sent again.
//!
//! Which bytes are acknowledged is known exactly: a chunk's presence marks them. Which are lost is known in
//! at most eight ranges; a ninth joins the nearest two, which costs bandwidth for bytes that are still under
//! way, never for acknowledged ones. Invariants: `base <= next <= end`; all below `base` is acknowledged and
//! gone, and the byte at `base` is not acknowledged; bytes from `next` on were never sent.

use super::chain::{Chain, Hint, PoolExhausted};
use super::pool::{Chunk, fill};
use super::presence::Sought;
use super::{Pool, RangeSet};
use crate::codec::to_u64;
use core::ops::Range;

/// Ranges of lost bytes that a stream distinguishes.
const LOST_RANGES: usize = 8;

/// The sending end of a stream over a shared [`Pool`].
#[derive(Clone, Copy, Debug)]
pub struct SendBuffer {
    chain: Chain,
    /// Where bytes were read for sending last.
    sending: Hint,
    /// Where bytes were acknowledged last.
    acknowledging: Hint,
    base: u64,
    next: u64,
    end: u64,
    /// Lost bytes, counted from `base`.
    lost: RangeSet<LOST_RANGES>,
}

impl SendBuffer {
    /// Nothing written.
    pub const EMPTY: Self = Self {
        chain: Chain::EMPTY,
        sending: 0,
        acknowledging: 0,
        base: 0,
        next: 0,
        end: 0,
        lost: RangeSet::EMPTY,
    };

    /// All below is acknowledged.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// The first byte that was never sent.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The end of what was written.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Something may have to be sent again.
    pub fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// No byte waits for being sent or acknowledged, and no chunk is held.
    pub fn is_empty(&self) -> bool {
        self.base == self.end
    }

    /// Chunks held.
    pub fn chunks(&self, pool: &Pool<'_>) -> usize {
        if self.is_empty() {
            return 0;
        }
        usize::from(pool.index(self.end - 1).wrapping_sub(pool.index(self.base))) + 1
    }

    /// Bytes that can be written if `new_chunks` chunks may be taken.
    pub fn room(&self, pool: &Pool<'_>, new_chunks: usize) -> usize {
        let position = pool.position(self.end);
        let length = pool.chunk_len();
        let new = new_chunks.saturating_mul(length);
        if position == 0 {
            new
        } else if self.is_empty() {
            // The next chunk begins in the middle of its piece.
            new.saturating_sub(position)
        } else {
            new.saturating_add(length - position)
        }
    }

    /// A contiguous place for the next bytes, in the last chunk or a new one; [`written`](Self::written)
    /// says how many were filled.
    pub fn space<'p>(&mut self, pool: &'p mut Pool<'_>) -> Result<&'p mut [u8], PoolExhausted> {
        let index = pool.index(self.end);
        let position = pool.position(self.end);
        // Bytes of this piece from before `base` count as acknowledged.
        let prefix = if self.is_empty() { position } else { 0 };
        let chunk = self.chain.at_or_take(pool, index, 0, prefix)?;
        Ok(pool.bytes_mut(chunk, position))
    }

    /// `count` bytes of the place that [`space`](Self::space) gave were filled.
    pub fn written(&mut self, pool: &mut Pool<'_>, count: usize) {
        self.end += to_u64(count.min(pool.chunk_len() - pool.position(self.end)));
        if self.is_empty() {
            self.release_chunks(pool);
        }
    }

    /// Appends all of `data`; the caller made sure that there is [`room`](Self::room).
    pub fn write(&mut self, pool: &mut Pool<'_>, mut data: &[u8]) -> Result<(), PoolExhausted> {
        while !data.is_empty() {
            let length = fill(self.space(pool)?, &mut data);
            self.written(pool, length);
        }
        Ok(())
    }

    /// The first bytes to be sent again: not acknowledged, contiguous, at most `longest`.
    pub fn next_lost(&mut self, pool: &mut Pool<'_>, longest: usize) -> Option<Range<u64>> {
        while let Some(lost) = self.lost.first() {
            let limit = self.base + u64::from(lost.end);
            let start = self.base + u64::from(lost.start);
            let start = self.scan(pool, start, limit, Sought::Absent);
            let place = self.behind_base(start);
            self.lost.remove_below(place);
            if start < limit {
                let limit = limit.min(start.saturating_add(to_u64(longest)));
                let end = self.scan(pool, start, limit, Sought::Present);
                return Some(start..end);
            }
        }
        None
    }

    /// Copies bytes from `offset` on, which were written and not acknowledged, to fill `out`.
    pub fn copy(&mut self, pool: &Pool<'_>, offset: u64, mut out: &mut [u8]) {
        let mut at = offset;
        while !out.is_empty() {
            let Some(chunk) = self.chunk_for_sending(pool, at) else {
                return;
            };
            let mut bytes = pool.bytes(chunk, pool.position(at));
            let length = fill(out, &mut bytes);
            out = out.get_mut(length..).unwrap_or_default();
            at += to_u64(length);
        }
    }

    /// `length` bytes from `next` were sent.
    pub fn on_sent(&mut self, length: usize) {
        self.next = self.end.min(self.next + to_u64(length));
    }

    /// Bytes from `next_lost` up to `end` were sent again.
    pub fn on_sent_again(&mut self, end: u64) {
        let place = self.behind_base(end);
        self.lost.remove_below(place);
    }

    /// `range` was acknowledged. Chunks may become free.
    pub fn on_acknowledged(&mut self, pool: &mut Pool<'_>, range: Range<u64>) {
        let end = range.end.min(self.next);
        let mut at = range.start.max(self.base);
        if at >= end {
            return;
        }
        let is_next = at == self.base;
        while at < end {
            let index = pool.index(at);
            let Some(chunk) = self.chain.at(pool, index, self.acknowledging) else {
                debug_assert!(false, "bytes between base and end have a chunk");
                return;
            };
            self.acknowledging = chunk;
            let position = pool.position(at);
            let length = (end - at).min(to_u64(pool.chunk_len() - position));
            // At most a chunk.
            pool.mark(chunk, position..position + length as usize);
            at += length;
        }
        if is_next {
            self.advance(pool);
        }
    }

    /// `range` was lost: it will be sent again, but for what is acknowledged by then.
    pub fn on_lost(&mut self, range: Range<u64>) {
        let start = range.start.max(self.base);
        let end = range.end.min(self.next);
        if start < end {
            let range = self.behind_base(start)..self.behind_base(end);
            self.lost.insert_or_join(range);
        }
    }

    /// Where `offset` lies among what is buffered, which is less than 1 GiB.
    fn behind_base(&self, offset: u64) -> u32 {
        offset.saturating_sub(self.base) as u32
    }

    /// Everything is to be sent again from the first byte that is kept.
    pub fn restart(&mut self) {
        self.next = self.base;
        self.lost.clear();
    }

    /// Gives all chunks back: nothing will be sent again. `next` stays.
    pub fn discard(&mut self, pool: &mut Pool<'_>) {
        self.release_chunks(pool);
        self.lost.clear();
        (self.base, self.end) = (self.next, self.next);
    }

    /// Moves `base` over acknowledged bytes and gives back the chunks below.
    fn advance(&mut self, pool: &mut Pool<'_>) {
        let before = self.base;
        while let Some(head) = self.chain.head() {
            let start = self.base - to_u64(pool.position(self.base));
            self.base = start + to_u64(pool.prefix(head));
            if pool.prefix(head) < pool.chunk_len() {
                break;
            }
            self.chain.pop(pool);
            for hint in [&mut self.sending, &mut self.acknowledging] {
                if *hint == head {
                    *hint = 0;
                }
            }
        }
        // No more than is buffered: less than 1 GiB.
        self.lost.shift_down((self.base - before) as u32);
        if self.is_empty() {
            self.release_chunks(pool);
        }
    }

    fn release_chunks(&mut self, pool: &mut Pool<'_>) {
        self.chain.release(pool);
        self.sending = 0;
        self.acknowledging = 0;
    }

    /// The first byte from `at` on that is acknowledged (present) or not, as it is sought; else `limit`.
    fn scan(&mut self, pool: &mut Pool<'_>, mut at: u64, limit: u64, sought: Sought) -> u64 {
        let length = pool.chunk_len();
        while at < limit {
            let position = pool.position(at);
            let Some(presence) = self
                .chunk_for_sending(pool, at)
                .and_then(|chunk| pool.presence(chunk))
            else {
                return limit;
            };
            let found = presence.next(sought, position, length);
            at += to_u64(found - position);
            if found < length {
                return at.min(limit);
            }
        }
        limit
    }

    /// The chunk that holds the byte at `at`, which is looked for near the last one.
    fn chunk_for_sending(&mut self, pool: &Pool<'_>, at: u64) -> Option<Chunk> {
        let chunk = self.chain.at(pool, pool.index(at), self.sending);
        debug_assert!(chunk.is_some(), "bytes between base and end have a chunk");
        self.sending = chunk?;
        chunk
    }
}

#[cfg(test)]
mod tests {
    use super::super::pool::tests::leaked_memory;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::vec;
    use std::vec::Vec;

    fn byte(offset: u64) -> u8 {
        (offset % 251) as u8
    }

    #[test]
    fn acknowledged_bytes_are_not_sent_again_when_ranges_are_joined() {
        let mut pool = Pool::new(leaked_memory(64, 32), 32);
        let mut buffer = SendBuffer::EMPTY;
        buffer.write(&mut pool, &[7; 400]).unwrap();
        buffer.on_sent(400);
        // Every second piece of 20 bytes is lost, the others arrive: ten lost ranges, eight places.
        for piece in 0..10 {
            buffer.on_lost(piece * 40..piece * 40 + 20);
            buffer.on_acknowledged(&mut pool, piece * 40 + 20..piece * 40 + 40);
        }
        let mut again = vec![];
        while let Some(range) = buffer.next_lost(&mut pool, 1000) {
            buffer.on_sent_again(range.end);
            again.push(range);
        }
        assert_eq!(
            again,
            (0..10)
                .map(|piece| piece * 40..piece * 40 + 20)
                .collect::<Vec<_>>()
        );
        assert_eq!(buffer.base(), 0);
        assert!(!buffer.has_lost());
    }

    #[test]
    fn a_restart_sends_everything_kept() {
        let mut pool = Pool::new(leaked_memory(4, 32), 32);
        let mut buffer = SendBuffer::EMPTY;
        buffer.write(&mut pool, &[1; 50]).unwrap();
        buffer.on_sent(50);
        buffer.on_lost(0..10);
        buffer.restart();
        assert_eq!(
            (buffer.base(), buffer.next(), buffer.has_lost()),
            (0, 0, false)
        );
        buffer.on_sent(50);
        buffer.on_acknowledged(&mut pool, 0..50);
        assert_eq!(pool.used_chunks(), 0);
    }

    #[test]
    fn room_counts_the_rest_of_the_last_chunk() {
        let mut pool = Pool::new(leaked_memory(4, 32), 32);
        let mut buffer = SendBuffer::EMPTY;
        assert_eq!(buffer.room(&pool, 2), 64);
        buffer.write(&mut pool, &[1; 10]).unwrap();
        assert_eq!((buffer.room(&pool, 0), buffer.room(&pool, 1)), (22, 54));
        buffer.on_sent(10);
        buffer.on_acknowledged(&mut pool, 0..10);
        assert_eq!((buffer.chunks(&pool), buffer.room(&pool, 1)), (0, 22));
        buffer.write(&mut pool, &[2; 22]).unwrap();
        assert_eq!((buffer.chunks(&pool), buffer.room(&pool, 0)), (1, 0));
    }

    #[derive(Clone, Debug)]
    enum Action {
        Write(usize),
        Send(usize),
        SendAgain(usize),
        Acknowledge(usize),
        Lose(usize),
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            2 => (1..200_usize).prop_map(Action::Write),
            4 => (1..90_usize).prop_map(Action::Send),
            4 => (1..90_usize).prop_map(Action::SendAgain),
            4 => (0..50_usize).prop_map(Action::Acknowledge),
            4 => (0..50_usize).prop_map(Action::Lose),
        ]
    }

    /// Sent pieces with their bytes, the receiver's map, and what was acknowledged.
    #[derive(Default)]
    struct Model {
        flight: Vec<Range<u64>>,
        acknowledged: BTreeSet<u64>,
    }

    impl Model {
        fn send(&mut self, buffer: &mut SendBuffer, pool: &Pool<'_>, range: Range<u64>) {
            let mut out = vec![0; (range.end - range.start) as usize];
            buffer.copy(pool, range.start, &mut out);
            let expected: Vec<u8> = range.clone().map(byte).collect();
            assert_eq!(out, expected);
            if !range.is_empty() {
                self.flight.push(range);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
        /// Whatever is acknowledged or lost in which order: the right bytes are sent, acknowledged ones
        /// never again, and in the end every byte has arrived and every chunk is free.
        #[test]
        fn every_byte_arrives(actions in proptest::collection::vec(action(), 1..300)) {
            let mut pool = Pool::new(leaked_memory(24, 32), 32);
            let mut buffer = SendBuffer::EMPTY;
            let mut model = Model::default();
            let (mut rounds, mut actions) = (0, actions.into_iter());
            loop {
                let action = match actions.next() {
                    Some(action) => action,
                    None if buffer.is_empty() => break,
                    None => {
                        // Drain: everything in flight arrives, all else is sent.
                        rounds += 1;
                        prop_assert!(rounds < 10_000, "bytes are stuck");
                        match rounds % 3 {
                            0 => Action::Send(50),
                            1 => Action::SendAgain(50),
                            _ => Action::Acknowledge(0),
                        }
                    }
                };
                match action {
                    Action::Write(length) => {
                        let length = length.min(buffer.room(&pool, pool.free_chunks()));
                        let data: Vec<u8> = (buffer.end()..buffer.end() + length as u64).map(byte).collect();
                        buffer.write(&mut pool, &data).unwrap();
                    }
                    Action::Send(length) => {
                        let length = (length as u64).min(buffer.end() - buffer.next());
                        let range = buffer.next()..buffer.next() + length;
                        model.send(&mut buffer, &pool, range);
                        buffer.on_sent(length as usize);
                    }
                    Action::SendAgain(longest) => {
                        if let Some(range) = buffer.next_lost(&mut pool, longest) {
                            prop_assert!(range.clone().all(|at| !model.acknowledged.contains(&at)));
                            prop_assert!(!range.is_empty() && range.end <= buffer.next());
                            buffer.on_sent_again(range.end);
                            model.send(&mut buffer, &pool, range);
                        }
                    }
                    Action::Acknowledge(which) if !model.flight.is_empty() => {
                        let which = which % model.flight.len();
                        let range = model.flight.swap_remove(which);
                        buffer.on_acknowledged(&mut pool, range.clone());
                        model.acknowledged.extend(range);
                        let first = (0..=buffer.end())
                            .find(|at| !model.acknowledged.contains(at))
                            .unwrap();
                        prop_assert_eq!(buffer.base(), first);
                    }
                    Action::Lose(which) if !model.flight.is_empty() => {
                        let which = which % model.flight.len();
                        let range = model.flight.swap_remove(which);
                        buffer.on_lost(range);
                    }
                    Action::Acknowledge(_) | Action::Lose(_) => {}
                }
                prop_assert_eq!(buffer.chunks(&pool), pool.used_chunks());
            }
            prop_assert_eq!(pool.used_chunks(), 0);
        }
    }
}
