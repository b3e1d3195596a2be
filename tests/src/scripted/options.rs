//! How a scripted server differs from an honest one before the first packet.

use crate::certificates::Identity;
use crate::pair::provider::Group;
use crate::pair::quinn;
use crate::server::Suite;
use quicpro_core::wire::TransportParameters;
use quicpro_core::wire::packet::{Space, Version};
use rustls::pki_types::CertificateDer;

/// Changes the encoded transport parameters, whatever they then are.
pub type AlterParameters = Box<dyn FnMut(Vec<u8>) -> Vec<u8>>;

/// Changes the handshake bytes of a level before they are sent. Called once for each piece that TLS makes.
pub type AlterHandshake = Box<dyn FnMut(Space, Vec<u8>) -> Vec<u8>>;

/// A Retry packet in answer to the first Initial packet.
#[derive(Clone, Debug)]
pub struct Retry {
    /// The token; an empty one is against the rules.
    pub token: Vec<u8>,
    /// Its integrity tag is right.
    pub genuine: bool,
    /// How many are sent for one Initial packet.
    pub copies: usize,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            token: b"a token to come back with".to_vec(),
            genuine: true,
            copies: 1,
        }
    }
}

/// How a scripted server behaves; the default is honest.
pub struct Options {
    /// All randomness of the server follows from it.
    pub seed: u64,
    /// Who signed the default identity.
    pub root: CertificateDer<'static>,
    /// What the server proves itself with.
    pub identity: Identity,
    /// Cipher suites, the preferred first.
    pub suites: Vec<Suite>,
    /// Key exchange groups.
    pub groups: Vec<Group>,
    /// Application protocols.
    pub protocols: Vec<Vec<u8>>,
    /// Session tickets after the handshake.
    pub tickets: usize,
    /// Asks for a client certificate of this authority.
    pub client_authority: Option<CertificateDer<'static>>,
    /// What the server promises; connection IDs that are `None` are filled in as the RFC wants them.
    pub parameters: TransportParameters,
    /// The connection IDs are filled in.
    pub identifies_itself: bool,
    /// Changes the encoded parameters.
    pub alter_parameters: Option<AlterParameters>,
    /// Changes handshake messages.
    pub alter_handshake: Option<AlterHandshake>,
    /// Answers the first Initial packet with a Retry.
    pub retry: Option<Retry>,
    /// Handshake bytes are sent as they come; else the script sends them.
    pub sends_handshake: bool,
    /// Received packets are acknowledged.
    pub acknowledges: bool,
    /// HANDSHAKE_DONE is sent when the handshake is complete, and 1-RTT packets are acknowledged.
    pub confirms: bool,
    /// The server's connection ID.
    pub connection_id: Vec<u8>,
    /// Answers in this version, if it is not the one that the client began in.
    pub version: Option<Version>,
    /// Says in its transport parameters which version it has chosen.
    pub names_versions: bool,
    /// Takes first flights in these versions only, and answers others with the list; all that are known, if empty.
    pub offers: Vec<Version>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            root: quinn::root(),
            identity: quinn::Options::default().identity,
            suites: vec![Suite::Aes128Gcm, Suite::ChaCha20Poly1305],
            groups: vec![Group::X25519, Group::P256],
            protocols: vec![b"h3".to_vec()],
            tickets: 0,
            client_authority: None,
            parameters: TransportParameters {
                max_idle_timeout_ms: 30_000,
                initial_max_data: 1 << 20,
                initial_max_stream_data_bidi_local: 1 << 18,
                initial_max_stream_data_bidi_remote: 1 << 18,
                initial_max_stream_data_uni: 1 << 18,
                initial_max_streams_bidi: 100,
                initial_max_streams_uni: 3,
                active_connection_id_limit: 4,
                ..TransportParameters::DEFAULT
            },
            identifies_itself: true,
            alter_parameters: None,
            alter_handshake: None,
            retry: None,
            sends_handshake: true,
            acknowledges: true,
            confirms: true,
            connection_id: b"scripted".to_vec(),
            version: None,
            names_versions: true,
            offers: Vec::new(),
        }
    }
}

impl Options {
    /// The same with other transport parameters.
    #[must_use]
    pub fn parameters(mut self, change: impl FnOnce(&mut TransportParameters)) -> Self {
        change(&mut self.parameters);
        self
    }

    /// The same, changing the encoded parameters.
    #[must_use]
    pub fn alter_parameters(mut self, alter: impl FnMut(Vec<u8>) -> Vec<u8> + 'static) -> Self {
        self.alter_parameters = Some(Box::new(alter));
        self
    }

    /// The same, changing handshake bytes.
    #[must_use]
    pub fn alter_handshake(
        mut self,
        alter: impl FnMut(Space, Vec<u8>) -> Vec<u8> + 'static,
    ) -> Self {
        self.alter_handshake = Some(Box::new(alter));
        self
    }
}
