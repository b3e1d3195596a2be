//! Our client with an observer beside it, who knows which way each packet left and which way each acknowledgement came.
//!
//! Invariant: whatever happens to a connection, an acknowledgement or a loss touches the estimates of a path by that
//! path's own packets alone, and a number is used once; a breach panics where it happens.

use super::Mover;
use quicpro_core::Instant;
use quicpro_core::connection::{PathId, PathStats};
use quicpro_core::mem::Object;
use quicpro_core::trace::{Event, Sink};
use quicpro_core::wire::packet::{Kind, Space};
use quicpro_tests::pair::ours::Ours;
use quicpro_tests::pair::{Arrival, CLIENT, Party, Transmit};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// The client's address and the server's, as the client has them.
pub type Way = (SocketAddr, SocketAddr);

/// What the engine told during one call.
#[derive(Default)]
struct Notes {
    sent: Vec<(u64, u32)>,
    acknowledged: Vec<u64>,
    lost: Vec<u64>,
}

#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Notes>>);

impl Sink for Ear {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        let mut notes = self.0.lock().unwrap();
        match event {
            Event::PacketSent(packet) if packet.kind == Kind::Short => {
                let size = u32::try_from(packet.size).expect("a datagram");
                notes.sent.push((packet.number, size));
            }
            Event::PacketAcknowledged {
                space: Space::Application,
                number,
            } => notes.acknowledged.push(*number),
            Event::PacketLost {
                space: Space::Application,
                number,
                ..
            } => notes.lost.push(*number),
            _ => {}
        }
    }
}

/// A packet that left.
struct Sent {
    way: Way,
    size: u32,
}

/// An acknowledged packet.
#[derive(Clone, Copy, Debug)]
pub struct Covered {
    /// Its number.
    pub number: u64,
    /// How it had left.
    pub left: Way,
    /// How the acknowledgement came.
    pub came: Way,
}

/// Our client, and what the observer saw.
pub struct Ledger {
    pub ours: Ours<Mover>,
    ear: Ear,
    sent: BTreeMap<u64, Sent>,
    pub covered: Vec<Covered>,
    /// Acknowledgements, or losses, of other paths' packets alone, while a path was in use that they must not touch.
    pub alone: usize,
    /// The longest smoothed round-trip time of the path in use since the last [`Ledger::forget_extremes`].
    pub rtt_max: std::time::Duration,
    /// Names of all paths that were ever in use.
    pub used: Vec<PathId>,
}

impl Ledger {
    pub fn new(mut ours: Ours<Mover>) -> Self {
        let ear = Ear::default();
        let sink = Object::Owned(Box::new(ear.clone()) as Box<dyn Sink>);
        ours.connection.set_sink(sink);
        Self {
            ours,
            ear,
            sent: BTreeMap::new(),
            covered: Vec::new(),
            alone: 0,
            rtt_max: std::time::Duration::ZERO,
            used: Vec::new(),
        }
    }

    /// The largest number so far.
    pub fn last(&self) -> u64 {
        *self.sent.keys().next_back().expect("a packet was sent")
    }

    /// Packets that left one way.
    pub fn left(&self, way: Way) -> usize {
        self.sent.values().filter(|sent| sent.way == way).count()
    }

    /// Packets that left one way and were acknowledged by what came another.
    pub fn covered(&self, left: Way, came: Way) -> usize {
        let is_it = |covered: &&Covered| covered.left == left && covered.came == came;
        self.covered.iter().filter(is_it).count()
    }

    /// Extremes are looked for from now on.
    pub fn forget_extremes(&mut self) {
        self.rtt_max = std::time::Duration::ZERO;
    }

    fn active(&self) -> PathStats {
        let connection = &self.ours.connection;
        let stats = connection.path(connection.active_path());
        stats.expect("there is always a path in use")
    }

    /// Holds what an incoming datagram or a timeout did against what it may do.
    fn judge(&mut self, before: &PathStats, came: Option<Way>) {
        let notes = std::mem::take(&mut *self.ear.0.lock().unwrap());
        assert!(notes.sent.is_empty(), "input sends nothing");
        let after = self.active();
        self.rtt_max = self.rtt_max.max(after.rtt);
        let own_way = way_of(&after);
        let (mut own, mut others, mut own_bytes, mut own_lost) = (0, 0, 0, 0);
        for number in notes.acknowledged {
            let sent = &self.sent[&number];
            let left = sent.way;
            if left == own_way {
                own += 1;
                own_bytes += sent.size;
            } else {
                others += 1;
            }
            if let Some(came) = came {
                self.covered.push(Covered { number, left, came });
            }
        }
        for number in notes.lost {
            if self.sent[&number].way == own_way {
                own_lost += 1;
            } else {
                others += 1;
            }
        }
        if others == 0 || before.id != after.id {
            return;
        }
        if own + own_lost == 0 {
            self.alone += 1;
            assert_eq!(
                (after.rtt, after.window, after.in_flight, after.datagram),
                (before.rtt, before.window, before.in_flight, before.datagram),
                "packets of another path touched this one"
            );
        }
        // Slow start adds what was acknowledged, congestion avoidance less; a window of ten packets counts longer ones
        // once the path was found to carry them.
        let longer = u32::from(after.datagram - before.datagram) * 10;
        assert!(
            after.window <= before.window + own_bytes + longer,
            "{} from {}, with {own_bytes} bytes of its own",
            after.window,
            before.window
        );
        assert!(
            own_lost > 0 || after.window >= before.window,
            "another path's losses"
        );
    }
}

fn way_of(stats: &PathStats) -> Way {
    (stats.local.unwrap_or(CLIENT), stats.remote)
}

impl Party for Ledger {
    fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]) {
        let before = self.active();
        self.ours.handle_datagram(now, arrival, datagram);
        self.judge(&before, Some((arrival.to, arrival.from)));
    }

    fn handle_timeout(&mut self, now: Instant) {
        let before = self.active();
        self.ours.handle_timeout(now);
        self.judge(&before, None);
    }

    fn run_application(&mut self, now: Instant) {
        self.ours.run_application(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        let transmit = self.ours.poll_transmit(now, out)?;
        let notes = std::mem::take(&mut *self.ear.0.lock().unwrap());
        let way = (transmit.from.unwrap_or(CLIENT), transmit.to);
        for (number, size) in notes.sent {
            let is_new = self
                .sent
                .last_key_value()
                .is_none_or(|last| *last.0 < number);
            assert!(is_new, "number {number} came after {}", self.last());
            self.sent.insert(number, Sent { way, size });
        }
        let active = self.active().id;
        if self.used.last() != Some(&active) {
            self.used.push(active);
        }
        Some(transmit)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.ours.poll_timeout()
    }
}
