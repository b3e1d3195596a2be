//! The blocking client: cheap to clone, shared between threads, one connection per origin.
//!
//! Invariant: nothing here touches a connection; requests are handed to an I/O thread and waited for.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::{HeaderMap, Method};

use crate::body::Content;
use crate::client_builder::ClientBuilder;
use crate::driver::{Driver, Exchange, Patience, Upload};
use crate::error::{Error, Result};
use crate::event_loop::{SyncEventLoop, ThreadPool};
use crate::proxy::Proxies;
use crate::redirect::{Follower, Policy, Redirected};
use crate::request::{IntoUrl, Request, RequestBuilder};
use crate::response::{BodyReader, PendingResponse, Response};
use crate::upload;

/// An HTTP/3 client.
///
/// Clones share connections and settings. Any thread may use it, one of an async runtime included: it blocks that
/// thread and nothing else. Dropping the last clone, and the last response, closes the connections.
///
/// ```no_run
/// let client = quicpro::Client::new();
/// let response = client.get("https://cloudflare-quic.com/").send()?;
/// println!("{} {}", response.status(), response.text()?);
/// # Ok::<(), quicpro::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

/// What all clones share.
pub(crate) struct Inner {
    settings: Settings,
    drivers: Vec<Driver>,
    /// Threads for body readers: not those that connections need to get anywhere.
    uploads: ThreadPool,
    events: OnceLock<SyncEventLoop>,
}

/// Body readers at a time, beyond the calling threads' own.
const UPLOADS_MAX: usize = 32;

/// What concerns requests; what concerns connections went to the I/O threads.
pub(crate) struct Settings {
    pub default_headers: HeaderMap,
    pub redirect: Policy,
    pub timeout: Option<Duration>,
    pub read_timeout: Option<Duration>,
    pub body_limit: usize,
    pub proxies: Proxies,
    pub event_loop_workers: usize,
}

impl Inner {
    pub fn new(settings: Settings, drivers: Vec<Driver>) -> Self {
        Self {
            settings,
            drivers,
            uploads: ThreadPool::named("quicpro-upload", UPLOADS_MAX),
            events: OnceLock::new(),
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The I/O thread that carries all requests to this one's origin.
    pub fn driver_of(&self, exchange: &Exchange) -> &Driver {
        let authority = exchange.request.url().authority().as_bytes();
        let hash = authority.iter().fold(0usize, |hash, &byte| {
            hash.wrapping_mul(31).wrapping_add(usize::from(byte))
        });
        &self.drivers[hash % self.drivers.len()]
    }
}

impl Client {
    /// A client with the default settings.
    ///
    /// # Panics
    /// If the operating system gives no thread or no poll; [`builder`](Self::builder) returns an error instead.
    pub fn new() -> Self {
        Self::builder()
            .build()
            .expect("a client with default settings needs only a thread and a poll")
    }

    /// A client to be configured.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// A GET request.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A POST request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A PUT request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// A PATCH request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// A HEAD request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// An OPTIONS request.
    pub fn options(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::OPTIONS, url)
    }

    /// A request of any method.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, url.into_url())
    }

    /// Sends `request` and waits for the response's head, following redirects. A body reader is read on this thread.
    pub fn execute(&self, request: Request) -> Result<Response> {
        let mut pending = self.first(request)?;
        if let Some(source) = pending.1.take() {
            upload::pump(
                pending.0.body.exchange(),
                self.inner.driver_of(pending.0.body.exchange()),
                source,
            );
        }
        pending.0.wait()
    }

    /// Sends `request` and returns at once. A body reader is read on a thread of the client's.
    pub fn start(&self, request: Request) -> Result<PendingResponse> {
        let (pending, source) = self.first(request)?;
        if let Some(source) = source {
            let exchange = pending.body.exchange().clone();
            let driver = self.inner.driver_of(&exchange).clone();
            self.inner.uploads.submit(move || {
                upload::pump(&exchange, &driver, source);
            });
        }
        Ok(pending)
    }

