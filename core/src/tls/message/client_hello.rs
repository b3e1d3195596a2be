//! ClientHello (RFC 8446 §4.1.2), the first and the one after HelloRetryRequest (§4.1.4).
//!
//! Invariant: the second is the first with another key share and perhaps a cookie, byte for byte otherwise.

use super::extension::{Extension, ExtensionType, Extensions};
use super::server_hello::{LEGACY_VERSION, TLS_1_3};
use super::{HEADER_LENGTH, MessageType, encode};
use crate::codec::{Full, Reader, Writer};
use crate::crypto::key_exchange::PUBLIC_KEY_LENGTH_MAX;
use crate::crypto::signature::SignatureScheme;
use crate::crypto::{Group, KeyShare, Suite};

/// Whether the client asks for a stapled OCSP response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusRequest {
    /// It does.
    Asked,
    /// It does not, and will not take one.
    NotAsked,
}

/// What a client offers.
#[derive(Debug)]
pub struct ClientHello<'a> {
    /// Fresh for every connection.
    pub random: &'a [u8; 32],
    /// The name to send, none for an address.
    pub server_name: Option<&'a str>,
    /// The best first.
    pub suites: &'a [Suite],
    /// The best first.
    pub groups: &'a [Group],
    /// Keys for some of the groups, in the same order.
    pub shares: &'a [Option<KeyShare>],
    /// The best first.
    pub schemes: &'a [SignatureScheme],
    /// The best first.
    pub protocols: &'a [&'a [u8]],
    /// Transport parameters, encoded.
    pub parameters: &'a [u8],
    /// Whether a stapled OCSP response is wanted.
    pub status_request: StatusRequest,
}

impl ClientHello<'_> {
    /// Writes the message, header included.
    pub fn encode(&self, out: &mut Writer<'_>) -> Result<(), Full> {
        encode(out, MessageType::CLIENT_HELLO, |out| {
            out.u16(LEGACY_VERSION)?;
            out.bytes(self.random)?;
            // QUIC has no use for middlebox compatibility: no session ID.
            //= rfc9001#8.4
            out.u8(0)?;
            out.vector_u16(|out| {
                self.suites
                    .iter()
                    .try_for_each(|suite| out.u16(suite.code()))
            })?;
            out.vector_u8(|out| out.u8(0))?;
            out.vector_u16(|out| self.encode_extensions(out))
        })
    }

    fn encode_extensions(&self, out: &mut Writer<'_>) -> Result<(), Full> {
        if let Some(name) = self.server_name {
            extension(out, ExtensionType::SERVER_NAME, |out| {
                out.vector_u16(|out| {
                    out.u8(HOST_NAME)?;
                    out.vector_u16(|out| out.bytes(name.as_bytes()))
                })
            })?;
        }
        extension(out, ExtensionType::SUPPORTED_VERSIONS, |out| {
            out.vector_u8(|out| out.u16(TLS_1_3))
        })?;
        extension(out, ExtensionType::SUPPORTED_GROUPS, |out| {
            out.vector_u16(|out| {
                self.groups
                    .iter()
                    .try_for_each(|group| out.u16(group.code()))
            })
        })?;
        extension(out, ExtensionType::SIGNATURE_ALGORITHMS, |out| {
            out.vector_u16(|out| {
                self.schemes
                    .iter()
                    .try_for_each(|scheme| out.u16(scheme.code()))
            })
        })?;
        extension(out, ExtensionType::ALPN, |out| {
            out.vector_u16(|out| {
                let mut protocols = self.protocols.iter();
                protocols.try_for_each(|name| out.vector_u8(|out| out.bytes(name)))
            })
        })?;
        if self.status_request == StatusRequest::Asked {
            // OCSP, with neither responders nor extensions of the request.
            extension(out, ExtensionType::STATUS_REQUEST, |out| {
                out.bytes(&[1, 0, 0, 0, 0])
            })?;
        }
        extension(out, ExtensionType::QUIC_TRANSPORT_PARAMETERS, |out| {
            out.bytes(self.parameters)
        })?;
        encode_shares(out, self.shares.iter().flatten())
    }
}

/// The type of a DNS name in SNI.
const HOST_NAME: u8 = 0;

/// Writes the ClientHello that follows HelloRetryRequest: `first` with the key `share` instead of its own, unless
/// there is none, and with `cookie`.
//= rfc8446#4.1.2
pub fn encode_second(
    first: &[u8],
    share: Option<&KeyShare>,
    cookie: Option<&[u8]>,
    out: &mut Writer<'_>,
) -> Result<(), Full> {
    // Our own message: that it does not decode means that the wrong bytes were handed over, and nothing is sent.
    let (head, extensions) = split(first).ok_or(Full)?;
    encode(out, MessageType::CLIENT_HELLO, |out| {
        out.bytes(head)?;
        out.vector_u16(|out| {
            for Extension { kind, mut data } in extensions {
                match (kind, share) {
                    (ExtensionType::KEY_SHARE, Some(share)) => {
                        encode_shares(out, core::iter::once(share))?;
                    }
                    _ => extension(out, kind, |out| out.bytes(data.rest()))?,
                }
            }
            if let Some(cookie) = cookie {
                extension(out, ExtensionType::COOKIE, |out| {
                    out.vector_u16(|out| out.bytes(cookie))
                })?;
            }
            Ok(())
        })
    })
}

