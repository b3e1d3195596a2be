//! Data through both ends: whatever is lost, late or unread, every byte arrives and nothing stalls.

use super::*;
use proptest::prelude::*;

/// What an end has still to do with a stream.
#[derive(Clone, Copy, Debug)]
struct Work {
    id: StreamId,
    to_write: u64,
    written: u64,
    to_read: u64,
    read: u64,
    is_finished: bool,
    is_ended: bool,
}

impl Work {
    fn new(id: StreamId, to_write: u64, to_read: u64) -> Self {
        Self {
            id,
            to_write,
            written: 0,
            to_read,
            read: 0,
            is_finished: false,
            is_ended: false,
        }
    }

    fn is_done(&self) -> bool {
        self.is_finished && self.is_ended
    }

    /// Writes as much as is taken; says whether anything happened.
    fn write(&mut self, end: &mut End) -> bool {
        if self.is_finished {
            return false;
        }
        let before = self.written;
        let Some(mut stream) = end.streams.send_stream(self.id) else {
            panic!("a stream in use is known");
        };
        let length = (self.to_write - self.written).min(700) as usize;
        match stream.write(&bytes(self.id, self.written, length)) {
            Ok(count) => self.written += count as u64,
            Err(error) => assert_eq!(error, WriteError::Blocked),
        }
        if self.written == self.to_write {
            stream.finish().unwrap();
            self.is_finished = true;
        }
        self.written > before || self.is_finished
    }

    /// Reads up to `most` bytes; says whether anything happened.
    fn read(&mut self, end: &mut End, most: usize) -> bool {
        if self.is_ended {
            return false;
        }
        let Some(mut stream) = end.streams.recv_stream(self.id) else {
            panic!("a stream in use is known");
        };
        let mut out = vec![0; most];
        match stream.read(&mut out) {
            Ok(0) => {
                assert_eq!(self.read, self.to_read);
                self.is_ended = true;
                true
            }
            Ok(count) => {
                assert!(out[..count] == bytes(self.id, self.read, count)[..]);
                self.read += count as u64;
                true
            }
            Err(error) => {
                assert_eq!(error, ReadError::Blocked);
                false
            }
        }
    }
}

fn server_limits() -> Limits {
    Limits::SMALL.requests(32).field_section(1024)
}

/// Opens `count` streams with an empty request and lets the server see them.
fn requests(client: &mut End, server: &mut End, count: usize) -> Vec<StreamId> {
    let ids: Vec<_> = (0..count)
        .map(|_| client.streams.open(Direction::Bidirectional).unwrap())
        .collect();
    for id in &ids {
        client.streams.send_stream(*id).unwrap().finish().unwrap();
    }
    settle(client, server);
    for id in &ids {
        let mut out = [0; 4];
        assert_eq!(
            server.streams.recv_stream(*id).unwrap().read(&mut out),
            Ok(0)
        );
    }
    ids
}

/// The server writes what it can of `works`, everything is delivered, until nothing moves any more.
fn pump(client: &mut End, server: &mut End, works: &mut [Work]) {
    loop {
        let mut is_moved = false;
        for work in works.iter_mut() {
            is_moved |= work.write(server);
        }
        settle(client, server);
        if !is_moved {
            return;
        }
    }
}

#[test]
fn an_unread_response_does_not_block_another() {
    let limits = Limits::TINY;
    let (mut client, mut server) = pair(&limits, &server_limits());
    let size = 4 * limits.receive_window as u64;
    let ids = requests(&mut client, &mut server, 2);
    let mut sent: Vec<_> = ids.iter().map(|id| Work::new(*id, size, 0)).collect();
    let mut wanted: Vec<_> = ids.iter().map(|id| Work::new(*id, 0, size)).collect();
    for which in [1, 0] {
        for _ in 0..10_000 {
            pump(&mut client, &mut server, &mut sent);
            client.now = client.now + Duration::from_millis(1);
            wanted[which].read(&mut client, 100);
            if wanted[which].is_ended {
                break;
            }
        }
        assert_eq!(wanted[which].read, size, "stream {which} stalled");
    }
    settle(&mut client, &mut server);
    client.poll();
    server.poll();
    settle(&mut client, &mut server);
    client.poll();
    assert_eq!(
        (
            client.streams.unread(),
            client.streams.receive.used_chunks()
        ),
        (0, 0)
    );
    assert_eq!(
        (client.streams.budget_used(), client.streams.active()),
        (0, 0)
    );
}

