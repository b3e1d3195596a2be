//! The I/O threads: each carries some connections, all of it alone, so that nothing inside needs a lock.
//!
//! ```text
//! caller ── send, cancel, room ──► Inbox ──► Worker: wait → receive → timeouts → events → transmit → repeat
//! caller ◄── swap of buffers ───── Exchange ◄──┘
//! ```
//! Invariant: every exchange that was handed in gets an end, whatever becomes of its connection or its thread.

mod buffers;
mod dial;
mod exchange;
mod failure;
mod fields;
mod inbox;
mod link;
mod message;
mod migration;
mod origin;
mod output;
mod socket;
mod sockets;
mod tokens;
mod watch;
mod worker;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use quicpro_core::tls::CertificateError;

pub(crate) use buffers::BUFFER_BYTES;
use buffers::Buffers;
pub(crate) use exchange::{Exchange, Head, Patience, Stopped, Upload};
pub(crate) use fields::FieldBlock;
use inbox::Inbox;
pub(crate) use watch::{Detail, TakeLine, Watch};
use worker::Worker;

use quicpro_core::congestion::Congestion;

use crate::client_builder::Family;
use crate::error::{Cause, Failure, Phase};
use crate::event_loop::{ThreadPool, lock};
use crate::tls;

/// What concerns connections.
pub(crate) struct Settings {
    pub tls: tls::Settings,
    pub connect_timeout: Duration,
    pub max_idle_timeout: Duration,
    pub congestion: Congestion,
    pub pool_idle_timeout: Option<Duration>,
    pub resolve: HashMap<String, Vec<SocketAddr>>,
    pub remote_address: Option<SocketAddr>,
    pub family: Family,
    /// Who listens to connections.
    pub watch: Watch,
    /// Threads for what may block.
    pub pool: Arc<ThreadPool>,
}

/// What an I/O thread is told.
pub(crate) enum Command {
    /// A request to be sent.
    Send(Seat),
    /// Nobody wants the response any more.
    Cancel(Arc<Exchange>),
    /// The reader has taken bytes, or a body reader has brought some.
    Room(Arc<Exchange>),
    /// A name was looked up.
    Resolved(Arc<str>, io::Result<Vec<SocketAddr>>),
    /// The platform has judged the certificate of this connection.
    Verified(usize, Result<(), CertificateError>),
    /// Every connection is to move to a socket of its own.
    Migrate,
    /// Close everything and end.
    Close,
}

/// The I/O thread's hold on an exchange, which ends it if nobody else did.
pub(crate) struct Seat(Arc<Exchange>);

impl Drop for Seat {
    fn drop(&mut self) {
        let failure = Failure::new(Phase::Request, Cause::Cancelled, "the client was closed");
        self.0.on_end(Err(failure));
    }
}

/// A handle of one I/O thread.
#[derive(Clone)]
pub(crate) struct Driver {
    inbox: Arc<Inbox<Command>>,
    buffers: Arc<Buffers>,
    pool: Arc<ThreadPool>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Driver {
    pub fn start(settings: &Arc<Settings>) -> io::Result<Self> {
        let buffers = Arc::<Buffers>::default();
        let (worker, inbox) = Worker::new(settings.clone(), buffers.clone())?;
        let thread = std::thread::Builder::new().name("quicpro-io".to_owned());
        let thread = thread.spawn(move || worker.run())?;
        Ok(Self {
            inbox,
            buffers,
            pool: settings.pool.clone(),
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    pub fn send(&self, exchange: &Arc<Exchange>) {
        self.tell(Command::Send(Seat(exchange.clone())));
    }

    pub fn cancel(&self, exchange: &Arc<Exchange>) {
        self.tell(Command::Cancel(exchange.clone()));
    }

    pub fn make_room(&self, exchange: &Arc<Exchange>) {
        self.tell(Command::Room(exchange.clone()));
    }

    pub fn migrate(&self) {
        self.tell(Command::Migrate);
    }

    pub fn close(&self) {
        self.tell(Command::Close);
    }

    /// A command that nobody will read is dropped, which ends the exchange it may carry.
    fn tell(&self, command: Command) {
        drop(self.inbox.push(command));
    }

    pub fn join(&self) {
        self.pool.abandon();
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            log::error!("an I/O thread panicked");
        }
    }

    pub fn buffer(&self) -> Vec<u8> {
        self.buffers.take()
    }

    pub fn give_back(&self, buffer: Vec<u8>) {
        self.buffers.give(buffer);
    }
}
