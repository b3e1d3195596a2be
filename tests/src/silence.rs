//! Why a client hears nothing any more: what the network did since it opened a packet last.
//!
//! Since then the client has asked for signs of life, each time with one datagram or several. A *round* is such a question
//! and what the server said before the next.
//!
//! Invariant: a cause is named only where it explains every round; what is left over is a bug on one side or the other.

use crate::pair::ours::{Application, Ours};
use crate::pair::pattern::Server;
use crate::pair::quinn::Quinn;
use crate::pair::{Fate, Link, Pair};
use quicpro_core::Instant;
use quicpro_core::connection::{State, Stats};
use std::collections::BTreeSet;

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
    /// Probes have been lost so often that the next would come after the idle timeout, or the answer to the last: the
    /// client's, or those of a server that has given up while the client only waited.
    BackedOff,
    /// Of every round something was lost: a question, or what the server said to it; or the server had given up before
    /// it could hear one.
    Loss,
    /// The server heard, and kept its acknowledgement: quinn-proto sends none while it has data that its congestion
    /// window does not let go.
    Withheld,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Round {
    /// It was lost, or some of the answer was, or there was nobody any more to answer.
    Lost,
    /// The translator had forgotten where an answer was to go.
    Forgotten,
    /// It came too late for an answer.
    Late,
    /// The server was there, and said nothing.
    Silent,
    /// All that was said arrived, and nothing of it was opened.
    Unopened,
}

/// What a server can say at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// It has lost the connection as well.
    GivenUp,
    /// It may not have the keys of what we send.
    Unable,
    /// It has not validated where we are, and so sends three times what comes from there. That something was lost has to
    /// explain why.
    Limited,
    /// There is nothing that it could not say.
    Able,
}

/// Datagrams of one direction, and what became of them.
type Fates = [(Instant, Fate)];

/// What happened since the client opened a packet last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// When that was.
    heard: Instant,
    /// When the client gave up.
    end: Instant,
    /// Microseconds from the client to the server, and back, at best.
    delays: [u64; 2],
    /// Longest UDP payload that fits both ways.
    mtu: usize,
    /// When datagrams of the server's came that the translator had no use for.
    unbound: Vec<Instant>,
    /// At least so far apart are the client's probes, microseconds, if none of its probe timeouts was answered.
    probe_interval: u64,
    server: Condition,
    up: Vec<(Instant, Fate)>,
    down: Vec<(Instant, Fate)>,
}

impl Silence {
    /// What happened in `pair` until now.
    pub fn of<A: Application>(pair: &mut Pair<Ours<A>, Quinn<Server>>) -> Self {
        let heard = pair.client.heard();
        let [up, down] = [pair.up.weather().clone(), pair.down.weather().clone()];
        let since = |link: &Link| {
            let fates = link.fates().iter().copied();
            fates.filter(|(at, _)| *at >= heard).collect()
        };
        Self {
            heard,
            end: pair.now(),
            delays: [up.delay, down.delay].map(|delay| delay.as_micros() as u64),
            mtu: up.mtu.min(down.mtu),
            unbound: pair.nat.lost_since(heard).collect(),
            probe_interval: probe_interval(&pair.client.connection.stats()),
            server: Condition::of(pair),
            up: since(&pair.up),
            down: since(&pair.down),
        }
    }

    /// What explains it, if anything does.
    pub fn cause(&self, is_rebound_in_handshake: bool) -> Option<Cause> {
        if is_rebound_in_handshake {
            return Some(Cause::ReboundInHandshake);
        }
        if self.mtu < 1_200 {
            return Some(Cause::TooNarrow);
        }
        let rounds = self.rounds();
        let has = |round| rounds.contains(&round);
        let is_silent = has(Round::Silent);
        if has(Round::Unopened) || is_silent && self.server == Condition::Unable {
            None
        } else if is_silent && self.server == Condition::Able {
            Some(Cause::Withheld)
        } else if has(Round::Lost) {
            Some(Cause::Loss)
        } else if has(Round::Forgotten) || !self.unbound.is_empty() {
            Some(Cause::Forgotten)
        } else if has_harm(&self.down) {
            Some(Cause::Loss)
        } else {
            let is_slow = self.probe_interval >= BACKED_OFF || self.server == Condition::GivenUp;
            (is_slow && !is_silent).then_some(Cause::BackedOff)
        }
    }

    /// What became of each question.
    fn rounds(&self) -> BTreeSet<Round> {
        let questions = self.questions();
        let next = questions.iter().skip(1).copied().chain([self.end]);
        let round = |(at, next)| self.round(at, next);
        questions.iter().copied().zip(next).map(round).collect()
    }

    /// When the client asked. What it sends right after it heard something is an answer.
    fn questions(&self) -> BTreeSet<Instant> {
        let times = self.up.iter().map(|(at, _)| *at);
        times
            .filter(|at| micros(self.heard, *at) > ANSWERS)
            .collect()
    }

    fn round(&self, at: Instant, next: Instant) -> Round {
        let mut asked = self.up.iter().filter(|(sent, _)| *sent == at);
        if asked.all(|(_, fate)| *fate != Fate::Intact) {
            return Round::Lost;
        }
        let [up, down] = self.delays;
        let answer = |sent: Instant| micros(at, sent) >= up && micros(next, sent) <= up + LATE;
        let said = self.down.iter().filter(|(sent, _)| answer(*sent));
        let said: Vec<_> = said.copied().collect();
        let came = said.iter().any(|(sent, _)| micros(*sent, self.end) > down);
        if has_harm(&said) || said.is_empty() && self.server == Condition::GivenUp {
            Round::Lost
        } else if self.unbound.iter().any(|came| *came > at) {
            Round::Forgotten
        } else if came {
            Round::Unopened
        } else if micros(at, self.end) <= up + down + LATE {
            Round::Late
        } else {
            Round::Silent
        }
    }
}

