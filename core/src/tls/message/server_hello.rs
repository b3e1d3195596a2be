//! ServerHello and HelloRetryRequest (RFC 8446 §4.1.3, §4.1.4): one layout, told apart by the random.
//!
//! Invariant: one that exists negotiates TLS 1.3 and has none of the older versions' fields in use.

use super::extension::{ExtensionType, Extensions};
use super::{MessageType, ReadError, decode};
use crate::codec::Reader;
use crate::tls::error::{Error, PeerIncompatible, PeerMisbehaved};

/// The version in legacy_version fields: that of TLS 1.2.
pub const LEGACY_VERSION: u16 = 0x0303;
/// The version in supported_versions.
pub const TLS_1_3: u16 = 0x0304;

/// The random of a HelloRetryRequest: the SHA-256 digest of those letters.
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// The letters at the end of the random of a server that knows TLS 1.3 and negotiates less; one byte follows.
const DOWNGRADE: &[u8; 7] = b"DOWNGRD";

/// The server's first answer.
#[derive(Clone, Copy, Debug)]
pub enum ServerHello<'a> {
    /// The handshake goes on.
    Hello(Hello<'a>),
    /// Another ClientHello is wanted.
    Retry(Retry<'a>),
}

/// A ServerHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The cipher suite's number.
    pub suite: u16,
    /// The group's number.
    pub group: u16,
    /// The server's public key in that group.
    pub share: &'a [u8],
}

/// A HelloRetryRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry<'a> {
    /// The cipher suite's number.
    pub suite: u16,
    /// The number of the group to share.
    pub group: Option<u16>,
    /// What to send back, length in front not included; never empty.
    pub cookie: Option<&'a [u8]>,
}

impl<'a> ServerHello<'a> {
    /// Decodes the body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Error> {
        decode(MessageType::SERVER_HELLO, body, read)
    }
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<ServerHello<'a>, ReadError> {
    let legacy_version = reader.u16()?;
    let random: [u8; 32] = reader.array()?;
    let session_id = reader.vector_u8()?;
    let suite = reader.u16()?;
    let compression = reader.u8()?;
    // A server older than TLS 1.3 may leave the whole block out.
    if reader.is_empty() {
        return Err(older(&random));
    }
    let extensions = Extensions::decode(reader)?;
    //= rfc8446#4.2.1
    let Some(version) = extensions
        .clone()
        .find(|extension| extension.kind == ExtensionType::SUPPORTED_VERSIONS)
    else {
        return Err(older(&random));
    };
    let version = version
        .data
        .all(|data| data.u16().map_err(ReadError::from))?;
    if version != TLS_1_3 {
        return Err(PeerMisbehaved::UnofferedVersion.into());
    }
    //= rfc8446#4.1.3
    if legacy_version != LEGACY_VERSION {
        return Err(PeerMisbehaved::LegacyVersion.into());
    }
    if !session_id.is_empty() {
        return Err(PeerMisbehaved::SessionIdNotEchoed.into());
    }
    if compression != 0 {
        return Err(PeerMisbehaved::Compression.into());
    }
    if random == RETRY_RANDOM {
        read_retry(suite, extensions).map(ServerHello::Retry)
    } else {
        read_hello(suite, extensions).map(ServerHello::Hello)
    }
}

/// The error for a server that negotiates less than TLS 1.3.
//= rfc8446#4.1.3
fn older(random: &[u8; 32]) -> ReadError {
    if &random[24..31] == DOWNGRADE && random[31] <= 1 {
        PeerMisbehaved::Downgrade.into()
    } else {
        PeerIncompatible::Version.into()
    }
}

