//! The streams of one connection: states, flow control, buffers (RFC 9000 §2 to §4).
//!
//! [`Streams`] knows frames and tokens, never packets. Its verbs: `on_frame` takes what came, `on_transmit`
//! writes what is to be sent, `on_ack` and `on_loss` say what became of it; the application opens streams,
//! borrows a [`SendStream`] or a [`RecvStream`] by the stream's id, and asks `poll_event` what happened.
//!
//! Invariant: everything the peer may send by our flow control has room, in any order, and no unread stream
//! keeps another from being read.

mod event;
mod flow;
mod frames;
mod memory;
mod outcome;
mod receiver;
mod recv_stream;
mod send_stream;
mod sender;
mod slots;
mod transmit;
mod upkeep;

pub use event::StreamEvent;
pub use memory::StreamMemory;
pub use receiver::Receiver;
pub use recv_stream::{ReadError, RecvStream};
pub use send_stream::{SendStream, WriteError};
pub use sender::{Priority, Sender};

use crate::codec::to_u64;
use crate::limits::{Limits, REMOTE_UNIDIRECTIONAL};
use crate::mem::{Flags, Pool};
use crate::time::Duration;
use crate::wire::{Direction, Side, StreamId};
use flow::{Budget, ReceiveCredit, SendCredit};
use slots::Slots;

/// What we promise the peer in our transport parameters. All in bytes or streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalLimits {
    /// initial_max_data.
    pub max_data: u64,
    /// initial_max_stream_data_bidi_local: for streams that we open.
    pub max_stream_data_bidi_local: u64,
    /// initial_max_stream_data_bidi_remote: for streams that the peer opens.
    pub max_stream_data_bidi_remote: u64,
    /// initial_max_stream_data_uni.
    pub max_stream_data_uni: u64,
    /// initial_max_streams_bidi.
    pub max_streams_bidi: u64,
    /// initial_max_streams_uni.
    pub max_streams_uni: u64,
}

/// What the peer promised in its transport parameters. All in bytes or streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemoteLimits {
    /// initial_max_data.
    pub max_data: u64,
    /// initial_max_stream_data_bidi_local: for streams that the peer opens.
    pub max_stream_data_bidi_local: u64,
    /// initial_max_stream_data_bidi_remote: for streams that we open.
    pub max_stream_data_bidi_remote: u64,
    /// initial_max_stream_data_uni.
    pub max_stream_data_uni: u64,
    /// initial_max_streams_bidi.
    pub max_streams_bidi: u64,
    /// initial_max_streams_uni.
    pub max_streams_uni: u64,
}

/// Why no stream was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OpenError {
    /// The peer's limit or our own slots are used up; [`StreamEvent::Available`] follows.
    Blocked,
    /// No further stream of this kind exists on this connection.
    Closed,
}

impl core::fmt::Display for OpenError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Blocked => "as many streams as allowed are open",
            Self::Closed => "no further stream can be opened",
        })
    }
}

impl core::error::Error for OpenError {}

/// Streams of one direction that we open.
#[derive(Clone, Copy, Debug, Default)]
struct Opening {
    /// Streams opened so far.
    next: u64,
    /// Streams the peer allows in all.
    limit: u64,
    /// STREAMS_BLOCKED was said, or is to be said, for `limit`.
    is_blocked_told: bool,
    /// An attempt was refused: tell when the next can succeed.
    is_refused: bool,
    /// Tell now.
    is_available: bool,
}

/// Streams of one direction that the peer opens.
#[derive(Clone, Copy, Debug, Default)]
struct Accepting {
    /// Streams the peer opened so far.
    next: u64,
    /// Streams the peer may open in all, as it knows.
    told: u64,
    /// And as it could know.
    limit: u64,
}

/// Everything about the streams of one connection.
#[derive(Debug)]
pub struct Streams<'m> {
    side: Side,
    slots: Slots<'m>,
    senders: crate::mem::Table<'m, Sender>,
    receivers: crate::mem::Table<'m, Receiver>,
    flags: Flags<'m>,
    receive: Pool<'m>,
    send: Pool<'m>,
    credit: ReceiveCredit,
    allowance: SendCredit,
    budget: Budget,
    /// By direction.
    opening: [Opening; 2],
    accepting: [Accepting; 2],
    remote: RemoteLimits,
    local: LocalLimits,
    rtt: Duration,
    /// Bidirectional streams that the application has not left.
    active: usize,
    requests: usize,
    ticket_chunks: usize,
    buffering: usize,
    /// Sending parts that hold a chunk at least.
    holding: usize,
    /// Chunks were given back to the send pool since waiting writers were last looked at.
    is_send_freed: bool,
    /// Connection-wide frames to be sent.
    control: u8,
    /// Where the search in each set goes on.
    cursors: [u16; SETS],
}

/// Sets of slots. The first six are events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
enum Set {
    Opened,
    Reset,
    Stopped,
    Readable,
    Finished,
    Writable,
    /// A write was refused.
    Waiting,
    /// The slot's parts have control frames to send.
    Control,
    /// Lost data, or an end, is to be sent.
    Again,
    /// The application has left the stream.
    Left,
    /// The slot may have become free.
    Ended,
    /// New data is to be sent, by urgency: this set and the seven behind it.
    Data,
}

