//! What can happen, in the words of qlog's event definitions for QUIC and HTTP/3.
//!
//! Invariant: an event borrows and owns no memory; making one is cheap enough for every packet.

use core::net::SocketAddr;

use super::Discard;
use crate::crypto::Suite;
use crate::wire::frame::Frames;
use crate::wire::packet::{ConnectionId, Kind, Space, Version};
use crate::wire::{Direction, StreamId};

/// Something worth recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The connection was begun; always the first event of one.
    ConnectionStarted {
        /// The server's address.
        remote: SocketAddr,
        /// Our connection ID.
        source: ConnectionId,
        /// What the first Initial packet goes to: the original destination connection ID, which names a connection.
        destination: ConnectionId,
    },
    /// Versions that were offered, that the server offers instead, and the one in use: each as far as it is known now.
    Versions {
        /// Ours, the most wanted first.
        client: &'a [Version],
        /// The server's.
        server: &'a [Version],
        /// The one in use.
        chosen: Option<Version>,
    },
    /// The handshake or the connection moved on.
    StateUpdated {
        /// Where it is now.
        state: &'a str,
    },
    /// TLS has an application protocol.
    ProtocolChosen {
        /// Its name, at most 255 bytes.
        protocol: &'a [u8],
    },
    /// One side's transport parameters are known.
    ParametersSet {
        /// Whose.
        owner: Owner,
        /// As they stand in the TLS extension. The peer's were decoded and found legal.
        encoded: &'a [u8],
        /// The cipher suite, once TLS has one.
        suite: Option<Suite>,
    },
    /// A packet was built and is being sealed.
    PacketSent(Packet<'a>),
    /// A packet was opened, and what it carries is legal in it.
    PacketReceived(Packet<'a>),
    /// A packet that was in flight is acknowledged.
    PacketAcknowledged {
        /// Its number space.
        space: Space,
        /// Its number.
        number: u64,
    },
    /// A packet counts as lost.
    PacketLost {
        /// Its number space.
        space: Space,
        /// Its number.
        number: u64,
        /// Why.
        trigger: LossTrigger,
    },
    /// Bytes were thrown away.
    Discarded {
        /// Why.
        reason: Discard,
        /// How many.
        size: usize,
    },
    /// The estimates and the window, whenever one of them has changed.
    MetricsUpdated(Metrics),
    /// The congestion controller is in another phase.
    CongestionPhase {
        /// Its name, in the words of the controller's specification.
        phase: &'a str,
    },
    /// Full datagrams have another size.
    MtuUpdated {
        /// Bytes of UDP payload before.
        old: u16,
        /// And now.
        new: u16,
    },
    /// Keys of a level came into use.
    KeysInstalled {
        /// The level.
        space: Space,
    },
    /// Keys of a level were thrown away.
    KeysDiscarded {
        /// The level.
        space: Space,
    },
    /// The 1-RTT keys were updated.
    KeyUpdated {
        /// How often they were, this time included.
        updates: u32,
    },
    /// A path is probed, or the connection moves to one.
    Migration {
        /// How far it got.
        state: MigrationState,
        /// Our address on it, where it is known.
        local: Option<SocketAddr>,
        /// The server's.
        remote: SocketAddr,
    },
    /// A stream was opened, or one of its halves has come to an end.
    StreamUpdated {
        /// Which.
        id: StreamId,
        /// Which half.
        side: StreamSide,
        /// What it is now.
        state: StreamState,
        /// Who did that.
        owner: Owner,
    },
    /// One side's HTTP/3 settings are known.
    Http3Settings {
        /// Whose.
        owner: Owner,
        /// SETTINGS_MAX_FIELD_SECTION_SIZE, bytes.
        max_field_section_size: Option<u64>,
        /// SETTINGS_QPACK_MAX_TABLE_CAPACITY, bytes.
        max_table_capacity: u64,
        /// SETTINGS_QPACK_BLOCKED_STREAMS.
        blocked_streams: u64,
        /// SETTINGS_ENABLE_CONNECT_PROTOCOL.
        extended_connect: bool,
        /// SETTINGS_H3_DATAGRAM.
        datagram: bool,
    },
    /// A stream's purpose is known.
    Http3Stream {
        /// Who opened it.
        owner: Owner,
        /// Which.
        id: StreamId,
        /// Its type as it stands on the wire; `None` for a request.
        kind: Option<u64>,
    },
    /// A line of the field section whose HEADERS frame is the next [`Event::Http3Frame`].
    ///
    /// Values are shown as they are: who writes them down has to leave out those that are secret.
    Http3Field {
        /// Who sends it.
        owner: Owner,
        /// On which stream.
        id: StreamId,
        /// The name, pseudo-headers included.
        name: &'a [u8],
        /// The value.
        value: &'a [u8],
    },
    /// An HTTP/3 frame was written, or was read.
    Http3Frame {
        /// Who sends it.
        owner: Owner,
        /// On which stream.
        id: StreamId,
        /// The frame.
        frame: Http3Frame<'a>,
    },
    /// The connection ends.
    Closed(Closure<'a>),
}

impl Event<'_> {
    /// It concerns the connection as a whole, and there are few of its kind: a person can follow them.
    pub const fn is_phase(&self) -> bool {
        matches!(
            self,
            Self::ConnectionStarted { .. }
                | Self::Versions { .. }
                | Self::StateUpdated { .. }
                | Self::ProtocolChosen { .. }
                | Self::KeyUpdated { .. }
                | Self::Migration { .. }
                | Self::MtuUpdated { .. }
                | Self::Closed(_)
        )
    }
}

/// Which of the two endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This one.
    Local,
    /// The peer.
    Remote,
}

