//! A rustls provider whose every random byte comes from a seed.
//!
//! aws-lc does the rest, all of it deterministic: AEADs, Ed25519. Key exchange is made of dalek's X25519 and
//! RustCrypto's P-256, because aws-lc's take no randomness from outside.
//! Invariant: equal seeds and equal input give equal TLS messages.

use super::random::Random;
use p256::elliptic_curve::sec1::ToSec1Point;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret,
    SupportedKxGroup, aws_lc_rs,
};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use std::fmt::{Debug, Formatter};
use std::sync::{Mutex, PoisonError};

/// Groups of the seeded key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// X25519.
    X25519,
    /// NIST P-256.
    P256,
}

/// A provider for one endpoint of one simulation.
///
/// rustls wants its sources for ever, so they are leaked: about 400 bytes an endpoint, for a test's lifetime.
pub fn provider(random: Random, groups: &[Group]) -> CryptoProvider {
    let source: &'static Source = Box::leak(Box::new(Source(Mutex::new(random))));
    let group = |group: &Group| -> &'static dyn SupportedKxGroup {
        Box::leak(Box::new(SeededGroup {
            source,
            group: *group,
        }))
    };
    CryptoProvider {
        secure_random: source,
        kx_groups: groups.iter().map(group).collect(),
        ..aws_lc_rs::default_provider()
    }
}

struct Source(Mutex<Random>);

impl Source {
    fn key(&self) -> [u8; 32] {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).key()
    }
}

impl Debug for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

impl SecureRandom for Source {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill(buffer);
        Ok(())
    }
}

#[derive(Debug)]
struct SeededGroup {
    source: &'static Source,
    group: Group,
}

impl SupportedKxGroup for SeededGroup {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Ok(match self.group {
            Group::X25519 => {
                let secret = x25519_dalek::StaticSecret::from(self.source.key());
                let public = x25519_dalek::PublicKey::from(&secret);
                Box::new(X25519 { secret, public })
            }
            Group::P256 => {
                let secret = loop {
                    if let Ok(secret) = p256::SecretKey::from_slice(&self.source.key()) {
                        break secret;
                    }
                };
                let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
                Box::new(P256 { secret, public })
            }
        })
    }

    fn name(&self) -> NamedGroup {
        match self.group {
            Group::X25519 => NamedGroup::X25519,
            Group::P256 => NamedGroup::secp256r1,
        }
    }
}

struct X25519 {
    secret: x25519_dalek::StaticSecret,
    public: x25519_dalek::PublicKey,
}

impl ActiveKeyExchange for X25519 {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer: [u8; 32] = peer
            .try_into()
            .map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = self.secret.diffie_hellman(&peer.into());
        if !shared.was_contributory() {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        Ok(shared.as_bytes().as_slice().into())
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct P256 {
    secret: p256::SecretKey,
    public: Vec<u8>,
}

impl ActiveKeyExchange for P256 {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer =
            p256::PublicKey::from_sec1_bytes(peer).map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peer.as_affine());
        Ok(shared.raw_secret_bytes().as_slice().into())
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(seed: u64, group: Group) -> Vec<u8> {
        let provider = provider(Random::new(seed, "tls"), &[group]);
        provider.kx_groups[0]
            .start()
            .expect("a share")
            .pub_key()
            .to_vec()
    }

    #[test]
    fn shares_follow_the_seed_and_agree_with_aws_lc() {
        for (group, theirs) in [
            (Group::X25519, aws_lc_rs::kx_group::X25519),
            (Group::P256, aws_lc_rs::kx_group::SECP256R1),
        ] {
            assert_eq!(share(1, group), share(1, group));
            assert_ne!(share(1, group), share(2, group));
            let ours = provider(Random::new(1, "tls"), &[group]).kx_groups[0]
                .start()
                .expect("a share");
            let theirs = theirs
                .start_and_complete(ours.pub_key())
                .expect("agreement");
            let secret = ours.complete(&theirs.pub_key).expect("agreement");
            assert_eq!(
                secret.secret_bytes(),
                theirs.secret.secret_bytes(),
                "{group:?}"
            );
        }
    }

    #[test]
    fn worthless_shares_are_refused() {
        let ours = provider(Random::new(1, "tls"), &[Group::X25519]).kx_groups[0]
            .start()
            .expect("a share");
        assert!(ours.complete(&[0; 32]).is_err());
        let ours = provider(Random::new(1, "tls"), &[Group::P256]).kx_groups[0]
            .start()
            .expect("a share");
        assert!(ours.complete(&[4; 65]).is_err());
    }
}
