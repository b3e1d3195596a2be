//! The settings of a client, named as in `reqwest`.
//!
//! Invariant: `build` reports every mistake; a client that exists has threads, trust and a poll.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue};
use quicpro_core::congestion::Congestion;

use crate::client::{Client, Inner, Settings};
use crate::config;
use crate::driver::{self, Detail, Driver, TakeLine, Watch};
use crate::error::{Error, Result};
use crate::event_loop::ThreadPool;
use crate::proxy::Proxies;
use crate::redirect::Policy;
use crate::tls::{Certificate, Identity, KeyLogFile, Settings as TlsSettings, Trust};

/// Threads of a client that resolve names, ask the platform about certificates and read bodies, at most.
const POOL_THREADS: usize = 32;

/// Configures a [`Client`].
#[derive(Debug)]
#[must_use = "a client is made by `build`"]
pub struct ClientBuilder {
    headers: HeaderMap,
    user_agent: Option<HeaderValue>,
    mistake: Option<Error>,
    redirect: Policy,
    timeout: Option<Duration>,
    read_timeout: Option<Duration>,
    connect_timeout: Duration,
    max_idle_timeout: Duration,
    congestion: Congestion,
    pool_idle_timeout: Option<Duration>,
    body_limit: usize,
    use_environment: bool,
    event_loop_workers: usize,
    io_threads: usize,
    resolve: HashMap<String, Vec<SocketAddr>>,
    remote_address: Option<SocketAddr>,
    family: Family,
    merged: Vec<Certificate>,
    only: Option<Vec<Certificate>>,
    identity: Option<Identity>,
    danger_accept_invalid_certs: bool,
    key_log: bool,
    watch: Watch,
}

