//! The bare engine with its own cryptography: from its memory on it never allocates.

use super::counting::allocations;
use super::{PATH, REQUESTS};
use quicpro_core::connection::Receive;
use quicpro_core::http3::Memory;
use quicpro_core::io::{Clock, Socket};
use quicpro_core::{Client, ClientConfig, Event, Instant, Limits, Request, TrustAnchor, WallClock};
use quicpro_tests::engine::{StdClock, StdSocket};
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::time::Duration;

/// Longer than anything takes that goes well, in microseconds.
const PATIENCE: u64 = 60_000_000;

/// Adds the allocations of `call` to `sum`.
fn counted<R>(sum: &mut u64, call: impl FnOnce() -> R) -> R {
    let before = allocations();
    let result = call();
    *sum += allocations() - before;
    result
}

pub fn run(address: SocketAddr, root: CertificateDer<'static>) {
    let mut store = rustls::RootCertStore::empty();
    store.add(root).expect("an authority's certificate");
    let anchors: &'static [TrustAnchor<'static>] = store.roots.leak();
    let unix = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("it is later than 1970");
    let config = ClientConfig::new(anchors, WallClock::At(unix.as_secs())).server_name("localhost");
    let clock = StdClock::default();
    let socket = StdSocket::connect(address, clock).expect("a socket");
    let memory = Memory::boxed(&Limits::DESKTOP);
    let mut sum = 0;
    let client = counted(&mut sum, || {
        Client::connect(&config, address, memory, clock.now(), [7; 32])
    });
    let mut download = Download {
        client: client.expect("the configuration is complete"),
        socket,
        clock,
        address,
        datagram: vec![0; Limits::DESKTOP.datagram],
        sum,
        is_connected: false,
        finished: 0,
    };
    while download.finished < 2 * REQUESTS {
        assert!(
            clock.now() < Instant::from_micros(PATIENCE),
            "{} requests in time",
            download.finished
        );
        download.step();
    }
    println!(
        "engine: {} allocations in a handshake and {} requests",
        download.sum, download.finished
    );
    assert_eq!(download.sum, 0, "allocations inside the engine");
}

struct Download {
    client: Client<'static>,
    socket: StdSocket,
    clock: StdClock,
    address: SocketAddr,
    datagram: Vec<u8>,
    /// Allocations inside the engine.
    sum: u64,
    is_connected: bool,
    finished: usize,
}

impl Download {
    /// All input, all events, all output, and a wait: what `io::drive` does, with each call of the engine counted.
    fn step(&mut self) {
        let from = Receive::from(self.address);
        while let Some((length, _)) = self
            .socket
            .receive(&mut self.datagram)
            .expect("the socket works")
        {
            let (client, datagram) = (&mut self.client, &mut self.datagram[..length]);
            let now = self.clock.now();
            counted(&mut self.sum, || {
                client.handle_datagram(now, &from, datagram);
            });
        }
        let now = self.clock.now();
        let client = &mut self.client;
        counted(&mut self.sum, || client.handle_timeout(now));
        self.events();
        let (client, datagram) = (&mut self.client, &mut self.datagram[..]);
        while let Some(transmit) = counted(&mut self.sum, || client.poll_transmit(now, datagram)) {
            self.socket
                .send(&transmit, &datagram[..transmit.len])
                .expect("the socket works");
        }
        let deadline = counted(&mut self.sum, || client.poll_timeout());
        let soon = now + Duration::from_millis(100);
        let until = deadline.map_or(soon, |deadline| deadline.min(soon));
        self.socket.wait(Some(until)).expect("the socket works");
    }

    fn events(&mut self) {
        let (client, sum) = (&mut self.client, &mut self.sum);
        let mut is_asking = false;
        let mut body = [0; 200];
        loop {
            let before = allocations();
            let event = client.poll_event();
            *sum += allocations() - before;
            match event {
                None => break,
                Some(Event::Connected) => {
                    self.is_connected = true;
                    is_asking = true;
                }
                Some(Event::Response { status, .. }) => assert_eq!(status, 200),
                Some(Event::Data { request }) => {
                    while let Ok(1..) = counted(sum, || client.recv_body(request, &mut body)) {}
                }
                Some(Event::Finished { .. }) => {
                    self.finished += 1;
                    is_asking = true;
                }
                Some(Event::Closed(reason)) => panic!("{reason}"),
                Some(_) => {}
            }
        }
        if is_asking && self.is_connected {
            let id = counted(sum, || client.request(&Request::get(PATH))).expect("a request");
            counted(sum, || client.finish(id)).expect("it is open");
        }
    }
}
