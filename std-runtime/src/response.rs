//! A response: its head at once, its body as it is read.
//!
//! Invariant: a response that is dropped early cancels its stream, so that it holds nobody else's window.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode, Version};
use quicpro_core::codec::to_u64;
use serde::de::DeserializeOwned;
use url::Url;

use crate::client::Inner;
use crate::driver::{Exchange, FieldBlock, Head};
use crate::error::{Cause, Error, Phase, Result};
use crate::event_loop::lock;
use crate::redirect::Follower;
use crate::stats::ConnectionStats;

/// What a server answered. The body is read from it as from any reader, or whole.
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    url: Url,
    remote: SocketAddr,
    stats: Arc<Mutex<ConnectionStats>>,
    body: BodyReader,
}

/// A request on its way.
#[derive(Debug)]
#[must_use = "the response is fetched by `wait`; dropping this cancels the request"]
pub struct PendingResponse {
    pub(crate) body: BodyReader,
    pub(crate) follower: Follower,
}

/// An answer before the answer: 103 (Early Hints), for example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Interim {
    /// Its status, 1xx.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
}

/// Reads the body of one exchange, and abandons the exchange when it is dropped.
pub(crate) struct BodyReader {
    exchange: Arc<Exchange>,
    /// Which I/O thread carries it; also keeps the client alive.
    inner: Arc<Inner>,
    buffer: Vec<u8>,
    read: usize,
    ended: bool,
    trailers: Option<HeaderMap>,
    limit: usize,
}

impl PendingResponse {
    /// Waits for the head of the response, following redirects.
    pub fn wait(self) -> Result<Response> {
        crate::client::finish(self)
    }
}

impl Response {
    pub(crate) fn new(head: Head, body: BodyReader) -> Result<Self> {
        let status = StatusCode::from_u16(head.status).map_err(|e| {
            Error::new(Phase::Request, Cause::Other, "the status is none").source(e)
        })?;
        Ok(Self {
            status,
            headers: head.fields.into_map(),
            url: body.exchange.request.url().clone(),
            remote: head.remote,
            stats: head.stats,
            body,
        })
    }

    pub(crate) fn into_body(self) -> BodyReader {
        self.body
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The header fields, to change.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// Always HTTP/3.
    pub fn version(&self) -> Version {
        Version::HTTP_3
    }

    /// Where it came from, after redirects.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The server's address.
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote
    }

    /// What its connection has done so far: round-trip times, losses, bytes. Renewed with every call, as long as the
    /// connection lives.
    pub fn connection_stats(&self) -> ConnectionStats {
        *lock(&self.stats)
    }

    /// The length of the body, if the server said it. The engine holds the server to it.
    pub fn content_length(&self) -> Option<u64> {
        self.headers
            .get(CONTENT_LENGTH)?
            .to_str()
            .ok()?
            .parse()
            .ok()
    }

