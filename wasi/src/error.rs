//! Why a request failed: in which phase, from which cause, at which addresses, with which code.
//!
//! The questions are those of the desktop's error. Invariant: an error that carries a code carries the name its RFC
//! gives it, and the message reads without the code.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

/// The result of most calls.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why a request failed.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    phase: Phase,
    cause: Cause,
    message: Cow<'static, str>,
    code: Option<Code>,
    addresses: Vec<SocketAddr>,
    /// The server cannot have acted on the request.
    unprocessed: bool,
    url: Option<String>,
    status: Option<u16>,
}

/// What was going on when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Build,
    Resolve,
    Connect,
    Handshake,
    Request,
    Body,
    Status,
}

/// What kind of thing went wrong in that phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Timeout,
    /// The certificate or the TLS handshake.
    Tls,
    /// The connection ended.
    Connection,
    /// The stream ended.
    Stream,
    /// The host refused.
    Host,
    Other,
}

/// The number that ended a stream or a connection, with the space it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Quic(u64, &'static str),
    Http3(u64, &'static str),
}

impl Error {
    pub(crate) fn new(phase: Phase, cause: Cause, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            phase,
            cause,
            message: message.into(),
            code: None,
            addresses: Vec::new(),
            unprocessed: false,
            url: None,
            status: None,
        }))
    }

    pub(crate) fn build(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Phase::Build, Cause::Other, message)
    }

    pub(crate) fn with_code(mut self, code: Code) -> Self {
        self.0.code = Some(code);
        self
    }

    pub(crate) fn with_addresses(mut self, addresses: Vec<SocketAddr>) -> Self {
        self.0.addresses = addresses;
        self
    }

    pub(crate) fn unprocessed(mut self, unprocessed: bool) -> Self {
        self.0.unprocessed = unprocessed;
        self
    }

    /// The same, while the body was read: the server has acted on the request.
    pub(crate) fn of_the_body(mut self) -> Self {
        self.0.phase = Phase::Body;
        self.unprocessed(false)
    }

    pub(crate) fn status_error(url: &str, status: u16) -> Self {
        let kind = if status < 500 { "client" } else { "server" };
        let message = alloc::format!("{kind} error {status}");
        let mut error = Self::new(Phase::Status, Cause::Other, message);
        error.0.status = Some(status);
        error.with_url(url)
    }

    pub(crate) fn with_url(mut self, url: &str) -> Self {
        self.0.url = Some(url.into());
        self
    }

    /// The same error without its URL, which may hold what a log should not.
    #[must_use]
    pub fn without_url(mut self) -> Self {
        self.0.url = None;
        self
    }

    /// The URL that was asked for.
    pub fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// The status of a response that [`error_for_status`](crate::Response::error_for_status) refused.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The client or the request could not be made: a bad URL, field or certificate.
    pub fn is_builder(&self) -> bool {
        self.0.phase == Phase::Build
    }

    /// The status was an error and the caller asked for that to be one.
    pub fn is_status(&self) -> bool {
        self.0.phase == Phase::Status
    }

    /// Something did not happen in time.
    pub fn is_timeout(&self) -> bool {
        self.0.cause == Cause::Timeout
    }

    /// No connection came about: no address, no answer, or no handshake.
    pub fn is_connect(&self) -> bool {
        let phase = self.0.phase;
        matches!(phase, Phase::Resolve | Phase::Connect | Phase::Handshake)
    }

    /// The name has no address, or the host looks no names up.
    pub fn is_dns(&self) -> bool {
        self.0.phase == Phase::Resolve
    }

    /// The server's certificate or its part of the TLS handshake was refused, or it refused ours.
    pub fn is_tls(&self) -> bool {
        self.0.cause == Cause::Tls
    }

    /// The host refused: usually the runtime was not told to let this component use the network.
    pub fn is_host(&self) -> bool {
        self.0.cause == Cause::Host
    }

    /// The request failed on an established connection.
    pub fn is_request(&self) -> bool {
        self.0.phase == Phase::Request
    }

    /// A body could not be read to its end.
    pub fn is_body(&self) -> bool {
        self.0.phase == Phase::Body
    }

    /// The QUIC connection ended.
    pub fn is_quic(&self) -> bool {
        self.0.cause == Cause::Connection
    }

    /// The server cannot have acted on the request, so that sending it again is safe.
    pub fn is_retryable(&self) -> bool {
        self.0.unprocessed
    }

    /// The QUIC error code of RFC 9000 §20, if one ended the connection.
    pub fn quic_code(&self) -> Option<u64> {
        match self.0.code {
            Some(Code::Quic(value, _)) => Some(value),
            _ => None,
        }
    }

    /// The HTTP/3 error code of RFC 9114 §8.1, if one ended the stream or the connection.
    pub fn h3_code(&self) -> Option<u64> {
        match self.0.code {
            Some(Code::Http3(value, _)) => Some(value),
            _ => None,
        }
    }

    /// The code's name in its RFC, such as `H3_REQUEST_REJECTED`.
    pub fn code_name(&self) -> Option<&'static str> {
        match self.0.code {
            Some(Code::Quic(_, name) | Code::Http3(_, name)) => Some(name),
            None => None,
        }
    }

    /// The addresses that were tried, in that order.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.0.addresses
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Build => "cannot build the request",
            Self::Resolve => "cannot resolve the name",
            Self::Connect => "cannot connect",
            Self::Handshake => "handshake failed",
            Self::Request => "request failed",
            Self::Body => "body failed",
            Self::Status => "the server answered with an error",
        })
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Quic(value, name) | Self::Http3(value, name)) = self;
        write!(f, "{name} ({value:#x})")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            phase,
            message,
            code,
            addresses,
            url,
            ..
        } = &*self.0;
        write!(f, "{phase}: {message}")?;
        if let Some(code) = code {
            write!(f, ", {code}")?;
        }
        for (index, address) in addresses.iter().enumerate() {
            f.write_str(if index == 0 { " [" } else { ", " })?;
            write!(f, "{address}")?;
        }
        if !addresses.is_empty() {
            f.write_str("]")?;
        }
        match url {
            Some(url) => write!(f, " for {url}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    #[test]
    fn the_message_says_phase_reason_code_addresses_and_url() {
        let error = Error::new(Phase::Connect, Cause::Timeout, "no answer over UDP")
            .with_code(Code::Quic(0x2, "CONNECTION_REFUSED"))
            .with_addresses(vec![
                "[::1]:443".parse().unwrap(),
                "127.0.0.1:443".parse().unwrap(),
            ])
            .with_url("https://a.example/x");
        assert_eq!(
            error.to_string(),
            "cannot connect: no answer over UDP, CONNECTION_REFUSED (0x2) [[::1]:443, 127.0.0.1:443] for https://a.example/x"
        );
        assert!(error.is_connect() && error.is_timeout() && !error.is_tls() && !error.is_dns());
        assert_eq!((error.quic_code(), error.h3_code()), (Some(2), None));
        assert_eq!(error.url(), Some("https://a.example/x"));
        assert!(!error.without_url().to_string().contains("a.example"));
    }

    #[test]
    fn a_refused_status_says_whose_fault_it_is() {
        let error = Error::status_error("https://a.example/", 404);
        assert_eq!((error.status(), error.is_status()), (Some(404), true));
        assert!(error.to_string().contains("client error 404"), "{error}");
        let error = Error::status_error("https://a.example/", 503);
        assert!(error.to_string().contains("server error 503"), "{error}");
    }
}
