//! The path from the server's certificate to a trust anchor, by rustls-webpki (RFC 5280 §6).
//!
//! Invariant: `Ok` means that signatures, purpose, dates, constraints and the name were checked.

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::store::CERTIFICATES_MAX;
use crate::time::Duration;
use crate::tls::config::WallClock;
use crate::tls::error::{CertificateError, Error, PeerMisbehaved};
use crate::tls::server_name::ServerName;

/// Dates that are tried without a clock: the first day of each certificate of the chain.
const DATES_MAX: usize = CERTIFICATES_MAX;

/// Whether `candidate` is the issuer of `last`, which no anchor is.
pub fn is_wanted(anchors: &[TrustAnchor<'_>], last: &[u8], candidate: &[u8]) -> bool {
    let (last, candidate) = (CertificateDer::from(last), CertificateDer::from(candidate));
    let (Ok(last), Ok(candidate)) = (
        EndEntityCert::try_from(&last),
        EndEntityCert::try_from(&candidate),
    ) else {
        return false;
    };
    let issuer = last.issuer();
    let is_known = |anchor: &TrustAnchor<'_>| anchor.subject.as_ref() == issuer;
    candidate.subject() == issuer && !anchors.iter().any(is_known)
}

/// Whether it can be read.
pub fn is_certificate(candidate: &[u8]) -> bool {
    EndEntityCert::try_from(&CertificateDer::from(candidate)).is_ok()
}

/// Verifies a signature by the key of `certificate`.
pub fn verify_signature(
    certificate: &[u8],
    algorithm: &dyn SignatureVerificationAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    let certificate = CertificateDer::from(certificate);
    let certificate = EndEntityCert::try_from(&certificate).map_err(from_webpki)?;
    certificate
        .verify_signature(algorithm, message, signature)
        .map_err(|error| match error {
            webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
                PeerMisbehaved::UnofferedSignatureScheme.into()
            }
            _ => PeerMisbehaved::BadSignature.into(),
        })
}

/// Verifies the whole path.
pub fn verify(
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
fn from_webpki(error: webpki::Error) -> CertificateError {
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
