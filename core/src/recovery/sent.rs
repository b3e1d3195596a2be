//! The packets that are in flight, and the tokens of what they carry: two rings, filled and released together.
//!
//! All three packet number spaces live in one pair of tables:
//!
//! ```text
//! packets  | Initial h | Handshake h | Application N     |
//! tokens   | Initial 2h| Handshake 2h| Application 2N    |
//! ```
//!
//! Invariant: within a space the records are in the order of their numbers and of their times, and the
//! tokens of a record lie behind those of the record before it.

#[cfg(feature = "bbr")]
use super::delivery::{Snapshot, SnapshotWords};
use super::slot::Slot;
use super::token::Token;
use crate::mem::Table;
use crate::time::Instant;
use crate::wire::packet::Space;

/// Records of the Initial and of the Handshake space at most: a flight of four full packets, its repetition, and
/// probes.
const HANDSHAKE_PACKETS_MAX: usize = 8;

/// And at least: a flight of two, and probes.
const HANDSHAKE_PACKETS_MIN: usize = 4;

/// Tokens per record on average; a single packet may have more.
const TOKENS_PER_PACKET: usize = 2;

/// What happened to a sent packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Fate {
    /// Neither acknowledged nor lost.
    Outstanding = 0,
    /// The same, but its tokens were already reported as lost, when a probe needed something to say.
    Repeated = 1,
    /// Arrived.
    Acknowledged = 2,
    /// Declared lost; an acknowledgement may still come.
    Lost = 3,
}

impl Fate {
    /// The variant's number: two bits of a record.
    const fn bits(self) -> u8 {
        self as u8
    }

    pub(super) fn is_outstanding(self) -> bool {
        matches!(self, Self::Outstanding | Self::Repeated)
    }
}

/// A sent packet that counts as in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) time: Instant,
    pub(super) size: u16,
    pub(super) fate: Fate,
    pub(super) ack_eliciting: bool,
    /// Left with ECT(0).
    pub(super) marked: bool,
    /// Longer than what was known to arrive: whether it does says nothing about congestion.
    pub(super) probe: bool,
    /// Where the path is on which it left.
    pub(super) path: Slot,
}

/// The same as it is stored: half as long, because small machines have few places and large ones many.
#[derive(Clone, Copy, Debug)]
pub struct SentPacket {
    /// The lowest bits; the ring knows the highest number, and all others are near it.
    number: u32,
    /// The lowest 48 bits of the time, likewise: nine years.
    time: u32,
    time_high: u16,
    /// Where its tokens begin; once acknowledged, how many records from this one on are known to be as well.
    link: u16,
    size: u16,
    tokens: u8,
    /// Its fate, three flags, and its path.
    state: u8,
}

/// The bits of a time that are stored.
const TIME: u64 = (1 << 48) - 1;

const FATE: u8 = 0x03;
const ACK_ELICITING: u8 = 0x04;
const MARKED: u8 = 0x08;
const PROBE: u8 = 0x40;
/// The lowest of two bits.
const PATH: u32 = 4;
/// As many paths, and none, are told apart by two bits.
#[cfg(feature = "migration")]
const PATHS: u8 = 3;

const _: () = assert!(size_of::<SentPacket>() == 16);

impl SentPacket {
    /// An unused place.
    pub const EMPTY: Self = Self {
        number: 0,
        time: 0,
        time_high: 0,
        link: 0,
        size: 0,
        tokens: 0,
        state: 0,
    };

    fn new(packet: &Sent) -> Self {
        let time = packet.time.as_micros();
        let mut state = packet.fate.bits() | packet.path.bits() << PATH;
        if packet.ack_eliciting {
            state |= ACK_ELICITING;
        }
        if packet.marked {
            state |= MARKED;
        }
        if packet.probe {
            state |= PROBE;
        }
        Self {
            // The low halves; what is above follows from the records behind.
            number: packet.number as u32,
            time: time as u32,
            time_high: (time >> 32) as u16, // nine years
            size: packet.size,
            state,
            ..Self::EMPTY
        }
    }

