//! Explicit congestion notification as a sender (RFC 9000 §13.4.2, appendix A.4): when to mark, whether to believe the counts.
//!
//! Marks go on 1-RTT packets only: the handshake's few packets are no reason to keep three sets of counts.
//! Invariant: counts are believed only for a path on which marks of ours were reported back consistently.

use crate::wire::frame::EcnCounts;

/// The two ECN bits of an IP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Codepoint {
    /// The sender does not take part, or the bits are not known.
    #[default]
    NotEct = 0,
    /// ECT(1).
    Ect1 = 1,
    /// ECT(0).
    Ect0 = 2,
    /// Congestion was experienced on the way.
    Ce = 3,
}

impl Codepoint {
    /// The codepoint in the two lowest bits, as the last two of a traffic class or type of service.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::NotEct,
            1 => Self::Ect1,
            2 => Self::Ect0,
            _ => Self::Ce,
        }
    }
}

/// Packets that are marked before the first validated report is waited for.
const TESTING_MAX: u8 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Marks are not asked for.
    Off,
    /// The first packets are marked, so many of them so far.
    Testing(u8),
    /// Marked packets are out and no report came back yet.
    Unknown,
    /// Reports are consistent.
    Capable,
    /// The path or the peer mangles marks.
    Failed,
}

/// Marking and validation on one path.
#[derive(Clone, Copy, Debug)]
pub struct Ecn {
    state: State,
}

impl Ecn {
    /// No packet is marked.
    pub const fn off() -> Self {
        Self { state: State::Off }
    }

    /// The first packets are marked, and later ones if that works.
    pub const fn testing() -> Self {
        Self {
            state: State::Testing(0),
        }
    }

    /// The same intention on a path of which nothing is known.
    //= rfc9000#13.4.2
    #[cfg(feature = "migration")]
    pub(super) const fn renewed(self) -> Self {
        match self.state {
            State::Off => Self::off(),
            _ => Self::testing(),
        }
    }

    /// Whether the next 1-RTT packet is to carry ECT(0).
    //= rfc9000#13.4.2
    pub const fn is_marking(&self) -> bool {
        matches!(self.state, State::Testing(_) | State::Capable)
    }

    pub(super) fn on_sent(&mut self) {
        if let State::Testing(count) = self.state {
            self.state = if count + 1 < TESTING_MAX {
                State::Testing(count + 1)
            } else {
                State::Unknown
            };
        }
    }

    /// Takes in what an ACK frame's counts turned out to mean, where it newly acknowledged `marked` packets of this
    /// path that had left with ECT(0); whether there is congestion to react to.
    pub(super) fn on_report(&mut self, report: Report, marked: u32) -> bool {
        if matches!(self.state, State::Off | State::Failed) {
            return false;
        }
        //= rfc9000#13.4.2.2
        match report {
            Report::Inconsistent => self.state = State::Failed,
            Report::Nothing | Report::Congestion if marked > 0 => self.state = State::Capable,
            Report::Nothing | Report::Congestion => {}
        }
        report == Report::Congestion
    }
}

/// What an ACK frame's counts mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// Nothing to act on.
    Nothing,
    /// The network reported congestion.
    Congestion,
    /// Something on the way, or the peer, mangles marks.
    Inconsistent,
}

/// Marks that were set and reported. The peer counts those of a number space, whatever path they came on; what a path
/// is judged by is what is new since the acknowledgement before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    /// Packets that left with ECT(0).
    sent: u64,
    /// The newest counts of the peer.
    counts: EcnCounts,
}

impl Tally {
    pub(super) const NEW: Self = Self {
        sent: 0,
        counts: EcnCounts {
            ect0: 0,
            ect1: 0,
            ce: 0,
        },
    };

    pub(super) fn on_sent(&mut self) {
        self.sent += 1;
    }