impl Set {
    /// The variant's number.
    const fn index(self) -> usize {
        self as usize
    }
}

/// Bit sets over the slots.
pub(super) const SETS: usize = Set::Data.index() + 8;

/// MAX_DATA is to be sent, if there is something to tell.
const MAX_DATA: u8 = 1;
/// MAX_DATA is to be sent in any case.
const MAX_DATA_AGAIN: u8 = 2;
/// DATA_BLOCKED is to be sent.
const DATA_BLOCKED: u8 = 4;
/// MAX_STREAMS is to be sent; shifted by one for unidirectional streams.
const MAX_STREAMS: u8 = 8;
/// STREAMS_BLOCKED is to be sent; shifted by one for unidirectional streams.
const STREAMS_BLOCKED: u8 = 32;

/// Streams of one kind that a connection may open in its life; tokens and slots keep ids in 32 bits.
const STREAMS_EVER: u64 = 1 << 29;

/// The round trip to reckon with before the first is measured (RFC 9002 §6.2.2).
const INITIAL_RTT: Duration = Duration::from_millis(333);

/// Where things are kept by direction.
const fn by(direction: Direction) -> usize {
    match direction {
        Direction::Bidirectional => 0,
        Direction::Unidirectional => 1,
    }
}

impl<'m> Streams<'m> {
    /// No streams yet. The lowest chunks of both pools are lent to the handshake.
    pub fn new(memory: StreamMemory<'m>, limits: &Limits, side: Side) -> Self {
        let mut receive = Pool::new(memory.receive, limits.receive_chunk);
        let mut send = Pool::new(memory.send, limits.send_chunk);
        receive.lend(limits.handshake_chunks());
        send.lend(limits.handshake_send_chunks());
        let buffering = limits.buffering_streams();
        let now = window(&receive, receive.lent_chunks(), buffering);
        let full = window(&receive, limits.ticket_chunks(), buffering);
        let engine = to_u64(limits.engine_window);
        let initial = to_u64(limits.initial_stream_window());
        let remote_requests = match side {
            Side::Client => 0,
            Side::Server => to_u64(limits.requests),
        };
        let local = LocalLimits {
            max_data: now,
            max_stream_data_bidi_local: initial,
            max_stream_data_bidi_remote: if remote_requests > 0 { initial } else { 0 },
            max_stream_data_uni: to_u64(limits.unidirectional_stream_window()),
            max_streams_bidi: remote_requests,
            max_streams_uni: to_u64(REMOTE_UNIDIRECTIONAL),
        };
        let accepting = |limit| Accepting {
            next: 0,
            told: limit,
            limit,
        };
        Self {
            side,
            slots: Slots::new(memory.keys, limits, side),
            senders: memory.senders,
            receivers: memory.receivers,
            flags: Flags::new(memory.flags, limits.stream_slots()),
            credit: ReceiveCredit::new(now, full, engine),
            allowance: SendCredit::default(),
            budget: Budget::new(
                // Windows have at most 1 GiB, and requests and their parts of it are fewer.
                full.saturating_sub(engine) as u32,
                limits.requests as u32, // likewise
                initial as u32,         // likewise
            ),
            opening: [Opening::default(); 2],
            accepting: [
                accepting(local.max_streams_bidi),
                accepting(local.max_streams_uni),
            ],
            remote: RemoteLimits::default(),
            local,
            rtt: INITIAL_RTT,
            active: 0,
            requests: limits.requests,
            ticket_chunks: limits.ticket_chunks(),
            buffering,
            holding: 0,
            is_send_freed: false,
            control: 0,
            cursors: [0; SETS],
            receive,
            send,
        }
    }

    /// What our transport parameters say.
    pub fn local_limits(&self) -> LocalLimits {
        self.local
    }

    /// The peer's transport parameters arrived. Streams that are open already go by them too.
    pub fn set_remote_limits(&mut self, limits: RemoteLimits) {
        self.remote = limits;
        self.allowance.raise(limits.max_data);
        self.raise_streams(Direction::Bidirectional, limits.max_streams_bidi);
        self.raise_streams(Direction::Unidirectional, limits.max_streams_uni);
        for slot in 0..self.senders.len() {
            if let Some(id) = self.slots.id(slot) {
                self.raise_stream_data(slot, self.send_limit(id));
            }
        }
    }

    /// The path's own round-trip time: what a reader that keeps up is measured by.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    /// The buffers of the handshake: for received messages, until
    /// [`release_handshake_receive`](Self::release_handshake_receive) leaves what is for tickets, and for
    /// those to be sent, until [`release_handshake_send`](Self::release_handshake_send) leaves nothing.
    pub fn handshake_buffers(&mut self) -> (&mut [u8], &mut [u8]) {
        (self.receive.lent(), self.send.lent())
    }

