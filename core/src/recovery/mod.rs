//! Loss detection and congestion control of a connection (RFC 9002): the sending half of all packet number spaces.
//!
//! ```text
//! room, budget ─► packet built ─► on_packet_sent ─► on_ack ──► Outcome::Acknowledged ┐ per token,
//!                                        └────────► on_timeout ► Outcome::Lost       ┘ to its owner
//! ```
//!
//! Packets are numbered per space and judged per path: whether they are lost, how fast and how many may follow.
//! Invariant: a path's `in_flight` is the sum of the sizes of all its outstanding records.

pub mod congestion;
#[cfg(feature = "bbr")]
mod delivery;
mod ecn;
mod loss;
#[cfg(feature = "pmtud")]
mod mtu;
mod pacer;
mod path;
mod persistent;
mod pto;
pub mod rtt;
mod sent;
mod skipped;
mod slot;
mod spurious;
mod token;

#[cfg(feature = "bbr")]
pub use delivery::SnapshotWords;
pub use ecn::{Codepoint, Ecn};
pub use loss::AckSummary;
#[cfg(feature = "migration")]
pub use path::Estimates;
pub use pto::{Cause, Deadline, Timeout};
pub use sent::{SentMemory, SentPacket};
pub use slot::{PATHS_MAX, Slot};
pub use token::Token;

use crate::time::Instant;
use crate::wire::Side;
use crate::wire::packet::Space;
#[cfg(feature = "sink")]
use congestion::Algorithm as _;
use congestion::{Congestion, Utilisation};
use ecn::Tally;
use path::{Path, Paths};
use rtt::Rtt;
use sent::{Fate, Ring, RingState, Sent};
use skipped::Skipped;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived. May follow a loss that turned out to be none.
    Acknowledged,
    /// It is to be said again if it is still true.
    Lost,
}

/// Told of every token whose packet met its fate.
pub type OnOutcome<'a> = dyn FnMut(Space, Outcome, Token) + 'a;

/// Why a packet is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Ordinary traffic, which leaves the last places to the others.
    Data,
    /// A probe, or an acknowledgement that has to be padded: gets a place whatever happens.
    Probe,
}

/// What congestion control and pacing let leave now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// A full datagram at least; so many bytes of the congestion window are free.
    Bytes(u32),
    /// The congestion window is used up; an acknowledgement or a probe timeout changes that.
    WindowFull,
    /// More may leave at this time, which is also among the deadlines.
    Paced(Instant),
}

/// A packet that was built.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Bytes from the first of its header to the last of its tag.
    pub size: usize,
    /// The peer will acknowledge it.
    pub ack_eliciting: bool,
    /// It counts towards bytes in flight: ack-eliciting, or padded.
    pub in_flight: bool,
    /// Where the path is on which it leaves.
    pub path: Slot,
    /// What it carries that somebody wants to hear of.
    pub tokens: &'a [Token],
}

/// Counts since the connection began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets declared lost.
    pub lost: u32,
    /// Of these, acknowledged afterwards.
    pub spurious: u32,
    /// Records given up to make room for a probe.
    pub retired: u32,
    /// Times that data waited for a place in the table of sent packets.
    pub table_full: u32,
    /// Probe timeouts.
    pub probe_timeouts: u32,
    /// Times that persistent congestion was established.
    pub persistent_congestion: u32,
}

/// One packet number space.
#[derive(Clone, Copy, Debug)]
struct SpaceState {
    next_number: u64,
    /// One more than the largest number that was acknowledged, 0 before the first.
    acknowledged_end: u64,
    /// Lost packets below have made their persistent congestion known.
    persistent_end: u64,
    /// When the oldest packet that is late becomes lost.
    loss_time: Instant,
    last_ack_eliciting: Instant,
    ring: RingState,
    ack_eliciting_in_flight: u32,
    /// Probes that are still to be sent.
    probes: u8,
}

impl SpaceState {
    const NEW: Self = Self {
        next_number: 0,
        acknowledged_end: 0,
        persistent_end: 0,
        loss_time: Instant::NEVER,
        last_ack_eliciting: Instant::ZERO,
        ring: RingState::EMPTY,
        ack_eliciting_in_flight: 0,
        probes: 0,
    };
}