#[test]
fn one_of_many_is_read_while_the_others_are_not() {
    let limits = Limits::SMALL.requests(32).receive_window(256 * 1024);
    let (mut client, mut server) = pair(&limits, &server_limits().send_window(512 * 1024));
    let ids = requests(&mut client, &mut server, 32);
    let size = 600_000;
    let mut sent: Vec<_> = ids.iter().map(|id| Work::new(*id, size, 0)).collect();
    let mut wanted = Work::new(ids[17], 0, size);
    for _ in 0..100_000 {
        pump(&mut client, &mut server, &mut sent);
        wanted.read(&mut client, 3000);
        if wanted.is_ended {
            break;
        }
    }
    assert_eq!(wanted.read, size);
}

#[test]
fn the_engines_streams_flow_while_every_request_is_unread() {
    let limits = Limits::TINY;
    let (mut client, mut server) = pair(&limits, &server_limits());
    let ids = requests(&mut client, &mut server, 2);
    let mut sent: Vec<_> = ids.iter().map(|id| Work::new(*id, 100_000, 0)).collect();
    pump(&mut client, &mut server, &mut sent);
    let control = server.streams.open(Direction::Unidirectional).unwrap();
    let mut settings = Work::new(control, 5000, 0);
    let mut reading = Work::new(control, 0, 5000);
    for _ in 0..1000 {
        if settings.is_finished && reading.is_ended {
            break;
        }
        settings.write(&mut server);
        settle(&mut client, &mut server);
        if client.streams.recv_stream(control).is_some() {
            reading.read(&mut client, 64);
        }
    }
    assert_eq!(reading.read, 5000);
}

#[test]
fn a_fast_reader_gets_more_and_gives_it_back() {
    let limits = Limits::SMALL;
    let (mut client, mut server) = pair(&limits, &server_limits().send_window(128 * 1024));
    let ids = requests(&mut client, &mut server, 1);
    let size = 1_000_000;
    let mut sent = [Work::new(ids[0], size, 0)];
    let mut wanted = Work::new(ids[0], 0, size);
    let mut largest = 0;
    while !wanted.is_ended {
        pump(&mut client, &mut server, &mut sent);
        largest = largest.max(client.streams.unread());
        assert!(
            wanted.read(&mut client, 1 << 20),
            "stalled at {}",
            wanted.read
        );
    }
    let initial = limits.initial_stream_window() as u64;
    let most = limits.receive_window as u64 - limits.engine_window as u64 - 7 * initial;
    assert_eq!(
        largest, most,
        "the reader got all but the others' first shares"
    );
    assert_eq!(client.streams.budget_used(), 0);
}

/// Fate of packets.
#[derive(Clone, Debug)]
struct Weather {
    loss: u64,
    reorder: u64,
    /// An acknowledged packet is taken for lost first.
    spurious: u64,
    seed: u8,
    size: usize,
}

fn weather() -> impl Strategy<Value = Weather> {
    (
        0..40_u64,
        0..40_u64,
        0..20_u64,
        any::<u8>(),
        prop_oneof![Just(1200_usize), 40..300_usize],
    )
        .prop_map(|(loss, reorder, spurious, seed, size)| Weather {
            loss,
            reorder,
            spurious,
            seed,
            size,
        })
}

