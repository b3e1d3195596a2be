//! The key schedule (RFC 8446 §7.1), one type for each stage; a stage is used up by the step to the next.
//!
//! ```text
//! 0 ─ Extract ─ early secret           no pre-shared key: of zeros
//!        │ Derive-Secret "derived"
//! ECDHE ─ Extract ─ handshake secret ──► c hs traffic, s hs traffic     (HandshakeSecrets)
//!        │ Derive-Secret "derived"
//! 0 ─ Extract ─ master secret ──► c ap traffic, s ap traffic            (ApplicationSecrets)
//! ```
//!
//! Invariant: application secrets exist only after the transcript reached the server's Finished.

use crate::crypto::hkdf::{Secret, extract};
use crate::crypto::{Digest, Hash};

/// The stage in which the rest of the handshake is protected.
#[derive(Debug)]
pub struct HandshakeSecrets {
    hash: Hash,
    /// What the master secret is extracted with.
    salt: Secret,
    client: Secret,
    server: Secret,
}

/// The stage in which application data is protected.
#[derive(Debug)]
pub struct ApplicationSecrets {
    /// client_application_traffic_secret_0
    pub client: Secret,
    /// server_application_traffic_secret_0
    pub server: Secret,
}

impl HandshakeSecrets {
    /// From the result of the key exchange, and the transcript up to ServerHello.
    pub fn new(hash: Hash, shared_secret: &[u8], transcript: &Digest) -> Self {
        let zeros = ZEROS.get(..hash.length()).unwrap_or_default();
        let early = extract(hash, &[], zeros);
        let handshake = extract(hash, derived(hash, &early).as_slice(), shared_secret);
        Self {
            hash,
            salt: derived(hash, &handshake),
            client: handshake.derive(hash, b"c hs traffic", transcript.as_slice()),
            server: handshake.derive(hash, b"s hs traffic", transcript.as_slice()),
        }
    }

    /// client_handshake_traffic_secret
    pub fn client(&self) -> &Secret {
        &self.client
    }

    /// server_handshake_traffic_secret
    pub fn server(&self) -> &Secret {
        &self.server
    }

    /// What the server's Finished has to say when the transcript before it has this digest.
    pub fn server_finished(&self, transcript: &Digest) -> Digest {
        finished(self.hash, &self.server, transcript)
    }

    /// What the client's Finished says when the transcript before it has this digest.
    pub fn client_finished(&self, transcript: &Digest) -> Digest {
        finished(self.hash, &self.client, transcript)
    }

    /// The last stage, from the transcript up to the server's Finished.
    pub fn application(&self, transcript: &Digest) -> ApplicationSecrets {
        let master = extract(
            self.hash,
            self.salt.as_slice(),
            ZEROS.get(..self.hash.length()).unwrap_or_default(),
        );
        let secret = |label| master.derive(self.hash, label, transcript.as_slice());
        ApplicationSecrets {
            client: secret(b"c ap traffic"),
            server: secret(b"s ap traffic"),
        }
    }
}

/// Input of the extractions that have no secret of their own.
const ZEROS: [u8; 48] = [0; 48];

fn derived(hash: Hash, secret: &Secret) -> Secret {
    secret.derive(hash, b"derived", hash.digest(&[]).as_slice())
}

//= rfc8446#4.4.4
fn finished(hash: Hash, secret: &Secret, transcript: &Digest) -> Digest {
    let key = secret.derive(hash, b"finished", &[]);
    hash.hmac(key.as_slice(), transcript.as_slice())
}

#[cfg(all(test, feature = "x25519", feature = "p256"))]
mod tests {
    use super::super::test::rfc8448::*;
    use super::super::transcript::Transcript;
    use super::*;
    use crate::crypto::vectors::hex;

    //= rfc8446#7.1 test
    //= rfc8446#4.4.4 test
    #[test]
    fn the_simple_handshake_of_rfc_8448() {
        let mut transcript = Transcript::new(Hash::Sha256, &hex(CLIENT_HELLO));
        transcript.add(&hex(SERVER_HELLO));
        let shared = hex(SHARED_SECRET);
        let secrets = HandshakeSecrets::new(Hash::Sha256, &shared, &transcript.digest());
        assert_eq!(secrets.client().as_slice(), hex(CLIENT_HANDSHAKE));
        assert_eq!(secrets.server().as_slice(), hex(SERVER_HANDSHAKE));
        let flight = hex(SERVER_FLIGHT);
        let (rest, finished) = flight.split_at(flight.len() - 36);
        transcript.add(rest);
        let expected = secrets.server_finished(&transcript.digest());
        assert_eq!(expected.as_slice(), &finished[4..]);
        transcript.add(finished);
        let digest = transcript.digest();
        let application = secrets.application(&digest);
        assert_eq!(application.client.as_slice(), hex(CLIENT_APPLICATION));
        assert_eq!(application.server.as_slice(), hex(SERVER_APPLICATION));
        let expected = secrets.client_finished(&digest);
        assert_eq!(expected.as_slice(), hex(CLIENT_FINISHED));
    }
}
