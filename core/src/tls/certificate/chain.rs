//! The verdict on the server's certificates: chain, purpose, dates and name (RFC 5280 §6, RFC 9110 §4.3.4).
//!
//! Invariant: `Accepted` is given only after a chain to an anchor was verified and the name found, by a verifier from
//! outside, or where the caller asked in so many words for no verification.

use heapless::Vec;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::store::{CERTIFICATES_MAX, Kept, Selection};
use crate::time::Duration;
use crate::tls::config::{Question, Trust, Verdict, WallClock};
use crate::tls::error::CertificateError;
use crate::tls::server_name::ServerName;

/// Dates that are tried without a clock: the first day of each certificate of the chain.
const DATES_MAX: usize = CERTIFICATES_MAX;

impl Selection for Trust<'_> {
    fn wants(&self, last: &EndEntityCert<'_>, candidate: &EndEntityCert<'_>) -> bool {
        match self {
            Self::Roots(anchors) => {
                let issuer = last.issuer();
                let is_known = |anchor: &TrustAnchor<'_>| anchor.subject.as_ref() == issuer;
                candidate.subject() == issuer && !anchors.iter().any(is_known)
            }
            // It may know other ways to its anchors than the straight one.
            Self::Verifier(_) => true,
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
    let mut certificates = Vec::<CertificateDer<'_>, CERTIFICATES_MAX>::new();
    certificates.extend(kept.certificates(store).map(CertificateDer::from));
    let Some((leaf, issuers)) = certificates.split_first() else {
        return Verdict::Refused(CertificateError::Malformed);
    };
    match trust {
        Trust::Roots(anchors) => {
            match verify_path(anchors, algorithms, server_name, clock, leaf, issuers) {
                Ok(()) => Verdict::Accepted,
                Err(error) => Verdict::Refused(error),
            }
        }
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

fn verify_path(
    anchors: &[TrustAnchor<'_>],
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    server_name: &ServerName,
    clock: WallClock,
    leaf: &CertificateDer<'_>,
    issuers: &[CertificateDer<'_>],
) -> Result<(), CertificateError> {
    let leaf = EndEntityCert::try_from(leaf).map_err(from_webpki)?;
    let at = |seconds| {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let usage = KeyUsage::server_auth();
        leaf.verify_for_usage(algorithms, anchors, issuers, time, usage, None, None)
            .map(drop)
    };
    match clock {
        WallClock::At(seconds) => at(seconds).map_err(from_webpki)?,
        WallClock::Absent => without_clock(at)?,
    }
    let name = server_name
        .pki()
        .map_err(|_| CertificateError::NameMismatch)?;
    leaf.verify_is_valid_for_subject_name(&name)
        .map_err(from_webpki)
}

/// Looks for a moment at which the chain was valid: wherever one exists, it is the first day of the certificate that
/// was issued last. A date is checked before any signature, so a wrong guess costs little.
fn without_clock(at: impl Fn(u64) -> Result<(), webpki::Error>) -> Result<(), CertificateError> {
    let mut seconds = 0;
    for _ in 0..DATES_MAX {
        match at(seconds) {
            Err(webpki::Error::CertNotValidYet { not_before, .. })
                if not_before.as_secs() > seconds =>
            {
                seconds = not_before.as_secs();
            }
            result => return result.map_err(from_webpki),
        }
    }
    at(seconds).map_err(from_webpki)
}

/// The reason in our words. Anything new in a later rustls-webpki counts as malformed: it is refused in any case.
pub fn from_webpki(error: webpki::Error) -> CertificateError {
    use webpki::Error as E;
    match error {
        E::CertExpired { .. } => CertificateError::Expired,
        E::CertNotValidYet { .. } => CertificateError::NotYetValid,
        E::UnknownIssuer => CertificateError::UnknownIssuer,
        E::CertNotValidForName(_) => CertificateError::NameMismatch,
        E::InvalidSignatureForPublicKey | E::SignatureAlgorithmMismatch => {
            CertificateError::BadSignature
        }
        E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            CertificateError::UnsupportedAlgorithm
        }
        E::CaUsedAsEndEntity
        | E::EndEntityUsedAsCa
        | E::EmptyEkuExtension
        | E::RequiredEkuNotFoundContext(_) => CertificateError::WrongPurpose,
        E::NameConstraintViolation
        | E::PathLenConstraintViolated
        | E::InvalidNetworkMaskConstraint
        | E::MalformedNameConstraint => CertificateError::Constraint,
        E::UnsupportedCriticalExtension => CertificateError::UnsupportedExtension,
        E::CertRevoked | E::CertDistrusted => CertificateError::Revoked,
        E::MaximumNameConstraintComparisonsExceeded
        | E::MaximumPathBuildCallsExceeded
        | E::MaximumPathDepthExceeded
        | E::MaximumSignatureChecksExceeded => CertificateError::TooComplex,
        _ => CertificateError::Malformed,
    }
}
