//! What a client connection is made from: TLS's configuration and the transport's few settings.
//!
//! Invariant: nothing here promises memory; every promise to the peer is derived from the memory itself.

#[cfg(feature = "webpki")]
use rustls_pki_types::TrustAnchor;

use super::version_choice::VersionChoice;
use crate::crypto::key_exchange::Group;
use crate::crypto::{Provider, Suite};
use crate::mem::Shared;
#[cfg(feature = "migration")]
use crate::path::Rotation;
use crate::path::cid;
use crate::recovery::congestion::Congestion;
use crate::time::Duration;
#[cfg(feature = "client-certificates")]
use crate::tls::Identity;
#[cfg(feature = "key-log")]
use crate::tls::KeyLog;
use crate::tls::{self, Trust, WallClock};
#[cfg(feature = "v2")]
use crate::wire::VersionInformation;
use crate::wire::packet::{CONNECTION_ID_MAX, Version};

/// A timeout that is switched off: longer than all others.
pub(super) const NEVER_MS: u64 = u64::MAX;

/// The idle timeout we announce unless told otherwise.
const IDLE_TIMEOUT_MS: u64 = 30_000;

/// The configuration of a client: whom it trusts, what it offers, when it gives up.
///
/// ```
/// use quicpro_core::{ClientConfig, tls::WallClock};
/// let roots = [];
/// let config = ClientConfig::new(&roots[..], WallClock::At(1_795_000_000)).server_name("h3.example");
/// ```
#[derive(Clone, Debug)]
pub struct ClientConfig<'m> {
    pub(super) tls: tls::ClientConfig<'m>,
    pub(super) settings: Settings<'m>,
    /// Bytes of our connection IDs.
    pub(super) cid_length: usize,
    /// What the first Initial packet brings along.
    #[cfg(feature = "tokens")]
    pub(super) token: Option<Shared<'m, [u8]>>,
}

/// The part of the configuration that the connection keeps.
#[derive(Clone)]
pub(super) struct Settings<'m> {
    pub(super) idle_timeout_ms: u64,
    pub(super) keep_alive_ms: u64,
    pub(super) provider: Option<Shared<'m, dyn Provider>>,
    /// The version of the first flight, and all, the preferred first.
    #[cfg(feature = "v2")]
    pub(super) versions: VersionInformation,
    /// Servers are asked for fewer acknowledgements.
    #[cfg(feature = "ack-frequency")]
    pub(super) fewer_acks: bool,
    #[cfg(feature = "migration")]
    pub(super) preferred_address: bool,
    #[cfg(feature = "migration")]
    pub(super) rotation: Rotation,
    pub(super) congestion: Congestion,
    /// Packets leave with ECT(0), as far as that works.
    pub(super) marks: bool,
}

impl Settings<'_> {
    /// Those of a connection that was not begun.
    pub(super) const NONE: Self = Self {
        idle_timeout_ms: 0,
        keep_alive_ms: NEVER_MS,
        provider: None,
        #[cfg(feature = "v2")]
        versions: VersionInformation::only(Version::V1),
        #[cfg(feature = "ack-frequency")]
        fewer_acks: false,
        #[cfg(feature = "migration")]
        preferred_address: false,
        #[cfg(feature = "migration")]
        rotation: Rotation::NEVER,
        congestion: Congestion::NewReno,
        marks: false,
    };

    pub(super) fn version_choice(&self) -> VersionChoice {
        #[cfg(feature = "v2")]
        return VersionChoice::new(self.versions);
        #[cfg(not(feature = "v2"))]
        VersionChoice::NONE
    }

    /// All that the server may choose from, the preferred first.
    pub(super) fn offered_versions(&self) -> heapless::Vec<Version, { Version::KNOWN.len() }> {
        #[cfg(feature = "v2")]
        return self.versions.available().collect();
        #[cfg(not(feature = "v2"))]
        Version::KNOWN.iter().copied().collect()
    }

    pub(super) fn provider(&self) -> Option<&dyn Provider> {
        self.provider.as_deref()
    }
}

impl core::fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Settings")
            .field("idle_timeout_ms", &self.idle_timeout_ms)
            .field("keep_alive_ms", &self.keep_alive_ms)
            .finish_non_exhaustive()
    }
}

