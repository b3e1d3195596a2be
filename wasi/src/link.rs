//! One connection, and the one request at a time that it carries.
//!
//! Invariant: nothing happens between two calls. Everything a call waits for has an end: the caller's deadline, or the
//! server's silence.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use quicpro_core::http3::{self, Code, Memory, RecvError, RequestError, RequestId, SendError};
use quicpro_core::io::{Clock, Driven, Entropy, drive};
use quicpro_core::{ClientConfig, Event, Instant, Limits, Request};

use crate::config::NO_ANSWER;
use crate::error::{Cause, Error, Phase, Result};
use crate::failure;
use crate::headers::Headers;
use crate::host::{Monotonic, Random, Udp};

/// How long a request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Until when all of it.
    pub deadline: Option<Instant>,
    /// How long the server may be silent in between.
    pub silence: Option<Duration>,
}

/// The final response's head.
#[derive(Debug)]
pub(crate) struct Head {
    pub status: u16,
    pub headers: Headers,
}

/// A connection to a server that was verified.
pub(crate) struct Link {
    client: http3::Client<'static>,
    socket: Udp,
    datagram: Vec<u8>,
    remote: SocketAddr,
    exchange: Exchange,
    state: State,
}

enum State {
    Connecting,
    Open,
    /// No further request can be made.
    Retired,
    Over(Error),
}

/// The request under way.
#[derive(Default)]
struct Exchange {
    id: Option<RequestId>,
    head: Option<Head>,
    trailers: Option<Headers>,
    complete: bool,
    failure: Option<Error>,
    /// Counts what happened, so that silence can be told from waiting.
    steps: u32,
}

impl Link {
    /// Connects to `remote`, until `deadline`.
    pub fn open(
        config: &ClientConfig<'static>,
        limits: &Limits,
        remote: SocketAddr,
        deadline: Instant,
    ) -> Result<Box<Self>> {
        let refused = |error| failure::of_host(Phase::Connect, error);
        let socket = Udp::connect(remote).map_err(refused)?;
        let mut seed = [0; 32];
        if Random.fill(&mut seed).is_err() {
            let message = "the host gives no randomness";
            return Err(Error::new(Phase::Connect, Cause::Host, message));
        }
        let begun = now();
        let client = http3::Client::connect(config, remote, Memory::boxed(limits), begun, seed)
            .map_err(|error| Error::build(error.to_string()))?;
        let mut link = Box::new(Self {
            client,
            socket,
            datagram: vec![0; limits.datagram],
            remote,
            exchange: Exchange::default(),
            state: State::Connecting,
        });
        while matches!(link.state, State::Connecting) {
            let answered = link.is_answered();
            let until = if answered {
                deadline
            } else {
                deadline.min(begun + NO_ANSWER)
            };
            if now() >= until {
                return Err(link.timed_out(if answered {
                    "no verified connection in time"
                } else {
                    "no answer over UDP"
                }));
            }
            link.turn(Some(until))?;
        }
        match &link.state {
            State::Over(failure) => Err(failure.clone()),
            _ => Ok(link),
        }
    }

    /// Whether another request can be made on it; takes in what came since the last one.
    pub fn is_usable(&mut self) -> bool {
        self.exchange = Exchange::default();
        while let Ok(Driven::Input) = self.turn(Some(now())) {}
        matches!(self.state, State::Open)
    }

    /// Makes a request and waits for the response's head.
    pub fn request(
        &mut self,
        head: &Request<'_>,
        content: &[u8],
        patience: Patience,
    ) -> Result<Head> {
        let mut heard = now();
        let id = loop {
            match self.client.request(head) {
                Ok(id) => break id,
                Err(RequestError::Blocked) => self.wait(patience, &mut heard)?,
                Err(error) => return Err(failure::of_request(error)),
            }
        };
        self.exchange = Exchange {
            id: Some(id),
            ..Exchange::default()
        };
        self.send(id, content, patience)?;
        let mut heard = now();
        loop {
            if let Some(head) = self.exchange.head.take() {
                return Ok(head);
            }
            self.wait(patience, &mut heard)?;
        }
    }

    /// Sends content and its end, unless the server answers without wanting it.
    fn send(&mut self, id: RequestId, mut content: &[u8], patience: Patience) -> Result<()> {
        let mut heard = now();
        while !content.is_empty() {
            match self.client.send_body(id, content) {
                Ok(length) => {
                    content = &content[length..];
                    heard = now();
                }
                Err(SendError::Blocked) => self.wait(patience, &mut heard)?,
                Err(SendError::Stopped(_)) => return Ok(()),
                Err(error) => return self.exchange.outcome(failure::of_send(error)),
            }
        }
        match self.client.finish(id) {
            Ok(()) | Err(SendError::Stopped(_)) => Ok(()),
            Err(error) => self.exchange.outcome(failure::of_send(error)),
        }
    }

