//! UDP over the board's Ethernet: drivers, and smoltcp behind embedded-nal's trait.

#[cfg(feature = "mps2-an386")]
pub mod lan9118;
mod stack;
#[cfg(feature = "lm3s6965evb")]
pub mod stellaris;

pub use stack::{Buffers, EngineSocket, Error, Network, Sockets, Udp};

use smoltcp::phy::{DeviceCapabilities, Medium};

/// The longest Ethernet frame, with its check sum, in whole words.
const FRAME_MAX: usize = 1520;

/// Ethernet, and one frame at a time: nothing is queued but in the controller.
fn capabilities() -> DeviceCapabilities {
    let mut capabilities = DeviceCapabilities::default();
    capabilities.medium = Medium::Ethernet;
    capabilities.max_transmission_unit = 1514;
    capabilities.max_burst_size = Some(1);
    capabilities
}

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
