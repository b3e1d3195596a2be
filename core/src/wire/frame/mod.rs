//! Frames (RFC 9000 §12.4, §19): what stands between a packet's header and its tag.
//!
//! Invariant: a [`Frame`] that came out of [`Frames`] is legal by itself; whether it may appear in its
//! packet is answered by [`kind`], whether it is acceptable now by the component it is for.

mod ack;
mod decode;
pub mod kind;

pub use ack::{Ack, AckRanges, EcnCounts};
pub use decode::Frames;

use super::{Code, Direction, StreamId};
use crate::codec::{Full, Writer, to_u64};

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
    /// ACK_FREQUENCY (draft-ietf-quic-ack-frequency).
    #[cfg(feature = "ack-frequency")]
    AckFrequency {
        /// Newer requests have greater ones.
        sequence: u64,
        /// Ack-eliciting packets that need no acknowledgement of their own.
        threshold: u64,
        /// Microseconds that an acknowledgement may be held back.
        delay_us: u64,
        /// Reordering from which on an acknowledgement is not held back; 0 for never.
        reordering: u64,
    },
    /// IMMEDIATE_ACK (draft-ietf-quic-ack-frequency).
    #[cfg(feature = "ack-frequency")]
    ImmediateAck,
    /// DATAGRAM (RFC 9221).
    #[cfg(feature = "datagrams")]
    Datagram {
        /// The bytes.
        data: &'a [u8],
        /// Their number is said; otherwise they reach to the end of the packet.
        has_length: bool,
    },
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
    /// The frame's type on the wire; of a STREAM frame, the one that [`Self::encode`] writes.
    pub const fn kind(&self) -> u64 {
        match self {
            Self::Padding { .. } => kind::PADDING,
            Self::Ping => kind::PING,
            // A const fn cannot call `From`.
            Self::Ack(ack) => kind::ACK | ack.ecn.is_some() as u64,
            Self::ResetStream { .. } => kind::RESET_STREAM,
            Self::StopSending { .. } => kind::STOP_SENDING,
            Self::Crypto { .. } => kind::CRYPTO,
            Self::NewToken { .. } => kind::NEW_TOKEN,
            Self::Stream { offset, fin, .. } => {
                let offset = if *offset == 0 { 0 } else { kind::STREAM_OFF };
                let fin = if *fin { kind::STREAM_FIN } else { 0 };
                kind::STREAM | kind::STREAM_LEN | offset | fin
            }
            Self::MaxData { .. } => kind::MAX_DATA,
            Self::MaxStreamData { .. } => kind::MAX_STREAM_DATA,
            Self::MaxStreams { direction, .. } => kind::MAX_STREAMS | unidirectional(*direction),
            Self::DataBlocked { .. } => kind::DATA_BLOCKED,
            Self::StreamDataBlocked { .. } => kind::STREAM_DATA_BLOCKED,
            Self::StreamsBlocked { direction, .. } => {
                kind::STREAMS_BLOCKED | unidirectional(*direction)
            }
            Self::NewConnectionId { .. } => kind::NEW_CONNECTION_ID,
            Self::RetireConnectionId { .. } => kind::RETIRE_CONNECTION_ID,
            Self::PathChallenge(_) => kind::PATH_CHALLENGE,
            Self::PathResponse(_) => kind::PATH_RESPONSE,
            Self::ConnectionClose(Close::Transport { .. }) => kind::CONNECTION_CLOSE,
            Self::ConnectionClose(Close::Application { .. }) => kind::CONNECTION_CLOSE_APPLICATION,
            Self::HandshakeDone => kind::HANDSHAKE_DONE,
            #[cfg(feature = "ack-frequency")]
            Self::AckFrequency { .. } => kind::ACK_FREQUENCY,
            #[cfg(feature = "ack-frequency")]
            Self::ImmediateAck => kind::IMMEDIATE_ACK,
            #[cfg(feature = "datagrams")]
            // As above.
            Self::Datagram { has_length, .. } => kind::DATAGRAM | *has_length as u64,
        }
    }

    /// Bytes of a DATAGRAM frame with its type and its length, as max_datagram_frame_size counts them; else 0.
    #[cfg(feature = "datagrams")]
    pub fn datagram_size(&self) -> usize {
        match self {
            Self::Datagram { data, has_length } if *has_length => {
                1 + crate::codec::VarInt::size(to_u64(data.len())) + data.len()
            }
            Self::Datagram { data, .. } => 1 + data.len(),
            _ => 0,
        }
    }

    /// The RFC's name of the frame.
    pub fn name(&self) -> &'static str {
        kind::name(self.kind()).unwrap_or("unknown")
    }

    /// The packet that carries it is to be acknowledged (RFC 9000 §13.2).
    pub const fn is_ack_eliciting(&self) -> bool {
        !matches!(
            self,
            Self::Padding { .. } | Self::Ack(_) | Self::ConnectionClose(_)
        )
    }

    /// Writes the frame whole, or nothing.
    ///
    /// STREAM frames always carry their length, so that other frames may follow.
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.whole(|writer| {
            if let Self::Padding { length } = self {
                return writer.zeros(*length);
            }
            let kind = self.kind();
            writer.varint(kind)?;
            let (numbers, bytes) = match self {
                Self::Ack(ack) => return ack.encode_fields(writer),
                _ => self.fields(),
            };
            for number in numbers.iter().take(kind::numbers(kind)) {
                writer.varint(*number)?;
            }
            #[cfg(feature = "ack-frequency")]
            if let Self::AckFrequency { reordering, .. } = self {
                writer.varint(*reordering)?;
            }
            if kind::has_bytes(kind) {
                writer.varint(to_u64(bytes.len()))?;
            }
            if let Self::NewConnectionId { reset_token, .. } = self {
                writer.vector_u8(|writer| writer.bytes(bytes))?;
                return writer.bytes(reset_token);
            }
            writer.bytes(bytes)
        })
    }

    /// The integers and the bytes behind the type.
    fn fields(&self) -> ([u64; 3], &[u8]) {
        let (first, second, third, bytes): (_, _, _, &[u8]) = match self {
            Self::Padding { .. } | Self::Ping | Self::HandshakeDone | Self::Ack(_) => {
                (0, 0, 0, &[])
            }
            Self::ResetStream {
                id,
                code,
                final_size,
            } => (id.get(), *code, *final_size, &[]),
            Self::StopSending { id, code } => (id.get(), *code, 0, &[]),
            Self::Crypto { offset, data } => (*offset, 0, 0, data),
            Self::NewToken { token } => (0, 0, 0, token),
            #[cfg(feature = "ack-frequency")]
            Self::AckFrequency {
                sequence,
                threshold,
                delay_us,
                ..
            } => (*sequence, *threshold, *delay_us, &[]),
            #[cfg(feature = "ack-frequency")]
            Self::ImmediateAck => (0, 0, 0, &[]),
            #[cfg(feature = "datagrams")]
            Self::Datagram { data, .. } => (0, 0, 0, data),
            Self::Stream {
                id, offset, data, ..
            } => (id.get(), *offset, 0, data),
            Self::MaxStreamData { id, limit } | Self::StreamDataBlocked { id, limit } => {
                (id.get(), *limit, 0, &[])
            }
            Self::MaxData { limit }
            | Self::DataBlocked { limit }
            | Self::MaxStreams { limit, .. }
            | Self::StreamsBlocked { limit, .. } => (*limit, 0, 0, &[]),
            Self::NewConnectionId {
                sequence,
                retire_prior_to,
                cid,
                ..
            } => (*sequence, *retire_prior_to, 0, cid),
            Self::RetireConnectionId { sequence } => (*sequence, 0, 0, &[]),
            Self::PathChallenge(data) | Self::PathResponse(data) => (0, 0, 0, data),
            Self::ConnectionClose(Close::Transport {
                code,
                frame,
                reason,
            }) => (code.get(), *frame, 0, reason),
            Self::ConnectionClose(Close::Application { code, reason }) => (*code, 0, 0, reason),
        };
        ([first, second, third], bytes)
    }
}

/// The lowest bit of the types that come in a bidirectional and a unidirectional variant.
const fn unidirectional(direction: Direction) -> u64 {
    matches!(direction, Direction::Unidirectional) as u64 // `From` is not const
}