/// A packet as its sender made it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What kind.
    pub kind: Kind,
    /// Its number; 0 for the kinds that have none.
    pub number: u64,
    /// Bytes, header and tag included.
    pub size: usize,
    /// The version in a long header.
    pub version: Version,
    /// Whom it is for.
    pub destination: ConnectionId,
    /// Whom it is from; empty in a short header.
    pub source: ConnectionId,
    /// Bytes of the token in an Initial or Retry packet.
    pub token_length: usize,
    /// Its plaintext: legal frames.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Its frames, in their order.
    pub const fn frames(&self) -> Frames<'a> {
        Frames::new(self.payload)
    }
}

impl core::fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Packet")
            .field("kind", &self.kind)
            .field("number", &self.number)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Why a packet counts as lost (RFC 9002 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossTrigger {
    /// Packets sent enough later were acknowledged.
    Reordering,
    /// One sent later was acknowledged, and it is late by time.
    Time,
}

/// Estimates of recovery and congestion control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The latest round-trip time, microseconds; 0 before the first.
    pub rtt_latest_us: u32,
    /// The smoothed round-trip time, microseconds; 0 before the first.
    pub rtt_us: u32,
    /// The least one, microseconds; 0 before the first.
    pub rtt_min_us: u32,
    /// Its variation, microseconds; 0 before the first.
    pub rtt_variation_us: u32,
    /// Probe timeouts in a row.
    pub pto_count: u8,
    /// Congestion window, bytes.
    pub window: u32,
    /// Bytes in flight.
    pub in_flight: u32,
    /// The slow start threshold, bytes, of a controller that has one and has found it.
    pub threshold: Option<u32>,
    /// Bytes a second that the pacer lets leave.
    pub pacing_rate: u64,
}

/// What becomes of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationState {
    /// Challenges are sent.
    ProbingStarted,
    /// They were not answered.
    ProbingAbandoned,
    /// One was answered.
    ProbingSuccessful,
    /// Other packets than probes are sent on it.
    MigrationStarted,
    /// The connection is back on the path it came from.
    MigrationAbandoned,
    /// It is the connection's path.
    MigrationComplete,
}

/// Which half of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamSide {
    /// From here to the peer.
    Sending,
    /// From the peer.
    Receiving,
}

/// What a half of a stream has come to (RFC 9000 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// It can carry data.
    Open,
    /// Everything that was sent has arrived.
    DataReceived,
    /// The sender gave it up.
    ResetReceived,
    /// The receiver does not read any further.
    Stopped,
}

/// An HTTP/3 frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http3Frame<'a> {
    /// DATA.
    Data {
        /// Bytes of content.
        length: u64,
    },
    /// HEADERS, behind an [`Event::Http3Field`] for each of its lines.
    Headers {
        /// Bytes of the encoded section.
        length: u64,
    },
    /// SETTINGS, whose contents [`Event::Http3Settings`] shows.
    Settings,
    /// GOAWAY.
    GoAway {
        /// The first request or push that will not be answered.
        id: u64,
    },
    /// PRIORITY_UPDATE of a request.
    PriorityUpdate {
        /// The request's stream.
        request: u64,
        /// The priority as a structured field.
        value: &'a str,
    },
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closure<'a> {
    /// Nothing was heard for the idle timeout.
    IdleTimeout,
    /// The peer has lost its state.
    StatelessReset,
    /// There is no common version.
    VersionMismatch,
    /// With a code of the transport.
    Transport {
        /// Who closed.
        owner: Owner,
        /// Why.
        code: u64,
        /// For people; not necessarily UTF-8.
        reason: &'a [u8],
    },
    /// With a code of the application.
    Application {
        /// Who closed.
        owner: Owner,
        /// Why.
        code: u64,
        /// For people; not necessarily UTF-8.
        reason: &'a [u8],
    },
}

impl StreamSide {
    /// The halves that a stream opened by `owner` has here.
    pub fn of(owner: Owner, direction: Direction) -> &'static [Self] {
        match (direction, owner) {
            (Direction::Bidirectional, _) => &[Self::Sending, Self::Receiving],
            (Direction::Unidirectional, Owner::Local) => &[Self::Sending],
            (Direction::Unidirectional, Owner::Remote) => &[Self::Receiving],
        }
    }
}
