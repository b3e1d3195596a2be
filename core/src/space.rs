//! The receiving half of the packet number spaces (RFC 9000 §12.3, §13.2): what arrived, and telling the peer.
//!
//! Ranges of all three spaces lie in one table: `| Initial h | Handshake h | Application N |`.
//!
//! Invariant: a number is either below its space's floor, or in a range if it was received; so no packet is
//! ever processed twice, however few ranges there are.

use core::ops::RangeInclusive;

use crate::ack::{AckPolicy, DELAY_EXPONENT, Frequency, Order};
use crate::frame_writer::FrameWriter;
use crate::mem::Table;
use crate::recovery::{Codepoint, Token};
use crate::time::Instant;
#[cfg(feature = "ack-frequency")]
use crate::wire::frame::kind::ACK_FREQUENCY;
use crate::wire::frame::{Ack, EcnCounts, Frame};
use crate::wire::packet::Space;
#[cfg(feature = "ack-frequency")]
use crate::wire::{Code, TransportError, rule};

/// Ranges of the Initial and of the Handshake space at most: a flight of sixteen packets with every second one lost.
const HANDSHAKE_RANGES_MAX: usize = 8;

/// And at least: a flight of eight.
const HANDSHAKE_RANGES_MIN: usize = 4;

/// Numbers received without a gap: from `start` up to but without `end`.
#[derive(Clone, Copy, Debug)]
pub struct NumberRange {
    start: u64,
    end: u64,
}

impl NumberRange {
    /// An unused place.
    pub const EMPTY: Self = Self { start: 0, end: 0 };
}

/// Whether a packet that was opened is to be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is.
    New,
    /// It was processed before.
    Duplicate,
    /// It is so old that nobody remembers whether it was.
    Old,
}

/// What was received, and what of it the peer does not know yet.
pub struct NumberSpaces<'m> {
    ranges: Table<'m, NumberRange>,
    states: [State; 3],
    /// What the peer has asked for.
    #[cfg(feature = "ack-frequency")]
    asked: Asked,
}

/// How often the peer wants to hear of packets in the application space.
#[cfg(feature = "ack-frequency")]
#[derive(Clone, Copy, Debug)]
struct Asked {
    frequency: Frequency,
    /// Requests with lower numbers are old.
    next_sequence: u64,
}

/// Microseconds that acknowledgements can be held back for at least: our min_ack_delay.
#[cfg(feature = "ack-frequency")]
pub const MIN_DELAY_US: u64 = 1_000;

/// And at most: max_ack_delay is below 2^14 milliseconds.
#[cfg(feature = "ack-frequency")]
const MAX_DELAY_END_US: u64 = (1 << 14) * 1_000;

#[derive(Clone, Copy, Debug)]
struct State {
    /// Packets below it are not processed any more.
    floor: u64,
    /// One more than the largest number received, 0 before the first.
    expected: u64,
    largest_at: Instant,
    policy: AckPolicy,
    /// Packets by their codepoint. After four billion the peer finds the counts wrong and stops marking.
    marks: [u32; 4],
    /// Ranges in use, ascending from the space's first place.
    len: usize,
    /// One more than the largest number that was acknowledged to the peer, 0 before.
    #[cfg(feature = "ack-frequency")]
    reported: u64,
    /// The packet before was marked as congestion.
    #[cfg(feature = "ack-frequency")]
    was_marked: bool,
}

impl State {
    const NEW: Self = Self {
        floor: 0,
        expected: 0,
        largest_at: Instant::ZERO,
        policy: AckPolicy::NEW,
        marks: [0; 4],
        len: 0,
        #[cfg(feature = "ack-frequency")]
        reported: 0,
        #[cfg(feature = "ack-frequency")]
        was_marked: false,
    };

    /// The counts to report, if a mark was ever seen.
    //= rfc9000#13.4.1
    fn ecn(&self) -> Option<EcnCounts> {
        let [_, ect1, ect0, ce] = self.marks;
        (ect1 | ect0 | ce != 0).then(|| EcnCounts {
            ect0: ect0.into(),
            ect1: ect1.into(),
            ce: ce.into(),
        })
    }
}

