//! What a client brings to its handshakes: whom it trusts, what it offers, who it is.
//!
//! Invariant: no combination of settings accepts an unverified server but the one made by a constructor with
//! *danger* in its name, and the dates of certificates are skipped only where the caller wrote [`WallClock::Absent`].

use rustls_pki_types::CertificateDer;
#[cfg(feature = "webpki")]
use rustls_pki_types::TrustAnchor;

#[cfg(any(feature = "pins", not(feature = "webpki")))]
use super::certificate::public_key::Pin;
use super::error::CertificateError;
use super::server_name::{InvalidServerName, ServerName};
use crate::crypto::key_exchange::Group;
use crate::crypto::signature::Signer;
use crate::crypto::{Provider, Suite};
use crate::mem::Shared;

/// The application protocol of HTTP/3 (RFC 9114 §3.1).
pub const ALPN_HTTP3: &[&[u8]] = &[b"h3"];

/// The time of day, or the statement that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WallClock {
    /// Seconds since 1970-01-01 00:00 UTC.
    At(u64),
    /// No clock: the chain only has to have been valid as a whole at some moment. Anyone who gets hold of the key of
    /// an expired certificate can then stand for the server.
    Absent,
}

/// Who decides whether the server is the one it claims to be.
#[derive(Clone)]
pub enum Trust<'m> {
    /// rustls-webpki does, from these anchors.
    #[cfg(feature = "webpki")]
    Roots(Shared<'m, [TrustAnchor<'m>]>),
    /// Whoever holds one of these keys is the server; name, dates and issuers mean nothing then.
    #[cfg(any(feature = "pins", not(feature = "webpki")))]
    Pinned(Shared<'m, [Pin]>),
    /// Code from outside does; that the server holds the certificate's key is still checked here.
    Verifier(Shared<'m, dyn Verifier>),
    /// Nobody does. Made by [`ClientConfig::danger_accept_any_server`] only.
    #[doc(hidden)]
    DangerAcceptAnyServer(DangerToken),
}

impl Trust<'_> {
    /// Nobody is trusted.
    #[cfg(feature = "webpki")]
    pub(super) const NOBODY: Self = Self::Roots(Shared::Borrowed(&[]));
    /// Nobody is trusted.
    #[cfg(not(feature = "webpki"))]
    pub(super) const NOBODY: Self = Self::Pinned(Shared::Borrowed(&[]));
}

/// Keeps [`Trust::DangerAcceptAnyServer`] from being written down elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct DangerToken(());

/// A verifier's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Verdict {
    /// The server is the one asked for.
    Accepted,
    /// It is not.
    Refused(CertificateError),
    /// Not known yet: the handshake pauses until `resume_verification`.
    Pending,
}

/// What a verifier is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The server's certificate, DER.
    pub end_entity: CertificateDer<'a>,
    /// The other certificates the server sent, as far as they fitted, in its order.
    pub intermediates: &'a [CertificateDer<'a>],
    /// The stapled OCSP response, empty if there was none.
    pub ocsp: &'a [u8],
    /// The name to be found in the certificate.
    pub server_name: &'a ServerName,
    /// The time.
    pub now: WallClock,
}

/// Verifies a server's certificate instead of the trust anchors: the platform's own verifier, for example.
pub trait Verifier: Send + Sync {
    /// Judges the chain and the name. Called once per handshake; must not block for long, see [`Verdict::Pending`].
    fn verify(&self, question: &Question<'_>) -> Verdict;
}

/// Receives the secrets of a connection, for tools that decrypt captured traffic.
pub trait KeyLog: Send + Sync {
    /// One line of the NSS key log format: label, the ClientHello's random, secret.
    fn log(&self, label: &'static str, client_random: &[u8; 32], secret: &[u8]);
}

/// A client's certificate and the key to it.
#[derive(Clone)]
pub struct Identity<'m> {
    /// The certificate, then its issuers, each the issuer of the one before it.
    pub chain: Shared<'m, [CertificateDer<'m>]>,
    /// Signs with the certificate's key.
    pub signer: Shared<'m, dyn Signer>,
}

/// The TLS part of a client's configuration.
#[derive(Clone)]
pub struct ClientConfig<'m> {
    pub(super) server_name: Result<ServerName, InvalidServerName>,
    pub(super) trust: Trust<'m>,
    pub(super) clock: WallClock,
    pub(super) protocols: &'m [&'m [u8]],
    pub(super) suites: &'m [Suite],
    pub(super) groups: &'m [Group],
    pub(super) shares: &'m [Group],
    pub(super) identity: Option<Identity<'m>>,
    pub(super) key_log: Option<Shared<'m, dyn KeyLog>>,
    pub(super) provider: Option<Shared<'m, dyn Provider>>,
}

/// Why no handshake can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ConfigError {
    /// No server name, or one that is neither a DNS name nor an IP address.
    ServerName,
    /// No application protocol, or one that is empty or longer than 255 bytes.
    ApplicationProtocol,
    /// No cipher suite.
    Suites,
    /// No group, no share, more than [`SHARES_MAX`] of them, or one of a group that is not offered.
    Groups,
    /// The ClientHello does not fit `Limits::handshake_send`.
    SendBuffer,
    /// The connection was begun before.
    Started,
}

