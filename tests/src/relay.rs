//! A relay on loopback that loses and reorders datagrams, as bad networks do.
//!
//! ```text
//! client --> front socket --> a socket for each client --> server
//! ```
//!
//! What happens to a datagram depends on the seed and on how many came before it in its direction, not on time.
//! Invariant: a datagram is lost, or arrives once and unchanged; one that was held back arrives after the next of
//! its direction, or alone when none comes for [`HELD_MAX`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// How long a datagram waits for one that could overtake it.
const HELD_MAX: Duration = Duration::from_millis(5);

/// The longest UDP payload.
const DATAGRAM_MAX: usize = 65_527;

/// How bad the network is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Datagrams of 100 that are lost.
    pub loss: u64,
    /// Datagrams of 100 that the next one overtakes.
    pub reordering: u64,
    /// Which datagrams these are.
    pub seed: u64,
}

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the server.
    Up,
    /// To the client.
    Down,
}

/// Something was done to a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which way it went.
    pub direction: Direction,
    /// Its number, from 1, among those of its direction and client.
    pub number: u64,
    /// It was lost; else it was held back.
    pub lost: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.lost { "lost" } else { "held" };
        let way = match self.direction {
            Direction::Up => "up",
            Direction::Down => "down",
        };
        write!(f, "{what} {way} {}", self.number)
    }
}

type Reporter = Arc<dyn Fn(Report) + Send + Sync>;

/// A relay that is bound and does not yet work.
pub struct Relay {
    front: Arc<UdpSocket>,
    server: SocketAddr,
    weather: Weather,
}

impl Relay {
    /// Takes a free port on loopback; what it gets goes to `server`.
    pub fn bind(server: SocketAddr, weather: Weather) -> io::Result<Self> {
        let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?);
        Ok(Self {
            front,
            server,
            weather,
        })
    }

    /// Where clients send to.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.front.local_addr()
    }

    /// Relays until a socket fails. `report` is told of every datagram that has bad luck.
    pub fn run(self, report: impl Fn(Report) + Send + Sync + 'static) -> io::Result<()> {
        let report: Reporter = Arc::new(report);
        let mut clients: HashMap<SocketAddr, (Arc<UdpSocket>, Lane)> = HashMap::new();
        let mut buffer = vec![0; DATAGRAM_MAX];
        loop {
            let holds = clients.values().any(|(_, lane)| lane.held.is_some());
            let Some((length, from)) = receive(&self.front, &mut buffer, holds)? else {
                for (up, lane) in clients.values_mut() {
                    lane.release(&|datagram| up.send(datagram))?;
                }
                continue;
            };
            let (up, lane) = match clients.entry(from) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let up = self.begin(from, &report)?;
                    entry.insert((up, Lane::new(self.weather, Direction::Up, &report)))
                }
            };
            lane.pass(&buffer[..length], &|datagram| up.send(datagram))?;
        }
    }

    /// A socket for the client at `from`, and a thread that brings it what comes back.
    fn begin(&self, from: SocketAddr, report: &Reporter) -> io::Result<Arc<UdpSocket>> {
        let up = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?);
        up.connect(self.server)?;
        let mut lane = Lane::new(self.weather, Direction::Down, report);
        let (down, front) = (up.clone(), self.front.clone());
        std::thread::spawn(move || -> io::Result<()> {
            let forward = |datagram: &[u8]| front.send_to(datagram, from);
            let mut buffer = vec![0; DATAGRAM_MAX];
            loop {
                match receive(&down, &mut buffer, lane.held.is_some())? {
                    Some((length, _)) => lane.pass(&buffer[..length], &forward)?,
                    None => lane.release(&forward)?,
                }
            }
        });
        Ok(up)
    }
}

/// Waits for a datagram; if one is held back, no longer than that may last.
fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
    holds: bool,
) -> io::Result<Option<(usize, SocketAddr)>> {
    socket.set_read_timeout(holds.then_some(HELD_MAX))?;
    loop {
        match socket.recv_from(buffer) {
            Ok(received) => return Ok(Some(received)),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => return Ok(None),
                // Nobody hears us there yet, or any more: no matter of ours.
                ErrorKind::ConnectionRefused | ErrorKind::Interrupted => {}
                _ => return Err(error),
            },
        }
    }
}