impl<'m> NumberSpaces<'m> {
    /// Places that the table needs for `application` ranges in the application space.
    pub const fn ranges(application: usize) -> usize {
        2 * bounded(application / 2) + application
    }

    /// Nothing received yet.
    pub fn new(ranges: Table<'m, NumberRange>) -> Self {
        Self {
            ranges,
            states: [State::NEW; 3],
            #[cfg(feature = "ack-frequency")]
            asked: Asked {
                frequency: Frequency::DEFAULT,
                next_sequence: 0,
            },
        }
    }

    /// An ACK_FREQUENCY frame arrived.
    #[cfg(feature = "ack-frequency")]
    pub fn on_ack_frequency(
        &mut self,
        sequence: u64,
        threshold: u64,
        delay_us: u64,
        reordering: u64,
    ) -> Result<(), TransportError> {
        if !(MIN_DELAY_US..MAX_DELAY_END_US).contains(&delay_us) {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "a delay of acknowledgements that was not offered"
            ))
            .in_frame(ACK_FREQUENCY));
        }
        if sequence >= self.asked.next_sequence {
            let eliciting_max = u32::try_from(threshold.saturating_add(1)).unwrap_or(u32::MAX);
            self.asked.next_sequence = sequence.saturating_add(1);
            self.asked.frequency = Frequency {
                eliciting_max,
                delay_us,
                reordering,
            };
        }
        Ok(())
    }

    /// An IMMEDIATE_ACK frame arrived.
    #[cfg(feature = "ack-frequency")]
    pub fn on_immediate_ack(&mut self, now: Instant) {
        self.states[Space::Application.index()]
            .policy
            .on_immediate(now);
    }

    #[cfg(feature = "ack-frequency")]
    fn frequency(&self, space: Space) -> Frequency {
        if space == Space::Application {
            self.asked.frequency
        } else {
            Frequency::DEFAULT
        }
    }

    /// The largest number received in `space`, which tells what a truncated number stands for.
    pub fn largest_received(&self, space: Space) -> Option<u64> {
        self.states[space.index()].expected.checked_sub(1)
    }

    /// Whether the packet `number` is to be processed; asked once it was opened, before a frame is read.
    //= rfc9000#12.3
    pub fn check(&mut self, space: Space, number: u64) -> Arrival {
        let (ranges, state) = self.part(space);
        if number < state.floor {
            return Arrival::Old;
        }
        let used = ranges.get(..state.len).unwrap_or_default();
        match used.iter().rev().find(|range| range.start <= number) {
            Some(range) if number < range.end => Arrival::Duplicate,
            _ => Arrival::New,
        }
    }

    /// A new packet was processed.
    pub fn on_packet_received(
        &mut self,
        now: Instant,
        space: Space,
        number: u64,
        ack_eliciting: bool,
        codepoint: Codepoint,
    ) {
        #[cfg(feature = "ack-frequency")]
        let frequency = self.frequency(space);
        #[cfg(not(feature = "ack-frequency"))]
        let frequency = Frequency::DEFAULT;
        let (ranges, state) = self.part(space);
        let expected = state.expected;
        if number >= expected {
            state.expected = number + 1;
            state.largest_at = now;
        }
        insert(ranges, state, number);
        //= rfc9000#13.4.1
        let mark = &mut state.marks[codepoint as usize]; // a variant's number
        *mark = mark.wrapping_add(1);
        if ack_eliciting {
            let order = if number == expected {
                Order::InOrder
            } else {
                Order::OutOfOrder
            };
            #[cfg(feature = "ack-frequency")]
            let (order, codepoint) = as_asked(ranges, state, number, order, codepoint, frequency);
            let policy = &mut state.policy;
            policy.on_ack_eliciting(now, space, order, codepoint, &frequency);
        }
    }

    /// A packet should be sent in `space` for the acknowledgement alone.
    pub fn is_ack_due(&self, now: Instant, space: Space) -> bool {
        self.states[space.index()].policy.is_due(now)
    }

    /// When an acknowledgement becomes due that is still held back; the end of time, if none is.
    pub fn ack_deadline(&self) -> Instant {
        let [initial, handshake, application] = &self.states;
        let earlier = initial.policy.deadline().min(handshake.policy.deadline());
        earlier.min(application.policy.deadline())
    }

    /// Writes an ACK frame, if the peer waits for one: with as many ranges as fit, the largest first.
    pub fn on_transmit(&mut self, now: Instant, space: Space, w: &mut FrameWriter<'_>) -> bool {
        let (ranges, state) = self.part(space);
        let used = ranges.get(..state.len).unwrap_or_default();
        let Some(highest) = used.last().filter(|_| state.policy.is_owed()) else {
            return false;
        };
        let delay = now.since(state.largest_at) >> DELAY_EXPONENT;
        let ecn = state.ecn();
        let write = |token: Token, w: &mut FrameWriter<'_>| {
            w.raw(token, |out| {
                let descending = used.iter().rev().map(NumberRange::inclusive);
                Ack::encode_ranges(out, delay, descending, ecn).map(drop)
            })
        };
        let token = Token::Ack {
            largest: highest.end - 1,
        };
        // A full table of sent packets takes the token, not the acknowledgement.
        let written = write(token, w) || write(Token::None, w);
        if written {
            state.policy.on_sent();
            #[cfg(feature = "ack-frequency")]
            {
                state.reported = highest.end;
            }
        }
        written
    }

    /// Adds PING to a packet that only acknowledges, when more than half of the ranges are in use and the
    /// last such PING is a round trip ago: its acknowledgement frees ranges. Called after all other frames.
    //= rfc9000#13.2.4
    pub fn write_ping(
        &mut self,
        now: Instant,
        space: Space,
        rtt_us: u32,
        w: &mut FrameWriter<'_>,
    ) -> bool {
        let (ranges, state) = self.part(space);
        state.len > ranges.len() / 2
            && !w.is_ack_eliciting()
            && w.room() > 0
            && state.policy.may_ping(now, rtt_us)
            && w.frame(&Frame::Ping, Token::None)
    }

    /// The peer received our ACK frame up to `largest`: nothing up to there needs to be said again, and
    /// nothing that still comes from there is new to anybody.
    //= rfc9000#13.2.4
    pub fn on_ack(&mut self, space: Space, largest: u64) {
        let (ranges, state) = self.part(space);
        raise_floor(ranges, state, largest.saturating_add(1));
    }

    /// The keys of `space` are gone.
    pub fn discard(&mut self, space: Space) {
        self.states[space.index()] = State::NEW;
    }

    fn part(&mut self, space: Space) -> (&mut [NumberRange], &mut State) {
        // Half of the application's is a quarter of them all.
        let handshake = bounded(self.ranges.len() / 4);
        let range = match space {
            Space::Initial => 0..handshake,
            Space::Handshake => handshake..2 * handshake,
            Space::Application => 2 * handshake..self.ranges.len(),
        };
        let ranges = self.ranges.get_mut(range).unwrap_or_default();
        (ranges, &mut self.states[space.index()])
    }
}

