//! Certificates to trust, and the client's own certificate with its key.
//!
//! Invariant: what exists has been parsed; a mistake in a file is found when it is read, not at the first request.

use std::fmt;
use std::sync::Arc;

use quicpro_core::crypto::Signer;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, TrustAnchor};

use super::signer;
use crate::error::{Error, Result};

/// A certificate of an authority to trust.
#[derive(Clone)]
pub struct Certificate(CertificateDer<'static>);

/// The client's certificate, its issuers, and the private key.
#[derive(Clone)]
pub struct Identity {
    pub(crate) chain: Arc<[CertificateDer<'static>]>,
    pub(crate) signer: Arc<dyn Signer>,
}

impl Certificate {
    /// From DER.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        let certificate = Self(CertificateDer::from(der.to_vec()));
        certificate.anchor()?;
        Ok(certificate)
    }

    /// From PEM: the first certificate in it.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let der = CertificateDer::from_pem_slice(pem).map_err(bad_pem)?;
        Self::from_der(&der)
    }

    /// From PEM: all certificates in it, at least one.
    pub fn from_pem_bundle(pem: &[u8]) -> Result<Vec<Self>> {
        let all: Result<Vec<_>> = CertificateDer::pem_slice_iter(pem)
            .map(|der| Self::from_der(&der.map_err(bad_pem)?))
            .collect();
        match all {
            Ok(none) if none.is_empty() => Err(Error::build("no certificate in the PEM")),
            other => other,
        }
    }

    /// The certificate, DER.
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.0.clone()
    }

    pub(crate) fn anchor(&self) -> Result<TrustAnchor<'static>> {
        let anchor = webpki::anchor_from_trusted_cert(&self.0);
        Ok(anchor
            .map_err(|e| Error::build(format!("bad certificate: {e}")).source(e))?
            .to_owned())
    }
}

impl Identity {
    /// From PEM that holds the certificate, its issuers in order, and the private key (PKCS#8, PKCS#1 or SEC1).
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        Self::from_pkcs8_pem(pem, pem)
    }

    /// From PEM of the certificate and its issuers, and PEM of the private key.
    pub fn from_pkcs8_pem(certificates: &[u8], key: &[u8]) -> Result<Self> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(bad_pem)?;
        if chain.is_empty() {
            return Err(Error::build("no certificate in the identity's PEM"));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(bad_pem)?;
        Self::from_der(chain, &key)
    }

    fn from_der(chain: Vec<CertificateDer<'static>>, key: &PrivateKeyDer<'_>) -> Result<Self> {
        let signer = signer::from_der(key).ok_or_else(|| {
            Error::build("the private key is of a kind that is not supported here")
        })?;
        Ok(Self {
            chain: chain.into(),
            signer,
        })
    }
}

fn bad_pem(error: rustls_pki_types::pem::Error) -> Error {
    Error::build(format!("bad PEM: {error}")).source(error)
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} bytes)", self.0.len())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} certificates)", self.chain.len())
    }
}
