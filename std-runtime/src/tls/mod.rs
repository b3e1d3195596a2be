//! What a client brings to TLS: whom it trusts, who it is, where its cryptography comes from.
//!
//! Invariant: only `tls_danger_accept_invalid_certs` leads to a connection with an unverified server.

#[cfg(feature = "aws-lc")]
mod aws_lc;
mod certificate;
mod key_log;
mod platform;
mod signer;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use quicpro_core::connection::ClientConfig;
use quicpro_core::crypto::Provider;
use quicpro_core::mem::Shared;
use quicpro_core::tls::{self, WallClock};
use rustls_pki_types::{SignatureVerificationAlgorithm, TrustAnchor};

pub use certificate::{Certificate, Identity};
pub(crate) use key_log::KeyLogFile;
pub(crate) use platform::{Platform, Report};

use crate::event_loop::ThreadPool;
use platform::PlatformVerifier;

#[cfg(not(any(feature = "aws-lc", feature = "rustcrypto")))]
compile_error!("one of the features `aws-lc` and `rustcrypto` is needed");

/// Who decides whether a server is the one asked for.
pub(crate) enum Trust {
    Platform(Arc<Platform>),
    Roots(Arc<[TrustAnchor<'static>]>),
    Nobody,
}

/// The TLS settings of one client.
pub(crate) struct Settings {
    pub trust: Trust,
    pub identity: Option<Identity>,
    pub key_log: Option<Arc<KeyLogFile>>,
    /// Threads that ask the platform.
    pub pool: Arc<ThreadPool>,
}

impl Trust {
    /// The default: the platform's roots, or the compiled-in ones by feature, and `extra` ones.
    pub fn with_extra(extra: &[Certificate]) -> crate::Result<Self> {
        let Some(compiled_in) = compiled_in() else {
            let extra = extra.iter().map(Certificate::der).collect();
            let platform = Platform::new(extra, signature_algorithms());
            return Ok(Self::Platform(Arc::new(platform)));
        };
        let mut anchors = compiled_in.to_vec();
        for certificate in extra {
            anchors.push(certificate.anchor()?);
        }
        Ok(Self::Roots(anchors.into()))
    }

    /// These roots and no others.
    pub fn only(roots: &[Certificate]) -> crate::Result<Self> {
        let anchors: crate::Result<Vec<_>> = roots.iter().map(Certificate::anchor).collect();
        Ok(Self::Roots(anchors?.into()))
    }
}

impl Settings {
    /// The engine's configuration for one connection; `report` receives the platform's judgement.
    pub fn config(&self, host: &str, report: Report) -> ClientConfig<'static> {
        let config = match &self.trust {
            Trust::Platform(platform) => {
                let verifier = PlatformVerifier {
                    platform: platform.clone(),
                    pool: self.pool.clone(),
                    report,
                };
                let trust = tls::Trust::Verifier(Shared::Owned(Arc::new(verifier)));
                ClientConfig::with_trust(trust, wall_clock())
            }
            Trust::Roots(anchors) => {
                let trust = tls::Trust::Roots(Shared::Owned(anchors.clone()));
                ClientConfig::with_trust(trust, wall_clock())
            }
            Trust::Nobody => ClientConfig::danger_accept_any_server(),
        };
        let mut config = config.server_name(host);
        if let Some(provider) = provider() {
            config = config.provider(provider);
        }
        if let Some(key_log) = &self.key_log {
            config = config.key_log(Shared::Owned(key_log.clone()));
        }
        if let Some(identity) = &self.identity {
            config = config.identity(tls::Identity {
                chain: Shared::Owned(identity.chain.clone()),
                signer: Shared::Owned(identity.signer.clone()),
            });
        }
        config
    }
}

/// The roots that are to be trusted instead of the platform's.
#[cfg(feature = "webpki-roots")]
fn compiled_in() -> Option<&'static [TrustAnchor<'static>]> {
    Some(webpki_roots::TLS_SERVER_ROOTS)
}

#[cfg(not(feature = "webpki-roots"))]
fn compiled_in() -> Option<&'static [TrustAnchor<'static>]> {
    None
}

#[cfg(feature = "aws-lc")]
fn provider() -> Option<Shared<'static, dyn Provider>> {
    Some(Shared::Borrowed(&aws_lc::AwsLc))
}

#[cfg(not(feature = "aws-lc"))]
fn provider() -> Option<Shared<'static, dyn Provider>> {
    None
}

#[cfg(feature = "aws-lc")]
fn signature_algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    aws_lc::SIGNATURES
}

#[cfg(not(feature = "aws-lc"))]
fn signature_algorithms() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    quicpro_core::crypto::signature::SUPPORTED
}

/// The system's time. A clock before 1970 counts as 1970, where no certificate is valid yet.
fn wall_clock() -> WallClock {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    WallClock::At(since.map_or(0, |since| since.as_secs()))
}
