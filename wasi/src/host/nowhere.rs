//! Outside WebAssembly there is no such host: every call says so, and no time passes.
//!
//! It lets the crate be checked and documented on any machine; a client made there fails with a clear error.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use quicpro_core::connection::{Receive, Transmit};
use quicpro_core::io::{Clock, Entropy, Sent, Socket};
use quicpro_core::{Instant, WallClock};

use super::HostError;

/// A UDP socket, connected to one server.
#[derive(Debug)]
pub struct Udp(());

/// The host's monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Monotonic;

/// The host's generator of randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct Random;

/// The addresses of `name`, in the host's order; it takes no longer than `until`.
///
/// # Errors
/// What the host says.
pub fn lookup(_name: &str, _until: Option<Instant>) -> Result<Vec<IpAddr>, HostError> {
    Err(HostError::NotSupported)
}

/// The time of day.
pub fn wall_clock() -> WallClock {
    WallClock::At(0)
}

impl Udp {
    /// A socket to `remote`.
    ///
    /// # Errors
    /// What the host says.
    pub fn connect(_remote: SocketAddr) -> Result<Self, HostError> {
        Err(HostError::NotSupported)
    }
}

impl Socket for Udp {
    type Error = HostError;

    fn send(&mut self, _transmit: &Transmit, _bytes: &[u8]) -> Result<Sent, HostError> {
        Err(HostError::NotSupported)
    }

    fn receive(&mut self, _buffer: &mut [u8]) -> Result<Option<(usize, Receive)>, HostError> {
        Err(HostError::NotSupported)
    }

    fn wait(&mut self, _until: Option<Instant>) -> Result<(), HostError> {
        Err(HostError::NotSupported)
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Instant {
        Instant::ZERO
    }
}

impl Entropy for Random {
    type Error = HostError;

    fn fill(&mut self, _seed: &mut [u8; 32]) -> Result<(), HostError> {
        Err(HostError::NotSupported)
    }
}
