//! EncryptedExtensions (RFC 8446 §4.3.1): the chosen application protocol and the transport parameters.
//!
//! Invariant: one that exists names a protocol that was offered, and carries transport parameters.

use super::extension::{ExtensionType, Extensions};
use super::{MessageType, ReadError, decode};
use crate::codec::Reader;
use crate::tls::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::tls::server_name::ServerName;

/// An EncryptedExtensions message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptedExtensions<'a> {
    /// Index of the application protocol among those that were offered.
    pub protocol: usize,
    /// The server's transport parameters, encoded.
    pub parameters: &'a [u8],
}

impl<'a> EncryptedExtensions<'a> {
    /// Decodes the body of the answer to a ClientHello that offered `protocols` and named `server`.
    pub fn decode(body: &'a [u8], protocols: &[&[u8]], server: &ServerName) -> Result<Self, Error> {
        decode(MessageType::ENCRYPTED_EXTENSIONS, body, |reader| {
            read(reader, protocols, server)
        })
    }
}

fn read<'a>(
    reader: &mut Reader<'a>,
    protocols: &[&[u8]],
    server: &ServerName,
) -> Result<EncryptedExtensions<'a>, ReadError> {
    let mut protocol = None;
    let mut parameters = None;
    for mut extension in Extensions::decode(reader)? {
        match extension.kind {
            ExtensionType::ALPN => {
                let chosen = extension.data.all(read_protocol)?;
                //= rfc7301#3.2
                let index = protocols.iter().position(|&offered| offered == chosen);
                protocol = Some(index.ok_or(PeerMisbehaved::UnofferedProtocol)?);
            }
            ExtensionType::QUIC_TRANSPORT_PARAMETERS => parameters = Some(extension.data.rest()),
            ExtensionType::SERVER_NAME if server.sni().is_some() => extension.data.end()?,
            // The groups the server would like better another time.
            ExtensionType::SUPPORTED_GROUPS => {}
            kind => return Err(unexpected(kind)),
        }
    }
    Ok(EncryptedExtensions {
        //= rfc9001#8.1
        protocol: protocol.ok_or(PeerIncompatible::ApplicationProtocol)?,
        //= rfc9001#8.2
        parameters: parameters.ok_or(PeerMisbehaved::MissingExtension(
            ExtensionType::QUIC_TRANSPORT_PARAMETERS.0,
        ))?,
    })
}

/// A list of exactly one protocol.
fn read_protocol<'a>(data: &mut Reader<'a>) -> Result<&'a [u8], ReadError> {
    let name = data
        .vector_u16()?
        .all(|list| Ok::<_, ReadError>(list.vector_u8()?.rest()))?;
    if name.is_empty() {
        return Err(ReadError::Decode);
    }
    Ok(name)
}

//= rfc8446#4.2
fn unexpected(kind: ExtensionType) -> ReadError {
    match kind {
        ExtensionType::SIGNATURE_ALGORITHMS
        | ExtensionType::SUPPORTED_VERSIONS
        | ExtensionType::KEY_SHARE => PeerMisbehaved::MisplacedExtension(kind.0).into(),
        _ => PeerMisbehaved::UnsolicitedExtension(kind.0).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::abuse;
    use super::*;

    const ALPN: [u8; 9] = [0, 16, 0, 5, 0, 3, 2, b'h', b'3'];
    const PARAMETERS: [u8; 6] = [0, 57, 0, 2, 1, 0];

    fn decode<'a>(body: &'a [u8], host: &str) -> Result<EncryptedExtensions<'a>, Error> {
        let server = ServerName::new(host).unwrap();
        EncryptedExtensions::decode(body, &[b"h9", b"h3"], &server)
    }

    fn block(extensions: &[&[u8]]) -> std::vec::Vec<u8> {
        let extensions = extensions.concat();
        [&(extensions.len() as u16).to_be_bytes(), &extensions[..]].concat()
    }

    #[test]
    fn the_protocol_is_found_among_those_offered() {
        let body = block(&[
            &ALPN,
            &PARAMETERS,
            &[0, 0, 0, 0],
            &[0, 10, 0, 4, 0, 2, 0, 29],
        ]);
        let decoded = decode(&body, "a.example").unwrap();
        assert_eq!(decoded.protocol, 1);
        assert_eq!(decoded.parameters, [1, 0]);
        abuse(&body, |body| decode(body, "a.example").map(drop));
    }

    //= rfc9001#8.1 test
    //= rfc9001#8.2 test
    #[test]
    fn both_extensions_are_mandatory() {
        assert_eq!(
            decode(&block(&[&PARAMETERS]), "a.example"),
            Err(PeerIncompatible::ApplicationProtocol.into())
        );
        let missing = decode(&block(&[&ALPN]), "a.example").unwrap_err();
        assert_eq!(missing, PeerMisbehaved::MissingExtension(57).into());
        assert_eq!(missing.alert().unwrap().get(), 109);
    }

    //= rfc7301#3.2 test
    #[test]
    fn answers_to_nothing_are_refused() {
        let other = [0, 16, 0, 5, 0, 3, 2, b'h', b'2'];
        let cases: [(&[u8], &str, PeerMisbehaved); 4] = [
            (&other, "a.example", PeerMisbehaved::UnofferedProtocol),
            (
                &[0, 0, 0, 0],
                "::1",
                PeerMisbehaved::UnsolicitedExtension(0),
            ),
            (
                &[0, 42, 0, 0],
                "a.example",
                PeerMisbehaved::UnsolicitedExtension(42),
            ),
            (
                &[0, 51, 0, 0],
                "a.example",
                PeerMisbehaved::MisplacedExtension(51),
            ),
        ];
        for (extension, host, error) in cases {
            assert_eq!(
                decode(&block(&[&PARAMETERS, extension]), host),
                Err(error.into())
            );
        }
    }
}
