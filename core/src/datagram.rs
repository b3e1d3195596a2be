//! DATAGRAM frames (RFC 9221): bytes that arrive once or not at all, in two bounded queues.
//!
//! ```text
//! one table: | received, a ring | to be sent, a ring |     each entry: u16 length | data
//! ```
//!
//! Invariant: an entry is whole. When the received ones need room, the oldest make it; what is to be sent waits for
//! its room outside.

use crate::codec::{VarInt, copy, to_u64};
use crate::frame_writer::FrameWriter;
use crate::mem::Table;
use crate::wire::frame::kind::DATAGRAM;
use crate::wire::{Code, TransportError, rule};

/// Bytes in front of each entry.
const LENGTH: usize = 2;

/// Announced where the queue has room for whatever fits a packet (RFC 9221 §3).
const FRAME_MAX: usize = 65_535;

/// What became of datagrams, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatagramStats {
    /// Sent in a packet.
    pub sent: u64,
    /// Sent in a packet that was acknowledged; one that had been taken for lost before counts there, too.
    pub acknowledged: u64,
    /// Sent in a packet that was lost, or too large for the path by the time they were to be sent. Not repeated.
    pub lost: u64,
    /// Received.
    pub received: u64,
    /// Received, and thrown away before they were read: newer ones needed the room.
    pub dropped: u64,
}

/// What goes into a packet first: datagrams among each other always leave in the order in which they were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Precedence {
    /// Datagrams and streams take turns, so that neither starves the other.
    #[default]
    Turns,
    /// Datagrams: streams get the room that they leave.
    Datagrams,
    /// Streams, whatever their urgency: datagrams get the room that they leave.
    Streams,
}

/// Both queues of a connection.
#[derive(Default)]
pub struct Datagrams<'m> {
    bytes: Table<'m, u8>,
    receive: Ring,
    send: Ring,
    stats: DatagramStats,
    /// Something arrived that the user was not told of.
    arrived: bool,
    /// The next packet's room goes to streams first.
    yields: bool,
    precedence: Precedence,
}

impl<'m> Datagrams<'m> {
    /// Bytes of the table for queues of `each` bytes.
    pub const fn bytes(each: usize) -> usize {
        2 * each
    }

    /// Empty queues, each in one half of `bytes`.
    pub fn new(bytes: Table<'m, u8>) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }

    /// Our max_datagram_frame_size, 0 if there is no memory for any: the type, and data that fills the queue.
    //= rfc9221#3
    pub fn frame_max(&self) -> usize {
        match (self.bytes.len() / 2).checked_sub(LENGTH) {
            None | Some(0) => 0,
            Some(data) => (data + 1).min(FRAME_MAX),
        }
    }

    /// A DATAGRAM frame of `size` bytes with `data` arrived.
    pub fn on_frame(&mut self, size: usize, data: &[u8]) -> Result<(), TransportError> {
        //= rfc9221#3
        if size > self.frame_max() {
            return Err(TransportError::new(rule!(
                Code::PROTOCOL_VIOLATION,
                "a datagram larger than announced"
            ))
            .in_frame(DATAGRAM));
        }
        self.stats.received += 1;
        let (queue, _) = halves(&mut self.bytes);
        while !self.receive.push(queue, data) {
            if !self.receive.pop(queue) {
                break;
            }
            self.stats.dropped += 1;
        }
        self.arrived = true;
        Ok(())
    }

    /// Something has arrived since this was asked last.
    pub fn take_arrived(&mut self) -> bool {
        core::mem::take(&mut self.arrived)
    }

    /// Bytes of the oldest datagram received.
    pub fn front(&self) -> Option<usize> {
        let half = self.bytes.len() / 2;
        self.receive.front(self.bytes.get(..half)?)
    }

    /// Takes the oldest datagram received; `out` has room for it.
    pub fn take_front(&mut self, out: &mut [u8]) {
        let (queue, _) = halves(&mut self.bytes);
        self.receive.copy_front(queue, out);
        self.receive.pop(queue);
    }

    /// Queues a datagram; `false` if there is no room for it now.
    pub fn send(&mut self, data: &[u8]) -> bool {
        let (_, queue) = halves(&mut self.bytes);
        self.send.push(queue, data)
    }

    /// Something waits to be sent.
    pub fn has_pending(&self) -> bool {
        self.send.used > 0
    }

    /// Writes what fits, the oldest first; what is larger than `largest` bytes never will, and is given up.
    //= rfc9221#5
    pub fn on_transmit(&mut self, largest: usize, w: &mut FrameWriter<'_>) {
        let (_, queue) = halves(&mut self.bytes);
        while let Some(length) = self.send.front(queue) {
            let ring = &self.send;
            if length > largest {
                self.stats.lost += 1;
            } else if w.datagram(length, |out| ring.copy_front(queue, out)) {
                self.stats.sent += 1;
            } else {
                return;
            }
            self.send.pop(queue);
        }
    }

    /// Whether datagrams go into the next packet before anything of streams: every second time, unless something else
    /// was asked for.
    //= rfc9221#5.1
    pub fn is_first(&mut self) -> bool {
        self.yields = !self.yields;
        match self.precedence {
            Precedence::Turns => self.yields,
            Precedence::Datagrams => true,
            Precedence::Streams => false,
        }
    }

    /// What goes into packets first from now on.
    pub fn set_precedence(&mut self, precedence: Precedence) {
        self.precedence = precedence;
    }

    /// A packet with a datagram was acknowledged.
    pub fn on_ack(&mut self) {
        self.stats.acknowledged += 1;
    }

    /// A packet with a datagram was lost.
    pub fn on_loss(&mut self) {
        self.stats.lost += 1;
    }

    /// What became of all of them.
    pub fn stats(&self) -> DatagramStats {
        self.stats
    }
}

/// Bytes of data that a frame of `frame` bytes has room for, its length included.
pub fn data_max(frame: usize) -> usize {
    let data = frame.saturating_sub(2);
    // A longer length takes a byte more.
    data.saturating_sub(VarInt::size(to_u64(data)) - 1)
}

fn halves(bytes: &mut [u8]) -> (&mut [u8], &mut [u8]) {
    let half = bytes.len() / 2;
    bytes.split_at_mut_checked(half).unwrap_or_default()
}

/// Entries in a ring of bytes, which is passed to every call.
#[derive(Clone, Copy, Debug, Default)]
struct Ring {
    start: usize,
    used: usize,
}

impl Ring {
    /// Adds an entry, or says that there is no room.
    fn push(&mut self, queue: &mut [u8], data: &[u8]) -> bool {
        let Ok(length) = u16::try_from(data.len()) else {
            return false;
        };
        if queue.len().saturating_sub(self.used) < LENGTH + data.len() {
            return false;
        }
        self.write(queue, &length.to_be_bytes());
        self.write(queue, data);
        true
    }