/// Ranges of the Initial and of the Handshake space, where `wanted` would be in proportion.
const fn bounded(wanted: usize) -> usize {
    if wanted < HANDSHAKE_RANGES_MIN {
        HANDSHAKE_RANGES_MIN
    } else if wanted > HANDSHAKE_RANGES_MAX {
        HANDSHAKE_RANGES_MAX
    } else {
        wanted
    }
}

impl NumberRange {
    fn inclusive(&self) -> RangeInclusive<u64> {
        self.start..=self.end - 1
    }
}

/// Order and mark of the packet `number`, as far as the peer wants to hear of them at once.
#[cfg(feature = "ack-frequency")]
fn as_asked(
    ranges: &[NumberRange],
    state: &mut State,
    number: u64,
    order: Order,
    codepoint: Codepoint,
    frequency: Frequency,
) -> (Order, Codepoint) {
    let was_marked = core::mem::replace(&mut state.was_marked, codepoint == Codepoint::Ce);
    // Of packets that are marked in a row the first is enough.
    let is_rare = frequency.eliciting_max > Frequency::DEFAULT.eliciting_max;
    let codepoint = if is_rare && was_marked {
        Codepoint::NotEct
    } else {
        codepoint
    };
    // Ranges that are forgotten before they were reported would never be.
    let is_crowded = state.len > ranges.len() / 2;
    let order = match frequency.reordering {
        _ if is_crowded => Order::OutOfOrder,
        1 => order,
        threshold if is_reordered(ranges, state, number, threshold) => Order::OutOfOrder,
        _ => Order::InOrder,
    };
    (order, codepoint)
}

