//! Received bytes of one stream, in any order of arrival, read in order without a copy.
//!
//! Invariants: `read <= ready <= high`; exactly the bytes from `read` to `ready` can be read; all chunks of
//! the pool below `ready` are full, and the one that holds `ready` has its prefix there. `L` bytes between
//! `read` and `high` touch at most `L / chunk + 2` chunks.

use super::Pool;
use super::chain::{Chain, Hint, PoolExhausted};
use super::pool::{Chunk, fill};
use crate::codec::to_u64;

/// The receiving end of a stream over a shared [`Pool`].
#[derive(Clone, Copy, Debug)]
pub struct ReceiveBuffer {
    chain: Chain,
    hint: Hint,
    read: u64,
    ready: u64,
    high: u64,
}

impl ReceiveBuffer {
    /// Nothing received.
    pub const EMPTY: Self = Self {
        chain: Chain::EMPTY,
        hint: 0,
        read: 0,
        ready: 0,
        high: 0,
    };

    /// Bytes consumed so far.
    pub fn read_offset(&self) -> u64 {
        self.read
    }

    /// The end of what can be read.
    pub fn ready(&self) -> u64 {
        self.ready
    }

    /// The end of the highest byte received.
    pub fn high(&self) -> u64 {
        self.high
    }

    /// Stores `data`. Flow control was checked before, so that the pool suffices.
    pub fn write(
        &mut self,
        pool: &mut Pool<'_>,
        offset: u64,
        data: &[u8],
    ) -> Result<(), PoolExhausted> {
        let end = offset.saturating_add(to_u64(data.len()));
        let start = offset.max(self.ready);
        if end <= start {
            return Ok(());
        }
        // Less than the length of `data`.
        let mut data = data.get((start - offset) as usize..).unwrap_or_default();
        let mut at = start;
        let mut first = 0;
        while !data.is_empty() {
            let chunk = self.chunk_for(pool, at)?;
            if first == 0 {
                first = chunk;
            }
            let position = pool.position(at);
            let length = fill(pool.bytes_mut(chunk, position), &mut data);
            pool.mark(chunk, position..position + length);
            at += to_u64(length);
        }
        self.high = self.high.max(end);
        if start == self.ready {
            self.advance(pool, first);
        }
        Ok(())
    }

    /// The bytes that come next, as far as they lie in one chunk.
    pub fn peek<'p>(&self, pool: &'p Pool<'_>) -> &'p [u8] {
        self.peek_at(pool, 0)
    }

    /// The bytes `skip` bytes behind the read offset, as far as they lie in one chunk. Empty if those are
    /// not there yet.
    pub fn peek_at<'p>(&self, pool: &'p Pool<'_>, skip: usize) -> &'p [u8] {
        let at = self.read.saturating_add(to_u64(skip));
        if at >= self.ready {
            return &[];
        }
        let Some(chunk) = self.chain.at(pool, pool.index(at), 0) else {
            return &[];
        };
        let position = pool.position(at);
        let present = pool.prefix(chunk) - position;
        pool.bytes(chunk, position)
            .get(..present)
            .unwrap_or_default()
    }

    /// Moves the read offset by `count` bytes, at most to the end of what can be read; returns by how much.
    pub fn consume(&mut self, pool: &mut Pool<'_>, count: usize) -> usize {
        let count = to_u64(count).min(self.ready - self.read);
        let from = pool.index(self.read);
        self.read += count;
        let passed = pool.index(self.read).wrapping_sub(from);
        if self.read == self.high {
            // The rest of the chunk is not needed before the next byte arrives.
            self.release_chunks(pool);
            return count as usize; // no more than was given
        }
        for _ in 0..passed {
            if self.chain.pop(pool) == Some(self.hint) {
                self.hint = 0;
            }
        }
        count as usize // no more than was given
    }

    /// Drops all bytes and counts everything up to `end` as read. Returns by how much the read offset moved.
    pub fn discard_to(&mut self, pool: &mut Pool<'_>, end: u64) -> u64 {
        self.release_chunks(pool);
        let end = end.max(self.high);
        let passed = end - self.read;
        (self.read, self.ready, self.high) = (end, end, end);
        passed
    }

    fn release_chunks(&mut self, pool: &mut Pool<'_>) {
        self.chain.release(pool);
        self.hint = 0;
    }

    fn chunk_for(&mut self, pool: &mut Pool<'_>, at: u64) -> Result<Chunk, PoolExhausted> {
        let index = pool.index(at);
        // What was read of this piece before it had a chunk counts as present.
        let prefix = if index == pool.index(self.ready) {
            pool.position(self.ready)
        } else {
            0
        };
        let chunk = self.chain.at_or_take(pool, index, self.hint, prefix)?;
        self.hint = chunk;
        Ok(chunk)
    }

    /// Moves `ready` on, from `chunk`, which holds it.
    fn advance(&mut self, pool: &Pool<'_>, mut chunk: Chunk) {
        let length = pool.chunk_len();
        let mut start = self.ready - to_u64(pool.position(self.ready));
        while pool.prefix(chunk) == length {
            start += to_u64(length);
            let Some(next) = Chain::adjacent(pool, chunk) else {
                self.ready = start;
                return;
            };
            chunk = next;
        }
        self.ready = start + to_u64(pool.prefix(chunk));
    }
}

