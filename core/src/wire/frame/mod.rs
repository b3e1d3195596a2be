//! Frames (RFC 9000 §19).

use super::{Code, Direction, StreamId};
use crate::codec::{Full, Writer};

/// A frame, borrowed from the datagram it came in. One that exists is legal by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A run of `length` PADDING frames.
    Padding {
        /// How many bytes, at least 1.
        length: usize,
    },
    /// PING.
    Ping,
    /// ACK, with or without ECN counts.
    Ack(Ack<'a>),
    /// RESET_STREAM.
    ResetStream {
        /// The stream whose sending part ends.
        id: StreamId,
        /// The application's code.
        code: u64,
        /// Bytes the sender counts towards flow control.
        final_size: u64,
    },
    /// STOP_SENDING.
    StopSending {
        /// The stream that is no longer read.
        id: StreamId,
        /// The application's code.
        code: u64,
    },
    /// CRYPTO.
    Crypto {
        /// Offset in the CRYPTO stream of this level.
        offset: u64,
        /// The bytes; `offset` plus their length is below 2^62.
        data: &'a [u8],
    },
    /// NEW_TOKEN.
    NewToken {
        /// Not empty.
        token: &'a [u8],
    },
    /// STREAM.
    Stream {
        /// The stream.
        id: StreamId,
        /// Offset of the first byte.
        offset: u64,
        /// The bytes; `offset` plus their length is below 2^62.
        data: &'a [u8],
        /// Nothing follows.
        fin: bool,
    },
    /// MAX_DATA.
    MaxData {
        /// Bytes on all streams together.
        limit: u64,
    },
    /// MAX_STREAM_DATA.
    MaxStreamData {
        /// The stream.
        id: StreamId,
        /// Bytes on that stream.
        limit: u64,
    },
    /// MAX_STREAMS.
    MaxStreams {
        /// Which kind of stream.
        direction: Direction,
        /// Streams in all, at most 2^60.
        limit: u64,
    },
    /// DATA_BLOCKED.
    DataBlocked {
        /// The limit that blocks.
        limit: u64,
    },
    /// STREAM_DATA_BLOCKED.
    StreamDataBlocked {
        /// The stream.
        id: StreamId,
        /// The limit that blocks.
        limit: u64,
    },
    /// STREAMS_BLOCKED.
    StreamsBlocked {
        /// Which kind of stream.
        direction: Direction,
        /// The limit that blocks, at most 2^60.
        limit: u64,
    },
    /// NEW_CONNECTION_ID.
    NewConnectionId {
        /// Its number.
        sequence: u64,
        /// All below are to be retired; at most `sequence`.
        retire_prior_to: u64,
        /// 1 to 20 bytes.
        cid: &'a [u8],
        /// The token of a stateless reset for this connection ID.
        reset_token: [u8; 16],
    },
    /// RETIRE_CONNECTION_ID.
    RetireConnectionId {
        /// Its number.
        sequence: u64,
    },
    /// PATH_CHALLENGE.
    PathChallenge([u8; 8]),
    /// PATH_RESPONSE.
    PathResponse([u8; 8]),
    /// CONNECTION_CLOSE of either type.
    ConnectionClose(Close<'a>),
    /// HANDSHAKE_DONE.
    HandshakeDone,
}

/// The contents of an ACK frame; all ranges were checked when it was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The largest number acknowledged.
    pub largest: u64,
    /// ACK Delay as it stands on the wire, before scaling by the peer's exponent.
    pub delay: u64,
    /// Length of the first range less one.
    pub(crate) first_range: u64,
    /// The encoded further ranges.
    pub(crate) ranges: &'a [u8],
    /// The three counts, for the ECN variant.
    pub ecn: Option<EcnCounts>,
}

/// Cumulative ECN counts of an ACK frame (RFC 9000 §19.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EcnCounts {
    /// Packets received with ECT(0).
    pub ect0: u64,
    /// Packets received with ECT(1).
    pub ect1: u64,
    /// Packets received with ECN-CE.
    pub ce: u64,
}

/// The contents of a CONNECTION_CLOSE frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close<'a> {
    /// Type 0x1c: from the transport.
    Transport {
        /// Why.
        code: Code,
        /// The type of the frame that caused it, 0 for none.
        frame: u64,
        /// For people; not necessarily UTF-8.
        reason: &'a [u8],
    },
    /// Type 0x1d: from the application.
    Application {
        /// The application's code.
        code: u64,
        /// For people; not necessarily UTF-8.
        reason: &'a [u8],
    },
}

impl Frame<'_> {
    /// Writes the frame whole, or nothing.
    pub fn encode(&self, _writer: &mut Writer<'_>) -> Result<(), Full> {
        todo!()
    }
}
