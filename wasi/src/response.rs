//! A response: its head at once, its body as it is read.
//!
//! Invariant: a response that is dropped early cancels its request, and its connection serves the next one.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use crate::client::Inner;
use crate::error::{Cause, Error, Phase, Result};
use crate::headers::Headers;
use crate::link::{Head, Link, Patience};
use crate::target::Target;

/// Bytes that `bytes` and `text` ask for at once, at least.
const PIECE: usize = 16 * 1024;

/// The response to a request.
pub struct Response {
    head: Head,
    trailers: Option<Headers>,
    url: String,
    target: Target,
    remote: SocketAddr,
    patience: Patience,
    limit: usize,
    inner: Rc<Inner>,
    /// As long as there may be more to read.
    link: Option<Box<Link>>,
    failure: Option<Error>,
}

impl Response {
    pub(crate) fn new(
        head: Head,
        link: Box<Link>,
        inner: Rc<Inner>,
        target: Target,
        url: &str,
        patience: Patience,
    ) -> Self {
        Self {
            head,
            trailers: None,
            url: url.to_owned(),
            target,
            remote: link.remote(),
            patience,
            limit: inner.settings.body_limit,
            inner,
            link: Some(link),
            failure: None,
        }
    }

    /// The status, such as 200.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// The fields behind the body, once that was read to its end.
    pub fn trailers(&self) -> Option<&Headers> {
        self.trailers.as_ref()
    }

    /// The URL that was asked for.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's address.
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote
    }

    /// What the server says the body's length is.
    pub fn content_length(&self) -> Option<u64> {
        self.headers().get("content-length")?.parse().ok()
    }

    /// This response, or an error if its status is from 400 to 599.
    pub fn error_for_status(self) -> Result<Self> {
        match self.status() {
            status @ 400..=599 => Err(Error::status_error(&self.url, status)),
            _ => Ok(self),
        }
    }

    /// Reads the next piece of the body; `Ok(0)` is its end. It waits for at least one byte.
    ///
    /// A body that ends early is an error, never an end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let Some(link) = &mut self.link else {
            return Ok(0);
        };
        match link.read(buffer, self.patience) {
            Ok(0) => {
                self.trailers = link.take_trailers();
                self.release();
                Ok(0)
            }
            Ok(length) => Ok(length),
            Err(failure) => {
                let failure = failure.of_the_body().with_url(&self.url);
                self.failure = Some(failure.clone());
                self.release();
                Err(failure)
            }
        }
    }

    /// The whole body, up to the client's `body_limit`.
    pub fn bytes(mut self) -> Result<Vec<u8>> {
        let expected = usize::try_from(self.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
        let mut body = Vec::with_capacity(expected.min(self.limit).min(1 << 20));
        loop {
            let start = body.len();
            // One byte more than is expected is enough to see the end.
            let piece = expected.saturating_sub(start).saturating_add(1).max(PIECE);
            body.resize(start + piece.min(1 << 20), 0);
            let length = self.read(&mut body[start..])?;
            body.truncate(start + length);
            if length == 0 {
                return Ok(body);
            }
            if body.len() > self.limit {
                let message = "the body is longer than the client's limit";
                return Err(Error::new(Phase::Body, Cause::Other, message).with_url(&self.url));
            }
        }
    }

    /// The whole body as text; bytes that are not UTF-8 are replaced.
    pub fn text(self) -> Result<String> {
        let bytes = self.bytes()?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The same with another limit for `bytes` and `text`.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Gives the connection back.
    fn release(&mut self) {
        if let Some(mut link) = self.link.take() {
            link.cancel();
            if link.is_usable() {
                self.inner.keep(&self.target, link);
            }
        }
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status())
            .field("headers", self.headers())
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