    fn fate(self) -> Fate {
        match self.state & FATE {
            0 => Fate::Outstanding,
            1 => Fate::Repeated,
            2 => Fate::Acknowledged,
            _ => Fate::Lost,
        }
    }
}

/// The tables behind all sent packets of a connection.
pub struct SentMemory<'m> {
    /// [`SentMemory::packets`] places.
    pub packets: Table<'m, SentPacket>,
    /// [`SentMemory::tokens`] places.
    pub tokens: Table<'m, Token>,
    /// As many places as for packets: what was known when they left.
    #[cfg(feature = "bbr")]
    pub snapshots: Table<'m, SnapshotWords>,
}

impl SentMemory<'_> {
    /// Places in the packet table for `in_flight` packets of the application space.
    pub const fn packets(in_flight: usize) -> usize {
        2 * bounded(in_flight / 4) + in_flight
    }

    /// Places in the token table for `in_flight` packets of the application space.
    pub const fn tokens(in_flight: usize) -> usize {
        TOKENS_PER_PACKET * Self::packets(in_flight)
    }

    /// The part of both tables that belongs to `space`.
    pub(super) fn ring<'a>(&'a mut self, space: Space, state: &'a mut RingState) -> Ring<'a> {
        // A quarter of the application's is a sixth of them all.
        let handshake = bounded(self.packets.len() / 6);
        Ring {
            packets: part(&mut self.packets, space, handshake),
            tokens: part(&mut self.tokens, space, handshake * TOKENS_PER_PACKET),
            #[cfg(feature = "bbr")]
            snapshots: part(&mut self.snapshots, space, handshake),
            state,
        }
    }
}

/// Records of the Initial and of the Handshake space, where `wanted` would be in proportion.
const fn bounded(wanted: usize) -> usize {
    if wanted < HANDSHAKE_PACKETS_MIN {
        HANDSHAKE_PACKETS_MIN
    } else if wanted > HANDSHAKE_PACKETS_MAX {
        HANDSHAKE_PACKETS_MAX
    } else {
        wanted
    }
}

fn part<T>(table: &mut [T], space: Space, step: usize) -> &mut [T] {
    let range = match space {
        Space::Initial => 0..step,
        Space::Handshake => step..2 * step,
        Space::Application => 2 * step..table.len(),
    };
    table.get_mut(range).unwrap_or_default()
}

/// Where the two rings of a space stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct RingState {
    head: usize,
    len: usize,
    token_head: usize,
    token_len: usize,
    /// Records at the front that are not outstanding any more.
    settled: usize,
    /// One more than the highest number that was recorded.
    end: u64,
    /// The latest time that was recorded.
    latest: Instant,
}

impl RingState {
    pub(super) const EMPTY: Self = Self {
        head: 0,
        len: 0,
        token_head: 0,
        token_len: 0,
        settled: 0,
        end: 0,
        latest: Instant::ZERO,
    };
}

/// The sent packets of one space. Records are addressed by their distance from the oldest.
pub(super) struct Ring<'a> {
    packets: &'a mut [SentPacket],
    tokens: &'a mut [Token],
    #[cfg(feature = "bbr")]
    snapshots: &'a mut [SnapshotWords],
    state: &'a mut RingState,
}

