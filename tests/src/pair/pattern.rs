//! An application for raw QUIC streams: bodies of [`crate::body`]'s pattern both ways, every byte checked.
//!
//! The client opens a stream and sends 8 bytes, the length of the answer that it wants (big endian), then as
//! many bytes of the pattern as it likes, then the end. The server answers with that many bytes.
//! Invariant: a byte out of place panics where it is read.

use super::quinn::Application;
use crate::body;
use quinn_proto::{Connection, Dir, Event, ReadError, StreamEvent, StreamId, VarInt, WriteError};
use std::collections::BTreeMap;

/// Bytes before the body of a request.
pub const HEAD_LEN: usize = 8;

/// The head of a request for `length` bytes.
pub fn head(length: u64) -> [u8; HEAD_LEN] {
    length.to_be_bytes()
}

/// A body that is being read, checked byte by byte.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    offset: u64,
}

impl Checker {
    /// Takes the next bytes; panics at one that is not the pattern's.
    pub fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let expected = body::piece(self.offset, bytes.len() as u64);
            let (now, later) = bytes.split_at(expected.len());
            assert!(
                now == &expected[..],
                "wrong bytes within {} of offset {}",
                expected.len(),
                self.offset
            );
            self.offset += now.len() as u64;
            bytes = later;
        }
    }

    /// Bytes taken.
    pub fn len(&self) -> u64 {
        self.offset
    }

    /// Whether nothing was taken yet.
    pub fn is_empty(&self) -> bool {
        self.offset == 0
    }
}

/// The sending half of an exchange: what is left of head and pattern.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    head: Vec<u8>,
    offset: u64,
    length: u64,
    is_finished: bool,
}

impl Sender {
    pub(super) fn new(head: &[u8], length: u64) -> Self {
        Self {
            head: head.to_vec(),
            offset: 0,
            length,
            is_finished: false,
        }
    }

    /// Writes until the stream is finished or takes no more.
    pub(super) fn write(&mut self, connection: &mut Connection, id: StreamId) {
        while !self.is_finished {
            let piece = match &self.head[..] {
                [] => body::piece(self.offset, (self.length - self.offset).min(16_384)),
                head => head.to_vec().into(),
            };
            let mut stream = connection.send_stream(id);
            if piece.is_empty() {
                stream.finish().expect("the stream is open");
                self.is_finished = true;
                return;
            }
            match stream.write(&piece) {
                Ok(written) if self.head.is_empty() => self.offset += written as u64,
                Ok(written) => drop(self.head.drain(..written)),
                Err(WriteError::Blocked) => return,
                Err(error) => panic!("{id}: {error}"),
            }
        }
    }
}

/// What reading a stream has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Blocked,
    Finished,
}

/// Reads what there is and hands it to `take`.
pub(super) fn read(
    connection: &mut Connection,
    id: StreamId,
    mut take: impl FnMut(&[u8]),
) -> Reading {
    let mut stream = connection.recv_stream(id);
    let mut chunks = stream.read(true).expect("the stream is not finished yet");
    let reading = loop {
        match chunks.next(usize::MAX) {
            Ok(Some(chunk)) => take(&chunk.bytes),
            Ok(None) => break Reading::Finished,
            Err(ReadError::Blocked) => break Reading::Blocked,
            Err(error) => panic!("{id}: {error}"),
        }
    };
    let _ = chunks.finalize();
    reading
}

/// The answering side.
#[derive(Default)]
pub struct Server {
    streams: BTreeMap<StreamId, Exchange>,
    /// Bytes of requests' bodies received, over all streams.
    pub received: u64,
    /// Answers sent to their end.
    pub answered: usize,
}

#[derive(Default)]
struct Exchange {
    head: Vec<u8>,
    body: Checker,
    answer: Option<Sender>,
}

impl Application for Server {
    fn on_event(&mut self, connection: &mut Connection, event: Event) {
        match event {
            Event::Stream(StreamEvent::Opened { dir: Dir::Bi }) => {
                while let Some(id) = connection.streams().accept(Dir::Bi) {
                    self.streams.insert(id, Exchange::default());
                    self.read(connection, id);
                }
            }
            Event::Stream(StreamEvent::Readable { id }) => self.read(connection, id),
            Event::Stream(StreamEvent::Writable { id }) => self.write(connection, id),
            _ => {}
        }
    }
}

