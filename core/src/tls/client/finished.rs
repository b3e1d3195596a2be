//! The end of the handshake: the server's Finished, then our own flight (RFC 8446 §4.4).
//!
//! Invariant: nothing of ours is sent, and no application secret leaves, before the server's Finished is verified.

use super::certificate::Requested;
use super::{Cx, Message, Protected};
use crate::codec::{Full, Writer};
use crate::crypto::hash::is_equal;
use crate::crypto::signature::{SIGNATURE_LENGTH_MAX, SignatureScheme};
use crate::tls::error::{Error, PeerMisbehaved};
use crate::tls::message::{MessageType, SIGNED_LENGTH_MAX, signed_content};
use crate::wire::Side;
use crate::wire::packet::Space;

impl Protected {
    /// Finished: verifies the server's, sends our flight and hands the application secrets over.
    #[inline(never)]
    pub fn handle_finished(
        &mut self,
        requested: Requested,
        message: Message<'_>,
        cx: &mut Cx<'_, '_>,
    ) -> Result<(), Error> {
        let expected = self.secrets.server_finished(&self.transcript.digest());
        if message.body().len() != expected.as_slice().len() {
            return Err(Error::InvalidMessage(MessageType::FINISHED));
        }
        if !is_equal(message.body(), expected.as_slice()) {
            return Err(PeerMisbehaved::BadFinished.into());
        }
        self.transcript.add(message.whole);
        let secrets = self.secrets.application(&self.transcript.digest());
        match requested {
            Requested::No => {}
            Requested::Nothing => self.send_no_certificate(cx)?,
            Requested::Signature(scheme) => {
                self.send_certificate(cx)?;
                self.send_signature(scheme, cx)?;
            }
        }
        self.send_finished(cx)?;
        cx.setup.log("CLIENT_TRAFFIC_SECRET_0", &secrets.client);
        cx.setup.log("SERVER_TRAFFIC_SECRET_0", &secrets.server);
        cx.output.keys(
            Space::Application,
            self.suite,
            &secrets.client,
            &secrets.server,
        );
        Ok(())
    }

    /// The answer of a client that was asked and has no certificate that suits.
    //= rfc8446#4.4.2
    fn send_no_certificate(&mut self, cx: &mut Cx<'_, '_>) -> Result<(), Error> {
        let kind = MessageType::CERTIFICATE;
        self.send(cx.output, kind, &mut |out| {
            out.u8(0)?;
            out.vector_u24(|_| Ok(()))
        })
    }

    fn send_certificate(&mut self, cx: &mut Cx<'_, '_>) -> Result<(), Error> {
        let Some(identity) = cx.setup.identity() else {
            return Err(Error::SignerFailed);
        };
        let kind = MessageType::CERTIFICATE;
        self.send(cx.output, kind, &mut |out| {
            out.u8(0)?;
            out.vector_u24(|out| {
                identity.chain.iter().try_for_each(|certificate| {
                    out.vector_u24(|out| out.bytes(certificate))?;
                    out.vector_u16(|_| Ok(()))
                })
            })
        })
    }

    fn send_signature(
        &mut self,
        scheme: SignatureScheme,
        cx: &mut Cx<'_, '_>,
    ) -> Result<(), Error> {
        let Some(identity) = cx.setup.identity() else {
            return Err(Error::SignerFailed);
        };
        let mut content = [0; SIGNED_LENGTH_MAX];
        let mut content = Writer::new(&mut content);
        let digest = self.transcript.digest();
        signed_content(Side::Client, &digest, &mut content).map_err(|_| Error::SignerFailed)?;
        let mut signature = [0; SIGNATURE_LENGTH_MAX];
        let length = identity
            .signer
            .sign(scheme, content.written(), &mut signature);
        let signature = length.and_then(|length| signature.get(..length));
        let signature = signature.ok_or(Error::SignerFailed)?;
        let kind = MessageType::CERTIFICATE_VERIFY;
        self.send(cx.output, kind, &mut |out| {
            out.u16(scheme.code())?;
            out.vector_u16(|out| out.bytes(signature))
        })
    }

    fn send_finished(&mut self, cx: &mut Cx<'_, '_>) -> Result<(), Error> {
        let digest = self.transcript.digest();
        let verify_data = self.secrets.client_finished(&digest);
        let mut write =
            |out: &mut Writer<'_>| -> Result<(), Full> { out.bytes(verify_data.as_slice()) };
        self.send(cx.output, MessageType::FINISHED, &mut write)
    }
}