/// A ClientHello cut in front of its extensions, header left out.
fn split(message: &[u8]) -> Option<(&[u8], Extensions<'_>)> {
    let body = message.get(HEADER_LENGTH..)?;
    let mut reader = Reader::new(body);
    reader.take(2 + 32).ok()?;
    reader.vector_u8().ok()?;
    reader.vector_u16().ok()?;
    reader.vector_u8().ok()?;
    let head = body.get(..reader.position())?;
    Some((head, Extensions::decode(&mut reader).ok()?))
}

fn encode_shares<'a>(
    out: &mut Writer<'_>,
    mut shares: impl Iterator<Item = &'a KeyShare>,
) -> Result<(), Full> {
    extension(out, ExtensionType::KEY_SHARE, |out| {
        out.vector_u16(|out| {
            shares.try_for_each(|share| {
                out.u16(share.group().code())?;
                let mut public = [0; PUBLIC_KEY_LENGTH_MAX];
                let length = share.public(&mut public);
                out.vector_u16(|out| out.bytes(&public[..length]))
            })
        })
    })
}

fn extension(
    out: &mut Writer<'_>,
    kind: ExtensionType,
    data: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
) -> Result<(), Full> {
    out.u16(kind.0)?;
    out.vector_u16(data)
}

#[cfg(all(test, feature = "x25519", feature = "p256"))]
mod tests {
    use super::*;
    use crate::crypto::Random;
    use std::vec::Vec;

    fn share(group: Group) -> KeyShare {
        KeyShare::generate(group, &mut Random::new([3; 32]), None).unwrap()
    }

    fn first(buffer: &mut [u8]) -> Result<usize, Full> {
        let mut out = Writer::new(buffer);
        ClientHello {
            random: &[7; 32],
            server_name: Some("a.example"),
            suites: Suite::ALL,
            groups: Group::BUILT_IN,
            shares: &[Some(share(Group::BUILT_IN[0])), None],
            schemes: &[SignatureScheme::ECDSA_SECP256R1_SHA256],
            protocols: &[b"h3"],
            parameters: &[1, 1, 5],
            status_request: StatusRequest::NotAsked,
        }
        .encode(&mut out)?;
        Ok(out.len())
    }

    fn kinds(message: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let (_, extensions) = split(message).unwrap();
        let read =
            |mut extension: Extension<'_>| (extension.kind.0, extension.data.rest().to_vec());
        extensions.map(read).collect()
    }

    //= rfc8446#4.1.2 test
    #[test]
    fn the_fixed_part_is_that_of_tls_1_2() {
        let mut buffer = [0; 512];
        let length = first(&mut buffer).unwrap();
        let message = &buffer[..length];
        assert_eq!(
            message[..6],
            [1, 0, ((length - 4) >> 8) as u8, (length - 4) as u8, 3, 3]
        );
        assert_eq!(message[6..38], [7; 32]);
        //= rfc9001#8.4 test
        assert_eq!(message[38], 0, "session ID");
        let extensions = kinds(message);
        let numbers: Vec<u16> = extensions.iter().map(|extension| extension.0).collect();
        assert_eq!(numbers, [0, 43, 10, 13, 16, 57, 51]);
        assert_eq!(extensions[0].1, b"\x00\x0c\x00\x00\x09a.example");
        assert_eq!(extensions[1].1, [2, 3, 4]);
        assert_eq!(extensions[3].1, [0, 2, 4, 3]);
        assert_eq!(extensions[4].1, b"\x00\x03\x02h3");
        assert_eq!(extensions[5].1, [1, 1, 5]);
    }

    #[test]
    fn too_little_room_is_full() {
        let mut buffer = [0; 512];
        let length = first(&mut buffer).unwrap();
        for room in 0..length {
            assert_eq!(first(&mut buffer[..room]), Err(Full));
        }
    }

    //= rfc8446#4.1.2 test
    #[test]
    fn the_second_differs_in_share_and_cookie_only() {
        let mut buffer = [0; 512];
        let length = first(&mut buffer).unwrap();
        let last = *Group::BUILT_IN.last().unwrap();
        let mut second = [0; 512];
        let mut out = Writer::new(&mut second);
        encode_second(
            &buffer[..length],
            Some(&share(last)),
            Some(b"cookie"),
            &mut out,
        )
        .unwrap();
        let (old, mut new) = (kinds(&buffer[..length]), kinds(out.written()));
        assert_eq!(out.written()[4..38], buffer[4..38]);
        assert_eq!(new.pop().unwrap(), (44, b"\x00\x06cookie".to_vec()));
        let (old_share, new_share) = (&old[6].1, &new[6].1);
        assert_eq!(new_share[2..4], last.code().to_be_bytes());
        assert_ne!(old_share, new_share);
        assert_eq!(old[..6], new[..6]);
        let mut third = [0; 512];
        let mut out = Writer::new(&mut third);
        encode_second(&buffer[..length], None, None, &mut out).unwrap();
        assert_eq!(out.written(), &buffer[..length]);
    }
}
