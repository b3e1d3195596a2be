//! The transport parameter version_information (RFC 9368 §3): what was chosen, and what could have been.
//!
//! Invariant: among the available versions are only those that this engine speaks, each once, in their order.

use super::packet::Version;
use crate::codec::{DecodeError, Full, Reader, Writer};

/// A version that will never be one (RFC 9000 §15).
const RESERVED: Version = Version(0x0a0a_0a0a);

/// One endpoint's version information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionInformation {
    chosen: Version,
    available: [Option<Version>; Version::KNOWN.len()],
    /// At least one version was listed, known or not.
    lists_any: bool,
}

impl VersionInformation {
    /// Says `chosen`, and `available` in descending preference, of which unknown ones are left out.
    pub fn new(chosen: Version, available: &[Version]) -> Self {
        let mut information = Self::only(chosen);
        for &version in available {
            information.add(version);
        }
        information
    }

    /// Says `chosen`, and nothing of what else is available.
    pub const fn only(chosen: Version) -> Self {
        Self {
            chosen,
            available: [None; Version::KNOWN.len()],
            lists_any: false,
        }
    }

    fn add(&mut self, version: Version) {
        self.lists_any = true;
        if !version.is_known() || self.lists(version) {
            return;
        }
        if let Some(place) = self.available.iter_mut().find(|place| place.is_none()) {
            *place = Some(version);
        }
    }

    /// The version in use, as the sender sees it.
    pub const fn chosen(&self) -> Version {
        self.chosen
    }

    /// The same with another version chosen.
    #[must_use]
    pub const fn choosing(self, chosen: Version) -> Self {
        Self { chosen, ..self }
    }

    /// The available versions that this engine speaks.
    pub fn available(&self) -> impl Iterator<Item = Version> + use<> {
        self.available.into_iter().flatten()
    }

    /// `version` is among the available ones.
    pub fn lists(&self, version: Version) -> bool {
        self.available().any(|listed| listed == version)
    }

    /// No version was listed, not even an unknown one.
    pub const fn is_empty(&self) -> bool {
        !self.lists_any
    }

    //= rfc9368#4
    // Too short, torn, or a version that is zero: none of it is version information.
    pub(super) fn decode(mut value: Reader<'_>) -> Result<Self, DecodeError> {
        let version = |value: &mut Reader<'_>| match Version(value.u32()?) {
            Version::NEGOTIATION => Err(DecodeError::Invalid),
            version => Ok(version),
        };
        let mut information = Self::only(version(&mut value)?);
        while !value.is_empty() {
            information.add(version(&mut value)?);
        }
        Ok(information)
    }

    /// All that is listed; one that stands for unknown ones, if there are no others.
    fn listed(&self) -> impl Iterator<Item = Version> {
        let unknown = self.lists_any && self.available().next().is_none();
        self.available().chain(unknown.then_some(RESERVED))
    }

    /// Bytes that [`Self::encode`] writes.
    pub(super) fn encoded_length(&self) -> usize {
        4 + 4 * self.listed().count()
    }

    /// In `hello`, a ClientHello that says exactly this, says that `chosen` is chosen instead.
    pub fn replace_in(&self, hello: &mut [u8], chosen: Version) {
        let mut buffer = [0; 4 + 4 * Version::KNOWN.len()];
        let mut writer = Writer::new(&mut buffer);
        if self.encode(&mut writer).is_err() {
            return;
        }
        // Twelve bytes: nothing else in a ClientHello is equal to them by chance.
        let encoded = writer.written();
        let says_it = |at: &usize| {
            hello
                .get(*at..)
                .is_some_and(|rest| rest.starts_with(encoded))
        };
        let found = (0..hello.len()).find(says_it);
        let place = found.and_then(|at| hello.get_mut(at..)?.first_chunk_mut());
        if let Some(place) = place {
            *place = chosen.0.to_be_bytes();
        }
    }

    /// Writes chosen and available versions.
    pub fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.u32(self.chosen.0)?;
        self.listed().try_for_each(|version| writer.u32(version.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: Version = Version::V1;
    const V2: Version = Version::V2;

    fn decode(bytes: &[u8]) -> Result<VersionInformation, DecodeError> {
        VersionInformation::decode(Reader::new(bytes))
    }

    //= rfc9368#3 test
    #[test]
    fn what_is_known_keeps_its_order() {
        let bytes = [
            [0, 0, 0, 1],
            [0x0a, 0x1a, 0x2a, 0x3a],
            [0x6b, 0x33, 0x43, 0xcf],
            [0, 0, 0, 1],
            [0, 0, 0, 1],
        ];
        let information = decode(&bytes.concat()).unwrap();
        assert_eq!(information.chosen(), V1);
        assert!(information.available().eq([V2, V1]));
        assert_eq!(information, VersionInformation::new(V1, &[V2, V1]));
        let mut buffer = [0; 12];
        let mut writer = Writer::new(&mut buffer);
        information.encode(&mut writer).unwrap();
        assert_eq!(writer.len(), information.encoded_length());
        assert_eq!(decode(writer.written()), Ok(information));
    }

    //= rfc9368#4 test
    #[test]
    fn torn_short_and_zero_are_refused() {
        for bytes in [&[][..], &[0, 0, 1], &[0, 0, 0, 1, 0], &[0; 4]] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
        assert!(decode(&[0, 0, 0, 1, 0, 0, 0, 0]).is_err());
        assert!(decode(&[0, 0, 0, 1]).unwrap().is_empty());
        assert!(!decode(&[0, 0, 0, 1, 0, 0, 0, 9]).unwrap().is_empty());
    }
}