/// One direction between one client and the server.
struct Lane {
    weather: Weather,
    direction: Direction,
    report: Reporter,
    /// Datagrams so far.
    count: u64,
    held: Option<Vec<u8>>,
}

impl Lane {
    fn new(weather: Weather, direction: Direction, report: &Reporter) -> Self {
        Self {
            weather,
            direction,
            report: report.clone(),
            count: 0,
            held: None,
        }
    }

    /// Forwards `datagram`, and what it overtakes; or loses it, or holds it back.
    fn pass(
        &mut self,
        datagram: &[u8],
        forward: &impl Fn(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        self.count += 1;
        let dice = self.dice();
        let lost = dice < self.weather.loss;
        let held = dice < self.weather.loss + self.weather.reordering && self.held.is_none();
        if lost || held {
            (self.report)(Report {
                direction: self.direction,
                number: self.count,
                lost,
            });
        }
        if lost {
            return Ok(());
        }
        if held {
            self.held = Some(datagram.to_vec());
            return Ok(());
        }
        send(forward(datagram))?;
        self.release(forward)
    }

    /// Forwards what is held back.
    fn release(&mut self, forward: &impl Fn(&[u8]) -> io::Result<usize>) -> io::Result<()> {
        match self.held.take() {
            Some(datagram) => send(forward(&datagram)),
            None => Ok(()),
        }
    }

    /// From 0 to 99, for the datagram at hand: SplitMix64 of its number, its direction and the seed.
    fn dice(&self) -> u64 {
        let stream = self.weather.seed << 1 | u64::from(self.direction == Direction::Down);
        let mut x = (stream << 32 | self.count).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ x >> 31) % 100
    }
}

/// A datagram that nobody takes is lost.
fn send(result: io::Result<usize>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::ConnectionRefused => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// What comes through of datagrams 1 to `count`, and what was reported.
    fn lane(weather: Weather, count: u64) -> (Vec<u64>, Vec<Report>) {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let sink = reports.clone();
        let report: Reporter = Arc::new(move |report| sink.lock().unwrap().push(report));
        let mut lane = Lane::new(weather, Direction::Up, &report);
        let arrived = Mutex::new(Vec::new());
        let forward = |datagram: &[u8]| {
            let number = u64::from_be_bytes(datagram.try_into().unwrap());
            arrived.lock().unwrap().push(number);
            Ok(datagram.len())
        };
        for number in 1..=count {
            lane.pass(&number.to_be_bytes(), &forward).unwrap();
        }
        lane.release(&forward).unwrap();
        let reports = reports.lock().unwrap().clone();
        (arrived.into_inner().unwrap(), reports)
    }

    #[test]
    fn what_is_not_lost_arrives_once_and_the_seed_decides_which() {
        let weather = Weather {
            loss: 5,
            reordering: 10,
            seed: 1,
        };
        let (arrived, reports) = lane(weather, 2000);
        let lost: Vec<u64> = reports
            .iter()
            .filter(|report| report.lost)
            .map(|report| report.number)
            .collect();
        assert!((50..=150).contains(&lost.len()), "{}", lost.len());
        assert!((100..=300).contains(&(reports.len() - lost.len())));
        assert!(!arrived.is_sorted());
        let mut sorted = arrived.clone();
        sorted.sort_unstable();
        let expected: Vec<u64> = (1..=2000).filter(|number| !lost.contains(number)).collect();
        assert_eq!(sorted, expected);

        assert_eq!(lane(weather, 2000), (arrived.clone(), reports));
        assert_ne!(lane(Weather { seed: 2, ..weather }, 2000).0, arrived);
    }

    #[test]
    fn good_weather_changes_nothing() {
        let weather = Weather {
            loss: 0,
            reordering: 0,
            seed: 1,
        };
        assert_eq!(lane(weather, 50), ((1..=50).collect(), Vec::new()));
    }
}
