//! What holds for containers, whatever is done to them: each against a model that is too simple to be wrong.
//!
//! Invariant: the bytes given are the script; all that is done follows from them.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::presence::{Presence, Sought};
use super::{Pool, PoolMemory, RangeSet, ReceiveBuffer, SendBuffer};
use crate::codec::Reader;

/// Actions of a script at most.
const ACTIONS_MAX: usize = 500;

/// The next byte of the script, 0 behind its end.
fn pick(script: &mut Reader<'_>) -> usize {
    script.u8().unwrap_or(0).into()
}

/// A range set is a set of numbers, or refuses what it has no place for and is as before.
pub fn range_set(script: &[u8]) {
    let script = &mut Reader::new(script);
    let mut set = RangeSet::<4>::default();
    let mut model = BTreeSet::new();
    for _ in 0..ACTIONS_MAX {
        let Ok(action) = script.u8() else { break };
        let (low, length) = (pick(script) as u32, pick(script) as u32 % 9);
        let range = low..low + length;
        let before = set;
        match action % 6 {
            0..3 => match set.insert(range.clone()) {
                Ok(()) => model.extend(range),
                Err(_) => assert_eq!(set, before, "refused, and yet changed"),
            },
            3 => {
                set.insert_or_join(range.clone());
                model.extend(range);
                let now: BTreeSet<u32> = set.iter().flatten().collect();
                assert!(now.is_superset(&model));
                model = now;
            }
            4 => {
                set.remove_below(low);
                model.retain(|have| *have >= low);
            }
            _ => {
                set.shift_down(length);
                model = model
                    .iter()
                    .filter_map(|have| have.checked_sub(length))
                    .collect();
            }
        }
        assert!(set.iter().flatten().eq(model.iter().copied()));
        let ranges: Vec<_> = set.iter().collect();
        assert!(ranges.iter().all(|range| range.start < range.end));
        assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
        assert_eq!(set.first(), ranges.first().cloned());
        assert_eq!(set.last(), ranges.last().cloned());
        assert_eq!(set.is_empty(), model.is_empty());
    }
}

/// The presence of a chunk's bytes is a map of as many truth values.
pub fn presence(script: &[u8]) {
    const LENGTH: usize = 96;
    let script = &mut Reader::new(script);
    let (mut prefix, mut beyond, mut bits) = (0, 0, [0; LENGTH / 32]);
    let mut presence = Presence {
        prefix: &mut prefix,
        beyond: &mut beyond,
        bits: &mut bits,
    };
    let mut map = [false; LENGTH];
    for _ in 0..ACTIONS_MAX {
        let Ok(start) = script.u8() else { break };
        let start = usize::from(start) % LENGTH;
        let end = (start + pick(script) % 40).min(LENGTH);
        presence.insert(start..end);
        map[start..end].fill(true);
        let contiguous = map.iter().take_while(|present| **present).count();
        assert_eq!(usize::from(*presence.prefix), contiguous);
        let at = pick(script) % LENGTH;
        let run = |wanted: bool| {
            let run = map[at..].iter().position(|present| *present == wanted);
            run.map_or(LENGTH, |run| at + run)
        };
        assert_eq!(presence.next(Sought::Absent, at, LENGTH), run(false));
        assert_eq!(presence.next(Sought::Present, at, LENGTH), run(true));
        let is_set = presence.bits[at / 32] >> (at % 32) & 1 == 1;
        assert_eq!(is_set, map[at] && at >= contiguous);
    }
    presence.reset();
    assert_eq!((prefix, beyond, bits), (0, 0, [0; LENGTH / 32]));
}

/// Byte `offset` of stream `stream`, as it was sent.
fn byte(stream: usize, offset: u64) -> u8 {
    (offset % 251) as u8 ^ (stream * 37) as u8
}

fn bytes(stream: usize, range: Range<u64>) -> Vec<u8> {
    range.map(|offset| byte(stream, offset)).collect()
}

