//! The verdict on the server's certificates: chain, purpose, dates and name (RFC 5280 §6, RFC 9110 §4.3.4).
//!
//! Invariant: `Accepted` is given only after a chain to an anchor was verified and the name found, to a key that is
//! pinned, by a verifier from outside, or where the caller asked in so many words for no verification.

use heapless::Vec;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};

#[cfg(feature = "webpki")]
use super::path::{self, is_certificate};
#[cfg(not(feature = "webpki"))]
use super::public_key::is_certificate;
#[cfg(any(feature = "pins", not(feature = "webpki")))]
use super::public_key::{self, Pin};
use super::store::{CERTIFICATES_MAX, Kept, Selection};
use crate::tls::config::{Question, Trust, Verdict, WallClock};
use crate::tls::error::CertificateError;
use crate::tls::server_name::ServerName;

impl Selection for Trust<'_> {
    fn wants(&self, last: &[u8], candidate: &[u8]) -> bool {
        let _ = last;
        match self {
            #[cfg(feature = "webpki")]
            Self::Roots(anchors) => path::is_wanted(anchors, last, candidate),
            #[cfg(any(feature = "pins", not(feature = "webpki")))]
            Self::Pinned(_) => false,
            // It may know other ways to its anchors than the straight one.
            Self::Verifier(_) => is_certificate(candidate),
            Self::DangerAcceptAnyServer(_) => false,
        }
    }
}

/// Judges the certificates `kept` in `store`.
pub fn verify(
    trust: &Trust<'_>,
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    server_name: &ServerName,
    clock: WallClock,
    kept: &Kept,
    store: &[u8],
) -> Verdict {
    let _ = algorithms;
    let mut certificates = Vec::<CertificateDer<'_>, CERTIFICATES_MAX>::new();
    certificates.extend(kept.certificates(store).map(CertificateDer::from));
    let Some((leaf, issuers)) = certificates.split_first() else {
        return Verdict::Refused(CertificateError::Malformed);
    };
    match trust {
        #[cfg(feature = "webpki")]
        Trust::Roots(anchors) => {
            match path::verify(anchors, algorithms, server_name, clock, leaf, issuers) {
                Ok(()) => Verdict::Accepted,
                Err(error) => Verdict::Refused(error),
            }
        }
        #[cfg(any(feature = "pins", not(feature = "webpki")))]
        Trust::Pinned(pins) => match public_key::PublicKey::of(leaf) {
            Some(key) if pins.contains(&Pin::of(key.info)) => Verdict::Accepted,
            Some(_) => Verdict::Refused(CertificateError::UnknownKey),
            None => Verdict::Refused(CertificateError::Malformed),
        },
        Trust::Verifier(verifier) => verifier.verify(&Question {
            end_entity: leaf.clone(),
            intermediates: issuers,
            ocsp: kept.ocsp(store),
            server_name,
            now: clock,
        }),
        Trust::DangerAcceptAnyServer(_) => Verdict::Accepted,
    }
}
