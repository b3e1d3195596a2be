//! Version Negotiation packets (RFC 9000 §17.2.1): the versions a server speaks, in no trusted order.
//!
//! Invariant: the list is walked in whole entries; a torn last one is never seen.

use super::Version;
use crate::codec::{Full, Reader, Writer};

/// The versions in a Version Negotiation packet.
#[derive(Clone, Debug)]
pub struct Versions<'a> {
    rest: Reader<'a>,
}

impl<'a> Versions<'a> {
    /// The versions in `list`: the bytes of the packet behind its connection IDs.
    pub const fn new(list: &'a [u8]) -> Self {
        Self {
            rest: Reader::new(list),
        }
    }

    /// `version` is among those not yet walked.
    pub fn contains(&self, version: Version) -> bool {
        self.clone().any(|offered| offered == version)
    }
}

impl Iterator for Versions<'_> {
    type Item = Version;

    fn next(&mut self) -> Option<Version> {
        self.rest.u32().ok().map(Version)
    }
}

/// Writes a Version Negotiation packet whole, or nothing.
///
/// `destination` and `source` are the connection IDs of the client's packet the other way round, of at
/// most 255 bytes: other versions may have longer ones than this. The lowest six bits of `unused` are
/// to be random; the other two are always set.
pub fn encode(
    writer: &mut Writer<'_>,
    unused: u8,
    destination: &[u8],
    source: &[u8],
    versions: &[Version],
) -> Result<(), Full> {
    writer.whole(|writer| {
        writer.u8(0xc0 | unused)?;
        writer.u32(0)?;
        writer.vector_u8(|writer| writer.bytes(destination))?;
        writer.vector_u8(|writer| writer.bytes(source))?;
        versions
            .iter()
            .try_for_each(|version| writer.u32(version.0))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Header, Kind};
    use super::*;

    //= rfc9000#17.2.1 test
    #[test]
    fn a_list_round_trips() {
        let offered = [Version(0x0a1a_2a3a), Version::V1];
        let mut buffer = [0; 64];
        let mut writer = Writer::new(&mut buffer);
        encode(&mut writer, 0x15, &[1, 2, 3], &[4; 8], &offered).unwrap();
        let packet = writer.written();
        let header = Header::decode(packet, 0, 3).unwrap();
        assert_eq!(header.kind, Kind::VersionNegotiation);
        assert_eq!(header.destination.as_slice(), &[1, 2, 3]);
        assert_eq!(header.source.as_slice(), &[4; 8]);
        let versions = Versions::new(&packet[header.token.clone()]);
        assert!(versions.clone().eq(offered));
        assert!(versions.contains(Version::V1));
        assert!(!versions.contains(Version(2)));
        assert_eq!(header.end, packet.len());
    }

    #[test]
    fn a_torn_entry_is_not_an_entry() {
        assert_eq!(Versions::new(&[0, 0, 0, 1, 0, 0]).count(), 1);
        assert!(!Versions::new(&[0, 0, 0]).contains(Version(0)));
    }
}
