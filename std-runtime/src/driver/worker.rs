//! An I/O thread: waits for sockets, commands and deadlines, and gives each connection its turn.
//!
//! Invariant: nothing in here blocks but the poll.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};
use quicpro_core::Limits;
use quicpro_core::connection::Rotation;
use quicpro_core::http3;
use quicpro_core::mem::Shared;
use url::Position;

use super::buffers::Buffers;
use super::dial::Dial;
use super::inbox::Inbox;
use super::link::{Link, NotStarted, Now, Stage, Turn};
use super::origin::Origin;
use super::socket::{LOOPBACK_MAX, Slots, datagram_max};
use super::sockets::Sockets;
use super::tokens::Tokens;
use super::{Command, Exchange, Seat, Settings};
use crate::config::{NO_ANSWER, ROTATE_AFTER_SILENCE};
use crate::error::{Cause, Failure, Phase};
use crate::tls::Report;

/// The inbox's token; connections count from 1.
const INBOX: Token = Token(0);

/// Sockets that may be reported at once; more are reported by the next poll.
const EVENTS: usize = 256;

/// No clock ends so soon.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A GSO batch: what an IP packet holds.
const OUT_BYTES: usize = LOOPBACK_MAX;

pub(crate) struct Worker {
    poll: Poll,
    inbox: Arc<Inbox<Command>>,
    commands: Vec<Command>,
    /// Connections whose turn it is; kept so that a round allocates nothing, however many there are to a request.
    due: Vec<usize>,
    settings: Arc<Settings>,
    buffers: Arc<Buffers>,
    slots: Slots,
    out: Box<[u8]>,
    links: BTreeMap<usize, Link>,
    origins: HashMap<Arc<str>, Origin>,
    tokens: Tokens,
    next_key: usize,
    /// The engine's time zero.
    epoch: Instant,
    closing: bool,
}

impl Worker {
    pub fn new(
        settings: Arc<Settings>,
        buffers: Arc<Buffers>,
    ) -> io::Result<(Self, Arc<Inbox<Command>>)> {
        let poll = Poll::new()?;
        let inbox = Arc::new(Inbox::new(poll.registry(), INBOX)?);
        let worker = Self {
            poll,
            inbox: inbox.clone(),
            commands: Vec::new(),
            due: Vec::new(),
            settings,
            buffers,
            slots: Slots::new(),
            out: vec![0; OUT_BYTES].into_boxed_slice(),
            links: BTreeMap::new(),
            origins: HashMap::new(),
            tokens: Tokens::default(),
            next_key: 1,
            epoch: Instant::now(),
            closing: false,
        };
        Ok((worker, inbox))
    }

