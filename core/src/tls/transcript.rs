//! The transcript hash (RFC 8446 §4.4.1): every handshake message in order, those of both sides.
//!
//! Invariant: after HelloRetryRequest the first ClientHello is in it only as its own digest.

use super::message::{HEADER_LENGTH, MessageType};
use crate::crypto::{Digest, Hash, Hasher};

/// The hash of all messages so far.
#[derive(Clone, Debug)]
pub struct Transcript(Hasher);

impl Transcript {
    /// A transcript that starts with `client_hello`.
    pub fn new(hash: Hash, client_hello: &[u8]) -> Self {
        let mut hasher = Hasher::new(hash);
        hasher.update(client_hello);
        Self(hasher)
    }

    /// A transcript that starts with the stand-in for the `client_hello` that was answered by HelloRetryRequest.
    //= rfc8446#4.4.1
    pub fn retried(hash: Hash, client_hello: &[u8]) -> Self {
        let digest = hash.digest(client_hello);
        // 32 or 48.
        let length = digest.as_slice().len() as u8;
        let header: [u8; HEADER_LENGTH] = [MessageType::MESSAGE_HASH.0, 0, 0, length];
        let mut transcript = Self::new(hash, &header);
        transcript.add(digest.as_slice());
        transcript
    }

    /// Adds the next bytes of a message.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything so far.
    pub fn digest(&self) -> Digest {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc8446#4.4.1 test
    #[test]
    fn a_retried_hello_is_replaced_by_its_digest() {
        let mut message = std::vec![254, 0, 0, 32];
        message.extend_from_slice(Hash::Sha256.digest(b"first hello").as_slice());
        message.extend_from_slice(b"rest");
        let mut transcript = Transcript::retried(Hash::Sha256, b"first hello");
        transcript.add(b"re");
        transcript.add(b"st");
        assert_eq!(transcript.digest(), Hash::Sha256.digest(&message));
    }
}
