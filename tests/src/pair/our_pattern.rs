//! The asking side of [`super::pattern`] on our connection.
//!
//! Invariant: as there, a byte out of place, a reset or a stopped stream panics.

use super::ours::Application;
use super::pattern::{Checker, HEAD_LEN, Plan, head};
use crate::body;
use quicpro_core::connection::{Connection, Event};
use quicpro_core::stream::{OpenError, ReadError, StreamEvent, WriteError};
use quicpro_core::wire::{Direction, StreamId};
use std::collections::BTreeMap;

/// A plan of exchanges, as many at once as the server and the memory permit.
pub struct Client {
    waiting: Vec<Plan>,
    streams: BTreeMap<StreamId, Exchange>,
    buffer: Vec<u8>,
    /// Answers received to their end, each of the right length.
    pub completed: usize,
    /// Handshakes completed.
    pub connected: usize,
}

struct Exchange {
    plan: Plan,
    /// Bytes of head and body that were taken.
    sent: u64,
    is_finished: bool,
    answer: Checker,
}

impl Client {
    /// A client that makes these exchanges, reads at most `piece` bytes a call, and closes nothing.
    pub fn new(plans: &[Plan], piece: usize) -> Self {
        let waiting = plans.iter().rev().copied().collect();
        Self {
            waiting,
            streams: BTreeMap::new(),
            buffer: vec![0; piece],
            completed: 0,
            connected: 0,
        }
    }

    fn open(&mut self, connection: &mut Connection<'static>) {
        while let Some(plan) = self.waiting.pop() {
            match connection.open_stream(Direction::Bidirectional) {
                Ok(id) => {
                    let exchange = Exchange {
                        plan,
                        sent: 0,
                        is_finished: false,
                        answer: Checker::default(),
                    };
                    self.streams.insert(id, exchange);
                    self.write(connection, id);
                }
                Err(OpenError::Blocked) => return self.waiting.push(plan),
                Err(error) => panic!("opening a stream: {error:?}"),
            }
        }
    }

    fn write(&mut self, connection: &mut Connection<'static>, id: StreamId) {
        let Some(exchange) = self
            .streams
            .get_mut(&id)
            .filter(|exchange| !exchange.is_finished)
        else {
            return;
        };
        let mut stream = connection
            .send_stream(id)
            .expect("the stream is not finished");
        let end = HEAD_LEN as u64 + exchange.plan.up;
        while exchange.sent < end {
            let piece = match exchange.sent.checked_sub(HEAD_LEN as u64) {
                Some(offset) => body::piece(offset, (end - exchange.sent).min(16_384)).to_vec(),
                None => head(exchange.plan.down)[exchange.sent as usize..].to_vec(),
            };
            match stream.write(&piece) {
                Ok(written) => exchange.sent += written as u64,
                Err(WriteError::Blocked) => return,
                Err(error) => panic!("{id:?}: {error:?}"),
            }
        }
        stream.finish().expect("the stream is open");
        exchange.is_finished = true;
    }

    fn read(&mut self, connection: &mut Connection<'static>, id: StreamId) {
        let Some(exchange) = self.streams.get_mut(&id) else {
            return;
        };
        loop {
            let mut stream = connection.recv_stream(id).expect("the end is not read yet");
            match stream.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => exchange.answer.take(&self.buffer[..count]),
                Err(ReadError::Blocked) => return,
                Err(error) => panic!("{id:?}: {error:?}"),
            }
        }
        assert_eq!(
            exchange.answer.len(),
            exchange.plan.down,
            "{id:?}: the answer's length"
        );
        assert!(
            exchange.is_finished,
            "{id:?}: an answer before the request's end"
        );
        self.streams.remove(&id);
        self.completed += 1;
    }
}

impl Application for Client {
    fn on_event(&mut self, connection: &mut Connection<'static>, event: Event) {
        match event {
            Event::Connected => {
                self.connected += 1;
                self.open(connection);
            }
            Event::Stream(StreamEvent::Available {
                direction: Direction::Bidirectional,
            }) => self.open(connection),
            Event::Stream(StreamEvent::Writable { id }) => self.write(connection, id),
            Event::Stream(StreamEvent::Readable { id }) => self.read(connection, id),
            Event::Stream(StreamEvent::Reset { id, code } | StreamEvent::Stopped { id, code }) => {
                panic!("{id:?}: reset or stopped with {code}");
            }
            _ => {}
        }
    }
}
