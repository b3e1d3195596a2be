//! Flow control (RFC 9000 §4): how much the peer may send, how much we may, and who gets the window.
//!
//! Invariants: the peer's connection limit never exceeds what was consumed plus the pool's guarantee; the
//! request streams' unread allowances together never exceed the window without the engine's part, so an
//! unread stream never blocks another.

use super::receiver::Receiver;
use crate::time::{Duration, Instant};

/// What the peer may send on all streams together.
#[derive(Debug)]
pub(super) struct ReceiveCredit {
    /// Bytes that the pool holds in any order of arrival.
    window: u64,
    /// The limit the peer knows.
    told: u64,
    /// Sum of the highest offsets of all streams, at most `told`.
    received: u64,
    /// Bytes read or discarded.
    consumed: u64,
    /// Credit that is worth a frame of its own.
    worthwhile: u64,
}

impl ReceiveCredit {
    pub fn new(window: u64, full_window: u64, engine_window: u64) -> Self {
        Self {
            window,
            told: window,
            received: 0,
            consumed: 0,
            worthwhile: (full_window / 4).min(engine_window).max(1),
        }
    }

    /// The limit the peer knows.
    pub fn told(&self) -> u64 {
        self.told
    }

    /// The limit the peer could know.
    pub fn limit(&self) -> u64 {
        self.told.max(self.consumed + self.window)
    }

    /// Whether the peer may send `count` more bytes.
    pub fn admits(&self, count: u64) -> bool {
        count <= self.told - self.received
    }

    pub fn on_received(&mut self, count: u64) {
        debug_assert!(self.admits(count), "checked before");
        self.received += count;
    }

    pub fn on_consumed(&mut self, count: u64) {
        self.consumed += count;
        debug_assert!(self.consumed <= self.received, "only what came is consumed");
    }

    pub fn set_window(&mut self, window: u64) {
        self.window = window;
    }

    pub fn on_told(&mut self, limit: u64) {
        self.told = limit;
    }

    /// There is enough to tell, or the peer can do nothing before it is told.
    pub fn is_update_due(&self) -> bool {
        let more = self.limit() - self.told;
        more >= self.worthwhile || (more > 0 && self.received == self.told)
    }

    /// Bytes that arrived and were not consumed.
    pub fn unread(&self) -> u64 {
        self.received - self.consumed
    }
}

/// What we may send on all streams together.
#[derive(Debug, Default)]
pub(super) struct SendCredit {
    limit: u64,
    sent: u64,
    /// DATA_BLOCKED was said, or is to be said, for `limit`.
    is_blocked_told: bool,
}

impl SendCredit {
    pub fn limit(&self) -> u64 {
        self.limit
    }

    pub fn available(&self) -> u64 {
        self.limit - self.sent
    }

    /// A higher limit arrived; lower ones are old.
    pub fn raise(&mut self, limit: u64) {
        if limit > self.limit {
            self.limit = limit;
            self.is_blocked_told = false;
        }
    }

    pub fn on_sent(&mut self, count: u64) {
        debug_assert!(count <= self.available(), "asked before");
        self.sent += count;
    }

    /// Whether this is the first time that the present limit blocks.
    pub fn on_blocked(&mut self) -> bool {
        !core::mem::replace(&mut self.is_blocked_told, true)
    }
}

/// How the window is divided among request streams.
///
/// Every request slot, used or not, owns its initial share. What lies beyond is lent: to streams whose
/// reader keeps up, by doubling, and back by not renewing. A window has at most 1 GiB, so 32 bits count it.
#[derive(Debug)]
pub(super) struct Budget {
    initial: u32,
    /// Bytes beyond all initial shares.
    growth: u32,
    /// The part of `growth` that streams hold now.
    used: u32,
    /// Streams that aim at more than the initial share.
    growing: u32,
}

impl Budget {
    /// `window` bytes for `requests` streams that begin with `initial` each.
    pub fn new(window: u32, requests: u32, initial: u32) -> Self {
        let owned = requests.saturating_mul(initial);
        debug_assert!(owned <= window, "limits are checked");
        Self {
            initial,
            growth: window.saturating_sub(owned),
            used: 0,
            growing: 0,
        }
    }

    /// What a request stream may hold from the start.
    pub fn initial(&self) -> u64 {
        self.initial.into()
    }

    /// The part of the growth that streams hold now.
    pub fn used(&self) -> u64 {
        self.used.into()
    }

    /// The part of `allowance` that is lent.
    pub fn lent(&self, allowance: u64) -> u32 {
        // Part of a window, which has at most 1 GiB.
        (allowance as u32).saturating_sub(self.initial)
    }

    /// A stream that was lent `before` is now lent `after`.
    pub fn on_lent(&mut self, before: u32, after: u32) {
        debug_assert!(before <= self.used, "was counted");
        self.used = self.used - before + after;
        debug_assert!(self.used <= self.growth, "an unread stream blocks another");
    }

    /// The most that a stream which is lent `before` may hold.
    pub fn most(&self, before: u32) -> u32 {
        self.initial + before + (self.growth - self.used)
    }