/// Key shares in one ClientHello.
pub const SHARES_MAX: usize = 2;

impl<'m> ClientConfig<'m> {
    /// Trusts what leads to one of `roots`; the name is still to be set.
    #[cfg(feature = "webpki")]
    pub fn new(roots: &'m [TrustAnchor<'m>], clock: WallClock) -> Self {
        Self::with_trust(Trust::Roots(Shared::Borrowed(roots)), clock)
    }

    /// Trusts whoever proves to hold one of these public keys, and checks neither name nor dates nor issuers: they end
    /// when the server changes its key. A name is still to be set, for the server to choose its certificate by.
    #[cfg(any(feature = "pins", not(feature = "webpki")))]
    pub fn pinned_keys_only(pins: &'m [Pin]) -> Self {
        Self::with_trust(Trust::Pinned(Shared::Borrowed(pins)), WallClock::Absent)
    }

    /// Accepts every server, so that anyone on the way can read and change everything. For tests.
    pub fn danger_accept_any_server() -> Self {
        Self::with_trust(
            Trust::DangerAcceptAnyServer(DangerToken(())),
            WallClock::Absent,
        )
    }

    /// Leaves the judgement to `trust`; the name is still to be set.
    pub fn with_trust(trust: Trust<'m>, clock: WallClock) -> Self {
        Self {
            server_name: Err(InvalidServerName),
            trust,
            clock,
            protocols: ALPN_HTTP3,
            suites: Suite::ALL,
            groups: Group::BUILT_IN,
            shares: &Group::BUILT_IN[..1],
            identity: None,
            key_log: None,
            provider: None,
        }
    }

    /// The server's DNS name or IP address; one that is neither is reported when the handshake starts.
    #[must_use]
    pub fn server_name(mut self, host: &str) -> Self {
        self.server_name = ServerName::new(host);
        self
    }

    /// The server's name, if one was set and is legal.
    pub fn name(&self) -> Option<&ServerName> {
        self.server_name.as_ref().ok()
    }

    /// The application protocols to offer, the best first. HTTP/3's alone by default.
    #[must_use]
    pub fn protocols(mut self, protocols: &'m [&'m [u8]]) -> Self {
        self.protocols = protocols;
        self
    }

    /// The cipher suites to offer, the best first. All that were compiled in by default.
    #[must_use]
    pub fn suites(mut self, suites: &'m [Suite]) -> Self {
        self.suites = suites;
        self
    }

    /// The groups to offer, the best first, all that were compiled in by default, and those among them to send a key
    /// share of at once: the first by default. The others cost a round trip if the server insists on one.
    #[must_use]
    pub fn groups(mut self, offered: &'m [Group], shared: &'m [Group]) -> Self {
        self.groups = offered;
        self.shares = shared;
        self
    }

    /// The certificate to show to a server that asks for one.
    #[cfg(feature = "client-certificates")]
    #[must_use]
    pub fn identity(mut self, identity: Identity<'m>) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Where secrets are reported.
    #[cfg(feature = "key-log")]
    #[must_use]
    pub fn key_log(mut self, key_log: Shared<'m, dyn KeyLog>) -> Self {
        self.key_log = Some(key_log);
        self
    }

    /// Cryptography from outside.
    #[must_use]
    pub fn provider(mut self, provider: Shared<'m, dyn Provider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Checks what can be checked before a byte is written.
    pub(super) fn check(&self) -> Result<&ServerName, ConfigError> {
        let server_name = self.server_name.as_ref();
        let server_name = server_name.map_err(|_| ConfigError::ServerName)?;
        let is_legal = |protocol: &&[u8]| (1..=255).contains(&protocol.len());
        if self.protocols.is_empty() || !self.protocols.iter().all(is_legal) {
            return Err(ConfigError::ApplicationProtocol);
        }
        if self.suites.is_empty() {
            return Err(ConfigError::Suites);
        }
        let is_offered = |share: &Group| self.groups.contains(share);
        if !(1..=SHARES_MAX).contains(&self.shares.len()) || !self.shares.iter().all(is_offered) {
            return Err(ConfigError::Groups);
        }
        Ok(server_name)
    }
}

impl core::fmt::Debug for ClientConfig<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ClientConfig")
            .field("server_name", &self.server_name)
            .field("clock", &self.clock)
            .field("suites", &self.suites)
            .field("groups", &self.groups)
            .field("shares", &self.shares)
            .finish_non_exhaustive()
    }
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::ServerName => "server name is neither a DNS name nor an IP address",
            Self::ApplicationProtocol => "no application protocol of 1 to 255 bytes",
            Self::Suites => "no cipher suite",
            Self::Groups => "key shares are not 1 or 2 of the groups offered",
            Self::SendBuffer => "ClientHello does not fit Limits::handshake_send",
            Self::Started => "the connection was begun before",
        })
    }
}

impl core::error::Error for ConfigError {}
