//! CRYPTO data in and out (RFC 9000 §7.5, §19.6): one linear receive buffer and one linear send
//! buffer, lent by the stream pools for the time of the handshake.
//!
//! Invariant: the receive buffer holds the unread bytes of the current level from its read offset on;
//! nothing is stored twice and nothing moves the window back.

use core::cell::Cell;
use core::ops::Range;

use crate::codec::{Full, Writer, copy, to_u64, to_usize};
use crate::frame_writer::FrameWriter;
use crate::mem::RangeSet;
use crate::tls::WriteMessage;
use crate::wire::packet::Space;
use crate::wire::{Code, TransportError, rule};

/// Holes a level may have in its unread bytes before further out-of-order data is treated as lost.
const HOLES_MAX: usize = 8;

/// Pieces of a level's outgoing bytes that are remembered as lost, or as acknowledged, at one time.
const PIECES_MAX: usize = 4;

/// What to do with a packet that carries CRYPTO data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The data can be stored, or is known already.
    Fits,
    /// It lies beyond the window: treat the packet as if it had been lost.
    Beyond,
}

/// The receiving side of all three CRYPTO streams, of which one at a time is being read.
#[derive(Debug, Default)]
pub(crate) struct CryptoReceive {
    /// Bytes consumed by TLS, per level.
    read: [u64; 3],
    level: Level,
    /// Stored bytes of the current level, as ranges of places in the window.
    stored: RangeSet<HOLES_MAX>,
    /// Bytes at the front of the window that TLS has used: [`CryptoReceive::compact`] has them overwritten.
    used: usize,
    /// After the handshake a message did not fit, so all later CRYPTO data is worthless.
    deaf: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Level(Space);

impl Default for Level {
    fn default() -> Self {
        Self(Space::Initial)
    }
}

impl CryptoReceive {
    /// The level that is being read.
    pub(crate) fn level(&self) -> Space {
        self.level.0
    }

    /// Checks a CRYPTO frame of `level` against a buffer of `capacity` bytes, without storing it.
    pub(crate) fn admit(
        &self,
        level: Space,
        offset: u64,
        length: usize,
        capacity: usize,
    ) -> Result<Admission, TransportError> {
        let end = offset.saturating_add(to_u64(length));
        let read = self.read[level.index()];
        if end <= read || self.deaf {
            return Ok(Admission::Fits);
        }
        //= rfc9001#4.1.3
        // New bytes at a level whose keys were already replaced.
        if level < self.level.0 {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "CRYPTO data at a level that is over"
            )));
        }
        // Data of a later level can only have come before TLS has read the earlier one to its end.
        if level > self.level.0 {
            return Ok(Admission::Beyond);
        }
        if end - read > to_u64(capacity) {
            //= rfc9000#7.5
            // After the handshake what does not fit is given up; during it the peer will send it again.
            return Ok(if level == Space::Application {
                Admission::Fits
            } else {
                Admission::Beyond
            });
        }
        let mut stored = self.stored;
        let fits = stored.insert(from(read, offset)..from(read, end)).is_ok();
        Ok(if fits {
            Admission::Fits
        } else {
            Admission::Beyond
        })
    }

    /// Stores the data of a frame that was admitted.
    pub(crate) fn store(&mut self, level: Space, offset: u64, data: &[u8], buffer: &mut [u8]) {
        let end = offset.saturating_add(to_u64(data.len()));
        let read = self.read[level.index()];
        if end <= read || self.deaf || level != self.level.0 {
            return;
        }
        let skip = usize::try_from(read.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some(fresh) = data.get(skip..) else {
            return;
        };
        let range = from(read, offset)..from(read, end);
        let Some(place) = buffer.get_mut(to_usize(range.start)..to_usize(range.end)) else {
            self.deaf = level == Space::Application;
            return;
        };
        if self.stored.insert(range).is_ok() {
            copy(place, fresh);
        }
    }

    /// Which bytes of the buffer TLS can read now.
    pub(crate) fn readable(&self) -> Range<usize> {
        match self.stored.first() {
            Some(Range { start: 0, end }) => self.used..to_usize(end),
            _ => 0..0,
        }
    }

    /// TLS has used `count` readable bytes. They stay where they are until [`CryptoReceive::compact`], which has
    /// to be called before anything is admitted, stored or entered.
    pub(crate) fn consume(&mut self, count: usize) {
        self.read[self.level.0.index()] += to_u64(count);
        self.used += count;
    }

    /// Moves the unread rest to the front of the buffer: once for all messages that were read before. How many
    /// bytes were moved.
    pub(crate) fn compact(&mut self, buffer: &mut [u8]) -> usize {
        let used = core::mem::take(&mut self.used);
        if used == 0 {
            return 0;
        }
        self.stored
            .shift_down(u32::try_from(used).unwrap_or(u32::MAX));
        let unread = self.stored.last().map_or(0, |range| to_usize(range.end));
        // Both parts may overlap, and the lower byte is always written first.
        let bytes = Cell::from_mut(buffer).as_slice_of_cells();
        if let (Some(to), Some(from)) = (bytes.get(..unread), bytes.get(used..)) {
            to.iter()
                .zip(from)
                .for_each(|(to, from)| to.set(from.get()));
        }
        unread
    }

    /// Goes on to the next level; bytes left over at this one are the peer's mistake.
    pub(crate) fn enter(&mut self, level: Space) -> Result<(), TransportError> {
        if !self.stored.is_empty() {
            return Err(TransportError::new(rule!(
                Code::crypto(10),
                "handshake bytes left over before a key change"
            )));
        }
        self.level = Level(level);
        Ok(())
    }
}

