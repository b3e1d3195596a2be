//! The server's certificates: read as they come, kept where needed, verified.

pub mod chain;
#[cfg(feature = "webpki")]
pub mod path;
#[cfg(any(test, feature = "pins", not(feature = "webpki")))]
pub mod public_key;
pub mod store;