    /// Judges the counts of an ACK frame that raised the largest number and newly acknowledged `marked`
    /// packets that had left with ECT(0).
    //= rfc9000#13.4.2.1
    pub(super) fn on_ack(&mut self, counts: Option<EcnCounts>, marked: u32) -> Report {
        if self.sent == 0 {
            return Report::Nothing;
        }
        let Some(counts) = counts else {
            return if marked > 0 {
                Report::Inconsistent
            } else {
                Report::Nothing
            };
        };
        let before = self.counts;
        let ect0 = counts.ect0.checked_sub(before.ect0);
        let ce = counts.ce.checked_sub(before.ce);
        let (Some(ect0), Some(ce)) = (ect0, ce) else {
            return Report::Inconsistent;
        };
        let reported = counts.ect0.saturating_add(counts.ce);
        if reported > self.sent || counts.ect1 > 0 {
            return Report::Inconsistent;
        }
        self.counts = counts;
        if ect0 + ce < marked.into() {
            return Report::Inconsistent;
        }
        //= rfc9002#7.1
        if ce > 0 {
            Report::Congestion
        } else {
            Report::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(ect0: u64, ect1: u64, ce: u64) -> Option<EcnCounts> {
        Some(EcnCounts { ect0, ect1, ce })
    }

    /// A path and the counts it is judged by.
    struct Marked {
        ecn: Ecn,
        tally: Tally,
    }

    fn sent(packets: u64) -> Marked {
        let mut marked = Marked {
            ecn: Ecn::testing(),
            tally: Tally::NEW,
        };
        for _ in 0..packets {
            marked.send();
        }
        marked
    }

    impl Marked {
        fn send(&mut self) {
            assert!(self.ecn.is_marking());
            self.ecn.on_sent();
            self.tally.on_sent();
        }

        /// Whether there is congestion to react to.
        fn report(&mut self, counts: Option<EcnCounts>, marked: u32) -> bool {
            let report = self.tally.on_ack(counts, marked);
            self.ecn.on_report(report, marked)
        }
    }

    //= rfc9000#13.4.2 test
    #[test]
    fn ten_packets_are_tried_and_more_only_after_a_report() {
        let mut marked = sent(10);
        assert!(!marked.ecn.is_marking());
        assert!(!marked.report(counts(4, 0, 0), 4));
        assert!(marked.ecn.is_marking());
        assert!(marked.report(counts(7, 0, 1), 4));
        // The same CE count again is no news.
        assert!(!marked.report(counts(9, 0, 1), 2));
        assert!(marked.ecn.is_marking());
    }

    //= rfc9000#13.4.2.1 test
    //= rfc9000#13.4.2.2 test
    #[test]
    fn inconsistent_counts_end_marking() {
        for (report_of_peer, acknowledged) in [
            (None, 1),            // marks were cleared, or the peer does not report
            (counts(1, 0, 0), 2), // fewer than were acknowledged
            (counts(6, 0, 0), 2), // more than were sent
            (counts(2, 1, 0), 2), // a codepoint that never left
            (counts(u64::MAX, 0, u64::MAX), 2),
        ] {
            let mut marked = sent(5);
            assert!(!marked.report(report_of_peer, acknowledged));
            assert!(!marked.ecn.is_marking(), "{report_of_peer:?}");
            // Nothing is believed any more.
            assert!(!marked.report(counts(3, 0, 2), 2));
        }
    }

    #[test]
    fn counts_that_go_backwards_end_marking() {
        let mut marked = sent(5);
        marked.report(counts(3, 0, 0), 3);
        assert!(!marked.report(counts(2, 0, 2), 1));
        assert!(!marked.ecn.is_marking());
    }

    #[test]
    fn without_marks_counts_mean_nothing() {
        let mut marked = sent(0);
        marked.ecn = Ecn::off();
        assert!(!marked.report(counts(0, 0, 5), 0));
        assert!(!marked.ecn.is_marking());
    }

    //= rfc9000#13.4.2 test
    #[cfg(feature = "migration")]
    #[test]
    fn a_new_path_is_judged_by_what_is_new() {
        let mut marked = sent(5);
        // The old path failed, with five reported in all and two of them for congestion.
        assert!(marked.report(counts(3, 0, 2), 5));
        marked.ecn.on_report(Report::Inconsistent, 0);
        assert!(!marked.ecn.is_marking());
        marked.ecn = marked.ecn.renewed();
        for _ in 0..3 {
            marked.send();
        }
        assert!(!marked.report(counts(6, 0, 2), 3));
        assert_eq!(marked.ecn.state, State::Capable);
        assert!(!Ecn::off().renewed().is_marking());
    }
}
