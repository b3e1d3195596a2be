//! Why a client hears nothing any more: what the network did since it opened a packet last.
//!
//! Invariant: a cause is named only where it is enough by itself; what is left over is a bug on one side or the other.

use crate::pair::ours::{Application, Ours};
use crate::pair::{Fate, Link, Pair, Party};
use quicpro_core::Instant;
use quicpro_core::connection::Stats;

/// Why a connection timed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The client's address changed before the server had seen the handshake's end: servers do not follow
    /// (RFC 9000 §9).
    ReboundInHandshake,
    /// The path does not carry the datagrams of 1,200 bytes that QUIC needs (RFC 9000 §14).
    TooNarrow,
    /// The client, which only waits, has nothing to send, and the server sends to an address that the translator has
    /// forgotten. Who waits longer asks for a sign of life (`ClientConfig::keep_alive`; the desktop does).
    Forgotten,
    /// Probes have been lost so often that the next would come after the idle timeout.
    BackedOff,
    /// Nothing, or nothing that is of use, came through one way or the other, however often it was sent.
    Loss,
}

/// Datagrams of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Lost, or changed on the way.
    pub lost: usize,
    /// Not harmed.
    pub intact: usize,
}

impl Way {
    fn of(link: &Link, since: Instant) -> Self {
        let mut way = Self::default();
        for (_, fate) in link.fates().iter().filter(|(at, _)| *at >= since) {
            match fate {
                Fate::Intact => way.intact += 1,
                Fate::Lost | Fate::Changed => way.lost += 1,
            }
        }
        way
    }
}

/// What was sent since the client opened a packet last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// How long that is ago, microseconds.
    pub micros: u64,
    /// By the client.
    pub up: Way,
    /// By the server.
    pub down: Way,
    /// Those of the server's that nobody was bound to.
    pub unbound: usize,
    /// Longest UDP payload that fits both ways.
    pub mtu: usize,
    /// At least so far apart are the client's probes, microseconds, if none of its probe timeouts was answered.
    pub probe_interval: u64,
}

impl Silence {
    /// What happened between `heard` and now.
    pub fn of<A: Application, S: Party>(pair: &mut Pair<Ours<A>, S>, heard: Instant) -> Self {
        let mtu = pair.up.weather().mtu.min(pair.down.weather().mtu);
        Self {
            micros: pair.now().as_micros() - heard.as_micros(),
            up: Way::of(&pair.up, heard),
            down: Way::of(&pair.down, heard),
            unbound: pair.nat.lost_since(heard),
            mtu,
            probe_interval: probe_interval(&pair.client.connection.stats()),
        }
    }

    /// What explains it, if anything does.
    pub fn cause(&self, is_rebound_in_handshake: bool) -> Option<Cause> {
        let sent = self.up.intact + self.up.lost;
        let came = self.down.intact.saturating_sub(self.unbound);
        let is_lost = |lost: usize, came: usize| lost > 0 && lost >= SHARE_LOST * came;
        let is_unheard = is_lost(self.up.lost, self.up.intact);
        let is_deaf = is_lost(self.down.lost, came);
        if is_rebound_in_handshake {
            Some(Cause::ReboundInHandshake)
        } else if self.mtu < 1_200 {
            Some(Cause::TooNarrow)
        } else if is_unheard || is_deaf {
            Some(Cause::Loss)
        } else if self.unbound > 0 && came == 0 {
            Some(Cause::Forgotten)
        } else if sent <= PROBES_MAX && self.probe_interval >= BACKED_OFF {
            Some(Cause::BackedOff)
        } else {
            None
        }
    }
}

/// Probes further apart than this, in microseconds, may miss the idle timeout of 30 s: each is twice as far from the last.
const BACKED_OFF: u64 = 10_000_000;

/// And are not more.
const PROBES_MAX: usize = 4;

/// Three round trips, about, doubled for each probe timeout.
fn probe_interval(stats: &Stats) -> u64 {
    let first = 3 * stats.rtt.as_micros() as u64;
    first.saturating_mul(1 << stats.recovery.probe_timeouts.min(20))
}

/// So many times as many lost as not silence a client: what came through were repetitions, packets that cannot be
/// opened without those before them, or the last words to a server that had already given up.
const SHARE_LOST: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Silence = Silence {
        micros: 30_000_000,
        up: Way { lost: 0, intact: 0 },
        down: Way { lost: 0, intact: 0 },
        unbound: 0,
        mtu: 1_200,
        probe_interval: 9_999_999,
    };

    #[test]
    fn a_cause_is_named_where_there_is_one_and_nowhere_else() {
        let ways = |up: [usize; 2], down: [usize; 2], unbound| Silence {
            up: Way {
                lost: up[0],
                intact: up[1],
            },
            down: Way {
                lost: down[0],
                intact: down[1],
            },
            unbound,
            ..QUIET
        };
        for (silence, cause) in [
            (QUIET, None),
            (
                Silence {
                    mtu: 1_199,
                    ..QUIET
                },
                Some(Cause::TooNarrow),
            ),
            (
                Silence {
                    probe_interval: BACKED_OFF,
                    ..QUIET
                },
                Some(Cause::BackedOff),
            ),
            (ways([1, 0], [0, 0], 0), Some(Cause::Loss)),
            (ways([0, 0], [4, 2], 0), Some(Cause::Loss)),
            // Both sides speak, and both are heard: somebody does not listen.
            (ways([2, 5], [2, 5], 0), None),
            (ways([0, 5], [0, 0], 0), None),
            (ways([0, 0], [0, 5], 5), Some(Cause::Forgotten)),
            (ways([0, 0], [0, 5], 4), None),
        ] {
            assert_eq!(silence.cause(false), cause, "{silence:?}");
            assert_eq!(silence.cause(true), Some(Cause::ReboundInHandshake));
        }
    }
}