/// Sends one packet of `from` on its way, or reports one that is under way.
fn move_packet(
    from: &mut End,
    to: &mut End,
    flight: &mut Vec<Packet>,
    weather: &Weather,
    random: &mut Random,
) -> Result<bool, TransportError> {
    if flight.len() < 40
        && let Some(packet) = from.transmit(weather.size)
    {
        flight.push(packet);
        return Ok(true);
    }
    if flight.is_empty() {
        return Ok(false);
    }
    let which = if random.below(100) < weather.reorder {
        random.below(flight.len() as u64) as usize
    } else {
        0
    };
    let packet = flight.remove(which);
    if random.below(100) < weather.loss {
        from.lose(&packet);
        return Ok(true);
    }
    to.receive_packet(&packet)?;
    if random.below(100) < weather.spurious {
        from.lose(&packet);
        to.receive_packet(&packet)?;
    }
    from.acknowledge(&packet);
    Ok(true)
}

fn transfer(limits: &Limits, works: &[(u64, u64)], weather: &Weather, bursts: usize) {
    let (mut client, mut server) = pair(limits, &server_limits());
    let mut random = Random::new([weather.seed; 32]);
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let mut waiting: Vec<(u64, u64)> = works.to_vec();
    let (mut up, mut down): (Vec<Work>, Vec<Work>) = (Vec::new(), Vec::new());
    let mut idle = 0;
    let mut rounds = 0;
    while !(waiting.is_empty() && up.is_empty() && down.is_empty()) {
        rounds += 1;
        assert!(
            idle < 50 && rounds < 200_000,
            "stalled: {up:?} {down:?} {waiting:?}"
        );
        idle += 1;
        client.now = client.now + Duration::from_micros(500);
        server.now = client.now;
        if open_what_waits(&mut client, &mut waiting, &mut up) {
            idle = 0;
        }
        client.poll();
        for event in server.poll() {
            if let StreamEvent::Opened { id } = event {
                let (request, response) = works[works.len() - 1 - id.index() as usize];
                down.push(Work::new(id, response, request));
            }
        }
        for _ in 0..=random.below(bursts as u64) {
            let is_moved = move_packet(&mut client, &mut server, &mut there, weather, &mut random)
                .unwrap()
                | move_packet(&mut server, &mut client, &mut back, weather, &mut random).unwrap();
            if is_moved {
                idle = 0;
            }
        }
        for (end, list) in [(&mut client, &mut up), (&mut server, &mut down)] {
            for work in list.iter_mut() {
                let most = 1 + random.below(900) as usize;
                if random.below(3) == 0 && (work.write(end) | work.read(end, most)) {
                    idle = 0;
                }
            }
            list.retain(|work| !work.is_done());
        }
    }
    for _ in 0..10_000 {
        let is_moved = move_packet(&mut client, &mut server, &mut there, weather, &mut random)
            .unwrap()
            | move_packet(&mut server, &mut client, &mut back, weather, &mut random).unwrap();
        client.poll();
        server.poll();
        if !is_moved {
            break;
        }
    }
    for end in [&client, &server] {
        assert_everything_came_back(end);
    }
}

/// Opens streams for the works that wait, as far as they can be; says whether there was one.
fn open_what_waits(client: &mut End, waiting: &mut Vec<(u64, u64)>, up: &mut Vec<Work>) -> bool {
    let before = waiting.len();
    while let Some((request, response)) = waiting.last().copied() {
        match client.streams.open(Direction::Bidirectional) {
            Ok(id) => {
                up.push(Work::new(id, request, response));
                waiting.pop();
            }
            Err(error) => {
                assert_eq!(error, OpenError::Blocked);
                break;
            }
        }
    }
    waiting.len() < before
}

/// All chunks, slots and credit are free again.
fn assert_everything_came_back(end: &End) {
    assert_eq!(end.streams.active(), 0);
    assert_eq!((end.streams.unread(), end.streams.budget_used()), (0, 0));
    assert_eq!(end.streams.receive.used_chunks(), 0);
    assert_eq!(end.streams.send.used_chunks(), 0);
    let is_free = |slot| end.streams.slots.id(slot).is_none();
    assert!((0..7).all(is_free), "a slot leaks");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn everything_arrives_in_any_weather(
        weather in weather(),
        works in proptest::collection::vec((0..6000_u64, 0..20_000_u64), 1..8),
        bursts in 1..40_usize,
    ) {
        transfer(&Limits::TINY, &works, &weather, bursts);
    }
}
