//! The memory of one client as a single static: sized at the edge, unsized inside.
//!
//! [`Storage`] is the only type with sizes in its parameters. It is plain arrays, all zeros, so a static of
//! it lies in `.bss` and never visits the stack; [`storage!`](crate::storage) writes its parameters.
//!
//! Invariant: every array has the length that follows from the limits packed into the parameters.

use crate::connection;
use crate::http3::{Http3Memory, Memory, RequestSlot};
use crate::limits::Limits;
use crate::mem::{Link, PoolMemory, Table};
#[cfg(feature = "bbr")]
use crate::recovery::SnapshotWords;
use crate::recovery::{SentMemory, SentPacket, Token};
use crate::space::{NumberRange, NumberSpaces};
use crate::stream::{Receiver, Sender, StreamMemory};

/// The arrays behind one [`http3::Client`](crate::http3::Client), for use in a static.
///
/// ```
/// use quicpro_core::{Limits, Storage, storage};
/// const LIMITS: Limits = Limits::TINY.requests(1);
/// static MEMORY: storage!(LIMITS) = Storage::new();
/// assert!(size_of::<storage!(LIMITS)>() < 12 * 1024);
/// ```
pub struct Storage<
    const LIMITS_0: u128,
    const LIMITS_1: u128,
    const LIMITS_2: u128,
    const LIMITS_3: u128,
    const SLOTS: usize,
    const SENDERS: usize,
    const RECEIVERS: usize,
    const FLAGS: usize,
    const RECEIVE_BYTES: usize,
    const RECEIVE_BITS: usize,
    const RECEIVE_LINKS: usize,
    const SEND_BYTES: usize,
    const SEND_BITS: usize,
    const SEND_LINKS: usize,
    const PACKETS: usize,
    const TOKENS: usize,
    const RANGES: usize,
    const REQUESTS: usize,
    const READY: usize,
    const SCRATCH: usize,
    const EARLY: usize,
    const DATAGRAMS: usize,
> {
    keys: [u32; SLOTS],
    senders: [Sender; SENDERS],
    receivers: [Receiver; RECEIVERS],
    flags: [u32; FLAGS],
    receive_bytes: [u8; RECEIVE_BYTES],
    receive_bits: [u32; RECEIVE_BITS],
    receive_links: [Link; RECEIVE_LINKS],
    send_bytes: [u8; SEND_BYTES],
    send_bits: [u32; SEND_BITS],
    send_links: [Link; SEND_LINKS],
    packets: [SentPacket; PACKETS],
    tokens: [Token; TOKENS],
    #[cfg(feature = "bbr")]
    snapshots: [SnapshotWords; PACKETS],
    ranges: [NumberRange; RANGES],
    requests: [RequestSlot; REQUESTS],
    ready: [u32; READY],
    scratch: [u8; SCRATCH],
    early: [u8; EARLY],
    datagrams: [u8; DATAGRAMS],
}

/// The type of the memory for these limits: `storage!(LIMITS)`, where `LIMITS` is a constant.
#[macro_export]
macro_rules! storage {
    ($limits:expr) => {
        $crate::Storage<
            { $limits.packed(0) }, { $limits.packed(1) }, { $limits.packed(2) }, { $limits.packed(3) },
            { $crate::storage_lengths($limits).slots }, { $crate::storage_lengths($limits).senders },
            { $crate::storage_lengths($limits).receivers }, { $crate::storage_lengths($limits).flags },
            { $crate::storage_lengths($limits).receive_bytes },
            { $crate::storage_lengths($limits).receive_bits },
            { $crate::storage_lengths($limits).receive_links },
            { $crate::storage_lengths($limits).send_bytes },
            { $crate::storage_lengths($limits).send_bits },
            { $crate::storage_lengths($limits).send_links },
            { $crate::storage_lengths($limits).packets }, { $crate::storage_lengths($limits).tokens },
            { $crate::storage_lengths($limits).ranges }, { $crate::storage_lengths($limits).requests },
            { $crate::storage_lengths($limits).ready }, { $crate::storage_lengths($limits).scratch },
            { $crate::storage_lengths($limits).early }, { $crate::storage_lengths($limits).datagrams },
        >
    };
}

