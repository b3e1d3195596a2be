//! Arm's MPS2 with image AN386: Cortex-M4F, LAN9118.

pub use crate::network::lan9118::Lan9118 as Ethernet;

pub const CLOCK_HZ: u32 = 25_000_000;

/// The controller, and the address that it came with. Once in the life of the program.
pub fn ethernet() -> Option<(Ethernet, [u8; 6])> {
    // SAFETY: the controller's registers are there, and nothing else in the program uses them.
    unsafe { Ethernet::new(0x4020_0000) }
}