/// Where `offset` lies from `read` on; what lies below counts as there.
fn from(read: u64, offset: u64) -> u32 {
    u32::try_from(offset.saturating_sub(read)).unwrap_or(u32::MAX)
}

/// One level's outgoing bytes inside the send buffer.
#[derive(Debug, Default)]
struct Outgoing {
    /// Where they start in the buffer.
    start: usize,
    /// How many there are.
    length: usize,
    /// The first that is to be sent, if nothing was lost.
    next: usize,
    /// Those below were sent at least once.
    sent: usize,
    acknowledged: RangeSet<PIECES_MAX>,
    lost: RangeSet<PIECES_MAX>,
}

/// The sending side of the Initial and Handshake CRYPTO streams.
///
/// The buffer keeps every byte until its level's keys are discarded: Retry and probe timeouts send the
/// same bytes again, and the hash of the ClientHello is taken only once the suite is known.
#[derive(Debug, Default)]
pub(crate) struct CryptoSend {
    levels: [Outgoing; 2],
    used: usize,
}

impl CryptoSend {
    /// Appends a message of `level` to the buffer, whole or not at all. `write` is given what was written
    /// at this level before, and the place behind it.
    pub(crate) fn append(
        &mut self,
        level: Space,
        buffer: &mut [u8],
        write: &mut WriteMessage<'_>,
    ) -> Result<(), Full> {
        let outgoing = self.levels.get_mut(level.index()).ok_or(Full)?;
        let (before, rest) = buffer.split_at_mut_checked(self.used).ok_or(Full)?;
        if outgoing.length == 0 {
            outgoing.start = self.used;
        }
        let mut writer = Writer::new(rest);
        write(before.get(outgoing.start..).unwrap_or(&[]), &mut writer)?;
        outgoing.length += writer.len();
        self.used += writer.len();
        Ok(())
    }