fn read_hello(suite: u16, extensions: Extensions<'_>) -> Result<Hello<'_>, ReadError> {
    let mut share = None;
    for extension in extensions {
        match extension.kind {
            ExtensionType::SUPPORTED_VERSIONS => {}
            ExtensionType::KEY_SHARE => {
                share =
                    Some(extension.data.all(|data| {
                        Ok::<_, ReadError>((data.u16()?, data.vector_u16()?.rest()))
                    })?);
            }
            kind => return Err(unexpected(kind)),
        }
    }
    // Without a pre-shared key there is no key exchange without a share.
    let (group, share) =
        share.ok_or(PeerMisbehaved::MissingExtension(ExtensionType::KEY_SHARE.0))?;
    Ok(Hello {
        suite,
        group,
        share,
    })
}

fn read_retry(suite: u16, extensions: Extensions<'_>) -> Result<Retry<'_>, ReadError> {
    let mut retry = Retry {
        suite,
        group: None,
        cookie: None,
    };
    for extension in extensions {
        match extension.kind {
            ExtensionType::SUPPORTED_VERSIONS => {}
            ExtensionType::KEY_SHARE => {
                let group = extension
                    .data
                    .all(|data| data.u16().map_err(ReadError::from))?;
                retry.group = Some(group);
            }
            ExtensionType::COOKIE => {
                let cookie = extension
                    .data
                    .all(|data| Ok::<_, ReadError>(data.vector_u16()?.rest()))?;
                if cookie.is_empty() {
                    return Err(ReadError::Decode);
                }
                retry.cookie = Some(cookie);
            }
            kind => return Err(unexpected(kind)),
        }
    }
    Ok(retry)
}

/// An extension that was offered belongs into EncryptedExtensions or Certificate; any other was not asked for.
//= rfc8446#4.2
fn unexpected(kind: ExtensionType) -> ReadError {
    match kind {
        ExtensionType::SERVER_NAME
        | ExtensionType::SUPPORTED_GROUPS
        | ExtensionType::SIGNATURE_ALGORITHMS
        | ExtensionType::ALPN
        | ExtensionType::QUIC_TRANSPORT_PARAMETERS => {
            PeerMisbehaved::MisplacedExtension(kind.0).into()
        }
        _ => PeerMisbehaved::UnsolicitedExtension(kind.0).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::abuse;
    use super::*;
    use std::vec::Vec;

    fn hello(random: [u8; 32], extensions: &[u8]) -> Vec<u8> {
        let mut body = std::vec![3, 3];
        body.extend(random);
        body.extend([0, 0x13, 0x01, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        body
    }

    const VERSIONS: [u8; 6] = [0, 43, 0, 2, 3, 4];
    const SHARE: [u8; 11] = [0, 51, 0, 7, 0, 29, 0, 3, 1, 2, 3];
    const GROUP: [u8; 6] = [0, 51, 0, 2, 0, 23];
    const COOKIE: [u8; 7] = [0, 44, 0, 3, 0, 1, 9];

    fn misbehaved(body: &[u8]) -> PeerMisbehaved {
        match ServerHello::decode(body) {
            Err(Error::PeerMisbehaved(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_kinds_decode_and_survive_abuse() {
        let body = hello([7; 32], &[&VERSIONS[..], &SHARE].concat());
        let Ok(ServerHello::Hello(decoded)) = ServerHello::decode(&body) else {
            panic!("no ServerHello")
        };
        assert_eq!(
            decoded,
            Hello {
                suite: 0x1301,
                group: 29,
                share: &[1, 2, 3]
            }
        );
        abuse(&body, |body| ServerHello::decode(body).map(drop));
        let body = hello(RETRY_RANDOM, &[&VERSIONS[..], &GROUP, &COOKIE].concat());
        let Ok(ServerHello::Retry(decoded)) = ServerHello::decode(&body) else {
            panic!("no HelloRetryRequest")
        };
        assert_eq!(
            decoded,
            Retry {
                suite: 0x1301,
                group: Some(23),
                cookie: Some(&[9])
            }
        );
        abuse(&body, |body| ServerHello::decode(body).map(drop));
    }

    //= rfc8446#4.1.3 test
    #[test]
    fn an_older_version_is_told_from_a_downgrade() {
        let body = hello([7; 32], &[]);
        let incompatible = Err(Error::PeerIncompatible(PeerIncompatible::Version));
        assert_eq!(ServerHello::decode(&body).map(drop), incompatible);
        assert_eq!(
            ServerHello::decode(&body[..body.len() - 2]).map(drop),
            incompatible
        );
        for last in [0, 1] {
            let mut random = [7; 32];
            random[24..31].copy_from_slice(DOWNGRADE);
            random[31] = last;
            assert_eq!(misbehaved(&hello(random, &[])), PeerMisbehaved::Downgrade);
        }
    }

    //= rfc8446#4.1.3 test
    #[test]
    fn fields_of_older_versions_are_checked() {
        let body = hello([7; 32], &[&VERSIONS[..], &SHARE].concat());
        let with = |at: usize, value: u8| {
            let mut body = body.clone();
            body[at] = value;
            misbehaved(&body)
        };
        assert_eq!(with(1, 4), PeerMisbehaved::LegacyVersion);
        assert_eq!(with(37, 1), PeerMisbehaved::Compression);
        assert_eq!(with(45, 3), PeerMisbehaved::UnofferedVersion);
        let mut echoed = body.clone();
        echoed[34] = 1;
        echoed.insert(35, 0);
        assert_eq!(misbehaved(&echoed), PeerMisbehaved::SessionIdNotEchoed);
    }

    //= rfc8446#4.2 test
    #[test]
    fn extensions_are_where_they_belong() {
        let with =
            |extra: &[u8]| misbehaved(&hello([7; 32], &[&VERSIONS[..], &SHARE, extra].concat()));
        assert_eq!(with(&[0, 16, 0, 0]), PeerMisbehaved::MisplacedExtension(16));
        assert_eq!(
            with(&[0, 41, 0, 2, 0, 0]),
            PeerMisbehaved::UnsolicitedExtension(41)
        );
        assert_eq!(with(&COOKIE), PeerMisbehaved::UnsolicitedExtension(44));
        assert_eq!(with(&VERSIONS), PeerMisbehaved::DuplicateExtension(43));
        assert_eq!(
            misbehaved(&hello([7; 32], &VERSIONS)),
            PeerMisbehaved::MissingExtension(51)
        );
    }
}
