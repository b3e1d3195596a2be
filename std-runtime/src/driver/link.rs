//! One connection: its socket, its engine, and the requests it carries.
//!
//! Invariant: a turn ends, however much the server sends: the other connections get theirs.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::Method;
use mio::Registry;
use quicpro_core::connection::Receive;
use quicpro_core::http3::{self, Event, RequestError, RequestId, SendError};
use quicpro_core::tls::CertificateError;

use super::buffers::Buffers;
use super::exchange::{Exchange, Head, Outgoing, Upload};
use super::message::{copy, make_request, to_engine};
use super::output::Refused;
use super::socket::{Received, Sent, Slots};
use super::sockets::Sockets;
use super::tokens::Tokens;
use super::{Seat, failure};
use crate::error::{Cause, Failure, Phase};
use crate::event_loop::lock;
use crate::stats::ConnectionStats;

/// Bytes received in one turn before other connections, the events and the answers get theirs.
const TURN_BYTES: usize = 256 * 1024;

/// A place in time for the engine and for the operating system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub engine: quicpro_core::Instant,
    pub system: Instant,
}

/// What the worker lends to a connection for its turn.
pub(crate) struct Turn<'a> {
    pub now: Now,
    pub slots: &'a mut Slots,
    pub out: &'a mut [u8],
    pub buffers: &'a Buffers,
    pub registry: &'a Registry,
}

pub(crate) struct Link {
    pub key: usize,
    /// The origin it was made for.
    pub authority: Arc<str>,
    pub remote: SocketAddr,
    pub sockets: Sockets,
    /// When it moved to another socket, or looked whether it should, last.
    pub(super) looked_at: Option<Instant>,
    /// There may be no way to the server from the socket in use.
    pub(super) suspicion: Option<Sent>,
    /// The address of ours that was tried last because the kernel prefers it, while the one in use worked.
    pub(super) tried: Option<IpAddr>,
    pub(super) client: http3::Client<'static>,
    running: HashMap<RequestId, Running>,
    /// A batch that the kernel had no room for.
    pub(super) refused: Option<Refused>,
    /// The socket may have more to read.
    pub readable: bool,
    /// Something else than the socket's input asks for a turn.
    pub wants_turn: bool,
    /// When the engine wants a turn.
    pub deadline: Option<quicpro_core::Instant>,
    pub opened: Instant,
    /// When a datagram came from the server, or a sign of life was asked for, last.
    pub heard_at: Option<Instant>,
    pub stage: Stage,
    /// A request that was blocked can be made now.
    pub has_room: bool,
    /// From the first packet to the verified handshake.
    handshake: Option<Duration>,
    /// What responses show of the connection.
    stats: Arc<Mutex<ConnectionStats>>,
    /// Since when it carries no request.
    pub idle_since: Option<Instant>,
    /// It has carried a response: a later death may be a server's clearing up.
    pub proven: bool,
    /// Exchanges whose callers are to be woken at the end of the turn.
    touched: Vec<Arc<Exchange>>,
    /// Requests that ended without a response, for the worker to judge.
    pub failed: Vec<(Seat, Failure)>,
}

/// Where a connection stands with its origin.
#[derive(Debug)]
pub(crate) enum Stage {
    Connecting,
    Open,
    /// No new requests; those it has may end.
    Retired,
    Over(Failure),
}

struct Running {
    seat: Seat,
    /// Bytes sent of a body in memory.
    sent: usize,
    sending: bool,
    /// The response is complete; only the rest of the request is still sent.
    complete: bool,
}

/// What is to be done once an event's borrow of the engine has ended.
enum Action {
    None,
    Touch(RequestId),
    Read(RequestId),
    Write(RequestId),
    Finish(RequestId),
    Fail(RequestId, Failure),
    Over(http3::Error),
}

/// Why a request was not taken.
pub(crate) enum NotStarted {
    /// There is no room for it now.
    Blocked,
    /// This connection will take none any more.
    Retired,
    /// Nobody would take it.
    Refused(Failure),
}