impl Ring<'_> {
    pub(super) fn len(&self) -> usize {
        self.state.len
    }

    pub(super) fn free_packets(&self) -> usize {
        self.packets.len() - self.state.len
    }

    pub(super) fn free_tokens(&self) -> usize {
        self.tokens.len() - self.state.token_len
    }

    fn place(&self, index: usize) -> usize {
        wrap(self.state.head + index, self.packets.len())
    }

    fn stored(&self, index: usize) -> SentPacket {
        let stored = self.packets.get(self.place(index));
        stored.copied().unwrap_or(SentPacket::EMPTY)
    }

    fn stored_mut(&mut self, index: usize) -> Option<&mut SentPacket> {
        let place = self.place(index);
        self.packets.get_mut(place)
    }

    /// How far below the highest number a record's lies.
    fn distance(&self, packet: SentPacket) -> u32 {
        // Modulo 2^32: no record is further away.
        (self.state.end as u32).wrapping_sub(packet.number)
    }

    #[inline(never)]
    pub(super) fn packet(&self, index: usize) -> Sent {
        let packet = self.stored(index);
        let latest = self.state.latest.as_micros();
        let time = (u64::from(packet.time_high) << 32) | u64::from(packet.time);
        let ago = latest.wrapping_sub(time) & TIME;
        Sent {
            number: self.state.end.wrapping_sub(self.distance(packet).into()),
            time: Instant::from_micros(latest.wrapping_sub(ago)),
            size: packet.size,
            fate: packet.fate(),
            ack_eliciting: packet.state & ACK_ELICITING != 0,
            marked: packet.state & MARKED != 0,
            probe: packet.state & PROBE != 0,
            path: Slot::from_bits(packet.state >> PATH),
        }
    }

    pub(super) fn fate(&self, index: usize) -> Fate {
        self.stored(index).fate()
    }

    pub(super) fn set_fate(&mut self, index: usize, fate: Fate) {
        if let Some(packet) = self.stored_mut(index) {
            packet.state = packet.state & !FATE | fate.bits();
        }
    }

    #[cfg(feature = "migration")]
    pub(super) fn set_path(&mut self, index: usize, path: Slot) {
        if let Some(packet) = self.stored_mut(index) {
            packet.state = packet.state & !(PATHS << PATH) | path.bits() << PATH;
        }
    }

    /// The first record whose number is at least `number`; the length if there is none.
    pub(super) fn position(&self, number: u64) -> usize {
        let distance = self.state.end.saturating_sub(number);
        let distance = u32::try_from(distance).unwrap_or(u32::MAX);
        let (mut low, mut high) = (0, self.state.len);
        while low < high {
            let middle = low.midpoint(high);
            if self.distance(self.stored(middle)) > distance {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Remembers a packet; `false` if a ring is full.
    pub(super) fn push(&mut self, packet: &Sent, tokens: &[Token]) -> bool {
        if self.free_packets() == 0 || self.free_tokens() < tokens.len() {
            return false;
        }
        let Ok(count) = u8::try_from(tokens.len()) else {
            return false;
        };
        debug_assert!(self.state.end <= packet.number);
        let first = wrap(
            self.state.token_head + self.state.token_len,
            self.tokens.len(),
        );
        let mut place = first;
        for token in tokens {
            if let Some(stored) = self.tokens.get_mut(place) {
                *stored = *token;
            }
            place = wrap(place + 1, self.tokens.len());
        }
        let mut stored = SentPacket::new(packet);
        stored.tokens = count;
        stored.link = first as u16; // a place in the ring of tokens
        self.state.token_len += tokens.len();
        self.state.len += 1;
        self.state.end = packet.number + 1;
        // A clock that goes backwards must not make the earlier packets older than the world.
        self.state.latest = self.state.latest.max(packet.time);
        let last = self.state.len - 1;
        if let Some(place) = self.stored_mut(last) {
            *place = stored;
        }
        true
    }

    /// Remembers what was known when the newest packet left.
    #[cfg(feature = "bbr")]
    pub(super) fn set_last_snapshot(&mut self, snapshot: Snapshot) {
        let place = self.place(self.state.len.saturating_sub(1));
        if let Some(stored) = self.snapshots.get_mut(place) {
            *stored = snapshot.words();
        }
    }

    /// What was known when a packet left.
    #[cfg(feature = "bbr")]
    pub(super) fn snapshot(&self, index: usize) -> Snapshot {
        let stored = self.snapshots.get(self.place(index));
        stored
            .copied()
            .map_or(Snapshot::EMPTY, Snapshot::from_words)
    }

    /// The tokens of a record that is not acknowledged.
    pub(super) fn tokens(&self, index: usize) -> impl Iterator<Item = Token> + '_ {
        let packet = self.stored(index);
        debug_assert!(packet.fate() != Fate::Acknowledged);
        let first = usize::from(packet.link);
        (first..first + usize::from(packet.tokens)).map(|place| {
            let token = self.tokens.get(wrap(place, self.tokens.len()));
            token.copied().unwrap_or(Token::None)
        })
    }

    /// Forgets the oldest record.
    pub(super) fn pop_front(&mut self) {
        if self.state.len == 0 {
            return;
        }
        let tokens = usize::from(self.stored(0).tokens);
        self.state.token_head = wrap(self.state.token_head + tokens, self.tokens.len());
        self.state.token_len -= tokens;
        self.state.head = wrap(self.state.head + 1, self.packets.len());
        self.state.len -= 1;
        self.state.settled = self.state.settled.saturating_sub(1);
    }

    /// Marks a record as arrived.
    pub(super) fn acknowledge(&mut self, index: usize) {
        self.set_fate(index, Fate::Acknowledged);
        self.join_acknowledged(index, index + 1);
    }

    /// Notes that all records of `from..to` are acknowledged, so that later frames can step over them.
    pub(super) fn join_acknowledged(&mut self, from: usize, to: usize) {
        let length = u16::try_from(to.saturating_sub(from)).unwrap_or(u16::MAX);
        if let Some(packet) = self.stored_mut(from).filter(|_| length > 0) {
            packet.link = length;
        }
    }

    /// How many records from this acknowledged one on are known to be acknowledged.
    pub(super) fn acknowledged_run(&self, index: usize) -> usize {
        usize::from(self.stored(index).link).max(1)
    }

    /// The first outstanding record from `index` on; the length if there is none.
    pub(super) fn next_outstanding(&mut self, mut index: usize) -> usize {
        let from_front = index <= self.state.settled;
        if from_front {
            index = self.state.settled;
        }
        while index < self.state.len {
            match self.fate(index) {
                Fate::Outstanding | Fate::Repeated => break,
                Fate::Acknowledged => index += self.acknowledged_run(index),
                Fate::Lost => index += 1,
            }
        }
        let index = index.min(self.state.len);
        if from_front {
            self.state.settled = index;
        }
        index
    }
}

fn wrap(index: usize, length: usize) -> usize {
    if index >= length {
        index - length
    } else {
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::vec::Vec;

    use proptest::prelude::*;

    fn memory(in_flight: usize) -> (Vec<SentPacket>, Vec<Token>) {
        (
            std::vec![SentPacket::EMPTY; SentMemory::packets(in_flight)],
            std::vec![Token::None; SentMemory::tokens(in_flight)],
        )
    }

    fn record(number: u64) -> Sent {
        Sent {
            number,
            time: Instant::from_micros((2_000_000_000 << 20) + number),
            size: number as u16,
            fate: Fate::Outstanding,
            ack_eliciting: number.is_multiple_of(2),
            marked: number.is_multiple_of(3),
            probe: number.is_multiple_of(5),
            path: Slot::ALL[number as usize % Slot::ALL.len()],
        }
    }

    #[test]
    fn what_is_stored_in_half_the_bytes_comes_back_whole() {
        let (mut packets, mut tokens) = memory(4);
        let mut memory = SentMemory {
            packets: Table::from(&mut packets[..]),
            tokens: Table::from(&mut tokens[..]),
            #[cfg(feature = "bbr")]
            snapshots: Table::empty(),
        };
        let mut state = RingState::EMPTY;
        let mut ring = memory.ring(Space::Application, &mut state);
        let numbers = [1 << 31, u64::from(u32::MAX), 1 << 32, (1 << 32) + 7];
        for number in numbers {
            assert!(ring.push(&record(number), &[]));
        }
        ring.set_fate(1, Fate::Lost);
        for (index, number) in numbers.into_iter().enumerate() {
            let (got, sent) = (ring.packet(index), record(number));
            assert_eq!(
                (got.number, got.time, got.size),
                (number, sent.time, sent.size)
            );
            assert_eq!(
                (got.ack_eliciting, got.marked, got.path),
                (sent.ack_eliciting, sent.marked, sent.path)
            );
            assert_eq!(got.fate == Fate::Lost, index == 1);
            assert_eq!(ring.position(number), index);
        }
        assert_eq!(ring.position(u64::MAX), 4);
    }

    #[test]
    fn spaces_share_the_tables_and_do_not_overlap() {
        for (application, handshake) in [(4, 4), (16, 4), (23, 5), (31, 7), (32, 8), (100, 8)] {
            fill_all(application, handshake);
        }
    }

    fn fill_all(application: usize, handshake: u64) {
        let (mut packets, mut tokens) = memory(application);
        let mut memory = SentMemory {
            packets: Table::from(&mut packets[..]),
            tokens: Table::from(&mut tokens[..]),
            #[cfg(feature = "bbr")]
            snapshots: Table::empty(),
        };
        let mut states = [RingState::EMPTY; 3];
        for (space, state) in Space::ALL.into_iter().zip(&mut states) {
            let mut ring = memory.ring(space, state);
            let capacity = match space {
                Space::Application => application as u64,
                _ => handshake,
            };
            let base = space as u64 * 100;
            for number in 0..capacity {
                let token = Token::MaxData {
                    limit: base + number,
                };
                assert!(ring.push(&record(base + number), &[token, token]));
            }
            assert!(!ring.push(&record(base + 99), &[]));
        }
        for (space, state) in Space::ALL.into_iter().zip(&mut states) {
            let ring = memory.ring(space, state);
            let base = space as u64 * 100;
            for index in 0..ring.len() {
                let limit = base + index as u64;
                assert_eq!(ring.packet(index).number, limit);
                assert!(ring.tokens(index).eq([Token::MaxData { limit }; 2]));
            }
        }
    }

    proptest! {
        #[test]
        fn rings_behave_like_a_queue(steps in prop::collection::vec((0u8..3, 0usize..5), 1..300)) {
            let (mut packets, mut tokens) = memory(5);
            let mut memory = SentMemory {
                packets: Table::from(&mut packets[..]),
                tokens: Table::from(&mut tokens[..]),
                #[cfg(feature = "bbr")]
                snapshots: Table::empty(),
            };
            let mut state = RingState::EMPTY;
            let mut ring = memory.ring(Space::Application, &mut state);
            let mut model: VecDeque<(u64, Vec<Token>)> = VecDeque::new();
            let mut number = 0;
            for (kind, count) in steps {
                if kind == 0 {
                    ring.pop_front();
                    model.pop_front();
                } else {
                    number += 1 + count as u64;
                    let tokens: Vec<_> = (0..count).map(|index| Token::MaxData { limit: number * 10 + index as u64 }).collect();
                    let used: usize = model.iter().map(|entry| entry.1.len()).sum();
                    let fits = model.len() < 5 && used + count <= 10;
                    prop_assert_eq!(ring.push(&record(number), &tokens), fits);
                    if fits {
                        model.push_back((number, tokens));
                    }
                }
                prop_assert_eq!(ring.len(), model.len());
                for (index, (number, tokens)) in model.iter().enumerate() {
                    prop_assert_eq!(ring.packet(index).number, *number);
                    prop_assert_eq!(ring.tokens(index).collect::<Vec<_>>(), tokens.clone());
                    prop_assert_eq!(ring.position(*number), index);
                    prop_assert_eq!(ring.position(*number + 1), index + 1);
                }
            }
        }
    }
}