    pub fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        while !self.closing {
            let patience = self.patience();
            if let Err(error) = self.poll.poll(&mut events, patience)
                && error.kind() != io::ErrorKind::Interrupted
            {
                log::error!("the poll failed: {error}");
                break;
            }
            for event in &events {
                if let Some(link) = self.links.get_mut(&event.token().0) {
                    // An ICMP error arrives as an error of the socket, which reading tells.
                    link.readable |= event.is_readable() || event.is_error();
                    link.wants_turn = true;
                }
            }
            self.commands();
            self.turns();
            self.dials();
        }
        self.close_all();
    }

    fn now(&self) -> Now {
        let system = Instant::now();
        let micros = system.saturating_duration_since(self.epoch).as_micros();
        Now {
            engine: quicpro_core::Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)),
            system,
        }
    }

    /// How long the poll may wait: until the first deadline of a connection or of a search for one.
    fn patience(&self) -> Option<Duration> {
        let now = self.now();
        if self
            .links
            .values()
            .any(|link| link.readable || link.wants_turn)
            || !self.inbox.may_sleep()
        {
            return Some(Duration::ZERO);
        }
        let engines = self.links.values().filter_map(|link| link.deadline);
        let engine = engines
            .min()
            .map(|deadline| deadline.saturating_duration_since(now.engine));
        let dials = self
            .origins
            .values()
            .filter_map(|origin| origin.dial.as_ref().map(Dial::wake_at));
        let links = self
            .links
            .values()
            .filter_map(|link| link.wake_at(&self.settings));
        let system = dials
            .chain(links)
            .min()
            .map(|at| at.saturating_duration_since(now.system));
        let soonest = engine.into_iter().chain(system).min()?;
        // The poll counts milliseconds; rounding up would make every timer late, rounding down makes it spin.
        Some(soonest)
    }

    fn commands(&mut self) {
        let mut commands = std::mem::take(&mut self.commands);
        self.inbox.take(&mut commands);
        for command in commands.drain(..) {
            match command {
                Command::Send(seat) => self.on_send(seat),
                Command::Cancel(exchange) => self.on_cancel(&exchange),
                Command::Room(exchange) => self.on_room(&exchange),
                Command::Resolved(authority, addresses) => self.on_resolved(&authority, addresses),
                Command::Verified(key, result) => {
                    let now = self.now();
                    if let Some(link) = self.links.get_mut(&key) {
                        link.on_verified(now, result);
                        link.wants_turn = true;
                    }
                }
                Command::Migrate => self.migrate(),
                Command::Close => self.closing = true,
            }
        }
        self.commands = commands;
    }

    /// Has every connection move.
    fn migrate(&mut self) {
        let now = self.now();
        for link in self.links.values_mut() {
            link.migrate(now, self.poll.registry());
            link.wants_turn = true;
        }
    }

    fn on_send(&mut self, seat: Seat) {
        let url = seat.0.request.url();
        let key = &url[Position::BeforeHost..Position::AfterPort];
        let known = self.origins.get_key_value(key);
        let authority = known.map_or_else(|| key.into(), |(authority, _)| authority.clone());
        if known.is_none() {
            self.origins.insert(authority.clone(), Origin::new(url));
        }
        if let Some(origin) = self.origins.get_mut(&authority) {
            origin.push(seat);
        }
        self.feed(&authority);
    }

    fn on_cancel(&mut self, exchange: &Arc<Exchange>) {
        if let Some((key, request)) = exchange.place() {
            if let Some(link) = self.links.get_mut(&key) {
                link.cancel(request);
                link.wants_turn = true;
            }
            return;
        }
        let url = exchange.request.url();
        let key = &url[Position::BeforeHost..Position::AfterPort];
        if let Some(origin) = self.origins.get_mut(key) {
            origin.remove(exchange);
        }
    }

    fn on_room(&mut self, exchange: &Exchange) {
        if let Some((key, request)) = exchange.place()
            && let Some(link) = self.links.get_mut(&key)
        {
            link.on_room(request, &self.buffers);
            link.wants_turn = true;
        }
    }

    /// Gives waiting requests to the origin's connection, or looks for one.
    fn feed(&mut self, authority: &Arc<str>) {
        let Some(origin) = self.origins.get_mut(authority) else {
            return;
        };
        while let Some(link) = origin.open.and_then(|key| self.links.get_mut(&key)) {
            let Some(seat) = origin.waiting.pop_front() else {
                return;
            };
            link.wants_turn = true;
            match link.start(seat) {
                Ok(()) => {}
                Err((seat, NotStarted::Refused(failure))) => seat.0.on_end(Err(failure)),
                Err((seat, NotStarted::Blocked)) => {
                    origin.waiting.push_front(seat);
                    return;
                }
                Err((seat, NotStarted::Retired)) => {
                    origin.waiting.push_front(seat);
                    origin.open = None;
                }
            }
        }
        origin.open = None;
        if !origin.waiting.is_empty() && origin.dial.is_none() {
            self.dial(authority);
        }
    }

    /// Gives every connection that needs one its turn, and draws the consequences.
    fn turns(&mut self) {
        let now = self.now();
        let mut keys = std::mem::take(&mut self.due);
        for (key, link) in &mut self.links {
            let due = link.deadline.is_some_and(|deadline| deadline <= now.engine)
                || link
                    .wake_at(&self.settings)
                    .is_some_and(|at| at <= now.system);
            if std::mem::take(&mut link.wants_turn) || link.readable || due {
                keys.push(*key);
            }
        }
        for key in keys.drain(..) {
            let mut turn = Turn {
                now,
                slots: &mut self.slots,
                out: &mut self.out,
                buffers: &self.buffers,
                registry: self.poll.registry(),
            };
            if let Some(link) = self.links.get_mut(&key) {
                link.turn(&mut turn);
                link.watch(&mut turn, &self.settings);
                self.after(key, now);
            }
        }
        self.due = keys;
    }

    fn after(&mut self, key: usize, now: Now) {
        let Some(link) = self.links.get_mut(&key) else {
            return;
        };
        let Some(origin) = self.origins.get_mut(&link.authority) else {
            return;
        };
        let authority = link.authority.clone();
        for seat in link.judge_failed() {
            origin.waiting.push_front(seat);
        }
        let has_room = std::mem::take(&mut link.has_room);
        match &link.stage {
            Stage::Connecting => return,
            Stage::Open if origin.open == Some(key) && !has_room => return,
            Stage::Open => self.on_connected(&authority, key),
            Stage::Retired | Stage::Over(_) => {
                if origin.open == Some(key) {
                    origin.open = None;
                }
                if let (Stage::Over(failure), Some(dial)) = (&link.stage, &mut origin.dial) {
                    dial.on_failure(Some(key), failure.clone(), now.system);
                }
                if link.is_empty() {
                    self.close(key);
                }
            }
        }
        self.feed(&authority);
    }

    /// A connection is verified: it wins, the other attempts are closed.
    fn on_connected(&mut self, authority: &Arc<str>, key: usize) {
        let Some(origin) = self.origins.get_mut(authority) else {
            return;
        };
        let winner = *origin.open.get_or_insert(key);
        let losers = origin
            .dial
            .take()
            .map(|dial| dial.losers(Some(winner)))
            .unwrap_or_default();
        for loser in losers {
            self.close(loser);
        }
    }

    /// Closes a connection, if it is not over, and forgets it.
    fn close(&mut self, key: usize) {
        let now = self.now();
        if let Some(mut link) = self.links.remove(&key) {
            link.leave_token(&mut self.tokens);
            link.close(&mut Turn {
                now,
                slots: &mut self.slots,
                out: &mut self.out,
                buffers: &self.buffers,
                registry: self.poll.registry(),
            });
            link.sockets.deregister(self.poll.registry());
        }
    }

    fn close_all(&mut self) {
        let keys: Vec<_> = self.links.keys().copied().collect();
        for key in keys {
            self.close(key);
        }
        self.origins.clear();
    }

    // Searching for connections.

    fn dial(&mut self, authority: &Arc<str>) {
        let now = Instant::now();
        let Some(origin) = self.origins.get_mut(authority) else {
            return;
        };
        let mut dial = Dial::new(later(now, self.settings.connect_timeout));
        if let Some(addresses) = origin.known_addresses(&self.settings) {
            dial.on_resolved(&addresses, self.settings.family, now);
        } else {
            let (inbox, host, port) = (self.inbox.clone(), origin.host.clone(), origin.port);
            let authority = authority.clone();
            self.settings.pool.submit(move || {
                let addresses = (host.as_str(), port)
                    .to_socket_addrs()
                    .map(Iterator::collect);
                drop(inbox.push(Command::Resolved(authority, addresses)));
            });
        }
        origin.dial = Some(dial);
        self.advance(authority);
    }

    fn on_resolved(&mut self, authority: &Arc<str>, addresses: io::Result<Vec<SocketAddr>>) {
        let now = Instant::now();
        let Some(origin) = self.origins.get_mut(authority) else {
            return;
        };
        let Some(dial) = &mut origin.dial else { return };
        let (addresses, message) = match addresses {
            Ok(none) if none.is_empty() => (none, "the name has no address".to_owned()),
            Ok(addresses) => (addresses, String::new()),
            Err(error) => (Vec::new(), error.to_string()),
        };
        if addresses.is_empty() {
            dial.on_failure(
                None,
                Failure::new(Phase::Resolve, Cause::Other, message),
                now,
            );
        }
        dial.on_resolved(&addresses, self.settings.family, now);
        self.advance(authority);
    }

    fn dials(&mut self) {
        let now = Instant::now();
        let due = self.origins.iter().filter(|(_, origin)| {
            origin
                .dial
                .as_ref()
                .is_some_and(|dial| dial.is_over() || dial.wake_at() <= now)
        });
        let due: Vec<_> = due.map(|(authority, _)| authority.clone()).collect();
        for authority in due {
            self.advance(&authority);
        }
        if self.origins.len() > self.links.len() {
            let links = &self.links;
            let has_link = |authority: &Arc<str>| {
                let mut links = links.values();
                links.any(|link| link.authority == *authority)
            };
            // A connection that takes no new requests still has its origin judge the end of those it has.
            self.origins
                .retain(|authority, origin| !origin.is_idle() || has_link(authority));
        }
    }

    /// Tries the addresses whose turn it is, and gives up when there is nothing left.
    fn advance(&mut self, authority: &Arc<str>) {
        let now = self.now();
        loop {
            let Some(origin) = self.origins.get_mut(authority) else {
                return;
            };
            let Some(dial) = &mut origin.dial else { return };
            let expired = now.system >= dial.deadline;
            if expired || dial.is_over() {
                let losers = dial.losers(None);
                if let Some(dial) = origin.dial.take() {
                    origin.fail(&dial.into_failure(now.system));
                }
                for loser in losers {
                    self.close(loser);
                }
                return;
            }
            let Some(address) = dial.next_address(now.system) else {
                return;
            };
            let host = origin.host.clone();
            let connected = self.connect(authority, &host, address, now);
            let dial = self
                .origins
                .get_mut(authority)
                .and_then(|origin| origin.dial.as_mut());
            let Some(dial) = dial else { return };
            match connected {
                Ok(key) => dial.on_attempt(key),
                Err(message) => {
                    let failure = Failure::new(Phase::Connect, Cause::Other, message);
                    dial.on_failure(None, failure, now.system);
                }
            }
        }
    }

    fn connect(
        &mut self,
        authority: &Arc<str>,
        host: &str,
        address: SocketAddr,
        now: Now,
    ) -> Result<usize, String> {
        let key = self.next_key;
        self.next_key += 1;
        let sockets = Sockets::connect(address, self.poll.registry(), Token(key))
            .map_err(|error| error.to_string())?;
        let inbox = self.inbox.clone();
        let report: Report =
            Arc::new(move |result| drop(inbox.push(Command::Verified(key, result))));
        let idle = self.settings.max_idle_timeout;
        let config = self.settings.tls.config(host, report);
        let mut config = config
            .idle_timeout(Some(idle))
            .congestion(self.settings.congestion.clone())
            .congestion_notification(true)
            .connection_id_rotation(Rotation::NEVER.after_silence(ROTATE_AFTER_SILENCE));
        if let Some(token) = self.tokens.take(authority) {
            // A token is good in the version that it came in, and whoever gave it speaks that version.
            let bytes = Shared::Owned(token.bytes);
            config = config.first_version(token.version).token(bytes);
        }
        let mut entropy = [0; 32];
        getrandom::fill(&mut entropy).map_err(|error| error.to_string())?;
        let limits = Limits::DESKTOP.datagram(datagram_max(address));
        let memory = http3::Memory::boxed(&limits);
        let mut client = http3::Client::new(memory);
        if let Some(sink) = self.settings.watch.sink() {
            client.transport_mut().set_sink(sink);
        }
        let started = client.start(&config, address, now.engine, entropy);
        started.map_err(|error| error.to_string())?;
        let mut link = Link::new(key, authority.clone(), sockets, client, address);
        link.wants_turn = true;
        self.links.insert(key, link);
        Ok(key)
    }
}

