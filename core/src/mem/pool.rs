//! Equal chunks of bytes shared by all streams of a connection.
//!
//! Chunks go by numbers from 1 on, 0 is none, so that all-zero memory is a full pool. The free list is
//! last in, first out, and untouched chunks come after it: memory that was never needed is never touched.
//! Invariant: a chunk is lent, free, or in exactly one [`Chain`](super::Chain); the presence of a free
//! chunk is all zeros.

use super::Table;
use super::presence::Presence;
use crate::codec::copy;
use crate::limits::CHUNKS_MAX;
use core::ops::Range;

/// The number of a chunk, from 1 on; 0 is none. [`CHUNKS_MAX`] keeps it below 2^15.
pub(super) type Chunk = u16;

/// What a pool knows of a chunk.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// The next chunk of the same chain or of the free list.
    pub(super) next: Chunk,
    /// Which piece of the stream the chunk holds: offset / chunk length, wrapping.
    pub(super) index: u16,
    pub(super) prefix: u16,
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

const _: () = assert!(size_of::<Link>() == 8);

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
    free: Chunk,
    /// Chunks from the start that were used or lent at least once.
    fresh: u16,
    /// Chunks in chains.
    used: u16,
    /// Chunks 1 to `lent` serve as one linear buffer.
    lent: u16,
    /// The chunk length is 2 to the power of this.
    shift: u8,
}

impl<'m> Pool<'m> {
    /// A pool of the chunks in `memory`, at most [`CHUNKS_MAX`], each of `chunk_len` bytes, a power of two.
    pub fn new(memory: PoolMemory<'m>, chunk_len: usize) -> Self {
        debug_assert!(chunk_len.is_power_of_two(), "chunks of a power of two");
        debug_assert!(memory.links.len() <= CHUNKS_MAX, "chunks go by 15 bits");
        debug_assert!(
            memory.bytes.len() == memory.links.len() * chunk_len
                && memory.bits.len() * 32 == memory.bytes.len(),
            "a link a chunk and a bit a byte"
        );
        Self {
            memory,
            free: 0,
            fresh: 0,
            used: 0,
            lent: 0,
            // Less than the bits of a usize.
            shift: chunk_len.trailing_zeros() as u8,
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
        usize::from(self.used)
    }

    /// Chunks that can be taken.
    pub fn free_chunks(&self) -> usize {
        self.chunks() - self.lent_chunks() - self.used_chunks()
    }

    /// Chunks that are lent.
    pub fn lent_chunks(&self) -> usize {
        usize::from(self.lent)
    }

    /// Lends the lowest `chunks` chunks (all, if there are fewer) as one buffer; only while none was used.
    pub fn lend(&mut self, chunks: usize) {
        debug_assert!(self.fresh == 0, "lent before anything is taken");
        // A pool has at most 32,767 chunks.
        let chunks = chunks.min(self.chunks()) as u16;
        self.lent = chunks;
        self.fresh = chunks;
    }

    /// The lent chunks, contiguous.
    pub fn lent(&mut self) -> &mut [u8] {
        let length = self.lent_chunks() << self.shift;
        self.memory.bytes.get_mut(..length).unwrap_or_default()
    }

    /// Takes lent chunks back but for the lowest `keep`.
    pub fn reclaim(&mut self, keep: usize) {
        while self.lent_chunks() > keep {
            self.set_free(self.lent);
            self.lent -= 1;
        }
    }

    /// Which piece of its stream the byte at `offset` belongs to.
    pub(super) fn index(&self, offset: u64) -> u16 {
        // The lowest bits only: pieces of one stream that are there at a time differ in them.
        (offset >> self.shift) as u16
    }

    /// Where in its chunk the byte at `offset` lies.
    pub(super) fn position(&self, offset: u64) -> usize {
        // What is cut off lies above the mask.
        offset as usize & (self.chunk_len() - 1)
    }

    pub(super) fn take(&mut self) -> Option<Chunk> {
        let chunk = if self.free != 0 {
            let chunk = self.free;
            self.free = self.link(chunk).next;
            chunk
        } else if usize::from(self.fresh) < self.chunks() {
            self.fresh += 1;
            self.fresh
        } else {
            return None;
        };
        self.used += 1;
        Some(chunk)
    }

    pub(super) fn give(&mut self, chunk: Chunk) {
        if let Some(mut presence) = self.presence(chunk) {
            presence.reset();
        }
        self.set_free(chunk);
        self.used -= 1;
    }

    fn set_free(&mut self, chunk: Chunk) {
        let free = self.free;
        if let Some(link) = self.link_mut(chunk) {
            link.next = free;
            self.free = chunk;
        }
    }

    pub(super) fn link(&self, chunk: Chunk) -> Link {
        self.memory
            .links
            .get(place(chunk))
            .copied()
            .unwrap_or(Link::EMPTY)
    }

    /// `None` for no chunk only.
    pub(super) fn link_mut(&mut self, chunk: Chunk) -> Option<&mut Link> {
        self.memory.links.get_mut(place(chunk))
    }

    /// The bytes of a chunk from `position` on.
    pub(super) fn bytes(&self, chunk: Chunk, position: usize) -> &[u8] {
        let start = place(chunk) << self.shift;
        self.memory
            .bytes
            .get(start + position..start + self.chunk_len())
            .unwrap_or_default()
    }

    /// The bytes of a chunk from `position` on.
    pub(super) fn bytes_mut(&mut self, chunk: Chunk, position: usize) -> &mut [u8] {
        let start = place(chunk) << self.shift;
        let end = start + self.chunk_len();
        self.memory
            .bytes
            .get_mut(start + position..end)
            .unwrap_or_default()
    }

    /// Bytes present from the start of the chunk.
    pub(super) fn prefix(&self, chunk: Chunk) -> usize {
        usize::from(self.link(chunk).prefix)
    }

    pub(super) fn mark(&mut self, chunk: Chunk, range: Range<usize>) {
        if let Some(mut presence) = self.presence(chunk) {
            presence.insert(range);
        }
    }

    /// `None` for no chunk only.
    pub(super) fn presence(&mut self, chunk: Chunk) -> Option<Presence<'_>> {
        let words = self.chunk_len() / 32;
        let start = place(chunk) * words;
        let link = self.memory.links.get_mut(place(chunk))?;
        Some(Presence {
            prefix: &mut link.prefix,
            beyond: &mut link.beyond,
            bits: self.memory.bits.get_mut(start..start + words)?,
        })
    }
}