/// Something is missing that the peer takes for lost as soon as it hears of what has come, or `number` was so.
#[cfg(feature = "ack-frequency")]
fn is_reordered(ranges: &[NumberRange], state: &State, number: u64, threshold: u64) -> bool {
    if threshold == 0 {
        return false;
    }
    let largest = state.expected.saturating_sub(1);
    // Up to here the peer could take everything for lost that it has not heard of.
    let settled = state.reported.saturating_sub(threshold);
    if number < settled {
        return true;
    }
    let mut missing = settled.max(state.floor);
    for range in ranges.iter().take(state.len) {
        if missing < range.start {
            break;
        }
        missing = missing.max(range.end);
    }
    missing < largest && largest - missing >= threshold
}

/// Adds a number that is in no range. Without a place for a further range the lowest one is forgotten.
fn insert(ranges: &mut [NumberRange], state: &mut State, number: u64) {
    let used = ranges.get_mut(..state.len).unwrap_or_default();
    // From the top: what arrives is nearly always recent.
    let higher = used.iter().rev().take_while(|range| range.start > number);
    let at = used.len() - higher.count();
    let (below, above) = used.split_at_mut_checked(at).unwrap_or_default();
    match (below.last_mut(), above.first_mut()) {
        (Some(below), above) if below.end == number => {
            below.end += 1;
            if let Some(above) = above.filter(|above| above.start == below.end) {
                below.end = above.end;
                remove(ranges, state, at);
            }
            return;
        }
        (_, Some(above)) if above.start == number + 1 => {
            above.start = number;
            return;
        }
        _ => {}
    }
    let mut at = at;
    if state.len == ranges.len() {
        if at == 0 {
            state.floor = state.floor.max(number + 1);
            return;
        }
        let lowest = ranges.first().map_or(0, |range| range.end);
        raise_floor(ranges, state, lowest);
        at -= 1;
    }
    let end = number + 1;
    let mut moving = NumberRange { start: number, end };
    state.len += 1;
    for place in ranges.iter_mut().take(state.len).skip(at) {
        core::mem::swap(place, &mut moving);
    }
}

/// Takes the range at `at` out; those above move down.
fn remove(ranges: &mut [NumberRange], state: &mut State, at: usize) {
    let mut moving = NumberRange::EMPTY;
    for place in ranges.iter_mut().take(state.len).skip(at).rev() {
        core::mem::swap(place, &mut moving);
    }
    state.len -= 1;
}