impl Drop for Worker {
    /// Nobody will read what is sent from now on, even if it was a panic that ended the thread.
    fn drop(&mut self) {
        drop(self.inbox.close());
    }
}

/// `time` after `from`; a time past the end of the clock is as good as a year.
fn later(from: Instant, time: Duration) -> Instant {
    from.checked_add(time).unwrap_or(from + YEAR)
}

impl Link {
    /// When this connection needs attention that its engine does not know of.
    fn wake_at(&self, settings: &Settings) -> Option<Instant> {
        match self.stage {
            Stage::Connecting if self.heard_at.is_none() => Some(self.opened + NO_ANSWER),
            Stage::Open if self.is_empty() => {
                Some(later(self.idle_since?, settings.pool_idle_timeout?))
            }
            Stage::Open | Stage::Retired if !self.is_empty() => {
                Some(later(self.heard_at?, self.patience()?))
            }
            _ => None,
        }
    }

    /// Ends the requests that failed and returns those to be sent once more, the first last. They go to another
    /// connection, so this one takes no new ones.
    fn judge_failed(&mut self) -> Vec<Seat> {
        let mut repeat = Vec::new();
        for (seat, failure) in std::mem::take(&mut self.failed) {
            if self.may_repeat(&seat.0, &failure) {
                seat.0.on_place(None);
                repeat.push(seat);
            } else {
                seat.0.on_end(Err(failure));
            }
        }
        if !repeat.is_empty() && matches!(self.stage, Stage::Open) {
            self.stage = Stage::Retired;
        }
        repeat
    }

    /// Gives up an attempt that nobody answers and a connection that nobody uses, and keeps alive one that has
    /// requests.
    fn watch(&mut self, turn: &mut Turn<'_>, settings: &Settings) {
        if self.wake_at(settings).is_none_or(|at| turn.now.system < at) {
            return;
        }
        if !self.is_empty() {
            return self.ping(turn);
        }
        if matches!(self.stage, Stage::Connecting) {
            let failure = Failure::new(Phase::Connect, Cause::Timeout, "no answer over UDP");
            self.stage = Stage::Over(failure);
        } else {
            self.stage = Stage::Retired;
        }
    }
}