/// The lengths of the arrays in a [`Storage`].
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    pub slots: usize,
    pub senders: usize,
    pub receivers: usize,
    pub flags: usize,
    pub receive_bytes: usize,
    pub receive_bits: usize,
    pub receive_links: usize,
    pub send_bytes: usize,
    pub send_bits: usize,
    pub send_links: usize,
    pub packets: usize,
    pub tokens: usize,
    pub ranges: usize,
    pub requests: usize,
    pub ready: usize,
    pub scratch: usize,
    pub early: usize,
    pub datagrams: usize,
}

/// The lengths that follow from `limits`. Contradictory limits do not compile.
#[doc(hidden)]
pub const fn storage_lengths(limits: Limits) -> Lengths {
    assert!(
        limits.problem().is_none(),
        "limits that contradict each other: see Limits::problem"
    );
    Lengths {
        slots: limits.stream_slots(),
        senders: limits.sending_slots(),
        receivers: limits.receiving_slots(),
        flags: StreamMemory::flag_words(&limits),
        receive_bytes: limits.receive_chunks() * limits.receive_chunk,
        receive_bits: limits.receive_bits(),
        receive_links: limits.receive_chunks(),
        send_bytes: limits.send_chunks() * limits.send_chunk,
        send_bits: limits.send_bits(),
        send_links: limits.send_chunks(),
        packets: SentMemory::packets(limits.packets_in_flight),
        tokens: SentMemory::tokens(limits.packets_in_flight),
        ranges: NumberSpaces::ranges(limits.ack_ranges),
        requests: limits.requests,
        ready: Http3Memory::ready_words(limits.requests),
        scratch: limits.field_line,
        early: limits.early_datagrams * limits.datagram,
        #[cfg(feature = "datagrams")]
        datagrams: crate::datagram::Datagrams::bytes(limits.datagrams),
        #[cfg(not(feature = "datagrams"))]
        datagrams: 0,
    }
}

impl<
    const LIMITS_0: u128,
    const LIMITS_1: u128,
    const LIMITS_2: u128,
    const LIMITS_3: u128,
    const SLOTS: usize,
    const SENDERS: usize,
    const RECEIVERS: usize,
    const FLAGS: usize,
    const RECEIVE_BYTES: usize,
    const RECEIVE_BITS: usize,
    const RECEIVE_LINKS: usize,
    const SEND_BYTES: usize,
    const SEND_BITS: usize,
    const SEND_LINKS: usize,
    const PACKETS: usize,
    const TOKENS: usize,
    const RANGES: usize,
    const REQUESTS: usize,
    const READY: usize,
    const SCRATCH: usize,
    const EARLY: usize,
    const DATAGRAMS: usize,