impl<'m> ClientConfig<'m> {
    /// Trusts servers whose certificate leads to one of `roots` and names them.
    ///
    /// With [`WallClock::Absent`] the dates of certificates are not checked: an explicit choice, for devices
    /// that do not know the time.
    #[cfg(feature = "webpki")]
    pub fn new(roots: &'m [TrustAnchor<'m>], clock: WallClock) -> Self {
        Self::with_tls(tls::ClientConfig::new(roots, clock))
    }

    /// Trusts whoever proves to hold one of these public keys; neither name nor dates nor issuers are checked.
    #[cfg(any(feature = "pins", not(feature = "webpki")))]
    pub fn pinned_keys_only(pins: &'m [tls::Pin]) -> Self {
        Self::with_tls(tls::ClientConfig::pinned_keys_only(pins))
    }

    /// Leaves the judgement of certificates to `trust`: anchors that are shared, or a verifier from outside.
    pub fn with_trust(trust: Trust<'m>, clock: WallClock) -> Self {
        Self::with_tls(tls::ClientConfig::with_trust(trust, clock))
    }

    /// Accepts every server, so that anyone on the way can read and change everything. For tests.
    pub fn danger_accept_any_server() -> Self {
        Self::with_tls(tls::ClientConfig::danger_accept_any_server())
    }

    fn with_tls(tls: tls::ClientConfig<'m>) -> Self {
        let settings = Settings {
            idle_timeout_ms: IDLE_TIMEOUT_MS,
            keep_alive_ms: NEVER_MS,
            provider: None,
            #[cfg(feature = "v2")]
            versions: VersionInformation::new(Version::V1, &[Version::V2, Version::V1]),
            #[cfg(feature = "ack-frequency")]
            fewer_acks: false,
            #[cfg(feature = "migration")]
            preferred_address: true,
            #[cfg(feature = "migration")]
            rotation: Rotation::NEVER,
            congestion: Congestion::NewReno,
            marks: false,
        };
        Self {
            tls,
            settings,
            cid_length: cid::LOCAL_LENGTH,
            #[cfg(feature = "tokens")]
            token: None,
        }
    }

    /// The server's DNS name or IP address. Without one no connection can be made.
    #[must_use]
    pub fn server_name(mut self, host: &str) -> Self {
        self.tls = self.tls.server_name(host);
        self
    }

    /// The server's name, if one was set and is legal.
    pub fn name(&self) -> Option<&tls::ServerName> {
        self.tls.name()
    }

    /// The cipher suites to offer, the best first. All that were compiled in by default.
    #[must_use]
    pub fn suites(mut self, suites: &'m [Suite]) -> Self {
        self.tls = self.tls.suites(suites);
        self
    }

    /// The groups to offer and those to send a key share of at once: by default all, and the first.
    #[must_use]
    pub fn groups(mut self, offered: &'m [Group], shared: &'m [Group]) -> Self {
        self.tls = self.tls.groups(offered, shared);
        self
    }

    /// The application protocols to offer instead of HTTP/3's.
    #[must_use]
    pub fn protocols(mut self, protocols: &'m [&'m [u8]]) -> Self {
        self.tls = self.tls.protocols(protocols);
        self
    }

    /// The certificate to show to a server that asks for one.
    #[cfg(feature = "client-certificates")]
    #[must_use]
    pub fn identity(mut self, identity: Identity<'m>) -> Self {
        self.tls = self.tls.identity(identity);
        self
    }

    /// Where secrets are reported, for tools that decrypt captured traffic.
    #[cfg(feature = "key-log")]
    #[must_use]
    pub fn key_log(mut self, key_log: Shared<'m, dyn KeyLog>) -> Self {
        self.tls = self.tls.key_log(key_log);
        self
    }

    /// Cryptography from outside instead of the built-in one.
    #[must_use]
    pub fn provider(mut self, provider: Shared<'m, dyn Provider>) -> Self {
        self.tls = self.tls.provider(provider.clone());
        self.settings.provider = Some(provider);
        self
    }

    /// The versions of QUIC to speak, the preferred first: 2 and 1 by default. Unknown ones are left out; without a
    /// known one it is version 1 alone.
    ///
    /// The first flight is sent in version 1, if it is among them: every server understands it, and one that prefers
    /// version 2 changes to it without a further round trip (RFC 9368 §2.5). Otherwise, or after
    /// [`ClientConfig::first_version`], in another.
    #[cfg(feature = "v2")]
    #[must_use]
    pub fn versions(mut self, versions: &[Version]) -> Self {
        let named = VersionInformation::new(Version::V1, versions);
        let first = named.available().next().unwrap_or(Version::V1);
        self.settings.versions = if named.lists(Version::V1) {
            named
        } else if named.lists(first) {
            named.choosing(first)
        } else {
            VersionInformation::new(Version::V1, &[Version::V1])
        };
        self
    }

    /// The version of the first flight, one of [`ClientConfig::versions`]; another changes nothing.
    #[cfg(feature = "v2")]
    #[must_use]
    pub fn first_version(mut self, version: Version) -> Self {
        if self.settings.versions.lists(version) {
            self.settings.versions = self.settings.versions.choosing(version);
        }
        self
    }

    /// Bytes of the connection IDs that the server reaches us with: 8 by default, at most 20. With 0 its packets are
    /// that much shorter, and it knows us by our address alone: one connection a socket, and a change of our address
    /// that we do not announce ends the connection (RFC 9000 §5.1). With more it gets as many as it keeps, four at most,
    /// may go over to another at any time, and for each that it retires it gets a new one.
    #[must_use]
    pub fn connection_id_length(mut self, length: usize) -> Self {
        self.cid_length = length.min(CONNECTION_ID_MAX);
        self
    }

    /// Asks servers that can be asked for fewer acknowledgements, where a large window makes them many: about sixteen
    /// a round trip (draft-ietf-quic-ack-frequency). Off by default. What servers ask of us is done in any case.
    #[cfg(feature = "ack-frequency")]
    #[must_use]
    pub fn fewer_acknowledgements(mut self, fewer: bool) -> Self {
        self.settings.fewer_acks = fewer;
        self
    }

    /// A token that the server gave on an earlier connection ([`super::Connection::new_token`]): the server can send
    /// more before it has heard us twice, and asks for no Retry. Use it once, for the same server and the same version
    /// in the first flight as that connection spoke in the end. One that is too long for the memory of the handshake
    /// is left out.
    #[cfg(feature = "tokens")]
    #[must_use]
    pub fn token(mut self, token: Shared<'m, [u8]>) -> Self {
        self.token = Some(token);
        self
    }

    /// How congestion is controlled, on every path of the connection: NewReno by default, the smallest.
    #[must_use]
    pub fn congestion(mut self, congestion: Congestion) -> Self {
        self.settings.congestion = congestion;
        self
    }

    /// Marks packets as capable of congestion notification (RFC 9000 §13.4), as long as path and server treat the
    /// marks as they should. Off by default: for sockets that set [`Transmit::codepoint`](super::Transmit::codepoint).
    #[must_use]
    pub fn congestion_notification(mut self, wanted: bool) -> Self {
        self.settings.marks = wanted;
        self
    }

    /// Silence after which the connection is over: 30 s by default, `None` or zero for never. The peer may
    /// ask for less; three probe timeouts are always waited (RFC 9000 §10.1).
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.settings.idle_timeout_ms = timeout.map_or(NEVER_MS, positive_millis);
        self
    }

    /// Whether the connection moves to where the server would rather be reached (RFC 9000 §9.6), if it says so and
    /// that address works. It does by default.
    #[cfg(feature = "migration")]
    #[must_use]
    pub fn preferred_address(mut self, follow: bool) -> Self {
        self.settings.preferred_address = follow;
        self
    }

    /// When packets go to another connection ID of the server though the path is the same: never by default.
    #[cfg(feature = "migration")]
    #[must_use]
    pub fn connection_id_rotation(mut self, rotation: Rotation) -> Self {
        self.settings.rotation = rotation;
        self
    }

    /// Sends a PING after this much silence, so that the connection does not become idle. Off by default, and with zero.
    #[must_use]
    pub fn keep_alive(mut self, interval: Option<Duration>) -> Self {
        self.settings.keep_alive_ms = interval.map_or(NEVER_MS, positive_millis);
        self
    }
}

/// Whole milliseconds, rounded up. A timeout of zero is none at all.
fn positive_millis(timeout: Duration) -> u64 {
    let parts = u64::from(timeout.subsec_micros().div_ceil(1_000));
    match timeout
        .as_secs()
        .saturating_mul(1_000)
        .saturating_add(parts)
    {
        0 => NEVER_MS,
        millis => millis,
    }
}