    /// The client's event loop, started by the first use.
    pub fn event_loop(&self) -> &SyncEventLoop {
        let inner = &self.inner;
        inner
            .events
            .get_or_init(|| SyncEventLoop::new(inner.settings.event_loop_workers))
    }

    /// Has every connection move to another local port, once the server has answered there; requests go on, and a server
    /// that does not permit it is left where it is (RFC 9000 §9). What happens by itself when the network changes, at
    /// a time of one's own choice.
    pub fn migrate(&self) {
        for driver in &self.inner.drivers {
            driver.migrate();
        }
    }

    /// Closes all connections now, also for the other clones. Requests under way and later ones fail.
    pub fn close(&self) {
        for driver in &self.inner.drivers {
            driver.close();
        }
    }

    /// Begins what the caller asked for, with the client's own fields. A redirect's request has those that it may keep.
    fn first(
        &self,
        mut request: Request,
    ) -> Result<(PendingResponse, Option<crate::body::Source>)> {
        request.add_defaults(&self.inner.settings.default_headers);
        self.begin(request, None)
    }

    fn begin(
        &self,
        mut request: Request,
        deadline: Option<Instant>,
    ) -> Result<(PendingResponse, Option<crate::body::Source>)> {
        let settings = &self.inner.settings;
        check(&request, &settings.proxies)?;
        let source = match std::mem::take(request.body_mut()).0 {
            Content::Bytes(bytes) => {
                *request.body_mut() = bytes.into();
                None
            }
            Content::Reader(source) => Some(source),
        };
        let upload = match &source {
            None => Upload::Memory,
            Some(source) => Upload::Stream(source.length),
        };
        let total = match deadline {
            Some(deadline) => Some(deadline.saturating_duration_since(Instant::now())),
            None => request.timeout().or(settings.timeout),
        };
        let patience = Patience {
            total,
            idle: settings.read_timeout,
        };
        let exchange = Arc::new(Exchange::new(request, upload, patience));
        self.inner.driver_of(&exchange).send(&exchange);
        let pending = PendingResponse {
            body: BodyReader::new(exchange, self.inner.clone()),
            follower: Follower::new(&settings.redirect),
        };
        Ok((pending, source))
    }
}

/// Waits for the response, following redirects within the first request's time.
pub(crate) fn finish(pending: PendingResponse) -> Result<Response> {
    let PendingResponse {
        mut body,
        mut follower,
    } = pending;
    loop {
        let exchange = body.exchange().clone();
        let url = || exchange.request.url().clone();
        let head = exchange
            .wait_head()
            .map_err(|failure| Error::from(failure).with_url(url()))?;
        let response = Response::new(head, body)?;
        let redirected = Redirected {
            request: &exchange.request,
            replayable: exchange.upload == Upload::Memory,
            status: response.status(),
            headers: response.headers(),
        };
        let Some(next) = follower.next(redirected)? else {
            return Ok(response);
        };
        let client = Client {
            inner: response.into_body().inner().clone(),
        };
        body = client.begin(next, exchange.deadline())?.0.body;
    }
}

/// Refuses what cannot be sent over HTTP/3 before anything is looked up.
fn check(request: &Request, proxies: &Proxies) -> Result<()> {
    let url = request.url();
    let refuse = |message: String| Err(Error::build(message).with_url(url.clone()));
    if url.scheme() != "https" {
        return refuse(format!("HTTP/3 needs https, not {}", url.scheme()));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return refuse("the URL has no host".to_owned());
    }
    if let Some(proxy) = proxies.applying_to(url) {
        return refuse(format!(
            "the environment names a proxy ({proxy}), which HTTP/3 cannot use; set NO_PROXY or use no_proxy()"
        ));
    }
    Ok(())
}

impl Drop for Inner {
    fn drop(&mut self) {
        for driver in &self.drivers {
            driver.close();
        }
        for driver in &self.drivers {
            driver.join();
        }
        // A reader may block without bound.
        self.uploads.abandon();
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("default_headers", &self.inner.settings.default_headers)
            .field("redirect", &self.inner.settings.redirect)
            .finish_non_exhaustive()
    }
}
