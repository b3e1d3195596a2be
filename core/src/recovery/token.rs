//! What a sent packet remembers of a frame: enough to tell its owner "acknowledged" or "lost", never bytes.
//!
//! Invariant: 16 bytes. On loss the owner looks at its own present state and decides again.

#[cfg(feature = "sink")]
use crate::trace::LossTrigger;
use crate::wire::Direction;

/// A frame that was sent and is to be delivered reliably, or whose fate matters.
///
/// Streams go by the low 32 bits of their number: the engine opens and admits fewer than 2^30 of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Token {
    /// Nothing: an empty place in the ring.
    #[default]
    None,
    /// An ACK frame; ranges below `largest` need no more acknowledgement once this arrives.
    Ack {
        /// Its largest number.
        largest: u64,
    },
    /// CRYPTO data of the packet's own space.
    Crypto {
        /// Offset in that CRYPTO stream.
        offset: u32,
        /// Bytes.
        length: u16,
    },
    /// A piece of a stream.
    Stream {
        /// The stream.
        id: u32,
        /// Its first byte.
        offset: u64,
        /// Bytes.
        length: u16,
        /// The stream's end was said.
        fin: bool,
    },
    /// RESET_STREAM.
    ResetStream {
        /// The stream.
        id: u32,
    },
    /// STOP_SENDING.
    StopSending {
        /// The stream.
        id: u32,
    },
    /// MAX_STREAM_DATA.
    MaxStreamData {
        /// The stream.
        id: u32,
        /// The limit that was said.
        limit: u64,
    },
    /// STREAM_DATA_BLOCKED.
    StreamDataBlocked {
        /// The stream.
        id: u32,
        /// The limit that blocked.
        limit: u64,
    },
    /// MAX_DATA.
    MaxData {
        /// The limit that was said.
        limit: u64,
    },
    /// DATA_BLOCKED.
    DataBlocked {
        /// The limit that blocked.
        limit: u64,
    },
    /// MAX_STREAMS.
    MaxStreams {
        /// Which kind.
        direction: Direction,
        /// The limit that was said.
        limit: u64,
    },
    /// STREAMS_BLOCKED.
    StreamsBlocked {
        /// Which kind.
        direction: Direction,
        /// The limit that blocked.
        limit: u64,
    },
    /// NEW_CONNECTION_ID.
    NewConnectionId {
        /// Its number.
        sequence: u64,
    },
    /// RETIRE_CONNECTION_ID.
    RetireConnectionId {
        /// Its number.
        sequence: u64,
    },
    /// PATH_CHALLENGE.
    PathChallenge,
    /// The packet itself: never kept, but told together with the tokens that are.
    #[cfg(feature = "sink")]
    Packet {
        /// Its number.
        number: u64,
        /// Why it counts as lost, if it does.
        trigger: LossTrigger,
    },
    /// ACK_FREQUENCY.
    #[cfg(feature = "ack-frequency")]
    AckFrequency {
        /// Its number.
        sequence: u64,
    },
    /// DATAGRAM, which is not repeated.
    #[cfg(feature = "datagrams")]
    Datagram,
}

const _: () = assert!(size_of::<Token>() <= 16);