    /// Copies content of the response to `out`, which is not empty; waits for it. `Ok(0)` is its end.
    pub fn read(&mut self, out: &mut [u8], patience: Patience) -> Result<usize> {
        let mut heard = now();
        let Some(id) = self.exchange.id else {
            return Ok(0);
        };
        loop {
            if self.exchange.complete {
                return Ok(0);
            }
            match self.client.recv_body(id, out) {
                Ok(0) | Err(RecvError::Blocked) => {}
                Ok(length) => return Ok(length),
                Err(error) => {
                    self.events();
                    let failure = match &self.state {
                        State::Over(failure) => failure.clone(),
                        _ => failure::of_receive(error),
                    };
                    return self.exchange.outcome(failure).map(|()| 0);
                }
            }
            self.wait(patience, &mut heard)?;
        }
    }

    /// Fields behind the content, once that has ended.
    pub fn take_trailers(&mut self) -> Option<Headers> {
        self.exchange.trailers.take()
    }

    /// Gives the request up, if it is not over.
    pub fn cancel(&mut self) {
        if let Some(id) = self.exchange.id.take()
            && !self.exchange.complete
            && self.exchange.failure.is_none()
        {
            self.client.cancel(id, Code::REQUEST_CANCELLED);
        }
    }

    /// Returns when something happened to the request; the server may have been silent since `heard`.
    fn wait(&mut self, patience: Patience, heard: &mut Instant) -> Result<()> {
        let steps = self.exchange.steps;
        self.events();
        while self.exchange.steps == steps {
            if let State::Over(failure) = &self.state {
                return Err(failure.clone());
            }
            let silent = patience.silence.map(|silence| *heard + silence);
            let until = [patience.deadline, silent].into_iter().flatten().min();
            if until.is_some_and(|until| now() >= until) {
                return Err(self.timed_out("no response in time"));
            }
            self.turn(until)?;
        }
        *heard = now();
        match &self.exchange.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    /// One turn of the engine's loop.
    fn turn(&mut self, until: Option<Instant>) -> Result<Driven> {
        let Self {
            client,
            socket,
            datagram,
            ..
        } = self;
        let driven = match drive(client, socket, &Monotonic, datagram, until) {
            Ok(driven) => driven,
            // What an established connection loses is repaired; anybody can send an ICMP message.
            Err(error) if error.is_of_the_path() && self.is_answered() => Driven::Idle,
            Err(error) => return Err(failure::of_host(self.phase(), error)),
        };
        self.events();
        Ok(driven)
    }

    /// Takes in all that the engine has to tell.
    fn events(&mut self) {
        loop {
            let phase = self.phase();
            let exchange = &mut self.exchange;
            let Some(event) = self.client.poll_event() else {
                return;
            };
            match event {
                Event::Connected => self.state = State::Open,
                Event::GoAway { .. } if matches!(self.state, State::Open) => {
                    self.state = State::Retired;
                }
                Event::Closed(error) => {
                    self.state = State::Over(failure::of_connection(phase, &error));
                }
                event => exchange.on_event(event),
            }
        }
    }

    fn phase(&self) -> Phase {
        match self.state {
            State::Connecting if self.is_answered() => Phase::Handshake,
            State::Connecting => Phase::Connect,
            _ if self.exchange.id.is_some() && self.exchange.head.is_none() => Phase::Request,
            _ => Phase::Body,
        }
    }

    /// Whether the server has sent a packet that only it can have sent.
    fn is_answered(&self) -> bool {
        self.client.transport().stats().packets_received > 0
    }

    fn timed_out(&self, message: &'static str) -> Error {
        Error::new(self.phase(), Cause::Timeout, message)
    }

    /// The server's address.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }
}

/// Tells the server, as far as one datagram can.
impl Drop for Link {
    fn drop(&mut self) {
        if !matches!(self.state, State::Over(_)) {
            self.client.close(now());
            let _ = self.turn(Some(now()));
        }
    }
}

impl Exchange {
    fn on_event(&mut self, event: Event<'_>) {
        match event {
            Event::Response { status, fields, .. } => {
                let headers = Headers::received(fields);
                self.head = Some(Head { status, headers });
            }
            Event::Trailers { fields, .. } => self.trailers = Some(Headers::received(fields)),
            Event::Finished { .. } => self.complete = true,
            Event::Reset { code, .. } => self.failure = Some(failure::of_reset(code)),
            Event::Failed { error, .. } => self.failure = Some(failure::of_message(error)),
            Event::Informational { .. }
            | Event::Data { .. }
            | Event::Writable { .. }
            | Event::RequestsAvailable => {}
            _ => return,
        }
        self.steps = self.steps.wrapping_add(1);
    }

    /// The failure that was reported for the request, or else `failure`.
    fn outcome(&self, failure: Error) -> Result<()> {
        Err(self.failure.clone().unwrap_or(failure))
    }
}

/// The time.
pub(crate) fn now() -> Instant {
    Monotonic.now()
}
