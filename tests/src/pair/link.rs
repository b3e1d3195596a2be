//! One direction of a network in virtual time: delay, jitter, loss, duplication, reordering, corruption, a
//! bottleneck, congestion marks.
//!
//! Invariant: what happens to a datagram depends on the seed and the datagrams before it, on nothing else.

use super::Arrival;
use super::random::Random;
use quicpro_core::Instant;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// What a link does to datagrams; chances are per mille. The default is a clear day: 10 ms and nothing else.
#[derive(Clone, Debug)]
pub struct Weather {
    /// Time from one end to the other.
    pub delay: Duration,
    /// Up to this much more, each datagram for itself: neighbours overtake each other.
    pub jitter: Duration,
    /// Chance that a datagram vanishes.
    pub loss: u32,
    /// Chance that a datagram arrives twice; the copy takes a delay of its own.
    pub duplication: u32,
    /// Chance that a datagram is held back for [`Self::held_back`].
    pub reordering: u32,
    /// How long a reordered datagram is held back.
    pub held_back: Duration,
    /// Chance that one bit flips.
    pub corruption: u32,
    /// Chance that a datagram which says that it is ECN-capable is marked Congestion Experienced.
    pub congestion_marks: u32,
    /// Longest UDP payload that fits.
    pub mtu: usize,
    /// The bottleneck, if there is one.
    pub bottleneck: Option<Bottleneck>,
}

/// A queue in front of a slow line; what does not fit is lost.
#[derive(Clone, Copy, Debug)]
pub struct Bottleneck {
    /// Bytes per second.
    pub rate: u64,
    /// Bytes that wait at most.
    pub queue: u64,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            loss: 0,
            duplication: 0,
            reordering: 0,
            held_back: Duration::from_millis(15),
            corruption: 0,
            congestion_marks: 0,
            mtu: 1472,
            bottleneck: None,
        }
    }
}

impl Weather {
    /// Loss of `per_mille`, with a tenth of it in duplicates, jitter and reordering: an ordinary bad day.
    pub fn stormy(per_mille: u32) -> Self {
        Self {
            jitter: Duration::from_millis(2),
            loss: per_mille,
            duplication: per_mille.div_ceil(10),
            reordering: per_mille,
            corruption: per_mille.div_ceil(10),
            ..Self::default()
        }
    }
}

/// The ECN mark of an IP packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ecn {
    /// The sender does not take part.
    #[default]
    NotCapable,
    /// ECT(0).
    Capable0,
    /// ECT(1).
    Capable1,
    /// CE.
    CongestionExperienced,
}

/// A datagram on its way.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// The UDP payload.
    pub bytes: Vec<u8>,
    /// Its mark.
    pub ecn: Ecn,
    /// The sender's address, as it is seen on this link.
    pub from: SocketAddr,
    /// Where it is bound.
    pub to: SocketAddr,
}

impl Datagram {
    /// How it arrives at `to`, which a translator may have changed.
    pub fn arrival(&self, to: SocketAddr) -> Arrival {
        Arrival {
            from: self.from,
            to,
            ecn: self.ecn,
        }
    }
}

/// What a filter decides about a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The weather decides.
    Pass,
    /// It is lost.
    Drop,
}

/// A test's own say about each datagram, before the weather has its; it may change it.
pub type Filter = Box<dyn FnMut(Instant, &mut Datagram) -> Verdict + Send>;

/// What a link has done so far, in datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Handed to the link.
    pub sent: u64,
    /// Lost, for whatever reason.
    pub lost: u64,
    /// Sent twice.
    pub duplicated: u64,
    /// Changed by one bit.
    pub corrupted: u64,
    /// Marked Congestion Experienced.
    pub marked: u64,
    /// Taken out at the far end.
    pub delivered: u64,
}

/// One direction of a network.
pub struct Link {
    weather: Weather,
    random: Random,
    filter: Option<Filter>,
    in_flight: BTreeMap<(Instant, u64), Datagram>,
    next_sequence: u64,
    busy_until: Instant,
    counts: Counts,
}

