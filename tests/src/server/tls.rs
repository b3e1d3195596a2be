//! The server's TLS and QUIC settings from its [`Options`].
//!
//! Invariant: all crypto is aws-lc's, and the version is TLS 1.3.

use super::Options;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::server::WebPkiClientVerifier;
use std::sync::Arc;

/// A TLS 1.3 cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// TLS_AES_128_GCM_SHA256.
    Aes128Gcm,
    /// TLS_AES_256_GCM_SHA384.
    Aes256Gcm,
    /// TLS_CHACHA20_POLY1305_SHA256.
    ChaCha20Poly1305,
}

impl Suite {
    fn rustls(self) -> SupportedCipherSuite {
        match self {
            Self::Aes128Gcm => cipher_suite::TLS13_AES_128_GCM_SHA256,
            Self::Aes256Gcm => cipher_suite::TLS13_AES_256_GCM_SHA384,
            Self::ChaCha20Poly1305 => cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        }
    }
}

/// A key exchange group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// X25519.
    X25519,
    /// NIST P-256.
    P256,
    /// NIST P-384, which our client does not offer.
    P384,
}

impl Group {
    fn rustls(self) -> &'static dyn SupportedKxGroup {
        match self {
            Self::X25519 => kx_group::X25519,
            Self::P256 => kx_group::SECP256R1,
            Self::P384 => kx_group::SECP384R1,
        }
    }
}

/// aws-lc with these suites and groups alone.
pub(crate) fn provider(suites: &[Suite], groups: &[Group]) -> CryptoProvider {
    CryptoProvider {
        cipher_suites: suites.iter().map(|suite| suite.rustls()).collect(),
        kx_groups: groups.iter().map(|group| group.rustls()).collect(),
        ..aws_lc_rs::default_provider()
    }
}

/// The suite of Initial packets, whatever the handshake may choose (RFC 9001 §5.2).
pub(crate) fn initial_suite() -> rustls::quic::Suite {
    let suite = cipher_suite::TLS13_AES_128_GCM_SHA256
        .tls13()
        .and_then(rustls::Tls13CipherSuite::quic_suite);
    suite.expect("aws-lc has AES-128-GCM for QUIC")
}

pub(super) fn server_config(options: &Options) -> quinn::ServerConfig {
    let crypto = QuicServerConfig::with_initial(Arc::new(tls_config(options)), initial_suite());
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto.expect("TLS 1.3 is on")));
    config.transport_config(Arc::new(transport_config(options)));
    config
}

fn tls_config(options: &Options) -> rustls::ServerConfig {
    let provider = Arc::new(provider(&options.suites, &options.groups));
    let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the suites are TLS 1.3's");
    let builder = match &options.client_authority {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = rustls::RootCertStore::empty();
            roots
                .add(authority.clone())
                .expect("an authority's certificate");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("there is a root"))
        }
    };
    let identity = options.identity.clone().expect("start() has made one");
    let mut config = builder
        .with_single_cert(identity.chain, identity.key)
        .expect("the key fits the certificate");
    config.alpn_protocols = vec![b"h3".to_vec()];
    config
}

fn transport_config(options: &Options) -> quinn::TransportConfig {
    let mut config = quinn::TransportConfig::default();
    config
        .max_idle_timeout(Some(
            options
                .idle_timeout
                .try_into()
                .expect("less than 2^62 milliseconds"),
        ))
        .max_concurrent_bidi_streams(options.requests_max.into())
        .max_concurrent_uni_streams(options.unidirectional_max.into())
        .enable_segmentation_offload(options.batching);
    if let Some((stream, connection)) = options.receive_windows {
        config
            .stream_receive_window(stream.into())
            .receive_window(connection.into());
    }
    config
}
