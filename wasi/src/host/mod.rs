//! What a component needs of its host: UDP, names, two clocks, randomness.
//!
//! The only module that names the host's interfaces: another version of WASI is another file here. Its [`Udp`],
//! [`Monotonic`] and [`Random`] are the engine's `Socket`, `Clock` and `Entropy`, so a program that wants the engine
//! itself can drive it with [`quicpro_core::io::drive`].
//!
//! Invariant: no call blocks but `lookup` and `Udp::wait`, and both end at the time given.

mod error;

#[cfg(not(target_arch = "wasm32"))]
mod nowhere;
#[cfg(target_arch = "wasm32")]
mod preview2;

pub use error::HostError;
#[cfg(not(target_arch = "wasm32"))]
pub use nowhere::{Monotonic, Random, Udp, lookup, wall_clock};
#[cfg(target_arch = "wasm32")]
pub use preview2::{Monotonic, Random, Udp, lookup, wall_clock};
