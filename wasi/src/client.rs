//! The client: settings, and the connections that wait for their next request.
//!
//! Invariant: a connection is either here or with the one response that reads from it.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use quicpro_core::tls::{ServerName, Trust};
use quicpro_core::{ClientConfig, Field, Instant, Limits, Request};

use crate::client_builder::ClientBuilder;
use crate::config::{IDLE_CONNECTIONS, IDLE_TIMEOUT};
use crate::error::{Cause, Error, Phase, Result};
use crate::failure;
use crate::headers::Headers;
use crate::host;
use crate::link::{Head, Link, Patience, now};
use crate::request::RequestBuilder;
use crate::target::Target;

/// An HTTP/3 client.
///
/// Clones share connections and settings. A connection carries one request at a time and is kept for the next one to
/// the same server; a component has one thread, so nothing is sent or received between calls.
///
/// ```no_run
/// let client = quicpro_wasi::Client::builder().build()?;
/// let response = client.get("https://cloudflare-quic.com/").send()?;
/// assert_eq!(response.status(), 200);
/// let text = response.text()?;
/// # Ok::<(), quicpro_wasi::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Rc<Inner>,
}

/// What all clones share.
pub(crate) struct Inner {
    pub settings: Settings,
    idle: RefCell<Vec<Kept>>,
}

pub(crate) struct Settings {
    pub headers: Headers,
    pub timeout: Option<Duration>,
    pub read_timeout: Option<Duration>,
    pub connect_timeout: Duration,
    pub body_limit: usize,
    pub limits: Limits,
    pub resolve: Vec<(ServerName, SocketAddr)>,
    pub trust: Trust<'static>,
}

/// A connection without a request.
struct Kept {
    name: ServerName,
    port: u16,
    link: Box<Link>,
}

/// A request, ready to be sent.
pub(crate) struct Order<'a> {
    pub method: &'a str,
    pub target: &'a Target,
    pub headers: &'a Headers,
    pub content: &'a [u8],
    pub patience: Patience,
}

impl Client {
    /// A client to be configured.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    pub(crate) fn from_settings(settings: Settings) -> Self {
        let idle = RefCell::default();
        Self {
            inner: Rc::new(Inner { settings, idle }),
        }
    }

    pub(crate) fn inner(&self) -> &Rc<Inner> {
        &self.inner
    }

    /// A GET request.
    pub fn get(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request("GET", url)
    }

    /// A POST request.
    pub fn post(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request("POST", url)
    }

    /// A PUT request.
    pub fn put(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request("PUT", url)
    }

    /// A PATCH request.
    pub fn patch(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request("PATCH", url)
    }

    /// A DELETE request.
    pub fn delete(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request("DELETE", url)
    }

    /// A HEAD request.
    pub fn head(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request("HEAD", url)
    }

    /// An OPTIONS request.
    pub fn options(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request("OPTIONS", url)
    }

    /// A request of any method.
    pub fn request(&self, method: &str, url: impl AsRef<str>) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, url.as_ref())
    }

    /// Closes the connections that no response reads from.
    pub fn close(&self) {
        self.inner.idle.borrow_mut().clear();
    }
}

impl Inner {
    /// Sends the request and waits for the response's head, on a connection that was kept or on a new one.
    pub fn execute(&self, order: &Order<'_>) -> Result<(Head, Box<Link>)> {
        while let Some(mut link) = self.take(order.target) {
            if !link.is_usable() {
                continue;
            }
            match order.send_on(&mut link) {
                // What the server did not look at can be asked again.
                Err(failure) if failure.is_retryable() => {}
                outcome => return outcome.map(|head| (head, link)),
            }
        }
        let mut link = self.connect(order.target, order.patience.deadline)?;
        let head = order.send_on(&mut link)?;
        Ok((head, link))
    }

    /// Keeps a connection whose request is over.
    pub fn keep(&self, target: &Target, link: Box<Link>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() == IDLE_CONNECTIONS {
            idle.remove(0);
        }
        idle.push(Kept {
            name: target.name.clone(),
            port: target.port,
            link,
        });
    }

    fn take(&self, target: &Target) -> Option<Box<Link>> {
        let mut idle = self.idle.borrow_mut();
        let is_to = |kept: &Kept| kept.name == target.name && kept.port == target.port;
        let place = idle.iter().rposition(is_to)?;
        Some(idle.remove(place).link)
    }

    /// Tries the server's addresses in turn. What a server said about itself is worth more than silence.
    fn connect(&self, target: &Target, deadline: Option<Instant>) -> Result<Box<Link>> {
        let own = now() + self.settings.connect_timeout;
        let deadline = deadline.map_or(own, |deadline| deadline.min(own));
        let config = ClientConfig::with_trust(self.settings.trust.clone(), host::wall_clock())
            .idle_timeout(Some(IDLE_TIMEOUT))
            .named(target);
        let mut tried = Vec::new();
        let mut reason: Option<Error> = None;
        for remote in self.addresses(target, deadline)? {
            if !tried.is_empty() && now() >= deadline {
                break;
            }
            tried.push(remote);
            match Link::open(&config, &self.settings.limits, remote, deadline) {
                Ok(link) => return Ok(link),
                Err(failure) if reason.as_ref().is_none_or(|known| !known.is_tls()) => {
                    reason = Some(failure);
                }
                Err(_) => {}
            }
        }
        let nothing = || Error::new(Phase::Resolve, Cause::Other, "the name has no address");
        Err(reason.unwrap_or_else(nothing).with_addresses(tried))
    }

    /// Where the server may be: what the settings say, the address that is its name, or what the host finds.
    fn addresses(&self, target: &Target, deadline: Instant) -> Result<Vec<SocketAddr>> {
        let port = target.port;
        let with_port = |address: SocketAddr| match address.port() {
            0 => SocketAddr::new(address.ip(), port),
            _ => address,
        };
        let set = self.settings.resolve.iter();
        let set: Vec<_> = set
            .filter(|(name, _)| *name == target.name)
            .map(|(_, address)| with_port(*address))
            .collect();
        if !set.is_empty() {
            return Ok(set);
        }
        match &target.name {
            ServerName::Ip(address) => Ok([SocketAddr::new(*address, port)].into()),
            ServerName::Dns(name) => {
                let found = host::lookup(name, Some(deadline))
                    .map_err(|error| failure::of_host(Phase::Resolve, error))?;
                let mut all: Vec<SocketAddr> = Vec::new();
                for address in found {
                    let address = SocketAddr::new(address, port);
                    if !all.contains(&address) {
                        all.push(address);
                    }
                }
                Ok(all)
            }
        }
    }
}

impl Order<'_> {
    fn send_on(&self, link: &mut Link) -> Result<Head> {
        let length = self.content.len().to_string();
        let mut fields = self.headers.to_fields();
        let expects_content = matches!(self.method, "POST" | "PUT" | "PATCH");
        if (expects_content || !self.content.is_empty()) && !self.headers.contains("content-length")
        {
            fields.push(Field::new("content-length", &length));
        }
        let head = Request::new(self.method, &self.target.path)
            .authority(&self.target.authority)
            .fields(&fields);
        link.request(&head, self.content, self.patience)
    }
}

/// Gives a configuration the name that the server's certificate must be for.
trait Named {
    fn named(self, target: &Target) -> Self;
}

impl Named for ClientConfig<'_> {
    fn named(self, target: &Target) -> Self {
        match &target.name {
            ServerName::Dns(name) => self.server_name(name),
            ServerName::Ip(address) => self.server_name(&format!("{address}")),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("headers", &self.inner.settings.headers)
            .finish_non_exhaustive()
    }
}