/// The sending half of all packet number spaces, and the paths they use.
pub struct Recovery<'m> {
    memory: SentMemory<'m>,
    spaces: [SpaceState; 3],
    paths: Paths,
    /// The marks of the application space.
    tally: Tally,
    /// Its numbers that were not used.
    skipped: Skipped,
    /// What makes the controllers of further paths.
    #[cfg(feature = "migration")]
    congestion: Congestion,
    #[cfg(feature = "migration")]
    seed: u64,
    pto_count: u8,
    /// How long the peer may hold acknowledgements back.
    max_ack_delay_us: u32,
    ack_delay_exponent: u8,
    /// Bytes of the largest datagram that may be tried.
    #[cfg(feature = "pmtud")]
    datagram_max: u16,
    handshake_keys: bool,
    handshake_confirmed: bool,
    /// The peer may send as much as it likes, so silence of ours cannot stop it.
    peer_validated: bool,
    /// Where the timer of a client starts that has nothing in flight and an unsure server.
    anti_deadlock_from: Instant,
    stats: Stats,
}

impl<'m> Recovery<'m> {
    /// Nothing sent yet; full datagrams have `datagram` bytes.
    pub fn new(side: Side, memory: SentMemory<'m>, ecn: Ecn, datagram: u16) -> Self {
        let controller = Congestion::NewReno.controller(datagram, 0);
        Self {
            memory,
            spaces: [SpaceState::NEW; 3],
            paths: Paths::new(Path::new(Instant::ZERO, controller, ecn, datagram)),
            tally: Tally::NEW,
            skipped: Skipped::NONE,
            #[cfg(feature = "migration")]
            congestion: Congestion::NewReno,
            #[cfg(feature = "migration")]
            seed: 0,
            pto_count: 0,
            max_ack_delay_us: MAX_ACK_DELAY_US,
            ack_delay_exponent: ACK_DELAY_EXPONENT_DEFAULT,
            #[cfg(feature = "pmtud")]
            datagram_max: 0,
            handshake_keys: false,
            handshake_confirmed: false,
            peer_validated: side == Side::Server,
            anti_deadlock_from: Instant::ZERO,
            stats: Stats::default(),
        }
    }

    /// Chooses how congestion is controlled and whether packets are marked, before anything is sent. What is to
    /// differ between connections follows from `seed`.
    pub fn configure(&mut self, congestion: &Congestion, ecn: Ecn, seed: u64) {
        let path = self.paths.active_mut();
        path.controller = congestion.controller(path.datagram, seed);
        path.ecn = ecn;
        #[cfg(feature = "migration")]
        {
            self.congestion = congestion.clone();
            self.seed = seed;
        }
    }

    /// Time begins: nothing that was done before counts.
    pub fn start(&mut self, now: Instant) {
        self.paths.active_mut().start(now);
        self.anti_deadlock_from = now;
    }

    /// The number that the next packet of `space` gets.
    pub fn next_number(&self, space: Space) -> u64 {
        self.spaces[space.index()].next_number
    }

    /// The largest number of `space` that the peer acknowledged.
    pub fn largest_acknowledged(&self, space: Space) -> Option<u64> {
        self.spaces[space.index()].acknowledged_end.checked_sub(1)
    }

    /// Tokens that the next packet of `space` may carry; 0 if only a pure ACK or CONNECTION_CLOSE can leave.
    ///
    /// Asked right before a packet is built. Settled records make room first; for a probe, the oldest
    /// outstanding one does too: its tokens are lost, without a congestion signal.
    pub fn room(&mut self, space: Space, purpose: Purpose, outcome: &mut OnOutcome<'_>) -> usize {
        let (packets, tokens) = match space {
            Space::Application => (RESERVED_PACKETS, RESERVED_TOKENS),
            Space::Initial | Space::Handshake => (RESERVED_PACKETS / 2, RESERVED_TOKENS / 2),
        };
        let (packets, tokens, kept) = match purpose {
            Purpose::Data => (packets + 1, tokens + 1, tokens),
            Purpose::Probe => (1, tokens, 0),
        };
        loop {
            let mut ring = self
                .memory
                .ring(space, &mut self.spaces[space.index()].ring);
            if ring.free_packets() >= packets && ring.free_tokens() >= tokens {
                return ring.free_tokens() - kept;
            }
            if ring.len() == 0 {
                return 0;
            }
            if ring.fate(0).is_outstanding() {
                if purpose == Purpose::Data {
                    // A full table says nothing about the path.
                    self.paths.active_mut().utilisation = Utilisation::Limited;
                    self.stats.table_full += 1;
                    return 0;
                }
                self.retire(space, outcome);
            } else {
                ring.pop_front();
            }
        }
    }

    /// What may leave now on the path in use. A refusal also marks the window as used, so that it may grow.
    pub fn budget(&mut self, now: Instant) -> Budget {
        self.paths.active_mut().budget(now)
    }

    /// Probes that `space` still has to send: ack-eliciting packets that no budget stops.
    //= rfc9002#7.5
    pub fn probes(&self, space: Space) -> u8 {
        self.spaces[space.index()].probes
    }

    /// Whether nothing of `space` waits for an acknowledgement.
    pub fn is_silent(&self, space: Space) -> bool {
        self.spaces[space.index()].ack_eliciting_in_flight == 0
    }