impl Link {
    /// A link whose fate is drawn from `random`.
    pub fn new(weather: Weather, random: Random) -> Self {
        Self {
            weather,
            random,
            filter: None,
            in_flight: BTreeMap::new(),
            next_sequence: 0,
            busy_until: Instant::ZERO,
            counts: Counts::default(),
        }
    }

    /// The weather, to be changed at any time; what is under way is not touched.
    pub fn weather(&mut self) -> &mut Weather {
        &mut self.weather
    }

    /// Asks `filter` about each further datagram.
    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = Some(filter);
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes a datagram in.
    pub fn send(&mut self, now: Instant, mut datagram: Datagram) {
        self.counts.sent += 1;
        if !self.survives(now, &mut datagram) {
            self.counts.lost += 1;
            return;
        }
        let Some(departure) = self.queue(now, datagram.bytes.len()) else {
            self.counts.lost += 1;
            return;
        };
        self.spoil(&mut datagram);
        if self.random.chance(self.weather.duplication) {
            self.counts.duplicated += 1;
            self.launch(departure, datagram.clone());
        }
        self.launch(departure, datagram);
    }

    /// When the next datagram arrives.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.in_flight
            .first_key_value()
            .map(|((arrival, _), _)| *arrival)
    }

    /// Takes out a datagram that has arrived.
    pub fn receive(&mut self, now: Instant) -> Option<Datagram> {
        let first = self.in_flight.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        self.counts.delivered += 1;
        Some(first.remove())
    }

    fn survives(&mut self, now: Instant, datagram: &mut Datagram) -> bool {
        if let Some(filter) = &mut self.filter
            && filter(now, datagram) == Verdict::Drop
        {
            return false;
        }
        datagram.bytes.len() <= self.weather.mtu && !self.random.chance(self.weather.loss)
    }

    /// When the bottleneck has let the datagram through; `None` if its queue is full.
    fn queue(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let Some(Bottleneck { rate, queue }) = self.weather.bottleneck else {
            return Some(now);
        };
        let waiting = self.busy_until.saturating_duration_since(now);
        if waiting.as_micros() * u128::from(rate) > u128::from(queue) * 1_000_000 {
            return None;
        }
        let line_time = Duration::from_micros(len as u64 * 1_000_000 / rate.max(1));
        self.busy_until = self.busy_until.max(now) + line_time;
        Some(self.busy_until)
    }

    fn spoil(&mut self, datagram: &mut Datagram) {
        if self.random.chance(self.weather.corruption) && !datagram.bytes.is_empty() {
            let bit = self.random.below(datagram.bytes.len() as u64 * 8) as usize;
            datagram.bytes[bit / 8] ^= 1 << (bit % 8);
            self.counts.corrupted += 1;
        }
        let is_capable = matches!(datagram.ecn, Ecn::Capable0 | Ecn::Capable1);
        if is_capable && self.random.chance(self.weather.congestion_marks) {
            datagram.ecn = Ecn::CongestionExperienced;
            self.counts.marked += 1;
        }
    }

    fn launch(&mut self, departure: Instant, datagram: Datagram) {
        let jitter = self
            .random
            .below(self.weather.jitter.as_micros() as u64 + 1);
        let mut arrival = departure + self.weather.delay + Duration::from_micros(jitter);
        if self.random.chance(self.weather.reordering) {
            arrival = arrival + self.weather.held_back;
        }
        self.in_flight
            .insert((arrival, self.next_sequence), datagram);
        self.next_sequence += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CLIENT, SERVER};
    use super::*;

    fn datagram(tag: u8, len: usize) -> Datagram {
        Datagram {
            bytes: vec![tag; len],
            ecn: Ecn::Capable0,
            from: CLIENT,
            to: SERVER,
        }
    }

    /// Sends `count` datagrams at once and returns what arrives, in order.
    fn arrivals(weather: Weather, seed: u64, count: u8) -> (Vec<(u64, u8)>, Counts) {
        let mut link = Link::new(weather, Random::new(seed, "link"));
        for tag in 0..count {
            link.send(Instant::ZERO, datagram(tag, 1000));
        }
        let mut arrived = Vec::new();
        while let Some(at) = link.next_arrival() {
            let datagram = link.receive(at).expect("it has arrived");
            arrived.push((at.as_micros(), datagram.bytes[0]));
        }
        (arrived, link.counts())
    }

    #[test]
    fn a_clear_day_keeps_order_and_delay() {
        let (arrived, counts) = arrivals(Weather::default(), 1, 50);
        assert_eq!(
            arrived,
            (0..50).map(|tag| (10_000, tag)).collect::<Vec<_>>()
        );
        assert_eq!((counts.sent, counts.delivered, counts.lost), (50, 50, 0));
    }

    #[test]
    fn a_storm_loses_duplicates_and_reorders_and_repeats_itself() {
        let weather = Weather {
            duplication: 100,
            ..Weather::stormy(200)
        };
        let (arrived, counts) = arrivals(weather.clone(), 3, 200);
        assert!(
            counts.lost > 20 && counts.duplicated > 5 && counts.corrupted > 0,
            "{counts:?}"
        );
        assert_eq!(
            counts.delivered,
            counts.sent - counts.lost + counts.duplicated
        );
        assert!(
            arrived.windows(2).any(|pair| pair[0].1 > pair[1].1),
            "nothing overtook"
        );
        assert_eq!(arrivals(weather.clone(), 3, 200), (arrived.clone(), counts));
        assert_ne!(arrivals(weather, 4, 200).0, arrived);
    }

    #[test]
    fn a_bottleneck_spaces_datagrams_and_drops_what_does_not_fit() {
        let bottleneck = Some(Bottleneck {
            rate: 1_000_000,
            queue: 4500,
        });
        let (arrived, counts) = arrivals(
            Weather {
                bottleneck,
                ..Weather::default()
            },
            1,
            10,
        );
        let times: Vec<_> = arrived.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [11_000, 12_000, 13_000, 14_000, 15_000]);
        assert_eq!(counts.lost, 5);
    }

    #[test]
    fn long_datagrams_vanish_and_filters_have_the_first_say() {
        let mut link = Link::new(Weather::default(), Random::new(1, "link"));
        link.send(Instant::ZERO, datagram(0, 1473));
        assert_eq!(link.counts().lost, 1);
        link.set_filter(Box::new(|_, datagram| {
            datagram.bytes[0] = 9;
            if datagram.bytes.len() == 1 {
                Verdict::Drop
            } else {
                Verdict::Pass
            }
        }));
        link.send(Instant::ZERO, datagram(0, 1));
        link.send(Instant::ZERO, datagram(0, 2));
        let arrival = link.next_arrival().expect("the second one is under way");
        assert_eq!(link.receive(arrival).expect("it arrives").bytes, [9, 0]);
        assert!(link.receive(arrival).is_none());
    }

    #[test]
    fn marks_are_set_on_capable_datagrams_only() {
        let weather = Weather {
            congestion_marks: 1000,
            ..Weather::default()
        };
        let mut link = Link::new(weather, Random::new(1, "link"));
        link.send(Instant::ZERO, datagram(0, 1));
        link.send(
            Instant::ZERO,
            Datagram {
                ecn: Ecn::NotCapable,
                ..datagram(1, 1)
            },
        );
        let at = link.next_arrival().expect("under way");
        assert_eq!(
            link.receive(at).map(|datagram| datagram.ecn),
            Some(Ecn::CongestionExperienced)
        );
        assert_eq!(
            link.receive(at).map(|datagram| datagram.ecn),
            Some(Ecn::NotCapable)
        );
    }
}
