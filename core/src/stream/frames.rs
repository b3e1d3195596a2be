//! What the peer's frames do to streams (RFC 9000 §19.4 to §19.14).
//!
//! Invariant: a frame is checked whole before anything of it is applied.

use super::receiver::{MORE, Receiver, RecvState};
use super::{MAX_DATA, MAX_STREAMS, Set, Streams, by};
use crate::codec::to_u64;
use crate::context::Context;
use crate::wire::frame::Frame;
use crate::wire::{Code, Direction, StreamId, TransportError, rule};

impl Streams<'_> {
    /// Takes a frame about streams; others are ignored. An error closes the connection.
    pub fn on_frame(
        &mut self,
        _cx: &mut Context<'_>,
        frame: &Frame<'_>,
    ) -> Result<(), TransportError> {
        let result = match *frame {
            Frame::Stream {
                id,
                offset,
                data,
                fin,
            } => self.on_stream(id, offset, data, fin),
            Frame::ResetStream {
                id,
                code,
                final_size,
            } => self.on_reset_stream(id, code, final_size),
            Frame::StopSending { id, code } => self.on_stop_sending(id, code),
            Frame::MaxData { limit } => {
                self.allowance.raise(limit);
                Ok(())
            }
            Frame::MaxStreamData { id, limit } => self.on_max_stream_data(id, limit),
            Frame::MaxStreams { direction, limit } => {
                self.raise_streams(direction, limit);
                Ok(())
            }
            Frame::DataBlocked { .. } => {
                self.on_data_blocked();
                Ok(())
            }
            Frame::StreamDataBlocked { id, .. } => self.on_stream_data_blocked(id),
            Frame::StreamsBlocked { direction, limit } => {
                self.on_streams_blocked(direction, limit);
                Ok(())
            }
            _ => Ok(()),
        };
        result.map_err(|error| error.in_frame(frame.kind()))
    }

    fn on_stream(
        &mut self,
        id: StreamId,
        offset: u64,
        data: &[u8],
        fin: bool,
    ) -> Result<(), TransportError> {
        let Some(slot) = self.receiving(id)? else {
            return Ok(());
        };
        let end = offset + to_u64(data.len());
        let is_limit_reached = self.admit(slot, end, fin)?;
        let Some(receiver) = self.receiver(slot) else {
            return Ok(());
        };
        if receiver.is_stopped {
            self.discard(slot, end, fin);
            return Ok(());
        }
        if !receiver.is_open() {
            return Ok(());
        }
        let before = receiver.buffer.ready();
        let mut result = Ok(());
        self.with_receiver(slot, |receiver, pool| {
            result = receiver.buffer.write(pool, offset, data);
            if fin {
                receiver.on_final_size(end);
            }
            0
        });
        if result.is_err() {
            // Flow control makes this impossible; if it were not, losing the data would be worse.
            return Err(TransportError::new(rule!(
                Code::INTERNAL_ERROR,
                "the receive pool is exhausted"
            )));
        }
        let is_readable = self.receiver(slot).is_some_and(|receiver| {
            receiver.buffer.ready() > before || (fin && receiver.is_complete())
        });
        if is_readable {
            self.insert(Set::Readable, slot);
        }
        if is_limit_reached {
            self.refresh_receiver(slot);
        }
        Ok(())
    }

    /// Checks a frame that ends at `end` against all limits, and counts what is new. Says whether the peer
    /// has used its limit up.
    fn admit(&mut self, slot: usize, end: u64, is_final: bool) -> Result<bool, TransportError> {
        let Some(receiver) = self.receiver(slot) else {
            return Ok(false);
        };
        let new = receiver.admit(end, is_final)?;
        let is_limit_reached = new > 0 && end == receiver.limit;
        //= rfc9000#4.1
        if !self.credit.admits(new) {
            return Err(TransportError::new(rule!(
                Code::FLOW_CONTROL_ERROR,
                "more than MAX_DATA"
            )));
        }
        self.credit.on_received(new);
        if new > 0 && self.credit.is_update_due() {
            self.control |= MAX_DATA;
        }
        Ok(is_limit_reached)
    }

    //= rfc9000#4.4
    fn on_reset_stream(
        &mut self,
        id: StreamId,
        code: u64,
        final_size: u64,
    ) -> Result<(), TransportError> {
        let Some(slot) = self.receiving(id)? else {
            return Ok(());
        };
        self.admit(slot, final_size, true)?;
        let Some(receiver) = self.receiver_mut(slot) else {
            return Ok(());
        };
        if !receiver.is_stopped {
            if !receiver.is_open() || receiver.is_complete() {
                return Ok(());
            }
            receiver.code = code;
        }
        let is_wanted = !receiver.is_stopped;
        self.discard(slot, final_size, true);
        if is_wanted && let Some(receiver) = self.receiver_mut(slot) {
            receiver.state = RecvState::ResetRecvd;
            self.remove(Set::Readable, slot);
            self.insert(Set::Reset, slot);
            self.settle(slot);
        }
        Ok(())
    }

    /// Bytes up to `end` of a stream that nobody reads any more arrived.
    fn discard(&mut self, slot: usize, end: u64, is_final: bool) {
        self.with_receiver(slot, |receiver, pool| {
            if is_final {
                receiver.on_final_size(end);
            }
            receiver.discard(pool, end)
        });
        if is_final {
            self.settle(slot);
        }
    }

    fn on_stop_sending(&mut self, id: StreamId, code: u64) -> Result<(), TransportError> {
        let Some(slot) = self.sending(id)? else {
            return Ok(());
        };
        if let Some(sender) = self.sender_mut(slot)
            && !sender.is_stopped
            && sender.is_open()
        {
            sender.is_stopped = true;
            self.insert(Set::Stopped, slot);
            //= rfc9000#3.5
            self.reset_sender(slot, code);
        }
        Ok(())
    }

    fn on_max_stream_data(&mut self, id: StreamId, limit: u64) -> Result<(), TransportError> {
        if let Some(slot) = self.sending(id)? {
            self.raise_stream_data(slot, limit);
        }
        Ok(())
    }

    /// The sending part in `slot` may send up to `limit`; lower limits are old.
    pub(super) fn raise_stream_data(&mut self, slot: usize, limit: u64) {
        if let Some(sender) = self.sender_mut(slot)
            && limit > sender.limit
        {
            sender.limit = limit;
            sender.is_blocked_told = false;
            sender.control &= !super::sender::BLOCKED;
            // A writer may have been refused because of the limit.
            self.is_send_freed = true;
            self.refresh_sender(slot);
        }
    }

    /// The peer has data and no credit: what there is to tell is worth telling.
    fn on_data_blocked(&mut self) {
        if self.credit.limit() > self.credit.told() {
            self.control |= MAX_DATA;
        }
    }

    fn on_stream_data_blocked(&mut self, id: StreamId) -> Result<(), TransportError> {
        if let Some(slot) = self.receiving(id)?
            && self.receiver(slot).is_some_and(Receiver::is_wanted)
        {
            self.demand_of_receiver(slot, MORE);
        }
        Ok(())
    }

    fn on_streams_blocked(&mut self, direction: Direction, limit: u64) {
        let accepting = &self.accepting[by(direction)];
        if limit < accepting.limit {
            self.control |= MAX_STREAMS << by(direction);
        }
    }

    /// The slot of the stream that a frame to its receiving part is about; `None` if the stream is over.
    fn receiving(&mut self, id: StreamId) -> Result<Option<usize>, TransportError> {
        if id.direction() == Direction::Unidirectional && id.initiator() == self.side {
            return Err(TransportError::new(rule!(
                Code::STREAM_STATE_ERROR,
                "the stream is send-only for us"
            )));
        }
        self.locate(id)
    }

    /// The slot of the stream that a frame to its sending part is about; `None` if the stream is over.
    fn sending(&mut self, id: StreamId) -> Result<Option<usize>, TransportError> {
        if id.direction() == Direction::Unidirectional && id.initiator() != self.side {
            return Err(TransportError::new(rule!(
                Code::STREAM_STATE_ERROR,
                "the stream is receive-only for us"
            )));
        }
        self.locate(id)
    }

    /// The slot of the stream, which the peer opens by naming it; `None` if the stream is over.
    fn locate(&mut self, id: StreamId) -> Result<Option<usize>, TransportError> {
        if let Some(slot) = self.slots.find(id.get()) {
            return Ok(Some(slot));
        }
        let direction = by(id.direction());
        if id.initiator() == self.side {
            if id.index() < self.opening[direction].next {
                return Ok(None);
            }
            //= rfc9000#19.8
            return Err(TransportError::new(rule!(
                Code::STREAM_STATE_ERROR,
                "a stream that was never opened"
            )));
        }
        if id.index() < self.accepting[direction].next {
            return Ok(None);
        }
        //= rfc9000#4.6
        if id.index() >= self.accepting[direction].told {
            return Err(TransportError::new(rule!(
                Code::STREAM_LIMIT_ERROR,
                "more streams than MAX_STREAMS"
            )));
        }
        self.accept(id).map(Some)
    }

    /// Opens the peer's streams up to `id`, as naming one opens all below it (RFC 9000 §3.2).
    fn accept(&mut self, id: StreamId) -> Result<usize, TransportError> {
        self.reap();
        let direction = by(id.direction());
        let error =
            TransportError::new(rule!(Code::INTERNAL_ERROR, "no slot for an allowed stream"));
        loop {
            let index = self.accepting[direction].next;
            let opened = StreamId::new(id.initiator(), id.direction(), index).ok_or(error)?;
            let slot = self.slots.take(opened.get()).ok_or(error)?;
            self.accepting[direction].next += 1;
            self.set_up(slot, opened);
            self.insert(Set::Opened, slot);
            if opened == id {
                return Ok(slot);
            }
        }
    }
}