    /// Where the path in use is.
    pub const fn active(&self) -> Slot {
        self.paths.active_slot()
    }

    /// Whether packets of `space` are to leave with ECT(0) on the path in use.
    pub fn is_marking(&self, space: Space) -> bool {
        space == Space::Application && self.paths.active().ecn.is_marking()
    }

    /// Whether packets of the application space are to leave with ECT(0) on the path in `slot`.
    #[cfg(feature = "migration")]
    pub fn is_marking_on(&self, slot: Slot) -> bool {
        self.paths
            .get(slot)
            .is_some_and(|path| path.ecn.is_marking())
    }

    /// A number is to be chosen that will not be used: [`Recovery::choose_skipped`] waits for randomness.
    pub fn wants_skipped(&self) -> bool {
        self.skipped.wants_choice()
    }

    /// Chooses the next number of the application space that will not be used.
    //= rfc9000#21.4
    pub fn choose_skipped(&mut self, random: u64) {
        let number = self.next_number(Space::Application);
        self.skipped.choose(number, random);
    }

    /// Takes the packet that was built with [`Recovery::next_number`].
    pub fn on_packet_sent(&mut self, now: Instant, space: Space, packet: &Packet<'_>) {
        let state = &mut self.spaces[space.index()];
        let number = state.next_number;
        state.next_number += 1;
        if space == Space::Application {
            state.next_number = self.skipped.after(state.next_number);
        }
        let is_active = packet.path == self.paths.active_slot();
        let Some(path) = self.paths.get_mut(packet.path) else {
            return;
        };
        let marked = space == Space::Application && path.ecn.is_marking();
        if marked {
            path.ecn.on_sent();
            self.tally.on_sent();
        }
        if !packet.in_flight {
            return;
        }
        let size = u16::try_from(packet.size).unwrap_or(u16::MAX);
        let record = Sent {
            number,
            time: now,
            size,
            fate: Fate::Outstanding,
            ack_eliciting: packet.ack_eliciting,
            marked,
            probe: path.is_mtu_probe(space, size),
            path: packet.path,
        };
        let mut ring = self.memory.ring(space, &mut state.ring);
        let recorded = ring.push(&record, packet.tokens);
        debug_assert!(recorded, "a packet was built without asking for room");
        if !recorded {
            return;
        }
        if packet.ack_eliciting {
            state.last_ack_eliciting = now;
            state.ack_eliciting_in_flight += 1;
            // What tries another path, or another size, is no sign of life for this one.
            state.probes -= u8::from(state.probes > 0 && is_active && !record.probe);
        }
        self.anti_deadlock_from = now;
        #[cfg(feature = "pmtud")]
        if space == Space::Application {
            path.mtu.on_sent(size);
        }
        path.on_sent(now, size.into());
        #[cfg(feature = "bbr")]
        if let Some(snapshot) = path.snapshot(now, size.into()) {
            ring.set_last_snapshot(snapshot);
        }
    }

    /// The transport parameters of the peer that concern its acknowledgements.
    pub fn on_peer_parameters(&mut self, max_ack_delay_us: u32, ack_delay_exponent: u8) {
        self.max_ack_delay_us = max_ack_delay_us;
        self.ack_delay_exponent = ack_delay_exponent;
    }

    /// The peer may hold acknowledgements back for so long from now on: it was asked to.
    #[cfg(feature = "ack-frequency")]
    pub fn set_max_ack_delay(&mut self, max_ack_delay_us: u32) {
        self.max_ack_delay_us = max_ack_delay_us;
    }

    /// The peer may hold acknowledgements back for so long, if it heard of the request, or for as long as before.
    #[cfg(feature = "ack-frequency")]
    pub fn raise_max_ack_delay(&mut self, max_ack_delay_us: u32) {
        self.max_ack_delay_us = self.max_ack_delay_us.max(max_ack_delay_us);
    }

    /// Handshake packets can be sent from now on.
    pub fn on_handshake_keys(&mut self) {
        self.handshake_keys = true;
    }

    /// From now on the application space has probe timeouts.
    pub fn on_handshake_confirmed(&mut self) {
        self.handshake_confirmed = true;
        self.peer_validated = true;
    }

    /// The size of a full datagram changed on the path in use.
    pub fn set_datagram_size(&mut self, now: Instant, datagram: u16) {
        self.paths.active_mut().set_datagram_size(now, datagram);
    }

    /// The keys of `space` are gone, and with them all its packets.
    //= rfc9002#6.4
    pub fn discard_space(&mut self, now: Instant, space: Space) {
        self.restart_space(now, space);
        self.handshake_keys |= space == Space::Initial;
    }

