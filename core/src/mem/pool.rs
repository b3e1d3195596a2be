//! Equal chunks of bytes shared by all streams of a connection.
//!
//! Chunks go by numbers from 1 on, 0 is none, so that all-zero memory is a full pool. The free list is
//! last in, first out, and untouched chunks come after it: memory that was never needed is never touched.
//! Invariant: a chunk is lent, free, or in exactly one [`Chain`](super::Chain); the presence of a free
//! chunk is all zeros.

use super::Table;
use super::presence::Presence;
use core::ops::Range;

/// What a pool knows of a chunk.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// The next chunk of the same chain or of the free list.
    pub(super) next: u32,
    /// Which piece of the stream the chunk holds: offset / chunk length, wrapping.
    pub(super) index: u32,
    prefix: u16,
    beyond: u16,
}

impl Link {
    /// A chunk that was never used.
    pub const EMPTY: Self = Self {
        next: 0,
        index: 0,
        prefix: 0,
        beyond: 0,
    };
}

const _: () = assert!(size_of::<Link>() == 12);

/// The memory of a pool: `n` links, `n` chunks of a power of two of bytes, and a bit for each byte.
#[derive(Debug, Default)]
pub struct PoolMemory<'m> {
    /// The chunks, one after another.
    pub bytes: Table<'m, u8>,
    /// A bit for each byte.
    pub bits: Table<'m, u32>,
    /// A link for each chunk.
    pub links: Table<'m, Link>,
}

#[cfg(feature = "alloc")]
impl PoolMemory<'_> {
    /// Memory for `chunks` chunks of `length` bytes on the heap.
    pub fn boxed(chunks: usize, length: usize) -> Self {
        Self {
            bytes: Table::boxed(chunks * length, 0),
            bits: Table::boxed(chunks * length / 32, 0),
            links: Table::boxed(chunks, Link::EMPTY),
        }
    }
}

/// A pool of chunks.
#[derive(Debug)]
pub struct Pool<'m> {
    memory: PoolMemory<'m>,
    /// First chunk of the free list.
    free: u32,
    /// Chunks from the start that were used or lent at least once.
    fresh: u32,
    /// Chunks in chains.
    used: u32,
    /// Chunks 1 to `lent` serve as one linear buffer.
    lent: u32,
    /// The chunk length is 2 to the power of this.
    shift: u32,
}

impl<'m> Pool<'m> {
    /// A pool of the chunks in `memory`; the chunk length is rounded down to a power of two.
    pub fn new(memory: PoolMemory<'m>) -> Self {
        let length = memory
            .bytes
            .len()
            .checked_div(memory.links.len())
            .unwrap_or(0);
        debug_assert!(length.is_power_of_two(), "chunks of a power of two");
        debug_assert!(memory.bits.len() * 32 >= memory.bytes.len(), "a bit a byte");
        Self {
            memory,
            free: 0,
            fresh: 0,
            used: 0,
            lent: 0,
            shift: length.max(1).ilog2(),
        }
    }

    /// Bytes of a chunk.
    pub fn chunk_len(&self) -> usize {
        1 << self.shift
    }

    /// Chunks in all.
    pub fn chunks(&self) -> usize {
        self.memory.links.len()
    }

    /// Chunks in chains.
    pub fn used_chunks(&self) -> usize {
        self.used as usize
    }

    /// Chunks that can be taken.
    pub fn free_chunks(&self) -> usize {
        self.chunks() - self.lent_chunks() - self.used_chunks()
    }

    /// Chunks that are lent.
    pub fn lent_chunks(&self) -> usize {
        self.lent as usize
    }

    /// Lends the lowest `chunks` chunks (all, if there are fewer) as one buffer; only while none was used.
    pub fn lend(&mut self, chunks: usize) {
        debug_assert!(self.fresh == 0, "lent before anything is taken");
        let chunks = chunks.min(self.chunks()) as u32;
        self.lent = chunks;
        self.fresh = chunks;
    }

    /// The lent chunks, contiguous.
    pub fn lent(&self) -> &[u8] {
        &self.memory.bytes[..(self.lent as usize) << self.shift]
    }

    /// The lent chunks, contiguous.
    pub fn lent_mut(&mut self) -> &mut [u8] {
        &mut self.memory.bytes[..(self.lent as usize) << self.shift]
    }