    /// Decides what `receiver` aims at, from how fast its reader was since the last time.
    pub fn tune(&mut self, receiver: &mut Receiver, now: Instant, rtt: Duration) {
        let was_growing = self.is_growing(receiver);
        let half = u64::from(receiver.share / 2);
        let used = receiver.buffer.read_offset() - receiver.mark;
        if used >= half {
            let elapsed = now.saturating_duration_since(receiver.marked_at);
            // What a reader leaves lying would only lie in a larger window, too.
            let keeps_up = receiver.unread() <= half;
            let is_path_bound = elapsed <= rtt.saturating_mul(2);
            receiver.quick_rounds = if keeps_up && elapsed <= SHORT_ROUND {
                receiver.quick_rounds + 1
            } else {
                0
            };
            if keeps_up && (is_path_bound || receiver.quick_rounds == QUICK_ROUNDS) {
                receiver.share = receiver.share.saturating_mul(2).min(LARGEST_SHARE);
                receiver.quick_rounds = 0;
            }
            receiver.mark = receiver.buffer.read_offset();
            receiver.marked_at = now;
        }
        let wants = self.is_growing(receiver);
        self.growing = self.growing + u32::from(wants) - u32::from(was_growing);
        if wants {
            let fair = self.initial + self.growth / self.growing.max(1);
            receiver.share = receiver.share.min(fair);
            if !self.is_growing(receiver) {
                self.growing -= 1;
            }
        }
    }

    /// `receiver` asks for nothing more.
    pub fn on_ended(&mut self, receiver: &mut Receiver) {
        if self.is_growing(receiver) {
            self.growing -= 1;
            receiver.share = self.initial;
        }
    }

    fn is_growing(&self, receiver: &Receiver) -> bool {
        receiver.share > self.initial
    }
}

/// Streams that use up half of their share in this time are worth more, however short the round trip: the
/// reader's own pauses count as well. Longer, and a fast loopback would fill megabytes for nothing.
const SHORT_ROUND: Duration = Duration::from_micros(500);

/// So many short rounds in a row: one of them is chance, and over a gigabyte chance would have its way.
const QUICK_ROUNDS: u8 = 4;

/// Windows have at most 1 GiB.
const LARGEST_SHARE: u32 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_is_told_when_it_is_worth_it_or_the_peer_waits() {
        let mut credit = ReceiveCredit::new(4096, 4096, 1024);
        credit.on_received(2000);
        credit.on_consumed(1023);
        assert!(!credit.is_update_due());
        credit.on_consumed(1);
        assert!(credit.is_update_due());
        credit.on_told(credit.limit());
        assert_eq!(credit.told(), 5120);
        assert!(credit.admits(3120) && !credit.admits(3121));
        credit.on_received(3120);
        credit.on_consumed(1);
        assert!(credit.is_update_due(), "the peer can send nothing");
    }

    #[test]
    fn a_blocked_sender_says_so_once_a_limit() {
        let mut credit = SendCredit::default();
        credit.raise(10);
        credit.on_sent(10);
        assert!(credit.on_blocked() && !credit.on_blocked());
        credit.raise(9);
        assert!(!credit.on_blocked());
        credit.raise(11);
        assert_eq!(credit.available(), 1);
        assert!(credit.on_blocked());
    }

    #[test]
    fn shares_double_for_fast_readers_and_are_divided_among_them() {
        let mut budget = Budget::new(10_000, 4, 1000);
        let now = Instant::from_micros(1);
        let mut fast = Receiver::open(1000);
        let mut other = Receiver::open(1000);
        let read = |receiver: &mut Receiver, pool: &mut _, count: u64| {
            receiver
                .buffer
                .discard_to(pool, receiver.buffer.read_offset() + count);
        };
        let mut pool = crate::mem::Pool::new(crate::mem::leaked_memory(1, 32), 32);
        budget.tune(&mut fast, now, Duration::from_micros(1));
        assert_eq!(fast.share, 1000);
        for _ in 0..8 {
            let half = u64::from(fast.share) / 2;
            read(&mut fast, &mut pool, half);
            budget.tune(&mut fast, now, Duration::from_micros(1));
        }
        assert_eq!(fast.share, 7000, "the initial share and all of the growth");
        read(&mut other, &mut pool, 500);
        budget.tune(&mut other, now, Duration::from_micros(1));
        assert_eq!(other.share, 2000);
        budget.tune(&mut fast, now, Duration::from_micros(1));
        assert_eq!(fast.share, 4000, "half of the growth");
        budget.on_ended(&mut other);
        assert_eq!(budget.growing, 1);
        let late = now + Duration::from_secs(1);
        fast.limit = u64::MAX;
        read(&mut fast, &mut pool, 3999);
        budget.tune(&mut fast, late, Duration::from_millis(20));
        assert_eq!(fast.share, 4000, "a slow reader gets no more");
    }

    #[test]
    fn rounds_short_by_chance_do_not_grow_a_share() {
        let mut budget = Budget::new(1 << 20, 1, 1000);
        let mut pool = crate::mem::Pool::new(crate::mem::leaked_memory(1, 32), 32);
        let mut receiver = Receiver::open(1000);
        receiver.limit = u64::MAX;
        let mut now = Instant::from_micros(1);
        let mut round = |receiver: &mut Receiver, length: Duration| {
            now = now + length;
            let end = receiver.buffer.read_offset() + 500;
            receiver.buffer.discard_to(&mut pool, end);
            budget.tune(receiver, now, Duration::from_micros(50));
        };
        let long = SHORT_ROUND + Duration::from_micros(1);
        for _ in 0..10 {
            for length in [SHORT_ROUND, SHORT_ROUND, SHORT_ROUND, long] {
                round(&mut receiver, length);
            }
        }
        assert_eq!(receiver.share, 1000);
        for _ in 0..QUICK_ROUNDS {
            round(&mut receiver, SHORT_ROUND);
        }
        assert_eq!(receiver.share, 2000, "that was no chance");
    }
}