#[cfg(test)]
mod tests {
    use super::super::pool::tests::leaked_memory;
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn byte(stream: usize, offset: u64) -> u8 {
        (offset % 251) as u8 ^ (stream as u8).wrapping_mul(37)
    }

    fn piece(stream: usize, offset: u64, length: u64) -> Vec<u8> {
        (offset..offset + length)
            .map(|at| byte(stream, at))
            .collect()
    }

    #[test]
    fn in_order_bytes_touch_no_bit_and_one_chunk() {
        let mut pool = Pool::new(leaked_memory(4, 64), 64);
        let mut buffer = ReceiveBuffer::EMPTY;
        for round in 0..100_u64 {
            buffer
                .write(&mut pool, round * 24, &piece(0, round * 24, 24))
                .unwrap();
            assert!(pool.used_chunks() <= 2);
            let mut rest = 24;
            while rest > 0 {
                let bytes = buffer.peek(&pool);
                let at = buffer.read_offset();
                assert_eq!(bytes, piece(0, at, bytes.len() as u64));
                rest -= bytes.len();
                let count = bytes.len();
                assert_eq!(buffer.consume(&mut pool, count), count);
            }
        }
        assert_eq!((buffer.read_offset(), buffer.high()), (2400, 2400));
        assert_eq!(pool.used_chunks(), 0);
    }

    #[test]
    fn a_hole_holds_back_what_lies_behind_it() {
        let mut pool = Pool::new(leaked_memory(4, 32), 32);
        let mut buffer = ReceiveBuffer::EMPTY;
        buffer.write(&mut pool, 1, &piece(0, 1, 99)).unwrap();
        assert!(buffer.peek(&pool).is_empty());
        assert_eq!(buffer.consume(&mut pool, 9), 0);
        buffer.write(&mut pool, 0, &piece(0, 0, 1)).unwrap();
        assert_eq!(buffer.ready(), 100);
        assert_eq!(buffer.peek_at(&pool, 40), piece(0, 40, 24));
        assert_eq!(buffer.peek_at(&pool, 99), piece(0, 99, 1));
        assert!(buffer.peek_at(&pool, 100).is_empty());
        assert_eq!(buffer.discard_to(&mut pool, 120), 120);
        assert_eq!((buffer.ready(), pool.used_chunks()), (120, 0));
    }

    /// What the peer or the application does next.
    #[derive(Clone, Debug)]
    enum Action {
        /// Writes on a stream: where between read offset and limit, and how long.
        Write(usize, f64, u64),
        /// Reads from a stream.
        Read(usize, usize),
    }

    fn action() -> impl Strategy<Value = Action> {
        let write = (
            0..9_usize,
            prop_oneof![Just(0.0), 0.0..1.0],
            prop_oneof![Just(1_u64), 1..300_u64],
        );
        prop_oneof![
            3 => write.prop_map(|(stream, at, length)| Action::Write(stream, at, length)),
            1 => (0..9_usize, 1..400_usize).prop_map(|(stream, count)| Action::Read(stream, count)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
        /// A peer within the connection's limit never exhausts the pool, whatever it sends in which order,
        /// and every byte is read as it was sent.
        #[test]
        fn the_window_always_fits(
            streams in 1..9_usize,
            extra in 1..20_usize,
            shift in 5..8_u32,
            actions in proptest::collection::vec(action(), 1..400),
        ) {
            let chunk = 1_usize << shift;
            let mut pool = Pool::new(leaked_memory(2 * streams + extra, chunk), chunk);
            let window = (extra * chunk) as u64;
            let mut buffers = vec![ReceiveBuffer::EMPTY; streams];
            let mut maps = vec![Vec::new(); streams];
            let mut consumed = 0;
            for action in actions {
                let received: u64 = buffers.iter().map(ReceiveBuffer::high).sum();
                let credit = consumed + window - received;
                match action {
                    Action::Write(stream, at, length) => {
                        let stream = stream % streams;
                        let buffer = &mut buffers[stream];
                        let (low, high) = (buffer.read_offset(), buffer.high() + credit);
                        let offset = low + ((high - low) as f64 * at) as u64;
                        let length = length.min(high - offset);
                        buffer.write(&mut pool, offset, &piece(stream, offset, length)).unwrap();
                        let map: &mut Vec<bool> = &mut maps[stream];
                        let end = (offset + length) as usize;
                        map.resize(map.len().max(end), false);
                        map[offset as usize..end].fill(true);
                        let ready = map.iter().take_while(|present| **present).count();
                        prop_assert_eq!(buffer.ready(), ready as u64);
                    }
                    Action::Read(stream, count) => {
                        let stream = stream % streams;
                        let buffer = &mut buffers[stream];
                        let bytes = buffer.peek(&pool);
                        prop_assert_eq!(bytes.is_empty(), buffer.ready() == buffer.read_offset());
                        let expected = piece(stream, buffer.read_offset(), bytes.len() as u64);
                        prop_assert_eq!(bytes, &expected[..]);
                        consumed += buffer.consume(&mut pool, count) as u64;
                    }
                }
            }
            for buffer in &mut buffers {
                buffer.discard_to(&mut pool, 0);
            }
            prop_assert_eq!(pool.used_chunks(), 0);
            // Every presence bit went back to zero.
            while let Some(chunk) = pool.take() {
                prop_assert!(pool.presence(chunk).unwrap().bits.iter().all(|word| *word == 0));
            }
        }
    }
}
