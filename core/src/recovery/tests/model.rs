//! A path in virtual time: a bottleneck with a queue, random loss, reordering, and a receiver that delays acknowledgements.
//!
//! Invariant: what happens follows from the numbers given, packet by packet.

use super::*;
use crate::recovery::congestion::Congestion;
use std::collections::{BTreeMap, VecDeque};

/// What the path is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terrain {
    /// Bytes per second of the bottleneck.
    pub(super) rate: u64,
    /// Round trip without a queue, microseconds.
    pub(super) rtt_us: u64,
    /// Bytes that wait at most.
    pub(super) queue: u64,
    /// Packets lost, of 10,000.
    pub(super) loss: u64,
    /// Of 10,000 packets so many are overtaken, by up to so many others.
    pub(super) reordered: (u64, u64),
    /// Bytes in the queue from which on packets are marked.
    pub(super) mark_above: u64,
}

impl Terrain {
    /// 50 Mbit/s and 40 ms, with so many tenths of a bandwidth-delay product of queue.
    pub(super) fn new(queue_tenths: u64) -> Self {
        Self {
            rate: 6_250_000,
            rtt_us: 40_000,
            queue: 25_000 * queue_tenths,
            loss: 0,
            reordered: (0, 0),
            mark_above: u64::MAX,
        }
    }
}

/// A packet on its way.
#[derive(Clone, Copy)]
struct Flying {
    number: u64,
    capable: bool,
    marked: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Course {
    /// Bytes that arrived.
    pub(super) delivered: u64,
    /// Bytes in the queue at each arrival since the last call.
    pub(super) queue_max: u64,
    pub(super) dropped: u64,
    pub(super) sent: u64,
}

pub(super) struct Model {
    pub(super) bench: Bench,
    pub(super) terrain: Terrain,
    pub(super) course: Course,
    pub(super) now: u64,
    /// Queue at each departure since the last call, in tenths of milliseconds.
    pub(super) queues: Vec<u64>,
    /// The application has nothing to send.
    pub(super) is_idle: bool,
    random: u64,
    busy_until: u64,
    flying: BTreeMap<(u64, u64), Flying>,
    acks: VecDeque<(u64, Vec<core::ops::RangeInclusive<u64>>, EcnCounts)>,
    received: Vec<core::ops::RangeInclusive<u64>>,
    counts: EcnCounts,
    unacknowledged: u32,
    ack_at: u64,
    order: u64,
}

impl Model {
    pub(super) fn new(congestion: &Congestion, ecn: Ecn, terrain: Terrain) -> Self {
        let mut bench = Bench::new(Side::Client, 8_192);
        bench.recovery.configure(congestion, ecn, 7);
        bench.recovery.start(at(0));
        bench.recovery.on_handshake_keys();
        bench.recovery.on_handshake_confirmed();
        bench.recovery.discard_space(at(0), Initial);
        bench.recovery.discard_space(at(0), Handshake);
        Self {
            bench,
            terrain,
            course: Course::default(),
            now: 0,
            queues: Vec::new(),
            is_idle: false,
            random: 0x9E37_79B9_7F4A_7C15,
            busy_until: 0,
            flying: BTreeMap::new(),
            acks: VecDeque::new(),
            received: Vec::new(),
            counts: EcnCounts::default(),
            unacknowledged: 0,
            ack_at: u64::MAX,
            order: 0,
        }
    }

    fn chance(&mut self, of_10_000: u64) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 10_000 < of_10_000
    }

    /// Lets `us` microseconds pass; returns what happened in them.
    pub(super) fn run(&mut self, us: u64) -> Course {
        let end = self.now + us;
        let before = self.course;
        self.course.queue_max = 0;
        self.queues.clear();
        loop {
            self.send();
            let deadline = self.bench.recovery.deadline().at.as_micros();
            let arrival = self
                .flying
                .first_key_value()
                .map_or(u64::MAX, |(key, _)| key.0);
            let ack = self.acks.front().map_or(u64::MAX, |(time, ..)| *time);
            let next = deadline.min(arrival).min(ack).min(self.ack_at);
            if next > end {
                self.now = end;
                break;
            }
            self.now = self.now.max(next);
            self.step();
        }
        Course {
            delivered: self.course.delivered - before.delivered,
            dropped: self.course.dropped - before.dropped,
            sent: self.course.sent - before.sent,
            ..self.course
        }
    }

