//! The chunks of one stream, in order, found by the piece of the stream they hold.
//!
//! Both ends are found at once, and a hint the caller keeps makes going on from the last place cheap too.
//! Invariant: indexes ascend strictly (wrapping); pieces may be missing in between.

use super::Pool;
use super::pool::Chunk;

/// A list of chunks of a [`Pool`]. All zeros is the empty one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    head: Chunk,
    tail: Chunk,
}

/// A chunk of a chain that was used last: where to start looking. Never dangling, because whoever removes
/// chunks from the chain forgets the hint.
pub(super) type Hint = Chunk;

/// The pool has no free chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolExhausted;

impl Chain {
    pub const EMPTY: Self = Self { head: 0, tail: 0 };

    /// The first chunk.
    pub fn head(&self) -> Option<Chunk> {
        (self.head != 0).then_some(self.head)
    }

    /// The chunk that holds piece `index`.
    pub fn at(&self, pool: &Pool<'_>, index: u16, hint: Hint) -> Option<Chunk> {
        let (_, chunk) = self.seek(pool, index, hint);
        (chunk != 0).then_some(chunk)
    }

    /// The chunk that holds piece `index`; a new one whose first `prefix` bytes count as present if there
    /// was none.
    pub fn at_or_take(
        &mut self,
        pool: &mut Pool<'_>,
        index: u16,
        hint: Hint,
        prefix: usize,
    ) -> Result<Chunk, PoolExhausted> {
        let (previous, chunk) = self.seek(pool, index, hint);
        if chunk != 0 {
            return Ok(chunk);
        }
        let chunk = pool.take().ok_or(PoolExhausted)?;
        let next = match pool.link_mut(previous) {
            Some(link) => core::mem::replace(&mut link.next, chunk),
            None => core::mem::replace(&mut self.head, chunk),
        };
        if let Some(link) = pool.link_mut(chunk) {
            link.next = next;
            link.index = index;
            // A chunk has at most 32 KB.
            link.prefix = prefix as u16;
        }
        if next == 0 {
            self.tail = chunk;
        }
        Ok(chunk)
    }

    /// The chunk behind `chunk` if it holds the very next piece.
    pub fn adjacent(pool: &Pool<'_>, chunk: Chunk) -> Option<Chunk> {
        let link = pool.link(chunk);
        let next = link.next;
        (next != 0 && pool.link(next).index == link.index.wrapping_add(1)).then_some(next)
    }

    /// Gives the first chunk back and returns its number: hints that name it are to be forgotten.
    pub fn pop(&mut self, pool: &mut Pool<'_>) -> Option<Chunk> {
        let chunk = self.head()?;
        self.head = pool.link(chunk).next;
        if self.head == 0 {
            self.tail = 0;
        }
        pool.give(chunk);
        Some(chunk)
    }

    /// Gives all chunks back. The caller forgets its hints.
    pub fn release(&mut self, pool: &mut Pool<'_>) {
        while self.pop(pool).is_some() {}
    }

    /// The last chunk before piece `index` (0 for none, or if it was not needed to find the piece), and
    /// the chunk that holds it (0 for none).
    #[inline(never)]
    fn seek(&self, pool: &Pool<'_>, index: u16, hint: Hint) -> (Chunk, Chunk) {
        if self.tail == 0 {
            return (0, 0);
        }
        // Wrapping differences: all pieces of a chain lie closer together than 2^15.
        let behind = |chunk: Chunk| pool.link(chunk).index.wrapping_sub(index).cast_signed();
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
