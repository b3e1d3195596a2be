//! CertificateRequest (RFC 8446 §4.3.2). Invariant: one that exists lists at least one signature scheme.

use super::extension::{ExtensionType, Extensions};
use super::{MessageType, ReadError, decode};
use crate::codec::Reader;
use crate::tls::error::{Error, PeerMisbehaved};

/// A CertificateRequest message.
#[derive(Clone, Copy, Debug)]
pub struct CertificateRequest<'a> {
    schemes: Reader<'a>,
}

impl<'a> CertificateRequest<'a> {
    /// Decodes the body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Error> {
        decode(MessageType::CERTIFICATE_REQUEST, body, read)
    }

    /// The numbers of the signature schemes the server accepts.
    pub fn schemes(&self) -> impl Iterator<Item = u16> + use<'a> {
        let mut schemes = self.schemes;
        core::iter::from_fn(move || schemes.u16().ok())
    }
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<CertificateRequest<'a>, ReadError> {
    //= rfc8446#4.3.2
    if !reader.vector_u8()?.is_empty() {
        return Err(PeerMisbehaved::RequestContext.into());
    }
    let mut schemes = None;
    // Whatever else the server says, authorities for example, narrows a choice that this client does not have.
    for mut extension in Extensions::decode(reader)? {
        if extension.kind == ExtensionType::SIGNATURE_ALGORITHMS {
            let list = extension.data.vector_u16()?;
            extension.data.end()?;
            if list.is_empty() || list.remaining() % 2 != 0 {
                return Err(ReadError::Decode);
            }
            schemes = Some(list);
        }
    }
    let schemes = schemes.ok_or(PeerMisbehaved::MissingExtension(
        ExtensionType::SIGNATURE_ALGORITHMS.0,
    ))?;
    Ok(CertificateRequest { schemes })
}

#[cfg(test)]
mod tests {
    use super::super::tests::abuse;
    use super::*;

    //= rfc8446#4.3.2 test
    #[test]
    fn signature_schemes_are_mandatory_and_the_rest_is_ignored() {
        let body = [0, 0, 15, 0x1a, 0x2a, 0, 1, 0, 0, 13, 0, 6, 0, 4, 4, 3, 8, 7];
        let request = CertificateRequest::decode(&body).unwrap();
        assert_eq!(
            request.schemes().collect::<std::vec::Vec<_>>(),
            [0x0403, 0x0807]
        );
        abuse(&body, |body| CertificateRequest::decode(body).map(drop));
        assert_eq!(
            CertificateRequest::decode(&[0, 0, 0]).map(drop),
            Err(PeerMisbehaved::MissingExtension(13).into())
        );
        assert_eq!(
            CertificateRequest::decode(&[1, 9, 0, 0]).map(drop),
            Err(PeerMisbehaved::RequestContext.into())
        );
        let odd = [0, 0, 9, 0, 13, 0, 5, 0, 3, 4, 3, 8];
        assert_eq!(
            CertificateRequest::decode(&odd).map(drop),
            Err(Error::InvalidMessage(MessageType::CERTIFICATE_REQUEST))
        );
    }
}