/// Forgets everything below `floor`.
fn raise_floor(ranges: &mut [NumberRange], state: &mut State, floor: u64) {
    state.floor = state.floor.max(floor);
    while let Some(lowest) = ranges.get_mut(..state.len).and_then(<[_]>::first_mut) {
        if lowest.end > state.floor {
            lowest.start = lowest.start.max(state.floor);
            return;
        }
        remove(ranges, state, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Writer;
    use crate::frame_writer::PACKET_TOKENS_MAX;
    use crate::wire::frame::Frames;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::vec::Vec;

    const SPACE: Space = Space::Application;
    const NOW: Instant = Instant::from_micros(1_000_000);

    fn spaces(application: usize) -> NumberSpaces<'static> {
        let table = std::vec![NumberRange::EMPTY; NumberSpaces::ranges(application)].leak();
        NumberSpaces::new((&mut *table).into())
    }

    fn receive(spaces: &mut NumberSpaces<'_>, number: u64) {
        spaces.on_packet_received(NOW, SPACE, number, true, Codepoint::NotEct);
    }

    /// What `on_transmit` writes into `room` bytes at `now`: delay, ranges, ECN counts; and the tokens.
    #[expect(clippy::type_complexity)]
    fn transmit(
        spaces: &mut NumberSpaces<'_>,
        now: Instant,
        room: usize,
        tokens_room: usize,
    ) -> Option<(u64, Vec<RangeInclusive<u64>>, Option<EcnCounts>, Vec<Token>)> {
        let mut buffer = [0; 600];
        let mut tokens = heapless::Vec::<Token, PACKET_TOKENS_MAX>::new();
        let out = Writer::new(&mut buffer[..room]);
        let mut w = FrameWriter::new(out, &mut tokens, tokens_room);
        let written = spaces.on_transmit(now, SPACE, &mut w);
        let length = w.len();
        let mut frames = Frames::new(&buffer[..length]);
        match frames.next() {
            Some(Ok(Frame::Ack(ack))) => {
                assert!(written);
                Some((ack.delay, ack.ranges().collect(), ack.ecn, tokens.to_vec()))
            }
            None => {
                assert!(!written);
                None
            }
            other => panic!("{other:?}"),
        }
    }

    /// Whether each of `numbers` makes an acknowledgement due, which is then sent.
    #[cfg(feature = "ack-frequency")]
    fn due(reordering: u64, numbers: &[u64]) -> Vec<bool> {
        let mut spaces = spaces(32);
        spaces
            .on_ack_frequency(0, 1_000, 20_000, reordering)
            .unwrap();
        let due = |&number: &u64| {
            receive(&mut spaces, number);
            let due = spaces.is_ack_due(NOW, SPACE);
            assert_eq!(due, due && transmit(&mut spaces, NOW, 600, 8).is_some());
            due
        };
        numbers.iter().map(due).collect()
    }

    /// The tables of the draft, section 6.2.1.
    #[cfg(feature = "ack-frequency")]
    #[test]
    fn reordering_is_reported_where_it_matters() {
        let (n, y) = (false, true);
        let three = [0, 1, 3, 4, 5, 8, 9, 10];
        assert_eq!(due(3, &three), [n, n, n, n, y, n, y, y]);
        let five = [0, 1, 3, 5, 6, 7, 8, 9];
        assert_eq!(due(5, &five), [n, n, n, n, n, y, n, y]);
        assert_eq!(due(0, &three), [n; 8]);
        assert_eq!(due(1, &[0, 1, 3, 4, 2]), [n, n, y, n, y]);
        // What comes after it was taken for lost is reported, too.
        assert_eq!(due(3, &[0, 1, 3, 4, 5, 6, 2]), [n, n, n, n, y, n, y]);
    }

    #[cfg(feature = "ack-frequency")]
    #[test]
    fn acknowledgements_are_as_frequent_as_asked_for() {
        let mut spaces = spaces(8);
        spaces.on_ack_frequency(5, 3, 7_000, 1).unwrap();
        // An older request changes nothing, nor does the same one.
        spaces.on_ack_frequency(4, 0, 1_000, 1).unwrap();
        spaces.on_ack_frequency(5, 0, 1_000, 1).unwrap();
        for number in 0..3 {
            receive(&mut spaces, number);
            assert!(!spaces.is_ack_due(NOW, SPACE));
        }
        assert_eq!(spaces.ack_deadline(), NOW.after(7_000));
        receive(&mut spaces, 3);
        assert!(spaces.is_ack_due(NOW, SPACE));
        transmit(&mut spaces, NOW, 600, 8).unwrap();
        // The first of several marks.
        for (number, codepoint, due) in [
            (4, Codepoint::Ce, true),
            (5, Codepoint::Ce, false),
            (6, Codepoint::Ect0, false),
            (7, Codepoint::Ce, true),
        ] {
            spaces.on_packet_received(NOW, SPACE, number, true, codepoint);
            assert_eq!(spaces.is_ack_due(NOW, SPACE), due, "{number}");
            if due {
                transmit(&mut spaces, NOW, 600, 8).unwrap();
            }
        }
        spaces.on_immediate_ack(NOW);
        receive(&mut spaces, 8);
        assert!(spaces.is_ack_due(NOW, SPACE));
        for illegal in [0, MIN_DELAY_US - 1, MAX_DELAY_END_US] {
            let error = spaces.on_ack_frequency(9, 1, illegal, 1).unwrap_err();
            assert_eq!(error.code(), Code::PROTOCOL_VIOLATION);
        }
        assert!(
            spaces
                .on_ack_frequency(9, 1, MAX_DELAY_END_US - 1, 1)
                .is_ok()
        );
    }

    //= rfc9000#13.2.1 test
    #[test]
    fn the_frame_says_what_came_and_how_long_ago() {
        let mut spaces = spaces(4);
        assert_eq!(transmit(&mut spaces, NOW, 600, 8), None);
        for number in [0, 1, 2, 5, 6, 9] {
            receive(&mut spaces, number);
        }
        assert!(spaces.is_ack_due(NOW, SPACE));
        assert_eq!(spaces.largest_received(SPACE), Some(9));
        let later = NOW.after(800);
        let (delay, ranges, ecn, tokens) = transmit(&mut spaces, later, 600, 8).unwrap();
        assert_eq!((delay, ecn), (100, None));
        assert_eq!(ranges, [9..=9, 5..=6, 0..=2]);
        assert_eq!(tokens, [Token::Ack { largest: 9 }]);
        // Said once; a packet that asks for nothing does not make it due again.
        assert_eq!(transmit(&mut spaces, later, 600, 8), None);
        spaces.on_packet_received(later, SPACE, 10, false, Codepoint::NotEct);
        assert!(!spaces.is_ack_due(later.after(1_000_000), SPACE));
        assert_eq!(transmit(&mut spaces, later, 600, 8), None);
        assert_eq!(spaces.ack_deadline(), Instant::NEVER);
    }

    #[test]
    fn without_a_place_for_its_token_the_acknowledgement_still_leaves() {
        let mut spaces = spaces(4);
        receive(&mut spaces, 0);
        let (_, ranges, _, tokens) = transmit(&mut spaces, NOW, 600, 0).unwrap();
        assert_eq!(ranges, [0..=0]);
        assert_eq!(tokens, []);
    }

    #[test]
    fn without_room_the_acknowledgement_stays_due() {
        let mut spaces = spaces(4);
        receive(&mut spaces, 0);
        receive(&mut spaces, 5);
        assert_eq!(transmit(&mut spaces, NOW, 4, 8), None);
        assert!(spaces.is_ack_due(NOW, SPACE));
        let (_, ranges, ..) = transmit(&mut spaces, NOW, 5, 8).unwrap();
        assert_eq!(ranges, [5..=5]);
    }

    //= rfc9000#12.3 test
    #[test]
    fn duplicates_and_forgotten_numbers_are_recognised() {
        let mut spaces = spaces(2);
        receive(&mut spaces, 1);
        receive(&mut spaces, 5);
        assert_eq!(spaces.check(SPACE, 1), Arrival::Duplicate);
        assert_eq!(spaces.check(SPACE, 0), Arrival::New);
        assert_eq!(spaces.check(SPACE, 6), Arrival::New);
        // A third range pushes out the lowest.
        receive(&mut spaces, 9);
        assert_eq!(spaces.check(SPACE, 0), Arrival::Old);
        assert_eq!(spaces.check(SPACE, 1), Arrival::Old);
        assert_eq!(spaces.check(SPACE, 2), Arrival::New);
        assert_eq!(spaces.check(Space::Initial, 1), Arrival::New);
        // One lower than all and without a place is itself forgotten.
        receive(&mut spaces, 3);
        assert_eq!(spaces.check(SPACE, 3), Arrival::Old);
        assert_eq!(spaces.check(SPACE, 4), Arrival::New);
        // Neighbours need no place.
        receive(&mut spaces, 4);
        assert_eq!(spaces.check(SPACE, 4), Arrival::Duplicate);
    }

    //= rfc9000#13.2.4 test
    #[test]
    fn what_the_peer_knows_is_not_said_again() {
        let mut spaces = spaces(8);
        for number in [0, 1, 4, 5, 6, 8] {
            receive(&mut spaces, number);
        }
        spaces.on_ack(SPACE, 5);
        assert_eq!(spaces.check(SPACE, 2), Arrival::Old);
        let (_, ranges, ..) = transmit(&mut spaces, NOW, 600, 8).unwrap();
        assert_eq!(ranges, [8..=8, 6..=6]);
        // An older frame's acknowledgement does not bring anything back.
        spaces.on_ack(SPACE, 1);
        assert_eq!(spaces.check(SPACE, 5), Arrival::Old);
    }

    //= rfc9000#13.4.1 test
    #[test]
    fn marks_are_counted_per_space_and_reported() {
        let mut spaces = spaces(4);
        let marks = [
            Codepoint::Ect0,
            Codepoint::Ce,
            Codepoint::Ect1,
            Codepoint::Ect0,
        ];
        for (number, mark) in marks.into_iter().enumerate() {
            spaces.on_packet_received(NOW, SPACE, number as u64, true, mark);
        }
        let (.., ecn, _) = transmit(&mut spaces, NOW, 600, 8).unwrap();
        let counts = EcnCounts {
            ect0: 2,
            ect1: 1,
            ce: 1,
        };
        assert_eq!(ecn, Some(counts));
    }

    #[test]
    fn many_gaps_ask_for_an_acknowledgement_of_the_acknowledgement() {
        let mut spaces = spaces(4);
        let rtt = 10_000;
        let pings = |spaces: &mut NumberSpaces<'_>, now| {
            let mut buffer = [0; 100];
            let mut tokens = heapless::Vec::new();
            let mut w = FrameWriter::new(Writer::new(&mut buffer), &mut tokens, 8);
            spaces.write_ping(now, SPACE, rtt, &mut w) && w.is_ack_eliciting()
        };
        receive(&mut spaces, 0);
        receive(&mut spaces, 2);
        assert!(!pings(&mut spaces, NOW));
        receive(&mut spaces, 4);
        assert!(pings(&mut spaces, NOW));
        assert!(!pings(&mut spaces, NOW.after(9_000)));
        assert!(pings(&mut spaces, NOW.after(rtt.into())));
        spaces.on_ack(SPACE, 4);
        assert!(!pings(&mut spaces, NOW.after(2 * u64::from(rtt))));
    }

    #[test]
    fn a_table_without_places_harms_nobody() {
        let mut spaces = NumberSpaces::new(Table::empty());
        receive(&mut spaces, 3);
        assert_eq!(spaces.check(SPACE, 3), Arrival::Old);
        assert_eq!(transmit(&mut spaces, NOW, 600, 8), None);
    }

    proptest! {
        /// Against a set of all numbers ever received.
        #[test]
        fn no_packet_is_processed_twice(numbers in prop::collection::vec(0_u64..60, 1..200), acks in prop::collection::vec(0_u64..60, 0..5)) {
            let mut spaces = spaces(5);
            let mut seen = BTreeSet::new();
            for (step, number) in numbers.iter().copied().enumerate() {
                let arrival = spaces.check(SPACE, number);
                prop_assert!(arrival != Arrival::New || !seen.contains(&number));
                prop_assert!(arrival != Arrival::Duplicate || seen.contains(&number));
                if arrival == Arrival::New {
                    receive(&mut spaces, number);
                    seen.insert(number);
                }
                if let Some(ack) = acks.get(step / 40).filter(|_| step % 40 == 39) {
                    spaces.on_ack(SPACE, *ack);
                }
                prop_assert!(spaces.check(SPACE, number) != Arrival::New);
                if let Some((_, ranges, ..)) = transmit(&mut spaces, NOW, 600, 8) {
                    for range in ranges {
                        for number in range {
                            prop_assert!(seen.contains(&number), "acknowledged without having come");
                        }
                    }
                }
            }
        }

        #[test]
        fn with_enough_places_nothing_is_ever_forgotten(numbers in prop::collection::vec(0_u64..40, 1..100)) {
            let mut spaces = spaces(20);
            let mut seen = BTreeSet::new();
            for number in numbers {
                if spaces.check(SPACE, number) == Arrival::New {
                    receive(&mut spaces, number);
                    seen.insert(number);
                }
            }
            let (_, ranges, ..) = transmit(&mut spaces, NOW, 600, 8).unwrap();
            let said: BTreeSet<u64> = ranges.into_iter().flatten().collect();
            prop_assert_eq!(said, seen);
        }
    }
}
