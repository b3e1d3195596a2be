//! A client as good users have it: it drains events, reads bodies, and counts what it was told.

use super::wire::{Wire, address, instant};
use crate::scripted::Client;
use quicpro_core::Limits;
use quicpro_core::connection::ClientConfig;
use quicpro_core::http3::{self, Client as Http3Client, Memory, Request, RequestId};
use std::time::Duration;

/// Our client, with its memory and its user.
pub struct Guest {
    /// The client.
    pub client: Http3Client<'static>,
    /// The bounds of its memory.
    pub limits: Limits,
    /// Bodies are read as they come.
    pub reads: bool,
    /// The end, once its user was told.
    pub end: Option<http3::Error>,
    /// Requests that were made, the newest last.
    pub requests: Vec<RequestId>,
    /// Events that were told.
    pub events: usize,
    /// Bytes of bodies that were read.
    pub read: u64,
    wire: Wire,
}

impl Guest {
    /// A client that has not sent anything. Whom it trusts is not looked at here, and checking chains takes time.
    pub fn new(limits: &Limits) -> Self {
        let config = ClientConfig::danger_accept_any_server().server_name("h3.test");
        let memory = Memory::boxed(limits);
        let now = instant(Duration::from_secs(1));
        let client = Http3Client::connect(&config, address(), memory, now, [1; 32]);
        Self {
            client: client.expect("a good configuration"),
            limits: *limits,
            reads: true,
            end: None,
            requests: Vec::new(),
            events: 0,
            read: 0,
            wire: Wire::new(limits),
        }
    }

    /// Asks for something, if that is possible now.
    pub fn get(&mut self) {
        if let Ok(id) = self.client.request(&Request::get("/")) {
            let _ = self.client.finish(id);
            self.requests.push(id);
        }
    }

    /// Gives up the newest request but `back`.
    pub fn cancel(&mut self, back: usize) {
        let newest = self.requests.len().checked_sub(back + 1);
        if let Some(id) = newest.and_then(|index| self.requests.get(index)) {
            self.client.cancel(*id, http3::Code::REQUEST_CANCELLED);
        }
    }

    fn drain(&mut self) {
        loop {
            let readable = match self.client.poll_event() {
                None => return,
                Some(http3::Event::Closed(error)) => {
                    assert_eq!(self.end.replace(error), None, "told twice of the end");
                    None
                }
                Some(
                    http3::Event::Response { mut fields, .. }
                    | http3::Event::Trailers { mut fields, .. },
                ) => {
                    while fields.next_line().is_some() {}
                    None
                }
                Some(http3::Event::Data { request }) => Some(request),
                Some(_) => None,
            };
            self.events += 1;
            if let Some(request) = readable.filter(|_| self.reads) {
                self.read_body(request);
            }
        }
    }

    fn read_body(&mut self, id: RequestId) {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = self.client.recv_body(id, &mut piece) {
            self.read += length as u64;
        }
    }

    /// Reads what was left unread, of all requests.
    pub fn catch_up(&mut self) {
        for id in self.requests.clone() {
            self.read_body(id);
        }
        self.drain();
    }
}

impl Client for Guest {
    fn receive(&mut self, now: Duration, datagram: Vec<u8>) {
        self.wire.receive(&mut self.client, now, datagram);
        self.drain();
    }

    fn transmit(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.wire.transmit(&mut self.client, now)
    }

    fn deadline(&mut self) -> Option<Duration> {
        self.wire.deadline(&self.client)
    }

    fn wake(&mut self, now: Duration) {
        self.client.handle_timeout(instant(now));
        self.drain();
    }
}