/// A peer within the connection's limit never exhausts the pool, whatever it sends in which order, and every byte is
/// read as it was sent.
pub fn receive_buffers(script: &[u8]) {
    let script = &mut Reader::new(script);
    let (streams, extra) = (1 + pick(script) % 8, 1 + pick(script) % 19);
    let chunk = 32_usize << (pick(script) % 3);
    let chunks = 2 * streams + extra;
    let mut pool = Pool::new(PoolMemory::boxed(chunks, chunk), chunk);
    let window = (extra * chunk) as u64;
    let mut buffers = vec![ReceiveBuffer::EMPTY; streams];
    let mut maps: Vec<Vec<bool>> = vec![Vec::new(); streams];
    let mut consumed = 0;
    for _ in 0..ACTIONS_MAX {
        let Ok(action) = script.u8() else { break };
        let stream = usize::from(action >> 2) % streams;
        let received: u64 = buffers.iter().map(ReceiveBuffer::high).sum();
        let credit = consumed + window - received;
        let buffer = &mut buffers[stream];
        if action % 4 == 0 {
            let bytes_there = buffer.peek(&pool);
            let start = buffer.read_offset();
            assert_eq!(bytes_there.is_empty(), buffer.ready() == start);
            let expected = bytes(stream, start..start + bytes_there.len() as u64);
            assert_eq!(bytes_there, &expected[..]);
            consumed += buffer.consume(&mut pool, 1 + 2 * pick(script)) as u64;
            continue;
        }
        let (low, high) = (buffer.read_offset(), buffer.high() + credit);
        let offset = low + (high - low) * pick(script) as u64 / 255;
        let end = high.min(offset + pick(script) as u64 * u64::from(action % 4));
        let data = bytes(stream, offset..end);
        buffer
            .write(&mut pool, offset, &data)
            .expect("the window always fits");
        let map = &mut maps[stream];
        map.resize(map.len().max(end as usize), false);
        map[offset as usize..end as usize].fill(true);
        let ready = map.iter().take_while(|present| **present).count();
        assert_eq!(buffer.ready(), ready as u64);
    }
    for buffer in &mut buffers {
        buffer.discard_to(&mut pool, 0);
    }
    assert_all_clean(&mut pool);
}

/// All chunks are free, and every presence bit went back to zero.
fn assert_all_clean(pool: &mut Pool<'_>) {
    assert_eq!(pool.used_chunks(), 0);
    while let Some(chunk) = pool.take() {
        let presence = pool.presence(chunk).expect("a chunk that was taken");
        assert!(presence.bits.iter().all(|word| *word == 0));
    }
}

/// Whatever is acknowledged or lost in which order: the right bytes are sent, acknowledged ones never again, and in
/// the end every byte has arrived and every chunk is free.
pub fn send_buffer(script: &[u8]) {
    let script = &mut Reader::new(script);
    let mut sender = Sender::new();
    for _ in 0..ACTIONS_MAX {
        let Ok(action) = script.u8() else { break };
        let size = pick(script);
        sender.act(action % 5, size);
    }
    // Everything in flight arrives, all else is sent.
    let mut rounds = 0;
    while !sender.buffer.is_empty() {
        rounds += 1;
        assert!(rounds < 10_000, "bytes are stuck");
        sender.act([1, 2, 3][rounds % 3], if rounds % 3 == 2 { 0 } else { 50 });
    }
    assert_all_clean(&mut sender.pool);
}

/// A send buffer, the pieces in flight, and what was acknowledged.
struct Sender {
    pool: Pool<'static>,
    buffer: SendBuffer,
    flight: Vec<Range<u64>>,
    acknowledged: BTreeSet<u64>,
}

impl Sender {
    fn new() -> Self {
        Self {
            pool: Pool::new(PoolMemory::boxed(24, 32), 32),
            buffer: SendBuffer::EMPTY,
            flight: Vec::new(),
            acknowledged: BTreeSet::new(),
        }
    }

    fn act(&mut self, action: u8, size: usize) {
        let Self { pool, buffer, .. } = self;
        match action {
            0 => {
                let length = size.min(buffer.room(pool, pool.free_chunks()));
                let data = bytes(0, buffer.end()..buffer.end() + length as u64);
                buffer.write(pool, &data).expect("there was room");
            }
            1 => {
                let length = (size as u64).min(buffer.end() - buffer.next());
                let range = buffer.next()..buffer.next() + length;
                self.send(range);
                self.buffer.on_sent(length as usize);
            }
            2 => {
                if let Some(range) = buffer.next_lost(pool, size.max(1)) {
                    assert!(range.clone().all(|at| !self.acknowledged.contains(&at)));
                    assert!(!range.is_empty() && range.end <= buffer.next());
                    buffer.on_sent_again(range.end);
                    self.send(range);
                }
            }
            3 if !self.flight.is_empty() => {
                let range = self.flight.swap_remove(size % self.flight.len());
                buffer.on_acknowledged(pool, range.clone());
                self.acknowledged.extend(range);
                assert!(!self.acknowledged.contains(&buffer.base()));
                assert!((0..buffer.base()).all(|at| self.acknowledged.contains(&at)));
            }
            4 if !self.flight.is_empty() => {
                let range = self.flight.swap_remove(size % self.flight.len());
                buffer.on_lost(range);
            }
            _ => {}
        }
        assert_eq!(self.buffer.chunks(&self.pool), self.pool.used_chunks());
    }

    fn send(&mut self, range: Range<u64>) {
        let mut out = vec![0; (range.end - range.start) as usize];
        self.buffer.copy(&self.pool, range.start, &mut out);
        assert_eq!(out, bytes(0, range.clone()));
        if !range.is_empty() {
            self.flight.push(range);
        }
    }
}
