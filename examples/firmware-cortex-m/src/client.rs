//! What a product would write: a GET, then a POST on the same connection, checked to the last byte.
//!
//! Invariant: the exchange is complete only when both responses came whole from a server that was verified.

use defmt::info;
use quicpro_core::crypto::Suite;
use quicpro_core::http3::{FieldLine, Fields, RecvError, RequestError, RequestId, SendError};
use quicpro_core::{Client, Event, Field, Limits, Request, storage};

use crate::exit::Failure;
use crate::extensions;
use crate::measure::Phase;

/// One connection, two requests.
pub const LIMITS: Limits = extensions::limits(Limits::TINY);

/// The memory of one connection.
pub type ClientStorage = storage!(LIMITS);

/// The only packet buffer, for both directions and for any number of connections.
pub type Datagram = [u8; LIMITS.datagram];

/// Of a long body no more is shown than the pieces that begin before this.
const SHOWN: usize = 200;

/// ChaCha20 first: without instructions for AES it takes a third of the work, and most servers follow.
pub const SUITES: &[Suite] = &[
    #[cfg(feature = "chacha20")]
    Suite::ChaCha20Poly1305Sha256,
    Suite::Aes128GcmSha256,
    #[cfg(feature = "aes256")]
    Suite::Aes256GcmSha384,
];

/// What the device has to say.
const READING: &[u8] = b"{\"celsius\": 21.5}";

/// Both requests, and how far they are.
pub struct Exchange<'a> {
    get: &'a str,
    post: &'a str,
    step: Step,
    /// What of the reading was not yet taken.
    rest: &'static [u8],
    body: Body,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Connect,
    Get,
    Post,
    Complete,
}

impl<'a> Exchange<'a> {
    /// The resource at `get` is fetched, then the reading goes to `post`.
    pub fn new(get: &'a str, post: &'a str) -> Self {
        Self {
            get,
            post,
            step: Step::Connect,
            rest: READING,
            body: Body::default(),
            phase: Phase::begin(),
        }
    }

    /// The server is verified.
    pub fn is_connected(&self) -> bool {
        self.step != Step::Connect
    }

    /// The first response is there.
    pub fn has_response(&self) -> bool {
        matches!(self.step, Step::Post | Step::Complete)
    }

    pub fn is_complete(&self) -> bool {
        self.step == Step::Complete
    }

    /// Acts on all that has happened.
    ///
    /// Not inlined: the stack is deepest while a certificate is verified, and this is not needed then.
    #[inline(never)]
    pub fn follow(&mut self, client: &mut Client<'_>) -> Result<(), Failure> {
        while let Some(event) = client.poll_event() {
            match event {
                Event::Connected => {
                    extensions::connected(client);
                    self.next(client)?;
                }
                Event::RequestsAvailable => self.ask(client)?,
                Event::Response { status, fields, .. } => show(status, fields),
                Event::Data { request } => self.body.read(client, request)?,
                Event::Writable { request } => self.write(client, request)?,
                Event::Finished { .. } => {
                    self.body.end();
                    self.next(client)?;
                }
                Event::Failed { error, .. } => return Err(Failure::Response(error)),
                Event::Reset { code, .. } => return Err(Failure::Abandoned(code)),
                Event::GoAway { .. } => return Err(Failure::GoingAway),
                Event::Closed(error) => return Err(Failure::Closed(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes the request of this step. Where there is no room, an event calls this again.
    fn ask(&mut self, client: &mut Client<'_>) -> Result<(), Failure> {
        let fields = [Field::new("content-type", "application/json")];
        let request = match self.step {
            Step::Get => Request::get(self.get),
            Step::Post => Request::post(self.post).fields(&fields),
            Step::Connect | Step::Complete => return Ok(()),
        };
        match client.request(&request) {
            Ok(id) if self.step == Step::Post => self.write(client, id),
            Ok(id) => Ok(client.finish(id)?),
            Err(RequestError::Blocked) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn write(&mut self, client: &mut Client<'_>, id: RequestId) -> Result<(), Failure> {
        while !self.rest.is_empty() {
            match client.send_body(id, self.rest) {
                Ok(count) => self.rest = self.rest.get(count..).unwrap_or(&[]),
                Err(SendError::Blocked) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(client.finish(id)?)
    }

    /// A step is done: the next one begins.
    fn next(&mut self, client: &mut Client<'_>) -> Result<(), Failure> {
        let (done, next) = match self.step {
            Step::Connect => ("handshake", Step::Get),
            Step::Get => ("get", Step::Post),
            Step::Post | Step::Complete => ("post", Step::Complete),
        };
        self.phase.end(done);
        self.step = next;
        self.ask(client)
    }
}

fn show(status: u16, mut fields: Fields<'_>) {
    info!("status: {=u16}", status);
    while let Some(line) = fields.next_line() {
        match line {
            FieldLine::Field(field) => info!("{=str}: {=[u8]:a}", field.name(), field.value()),
            FieldLine::TooLong { name, length } => info!("{=str}: {=usize} bytes", name, length),
        }
    }
}

/// A body on its way.
#[derive(Default)]
struct Body {
    length: usize,
    /// Like FNV-1a, but from zero: for whoever sent it.
    checksum: u32,
}

impl Body {
    /// Looks at the bytes where they lie; nothing is copied. The first ones are shown.
    fn read(&mut self, client: &mut Client<'_>, id: RequestId) -> Result<(), Failure> {
        loop {
            let piece = match client.peek_body(id) {
                Ok([]) | Err(RecvError::Blocked) => return Ok(()),
                Ok(piece) => piece,
                Err(error) => return Err(error.into()),
            };
            if self.length < SHOWN {
                info!("body: {=[u8]:a}", piece);
            }
            self.length += piece.len();
            self.checksum = piece.iter().fold(self.checksum, |sum, byte| {
                (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
            });
            let count = piece.len();
            client.consume_body(id, count);
        }
    }

    fn end(&mut self) {
        info!(
            "body ends: {=usize} bytes, checksum {=u32:08x}",
            self.length, self.checksum
        );
        *self = Self::default();
    }
}
