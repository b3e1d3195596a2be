//! Sinks in virtual time: nothing changes when somebody listens, and a ring tells the same as a file.

use quicpro::qlog::{Writer, decode_ring};
use quicpro_core::Limits;
#[cfg(feature = "qlog-tools")]
use quicpro_core::connection::State;
use quicpro_core::mem::Object;
use quicpro_core::trace::Sink;
use quicpro_core::trace::record::{Recorder, dump, ring_words};
use quicpro_tests::pair::our_pattern::Client;
use quicpro_tests::pair::ours::{self, Ours};
use quicpro_tests::pair::pattern::{Plan, Server};
use quicpro_tests::pair::quinn::{Options, Quinn};
use quicpro_tests::pair::{Pair, Weather};
use std::io::{self, Write};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A file that can be read while somebody else writes it.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    pub(super) fn text(&self) -> String {
        let bytes = self.0.lock().expect("no panic").clone();
        String::from_utf8(bytes).expect("text")
    }
}

/// A bad day with an exchange on it; its transcript.
fn run(seed: u64, sink: Option<Object<'static, dyn Sink>>) -> String {
    let plans = [Plan {
        up: 60_000,
        down: 90_000,
    }];
    let application = Client::new(&plans, 10_000);
    let mut client = Ours::new(seed, Limits::SMALL, &ours::config(), application);
    if let Some(sink) = sink {
        client.connection.set_sink(sink);
    }
    let server = Quinn::server(seed, Options::default(), Server::default());
    let weather = Weather {
        loss: 30,
        ..Weather::default()
    };
    let mut pair = Pair::new(seed, &weather, client, server);
    let done = pair.run(Duration::from_secs(600), |client, _| {
        client.application.completed == 1
    });
    done.expect("the exchange ends");
    pair.transcript()
}

/// The file of an upload with a change of the path in the middle, which `go` begins.
#[cfg(feature = "qlog-tools")]
pub(super) fn moving(
    seed: u64,
    go: impl FnOnce(&mut Pair<Ours<Client>, Quinn<Server>>, std::net::SocketAddr),
) -> String {
    let plan = Plan {
        up: 60_000,
        down: 1,
    };
    let mut client = Ours::new(
        seed,
        Limits::SMALL,
        &ours::config(),
        Client::new(&[plan], 10_000),
    );
    let file = Shared::default();
    let writer = Writer::without_wall_clock(file.clone(), "moving");
    client.connection.set_sink(Object::Owned(Box::new(writer)));
    let server = Quinn::server(seed, Options::default(), Server::default());
    let mut pair = Pair::new(seed, &Weather::default(), client, server);
    pair.run(Duration::from_secs(60), |client, _| {
        client.connection.state() == State::Confirmed
    })
    .expect("a handshake");
    go(
        &mut pair,
        "[2001:db8::2]:41000".parse().expect("an address"),
    );
    pair.run(Duration::from_secs(60), |client, _| {
        client.application.completed == 1
    })
    .expect("the exchange ends");
    drop(pair);
    file.text()
}

#[test]
fn a_listener_changes_nothing() {
    for seed in 0..5 {
        let file = Shared::default();
        let writer = Writer::without_wall_clock(file.clone(), "simulated");
        let heard = run(seed, Some(Object::Owned(Box::new(writer))));
        assert_eq!(run(seed, None), heard);
        let text = file.text();
        assert!(text.contains("quic:packet_lost"), "30 per mille are lost");
        assert!(text.contains("quic:recovery_metrics_updated"));
    }
}

#[test]
fn a_ring_tells_the_same_as_a_file() {
    let file = Shared::default();
    let writer = Writer::without_wall_clock(file.clone(), "simulated");
    run(3, Some(Object::Owned(Box::new(writer))));

    let memory: &'static [AtomicU32] = (0..ring_words(30_000))
        .map(|_| AtomicU32::new(0))
        .collect::<Vec<_>>()
        .leak();
    let recorder = Recorder::new(memory);
    run(3, Some(Object::Owned(Box::new(recorder))));
    let mut bytes = Vec::new();
    dump(memory, |word| bytes.extend(word));
    let decoded = Shared::default();
    let found = decode_ring(&bytes, "simulated", decoded.clone()).expect("a ring");
    assert_eq!((found.overwritten, found.skipped), (0, 0));
    assert!(found.events > 100);
    let (decoded, file) = (decoded.text(), file.text());
    for (line, (ring, file)) in decoded.lines().zip(file.lines()).enumerate() {
        assert_eq!(ring, file, "line {line}");
    }
    assert_eq!(decoded.lines().count(), file.lines().count());
}

/// A search for the path's MTU ends with probes that nobody answers: they are told apart from losses.
#[test]
fn lost_probes_of_the_mtu_are_called_so() {
    let file = Shared::default();
    let writer = Writer::without_wall_clock(file.clone(), "simulated");
    let plan = Plan {
        up: 200_000,
        down: 10,
    };
    let mut client = Ours::new(
        1,
        Limits::DESKTOP,
        &ours::config(),
        Client::new(&[plan], 10_000),
    );
    client.connection.set_sink(Object::Owned(Box::new(writer)));
    let server = Quinn::server(1, Options::default(), Server::default());
    let weather = Weather {
        mtu: 1_200,
        ..Weather::default()
    };
    let mut pair = Pair::new(1, &weather, client, server);
    let done = pair.run(Duration::from_secs(60), |client, _| {
        client.application.completed == 1
    });
    done.expect("the exchange ends");
    drop(pair);
    let text = file.text();
    let of = |name: &str| -> Vec<&str> {
        let name = format!(r#""name":"quic:{name}""#);
        text.lines().filter(|line| line.contains(&name)).collect()
    };
    let is_probe = |line: &&&str| line.contains(r#""is_mtu_probe_packet":true"#);
    let lost = of("packet_lost");
    assert!(
        !lost.is_empty() && lost.iter().all(|line| is_probe(&line)),
        "{lost:?}"
    );
    let sent = of("packet_sent").iter().filter(is_probe).count();
    assert!(sent >= lost.len(), "{sent} probes");
}