impl Server {
    fn read(&mut self, connection: &mut Connection, id: StreamId) {
        let exchange = self.streams.get_mut(&id);
        // quinn may say that a stream is readable once more after its end was read.
        let Some(exchange) = exchange.filter(|exchange| exchange.answer.is_none()) else {
            return;
        };
        let received = &mut self.received;
        let reading = read(connection, id, |bytes| {
            let missing = HEAD_LEN - exchange.head.len();
            let (head, body) = bytes.split_at(missing.min(bytes.len()));
            exchange.head.extend_from_slice(head);
            exchange.body.take(body);
            *received += body.len() as u64;
        });
        if reading == Reading::Finished {
            let head = exchange
                .head
                .as_slice()
                .try_into()
                .expect("a request has a head");
            exchange.answer = Some(Sender::new(&[], u64::from_be_bytes(head)));
            self.write(connection, id);
        }
    }

    fn write(&mut self, connection: &mut Connection, id: StreamId) {
        let Some(answer) = self
            .streams
            .get_mut(&id)
            .and_then(|exchange| exchange.answer.as_mut())
        else {
            return;
        };
        let was_finished = answer.is_finished;
        answer.write(connection, id);
        self.answered += usize::from(answer.is_finished && !was_finished);
    }
}

/// The asking side: a plan of exchanges, all at once as far as the server lets it.
pub struct Client {
    waiting: Vec<Plan>,
    streams: BTreeMap<StreamId, (Sender, Checker, u64)>,
    /// Answers received to their end, each of the right length.
    pub completed: usize,
    /// Connections established.
    pub connected: usize,
}

/// One exchange.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Bytes to send after the head.
    pub up: u64,
    /// Bytes to ask for.
    pub down: u64,
}

impl Client {
    /// A client that makes these exchanges and closes nothing.
    pub fn new(plans: &[Plan]) -> Self {
        let waiting = plans.iter().rev().copied().collect();
        Self {
            waiting,
            streams: BTreeMap::new(),
            completed: 0,
            connected: 0,
        }
    }

    fn open(&mut self, connection: &mut Connection) {
        while let Some(plan) = self.waiting.pop() {
            let Some(id) = connection.streams().open(Dir::Bi) else {
                self.waiting.push(plan);
                return;
            };
            let mut sender = Sender::new(&head(plan.down), plan.up);
            sender.write(connection, id);
            self.streams
                .insert(id, (sender, Checker::default(), plan.down));
        }
    }

    fn read(&mut self, connection: &mut Connection, id: StreamId) {
        let Some((_, checker, length)) = self.streams.get_mut(&id) else {
            return;
        };
        if read(connection, id, |bytes| checker.take(bytes)) == Reading::Finished {
            assert_eq!(checker.len(), *length, "{id}: the answer's length");
            self.completed += 1;
            self.streams.remove(&id);
        }
    }
}

impl Application for Client {
    fn on_event(&mut self, connection: &mut Connection, event: Event) {
        match event {
            Event::Connected => {
                self.connected += 1;
                self.open(connection);
            }
            Event::Stream(StreamEvent::Available { dir: Dir::Bi }) => self.open(connection),
            Event::Stream(StreamEvent::Readable { id }) => self.read(connection, id),
            Event::Stream(StreamEvent::Writable { id }) => {
                if let Some((sender, ..)) = self.streams.get_mut(&id) {
                    sender.write(connection, id);
                }
            }
            Event::Stream(StreamEvent::Stopped { id, error_code })
                if error_code != VarInt::from_u32(0) =>
            {
                panic!("{id}: stopped with {error_code}");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checker_takes_the_pattern_in_any_pieces() {
        let whole = body::pattern(3 * body::PERIOD);
        for size in [1, 7, 1000, body::PERIOD + 3] {
            let mut checker = Checker::default();
            whole.chunks(size).for_each(|piece| checker.take(piece));
            assert_eq!(checker.len(), whole.len() as u64);
        }
    }

    #[test]
    #[should_panic(expected = "wrong bytes")]
    fn the_checker_refuses_a_byte_out_of_place() {
        let mut checker = Checker::default();
        checker.take(&[0, 1, 2]);
        checker.take(&[4]);
    }
}
