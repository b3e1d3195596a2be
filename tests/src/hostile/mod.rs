//! What a client has to stand, as a function of bytes: a script for the server that it is connected to.
//!
//! [`connection`] is a property like those of the engine's parsers (`quicpro_core::properties`): fuzz targets and tests
//! give it bytes, and it panics where the client does what it must not. The handshake is a real one, and what the
//! script says is sealed by the server's own keys, so that it gets in.
//!
//! Invariant: everything follows from the bytes; time is virtual.

mod guest;
mod script;
mod wire;

pub use guest::Guest;
pub use script::{Bounds, connection};
pub use wire::{Wire, address, instant};
