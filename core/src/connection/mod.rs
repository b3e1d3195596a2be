//! A QUIC connection (RFC 9000, 9001, 9002): components and the order in which they are asked.
//!
//! The user's loop is: all input that is ready, then `poll_event` until it is empty, then
//! `poll_transmit` until it is empty, then wait for `poll_timeout`. Any other order is legal, too.
//!
//! Invariant: no algorithm lives here; whatever arrives, in whatever state, no verb fails or panics.

use core::net::SocketAddr;

use crate::crypto::Random;
use crate::recovery::Recovery;
use crate::stream::{OpenError, RecvStream, SendStream};
use crate::time::Duration;
use crate::tls;
use crate::trace::Trace;
use crate::wire::packet::ConnectionId;
use crate::wire::{Direction, StreamId};

mod close;
mod components;
mod config;
mod crypto_stream;
#[cfg(feature = "datagrams")]
mod datagram;
mod early;
mod error;
mod event;
mod extensions;
mod frames;
mod handshake;
mod interest;
mod keys;
mod lent;
mod memory;
#[cfg(feature = "migration")]
mod migration;
#[cfg(feature = "pmtud")]
mod mtu;
#[cfg(feature = "tokens")]
mod new_token;
mod packet_builder;
mod promise;
mod receive;
mod refusal;
mod state;
mod stats;
mod timer;
mod tracer;
mod transmit;
mod version;
mod version_choice;

#[cfg(feature = "migration")]
pub use crate::path::{PathId, Rotation};
pub use crate::recovery::Codepoint;
pub use crate::tls::ConfigError;
pub use config::ClientConfig;
#[cfg(feature = "datagrams")]
pub use datagram::{DatagramStats, Precedence, RecvDatagramError, SendDatagramError};
pub use error::{CloseReason, ConnectionError, REASON_BYTES_MAX, Reason};
pub use event::{Event, Receive, Transmit};
#[cfg(any(test, feature = "testing"))]
pub use keys::KeyLimits;
pub use memory::Memory;
#[cfg(feature = "migration")]
pub use migration::{MigrateError, PathStats};
#[cfg(feature = "tokens")]
pub use new_token::NEW_TOKEN_MAX;
pub use state::State;
pub use stats::Stats;

use components::Components;
use crypto_stream::CryptoReceive;
use keys::Keyring;
use stats::Counters;

/// What is to be told the user and is not derived from elsewhere.
#[derive(Debug, Default)]
struct Events {
    handshake_data: bool,
    verification: bool,
    /// The question was put already.
    verification_asked: bool,
    connected: bool,
    session: bool,
    closed: bool,
}

/// One client connection, in memory that was given to it once.
pub struct Connection<'m> {
    state: State,
    remote: SocketAddr,
    #[cfg(feature = "migration")]
    routes: crate::path::Routes,
    /// Our connection ID in long headers.
    source: ConnectionId,
    settings: config::Settings<'m>,
    keyring: Keyring,
    tls: tls::Handshake<'m>,
    crypto_receive: CryptoReceive,
    parts: Components<'m>,
    recovery: Recovery<'m>,
    version: version::Negotiation,
    close: close::Closing,
    early: early::Early<'m>,
    timers: timer::Timers,
    random: Random,
    trace: Trace,
    counters: Counters,
    events: Events,
    error: Option<ConnectionError>,
    /// What the server says it will keep to.
    promise: promise::Promise,
    /// A packet is to be sent that asks for an acknowledgement, whatever else there is to say.
    ping: bool,
    /// The next ack-eliciting packet restarts the idle timer.
    idle_restartable: bool,
    /// Bytes of the longest datagram that the application's buffer takes.
    datagram_max: u16,
}

impl<'m> Connection<'m> {
    /// Takes the next event; `None` when there is none. Draining it always ends.
    #[inline(never)]
    pub fn poll_event(&mut self) -> Option<Event> {
        let take = core::mem::take::<bool>;
        if take(&mut self.events.handshake_data) {
            return Some(Event::HandshakeData);
        }
        if take(&mut self.events.verification) {
            return Some(Event::VerificationPending);
        }
        if take(&mut self.events.connected) {
            return Some(Event::Connected);
        }
        if take(&mut self.events.session) {
            return Some(Event::NewSession);
        }
        #[cfg(feature = "tokens")]
        if self.parts.new_token.take_untold() {
            return Some(Event::NewToken);
        }
        #[cfg(feature = "datagrams")]
        if self.parts.datagrams.take_arrived() {
            return Some(Event::DatagramReceived);
        }
        #[cfg(feature = "migration")]
        if let Some(id) = self.routes.take_validated() {
            return Some(Event::PathValidated(id));
        }
        #[cfg(feature = "migration")]
        if let Some(id) = self.routes.take_abandoned() {
            return Some(Event::PathAbandoned(id));
        }
        if let Some(event) = self.parts.streams.poll_event() {
            self.report_stream(event);
            return Some(Event::Stream(event));
        }
        let error = self.error.filter(|_| take(&mut self.events.closed))?;
        Some(Event::Closed(error))
    }

