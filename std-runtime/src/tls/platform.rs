//! The platform's own judgement of a server's certificate, asked on a pool thread while the handshake waits.
//!
//! Invariant: the I/O thread never waits for the platform, which may read files or ask the network.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use quicpro_core::tls::{CertificateError, Question, Verdict, Verifier, WallClock};
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{
    CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, WebPkiSupportedAlgorithms,
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, ServerName, SignatureVerificationAlgorithm, UnixTime,
};

use crate::event_loop::ThreadPool;

/// The platform's verifier of one client, made at the first handshake: it may read hundreds of certificates.
pub(crate) struct Platform {
    extra: Vec<CertificateDer<'static>>,
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    verifier: OnceLock<Result<rustls_platform_verifier::Verifier, String>>,
}

/// Brings the answer to the connection that waits for it.
pub(crate) type Report = Arc<dyn Fn(Result<(), CertificateError>) + Send + Sync>;

/// Asks the platform for one connection.
pub(crate) struct PlatformVerifier {
    pub platform: Arc<Platform>,
    pub pool: Arc<ThreadPool>,
    pub report: Report,
}

/// A question that outlives the handshake's buffers.
struct Owned {
    end_entity: CertificateDer<'static>,
    intermediates: Vec<CertificateDer<'static>>,
    ocsp: Vec<u8>,
    name: ServerName<'static>,
    now: UnixTime,
}

impl Platform {
    pub fn new(
        extra: Vec<CertificateDer<'static>>,
        algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    ) -> Self {
        Self {
            extra,
            algorithms,
            verifier: OnceLock::new(),
        }
    }

    fn verifier(&self) -> &Result<rustls_platform_verifier::Verifier, String> {
        self.verifier.get_or_init(|| {
            let algorithms = WebPkiSupportedAlgorithms {
                all: self.algorithms,
                mapping: &[],
            };
            let provider = Arc::new(CryptoProvider {
                cipher_suites: Vec::new(),
                kx_groups: Vec::new(),
                signature_verification_algorithms: algorithms,
                secure_random: &VerifyOnly,
                key_provider: &VerifyOnly,
            });
            let extra = self.extra.iter().cloned();
            #[cfg(not(target_os = "android"))]
            let verifier =
                rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider);
            #[cfg(target_os = "android")]
            let verifier = {
                drop(extra);
                rustls_platform_verifier::Verifier::new(provider)
            };
            verifier.map_err(|error| error.to_string())
        })
    }

    fn judge(&self, question: &Owned) -> Result<(), CertificateError> {
        let verifier = self.verifier().as_ref().map_err(|error| {
            log::error!("the platform's verifier is not available: {error}");
            CertificateError::Refused
        })?;
        let Owned {
            end_entity,
            intermediates,
            ocsp,
            name,
            now,
        } = question;
        let verdict = verifier.verify_server_cert(end_entity, intermediates, name, ocsp, *now);
        verdict.map(|_| ()).map_err(|error| {
            log::info!(
                "the platform refuses the certificate of {}: {error}",
                name.to_str()
            );
            translate(&error)
        })
    }
}

impl Verifier for PlatformVerifier {
    fn verify(&self, question: &Question<'_>) -> Verdict {
        let WallClock::At(now) = question.now else {
            return Verdict::Refused(CertificateError::Refused);
        };
        let name = match question.server_name {
            quicpro_core::tls::ServerName::Dns(name) => ServerName::try_from(name.to_string()).ok(),
            quicpro_core::tls::ServerName::Ip(address) => Some(ServerName::from(*address)),
        };
        let Some(name) = name else {
            return Verdict::Refused(CertificateError::NameMismatch);
        };
        let owned = Owned {
            end_entity: question.end_entity.clone().into_owned(),
            intermediates: question
                .intermediates
                .iter()
                .map(|der| der.clone().into_owned())
                .collect(),
            ocsp: question.ocsp.to_vec(),
            name,
            now: UnixTime::since_unix_epoch(Duration::from_secs(now)),
        };
        let (platform, report) = (self.platform.clone(), self.report.clone());
        self.pool.submit(move || report(platform.judge(&owned)));
        Verdict::Pending
    }
}

fn translate(error: &rustls::Error) -> CertificateError {
    use rustls::CertificateError as Theirs;
    let rustls::Error::InvalidCertificate(error) = error else {
        return CertificateError::Refused;
    };
    match error {
        Theirs::BadEncoding => CertificateError::Malformed,
        Theirs::Expired | Theirs::ExpiredContext { .. } => CertificateError::Expired,
        Theirs::NotValidYet | Theirs::NotValidYetContext { .. } => CertificateError::NotYetValid,
        Theirs::Revoked => CertificateError::Revoked,
        Theirs::UnhandledCriticalExtension => CertificateError::UnsupportedExtension,
        Theirs::UnknownIssuer => CertificateError::UnknownIssuer,
        Theirs::BadSignature => CertificateError::BadSignature,
        Theirs::NotValidForName | Theirs::NotValidForNameContext { .. } => {
            CertificateError::NameMismatch
        }
        Theirs::InvalidPurpose | Theirs::InvalidPurposeContext { .. } => {
            CertificateError::WrongPurpose
        }
        _ => CertificateError::Refused,
    }
}

/// A provider that is asked for nothing but the verification of signatures.
#[derive(Debug)]
struct VerifyOnly;

impl SecureRandom for VerifyOnly {
    fn fill(&self, _: &mut [u8]) -> Result<(), GetRandomFailed> {
        Err(GetRandomFailed)
    }
}

impl KeyProvider for VerifyOnly {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn rustls::sign::SigningKey>, rustls::Error> {
        Err(rustls::Error::General(
            "this provider only verifies".to_owned(),
        ))
    }
}