impl Condition {
    fn of<A: Application>(pair: &mut Pair<Ours<A>, Quinn<Server>>) -> Self {
        let is_confirmed = pair.client.connection.state() >= State::Confirmed;
        let moves = u64::from(pair.nat.rebindings());
        if pair.server.lost().is_some() {
            return Self::GivenUp;
        }
        match pair.server.connection() {
            Some(connection) if is_confirmed => {
                let answers = connection.stats().frame_rx.path_response;
                if answers >= moves {
                    Self::Able
                } else {
                    Self::Limited
                }
            }
            _ => Self::Unable,
        }
    }
}

/// Of these some did not arrive as they were sent.
fn has_harm(fates: &Fates) -> bool {
    fates.iter().any(|(_, fate)| *fate != Fate::Intact)
}

/// From one time to another, microseconds; 0 if that is back.
fn micros(from: Instant, to: Instant) -> u64 {
    to.as_micros().saturating_sub(from.as_micros())
}

/// Acknowledgements leave within this time, microseconds.
const ANSWERS: u64 = 25_000;

/// Queues, jitter and the server's delay may add so much, microseconds.
const LATE: u64 = 1_000_000;

/// Probes further apart than this, in microseconds, may miss the idle timeout of 30 s: each is twice as far from the last.
const BACKED_OFF: u64 = 10_000_000;

/// Three round trips, about, doubled for each probe timeout.
fn probe_interval(stats: &Stats) -> u64 {
    let first = 3 * stats.rtt.as_micros() as u64;
    first.saturating_mul(1 << stats.recovery.probe_timeouts.min(20))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * SECOND)
    }

    /// Thirty seconds of nothing at all, on a path of half a second each way.
    fn quiet() -> Silence {
        Silence {
            heard: at(10),
            end: at(40),
            delays: [SECOND / 2; 2],
            mtu: 1_200,
            unbound: Vec::new(),
            probe_interval: BACKED_OFF - 1,
            server: Condition::Unable,
            up: Vec::new(),
            down: Vec::new(),
        }
    }

    #[test]
    fn without_questions() {
        assert_eq!(quiet().cause(false), None);
        assert_eq!(quiet().cause(true), Some(Cause::ReboundInHandshake));
        let narrow = Silence {
            mtu: 1_199,
            ..quiet()
        };
        assert_eq!(narrow.cause(false), Some(Cause::TooNarrow));
        let slow = Silence {
            probe_interval: BACKED_OFF,
            ..quiet()
        };
        assert_eq!(slow.cause(false), Some(Cause::BackedOff));
        let given_up = Silence {
            server: Condition::GivenUp,
            ..quiet()
        };
        assert_eq!(given_up.cause(false), Some(Cause::BackedOff));
        let forgotten = Silence {
            unbound: vec![at(12)],
            ..quiet()
        };
        assert_eq!(forgotten.cause(false), Some(Cause::Forgotten));
        let lost = Silence {
            down: vec![(at(12), Fate::Lost)],
            ..quiet()
        };
        assert_eq!(lost.cause(false), Some(Cause::Loss));
        // An answer to what was heard asks nothing.
        let answered = Silence {
            up: vec![(at(10), Fate::Lost)],
            ..quiet()
        };
        assert_eq!(answered.cause(false), None);
    }

    #[test]
    fn every_question_has_to_be_explained() {
        type Seconds<'a> = &'a [(u64, Fate)];
        let cases: [(Seconds<'_>, Seconds<'_>, Option<Cause>); 7] = [
            (&[(12, Fate::Lost)], &[], Some(Cause::Loss)),
            (
                &[(12, Fate::Intact)],
                &[(13, Fate::Changed)],
                Some(Cause::Loss),
            ),
            (&[(12, Fate::Intact), (12, Fate::Lost)], &[], None),
            (&[(12, Fate::Lost), (20, Fate::Intact)], &[], None),
            (
                &[(12, Fate::Lost), (39, Fate::Intact)],
                &[],
                Some(Cause::Loss),
            ),
            // Heard, answered, and the answer came: somebody does not listen.
            (&[(12, Fate::Intact)], &[(13, Fate::Intact)], None),
            // What was lost before is no answer.
            (&[(12, Fate::Intact)], &[(11, Fate::Lost)], None),
        ];
        for (up, down, cause) in cases {
            let fates =
                |list: &[(u64, Fate)]| list.iter().map(|&(s, fate)| (at(s), fate)).collect();
            let silence = Silence {
                up: fates(up),
                down: fates(down),
                ..quiet()
            };
            assert_eq!(silence.cause(false), cause, "{silence:?}");
        }
    }

    #[test]
    fn who_heard_and_could_answer_kept_it() {
        let asked = |server| Silence {
            up: vec![(at(12), Fate::Intact)],
            server,
            ..quiet()
        };
        for (server, cause) in [
            (Condition::Unable, None),
            (Condition::Limited, None),
            (Condition::Able, Some(Cause::Withheld)),
            (Condition::GivenUp, Some(Cause::Loss)),
        ] {
            assert_eq!(asked(server).cause(false), cause);
        }
        let mut limited = asked(Condition::Limited);
        limited.up.push((at(20), Fate::Lost));
        assert_eq!(limited.cause(false), Some(Cause::Loss));
        let forgotten = Silence {
            unbound: vec![at(13)],
            ..asked(Condition::Able)
        };
        assert_eq!(forgotten.cause(false), Some(Cause::Forgotten));
    }
}