/// Copies as much of `data` as there is place for, and takes it off; returns how much that was.
pub fn fill(place: &mut [u8], data: &mut &[u8]) -> usize {
    let length = place.len().min(data.len());
    if let Some((place, _)) = place.split_at_mut_checked(length)
        && let Some((piece, rest)) = data.split_at_checked(length)
    {
        copy(place, piece);
        *data = rest;
    }
    length
}

/// Where a chunk is in the tables; beyond all of them for no chunk.
fn place(chunk: Chunk) -> usize {
    usize::from(chunk.wrapping_sub(1))
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
        let mut pool = Pool::new(leaked_memory(8, 32), 32);
        pool.lend(3);
        assert_eq!((pool.free_chunks(), pool.lent().len()), (5, 96));
        let mut taken = vec![];
        while let Some(chunk) = pool.take() {
            taken.push(chunk);
        }
        assert_eq!(taken, [4, 5, 6, 7, 8]);
        pool.lent().fill(9);
        pool.reclaim(1);
        assert_eq!((pool.free_chunks(), pool.lent_chunks()), (2, 1));
        assert_eq!(
            [pool.take(), pool.take(), pool.take()],
            [Some(2), Some(3), None]
        );
        pool.mark(2, 4..8);
        pool.give(2);
        assert_eq!(pool.take(), Some(2));
        assert_eq!(pool.presence(2).unwrap().bits, [0]);
    }
}
