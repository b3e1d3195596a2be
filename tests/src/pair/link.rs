//! One direction of a network in virtual time: what its [`Weather`] does to each datagram.
//!
//! Invariant: what happens to a datagram depends on the seed and the datagrams before it, on nothing else.

use super::Arrival;
use super::line::{Line, Sample};
use super::random::Random;
use super::weather::Weather;
use quicpro_core::Instant;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

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
    /// Held back for others to overtake.
    pub overtaken: u64,
    /// Taken out at the far end.
    pub delivered: u64,
}

/// What became of a datagram on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Lost,
    /// It arrives with another bit than it was sent with.
    Changed,
    /// It arrives as it was sent.
    Intact,
}

/// One direction of a network.
pub struct Link {
    weather: Weather,
    random: Random,
    filter: Option<Filter>,
    line: Line,
    in_flight: BTreeMap<Key, Datagram>,
    /// Datagrams that are held back, and how many more are to overtake them.
    held: Vec<(u64, Key)>,
    next_sequence: u64,
    is_stormy: bool,
    lost_in_row: u32,
    corrupted_in_row: u32,
    counts: Counts,
    /// What became of each datagram, where that is wanted.
    fates: Option<Vec<(Instant, Fate)>>,
}

/// When a datagram arrives, and its place among those that arrive at one time.
type Key = (Instant, u64);

