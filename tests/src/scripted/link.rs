//! A network between a client and a scripted server, in virtual time.
//!
//! Invariant: it loses nothing, keeps the order, and time passes only in [`Link::advance`] and between
//! sending and arrival.

use super::server::Server;
use std::time::Duration;

/// Exchanges after which a conversation is taken for endless.
const ROUNDS_MAX: usize = 10_000;

/// A client without sockets and clock.
pub trait Client {
    /// A datagram arrives.
    fn receive(&mut self, now: Duration, datagram: Vec<u8>);
    /// The next datagram that it wants to send now.
    fn transmit(&mut self, now: Duration) -> Option<Vec<u8>>;
    /// When it wants to be woken.
    fn deadline(&mut self) -> Option<Duration>;
    /// That time has come.
    fn wake(&mut self, now: Duration);
}

/// A client, a server, and what time it is.
pub struct Link<C> {
    /// The client.
    pub client: C,
    /// The server.
    pub server: Server,
    /// Time since the start.
    pub now: Duration,
    /// How long a datagram travels.
    pub delay: Duration,
    /// Datagrams of the client are counted and not delivered.
    pub deaf: bool,
    /// Datagrams and bytes the client has sent.
    pub transmitted: (usize, usize),
}

impl<C: Client> Link<C> {
    /// A link on which nothing was sent yet.
    pub fn new(client: C, server: Server) -> Self {
        Self {
            client,
            server,
            now: Duration::from_secs(1),
            delay: Duration::from_millis(5),
            deaf: false,
            transmitted: (0, 0),
        }
    }

    /// Carries datagrams until neither side has anything to say at this time.
    pub fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let heard = self.client_speaks();
            let answered = self.server_speaks();
            if !heard && !answered {
                return;
            }
        }
        panic!("the conversation does not end");
    }

    /// Whatever the client has to send reaches the server.
    pub fn client_speaks(&mut self) -> bool {
        let mut datagrams = Vec::new();
        while let Some(datagram) = self.client.transmit(self.now) {
            self.transmitted.0 += 1;
            self.transmitted.1 += datagram.len();
            datagrams.push(datagram);
            assert!(datagrams.len() < ROUNDS_MAX, "the client does not stop");
        }
        if datagrams.is_empty() {
            return false;
        }
        self.now += self.delay;
        for datagram in datagrams.iter().filter(|_| !self.deaf) {
            self.server.handle_datagram(datagram);
        }
        true
    }

    /// Whatever the server has to send reaches the client.
    pub fn server_speaks(&mut self) -> bool {
        let mut any = false;
        while let Some(datagram) = self.server.poll_transmit() {
            if !any {
                self.now += self.delay;
            }
            any = true;
            self.client.receive(self.now, datagram);
        }
        any
    }

    /// Lets time pass; both sides keep talking.
    pub fn advance(&mut self, duration: Duration) {
        let until = self.now + duration;
        self.settle();
        for _ in 0..ROUNDS_MAX {
            match self.client.deadline() {
                Some(deadline) if deadline <= until => {
                    self.now = self.now.max(deadline);
                    self.client.wake(self.now);
                    self.settle();
                }
                _ => {
                    self.now = self.now.max(until);
                    return;
                }
            }
        }
        panic!("the client's timers do not let time pass");
    }
}
