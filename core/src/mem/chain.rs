//! The chunks of one stream, in order, found by the piece of the stream they hold.
//!
//! Both ends are found at once, and a hint the caller keeps makes going on from the last place cheap too.
//! Invariant: indexes ascend strictly (wrapping); pieces may be missing in between.

use super::Pool;

/// A list of chunks of a [`Pool`]. All zeros is the empty one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    head: u32,
    tail: u32,
}

/// A chunk of a chain that was used last: where to start looking. Never dangling, because whoever removes
/// chunks from the chain forgets the hint.
pub(super) type Hint = u32;

/// The pool has no free chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolExhausted;

impl Chain {
    pub const EMPTY: Self = Self { head: 0, tail: 0 };

    /// The first chunk.
    pub fn head(&self) -> Option<u32> {
        (self.head != 0).then_some(self.head)
    }

    /// The chunk that holds piece `index`.
    pub fn at(&self, pool: &Pool<'_>, index: u32, hint: Hint) -> Option<u32> {
        let (_, chunk) = self.seek(pool, index, hint);
        (chunk != 0).then_some(chunk)
    }

    /// The chunk that holds piece `index`; a new one whose first `prefix` bytes count as present if there
    /// was none.
    pub fn at_or_take(
        &mut self,
        pool: &mut Pool<'_>,
        index: u32,
        hint: Hint,
        prefix: usize,
    ) -> Result<u32, PoolExhausted> {
        let (previous, chunk) = self.seek(pool, index, hint);
        if chunk != 0 {
            return Ok(chunk);
        }
        let chunk = pool.take().ok_or(PoolExhausted)?;
        let next = if previous == 0 {
            self.head
        } else {
            pool.link(previous).next
        };
        let link = pool.link_mut(chunk);
        link.next = next;
        link.index = index;
        pool.set_prefix(chunk, prefix);
        if previous == 0 {
            self.head = chunk;
        } else {
            pool.link_mut(previous).next = chunk;
        }
        if next == 0 {
            self.tail = chunk;
        }
        Ok(chunk)
    }

    /// The chunk behind `chunk` if it holds the very next piece.
    pub fn adjacent(pool: &Pool<'_>, chunk: u32) -> Option<u32> {
        let link = pool.link(chunk);
        let next = link.next;
        (next != 0 && pool.link(next).index == link.index.wrapping_add(1)).then_some(next)
    }

    /// Gives the first chunk back; hints that name it are forgotten.
    pub fn pop(&mut self, pool: &mut Pool<'_>, hints: &mut [&mut Hint]) {
        let Some(chunk) = self.head() else { return };
        self.head = pool.link(chunk).next;
        if self.head == 0 {
            self.tail = 0;
        }
        for hint in hints {
            if **hint == chunk {
                **hint = 0;
            }
        }
        pool.give(chunk);
    }

    /// Gives all chunks back. The caller forgets its hints.
    pub fn release(&mut self, pool: &mut Pool<'_>) {
        while self.head != 0 {
            self.pop(pool, &mut []);
        }
    }

    /// The last chunk before piece `index` (0 for none, or if it was not needed to find the piece), and
    /// the chunk that holds it (0 for none).
    fn seek(&self, pool: &Pool<'_>, index: u32, hint: Hint) -> (u32, u32) {
        if self.tail == 0 {
            return (0, 0);
        }
        // Wrapping differences: all pieces of a chain lie closer together than 2^31.
        let behind = |chunk: u32| pool.link(chunk).index.wrapping_sub(index).cast_signed();
        match behind(self.tail) {
            0 => return (0, self.tail),
            ..0 => return (self.tail, 0),
            _ => {}
        }
        let (mut previous, mut chunk) = (0, self.head);
        if hint != 0 {
            match behind(hint) {
                0 => return (0, hint),
                ..0 => (previous, chunk) = (hint, pool.link(hint).next),
                _ => {}
            }
        }
        while chunk != 0 {
            match behind(chunk) {
                0 => return (previous, chunk),
                ..0 => (previous, chunk) = (chunk, pool.link(chunk).next),
                _ => break,
            }
        }
        (previous, 0)
    }
}
