//! Extensions of QUIC against quinn-proto, which has them all, in virtual time.

use quicpro_core::connection::{
    Connection, DatagramStats, Event, RecvDatagramError, SendDatagramError,
};
use quicpro_core::mem::Shared;
use quicpro_core::{ClientConfig, Limits};
use quicpro_tests::pair::our_pattern;
use quicpro_tests::pair::ours::{self, Ours};
use quicpro_tests::pair::pattern::{self, Plan};
use quicpro_tests::pair::quinn::{self, Options, Quinn};
use quicpro_tests::pair::{Pair, Verdict, Weather};
use quinn_proto::{AckFrequencyConfig, TransportConfig};
use std::collections::BTreeSet;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(600);

/// Sends datagrams that are numbered, as fast as they are taken, and notes what comes back.
struct Caller {
    sent: u32,
    all: u32,
    length: usize,
    echoed: Vec<u32>,
}

impl Caller {
    fn call(&mut self, connection: &mut Connection<'static>) {
        while self.sent < self.all {
            let mut data = vec![self.sent as u8; self.length];
            data[..4].copy_from_slice(&self.sent.to_be_bytes());
            match connection.send_datagram(&data) {
                Ok(()) => self.sent += 1,
                Err(SendDatagramError::Blocked) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn read(&mut self, connection: &mut Connection<'static>) {
        let mut data = [0; 1_500];
        loop {
            match connection.recv_datagram(&mut data) {
                Ok(length) => {
                    assert_eq!(length, self.length);
                    let number = u32::from_be_bytes(data[..4].try_into().unwrap());
                    assert!(data[4..length].iter().all(|&byte| byte == number as u8));
                    self.echoed.push(number);
                }
                Err(RecvDatagramError::Blocked) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl ours::Application for Caller {
    fn on_event(&mut self, connection: &mut Connection<'static>, event: Event) {
        match event {
            Event::Connected => self.call(connection),
            Event::DatagramReceived => {
                self.read(connection);
                self.call(connection);
            }
            _ => {}
        }
    }
}

/// Sends every datagram back.
struct Echo;

impl quinn::Application for Echo {
    fn on_event(&mut self, connection: &mut quinn_proto::Connection, event: quinn_proto::Event) {
        if let quinn_proto::Event::DatagramReceived = event {
            while let Some(data) = connection.datagrams().recv() {
                connection
                    .datagrams()
                    .send(data, true)
                    .expect("as large as one that came");
            }
        }
    }
}

/// Numbers that came back, and what became of all.
fn echoed(seed: u64, weather: &Weather, all: u32, length: usize) -> (Vec<u32>, DatagramStats) {
    let limits = Limits::SMALL.datagrams(64 * 1024);
    let caller = Caller {
        sent: 0,
        all,
        length,
        echoed: Vec::new(),
    };
    let client = Ours::new(seed, limits, &ours::config(), caller);
    let server = Quinn::server(seed, Options::default(), Echo);
    let mut pair = Pair::new(seed, weather, client, server);
    let _ = pair.run(Duration::from_secs(20), |client, _| {
        let Ours {
            connection,
            application,
            ..
        } = client;
        application.call(connection);
        application.echoed.len() == all as usize
    });
    pair.run_for(Duration::from_secs(5));
    assert_eq!(pair.client.lost(), None);
    let stats = pair.client.connection.datagram_stats();
    (std::mem::take(&mut pair.client.application.echoed), stats)
}

//= rfc9221#5 test
#[test]
fn datagrams_cross_a_clear_network_in_order() {
    for length in [4, 100, 1_162] {
        let (numbers, stats) = echoed(1, &Weather::default(), 2_000, length);
        assert!(numbers.iter().copied().eq(0..2_000), "{}", numbers.len());
        assert_eq!((stats.sent, stats.acknowledged), (2_000, 2_000));
        assert_eq!((stats.received, stats.lost, stats.dropped), (2_000, 0, 0));
    }
}

//= rfc9221#5.2 test
#[test]
fn datagrams_in_a_storm_arrive_once_or_not_at_all() {
    for seed in 0..10 {
        let (numbers, stats) = echoed(seed, &Weather::stormy(100), 500, 300);
        let distinct: BTreeSet<_> = numbers.iter().collect();
        assert_eq!(distinct.len(), numbers.len(), "one came twice");
        assert!((100..500).contains(&numbers.len()), "{}", numbers.len());
        assert_eq!(stats.sent, 500);
        assert!(stats.acknowledged + stats.lost >= 500, "{stats:?}");
        assert!(stats.lost > 10, "{stats:?}");
    }
}

/// Sends datagrams that are each as long as it can be at the time, as many as the queue takes.
struct Talker {
    lengths: Vec<usize>,
}

impl ours::Application for Talker {
    fn on_event(&mut self, connection: &mut Connection<'static>, event: Event) {
        if matches!(event, Event::Connected) {
            assert_eq!(self.talk(connection), Ok(()));
        }
    }
}

impl Talker {
    fn talk(&mut self, connection: &mut Connection<'static>) -> Result<(), SendDatagramError> {
        loop {
            let longest = connection
                .max_datagram_size()
                .expect("the server takes some");
            let data = vec![7; longest];
            match connection.send_datagram(&data) {
                Ok(()) => self.lengths.push(longest),
                Err(SendDatagramError::Blocked) => break,
                Err(error) => return Err(error),
            }
            // One byte more is refused, whatever the length is at the moment.
            let more = vec![7; longest + 1];
            let error = connection.send_datagram(&more);
            assert_eq!(error, Err(SendDatagramError::TooLarge));
        }
        Ok(())
    }
}

/// Counts datagrams by their lengths.
#[derive(Default)]
struct Listener {
    lengths: Vec<usize>,
}

impl quinn::Application for Listener {
    fn on_event(&mut self, connection: &mut quinn_proto::Connection, event: quinn_proto::Event) {
        if let quinn_proto::Event::DatagramReceived = event {
            while let Some(data) = connection.datagrams().recv() {
                self.lengths.push(data.len());
            }
        }
    }
}

/// Bytes of a packet around a datagram that fills it: a flags byte, 8 of the connection ID, 4 of the number, 16 of the
/// tag, and the frame's type and length.
const AROUND: usize = 1 + 8 + 4 + 16 + 3;

//= rfc9221#5 test
#[test]
fn datagrams_are_as_long_as_the_path_permits() {
    for link in [1_200, 1_252, 1_464, 8_972] {
        let limits = Limits::SMALL.datagrams(64 * 1024).datagram(9_000);
        let talker = Talker {
            lengths: Vec::new(),
        };
        let client = Ours::new(4, limits, &ours::config(), talker);
        let options = Options {
            datagram_max: Some(9_000),
            ..Options::default()
        };
        let server = Quinn::server(4, options, Listener::default());
        let weather = Weather {
            mtu: link,
            ..Weather::default()
        };
        let mut pair = Pair::new(4, &weather, client, server);
        let talk = |pair: &mut Pair<Ours<Talker>, Quinn<Listener>>| {
            for _ in 0..600 {
                let Ours {
                    connection,
                    application,
                    ..
                } = &mut pair.client;
                if connection.state().is_established() {
                    assert_eq!(application.talk(connection), Ok(()));
                }
                pair.run_for(Duration::from_millis(20));
            }
        };
        talk(&mut pair);
        let longest = *pair.server.application.lengths.iter().max().expect("some");
        let size = usize::from(pair.client.connection.datagram_size());
        assert!((link - 16..=link).contains(&size), "{link}: {size}");
        assert_eq!(longest, size - AROUND, "on a link of {link} bytes");
        let first = pair.client.application.lengths[0];
        assert_eq!(first, 1_200 - AROUND);

        // The path shrinks: what waits is too long, and is given up; what is made for it afterwards arrives.
        let lost = pair.client.connection.datagram_stats().lost;
        pair.up.set_filter(Box::new(|_, datagram| {
            if datagram.bytes.len() > 1_200 {
                Verdict::Drop
            } else {
                Verdict::Pass
            }
        }));
        let before = pair.server.application.lengths.len();
        talk(&mut pair);
        assert_eq!(pair.client.lost(), None);
        assert_eq!(
            pair.client.connection.max_datagram_size(),
            Some(1_200 - AROUND)
        );
        let after = &pair.server.application.lengths[before..];
        assert!(after.len() > 100, "{link}: {}", after.len());
        assert!(after.iter().all(|length| *length <= longest));
        let stats = pair.client.connection.datagram_stats();
        assert_eq!(stats.lost > lost, link > 1_200, "{link}: {stats:?}");
    }
}

/// What our client did, and when it was done.
struct Outcome {
    sent: u64,
    received: u64,
    micros: u64,
}

fn exchange(seed: u64, config: &ClientConfig<'static>, server: Options, plan: Plan) -> Outcome {
    let client = our_pattern::Client::new(&[plan], 10_000);
    let client = Ours::new(seed, Limits::DESKTOP, config, client);
    let server = Quinn::server(seed, server, pattern::Server::default());
    let mut pair = Pair::new(seed, &Weather::default(), client, server);
    let result = pair.run(PATIENCE, |client, _| client.application.completed == 1);
    assert!(result.is_ok(), "{result:?} {:?}", pair.client.lost());
    let stats = pair.client.connection.stats();
    Outcome {
        sent: stats.packets_sent,
        received: stats.packets_received,
        micros: pair.now().as_micros(),
    }
}

#[test]
fn quinn_sends_fewer_acknowledgements_where_it_is_asked_to() {
    let plan = Plan {
        up: 5_000_000,
        down: 10,
    };
    let usual = exchange(1, &ours::config(), Options::default(), plan);
    let asking = ours::config().fewer_acknowledgements(true);
    let asked = exchange(1, &asking, Options::default(), plan);
    assert!(
        asked.received * 10 < usual.received * 9,
        "{} packets instead of {}",
        asked.received,
        usual.received
    );
    assert!(
        asked.micros * 100 <= usual.micros * 105,
        "{} us instead of {}",
        asked.micros,
        usual.micros
    );
}

#[test]
fn quinn_gets_fewer_acknowledgements_where_it_asks() {
    let plan = Plan {
        up: 10,
        down: 5_000_000,
    };
    let usual = exchange(1, &ours::config(), Options::default(), plan);
    let mut frequency = AckFrequencyConfig::default();
    frequency.ack_eliciting_threshold(20_u32.into());
    let mut transport = TransportConfig::default();
    transport.ack_frequency_config(Some(frequency));
    let options = Options {
        transport,
        ..Options::default()
    };
    let asked = exchange(1, &ours::config(), options, plan);
    assert!(
        asked.sent * 4 < usual.sent * 3,
        "{} packets instead of {}",
        asked.sent,
        usual.sent
    );
}

//= rfc9000#8.1.3 test
#[test]
fn a_token_of_quinns_saves_the_retry_of_the_next_connection() {
    let plan = Plan { up: 10, down: 10 };
    let run = |seed, config: &ClientConfig<'static>| {
        let client = our_pattern::Client::new(&[plan], 10_000);
        let client = Ours::new(seed, Limits::DESKTOP, config, client);
        let options = Options {
            retry: true,
            tokens: true,
            ..Options::default()
        };
        // The same server: the key of its tokens follows from its seed.
        let server = Quinn::server(1, options, pattern::Server::default());
        let mut pair = Pair::new(seed, &Weather::default(), client, server);
        let result = pair.run(PATIENCE, |client, _| client.application.completed == 1);
        assert!(result.is_ok(), "{result:?} {:?}", pair.client.lost());
        let token = pair.client.connection.new_token().to_vec();
        (token, pair.now().as_micros())
    };
    let (token, first) = run(1, &ours::config());
    assert!(!token.is_empty());
    let bring = ours::config().token(Shared::Owned(token.into()));
    let (_, second) = run(2, &bring);
    assert!(
        second + 19_000 <= first,
        "a round trip less: {second} and {first} us"
    );
}
