//! One request and its response, shared by the thread that wants it and the I/O thread that carries it.
//!
//! A response's mailbox is two buffers that are swapped: the I/O thread fills one while the reader drains the other.
//!
//! Invariant: what the I/O thread cannot put into its buffer stays in the engine, where it holds back the peer's
//! credit; so a response that nobody reads costs one buffer and its share of the window, never more.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use quicpro_core::http3::RequestId;

use super::buffers::BUFFER_BYTES;
use super::fields::FieldBlock;
use crate::error::{Cause, Failure, Phase};
use crate::event_loop::{lock, wait_timeout};
use crate::request::Request;
use crate::stats::ConnectionStats;

/// Interim responses kept for the caller; more are dropped.
const INTERIM_MAX: usize = 8;

/// A request under way.
pub(crate) struct Exchange {
    /// The request; a body that is a reader has been taken out of it.
    pub request: Request,
    /// Where the body's bytes come from.
    pub upload: Upload,
    /// It was sent once more already.
    pub repeated: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
    /// Microseconds after `begun` at which a byte of either body moved last.
    progress: AtomicU64,
    begun: Instant,
    limits: Patience,
}

/// Where the body's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upload {
    /// The request's own bytes, possibly none.
    Memory,
    /// A reader on another thread, of this length if that is known, through [`Exchange::outgoing`].
    Stream(Option<u64>),
}

/// How long the caller waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// From the start to the end of the response.
    pub total: Option<Duration>,
    /// Between bytes, once the connection stands.
    pub idle: Option<Duration>,
}

/// The head of a response.
#[derive(Debug)]
pub(crate) struct Head {
    pub status: u16,
    pub fields: FieldBlock,
    pub remote: SocketAddr,
    /// What its connection does, renewed by the I/O thread.
    pub stats: Arc<Mutex<ConnectionStats>>,
}

#[derive(Default)]
struct State {
    /// The connection and the stream that carry it: silence counts from then on.
    place: Option<Place>,
    interim: VecDeque<(u16, FieldBlock)>,
    head: Option<Head>,
    body: Vec<u8>,
    /// The engine holds bytes that found no room in `body`.
    held: bool,
    trailers: Option<FieldBlock>,
    end: Option<Result<(), Failure>>,
    /// The response was dropped.
    abandoned: bool,
    /// Bytes of the body that the I/O thread may send, from a reader.
    outgoing: Vec<u8>,
    /// How far it has sent them.
    outgoing_sent: usize,
    /// Nothing follows `outgoing`; or the reader failed.
    outgoing_end: Option<Result<(), Failure>>,
    /// The I/O thread has nothing to send until more is handed over.
    starved: bool,
    /// The server wants no more of the request's body.
    unwanted: bool,
    sleepers: u32,
}

/// A connection's key and the stream on it.
pub(crate) type Place = (usize, RequestId);

/// What the I/O thread may send of a reader's bytes.
pub(crate) enum Outgoing {
    /// More will come.
    Wait,
    /// That was all.
    End,
    /// The reader failed; the request has to be abandoned.
    Failed(Failure),
}

impl State {
    fn is_outgoing_over(&self) -> bool {
        self.unwanted || self.abandoned || matches!(self.end, Some(Err(_)))
    }
}

impl Exchange {
    pub fn new(request: Request, upload: Upload, limits: Patience) -> Self {
        Self {
            request,
            upload,
            repeated: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
            progress: AtomicU64::new(0),
            begun: Instant::now(),
            limits,
        }
    }

    fn change(&self, mut state: MutexGuard<'_, State>) {
        let sleepers = std::mem::take(&mut state.sleepers);
        drop(state);
        if sleepers > 0 {
            self.changed.notify_all();
        }
    }