    fn write(&mut self, queue: &mut [u8], data: &[u8]) {
        let at = self.place(queue, self.used);
        let (wrapped, tail) = queue.split_at_mut_checked(at).unwrap_or_default();
        let (front, rest) = data
            .split_at_checked(tail.len().min(data.len()))
            .unwrap_or_default();
        copy(tail.get_mut(..front.len()).unwrap_or_default(), front);
        copy(wrapped.get_mut(..rest.len()).unwrap_or_default(), rest);
        self.used += data.len();
    }

    /// Where the byte `behind` the start of the entries is.
    fn place(&self, queue: &[u8], behind: usize) -> usize {
        let at = self.start + behind;
        if at < queue.len() {
            at
        } else {
            at - queue.len()
        }
    }

    /// Copies bytes from `behind` the start of the entries on.
    fn read(&self, queue: &[u8], behind: usize, out: &mut [u8]) {
        let at = self.place(queue, behind);
        let (wrapped, tail) = queue.split_at_checked(at).unwrap_or_default();
        let split = tail.len().min(out.len());
        let (front, rest) = out.split_at_mut_checked(split).unwrap_or_default();
        copy(front, tail.get(..front.len()).unwrap_or_default());
        copy(rest, wrapped.get(..rest.len()).unwrap_or_default());
    }

    /// The data's length of the oldest entry.
    fn front(&self, queue: &[u8]) -> Option<usize> {
        if self.used == 0 {
            return None;
        }
        let mut length = [0; LENGTH];
        self.read(queue, 0, &mut length);
        Some(u16::from_be_bytes(length).into())
    }

    /// Copies the oldest entry's first bytes.
    fn copy_front(&self, queue: &[u8], out: &mut [u8]) {
        if let Some(length) = self.front(queue) {
            let length = length.min(out.len());
            self.read(queue, LENGTH, out.get_mut(..length).unwrap_or_default());
        }
    }

    /// Forgets the oldest entry; `false` if there is none.
    fn pop(&mut self, queue: &[u8]) -> bool {
        let Some(length) = self.front(queue) else {
            return false;
        };
        let taken = LENGTH + length;
        self.start = self.place(queue, taken);
        self.used = self.used.saturating_sub(taken);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Writer;
    use crate::recovery::Token;
    use crate::wire::frame::{Frame, Frames};
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::vec::Vec;

    fn queues(each: usize) -> Datagrams<'static> {
        Datagrams::new(Table::from(std::vec![0; 2 * each].leak()))
    }