    /// The packets of `space` will never be acknowledged, which says nothing about the path: a Retry
    /// came, or 0-RTT was rejected. Their owners start again by themselves. Numbers go on.
    //= rfc9002#6.3
    pub fn restart_space(&mut self, now: Instant, space: Space) {
        let state = &mut self.spaces[space.index()];
        let mut ring = self.memory.ring(space, &mut state.ring);
        while ring.len() > 0 {
            let packet = ring.packet(0);
            if packet.fate.is_outstanding() {
                self.paths.forget(&packet);
            }
            ring.pop_front();
        }
        state.ack_eliciting_in_flight = 0;
        state.loss_time = Instant::NEVER;
        state.probes = 0;
        self.pto_count = 0;
        self.anti_deadlock_from = now;
    }

    /// The round-trip time of the path in use.
    pub fn rtt(&self) -> &Rtt {
        &self.paths.active().rtt
    }

    /// The probe timeout of the application space without backoff, in microseconds: the unit of most other
    /// timers.
    pub fn probe_timeout_us(&self) -> u32 {
        self.rtt().pto_us() + self.max_ack_delay_us
    }

    /// The congestion window of the path in use, in bytes.
    pub fn window(&self) -> u32 {
        self.paths.active().window()
    }

    /// Bytes sent on the path in use and neither acknowledged nor lost.
    pub fn bytes_in_flight(&self) -> u32 {
        self.paths.active().in_flight
    }

    /// Probe timeouts in a row.
    pub const fn pto_count(&self) -> u8 {
        self.pto_count
    }

    /// Counts since the connection began.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Bytes of a full datagram on the path in use.
    pub fn datagram_size(&self) -> u16 {
        self.paths.active().datagram
    }

    /// What a sink is told of the estimates.
    #[cfg(feature = "sink")]
    pub fn metrics(&self) -> crate::trace::Metrics {
        let path = self.paths.active();
        // What is assumed before the first sample was not measured.
        let is_measured = path.rtt.first_sample() != Instant::NEVER;
        let measured = |time_us: u32| if is_measured { time_us } else { 0 };
        crate::trace::Metrics {
            rtt_latest_us: measured(path.rtt.latest_us()),
            rtt_us: measured(path.rtt.smoothed_us()),
            rtt_min_us: measured(path.rtt.min_us()),
            rtt_variation_us: measured(path.rtt.variation_us()),
            pto_count: self.pto_count,
            window: path.window(),
            in_flight: path.in_flight,
            threshold: path.controller.threshold(),
            pacing_rate: path.pacer.bytes_per_second(),
        }
    }

    /// The congestion controller's name.
    #[cfg(feature = "sink")]
    pub fn congestion_control(&self) -> &'static str {
        self.paths.active().controller.name()
    }

    /// The congestion controller's phase, in the words of its specification.
    #[cfg(feature = "sink")]
    pub fn phase(&self) -> &'static str {
        self.paths.active().controller.phase()
    }

    /// Gives up the oldest record of `space`, which is outstanding.
    fn retire(&mut self, space: Space, outcome: &mut OnOutcome<'_>) {
        let state = &mut self.spaces[space.index()];
        let mut ring = self.memory.ring(space, &mut state.ring);
        report_lost(&ring, space, 0, outcome);
        let packet = ring.packet(0);
        ring.pop_front();
        state.ack_eliciting_in_flight -= u32::from(packet.ack_eliciting);
        self.paths.forget(&packet);
        #[cfg(feature = "pmtud")]
        if packet.probe
            && let Some(path) = self.paths.get_mut(packet.path)
        {
            path.mtu.on_probe_forgotten();
        }
        self.stats.retired += 1;
    }
}

/// Reports the tokens of a record as lost, unless a probe already did.
fn report_lost(ring: &Ring<'_>, space: Space, index: usize, outcome: &mut OnOutcome<'_>) {
    if ring.fate(index) != Fate::Repeated {
        for token in ring.tokens(index) {
            outcome(space, Outcome::Lost, token);
        }
    }
}

/// Places in the table of sent packets that ordinary data leaves to probes of all kinds: two per probe
/// timeout, and as many again before the first is acknowledged. Half of it in the handshake's spaces.
const RESERVED_PACKETS: usize = 4;

/// Tokens that go with them: a probe repeats little.
const RESERVED_TOKENS: usize = 8;

/// The peer's max_ack_delay while its transport parameters are not known (RFC 9000 §18.2).
const MAX_ACK_DELAY_US: u32 = 25_000;

/// The peer's ack_delay_exponent while its transport parameters are not known (RFC 9000 §18.2).
const ACK_DELAY_EXPONENT_DEFAULT: u8 = 3;

#[cfg(test)]
mod tests;