    /// Takes lent chunks back but for the lowest `keep`.
    pub fn reclaim(&mut self, keep: usize) {
        while self.lent_chunks() > keep {
            self.memory.links[self.lent as usize - 1].next = self.free;
            self.free = self.lent;
            self.lent -= 1;
        }
    }

    /// Which piece of its stream the byte at `offset` belongs to.
    pub(super) fn index(&self, offset: u64) -> u32 {
        (offset >> self.shift) as u32
    }

    /// Where in its chunk the byte at `offset` lies.
    pub(super) fn position(&self, offset: u64) -> usize {
        offset as usize & (self.chunk_len() - 1)
    }

    pub(super) fn take(&mut self) -> Option<u32> {
        let chunk = if self.free != 0 {
            let chunk = self.free;
            self.free = self.link(chunk).next;
            chunk
        } else if (self.fresh as usize) < self.chunks() {
            self.fresh += 1;
            self.fresh
        } else {
            return None;
        };
        self.used += 1;
        Some(chunk)
    }

    pub(super) fn give(&mut self, chunk: u32) {
        self.presence(chunk).reset();
        self.link_mut(chunk).next = self.free;
        self.free = chunk;
        self.used -= 1;
    }

    pub(super) fn link(&self, chunk: u32) -> &Link {
        &self.memory.links[chunk as usize - 1]
    }

    pub(super) fn link_mut(&mut self, chunk: u32) -> &mut Link {
        &mut self.memory.links[chunk as usize - 1]
    }

    pub(super) fn bytes(&self, chunk: u32) -> &[u8] {
        let start = (chunk as usize - 1) << self.shift;
        &self.memory.bytes[start..start + self.chunk_len()]
    }

    pub(super) fn bytes_mut(&mut self, chunk: u32) -> &mut [u8] {
        let start = (chunk as usize - 1) << self.shift;
        let length = self.chunk_len();
        &mut self.memory.bytes[start..start + length]
    }

    /// Bytes present from the start of the chunk.
    pub(super) fn prefix(&self, chunk: u32) -> usize {
        usize::from(self.link(chunk).prefix)
    }

    pub(super) fn set_prefix(&mut self, chunk: u32, prefix: usize) {
        self.link_mut(chunk).prefix = prefix as u16;
    }

    pub(super) fn mark(&mut self, chunk: u32, range: Range<usize>) {
        self.presence(chunk).insert(range);
    }

    pub(super) fn presence(&mut self, chunk: u32) -> Presence<'_> {
        let words = self.chunk_len() / 32;
        let start = (chunk as usize - 1) * words;
        let link = &mut self.memory.links[chunk as usize - 1];
        Presence {
            prefix: &mut link.prefix,
            beyond: &mut link.beyond,
            bits: &mut self.memory.bits[start..start + words],
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::boxed::Box;
    use std::vec;

    /// A pool that is never freed.
    pub(crate) fn leaked_memory(chunks: usize, length: usize) -> PoolMemory<'static> {
        PoolMemory {
            bytes: Table::from(Box::leak(vec![0; chunks * length].into_boxed_slice())),
            bits: Table::from(Box::leak(vec![0; chunks * length / 32].into_boxed_slice())),
            links: Table::from(Box::leak(vec![Link::EMPTY; chunks].into_boxed_slice())),
        }
    }

    #[test]
    fn every_chunk_is_lent_free_or_used() {
        let mut pool = Pool::new(leaked_memory(8, 32));
        pool.lend(3);
        assert_eq!((pool.free_chunks(), pool.lent().len()), (5, 96));
        let mut taken = vec![];
        while let Some(chunk) = pool.take() {
            taken.push(chunk);
        }
        assert_eq!(taken, [4, 5, 6, 7, 8]);
        pool.lent_mut().fill(9);
        pool.reclaim(1);
        assert_eq!((pool.free_chunks(), pool.lent_chunks()), (2, 1));
        assert_eq!(
            [pool.take(), pool.take(), pool.take()],
            [Some(2), Some(3), None]
        );
        pool.mark(2, 4..8);
        pool.give(2);
        assert_eq!(pool.take(), Some(2));
        assert_eq!(pool.presence(2).bits, [0]);
    }
}