    fn moved(&self) {
        let micros = self.begun.elapsed().as_micros();
        self.progress
            .store(u64::try_from(micros).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    // The I/O thread's side. What is marked quiet wakes nobody until `wake`, so that a caller is woken once for all
    // that a turn brought.

    /// Wakes whoever waits for what the quiet verbs brought.
    pub fn wake(&self) {
        self.change(lock(&self.state));
    }

    /// The request was given a stream, or none any more.
    pub fn on_place(&self, place: Option<Place>) {
        self.moved();
        lock(&self.state).place = place;
    }

    /// The connection and the stream that carry it.
    pub fn place(&self) -> Option<Place> {
        lock(&self.state).place
    }

    /// Bytes of the request's body were sent.
    pub fn on_progress(&self) {
        self.moved();
    }

    pub fn on_interim(&self, status: u16, fields: FieldBlock) {
        self.moved();
        let mut state = lock(&self.state);
        if state.interim.len() < INTERIM_MAX {
            state.interim.push_back((status, fields));
        }
    }

    /// The head has come. Quiet.
    pub fn on_head(&self, head: Head) {
        self.moved();
        lock(&self.state).head = Some(head);
    }

    /// The response is complete. Quiet.
    pub fn on_complete(&self) {
        self.moved();
        lock(&self.state).end.get_or_insert(Ok(()));
    }

    /// Lets `fill` append to the mailbox's buffer, up to the room it is told, if there is any; `spare` provides a
    /// buffer where there is none yet. Quiet.
    pub fn on_body(&self, spare: impl FnOnce() -> Vec<u8>, fill: impl FnOnce(&mut Vec<u8>, usize)) {
        let mut state = lock(&self.state);
        let before = state.body.len();
        if before >= BUFFER_BYTES {
            state.held = true;
            return;
        }
        if state.body.capacity() == 0 {
            state.body = spare();
        }
        fill(&mut state.body, BUFFER_BYTES - before);
        if state.body.len() > before {
            self.moved();
        }
    }

    /// Whether the engine still holds bytes of the body.
    pub fn is_held(&self) -> bool {
        lock(&self.state).held
    }

    pub fn on_trailers(&self, fields: FieldBlock) {
        lock(&self.state).trailers = Some(fields);
    }

    /// The exchange ended, usually by a failure. Only the first end counts.
    pub fn on_end(&self, end: Result<(), Failure>) {
        self.moved();
        let mut state = lock(&self.state);
        if state.end.is_none() {
            state.end = Some(end);
            self.change(state);
        }
    }

    /// Whether any part of the response has arrived.
    pub fn is_answered(&self) -> bool {
        let state = lock(&self.state);
        state.head.is_some() || !state.interim.is_empty() || state.end.is_some()
    }

    /// Whether nobody wants the response any more.
    pub fn is_abandoned(&self) -> bool {
        lock(&self.state).abandoned
    }

    /// Lets `send` take bytes from the front of what a reader handed over; it returns how many it took.
    pub fn outgoing(&self, send: impl FnOnce(&[u8]) -> usize) -> Outgoing {
        let mut state = lock(&self.state);
        let sent = send(
            state
                .outgoing
                .get(state.outgoing_sent..)
                .unwrap_or_default(),
        );
        state.outgoing_sent += sent;
        if sent > 0 {
            self.moved();
        }
        if state.outgoing_sent < state.outgoing.len() {
            return Outgoing::Wait;
        }
        state.outgoing.clear();
        state.outgoing_sent = 0;
        match state.outgoing_end.clone() {
            Some(Ok(())) => Outgoing::End,
            Some(Err(failure)) => Outgoing::Failed(failure),
            None => {
                state.starved = true;
                self.change(state);
                Outgoing::Wait
            }
        }
    }

    /// The server wants no more of the request's body.
    pub fn on_unwanted(&self) {
        let mut state = lock(&self.state);
        state.unwanted = true;
        self.change(state);
    }

    /// When the caller stops waiting.
    pub fn deadline(&self) -> Option<Instant> {
        self.begun.checked_add(self.limits.total?)
    }

    // The caller's side.

    /// Waits for the head of the response.
    pub fn wait_head(&self) -> Result<Head, Failure> {
        let asked = self.begun.elapsed();
        let mut state = lock(&self.state);
        loop {
            if let Some(head) = state.head.take() {
                return Ok(head);
            }
            if let Some(Err(failure)) = &state.end {
                return Err(failure.clone());
            }
            if state.end.is_some() {
                return Err(Failure::new(
                    Phase::Request,
                    Cause::Other,
                    "the response has no head",
                ));
            }
            state = self.sleep(state, asked, Phase::Request)?;
        }
    }

    /// Waits for bytes of the body and swaps them with `drained`, which is empty.
    pub fn wait_body(&self, drained: &mut Vec<u8>) -> Result<bool, Failure> {
        let asked = self.begun.elapsed();
        let mut state = lock(&self.state);
        loop {
            if !state.body.is_empty() {
                std::mem::swap(&mut state.body, drained);
                return Ok(std::mem::take(&mut state.held));
            }
            match &state.end {
                Some(Ok(())) => return Ok(false),
                Some(Err(failure)) => {
                    let mut failure = failure.clone();
                    failure.phase = Phase::Body;
                    return Err(failure);
                }
                None => state = self.sleep(state, asked, Phase::Body)?,
            }
        }
    }

    /// The interim responses until now.
    pub fn take_interim(&self) -> VecDeque<(u16, FieldBlock)> {
        std::mem::take(&mut lock(&self.state).interim)
    }

    /// The fields behind the body, once its end was read.
    pub fn take_trailers(&self) -> Option<FieldBlock> {
        lock(&self.state).trailers.take()
    }

    /// The response is not wanted any more; tells whether the I/O thread is still at work for it, be it only with the
    /// rest of the request. What the mailbox held is returned for another one.
    pub fn abandon(&self) -> (bool, Vec<u8>) {
        let mut state = lock(&self.state);
        state.abandoned = true;
        let body = std::mem::take(&mut state.body);
        let at_work = state.end.is_none() || state.place.is_some();
        self.change(state);
        (at_work, body)
    }

    /// Hands `chunk` over for sending, once what was handed over before is sent, and gives back the empty buffer.
    /// `Ok(true)` means that the I/O thread waits for it. An error ends the body: nobody wants more of it, or the server
    /// has taken nothing for longer than the caller waits, which ends the exchange.
    pub fn offer(&self, chunk: &mut Vec<u8>) -> Result<bool, Stopped> {
        let asked = self.begun.elapsed();
        let mut state = lock(&self.state);
        while !state.outgoing.is_empty() {
            if state.is_outgoing_over() {
                return Err(Stopped);
            }
            match self.sleep(state, asked, Phase::Request) {
                Ok(slept) => state = slept,
                Err(failure) => {
                    self.on_end(Err(failure));
                    return Err(Stopped);
                }
            }
        }
        if state.is_outgoing_over() {
            return Err(Stopped);
        }
        std::mem::swap(&mut state.outgoing, chunk);
        Ok(std::mem::take(&mut state.starved))
    }

    /// Says that nothing follows what was handed over; tells whether the I/O thread waits for that.
    pub fn offer_end(&self, end: Result<(), Failure>) -> bool {
        let mut state = lock(&self.state);
        state.outgoing_end = Some(end);
        std::mem::take(&mut state.starved)
    }

    /// Waits for a change since `asked`, a time after the beginning: what was before is not the server's silence.
    fn sleep<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        asked: Duration,
        phase: Phase,
    ) -> Result<MutexGuard<'a, State>, Failure> {
        let elapsed = self.begun.elapsed();
        // Before it is sent the I/O thread watches over the exchange; look again after this long.
        let mut left = self.limits.idle.unwrap_or(HOUR).min(HOUR);
        if let Some(total) = self.limits.total {
            if elapsed >= total {
                return Err(Failure::new(
                    phase,
                    Cause::Timeout,
                    "the request took too long",
                ));
            }
            left = left.min(total.saturating_sub(elapsed));
        }
        if let Some(idle) = self.limits.idle.filter(|_| state.place.is_some()) {
            let moved = Duration::from_micros(self.progress.load(Ordering::Relaxed));
            let idle_left = silence_left(idle, moved, asked, elapsed);
            if idle_left.is_zero() {
                return Err(Failure::new(
                    phase,
                    Cause::Timeout,
                    "the server was silent for too long",
                ));
            }
            left = left.min(idle_left);
        }
        state.sleepers += 1;
        Ok(wait_timeout(&self.changed, state, left))
    }
}

