//! UDP over the board's Ethernet: drivers, and smoltcp behind embedded-nal's trait.

#[cfg(feature = "mps2-an386")]
pub mod lan9118;
pub mod polled;
mod stack;
#[cfg(feature = "lm3s6965evb")]
pub mod stellaris;

pub use stack::{Buffers, EngineSocket, Error, Network, Sockets, Udp};

/// A register of 32 bits at a fixed address.
#[derive(Clone, Copy)]
struct Register(usize);

impl Register {
    /// # Safety
    /// There must be a device's register at `address`, for as long as the value is used, and reading and writing
    /// it must not touch memory that the program has.
    const unsafe fn new(address: usize) -> Self {
        Self(address)
    }

    fn read(self) -> u32 {
        // SAFETY: promised to `new`.
        unsafe { (self.0 as *const u32).read_volatile() }
    }

    fn write(self, value: u32) {
        // SAFETY: promised to `new`.
        unsafe { (self.0 as *mut u32).write_volatile(value) }
    }
}
