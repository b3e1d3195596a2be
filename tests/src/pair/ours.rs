//! Our client connection as a [`Party`].
//!
//! Invariant: its entropy comes from the seed, and its memory is bounded by the limits given.

use super::random::Random;
use super::{Arrival, Ecn, Party, SERVER, Transmit, UNIX_SECONDS, quinn};
use quicpro_core::connection::{Codepoint, Connection, ConnectionError, Event, Receive};
use quicpro_core::http3::Memory;
use quicpro_core::{ClientConfig, Instant, Limits, TrustAnchor, WallClock};
use rustls::pki_types::CertificateDer;

/// What an application does with its connection.
pub trait Application {
    /// Something has happened.
    fn on_event(&mut self, connection: &mut Connection<'static>, event: Event);
}

/// Our client and its application.
pub struct Ours<A> {
    /// The connection.
    pub connection: Connection<'static>,
    /// The application.
    pub application: A,
    lost: Option<ConnectionError>,
    heard: Instant,
}

/// A configuration that trusts the simulation's root and expects `localhost`.
pub fn config() -> ClientConfig<'static> {
    trusting(quinn::root())
}

/// A configuration that trusts `root` alone and expects `localhost`. The anchor lives as long as the tests.
pub fn trusting(root: CertificateDer<'static>) -> ClientConfig<'static> {
    let mut store = rustls::RootCertStore::empty();
    store.add(root).expect("an authority's certificate");
    let anchors: &'static [TrustAnchor<'static>] = store.roots.leak();
    ClientConfig::new(anchors, WallClock::At(UNIX_SECONDS)).server_name("localhost")
}

impl<A: Application> Ours<A> {
    /// A client that connects at once.
    pub fn new(seed: u64, limits: Limits, config: &ClientConfig<'static>, application: A) -> Self {
        Self::at(Instant::ZERO, seed, limits, config, application)
    }

    /// A client that connects now.
    pub fn at(
        now: Instant,
        seed: u64,
        limits: Limits,
        config: &ClientConfig<'static>,
        application: A,
    ) -> Self {
        let entropy = Random::new(seed, "our entropy").key();
        let mut connection = Connection::new(Memory::boxed(&limits).transport);
        connection
            .start(config, SERVER, now, entropy)
            .expect("the configuration is complete and fits");
        Self {
            connection,
            application,
            lost: None,
            heard: now,
        }
    }

    /// Why the connection ended, once it has.
    pub fn lost(&self) -> Option<&ConnectionError> {
        self.lost.as_ref()
    }

    /// When a packet of the server's was opened last; before the first, when the connection was begun.
    pub fn heard(&self) -> Instant {
        self.heard
    }
}

impl<A: Application> Party for Ours<A> {
    fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]) {
        let opened = self.connection.stats().packets_received;
        self.connection
            .handle_datagram(now, &receive(arrival), datagram);
        if self.connection.stats().packets_received > opened {
            self.heard = now;
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.connection.handle_timeout(now);
    }

    fn run_application(&mut self, _: Instant) {
        while let Some(event) = self.connection.poll_event() {
            if let Event::Closed(error) = event {
                assert!(self.lost.replace(error).is_none(), "closed twice");
            }
            self.application.on_event(&mut self.connection, event);
        }
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        let transmit = self.connection.poll_transmit(now, out)?;
        Some(self::transmit(&transmit))
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.connection.poll_timeout()
    }
}

/// How a datagram arrives, as our connection is told it.
pub fn receive(arrival: &Arrival) -> Receive {
    let codepoint = match arrival.ecn {
        Ecn::NotCapable => Codepoint::NotEct,
        Ecn::Capable0 => Codepoint::Ect0,
        Ecn::Capable1 => Codepoint::Ect1,
        Ecn::CongestionExperienced => Codepoint::Ce,
    };
    Receive {
        remote: arrival.from,
        local: Some(arrival.to),
        codepoint,
    }
}

/// What our connection wants to be sent, as the simulation takes it.
pub fn transmit(transmit: &quicpro_core::connection::Transmit) -> Transmit {
    let ecn = match transmit.codepoint {
        Codepoint::NotEct => Ecn::NotCapable,
        Codepoint::Ect0 => Ecn::Capable0,
        Codepoint::Ect1 => Ecn::Capable1,
        Codepoint::Ce => Ecn::CongestionExperienced,
    };
    Transmit {
        to: transmit.to,
        from: transmit.from,
        len: transmit.len,
        segment_size: transmit.segment_size,
        ecn,
    }
}
