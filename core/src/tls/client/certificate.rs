//! Who the server is: CertificateRequest, Certificate, CertificateVerify (RFC 8446 §4.3.2, §4.4.2, §4.4.3).
//!
//! Invariant: CertificateVerify is looked at only after the certificate was accepted, and its signature is verified
//! whoever accepted it.

use super::{Cx, Message, Protected};
use crate::codec::Writer;
use crate::crypto::signature::SignatureScheme;
use crate::tls::certificate::chain;
#[cfg(feature = "webpki")]
use crate::tls::certificate::path::verify_signature;
#[cfg(not(feature = "webpki"))]
use crate::tls::certificate::public_key::verify_signature;
use crate::tls::certificate::store::{CertificateReader, Progress};
use crate::tls::config::Verdict;
use crate::tls::error::{CertificateError, Error, PeerMisbehaved};
use crate::tls::message::{
    CertificateRequest, CertificateVerify, MessageType, SIGNED_LENGTH_MAX, signed_content,
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

impl Protected {
    /// Notes what a CertificateRequest asks for.
    pub fn handle_request(
        &mut self,
        message: Message<'_>,
        cx: &mut Cx<'_, '_>,
    ) -> Result<Requested, Error> {
        let request = CertificateRequest::decode(message.body())?;
        self.transcript.add(message.whole);
        if let Some(identity) = cx.setup.identity() {
            let mut ours = identity.signer.schemes().iter();
            let is_asked_for =
                |ours: &&SignatureScheme| request.schemes().any(|scheme| scheme == ours.code());
            if let Some(scheme) = ours.find(is_asked_for) {
                return Ok(Requested::Signature(*scheme));
            }
        }
        Ok(Requested::Nothing)
    }

    /// Reads on in a Certificate.
    pub fn read_certificate(
        &mut self,
        reader: &mut CertificateReader,
        bytes: &[u8],
        cx: &mut Cx<'_, '_>,
    ) -> Result<Progress, Error> {
        let setup = &mut *cx.setup;
        let progress = reader.read(bytes, cx.store, &mut setup.kept, &setup.trust)?;
        let used = bytes.get(..progress.used).unwrap_or_default();
        self.transcript.add(used);
        Ok(progress)
    }

    /// CertificateVerify: verifies that the server holds the certificate's key.
    //= rfc8446#4.4.3
    #[inline(never)]
    pub fn handle_certificate_verify(
        &mut self,
        message: Message<'_>,
        cx: &mut Cx<'_, '_>,
    ) -> Result<(), Error> {
        let verify = CertificateVerify::decode(message.body())?;
        let mut content = [0; SIGNED_LENGTH_MAX];
        let mut out = Writer::new(&mut content);
        let digest = self.transcript.digest();
        signed_content(Side::Server, &digest, &mut out).map_err(|_| Error::SendBufferFull)?;
        let leaf = cx.setup.kept.leaf(cx.store).unwrap_or_default();
        let algorithm = SignatureScheme(verify.scheme)
            .handshake_algorithm(cx.setup.algorithms())
            .ok_or(PeerMisbehaved::UnofferedSignatureScheme)?;
        verify_signature(leaf, algorithm, out.written(), verify.signature)?;
        self.transcript.add(message.whole);
        Ok(())
    }
}

/// Judges the chain, now that it is there. In a frame of its own: below it is the handshake's deepest stack.
#[inline(never)]
pub fn judge(cx: &Cx<'_, '_>) -> Result<Verdict, Error> {
    let setup = &*cx.setup;
    let verdict = chain::verify(
        &setup.trust,
        setup.algorithms(),
        &setup.server_name,
        setup.clock,
        &setup.kept,
        cx.store,
    );
    match (verdict, setup.kept.missed()) {
        (Verdict::Refused(CertificateError::UnknownIssuer), Some(length)) => Err(Error::TooLarge {
            message: MessageType::CERTIFICATE,
            length,
        }),
        (Verdict::Refused(error), _) => Err(error.into()),
        (verdict, _) => Ok(verdict),
    }
}