impl Link {
    pub fn new(
        key: usize,
        authority: Arc<str>,
        sockets: Sockets,
        client: http3::Client<'static>,
        remote: SocketAddr,
    ) -> Self {
        let stats = ConnectionStats::of(client.transport(), None, |local, remote| {
            sockets.address(local, remote)
        });
        Self {
            key,
            authority,
            handshake: None,
            stats: Arc::new(Mutex::new(stats)),
            remote,
            sockets,
            looked_at: None,
            suspicion: None,
            tried: None,
            client,
            running: HashMap::new(),
            refused: None,
            readable: false,
            wants_turn: true,
            deadline: None,
            opened: Instant::now(),
            heard_at: None,
            stage: Stage::Connecting,
            has_room: false,
            idle_since: None,
            proven: false,
            touched: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// All input that is ready, then timeouts, events and output.
    pub fn turn(&mut self, turn: &mut Turn<'_>) {
        if self.readable {
            self.receive(turn);
        }
        let now = turn.now.engine;
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.client.handle_timeout(now);
        }
        // Who sees the end of a response sees what has come with it.
        self.note_stats(turn.now.system);
        self.events(turn);
        for exchange in self.touched.drain(..) {
            exchange.wake();
        }
        if let Stage::Over(failure) = &self.stage {
            let failure = failure.clone();
            self.fail_all_but_held(&failure);
        }
        self.transmit(turn);
        if self.look_around(turn) {
            self.transmit(turn);
        }
        self.note_stats(turn.now.system);
        self.deadline = self.client.poll_timeout();
        self.note_idleness(turn.now.system);
    }

    fn receive(&mut self, turn: &mut Turn<'_>) {
        // Counted by the socket: empty datagrams are no bytes, and would be read here as long as somebody sends them.
        turn.slots.spent = 0;
        while turn.slots.spent < TURN_BYTES {
            let client = &mut self.client;
            let mut heard = false;
            let received = self
                .sockets
                .receive(turn.slots, |local, arrival, datagram| {
                    heard |= !datagram.is_empty();
                    let from = Receive {
                        remote: arrival.remote,
                        local,
                        codepoint: to_engine(arrival.ecn),
                    };
                    client.handle_datagram(turn.now.engine, &from, datagram);
                });
            if heard {
                self.heard_at = Some(turn.now.system);
            }
            match received {
                Received::Some => {}
                Received::Last | Received::Nothing => {
                    self.readable = false;
                    return;
                }
                Received::Refused => self.on_refused(),
                Received::Broken => {
                    self.suspicion = Some(Sent::Broken);
                    self.readable = false;
                    return;
                }
            }
        }
    }

    /// The host says that nobody listens. Anyone could say so, thus it counts only while nothing else was heard.
    fn on_refused(&mut self) {
        if matches!(self.stage, Stage::Connecting) && self.heard_at.is_none() {
            self.stage = Stage::Over(Failure::new(
                Phase::Connect,
                Cause::Other,
                "connection refused",
            ));
        }
    }

    /// Leaves the server's newest token for the connection after this one.
    pub fn leave_token(&self, tokens: &mut Tokens) {
        let transport = self.client.transport();
        if !transport.new_token().is_empty() {
            tokens.put(&self.authority, transport.version(), transport.new_token());
        }
    }

    pub fn on_verified(&mut self, now: Now, result: Result<(), CertificateError>) {
        self.client.resume_verification(now.engine, result);
    }

    fn events(&mut self, turn: &Turn<'_>) {
        loop {
            let action = match self.client.poll_event() {
                None => return,
                Some(event) => Self::look_at(
                    event,
                    &mut self.stage,
                    &mut self.has_room,
                    &self.running,
                    self.remote,
                    &self.stats,
                ),
            };
            match action {
                Action::None => {}
                Action::Touch(request) => self.touch(request),
                Action::Read(request) => self.read(request, turn.buffers),
                Action::Write(request) => self.write(request),
                Action::Finish(request) => self.on_complete(request),
                Action::Fail(request, failure) => self.fail(request, failure),
                Action::Over(error) => self.on_over(&error),
            }
        }
    }

    fn look_at(
        event: Event<'_>,
        stage: &mut Stage,
        has_room: &mut bool,
        running: &HashMap<RequestId, Running>,
        remote: SocketAddr,
        stats: &Arc<Mutex<ConnectionStats>>,
    ) -> Action {
        match event {
            Event::Connected => {
                *stage = Stage::Open;
                *has_room = true;
            }
            Event::RequestsAvailable => *has_room = true,
            Event::GoAway { .. } => *stage = Stage::Retired,
            Event::Informational {
                request,
                status,
                fields,
            } => {
                if let Some(running) = running.get(&request) {
                    running.seat.0.on_interim(status, copy(fields));
                }
            }
            Event::Response {
                request,
                status,
                fields,
            } => {
                if let Some(running) = running.get(&request) {
                    let fields = copy(fields);
                    running.seat.0.on_head(Head {
                        status,
                        fields,
                        remote,
                        stats: stats.clone(),
                    });
                    return Action::Touch(request);
                }
            }
            Event::Trailers { request, fields } => {
                if let Some(running) = running.get(&request) {
                    running.seat.0.on_trailers(copy(fields));
                }
            }
            Event::Data { request } => return Action::Read(request),
            Event::Writable { request } => return Action::Write(request),
            Event::Finished { request } => return Action::Finish(request),
            Event::Reset { request, code } => {
                return Action::Fail(request, failure::of_reset(code));
            }
            Event::Failed { request, error } => {
                return Action::Fail(request, failure::of_message(error));
            }
            Event::Closed(error) => return Action::Over(error),
            Event::VerificationPending | Event::Settings(_) => {}
        }
        Action::None
    }

    /// Makes the request of `seat`; gives it back if that is impossible.
    pub fn start(&mut self, seat: Seat) -> Result<(), (Seat, NotStarted)> {
        if !matches!(self.stage, Stage::Open) {
            return Err((seat, NotStarted::Retired));
        }
        let made = make_request(&mut self.client, &seat.0);
        let request = match made {
            Ok(request) => request,
            Err(RequestError::Blocked) => {
                self.has_room = false;
                return Err((seat, NotStarted::Blocked));
            }
            Err(RequestError::GoingAway | RequestError::Closed) => {
                self.stage = Stage::Retired;
                return Err((seat, NotStarted::Retired));
            }
            Err(error) => {
                let failure = Failure::new(Phase::Build, Cause::Other, error.to_string());
                return Err((seat, NotStarted::Refused(failure)));
            }
        };
        seat.0.on_place(Some((self.key, request)));
        let running = Running {
            seat,
            sent: 0,
            sending: true,
            complete: false,
        };
        self.running.insert(request, running);
        self.idle_since = None;
        self.write(request);
        Ok(())
    }

    /// Sends what there is of the request's body.
    fn write(&mut self, request: RequestId) {
        let Some(running) = self
            .running
            .get_mut(&request)
            .filter(|running| running.sending)
        else {
            return;
        };
        let client = &mut self.client;
        let exchange = &running.seat.0;
        let mut stopped = false;
        let done = match exchange.upload {
            Upload::Memory => {
                let body = exchange.request.body().as_bytes().unwrap_or_default();
                let rest = body.get(running.sent..).unwrap_or_default();
                let sent = send_all(client, request, rest, &mut stopped);
                running.sent += sent;
                if sent > 0 {
                    exchange.on_progress();
                }
                running.sent == body.len()
            }
            Upload::Stream(_) => {
                match exchange.outgoing(|rest| send_all(client, request, rest, &mut stopped)) {
                    Outgoing::Failed(failure) => {
                        client.cancel(request, http3::Code::REQUEST_CANCELLED);
                        return self.fail(request, failure);
                    }
                    Outgoing::End => true,
                    Outgoing::Wait => false,
                }
            }
        };
        if stopped {
            exchange.on_unwanted();
        } else if done {
            // Refused only if the server has stopped the body or the connection is over, which events tell.
            let _ = client.finish(request);
        } else {
            return;
        }
        running.sending = false;
        if running.complete {
            self.release(request);
        }
    }

    /// Moves received bytes into the mailbox, as far as there is room. A full mailbox leaves the engine alone: a look
    /// at bytes that stay would be answered with the same event again.
    fn read(&mut self, request: RequestId, buffers: &Buffers) {
        let Some(running) = self.running.get(&request) else {
            return;
        };
        let client = &mut self.client;
        running.seat.0.on_body(
            || buffers.take(),
            |body, mut room| {
                while room > 0
                    && let Ok(bytes) = client.peek_body(request)
                    && !bytes.is_empty()
                {
                    let length = bytes.len().min(room);
                    body.extend_from_slice(&bytes[..length]);
                    client.consume_body(request, length);
                    room -= length;
                }
            },
        );
        self.touch(request);
    }

    /// Has the caller of `request` woken at the end of the turn.
    fn touch(&mut self, request: RequestId) {
        if let Some(running) = self.running.get(&request)
            && !self
                .touched
                .last()
                .is_some_and(|last| Arc::ptr_eq(last, &running.seat.0))
        {
            self.touched.push(running.seat.0.clone());
        }
    }

    /// The reader has taken bytes, or a body reader has brought some.
    pub fn on_room(&mut self, request: RequestId, buffers: &Buffers) {
        self.read(request, buffers);
        self.write(request);
    }

    fn on_complete(&mut self, request: RequestId) {
        self.proven = true;
        let Some(running) = self.running.get_mut(&request) else {
            return;
        };
        running.complete = true;
        running.seat.0.on_complete();
        self.touched.push(running.seat.0.clone());
        // The rest of the body is still sent: a server may answer before it has read everything.
        if !running.sending {
            self.release(request);
        }
    }

    /// Nothing more is to be done for a request whose response is complete.
    fn release(&mut self, request: RequestId) {
        if let Some(running) = self.running.remove(&request) {
            running.seat.0.on_place(None);
        }
    }

    fn fail(&mut self, request: RequestId, failure: Failure) {
        if let Some(running) = self.running.remove(&request) {
            self.failed.push((running.seat, failure));
        }
    }

    /// The connection is over. What it has received is still read from it.
    fn on_over(&mut self, error: &http3::Error) {
        let phase = if matches!(self.stage, Stage::Connecting) {
            Phase::Handshake
        } else {
            Phase::Request
        };
        let failure = failure::of_connection(phase, error).addresses(vec![self.remote]);
        self.stage = Stage::Over(failure);
    }

    fn fail_all_but_held(&mut self, failure: &Failure) {
        let lost = self
            .running
            .iter()
            .filter(|(_, running)| !running.seat.0.is_held());
        let lost: Vec<_> = lost.map(|(request, _)| *request).collect();
        for request in lost {
            self.fail(request, failure.clone());
        }
    }

    /// Whether it carries no request.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Nobody wants the response any more.
    pub fn cancel(&mut self, request: RequestId) {
        if self.running.remove(&request).is_some() {
            self.client.cancel(request, http3::Code::REQUEST_CANCELLED);
        }
    }

    /// Whether a request that found this connection dead was perhaps never seen by the server, or does no harm when it
    /// is seen twice.
    pub fn may_repeat(&self, exchange: &Exchange, failure: &Failure) -> bool {
        let harmless = matches!(
            *exchange.request.method(),
            Method::GET
                | Method::HEAD
                | Method::OPTIONS
                | Method::PUT
                | Method::DELETE
                | Method::TRACE
        );
        let safe =
            failure.unprocessed || (self.proven && harmless && failure.cause != Cause::Stream);
        safe && exchange.upload == Upload::Memory
            && !exchange.is_answered()
            && !exchange.is_abandoned()
            && !exchange.repeated.swap(true, Ordering::Relaxed)
    }

    /// Says goodbye, once.
    pub fn close(&mut self, turn: &mut Turn<'_>) {
        self.client.close(turn.now.engine);
        self.transmit(turn);
    }

    /// How long the server may be silent before it is asked for a sign of life, while requests wait for it.
    pub fn patience(&self) -> Option<Duration> {
        Some(self.client.transport().idle_timeout()? / 2)
    }

    /// Asks for a sign of life.
    pub fn ping(&mut self, turn: &mut Turn<'_>) {
        self.heard_at = Some(turn.now.system);
        self.client.transport_mut().ping();
        self.transmit(turn);
        // The engine has a timer for it now, and the socket may have turned out to be dead.
        self.wants_turn = true;
    }

    fn note_stats(&mut self, now: Instant) {
        if matches!(self.stage, Stage::Open) {
            let opened = self.opened;
            self.handshake.get_or_insert_with(|| now - opened);
        }
        let stats =
            ConnectionStats::of(self.client.transport(), self.handshake, |local, remote| {
                self.sockets.address(local, remote)
            });
        *lock(&self.stats) = stats;
    }

    fn note_idleness(&mut self, now: Instant) {
        if self.running.is_empty() {
            self.idle_since.get_or_insert(now);
        } else {
            self.idle_since = None;
        }
    }
}

/// Sends as much as the engine takes; also notes whether it will never take more.
fn send_all(
    client: &mut http3::Client<'static>,
    request: RequestId,
    mut rest: &[u8],
    stopped: &mut bool,
) -> usize {
    let all = rest.len();
    while !rest.is_empty() {
        match client.send_body(request, rest) {
            Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
            Err(SendError::Blocked) => break,
            Err(_) => {
                *stopped = true;
                break;
            }
        }
    }
    all - rest.len()
}
