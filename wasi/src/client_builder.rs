//! The settings of a client, named as on the desktop.
//!
//! Invariant: `build` reports every mistake; a client that exists trusts somebody.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use quicpro_core::Limits;
use quicpro_core::mem::Shared;
use quicpro_core::tls::{ServerName, Trust};

use crate::certificate::Certificate;
use crate::client::{Client, Settings};
use crate::config;
use crate::error::{Error, Result};
use crate::headers::Headers;

/// Configures a [`Client`].
#[derive(Debug)]
#[must_use = "a client is made by `build`"]
pub struct ClientBuilder {
    headers: Headers,
    user_agent: String,
    timeout: Option<Duration>,
    read_timeout: Option<Duration>,
    connect_timeout: Duration,
    body_limit: usize,
    limits: Limits,
    resolve: Vec<(String, SocketAddr)>,
    merged: Vec<Certificate>,
    only: Option<Vec<Certificate>>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            headers: Headers::new(),
            user_agent: config::USER_AGENT.into(),
            timeout: None,
            read_timeout: Some(config::READ_IDLE_TIMEOUT),
            connect_timeout: config::CONNECT_TIMEOUT,
            body_limit: config::BODY_LIMIT,
            limits: config::LIMITS,
            resolve: Vec::new(),
            merged: Vec::new(),
            only: None,
        }
    }

    /// The `user-agent` of all requests that do not set it.
    pub fn user_agent(mut self, value: impl Into<String>) -> Self {
        self.user_agent = value.into();
        self
    }

    /// Header fields of all requests that do not set them.
    pub fn default_headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// The time from the start of a request to the end of its response's body; none by default.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// The time from the name lookup to the verified handshake; 10 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a server may be silent during a request; 30 s by default.
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.read_timeout = timeout.into();
        self
    }

    /// What `bytes` and `text` of a response read at most; 16 MiB by default.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// The memory of each connection; [`config::LIMITS`] by default.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Uses `address` for `domain` instead of looking it up; a port of 0 stands for the URL's. Several addresses of a
    /// domain are tried in turn.
    pub fn resolve(mut self, domain: &str, address: SocketAddr) -> Self {
        self.resolve.push((domain.to_ascii_lowercase(), address));
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

    /// The client.
    pub fn build(self) -> Result<Client> {
        if let Some(problem) = self.limits.problem() {
            return Err(Error::build(problem));
        }
        let mut resolve = Vec::new();
        for (domain, address) in self.resolve {
            let name = ServerName::new(&domain)
                .map_err(|error| Error::build(alloc::format!("{domain}: {error}")))?;
            resolve.push((name, address));
        }
        let mut headers = self.headers;
        for (name, value) in [("user-agent", self.user_agent.as_str()), ("accept", "*/*")] {
            if !headers.contains(name) {
                headers.append(name, value);
            }
        }
        Ok(Client::from_settings(Settings {
            headers,
            timeout: self.timeout,
            read_timeout: self.read_timeout,
            connect_timeout: self.connect_timeout,
            body_limit: self.body_limit,
            limits: self.limits,
            resolve,
            trust: trust(self.only, self.merged)?,
        }))
    }
}

/// The authorities in `only`, or else those compiled in, and those in `merged`.
fn trust(only: Option<Vec<Certificate>>, merged: Vec<Certificate>) -> Result<Trust<'static>> {
    #[cfg(feature = "webpki-roots")]
    if only.is_none() && merged.is_empty() {
        return Ok(Trust::Roots(Shared::Borrowed(
            webpki_roots::TLS_SERVER_ROOTS,
        )));
    }
    #[cfg(feature = "webpki-roots")]
    let built_in = webpki_roots::TLS_SERVER_ROOTS;
    #[cfg(not(feature = "webpki-roots"))]
    let built_in = &[];
    let mut anchors = match only {
        Some(only) => only.into_iter().map(Certificate::into_anchor).collect(),
        None => Vec::from(built_in),
    };
    anchors.extend(merged.into_iter().map(Certificate::into_anchor));
    if anchors.is_empty() {
        let message = "no authority to trust: give one, or turn feature webpki-roots on";
        return Err(Error::build(message));
    }
    Ok(Trust::Roots(Shared::Owned(anchors.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_come_out_of_build() {
        let error = Client::builder().tls_certs_only([]).build().unwrap_err();
        assert!(error.is_builder(), "{error}");
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let built = Client::builder().resolve("no name", address).build();
        assert!(built.unwrap_err().is_builder());
        let built = Client::builder().limits(Limits::SMALL.requests(0)).build();
        assert!(built.unwrap_err().is_builder());
        assert_eq!(
            Client::builder().build().is_ok(),
            cfg!(feature = "webpki-roots")
        );
    }
}