/// Which addresses of a name are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// All of them, alternating.
    #[default]
    Any,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            headers: HeaderMap::new(),
            user_agent: Some(HeaderValue::from_static(config::USER_AGENT)),
            mistake: None,
            redirect: Policy::default(),
            timeout: None,
            read_timeout: Some(config::READ_IDLE_TIMEOUT),
            connect_timeout: config::CONNECT_TIMEOUT,
            max_idle_timeout: config::IDLE_TIMEOUT,
            congestion: Congestion::Cubic,
            pool_idle_timeout: Some(config::POOL_IDLE_TIMEOUT),
            body_limit: config::BODY_LIMIT,
            use_environment: true,
            event_loop_workers: config::EVENT_LOOP_WORKERS,
            io_threads: 1,
            resolve: HashMap::new(),
            remote_address: None,
            family: Family::Any,
            merged: Vec::new(),
            only: None,
            identity: None,
            danger_accept_invalid_certs: false,
            key_log: false,
            watch: Watch::default(),
        }
    }

    /// The `user-agent` of all requests that do not set it.
    pub fn user_agent<V>(mut self, value: V) -> Self
    where
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        match value.try_into() {
            Ok(value) => self.user_agent = Some(value),
            Err(error) => {
                let error: http::Error = error.into();
                self.mistake = Some(Error::build(format!("bad user agent: {error}")).source(error));
            }
        }
        self
    }

    /// Header fields of all requests that do not set them.
    pub fn default_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The time from the start of a request to the end of its response's body; none by default.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// The time from the first packet to the verified handshake, name lookup included; 10 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a server may be silent during a request; 30 s by default.
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.read_timeout = timeout.into();
        self
    }

    /// How uploads share the path with others: CUBIC by default; BBRv3, NewReno, or one of your own.
    pub fn congestion(mut self, congestion: Congestion) -> Self {
        self.congestion = congestion;
        self
    }

    /// How long a connection without requests is kept; 90 s by default.
    pub fn pool_idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.pool_idle_timeout = timeout.into();
        self
    }

    /// After how much silence a connection counts as dead, announced to the server; 30 s by default.
    pub fn http3_max_idle_timeout(mut self, timeout: Duration) -> Self {
        self.max_idle_timeout = timeout;
        self
    }

    /// What is done with redirects: ten are followed by default.
    pub fn redirect(mut self, policy: Policy) -> Self {
        self.redirect = policy;
        self
    }

    /// What `bytes`, `text` and `json` of a response read at most; 16 MiB by default.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Ignores proxies that the environment names. Otherwise a request that one applies to is an error, as HTTP/3
    /// cannot pass it and going around it might not be wanted.
    pub fn no_proxy(mut self) -> Self {
        self.use_environment = false;
        self
    }

    /// Uses `address` for `domain` instead of looking it up; a port of 0 stands for the URL's.
    pub fn resolve(self, domain: &str, address: SocketAddr) -> Self {
        self.resolve_to_addrs(domain, &[address])
    }

    /// As [`resolve`](Self::resolve), with several addresses.
    pub fn resolve_to_addrs(mut self, domain: &str, addresses: &[SocketAddr]) -> Self {
        self.resolve
            .insert(domain.to_ascii_lowercase(), addresses.to_vec());
        self
    }

    /// Connects to `address`, whatever the URL's host; names and certificates are still the host's.
    pub fn remote_address(mut self, address: SocketAddr) -> Self {
        self.remote_address = Some(address);
        self
    }

    /// Which addresses of a name are used.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Workers of the client's [event loop](Client::event_loop); 4 by default. The threads that carry packets are not
    /// among them.
    pub fn event_loop_max_workers(mut self, workers: usize) -> Self {
        self.event_loop_workers = workers.max(1);
        self
    }

    /// Threads that carry packets; 1 by default. A connection stays on one of them.
    pub fn io_threads(mut self, threads: usize) -> Self {
        self.io_threads = threads.max(1);
        self
    }

    /// Trusts these authorities, too.
    pub fn tls_certs_merge(mut self, certificates: impl IntoIterator<Item = Certificate>) -> Self {
        self.merged.extend(certificates);
        self
    }

    /// Trusts these authorities and no others.
    pub fn tls_certs_only(mut self, certificates: impl IntoIterator<Item = Certificate>) -> Self {
        self.only.get_or_insert_default().extend(certificates);
        self
    }

    /// The certificate to show to a server that asks for one.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Accepts every server, so that anyone on the way can read and change everything. For tests.
    pub fn tls_danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.danger_accept_invalid_certs = accept;
        self
    }

    /// Appends the secrets of all connections to the file that the variable `SSLKEYLOGFILE` names.
    pub fn tls_sslkeylogfile(mut self, log: bool) -> Self {
        self.key_log = log;
        self
    }

    /// Writes what each connection does to a file of its own in `directory`, which is made if it does not exist:
    /// [qlog](crate::qlog), for tools such as qvis. A disk that fails costs the file, not the connection.
    pub fn qlog_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.watch.qlog = Some(directory.into());
        self
    }

    /// Tells `take` in lines what happens to connections, from the thread that carries packets.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command's -v"))]
    pub(crate) fn watch(mut self, detail: Detail, take: Arc<TakeLine>) -> Self {
        self.watch.lines = Some((detail, take));
        self
    }

    /// The client.
    pub fn build(self) -> Result<Client> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let pool = Arc::new(ThreadPool::named("quicpro-helper", POOL_THREADS));
        let trust = if self.danger_accept_invalid_certs {
            log::warn!(
                "certificates are not verified: anyone on the way can read and change everything"
            );
            Trust::Nobody
        } else if let Some(only) = self.only {
            Trust::only(&[only, self.merged].concat())?
        } else {
            Trust::with_extra(&self.merged)?
        };
        let tls = TlsSettings {
            trust,
            identity: self.identity,
            key_log: self
                .key_log
                .then(KeyLogFile::from_environment)
                .flatten()
                .map(Arc::new),
            pool: pool.clone(),
        };
        let connections = Arc::new(driver::Settings {
            tls,
            connect_timeout: self.connect_timeout,
            max_idle_timeout: self.max_idle_timeout,
            congestion: self.congestion,
            pool_idle_timeout: self.pool_idle_timeout,
            resolve: self.resolve,
            remote_address: self.remote_address,
            family: self.family,
            watch: self.watch,
            pool,
        });
        let drivers: std::io::Result<Vec<_>> = (0..self.io_threads)
            .map(|_| Driver::start(&connections))
            .collect();
        let drivers = drivers.map_err(|e| Error::build(format!("no I/O thread: {e}")).source(e))?;
        let mut default_headers = self.headers;
        if let Some(user_agent) = self.user_agent {
            default_headers.entry(USER_AGENT).or_insert(user_agent);
        }
        let settings = Settings {
            default_headers,
            redirect: self.redirect,
            timeout: self.timeout,
            read_timeout: self.read_timeout,
            body_limit: self.body_limit,
            proxies: if self.use_environment {
                Proxies::from_environment()
            } else {
                Proxies::default()
            },
            event_loop_workers: self.event_loop_workers,
        };
        Ok(Client::from_inner(Inner::new(settings, drivers)))
    }
}
