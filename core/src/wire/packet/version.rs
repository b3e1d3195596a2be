//! Versions of QUIC, and in what their packets differ (RFC 9000 §15, RFC 9369 §3.1, §3.2).
//!
//! Invariant: a version that was not compiled in is not known, so that nothing is ever sent in it.

use super::Kind;

/// A version of QUIC, as long headers name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Version(pub u32);

impl Version {
    /// What stands in place of a version in Version Negotiation packets.
    pub const NEGOTIATION: Self = Self(0);
    /// QUIC version 1 (RFC 9000).
    pub const V1: Self = Self(1);
    /// QUIC version 2 (RFC 9369).
    #[cfg(feature = "v2")]
    pub const V2: Self = Self(0x6b33_43cf);

    /// Every version that this engine speaks.
    //= rfc9369#3
    pub const KNOWN: &'static [Self] = &[
        Self::V1,
        #[cfg(feature = "v2")]
        Self::V2,
    ];

    /// This engine speaks it.
    pub const fn is_known(self) -> bool {
        #[cfg(feature = "v2")]
        if self.0 == Self::V2.0 {
            return true;
        }
        self.0 == Self::V1.0
    }

    /// What the two type bits of a long header stand for.
    //= rfc9369#3.2
    pub(super) const fn kind(self, bits: u8) -> Kind {
        match self.rotated(bits, 3) & 3 {
            0 => Kind::Initial,
            1 => Kind::ZeroRtt,
            2 => Kind::Handshake,
            _ => Kind::Retry,
        }
    }

    /// The two type bits of a long header; `None` for a kind that has none.
    pub(super) const fn kind_bits(self, kind: Kind) -> Option<u8> {
        let bits = match kind {
            Kind::Initial => 0,
            Kind::ZeroRtt => 1,
            Kind::Handshake => 2,
            Kind::Retry => 3,
            Kind::VersionNegotiation | Kind::Short => return None,
        };
        Some(self.rotated(bits, 1) & 3)
    }

    /// Version 2 counts the types of version 1 one further.
    const fn rotated(self, bits: u8, by: u8) -> u8 {
        #[cfg(feature = "v2")]
        if self.0 == Self::V2.0 {
            return bits.wrapping_add(by);
        }
        let _ = by;
        bits
    }
}

impl core::fmt::Debug for Version {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

impl core::fmt::Display for Version {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 4] = [Kind::Initial, Kind::ZeroRtt, Kind::Handshake, Kind::Retry];

    //= rfc9000#17.2 test
    #[test]
    fn types_of_version_1() {
        for (bits, kind) in (0..).zip(KINDS) {
            assert_eq!(Version::V1.kind(bits), kind);
            assert_eq!(Version::V1.kind_bits(kind), Some(bits));
        }
        assert_eq!(Version::V1.kind_bits(Kind::Short), None);
    }

    //= rfc9369#3.2 test
    #[cfg(feature = "v2")]
    #[test]
    fn types_of_version_2() {
        for (bits, kind) in [1, 2, 3, 0].into_iter().zip(KINDS) {
            assert_eq!(Version::V2.kind(bits), kind);
            assert_eq!(Version::V2.kind_bits(kind), Some(bits));
        }
        assert!(Version::KNOWN.iter().all(|version| version.is_known()));
        assert!(!Version(2).is_known());
    }
}
