//! The honest handshake: Initial packets, Retry, TLS in and out.
//!
//! Invariant: TLS decides alone which keys exist; the script only decides when its bytes travel.

use super::keys::Level;
use super::options::{Options, Retry};
use super::packet::encode;
use super::server::Server;
use crate::pair::Random;
use crate::pair::provider::provider;
use crate::server::initial_suite;
use quicpro_core::crypto::retry_tag::retry_tag;
use quicpro_core::wire::packet::{self, ConnectionId, Header, Space, Version, version_negotiation};
use quicpro_core::wire::{Side, TransportParameters, VersionInformation};
use rustls::crypto::CryptoProvider;
use rustls::quic::{KeyChange, ServerConnection, Version as TlsVersion};
use rustls::server::WebPkiClientVerifier;
use std::sync::Arc;

/// Where a Retry packet comes from.
pub const RETRY_CID: &[u8; 8] = b"try this";

pub(super) fn tls_config(options: &Options) -> rustls::ServerConfig {
    let random = Random::new(options.seed, "scripted server");
    let provider = Arc::new(CryptoProvider {
        cipher_suites: crate::server::provider(&options.suites, &[]).cipher_suites,
        ..provider(random, &options.groups)
    });
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
    let mut config = builder
        .with_single_cert(
            options.identity.chain.clone(),
            options.identity.key.clone_key(),
        )
        .expect("the key fits the certificate");
    config.alpn_protocols.clone_from(&options.protocols);
    config.send_tls13_tickets = options.tickets;
    config
}

impl Server {
    /// Looks at an Initial packet before it is opened; says whether it is to be opened.
    pub(super) fn on_initial(&mut self, header: &Header, datagram: &[u8]) -> bool {
        if self.original_cid.is_none() {
            self.original_cid = Some(header.destination);
            self.client_cid = header.source;
            let offers = &self.options.offers;
            if !offers.is_empty() && !offers.contains(&header.version) {
                let packet = self.version_packet(&offers.clone());
                self.send_datagram(packet);
                self.original_cid = None;
                return false;
            }
            self.original_version = header.version;
            if let Some(retry) = self.options.retry.clone() {
                self.send_retry(&retry);
                return false;
            }
        } else if self.levels[0].is_none() && datagram[header.token.clone()].is_empty() {
            // The flight that the Retry answered, once more.
            return false;
        }
        if self.levels[0].is_none() {
            self.version = self.options.version.unwrap_or(header.version);
            let level = |version| {
                let (cid, side) = (header.destination.as_slice(), rustls::Side::Server);
                let keys = initial_suite().keys(cid, side, tls_version(version));
                Some(Level::new(keys, None))
            };
            self.levels[0] = level(self.version);
            if self.version != header.version {
                self.first_initial = level(header.version);
            }
            self.client_cid = header.source;
            self.start_tls();
        }
        true
    }

    fn send_retry(&mut self, retry: &Retry) {
        let source = ConnectionId::new(RETRY_CID).expect("8 bytes");
        self.retry_cid = Some(source);
        let packet = self.retry_packet(&source, retry);
        for _ in 0..retry.copies {
            self.send_datagram(packet.clone());
        }
    }

    /// A Retry packet from `source`.
    pub fn retry_packet(&self, source: &ConnectionId, retry: &Retry) -> Vec<u8> {
        let original = self.original_cid.expect("the client has spoken");
        self.retry_packet_for(&original, source, retry)
    }

    /// A Retry packet from `source` that answers a packet to `original`.
    pub fn retry_packet_for(
        &self,
        original: &ConnectionId,
        source: &ConnectionId,
        retry: &Retry,
    ) -> Vec<u8> {
        let mut packet = encode(|writer| {
            let (version, client) = (self.original_version, &self.client_cid);
            packet::encode_retry(writer, version, client, source, &retry.token)
                .expect("a short token");
        });
        let tag = retry_tag(self.original_version, original.as_slice(), &packet);
        let mut tag = tag.expect("a short token");
        tag[0] ^= u8::from(!retry.genuine);
        packet.extend(tag);
        packet
    }

    /// A Version Negotiation packet in answer to the client's first packet.
    pub fn version_packet(&self, versions: &[Version]) -> Vec<u8> {
        let original = self.original_cid.expect("the client has spoken");
        encode(|writer| {
            let (to, from) = (self.client_cid.as_slice(), original.as_slice());
            version_negotiation::encode(writer, 0, to, from, versions).expect("a short list");
        })
    }

    fn start_tls(&mut self) {
        if self.options.identifies_itself {
            let parameters = &mut self.parameters;
            parameters
                .original_destination_connection_id
                .get_or_insert(self.original_cid.expect("set with the first packet"));
            parameters
                .initial_source_connection_id
                .get_or_insert(self.own_cid);
            if parameters.retry_source_connection_id.is_none() {
                parameters.retry_source_connection_id = self.retry_cid;
            }
        }
        if self.options.names_versions {
            let information = VersionInformation::new(self.version, Version::KNOWN);
            let parameters = &mut self.parameters;
            parameters.version_information.get_or_insert(information);
        }
        self.audit.promise(&self.parameters);
        let mut bytes = encoded_parameters(&self.parameters);
        if let Some(alter) = &mut self.options.alter_parameters {
            bytes = alter(bytes);
        }
        let tls = ServerConnection::new(self.tls_config.clone(), tls_version(self.version), bytes);
        self.tls = Some(tls.expect("QUIC's suites"));
    }

    /// Gives TLS what arrived in order, and keeps what it says.
    pub(super) fn read_crypto(&mut self, space: Space) {
        let bytes = self.spaces[space as usize].crypto_received.take();
        let Some(tls) = &mut self.tls else { return };
        if bytes.is_empty() {
            return;
        }
        if let Err(error) = tls.read_hs(&bytes) {
            self.alert = Some(error);
            return;
        }
        self.write_crypto();
    }

    /// Collects what TLS writes, level by level.
    fn write_crypto(&mut self) {
        loop {
            let mut bytes = Vec::new();
            let Some(tls) = &mut self.tls else { return };
            let change = tls.write_hs(&mut bytes);
            if bytes.is_empty() && change.is_none() {
                return;
            }
            let space = self.writing;
            if !bytes.is_empty() {
                if let Some(alter) = &mut self.options.alter_handshake {
                    bytes = alter(space, bytes);
                }
                self.spaces[space as usize].crypto.extend(bytes);
            }
            match change {
                Some(KeyChange::Handshake { keys }) => {
                    self.levels[1] = Some(Level::new(keys, None));
                    self.writing = Space::Handshake;
                }
                Some(KeyChange::OneRtt { keys, next }) => {
                    self.levels[2] = Some(Level::new(keys, Some(next)));
                    self.writing = Space::Application;
                }
                None => {}
            }
        }
    }
}

fn tls_version(version: Version) -> TlsVersion {
    if version == Version::V2 {
        TlsVersion::V2
    } else {
        TlsVersion::V1
    }
}

fn encoded_parameters(parameters: &TransportParameters) -> Vec<u8> {
    encode(|writer| {
        let encoded = parameters.encode(writer, Side::Server, None);
        encoded.expect("they are few");
    })
}