impl Link {
    /// A link whose fate is drawn from `random`.
    pub fn new(weather: Weather, random: Random) -> Self {
        Self {
            weather,
            random,
            filter: None,
            line: Line::default(),
            in_flight: BTreeMap::new(),
            held: Vec::new(),
            next_sequence: 0,
            is_stormy: false,
            lost_in_row: 0,
            corrupted_in_row: 0,
            counts: Counts::default(),
            fates: None,
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

    /// Keeps how long the bottleneck's queue is whenever a datagram comes to it, from now on.
    pub fn sample_queue(&mut self) {
        self.line.samples.get_or_insert_default();
    }

    /// The lengths of the queue, in the order of their times.
    pub fn queue_samples(&self) -> &[Sample] {
        self.line.samples.as_deref().unwrap_or_default()
    }

    /// Keeps what becomes of each datagram, from now on.
    pub fn keep_fates(&mut self) {
        self.fates.get_or_insert_default();
    }

    /// When each datagram was sent, and what became of it.
    pub fn fates(&self) -> &[(Instant, Fate)] {
        self.fates.as_deref().unwrap_or_default()
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes a datagram in.
    pub fn send(&mut self, now: Instant, datagram: Datagram) {
        let before = self.counts;
        self.counts.sent += 1;
        self.carry(now, datagram);
        if let Some(fates) = &mut self.fates {
            let fate = if self.counts.lost > before.lost {
                Fate::Lost
            } else if self.counts.corrupted > before.corrupted {
                Fate::Changed
            } else {
                Fate::Intact
            };
            fates.push((now, fate));
        }
    }

    fn carry(&mut self, now: Instant, mut datagram: Datagram) {
        if !self.survives(now, &mut datagram) {
            self.counts.lost += 1;
            return;
        }
        let Some(departure) = self.queue(now, &mut datagram) else {
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
        let blackouts = &self.weather.blackouts;
        if blackouts.is_some_and(|periods| !periods.is_on(now)) {
            return false;
        }
        datagram.bytes.len() <= self.weather.mtu && !self.is_lost()
    }

    fn is_lost(&mut self) -> bool {
        let mut is_lost = self.random.chance(self.weather.loss);
        if let Some(storms) = self.weather.storms {
            let change = [storms.begin, storms.end][usize::from(self.is_stormy)];
            self.is_stormy ^= self.random.chance(change);
            is_lost |= self.is_stormy && self.random.chance(storms.loss);
        }
        is_lost &= self.lost_in_row < self.weather.in_row_max;
        self.lost_in_row = if is_lost { self.lost_in_row + 1 } else { 0 };
        is_lost
    }

    /// When the bottleneck has let the datagram through; `None` if its queue is full.
    fn queue(&mut self, now: Instant, datagram: &mut Datagram) -> Option<Instant> {
        let Some(bottleneck) = self.weather.bottleneck else {
            return Some(now);
        };
        let load = self.weather.load;
        let length = datagram.bytes.len() as u64;
        let passage = self.line.pass(now, bottleneck, load, length)?;
        let limit = self.weather.mark_above;
        if limit.is_some_and(|limit| passage.waiting > limit) {
            self.mark(datagram);
        }
        Some(passage.departure)
    }

    fn spoil(&mut self, datagram: &mut Datagram) {
        let spoils = self.random.chance(self.weather.corruption)
            && self.corrupted_in_row < self.weather.in_row_max
            && !datagram.bytes.is_empty();
        if spoils {
            let bit = self.random.below(datagram.bytes.len() as u64 * 8) as usize;
            datagram.bytes[bit / 8] ^= 1 << (bit % 8);
            self.counts.corrupted += 1;
        }
        self.corrupted_in_row = if spoils { self.corrupted_in_row + 1 } else { 0 };
        let is_capable = matches!(datagram.ecn, Ecn::Capable0 | Ecn::Capable1);
        if is_capable && self.random.chance(self.weather.congestion_marks) {
            self.mark(datagram);
        }
    }

    fn mark(&mut self, datagram: &mut Datagram) {
        if matches!(datagram.ecn, Ecn::Capable0 | Ecn::Capable1) {
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
        if let Some(overtaking) = self.weather.overtaking
            && self.random.chance(overtaking.chance)
        {
            let [least, most] = overtaking.by;
            let by = least + self.random.below(most - least + 1);
            self.counts.overtaken += 1;
            let key = self.insert(arrival + overtaking.patience, datagram);
            return self.held.push((by, key));
        }
        self.insert(arrival, datagram);
        self.overtake(arrival);
    }

    fn insert(&mut self, arrival: Instant, datagram: Datagram) -> Key {
        let key = (arrival, self.next_sequence);
        self.next_sequence += 1;
        self.in_flight.insert(key, datagram);
        key
    }

    /// A datagram that will arrive at `arrival` overtakes those that are held back.
    fn overtake(&mut self, arrival: Instant) {
        let mut released = Vec::new();
        self.held.retain_mut(|(by, key)| {
            *by -= 1;
            if *by == 0 {
                released.push(*key);
            }
            *by > 0
        });
        for key in released {
            if let Some(datagram) = self.in_flight.remove(&key) {
                self.insert(arrival, datagram);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::weather::{Bottleneck, Overtaking, Periods, Storms};
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
    fn fates_are_what_the_counts_say() {
        let mut link = Link::new(Weather::stormy(200), Random::new(3, "link"));
        link.keep_fates();
        for at in 0..200 {
            link.send(Instant::from_micros(at), datagram(0, 1000));
        }
        let counts = link.counts();
        let of = |fate| link.fates().iter().filter(|one| one.1 == fate).count() as u64;
        assert_eq!(of(Fate::Lost), counts.lost);
        assert_eq!(of(Fate::Changed), counts.corrupted);
        assert_eq!(of(Fate::Intact), 200 - counts.lost - counts.corrupted);
        assert_eq!(link.fates()[199].0, Instant::from_micros(199));
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

    #[test]
    fn a_held_datagram_is_overtaken_by_as_many_as_were_drawn() {
        let overtaking = Some(Overtaking {
            chance: 100,
            by: [3, 20],
            patience: Duration::from_secs(1),
        });
        let weather = Weather {
            overtaking,
            ..Weather::default()
        };
        let (arrived, counts) = arrivals(weather, 2, 250);
        assert_eq!((counts.lost, counts.delivered), (0, 250));
        assert!(counts.overtaken > 10, "{counts:?}");
        let on_time: Vec<_> = arrived.iter().filter(|(at, _)| *at == 10_000).collect();
        let late = on_time
            .windows(2)
            .filter(|pair| pair[0].1 > pair[1].1)
            .map(|pair| pair[0].1 - pair[1].1);
        let late: Vec<_> = late.collect();
        assert!(
            late.len() > 5 && late.iter().all(|by| (3..=25).contains(by)),
            "{late:?}"
        );
    }

    #[test]
    fn losses_in_a_row_end_where_the_weather_says() {
        let weather = Weather {
            loss: 900,
            in_row_max: 3,
            ..Weather::default()
        };
        let (arrived, counts) = arrivals(weather, 1, 200);
        assert!(counts.lost > 120, "{counts:?}");
        let tags = arrived.iter().map(|(_, tag)| *tag);
        let tags: Vec<_> = tags.collect();
        assert!(tags.windows(2).all(|pair| pair[1] - pair[0] <= 4));
    }

    #[test]
    fn storms_come_and_go() {
        let storms = Some(Storms {
            begin: 30,
            end: 200,
            loss: 1000,
        });
        let weather = Weather {
            storms,
            ..Weather::default()
        };
        let (arrived, counts) = arrivals(weather, 1, 250);
        assert!((10..100).contains(&counts.lost), "{counts:?}");
        let gaps = arrived.windows(2).map(|pair| pair[1].1 - pair[0].1 - 1);
        let gaps: Vec<_> = gaps.filter(|gap| *gap > 0).collect();
        assert!(gaps.iter().any(|gap| *gap >= 3), "no burst: {gaps:?}");
    }

    #[test]
    fn nothing_passes_while_the_link_is_off() {
        let periods = Periods {
            on: Duration::from_secs(5),
            off: Duration::from_secs(2),
        };
        let weather = Weather {
            blackouts: Some(periods),
            ..Weather::default()
        };
        let mut link = Link::new(weather, Random::new(1, "link"));
        for second in [0, 4, 5, 6, 7, 11, 12] {
            link.send(Instant::from_micros(second * 1_000_000), datagram(0, 1));
        }
        assert_eq!(link.counts().lost, 3);
    }

    #[test]
    fn a_long_queue_marks_what_is_capable() {
        let weather = Weather {
            bottleneck: Some(Bottleneck {
                rate: 1_000_000,
                queue: 10_000,
            }),
            mark_above: Some(3000),
            ..Weather::default()
        };
        let mut link = Link::new(weather, Random::new(1, "link"));
        link.sample_queue();
        for tag in 0..6 {
            link.send(Instant::ZERO, datagram(tag, 1000));
        }
        assert_eq!(link.counts().marked, 2);
        let lengths: Vec<_> = link.queue_samples().iter().map(|s| s.waiting).collect();
        assert_eq!(lengths, [0, 1000, 2000, 3000, 4000, 5000]);
    }
}