    fn step(&mut self) {
        let now = Instant::from_micros(self.now);
        while let Some(entry) = self.flying.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let packet = entry.remove();
            self.receive(packet);
        }
        if self.ack_at <= self.now {
            self.acknowledge();
        }
        while self
            .acks
            .front()
            .is_some_and(|(time, ..)| *time <= self.now)
        {
            let (_, ranges, counts) = self.acks.pop_front().unwrap();
            let mut buffer = [0; 1_000];
            let mut writer = Writer::new(&mut buffer);
            let counts = (counts.ect0 + counts.ce > 0).then_some(counts);
            Ack::encode_ranges(&mut writer, 0, ranges.into_iter().rev(), counts).unwrap();
            let Some(Ok(Frame::Ack(ack))) = Frames::new(writer.written()).next() else {
                panic!("an ACK frame was written");
            };
            self.bench
                .recovery
                .on_ack(now, Application, &ack, &mut |_, _, _| {})
                .unwrap();
        }
        self.bench.recovery.on_timeout(now, &mut |_, _, _| {});
    }

    fn send(&mut self) {
        let now = Instant::from_micros(self.now);
        loop {
            let recovery = &mut self.bench.recovery;
            if recovery.probes(Application) == 0
                && (self.is_idle || !matches!(recovery.budget(now), Budget::Bytes(_)))
            {
                return;
            }
            assert!(recovery.room(Application, Purpose::Probe, &mut |_, _, _| {}) > 0);
            let number = recovery.next_number(Application);
            let marked = recovery.is_marking(Application);
            let packet = Packet {
                size: DATAGRAM.into(),
                ack_eliciting: true,
                in_flight: true,
                path: Slot::FIRST,
                tokens: &[],
            };
            recovery.on_packet_sent(now, Application, &packet);
            if recovery.wants_skipped() {
                recovery.choose_skipped(self.random);
            }
            self.transport(number, marked);
        }
    }

    /// The bottleneck, and what lies behind it.
    fn transport(&mut self, number: u64, marked: bool) {
        let size = u64::from(DATAGRAM);
        let waiting = self.busy_until.saturating_sub(self.now) * self.terrain.rate / 1_000_000;
        self.course.sent += 1;
        self.course.queue_max = self.course.queue_max.max(waiting);
        self.queues.push(waiting);
        if waiting + size > self.terrain.queue.max(size) || self.chance(self.terrain.loss) {
            self.course.dropped += 1;
            return;
        }
        let capable = marked;
        let marked = capable && waiting > self.terrain.mark_above;
        let line_us = size * 1_000_000 / self.terrain.rate;
        self.busy_until = self.busy_until.max(self.now) + line_us;
        let mut arrival = self.busy_until + self.terrain.rtt_us / 2;
        let (chance, distance) = self.terrain.reordered;
        if self.chance(chance) {
            arrival += line_us * (3 + self.random % (distance - 2));
        }
        self.order += 1;
        self.flying.insert(
            (arrival, self.order),
            Flying {
                number,
                capable,
                marked,
            },
        );
    }

    fn receive(&mut self, packet: Flying) {
        self.course.delivered += u64::from(DATAGRAM);
        if packet.marked {
            self.counts.ce += 1;
        } else {
            self.counts.ect0 += u64::from(packet.capable);
        }
        let in_order = self
            .received
            .last()
            .is_some_and(|range| range.end() + 1 == packet.number);
        let at = self
            .received
            .partition_point(|range| *range.start() < packet.number);
        self.received.insert(at, packet.number..=packet.number);
        let mut joined: Vec<core::ops::RangeInclusive<u64>> = Vec::new();
        for range in self.received.drain(..) {
            match joined.last_mut() {
                Some(last) if last.end() + 1 == *range.start() => {
                    *last = *last.start()..=*range.end();
                }
                _ => joined.push(range),
            }
        }
        let excess = joined.len().saturating_sub(32);
        self.received = joined.split_off(excess);
        self.unacknowledged += 1;
        self.ack_at = self.ack_at.min(self.now + 25_000);
        if self.unacknowledged >= 2 || !in_order {
            self.acknowledge();
        }
    }

    fn acknowledge(&mut self) {
        self.unacknowledged = 0;
        self.ack_at = u64::MAX;
        let time = self.now + self.terrain.rtt_us / 2;
        self.acks
            .push_back((time, self.received.clone(), self.counts));
    }
}