>
    Storage<
        LIMITS_0,
        LIMITS_1,
        LIMITS_2,
        LIMITS_3,
        SLOTS,
        SENDERS,
        RECEIVERS,
        FLAGS,
        RECEIVE_BYTES,
        RECEIVE_BITS,
        RECEIVE_LINKS,
        SEND_BYTES,
        SEND_BITS,
        SEND_LINKS,
        PACKETS,
        TOKENS,
        RANGES,
        REQUESTS,
        READY,
        SCRATCH,
        EARLY,
        DATAGRAMS,
    >
{
    const LIMITS: Limits = Limits::unpacked([LIMITS_0, LIMITS_1, LIMITS_2, LIMITS_3]);

    /// Empty memory, all zeros.
    // No `Default`: its value would be made on the stack, which is smaller than what it makes.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        const {
            let lengths = storage_lengths(Self::LIMITS);
            assert!(
                lengths.slots == SLOTS && lengths.packets == PACKETS,
                "made by storage! only"
            );
            assert!(lengths.receive_bytes == RECEIVE_BYTES && lengths.send_bytes == SEND_BYTES);
        };
        Self {
            keys: [0; SLOTS],
            senders: [Sender::EMPTY; SENDERS],
            receivers: [Receiver::EMPTY; RECEIVERS],
            flags: [0; FLAGS],
            receive_bytes: [0; RECEIVE_BYTES],
            receive_bits: [0; RECEIVE_BITS],
            receive_links: [Link::EMPTY; RECEIVE_LINKS],
            send_bytes: [0; SEND_BYTES],
            send_bits: [0; SEND_BITS],
            send_links: [Link::EMPTY; SEND_LINKS],
            packets: [SentPacket::EMPTY; PACKETS],
            tokens: [Token::None; TOKENS],
            #[cfg(feature = "bbr")]
            snapshots: [[0; 4]; PACKETS],
            ranges: [NumberRange::EMPTY; RANGES],
            requests: [RequestSlot::EMPTY; REQUESTS],
            ready: [0; READY],
            scratch: [0; SCRATCH],
            early: [0; EARLY],
            datagrams: [0; DATAGRAMS],
        }
    }

    /// Lends everything to one client. What an earlier client left is wiped.
    pub fn memory(&mut self) -> Memory<'_> {
        self.wipe();
        let streams = StreamMemory {
            keys: Table::from(&mut self.keys[..]),
            senders: Table::from(&mut self.senders[..]),
            receivers: Table::from(&mut self.receivers[..]),
            flags: Table::from(&mut self.flags[..]),
            receive: PoolMemory {
                bytes: Table::from(&mut self.receive_bytes[..]),
                bits: Table::from(&mut self.receive_bits[..]),
                links: Table::from(&mut self.receive_links[..]),
            },
            send: PoolMemory {
                bytes: Table::from(&mut self.send_bytes[..]),
                bits: Table::from(&mut self.send_bits[..]),
                links: Table::from(&mut self.send_links[..]),
            },
        };
        let sent = SentMemory {
            packets: Table::from(&mut self.packets[..]),
            tokens: Table::from(&mut self.tokens[..]),
            #[cfg(feature = "bbr")]
            snapshots: Table::from(&mut self.snapshots[..]),
        };
        let received = Table::from(&mut self.ranges[..]);
        let early = Table::from(&mut self.early[..]);
        Memory {
            transport: connection::Memory::new(Self::LIMITS, streams, sent, received, early)
                .datagrams(Table::from(&mut self.datagrams[..])),
            http3: Http3Memory {
                requests: Table::from(&mut self.requests[..]),
                ready: Table::from(&mut self.ready[..]),
                scratch: Table::from(&mut self.scratch[..]),
            },
        }
    }

    fn wipe(&mut self) {
        self.keys.fill(0);
        self.senders.fill(Sender::EMPTY);
        self.receivers.fill(Receiver::EMPTY);
        self.flags.fill(0);
        self.receive_bits.fill(0);
        self.receive_links.fill(Link::EMPTY);
        self.send_bits.fill(0);
        self.send_links.fill(Link::EMPTY);
        self.packets.fill(SentPacket::EMPTY);
        self.ranges.fill(NumberRange::EMPTY);
        self.requests.fill(RequestSlot::EMPTY);
        self.ready.fill(0);
    }
}

#[cfg(feature = "alloc")]
impl Memory<'static> {
    /// Memory for these limits, allocated once; byte tables cost only the pages they come to touch.
    ///
    /// # Panics
    /// If the limits contradict each other ([`Limits::problem`]).
    pub fn boxed(limits: &Limits) -> Self {
        let lengths = storage_lengths(*limits);
        let sent = SentMemory {
            packets: Table::boxed(lengths.packets, SentPacket::EMPTY),
            tokens: Table::boxed(lengths.tokens, Token::None),
            #[cfg(feature = "bbr")]
            snapshots: Table::boxed(lengths.packets, [0; 4]),
        };
        let received = Table::boxed(lengths.ranges, NumberRange::EMPTY);
        let early = Table::boxed(lengths.early, 0);
        let streams = StreamMemory::boxed(limits);
        Self {
            transport: connection::Memory::new(*limits, streams, sent, received, early)
                .datagrams(Table::boxed(lengths.datagrams, 0)),
            http3: Http3Memory::boxed(limits),
        }
    }
}

// What a client with two requests costs a microcontroller. Elsewhere alignment and pointers differ.
#[cfg(all(target_pointer_width = "32", not(feature = "bbr")))]
const _: () = assert!(size_of::<storage!(Limits::TINY)>() <= 12 * 1024);
