//! Certificates of authorities to trust.
//!
//! Invariant: what exists has been parsed; a mistake in it is found when it is read, not at the first request.

use alloc::vec::Vec;
use core::fmt;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor};

use crate::error::{Error, Result};

/// A certificate of an authority to trust.
#[derive(Clone)]
pub struct Certificate {
    anchor: TrustAnchor<'static>,
}

impl Certificate {
    /// From DER.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        let der = CertificateDer::from(der);
        let anchor = webpki::anchor_from_trusted_cert(&der)
            .map_err(|_| Error::build("not the certificate of an authority"))?;
        Ok(Self {
            anchor: anchor.to_owned(),
        })
    }

    /// From PEM: the first certificate in it.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let der = CertificateDer::from_pem_slice(pem).map_err(bad_pem)?;
        Self::from_der(&der)
    }

    /// From PEM: all certificates in it, at least one.
    pub fn from_pem_bundle(pem: &[u8]) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for der in CertificateDer::pem_slice_iter(pem) {
            all.push(Self::from_der(&der.map_err(bad_pem)?)?);
        }
        if all.is_empty() {
            return Err(Error::build("no certificate in the PEM"));
        }
        Ok(all)
    }

    pub(crate) fn into_anchor(self) -> TrustAnchor<'static> {
        self.anchor
    }
}

/// Which line it is would cost kilobytes.
fn bad_pem(_: rustls_pki_types::pem::Error) -> Error {
    Error::build("not the PEM of a certificate")
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused_when_it_is_read() {
        let refused = |result: Result<Certificate>| result.unwrap_err().is_builder();
        assert!(refused(Certificate::from_der(b"\x30\x03\x02\x01\x00")));
        assert!(refused(Certificate::from_pem(b"nothing here")));
        let pem = b"-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n";
        assert!(refused(Certificate::from_pem(pem)));
        assert!(Certificate::from_pem_bundle(b"").is_err());
    }
}
