//! Handshake messages (RFC 8446 §4): a type, a length of three bytes, a body.
//!
//! Invariant: a decoder reads a body to its end or refuses it; it borrows and never copies.

mod certificate_request;
mod certificate_verify;
mod client_hello;
mod encrypted_extensions;
mod extension;
pub mod message_type;
mod server_hello;
mod ticket;

pub use certificate_request::CertificateRequest;
pub use certificate_verify::{CertificateVerify, SIGNED_LENGTH_MAX, signed_content};
pub use client_hello::{ClientHello, StatusRequest, encode_second};
pub use encrypted_extensions::EncryptedExtensions;
pub use extension::{Extension, ExtensionType, Extensions};
pub use message_type::MessageType;
pub use server_hello::{Hello, Retry, ServerHello};
pub use ticket::Ticket;

use super::error::Error;
use crate::codec::{DecodeError, Full, Reader, Writer};

/// Bytes in front of a message's body.
pub const HEADER_LENGTH: usize = 4;

/// What stands in front of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The message's type.
    pub kind: MessageType,
    /// Bytes of the body.
    pub length: u32,
}

impl Header {
    /// Reads a header; `None` while it is not complete.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        Some(Self {
            kind: MessageType(reader.u8().ok()?),
            length: reader.u24().ok()?,
        })
    }

    /// Bytes of the whole message; `None` where that is more than can be addressed.
    pub fn total(self) -> Option<usize> {
        usize::try_from(self.length)
            .ok()?
            .checked_add(HEADER_LENGTH)
    }
}

/// Writes a whole message: `body` with the header for it in front.
pub fn encode(
    out: &mut Writer<'_>,
    kind: MessageType,
    body: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
) -> Result<(), Full> {
    out.whole(|out| {
        out.u8(kind.0)?;
        out.vector_u24(body)
    })
}

/// Decodes all of `body` by `read`; bytes too few or too many make it an invalid message of type `kind`.
fn decode<'a, T>(
    kind: MessageType,
    body: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, ReadError>,
) -> Result<T, Error> {
    Reader::new(body).all(read).map_err(|error| match error {
        ReadError::Decode => Error::InvalidMessage(kind),
        ReadError::Other(error) => error,
    })
}

/// Why a body was refused: its bytes do not decode, or they decode and break a rule.
#[derive(Debug)]
enum ReadError {
    Decode,
    Other(Error),
}

impl From<DecodeError> for ReadError {
    fn from(_: DecodeError) -> Self {
        Self::Decode
    }
}

impl<E: Into<Error>> From<E> for ReadError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Checks that no prefix of `body` decodes, nor `body` with a byte behind it, and that no change of one byte
    /// panics.
    pub fn abuse(body: &[u8], decode: impl Fn(&[u8]) -> Result<(), Error>) {
        assert_eq!(decode(body), Ok(()));
        for cut in 0..body.len() {
            assert!(decode(&body[..cut]).is_err(), "cut at {cut}");
        }
        let mut longer = body.to_vec();
        longer.push(0);
        assert!(decode(&longer).is_err());
        for at in 0..body.len() {
            for change in [1, 2, 0x10, 0x80, 0xff] {
                let mut changed = body.to_vec();
                changed[at] ^= change;
                let _ = decode(&changed);
            }
        }
    }

    #[test]
    fn headers_round_trip() {
        let mut buffer = [0; 8];
        let mut out = Writer::new(&mut buffer);
        encode(&mut out, MessageType::FINISHED, |out| out.u16(7)).unwrap();
        let header = Header::decode(out.written()).unwrap();
        assert_eq!(header.kind, MessageType::FINISHED);
        assert_eq!(header.total(), Some(6));
        assert_eq!(out.written()[HEADER_LENGTH..], [0, 7]);
        assert_eq!(Header::decode(&[20, 0, 0]), None);
    }
}
