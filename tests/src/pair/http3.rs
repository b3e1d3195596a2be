//! GET requests of HTTP/3 in virtual time: our client, and answers on quinn-proto that need no HTTP/3 of ours.
//!
//! The n-th request is for the n-th length of a list that both sides have. Invariant: a status, a byte or a
//! length that is not expected panics.

use super::pattern::{Checker, Sender};
use super::quinn::Application;
use super::random::Random;
use super::{Arrival, Party, SERVER, Transmit, ours};
use quicpro_core::http3::{Client, Error, Event, Memory, RecvError, Request, RequestId};
use quicpro_core::{ClientConfig, Instant, Limits};
use quinn_proto::{Connection, Dir, StreamEvent, StreamId, VarInt};
use std::collections::BTreeMap;

/// The type of a control stream, and an empty SETTINGS frame.
const CONTROL: [u8; 3] = [0, 4, 0];
/// A HEADERS frame with `:status: 200` out of QPACK's static table.
const STATUS_200: [u8; 5] = [1, 3, 0, 0, 0xd9];

/// Our HTTP/3 client, which makes all its requests at once.
pub struct Asking {
    /// The client.
    pub client: Client<'static>,
    sizes: Vec<u64>,
    answers: BTreeMap<u64, Checker>,
    /// Answers received to their end.
    pub completed: usize,
    /// Handshakes completed.
    pub connected: usize,
    /// Why the connection ended, once it has.
    pub lost: Option<Error>,
}

impl Asking {
    /// A client that connects at once and makes a request for each length.
    pub fn new(seed: u64, limits: Limits, config: &ClientConfig<'static>, sizes: &[u64]) -> Self {
        let entropy = Random::new(seed, "our entropy").key();
        let memory = Memory::boxed(&limits);
        let client = Client::connect(config, SERVER, memory, Instant::ZERO, entropy);
        Self {
            client: client.expect("the configuration is complete and fits"),
            sizes: sizes.to_vec(),
            answers: BTreeMap::new(),
            completed: 0,
            connected: 0,
            lost: None,
        }
    }

    fn ask(&mut self) {
        for size in &self.sizes {
            let path = format!("/{size}");
            let id = self.client.request(&Request::get(&path));
            let id = id.expect("room for a request");
            self.client.finish(id).expect("it is open");
            self.answers
                .insert(id.stream_id().get(), Checker::default());
        }
    }

    fn read(&mut self, id: RequestId) {
        let mut buffer = [0; 4096];
        let answer = self.answers.get_mut(&id.stream_id().get());
        let answer = answer.expect("an answer to a request");
        loop {
            match self.client.recv_body(id, &mut buffer) {
                Ok(0) | Err(RecvError::Blocked | RecvError::Closed) => return,
                Ok(count) => answer.take(&buffer[..count]),
                Err(error) => panic!("{id}: {error:?}"),
            }
        }
    }

    fn finish(&mut self, id: RequestId) {
        let number = id.stream_id().get();
        let size = self.sizes[(number / 4) as usize];
        assert_eq!(
            self.answers[&number].len(),
            size,
            "{id}: the answer's length"
        );
        self.completed += 1;
    }
}

/// What an event asks for, without what it borrows.
enum Step {
    Ask,
    Read(RequestId),
    Finish(RequestId),
    Nothing,
}

impl Party for Asking {
    fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &mut [u8]) {
        self.client
            .handle_datagram(now, &ours::receive(arrival), datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.client.handle_timeout(now);
    }

    fn run_application(&mut self, _: Instant) {
        while let Some(event) = self.client.poll_event() {
            let step = match event {
                Event::Connected => Step::Ask,
                Event::Response { status, .. } => {
                    assert_eq!(status, 200);
                    Step::Nothing
                }
                Event::Data { request } => Step::Read(request),
                Event::Finished { request } => Step::Finish(request),
                Event::Closed(error) => {
                    self.lost = Some(error);
                    Step::Nothing
                }
                _ => Step::Nothing,
            };
            match step {
                Step::Ask => {
                    self.connected += 1;
                    self.ask();
                }
                Step::Read(request) => self.read(request),
                Step::Finish(request) => self.finish(request),
                Step::Nothing => {}
            }
        }
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        let transmit = self.client.poll_transmit(now, out)?;
        Some(ours::transmit(&transmit))
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.client.poll_timeout()
    }
}

/// Answers on quinn-proto.
pub struct Answering {
    sizes: Vec<u64>,
    heads: BTreeMap<StreamId, Vec<u8>>,
    senders: BTreeMap<StreamId, Sender>,
}

impl Answering {
    /// A server with these bodies.
    pub fn new(sizes: &[u64]) -> Self {
        Self {
            sizes: sizes.to_vec(),
            heads: BTreeMap::new(),
            senders: BTreeMap::new(),
        }
    }

    fn read(&mut self, connection: &mut Connection, id: StreamId) {
        let Some(head) = self.heads.get_mut(&id) else {
            return;
        };
        let reading = super::pattern::read(connection, id, |bytes| head.extend_from_slice(bytes));
        if reading != super::pattern::Reading::Finished {
            return;
        }
        assert_eq!(head.first(), Some(&1), "{id}: a request is a HEADERS frame");
        let size = self.sizes[id.index() as usize];
        let mut answer = STATUS_200.to_vec();
        answer.push(0);
        answer.extend((size | 0x8000_0000).to_be_bytes()[4..].iter());
        self.heads.remove(&id);
        let mut sender = Sender::new(&answer, size);
        sender.write(connection, id);
        self.senders.insert(id, sender);
    }
}

impl Application for Answering {
    fn on_event(&mut self, connection: &mut Connection, event: quinn_proto::Event) {
        use quinn_proto::Event;
        match event {
            Event::Connected => {
                let id = connection.streams().open(Dir::Uni).expect("a stream");
                let written = connection.send_stream(id).write(&CONTROL);
                assert_eq!(written, Ok(CONTROL.len()));
            }
            Event::Stream(StreamEvent::Opened { dir: Dir::Bi }) => {
                while let Some(id) = connection.streams().accept(Dir::Bi) {
                    self.heads.insert(id, Vec::new());
                    self.read(connection, id);
                }
            }
            Event::Stream(StreamEvent::Readable { id }) => self.read(connection, id),
            Event::Stream(StreamEvent::Writable { id }) => {
                if let Some(sender) = self.senders.get_mut(&id) {
                    sender.write(connection, id);
                }
            }
            Event::Stream(StreamEvent::Stopped { id, error_code }) => {
                assert_eq!(error_code, VarInt::from_u32(0x100), "{id}: stopped");
            }
            _ => {}
        }
    }
}