/// How much longer the server may be silent who may be for `idle`: since a byte `moved`, or since somebody `asked`.
fn silence_left(idle: Duration, moved: Duration, asked: Duration, elapsed: Duration) -> Duration {
    moved
        .max(asked)
        .saturating_add(idle)
        .saturating_sub(elapsed)
}

/// Nobody wants the rest of the body.
#[derive(Debug)]
pub(crate) struct Stopped;

/// The longest single wait: an arbitrary bound that any clock can add.
const HOUR: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;
    use std::sync::Arc;

    fn exchange(total: Option<Duration>, idle: Option<Duration>) -> Exchange {
        let request = Request::new(Method::GET, "https://a.example/".parse().unwrap());
        Exchange::new(request, Upload::Stream(None), Patience { total, idle })
    }

    fn fill(exchange: &Exchange, bytes: &[u8]) -> usize {
        let mut taken = 0;
        exchange.on_body(
            || Vec::with_capacity(BUFFER_BYTES),
            |body, room| {
                taken = bytes.len().min(room);
                body.extend_from_slice(&bytes[..taken]);
            },
        );
        taken
    }

    #[test]
    fn a_full_mailbox_takes_nothing_until_it_is_swapped() {
        let exchange = exchange(None, None);
        let bytes = vec![7; BUFFER_BYTES + 10];
        assert_eq!(fill(&exchange, &bytes), BUFFER_BYTES);
        assert!(!exchange.is_held());
        assert_eq!(fill(&exchange, &bytes), 0);
        assert!(exchange.is_held());
        let mut drained = Vec::new();
        assert!(
            exchange.wait_body(&mut drained).unwrap(),
            "the I/O thread waits for room"
        );
        assert_eq!(drained.len(), BUFFER_BYTES);
        assert!(!exchange.is_held());
        assert_eq!(fill(&exchange, &bytes[..10]), 10);
        exchange.on_end(Ok(()));
        drained.clear();
        assert!(!exchange.wait_body(&mut drained).unwrap());
        assert_eq!(drained.len(), 10);
        drained.clear();
        assert!(!exchange.wait_body(&mut drained).unwrap() && drained.is_empty());
    }

    #[test]
    fn only_the_first_end_counts_and_what_came_before_is_read() {
        let exchange = exchange(None, None);
        fill(&exchange, b"some");
        exchange.on_end(Err(Failure::new(Phase::Request, Cause::Stream, "reset")));
        exchange.on_end(Ok(()));
        let mut drained = Vec::new();
        exchange.wait_body(&mut drained).unwrap();
        assert_eq!(drained, b"some");
        drained.clear();
        let failure = exchange.wait_body(&mut drained).unwrap_err();
        assert_eq!((failure.phase, failure.cause), (Phase::Body, Cause::Stream));
        assert!(exchange.wait_head().is_err());
    }

    #[test]
    fn the_total_counts_from_the_start_whatever_else_is_waited_for() {
        let total = exchange(Some(Duration::from_millis(5)), Some(HOUR));
        assert!(total.deadline().is_some());
        let failure = total.wait_head().unwrap_err();
        assert_eq!(failure.cause, Cause::Timeout);
        assert!(failure.message.contains("took too long"));
    }

    #[test]
    fn a_body_reader_waits_for_its_buffer_and_stops_when_nobody_wants_more() {
        let exchange = Arc::new(exchange(None, None));
        let mut chunk = b"one".to_vec();
        assert!(
            !exchange.offer(&mut chunk).unwrap(),
            "nobody waits for it yet"
        );
        let reader = exchange.clone();
        let pump = std::thread::spawn(move || {
            let mut chunk = b"two".to_vec();
            reader.offer(&mut chunk).unwrap();
            reader.offer_end(Ok(()));
        });
        let mut sent = Vec::new();
        while !matches!(
            exchange.outgoing(|bytes| {
                let taken = bytes.len().min(2);
                sent.extend_from_slice(&bytes[..taken]);
                taken
            }),
            Outgoing::End
        ) {}
        assert_eq!(sent, b"onetwo");
        pump.join().unwrap();
        exchange.on_unwanted();
        assert!(exchange.offer(&mut b"three".to_vec()).is_err());
    }

    #[test]
    fn the_time_before_somebody_waits_is_not_the_servers_silence() {
        let seconds = Duration::from_secs;
        let left = |moved, asked, elapsed| {
            silence_left(
                seconds(30),
                seconds(moved),
                seconds(asked),
                seconds(elapsed),
            )
        };
        assert_eq!(left(0, 0, 29), seconds(1));
        assert_eq!(left(0, 0, 31), seconds(0));
        assert_eq!(left(10, 0, 31), seconds(9));
        assert_eq!(left(10, 100, 101), seconds(29));
    }

    #[test]
    fn a_body_reader_gives_up_with_the_time_of_the_request() {
        let exchange = exchange(Some(Duration::from_millis(5)), None);
        exchange.offer(&mut b"one".to_vec()).unwrap();
        assert!(exchange.offer(&mut b"two".to_vec()).is_err());
        let failure = exchange.wait_head().unwrap_err();
        assert_eq!(failure.cause, Cause::Timeout);
    }
}
