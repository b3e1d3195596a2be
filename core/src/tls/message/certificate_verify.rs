//! CertificateVerify (RFC 8446 §4.4.3) and what its signature covers.
//!
//! Invariant: what is signed tells client from server, so neither signature can stand for the other.

use super::{MessageType, ReadError, decode};
use crate::codec::{Full, Writer};
use crate::crypto::hash::{DIGEST_LENGTH_MAX, Digest};
use crate::tls::error::Error;
use crate::wire::Side;

/// A CertificateVerify message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateVerify<'a> {
    /// The signature scheme's number.
    pub scheme: u16,
    /// The signature.
    pub signature: &'a [u8],
}

impl<'a> CertificateVerify<'a> {
    /// Decodes the body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Error> {
        decode(MessageType::CERTIFICATE_VERIFY, body, |reader| {
            Ok::<_, ReadError>(Self {
                scheme: reader.u16()?,
                signature: reader.vector_u16()?.rest(),
            })
        })
    }
}

/// Bytes of the longest signed content: padding, label, separator, digest.
pub const SIGNED_LENGTH_MAX: usize = PADDING + CLIENT.len() + 1 + DIGEST_LENGTH_MAX;

/// Spaces in front, which keep the content apart from that of older versions.
const PADDING: usize = 64;
const CLIENT: &[u8] = b"TLS 1.3, client CertificateVerify";
const SERVER: &[u8] = b"TLS 1.3, server CertificateVerify";

/// What `signer` signs when the transcript up to its Certificate has this digest.
//= rfc8446#4.4.3
pub fn signed_content(signer: Side, transcript: &Digest, out: &mut Writer<'_>) -> Result<(), Full> {
    out.space(PADDING)?.fill(b' ');
    out.bytes(match signer {
        Side::Client => CLIENT,
        Side::Server => SERVER,
    })?;
    out.u8(0)?;
    out.bytes(transcript.as_slice())
}

#[cfg(test)]
mod tests {
    use super::super::tests::abuse;
    use super::*;
    use crate::crypto::Hash;

    #[test]
    fn the_body_survives_abuse() {
        let body = [4, 3, 0, 3, 1, 2, 3];
        let decoded = CertificateVerify::decode(&body).unwrap();
        assert_eq!(decoded.scheme, 0x0403);
        assert_eq!(decoded.signature, [1, 2, 3]);
        abuse(&body, |body| CertificateVerify::decode(body).map(drop));
    }

    //= rfc8446#4.4.3 test
    #[test]
    fn padding_label_separator_digest() {
        let digest = Hash::Sha256.digest(b"");
        let mut buffer = [0; SIGNED_LENGTH_MAX];
        let mut out = Writer::new(&mut buffer);
        signed_content(Side::Server, &digest, &mut out).unwrap();
        let content = out.written();
        assert_eq!(content.len(), 64 + 33 + 1 + 32);
        assert!(content[..64].iter().all(|&byte| byte == 0x20));
        assert_eq!(&content[64..98], b"TLS 1.3, server CertificateVerify\0");
        assert_eq!(&content[98..], digest.as_slice());
    }
}