    /// Everything that was written at `level`.
    pub(crate) fn sent<'b>(&self, level: Space, buffer: &'b [u8]) -> &'b [u8] {
        let Some(outgoing) = self.levels.get(level.index()) else {
            return &[];
        };
        buffer
            .get(outgoing.start..outgoing.start + outgoing.length)
            .unwrap_or(&[])
    }

    /// Something of `level` waits to be sent.
    pub(crate) fn has_pending(&self, level: Space) -> bool {
        self.levels
            .get(level.index())
            .is_some_and(|outgoing| outgoing.next < outgoing.length || !outgoing.lost.is_empty())
    }

    /// Writes CRYPTO frames: what was lost first, then what is new.
    pub(crate) fn on_transmit(
        &mut self,
        level: Space,
        buffer: &[u8],
        writer: &mut FrameWriter<'_>,
    ) {
        let Some(outgoing) = self.levels.get_mut(level.index()) else {
            return;
        };
        let bytes = buffer
            .get(outgoing.start..outgoing.start + outgoing.length)
            .unwrap_or(&[]);
        while let Some(range) = outgoing.lost.first() {
            let (start, end) = (to_usize(range.start), to_usize(range.end));
            let written = writer.crypto(to_u64(start), bytes.get(start..end).unwrap_or(&[]));
            if written == 0 {
                return;
            }
            let end = u32::try_from(start + written).unwrap_or(u32::MAX);
            outgoing.lost.remove_below(end);
        }
        while outgoing.next < outgoing.length {
            let rest = bytes.get(outgoing.next..).unwrap_or(&[]);
            let written = writer.crypto(to_u64(outgoing.next), rest);
            if written == 0 {
                return;
            }
            outgoing.next += written;
            outgoing.sent = outgoing.sent.max(outgoing.next);
        }
    }

    /// Something of `level` was never sent, so nobody can have heard it.
    pub(crate) fn has_unsent(&self, level: Space) -> bool {
        let outgoing = self.levels.get(level.index());
        outgoing.is_some_and(|outgoing| outgoing.sent < outgoing.length)
    }

    /// A piece arrived.
    pub(crate) fn on_ack(&mut self, level: Space, offset: u32, length: u16) {
        if let Some(outgoing) = self.levels.get_mut(level.index()) {
            let range = offset..offset.saturating_add(length.into());
            // Full: the piece is forgotten, which can only cost a needless retransmission.
            let _ = outgoing.acknowledged.insert(range);
        }
    }

    /// A piece was lost: it is sent again unless it has arrived by another packet.
    pub(crate) fn on_loss(&mut self, level: Space, offset: u32, length: u16) {
        let Some(outgoing) = self.levels.get_mut(level.index()) else {
            return;
        };
        let range = offset..offset.saturating_add(length.into());
        let arrived = |known: Range<u32>| known.start <= range.start && range.end <= known.end;
        if !outgoing.acknowledged.iter().any(arrived) {
            // Full: joining costs bandwidth, never correctness.
            outgoing.lost.insert_or_join(range);
        }
    }

    /// Everything of `level` is to be sent again from its first byte (Retry, probe timeout).
    pub(crate) fn restart(&mut self, level: Space) {
        if let Some(outgoing) = self.levels.get_mut(level.index()) {
            outgoing.next = 0;
            outgoing.lost.clear();
            outgoing.acknowledged.clear();
        }
    }

    /// The keys of `level` are gone, and with them the need to send anything there.
    pub(crate) fn discard(&mut self, level: Space) {
        if let Some(outgoing) = self.levels.get_mut(level.index()) {
            outgoing.next = outgoing.length;
            outgoing.lost.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame_writer::PACKET_TOKENS_MAX;
    use crate::recovery::Token;
    use crate::wire::frame::{Frame, Frames};
    use std::vec::Vec;

    fn feed(receive: &mut CryptoReceive, buffer: &mut [u8], offset: u64, data: &[u8]) -> Admission {
        let level = receive.level();
        let verdict = receive
            .admit(level, offset, data.len(), buffer.len())
            .unwrap();
        if verdict == Admission::Fits {
            receive.store(level, offset, data, buffer);
        }
        verdict
    }

    //= rfc9000#7.5 test
    #[test]
    fn bytes_in_any_order_are_read_in_theirs() {
        let bytes: Vec<u8> = (0..60).collect();
        for step in [1, 7, 11, 13, 59] {
            let mut receive = CryptoReceive::default();
            let mut buffer = [0; 60];
            let mut read = Vec::new();
            // Pairs in turn from both ends: few holes, every order.
            let order = (0..60).map(|index| index * step % 60);
            let mut missing: Vec<usize> = order.collect();
            while !missing.is_empty() {
                missing.retain(|&at| {
                    feed(&mut receive, &mut buffer, at as u64, &bytes[at..=at]) == Admission::Beyond
                });
                // Message by message, and what is left moves down afterwards.
                while let Some(&byte) = buffer[receive.readable()].first() {
                    read.push(byte);
                    receive.consume(1);
                }
                receive.compact(&mut buffer);
            }
            assert_eq!(read, bytes);
        }
    }

    //= rfc9000#4 test
    #[test]
    fn what_lies_beyond_the_window_is_as_if_lost_until_the_window_moves() {
        let mut receive = CryptoReceive::default();
        let mut buffer = [0; 8];
        assert_eq!(
            feed(&mut receive, &mut buffer, 4, &[5; 5]),
            Admission::Beyond
        );
        assert_eq!(feed(&mut receive, &mut buffer, 0, &[1; 8]), Admission::Fits);
        receive.consume(4);
        assert_eq!(receive.readable(), 4..8);
        assert_eq!(receive.compact(&mut buffer), 4);
        assert_eq!(feed(&mut receive, &mut buffer, 4, &[5; 5]), Admission::Fits);
        assert_eq!(
            (receive.readable(), buffer[..5].to_vec()),
            (0..5, std::vec![5; 5])
        );
    }

    #[test]
    fn more_holes_than_can_be_remembered_are_as_if_lost() {
        let mut receive = CryptoReceive::default();
        let mut buffer = [0; 100];
        for hole in 0..HOLES_MAX as u64 {
            assert_eq!(
                feed(&mut receive, &mut buffer, 1 + 2 * hole, &[1]),
                Admission::Fits
            );
        }
        assert_eq!(feed(&mut receive, &mut buffer, 50, &[1]), Admission::Beyond);
        assert_eq!(
            feed(&mut receive, &mut buffer, 0, &[1; 20]),
            Admission::Fits
        );
        assert_eq!(feed(&mut receive, &mut buffer, 50, &[1]), Admission::Fits);
    }

    //= rfc9001#4.1.3 test
    #[test]
    fn a_level_that_is_over_takes_nothing_new() {
        let mut receive = CryptoReceive::default();
        let mut buffer = [0; 10];
        feed(&mut receive, &mut buffer, 0, &[1; 4]);
        assert!(
            receive.enter(Space::Handshake).is_err(),
            "bytes are left over"
        );
        receive.consume(4);
        receive.compact(&mut buffer);
        receive.enter(Space::Handshake).unwrap();
        assert_eq!(receive.admit(Space::Initial, 0, 4, 10), Ok(Admission::Fits));
        let error = receive.admit(Space::Initial, 0, 5, 10).unwrap_err();
        assert_eq!(error.code(), Code::PROTOCOL_VIOLATION);
        assert_eq!(
            receive.admit(Space::Application, 0, 1, 10),
            Ok(Admission::Beyond)
        );
    }

    //= rfc9000#7.5 test
    #[test]
    fn after_the_handshake_what_does_not_fit_silences_the_stream() {
        let mut receive = CryptoReceive::default();
        receive.enter(Space::Handshake).unwrap();
        receive.enter(Space::Application).unwrap();
        let mut buffer = [0; 4];
        assert_eq!(feed(&mut receive, &mut buffer, 0, &[1; 5]), Admission::Fits);
        assert_eq!(feed(&mut receive, &mut buffer, 0, &[1; 4]), Admission::Fits);
        assert!(receive.readable().is_empty());
    }

    /// No `usize` of 32 bits holds it: cut to that it would be 0, which is within every window.
    const TOO_WIDE: u64 = 1 << 32;

    //= rfc9000#7.5 test
    #[test]
    fn an_offset_above_32_bits_is_not_the_place_that_it_ends_in() {
        for ahead in [TOO_WIDE - 4, TOO_WIDE - 2, TOO_WIDE, TOO_WIDE + 1] {
            for read in [0, 3] {
                let mut receive = CryptoReceive::default();
                let mut buffer = [0; 16];
                feed(&mut receive, &mut buffer, 0, &[1; 3][..read]);
                receive.consume(read);
                receive.compact(&mut buffer);
                let (near, far) = (read as u64, read as u64 + ahead);
                let verdict = feed(&mut receive, &mut buffer, far, b"evil");
                assert_eq!(verdict, Admission::Beyond);
                // Whoever did not ask is not heard either.
                receive.store(Space::Initial, far, b"evil", &mut buffer);
                assert!(receive.readable().is_empty());
                let verdict = feed(&mut receive, &mut buffer, near, b"good");
                assert_eq!(verdict, Admission::Fits);
                assert_eq!(&buffer[receive.readable()], b"good");
            }
            let mut receive = CryptoReceive::default();
            receive.enter(Space::Handshake).unwrap();
            receive.enter(Space::Application).unwrap();
            let mut buffer = [0; 16];
            let verdict = feed(&mut receive, &mut buffer, ahead, b"evil");
            assert_eq!((verdict, buffer), (Admission::Fits, [0; 16]));
            assert!(receive.readable().is_empty(), "given up, not delivered");
        }
    }

    #[test]
    fn what_was_read_is_counted_beyond_32_bits() {
        let mut receive = CryptoReceive::default();
        let mut buffer = [0; 16];
        receive.read[Space::Initial.index()] = TOO_WIDE;
        for old in [0, TOO_WIDE - 3] {
            let verdict = feed(&mut receive, &mut buffer, old, b"old");
            assert_eq!((verdict, receive.readable()), (Admission::Fits, 0..0));
        }
        feed(&mut receive, &mut buffer, TOO_WIDE - 3, b"oldnew");
        assert_eq!(&buffer[receive.readable()], b"new");
    }

    fn sent(send: &mut CryptoSend, buffer: &[u8], room: usize) -> (Vec<u8>, Vec<Token>) {
        let mut out = [0; 200];
        let mut tokens = heapless::Vec::<Token, PACKET_TOKENS_MAX>::new();
        let mut writer = FrameWriter::new(Writer::new(&mut out[..room]), &mut tokens, 32);
        send.on_transmit(Space::Initial, buffer, &mut writer);
        let length = writer.len();
        let mut bytes = Vec::new();
        for frame in Frames::new(&out[..length]) {
            match frame.unwrap() {
                Frame::Crypto { data, .. } => bytes.extend_from_slice(data),
                other => panic!("{other:?}"),
            }
        }
        (bytes, tokens.to_vec())
    }

    #[test]
    fn lost_pieces_go_first_and_acknowledged_ones_never_again() {
        let mut buffer = [0; 64];
        let mut send = CryptoSend::default();
        let message: Vec<u8> = (0..40).collect();
        send.append(Space::Initial, &mut buffer, &mut |_, out| {
            out.bytes(&message)
        })
        .unwrap();
        assert_eq!(send.sent(Space::Initial, &buffer), message);
        let (first, tokens) = sent(&mut send, &buffer, 24);
        assert_eq!(first, message[..20]);
        assert_eq!(
            tokens,
            [Token::Crypto {
                offset: 0,
                length: 20
            }]
        );
        send.on_loss(Space::Initial, 0, 20);
        send.on_ack(Space::Initial, 0, 20);
        // The acknowledgement came after all; the repetition that was already due does no harm.
        assert!(send.has_pending(Space::Initial));
        send.restart(Space::Initial);
        assert_eq!(sent(&mut send, &buffer, 100).0, message);
        send.on_ack(Space::Initial, 10, 10);
        send.on_loss(Space::Initial, 12, 5);
        assert!(
            !send.has_pending(Space::Initial),
            "acknowledged by another packet"
        );
        send.on_loss(Space::Initial, 0, 10);
        assert_eq!(sent(&mut send, &buffer, 100).0, message[..10]);
        send.discard(Space::Initial);
        assert!(!send.has_pending(Space::Initial));
    }

    #[test]
    fn a_message_that_does_not_fit_leaves_no_trace() {
        let mut buffer = [0; 8];
        let mut send = CryptoSend::default();
        send.append(Space::Initial, &mut buffer, &mut |_, out| {
            out.bytes(&[1; 6])
        })
        .unwrap();
        let second = send.append(Space::Handshake, &mut buffer, &mut |before, out| {
            assert!(before.is_empty(), "nothing was said at this level");
            out.bytes(&[2; 3])
        });
        assert_eq!(second, Err(Full));
        send.append(Space::Handshake, &mut buffer, &mut |_, out| {
            out.bytes(&[2; 2])
        })
        .unwrap();
        assert_eq!(send.sent(Space::Initial, &buffer), [1; 6]);
        assert_eq!(send.sent(Space::Handshake, &buffer), [2; 2]);
    }
}