    /// The server is verified: the chunks of its messages go to the streams, and the peer is told.
    pub fn release_handshake_receive(&mut self) {
        self.receive.reclaim(self.ticket_chunks);
        let lent = self.receive.lent_chunks();
        let window = window(&self.receive, lent, self.buffering);
        self.credit.set_window(window);
        if self.credit.limit() > self.credit.told() {
            self.control |= MAX_DATA;
        }
    }

    /// The handshake is confirmed: nothing of ours is sent again, and its chunks go to the streams.
    pub fn release_handshake_send(&mut self) {
        self.send.reclaim(0);
        self.is_send_freed = true;
    }

    /// Opens the next stream of `direction`.
    pub fn open(&mut self, direction: Direction) -> Result<StreamId, OpenError> {
        self.reap();
        let opening = &mut self.opening[by(direction)];
        if opening.next >= STREAMS_EVER {
            return Err(OpenError::Closed);
        }
        let id = StreamId::new(self.side, direction, opening.next).ok_or(OpenError::Closed)?;
        let mut slot = None;
        if opening.next >= opening.limit {
            if !opening.is_blocked_told {
                opening.is_blocked_told = true;
                self.control |= STREAMS_BLOCKED << by(direction);
            }
        } else if direction == Direction::Unidirectional || self.active < self.requests {
            slot = self.slots.take(id.get());
        }
        let Some(slot) = slot else {
            opening.is_refused = true;
            return Err(OpenError::Blocked);
        };
        opening.next += 1;
        self.set_up(slot, id);
        Ok(id)
    }

    /// The sending part of the stream `id`, if it has one that is still known.
    pub fn send_stream(&mut self, id: StreamId) -> Option<SendStream<'_, 'm>> {
        let slot = self.slots.find(id.get())?;
        self.sender(slot)?;
        Some(SendStream {
            streams: self,
            slot,
        })
    }

    /// The receiving part of the stream `id`, if it has one that is still known.
    pub fn recv_stream(&mut self, id: StreamId) -> Option<RecvStream<'_, 'm>> {
        let slot = self.slots.find(id.get())?;
        self.receiver(slot)?;
        Some(RecvStream {
            streams: self,
            slot,
        })
    }

    /// Bytes of the stream `id`, from `offset` bytes behind its read offset on, as far as they lie together.
    /// Empty if those did not arrive yet, or the stream is not known.
    pub fn peek(&self, id: StreamId, offset: usize) -> &[u8] {
        match self.slots.find(id.get()) {
            Some(slot) => self.peek_at(slot, offset),
            None => &[],
        }
    }

    /// Bytes that arrived, in order or not, and were not read.
    pub fn unread(&self) -> u64 {
        self.credit.unread()
    }

    /// Bidirectional streams that the application has not left.
    pub fn active(&self) -> usize {
        self.active
    }

    /// Bytes of the window lent to streams beyond their first shares.
    pub fn budget_used(&self) -> u64 {
        self.budget.used()
    }

    /// Puts the stream `id` into `slot`.
    fn set_up(&mut self, slot: usize, id: StreamId) {
        let (send_limit, receive_limit) = (self.send_limit(id), self.receive_limit(id));
        if let Some(sender) = self.sender_mut(slot) {
            // One-way streams are the engine's own: nothing may hold them up.
            let urgency = match id.direction() {
                Direction::Bidirectional => Priority::default().urgency,
                Direction::Unidirectional => 0,
            };
            *sender = Sender::EMPTY;
            sender.limit = send_limit;
            sender.priority.urgency = urgency;
        }
        if let Some(receiver) = self.receiver_mut(slot) {
            *receiver = Receiver::open(receive_limit);
        }
        if self.slots.is_bidirectional(slot) {
            self.active += 1;
        }
    }

    /// The limit a stream's sending part begins with.
    fn send_limit(&self, id: StreamId) -> u64 {
        match id.direction() {
            Direction::Unidirectional => self.remote.max_stream_data_uni,
            Direction::Bidirectional if id.initiator() == self.side => {
                self.remote.max_stream_data_bidi_remote
            }
            Direction::Bidirectional => self.remote.max_stream_data_bidi_local,
        }
    }

    /// The limit a stream's receiving part begins with.
    fn receive_limit(&self, id: StreamId) -> u64 {
        match id.direction() {
            Direction::Unidirectional => self.local.max_stream_data_uni,
            Direction::Bidirectional => self.budget.initial(),
        }
    }

    fn raise_streams(&mut self, direction: Direction, limit: u64) {
        let opening = &mut self.opening[by(direction)];
        if limit > opening.limit {
            opening.limit = limit;
            opening.is_blocked_told = false;
            opening.is_available = opening.is_refused;
        }
    }
}

/// What `pool` holds in any order of arrival on `streams` streams while `lent` chunks are lent.
#[inline(never)]
fn window(pool: &Pool<'_>, lent: usize, streams: usize) -> u64 {
    let chunks = pool.chunks().saturating_sub(lent + 2 * streams);
    to_u64(chunks * pool.chunk_len())
}

#[cfg(test)]
mod tests;
