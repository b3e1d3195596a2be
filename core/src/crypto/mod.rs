//! Keys and what is done with them: packet protection (RFC 9001 §5), the key schedule's primitives, key exchange,
//! signatures. No time, no policy.
//!
//! Invariant: a secret is wiped when it is dropped, and `Debug` never prints one.

pub mod aead;
mod aes_key;
#[cfg(any(feature = "p256", feature = "p384"))]
mod curve_point;
pub mod external;
pub mod hash;
pub mod header_protection;
pub mod hkdf;
pub mod initial;
pub mod key_exchange;
pub mod packet_key;
pub mod random;
pub mod retry_tag;
pub mod signature;
mod suite;
mod version;

#[cfg(test)]
mod rfc9001;
#[cfg(all(test, feature = "v2"))]
mod rfc9369;
#[cfg(test)]
pub(crate) mod vectors;

pub use aead::{OpenError, TAG_LENGTH};
pub use external::Provider;
pub use hash::{Digest, Hash, Hasher};
pub use header_protection::{HeaderKey, Unprotected};
pub use hkdf::Secret;
pub use key_exchange::{Group, KeyExchangeError, KeyShare, SharedSecret};
pub use packet_key::{DirectionKeys, Keys, PacketKey};
pub use random::Random;
pub use signature::{SignatureScheme, Signer};
pub use suite::Suite;
