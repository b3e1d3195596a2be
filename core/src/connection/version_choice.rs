//! Which version of QUIC a connection speaks, and who decides it (RFC 9368, RFC 9369 §4).
//!
//! The client begins in its original version. The server may answer in another one that the client offered
//! (compatible negotiation), or with a Version Negotiation packet, and then the client begins again in one of
//! that list (incompatible negotiation).
//!
//! Invariant: once an authentic packet has told the version, it never changes again, and the server has to
//! confirm it under TLS.

use crate::wire::packet::{Version, Versions};
#[cfg(feature = "v2")]
use crate::wire::{Code, TransportError, TransportParameters, VersionInformation, rule};

/// The version of a connection, as far as it is decided. Without the feature `v2` there is nothing to decide.
#[derive(Debug)]
pub(super) struct VersionChoice {
    /// What we say: the version of the first flight, and all that it can be changed to.
    #[cfg(feature = "v2")]
    ours: VersionInformation,
    /// The server is known to speak this one.
    #[cfg(feature = "v2")]
    negotiated: Option<Version>,
    /// A Version Negotiation packet was acted on.
    #[cfg(feature = "v2")]
    reacted: bool,
}

#[cfg(not(feature = "v2"))]
impl VersionChoice {
    pub(super) const NONE: Self = Self {};

    pub(super) fn current(&self) -> Version {
        Version::V1
    }

    pub(super) fn original(&self) -> Version {
        Version::V1
    }

    pub(super) fn may_react(&self, list: &Versions<'_>) -> bool {
        !list.contains(Version::V1)
    }
}

#[cfg(feature = "v2")]
impl VersionChoice {
    /// That of a connection which was not begun.
    pub(super) const NONE: Self = Self {
        ours: VersionInformation::only(Version::V1),
        negotiated: None,
        reacted: false,
    };

    /// Offers what `ours` says.
    pub(super) fn new(ours: VersionInformation) -> Self {
        Self { ours, ..Self::NONE }
    }

    /// What long headers of ours say.
    pub(super) fn current(&self) -> Version {
        self.negotiated.unwrap_or(self.ours.chosen())
    }

    /// What our first flight was sent in.
    pub(super) fn original(&self) -> Version {
        self.ours.chosen()
    }

    /// What the server may still change to.
    pub(super) fn other(&self) -> Option<Version> {
        let mut offered = self.ours.available();
        let other = offered.find(|&version| version != self.original());
        other.filter(|_| self.negotiated.is_none())
    }

    /// A packet with a long header of `version` may be looked at.
    //= rfc9369#4.1
    pub(super) fn admits(&self, version: Version) -> bool {
        version == self.current() || self.other() == Some(version)
    }

    /// An authentic Initial packet has told the version.
    pub(super) fn settle(&mut self, version: Version) {
        self.negotiated.get_or_insert(version);
    }

    /// A Version Negotiation packet may be acted on: once, and not if it names what was refused.
    //= rfc9368#4
    pub(super) fn may_react(&self, list: &Versions<'_>) -> bool {
        !self.reacted && !list.contains(self.original())
    }

    /// Chooses from a Version Negotiation packet what the next attempt is made in; `false` if there is nothing.
    //= rfc9368#2.1
    pub(super) fn react(&mut self, list: &Versions<'_>) -> bool {
        let mut ours = self.ours.available();
        let Some(version) = ours.find(|&version| list.contains(version)) else {
            return false;
        };
        self.ours = self.ours.choosing(version);
        self.reacted = true;
        true
    }

    /// Compares what the server says under TLS with what was seen in the clear.
    //= rfc9368#4
    //= rfc9369#4
    pub(super) fn authenticate(
        &self,
        parameters: &TransportParameters,
    ) -> Result<(), TransportError> {
        let Some(theirs) = &parameters.version_information else {
            // A server that has changed the version, or has sent a list of them, has to say so here, too.
            if self.reacted || self.current() != self.original() {
                return Err(TransportError::new(rule!(
                    Code::VERSION_NEGOTIATION_ERROR,
                    "version_information is absent"
                )));
            }
            return Ok(());
        };
        if theirs.chosen() != self.current() || !self.ours.lists(theirs.chosen()) {
            return Err(TransportError::new(rule!(
                Code::VERSION_NEGOTIATION_ERROR,
                "the server has chosen another version"
            )));
        }
        if self.reacted && (theirs.is_empty() || self.would_attempt(theirs) != self.original()) {
            return Err(TransportError::new(rule!(
                Code::VERSION_NEGOTIATION_ERROR,
                "the list of versions was forged"
            )));
        }
        Ok(())
    }

    /// What a Version Negotiation packet with all that the server speaks would have led to.
    fn would_attempt(&self, theirs: &VersionInformation) -> Version {
        let mut ours = self.ours.available();
        ours.find(|&version| theirs.lists(version) || version == self.current())
            .unwrap_or(Version::NEGOTIATION)
    }
}
