//! Who the server is: CertificateRequest, Certificate, CertificateVerify (RFC 8446 §4.3.2, §4.4.2, §4.4.3).
//!
//! Invariant: CertificateVerify is looked at only after the certificate was accepted, and its signature is verified
//! whoever accepted it.

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::finished::ExpectFinished;
use super::{Cx, Message, Protected};
use crate::codec::Writer;
use crate::crypto::signature::SignatureScheme;
use crate::tls::certificate::chain;
use crate::tls::certificate::store::{CertificateReader, Progress};
use crate::tls::config::Verdict;
use crate::tls::error::{CertificateError, Error, PeerMisbehaved};
use crate::tls::message::{
    CertificateRequest, CertificateVerify, Header, MessageType, SIGNED_LENGTH_MAX, StatusRequest,
    signed_content,
};
use crate::wire::Side;

/// Whether the server wants to see a certificate of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    /// It does not.
    No,
    /// It does, and nothing that we have suits it.
    Nothing,
    /// It does, and our signer can sign with this scheme.
    Signature(SignatureScheme),
}

/// Waits for CertificateRequest or Certificate.
pub struct ExpectCertificate {
    protected: Protected,
    requested: Requested,
}

/// In the middle of Certificate.
pub struct ReadingCertificate {
    protected: Protected,
    requested: Requested,
    reader: CertificateReader,
}

/// Waits for CertificateVerify.
pub struct ExpectCertificateVerify {
    protected: Protected,
    requested: Requested,
}

impl ExpectCertificate {
    /// The state behind EncryptedExtensions.
    pub fn new(protected: Protected) -> Self {
        Self {
            protected,
            requested: Requested::No,
        }
    }

    /// A server asks once.
    pub fn may_be_requested(&self) -> bool {
        self.requested == Requested::No
    }

    /// Notes what a CertificateRequest asks for.
    pub fn handle_request(
        mut self,
        message: Message<'_>,
        cx: &mut Cx<'_, '_>,
    ) -> Result<Self, Error> {
        let request = CertificateRequest::decode(message.body())?;
        self.protected.transcript.add(message.whole);
        self.requested = Requested::Nothing;
        if let Some(identity) = &cx.setup.identity {
            let ours = identity.signer.schemes();
            if let Some(scheme) = ours
                .iter()
                .find(|ours| request.schemes().any(|scheme| scheme == ours.code()))
            {
                self.requested = Requested::Signature(*scheme);
            }
        }
        Ok(self)
    }

    /// Begins with a Certificate, of which `bytes` are the header.
    pub fn start(
        mut self,
        header: Header,
        bytes: &[u8],
        status_request: StatusRequest,
    ) -> ReadingCertificate {
        self.protected.transcript.add(bytes);
        ReadingCertificate {
            protected: self.protected,
            requested: self.requested,
            reader: CertificateReader::new(header.length, status_request),
        }
    }
}

impl ReadingCertificate {
    /// Reads on.
    pub fn read(&mut self, bytes: &[u8], cx: &mut Cx<'_, '_>) -> Result<Progress, Error> {
        let setup = &mut *cx.setup;
        let progress = self
            .reader
            .read(bytes, cx.store, &mut setup.kept, &setup.trust)?;
        let used = bytes.get(..progress.used).unwrap_or_default();
        self.protected.transcript.add(used);
        Ok(progress)
    }

    /// Judges the chain, now that it is there.
    pub fn verify(self, cx: &mut Cx<'_, '_>) -> Result<(Verdict, ExpectCertificateVerify), Error> {
        let setup = &*cx.setup;
        let verdict = chain::verify(
            &setup.trust,
            setup.algorithms(),
            &setup.server_name,
            setup.clock,
            &setup.kept,
            cx.store,
        );
        if let Verdict::Refused(error) = verdict {
            return Err(match (error, setup.kept.missed()) {
                (CertificateError::UnknownIssuer, Some(length)) => Error::TooLarge {
                    message: MessageType::CERTIFICATE,
                    length,
                },
                (error, _) => error.into(),
            });
        }
        let next = ExpectCertificateVerify {
            protected: self.protected,
            requested: self.requested,
        };
        Ok((verdict, next))
    }
}

impl ExpectCertificateVerify {
    /// Verifies that the server holds the certificate's key.
    //= rfc8446#4.4.3
    pub fn handle(
        mut self,
        message: Message<'_>,
        cx: &mut Cx<'_, '_>,
    ) -> Result<ExpectFinished, Error> {
        let verify = CertificateVerify::decode(message.body())?;
        let mut content = [0; SIGNED_LENGTH_MAX];
        let mut out = Writer::new(&mut content);
        let digest = self.protected.transcript.digest();
        signed_content(Side::Server, &digest, &mut out).map_err(|_| Error::SendBufferFull)?;
        let leaf = cx.setup.kept.leaf(cx.store).unwrap_or_default();
        let leaf = CertificateDer::from(leaf);
        let leaf = EndEntityCert::try_from(&leaf).map_err(chain::from_webpki)?;
        let algorithm = SignatureScheme(verify.scheme)
            .handshake_algorithm(cx.setup.algorithms())
            .ok_or(PeerMisbehaved::UnofferedSignatureScheme)?;
        leaf.verify_signature(algorithm, out.written(), verify.signature)
            .map_err(|error| match error {
                webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
                    PeerMisbehaved::UnofferedSignatureScheme
                }
                _ => PeerMisbehaved::BadSignature,
            })?;
        self.protected.transcript.add(message.whole);
        Ok(ExpectFinished {
            protected: self.protected,
            requested: self.requested,
        })
    }
}
