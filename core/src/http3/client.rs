//! An HTTP/3 client: a QUIC connection and HTTP/3 over it, behind one set of verbs.
//!
//! The loop is: all input that is ready, then `poll_event` until it is empty, then `poll_transmit` until it is
//! empty, then wait for `poll_timeout`. Any other order is legal, too.
//!
//! Invariant: no decision is made here.

use core::net::SocketAddr;

use super::authority::{self, Authority};
use super::error::{RecvError, RequestError, SendError};
use super::event::{Event, RequestId};
use super::{Code, Connection, Memory, Priority, Request};
use crate::connection::{self, ClientConfig, ConfigError, Receive, Transmit};
use crate::qpack::Field;
use crate::time::Instant;
use crate::tls::CertificateError;

/// One connection to one server, and the requests on it.
pub struct Client<'m> {
    quic: connection::Connection<'m>,
    h3: Connection<'m>,
    /// What requests go to that name no authority.
    authority: Authority,
}

impl<'m> Client<'m> {
    /// Connects to the server at `remote` that `config` names, in `memory`: [`Client::new`] and [`Client::start`].
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn connect(
        config: &ClientConfig<'m>,
        remote: SocketAddr,
        memory: Memory<'m>,
        now: Instant,
        entropy: [u8; 32],
    ) -> Result<Self, ConfigError> {
        let mut client = Self::new(memory);
        client.start(config, remote, now, entropy)?;
        Ok(client)
    }

    /// A client that is not connected: every verb does nothing until [`Client::start`].
    ///
    /// For those who must not have kilobytes moved over their stack: it can be built in its place, as
    /// `StaticCell::init_with` does.
    pub fn new(memory: Memory<'m>) -> Self {
        Self {
            h3: Connection::new(memory.http3, memory.transport.limits()),
            quic: connection::Connection::new(memory.transport),
            authority: Authority::new(),
        }
    }

    /// Connects to the server at `remote` that `config` names. The first datagram is ready to be transmitted; nothing
    /// else happens before that.
    ///
    /// `entropy` must come from a true source: everything the connection keeps secret follows from it.
    ///
    /// # Errors
    /// What is wrong with the configuration, or that this client was started before.
    pub fn start(
        &mut self,
        config: &ClientConfig<'m>,
        remote: SocketAddr,
        now: Instant,
        entropy: [u8; 32],
    ) -> Result<(), ConfigError> {
        authority::fill(config.name(), remote.port(), &mut self.authority);
        self.quic.start(config, remote, now, entropy)
    }

    /// Takes in a datagram, which is decrypted in place. Never fails: what is no use is discarded.
    pub fn handle_datagram(&mut self, now: Instant, from: &Receive, datagram: &mut [u8]) {
        self.quic.handle_datagram(now, from, datagram);
    }

    /// Acts on every deadline that has passed. A call that comes too early is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.quic.handle_timeout(now);
    }

    /// Fills `out` with what is to be sent now; `None` when there is nothing.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        self.h3.flush(now, &mut self.quic);
        self.quic.poll_transmit(now, out)
    }

    /// When [`Client::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.quic.poll_timeout()
    }

    /// Takes the next event; `None` when there is none. Draining it always ends.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        self.h3.poll_event(&mut self.quic)
    }

    /// Sends the head of a request: all of it, or nothing.
    pub fn request(&mut self, head: &Request<'_>) -> Result<RequestId, RequestError> {
        self.h3.request(&mut self.quic, head, &self.authority)
    }

    /// Sends content; returns how much was taken.
    pub fn send_body(&mut self, id: RequestId, data: &[u8]) -> Result<usize, SendError> {
        self.h3.send_body(&mut self.quic, id, data)
    }

    /// Sends fields behind the content.
    pub fn send_trailers(&mut self, id: RequestId, fields: &[Field<'_>]) -> Result<(), SendError> {
        self.h3.send_trailers(&mut self.quic, id, fields)
    }

    /// Ends the request. Until then the server may wait for more.
    pub fn finish(&mut self, id: RequestId) -> Result<(), SendError> {
        self.h3.finish(&mut self.quic, id)
    }

    /// Copies content of the response to `out`; `Ok(0)` means its end.
    pub fn recv_body(&mut self, id: RequestId, out: &mut [u8]) -> Result<usize, RecvError> {
        self.h3.recv_body(&mut self.quic, id, out)
    }

    /// The content that comes next, as far as it lies in one piece; empty at its end.
    pub fn peek_body(&mut self, id: RequestId) -> Result<&[u8], RecvError> {
        self.h3.peek_body(&mut self.quic, id)
    }

    /// Takes `count` bytes of what [`Client::peek_body`] showed.
    pub fn consume_body(&mut self, id: RequestId, count: usize) {
        self.h3.consume_body(&mut self.quic, id, count);
    }

    /// Gives a request up, usually with [`Code::REQUEST_CANCELLED`]. No event follows for it.
    pub fn cancel(&mut self, id: RequestId, code: Code) {
        self.h3.cancel(&mut self.quic, id, code);
    }

    /// Changes a request's priority (RFC 9218).
    pub fn set_priority(&mut self, id: RequestId, priority: Priority) {
        self.h3.set_priority(&mut self.quic, id, priority);
    }

    /// The verdict of a verifier that answered `Pending`.
    pub fn resume_verification(&mut self, now: Instant, result: Result<(), CertificateError>) {
        self.quic.resume_verification(now, result);
    }

    /// Announces that no more requests will come; those that were made go on.
    pub fn go_away(&mut self, now: Instant) {
        self.h3.go_away(&mut self.quic);
        self.h3.flush(now, &mut self.quic);
    }

    /// Closes the connection with H3_NO_ERROR. Requests that are not complete are lost.
    pub fn close(&mut self, now: Instant) {
        self.h3.close(now, &mut self.quic);
    }

    /// The transport underneath.
    pub fn transport(&self) -> &connection::Connection<'m> {
        &self.quic
    }

    /// The transport underneath, for what HTTP/3 has no verb for: key updates, pings, reports.
    pub fn transport_mut(&mut self) -> &mut connection::Connection<'m> {
        &mut self.quic
    }

    /// HTTP/3's own state.
    pub fn http3(&self) -> &Connection<'m> {
        &self.h3
    }
}