    /// The fields behind the body. `None` until the body was read to its end, or if there are none.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.body.trailers.as_ref()
    }

    /// The interim responses (1xx) that came before, each returned once; at most eight are kept.
    pub fn interim(&self) -> Vec<Interim> {
        let interim: VecDeque<_> = self.body.exchange.take_interim();
        interim
            .into_iter()
            .filter_map(|(status, fields)| {
                Some(Interim {
                    status: StatusCode::from_u16(status).ok()?,
                    headers: fields.into_map(),
                })
            })
            .collect()
    }

    /// Raises or lowers what [`bytes`](Self::bytes), [`text`](Self::text) and [`json`](Self::json) read at most,
    /// 16 MiB by default.
    pub fn limit(mut self, bytes: usize) -> Self {
        self.body.limit = bytes;
        self
    }

    /// The whole body.
    pub fn bytes(self) -> Result<Bytes> {
        self.read_whole().map(Bytes::from)
    }

    /// The whole body as text; what is no UTF-8 is replaced.
    pub fn text(self) -> Result<String> {
        let bytes = self.read_whole()?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
    }

    /// The whole body as JSON.
    pub fn json<T: DeserializeOwned>(self) -> Result<T> {
        let url = self.url.clone();
        let bytes = self.read_whole()?;
        serde_json::from_slice(&bytes).map_err(|e| {
            Error::decode(format!("no JSON: {e}"))
                .source(e)
                .with_url(url)
        })
    }

    fn read_whole(mut self) -> Result<Vec<u8>> {
        let limit = self.body.limit;
        let announced = self
            .content_length()
            .and_then(|length| usize::try_from(length).ok());
        let mut whole = Vec::with_capacity(announced.unwrap_or(0).min(limit));
        while self.fill()? {
            let piece = self.body.rest();
            if whole.len() + piece.len() > limit {
                let message = format!("it is longer than the limit of {limit} bytes");
                return Err(Error::body(message).with_url(self.url.clone()));
            }
            whole.extend_from_slice(piece);
            self.body.read = self.body.buffer.len();
        }
        Ok(whole)
    }

    /// Copies the body to `writer`, however long it is, and returns its length.
    pub fn copy_to(&mut self, writer: &mut (impl Write + ?Sized)) -> Result<u64> {
        let mut copied = 0;
        while self.fill()? {
            let piece = self.body.rest();
            writer
                .write_all(piece)
                .map_err(|e| Error::body(format!("cannot write it: {e}")).source(e))?;
            copied += to_u64(piece.len());
            self.body.read = self.body.buffer.len();
        }
        Ok(copied)
    }

    /// The response, or an error if its status is 4xx or 5xx.
    pub fn error_for_status(self) -> Result<Self> {
        self.error_for_status_ref()?;
        Ok(self)
    }

    /// As [`error_for_status`](Self::error_for_status), without consuming the response.
    pub fn error_for_status_ref(&self) -> Result<&Self> {
        if self.status.is_client_error() || self.status.is_server_error() {
            return Err(Error::status_error(self.url.clone(), self.status));
        }
        Ok(self)
    }

    fn fill(&mut self) -> Result<bool> {
        self.body
            .fill()
            .map_err(|error| error.with_url(self.url.clone()))
    }
}

impl Read for Response {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() || !self.fill()? {
            return Ok(0);
        }
        let piece = self.body.rest();
        let length = piece.len().min(out.len());
        out[..length].copy_from_slice(&piece[..length]);
        self.body.read += length;
        Ok(length)
    }
}

impl BodyReader {
    pub fn new(exchange: Arc<Exchange>, inner: Arc<Inner>) -> Self {
        Self {
            limit: inner.settings().body_limit,
            exchange,
            inner,
            buffer: Vec::new(),
            read: 0,
            ended: false,
            trailers: None,
        }
    }

    pub fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    pub fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// The bytes that were received and not read.
    fn rest(&self) -> &[u8] {
        self.buffer.get(self.read..).unwrap_or_default()
    }

    /// Makes `rest` hold something; `false` at the end of the body.
    fn fill(&mut self) -> Result<bool> {
        if self.read < self.buffer.len() {
            return Ok(true);
        }
        if self.ended {
            return Ok(false);
        }
        self.buffer.clear();
        self.read = 0;
        let held = self.exchange.wait_body(&mut self.buffer)?;
        if held {
            self.inner
                .driver_of(&self.exchange)
                .make_room(&self.exchange);
        }
        self.ended = self.buffer.is_empty();
        if self.ended {
            self.trailers = self.exchange.take_trailers().map(FieldBlock::into_map);
        }
        Ok(!self.ended)
    }
}

impl Drop for BodyReader {
    fn drop(&mut self) {
        let driver = self.inner.driver_of(&self.exchange);
        driver.give_back(std::mem::take(&mut self.buffer));
        let (at_work, unread) = self.exchange.abandon();
        driver.give_back(unread);
        if at_work {
            driver.cancel(&self.exchange);
        }
    }
}

impl fmt::Debug for BodyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyReader")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("url", &self.url.as_str())
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
