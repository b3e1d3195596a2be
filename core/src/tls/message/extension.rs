//! Extensions (RFC 8446 §4.2): a type, a length, data; each type at most once in a block.
//!
//! Invariant: an [`Extensions`] that exists is well formed and has no type twice.

use super::ReadError;
use crate::codec::{DecodeError, Reader};
use crate::tls::error::PeerMisbehaved;

/// The number of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionType(pub u16);

impl ExtensionType {
    /// server_name (RFC 6066 §3).
    pub const SERVER_NAME: Self = Self(0);
    /// status_request (RFC 6066 §8): a stapled OCSP response.
    pub const STATUS_REQUEST: Self = Self(5);
    /// supported_groups.
    pub const SUPPORTED_GROUPS: Self = Self(10);
    /// signature_algorithms.
    pub const SIGNATURE_ALGORITHMS: Self = Self(13);
    /// application_layer_protocol_negotiation (RFC 7301).
    pub const ALPN: Self = Self(16);
    /// pre_shared_key.
    pub const PRE_SHARED_KEY: Self = Self(41);
    /// early_data.
    pub const EARLY_DATA: Self = Self(42);
    /// supported_versions.
    pub const SUPPORTED_VERSIONS: Self = Self(43);
    /// cookie.
    pub const COOKIE: Self = Self(44);
    /// key_share.
    pub const KEY_SHARE: Self = Self(51);
    /// quic_transport_parameters (RFC 9001 §8.2).
    pub const QUIC_TRANSPORT_PARAMETERS: Self = Self(57);
}

/// One extension.
#[derive(Clone, Copy, Debug)]
pub struct Extension<'a> {
    /// Its number.
    pub kind: ExtensionType,
    /// Its data.
    pub data: Reader<'a>,
}

/// A block of extensions, without its length in front.
#[derive(Clone, Debug)]
pub struct Extensions<'a>(Reader<'a>);

impl<'a> Extensions<'a> {
    /// Reads a block with its length of two bytes in front, and checks its shape and that no type is there twice.
    ///
    /// The comparison of every pair is bounded: a block is at most as long as the handshake buffer, and one with more
    /// than [`EXTENSIONS_MAX`] extensions is refused.
    //= rfc8446#4.2
    pub(super) fn decode(reader: &mut Reader<'a>) -> Result<Self, ReadError> {
        let block = Self(reader.vector_u16()?);
        let mut seen = heapless::Vec::<u16, EXTENSIONS_MAX>::new();
        let mut rest = block.0;
        while !rest.is_empty() {
            let kind = read(&mut rest)?.kind;
            if seen.contains(&kind.0) {
                return Err(PeerMisbehaved::DuplicateExtension(kind.0).into());
            }
            seen.push(kind.0).map_err(|_| ReadError::Decode)?;
        }
        Ok(block)
    }
}

/// Extensions in one block: there are some 60 of them in all, and a server answers to those it was offered.
pub const EXTENSIONS_MAX: usize = 64;

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    fn next(&mut self) -> Option<Extension<'a>> {
        read(&mut self.0).ok()
    }
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<Extension<'a>, DecodeError> {
    Ok(Extension {
        kind: ExtensionType(reader.u16()?),
        data: reader.vector_u16()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::error::Error;

    fn decode(bytes: &[u8]) -> Result<std::vec::Vec<u16>, ReadError> {
        Reader::new(bytes).all(|reader| {
            Extensions::decode(reader)
                .map(|block| block.map(|extension| extension.kind.0).collect())
        })
    }

    //= rfc8446#4.2 test
    #[test]
    fn a_type_twice_is_refused() {
        assert_eq!(decode(&[0, 8, 0, 1, 0, 0, 0, 2, 0, 0]).unwrap(), [1, 2]);
        assert!(matches!(
            decode(&[0, 8, 0, 1, 0, 0, 0, 1, 0, 0]),
            Err(ReadError::Other(Error::PeerMisbehaved(
                PeerMisbehaved::DuplicateExtension(1)
            )))
        ));
    }

    #[test]
    fn an_extension_cut_short_is_refused() {
        for bytes in [&[0, 4, 0, 1, 0, 1][..], &[0, 3, 0, 1, 0], &[0, 1, 0], &[0]] {
            assert!(matches!(decode(bytes), Err(ReadError::Decode)));
        }
    }
}