    /// Opens a stream, as far as the peer permits and there is a place for it.
    pub fn open_stream(&mut self, direction: Direction) -> Result<StreamId, OpenError> {
        if !self.state.is_established() {
            return Err(if self.state.is_open() {
                OpenError::Blocked
            } else {
                OpenError::Closed
            });
        }
        let id = self.parts.streams.open(direction)?;
        self.report_opened(id);
        Ok(id)
    }

    /// The sending part of a stream; `None` if it has none, or is over and forgotten.
    pub fn send_stream(&mut self, id: StreamId) -> Option<SendStream<'_, 'm>> {
        self.parts.streams.send_stream(id)
    }

    /// The receiving part of a stream; `None` if it has none, or is over and forgotten.
    pub fn recv_stream(&mut self, id: StreamId) -> Option<RecvStream<'_, 'm>> {
        self.parts.streams.recv_stream(id)
    }

    /// Received bytes of a stream from `offset` bytes behind its read offset on, without taking them: a
    /// contiguous piece, which may be short; empty if there is none.
    pub fn peek_stream(&self, id: StreamId, offset: usize) -> &[u8] {
        self.parts.streams.peek(id, offset)
    }

    /// Asks for an update of the 1-RTT keys; `false` while the last one is not confirmed by the peer.
    pub fn update_keys(&mut self) -> bool {
        self.state == State::Confirmed && self.start_key_update()
    }

    /// Holds the 1-RTT keys to lower limits than those of RFC 9001 §6.6, once they exist.
    #[cfg(any(test, feature = "testing"))]
    pub fn set_key_limits(&mut self, limits: KeyLimits) {
        self.keyring.set_limits(limits);
    }

    /// Has the peer acknowledge something soon: a sign of life from an idle connection.
    pub fn ping(&mut self) {
        self.ping = self.state.is_established();
    }

    /// Where the connection stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Why the connection ended, once it has.
    pub fn error(&self) -> Option<ConnectionError> {
        self.error
    }

    /// Randomness for what is sent for others to ignore. What is seen of it says nothing of the rest.
    pub(crate) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// The server's address, on the path in use.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// The version of QUIC that is spoken: that of the first flight until the server has answered.
    pub fn version(&self) -> crate::wire::packet::Version {
        self.version.choice.current()
    }

    /// The negotiated cipher suite, once TLS has one.
    pub fn suite(&self) -> Option<crate::crypto::Suite> {
        self.keyring.suite()
    }

    /// The negotiated application protocol, once TLS has one.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.tls.protocol()
    }

    /// Bytes of a full datagram on the path in use.
    pub fn datagram_size(&self) -> u16 {
        self.recovery.datagram_size()
    }

    /// Packets leave with ECT(0), so that the network can tell of congestion without loss.
    pub fn is_marking_ecn(&self) -> bool {
        self.recovery
            .is_marking(crate::wire::packet::Space::Application)
    }

    /// Counters and estimates.
    pub fn stats(&self) -> Stats {
        let us = |time: u32| Duration::from_micros(time.into());
        Stats {
            datagrams_sent: self.counters.datagrams_sent,
            datagrams_received: self.counters.datagrams_received,
            bytes_sent: self.counters.bytes_sent,
            bytes_received: self.counters.bytes_received,
            packets_sent: self.counters.packets_sent,
            packets_received: self.counters.packets_received,
            key_updates: self.counters.key_updates,
            rtt: us(self.recovery.rtt().smoothed_us()),
            rtt_min: us(self.recovery.rtt().min_us()),
            window: self.recovery.window().into(),
            in_flight: self.recovery.bytes_in_flight().into(),
            recovery: *self.recovery.stats(),
        }
    }

    /// Why received bytes were discarded, and how often.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }
}