    fn received(datagrams: &mut Datagrams<'_>) -> Option<Vec<u8>> {
        let mut out = std::vec![0; datagrams.front()?];
        datagrams.take_front(&mut out);
        Some(out)
    }

    //= rfc9221#3 test
    #[test]
    fn the_announced_size_is_what_the_queue_holds() {
        assert_eq!(queues(0).frame_max(), 0);
        assert_eq!(queues(2).frame_max(), 0);
        assert_eq!(queues(102).frame_max(), 101);
        assert_eq!(queues(100_000).frame_max(), 65_535);
        let mut datagrams = queues(102);
        assert!(datagrams.on_frame(101, &[7; 100]).is_ok());
        assert!(datagrams.on_frame(102, &[7; 99]).is_err());
        assert_eq!(received(&mut datagrams), Some(std::vec![7; 100]));
        assert!(queues(0).on_frame(1, &[]).is_err());
    }

    #[test]
    fn the_oldest_received_makes_room() {
        let mut datagrams = queues(30);
        for number in 0..7 {
            datagrams.on_frame(9, &[number; 8]).unwrap();
        }
        assert!(datagrams.take_arrived());
        assert!(!datagrams.take_arrived());
        for number in 4..7 {
            assert_eq!(received(&mut datagrams), Some(std::vec![number; 8]));
        }
        assert_eq!(received(&mut datagrams), None);
        let stats = datagrams.stats();
        assert_eq!((stats.received, stats.dropped), (7, 4));
        datagrams.on_frame(1, &[]).unwrap();
        assert_eq!(received(&mut datagrams), Some(Vec::new()));
    }

    fn transmit(datagrams: &mut Datagrams<'_>, largest: usize, room: usize) -> Vec<Vec<u8>> {
        let mut buffer = [0; 500];
        let mut tokens = heapless::Vec::new();
        let mut w = FrameWriter::new(Writer::new(&mut buffer[..room]), &mut tokens, 32);
        datagrams.on_transmit(largest, &mut w);
        let length = w.len();
        assert!(tokens.iter().all(|token| *token == Token::Datagram));
        let frames = Frames::new(&buffer[..length]);
        frames
            .map(|frame| match frame {
                Ok(Frame::Datagram { data, .. }) => data.to_vec(),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    //= rfc9221#5 test
    #[test]
    fn what_is_sent_leaves_in_order_and_whole() {
        let mut datagrams = queues(100);
        for (number, length) in [(1, 10), (2, 60), (3, 5)] {
            assert!(datagrams.send(&std::vec![number; length]));
        }
        assert!(!datagrams.send(&[4; 18]), "no room");
        // The first fits this packet, the second the next one.
        assert_eq!(transmit(&mut datagrams, 80, 70), [std::vec![1; 10]]);
        assert!(datagrams.has_pending());
        let rest = transmit(&mut datagrams, 80, 200);
        assert_eq!(rest, [std::vec![2; 60], std::vec![3; 5]]);
        assert!(!datagrams.has_pending());
        // The path has become smaller meanwhile.
        assert!(datagrams.send(&[5; 60]) && datagrams.send(&[6; 5]));
        assert_eq!(transmit(&mut datagrams, 50, 200), [std::vec![6; 5]]);
        let stats = datagrams.stats();
        assert_eq!((stats.sent, stats.lost), (4, 1));
    }

    #[test]
    fn a_frame_has_room_for_its_length() {
        assert_eq!(data_max(0), 0);
        assert_eq!(data_max(65), 63);
        assert_eq!(data_max(66), 63);
        assert_eq!(data_max(67), 64);
        assert_eq!(data_max(1_200), 1_197);
    }

    proptest! {
        #[test]
        fn a_ring_is_a_queue(
            capacity in 0_usize..64,
            steps in proptest::collection::vec((any::<bool>(), 0_usize..40, any::<u8>()), 0..200),
        ) {
            let mut queue = std::vec![0; capacity];
            let mut ring = Ring::default();
            let mut model = VecDeque::<Vec<u8>>::new();
            for (pushes, length, value) in steps {
                if pushes {
                    let data = std::vec![value; length];
                    let used: usize = model.iter().map(|data| data.len() + LENGTH).sum();
                    let fits = used + LENGTH + length <= capacity;
                    prop_assert_eq!(ring.push(&mut queue, &data), fits);
                    if fits {
                        model.push_back(data);
                    }
                } else {
                    prop_assert_eq!(ring.front(&queue), model.front().map(Vec::len));
                    let mut out = std::vec![0; ring.front(&queue).unwrap_or(0)];
                    ring.copy_front(&queue, &mut out);
                    prop_assert_eq!(ring.pop(&queue), !model.is_empty());
                    prop_assert_eq!(out, model.pop_front().unwrap_or_default());
                }
            }
        }
    }
}
