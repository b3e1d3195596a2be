//! Arm's MPS2 with image AN386: Cortex-M4F, LAN9118.

use crate::network::lan9118::Lan9118;
use crate::network::polled::Polled;

pub type Ethernet = Polled<Lan9118>;

pub const CLOCK_HZ: u32 = 25_000_000;

/// The controller, and the address that it came with. Once in the life of the program.
pub fn ethernet() -> Option<(Ethernet, [u8; 6])> {
    // SAFETY: the controller's registers are there, and nothing else in the program uses them.
    let (controller, address) = unsafe { Lan9118::new(0x4020_0000) }?;
    Some((Polled(controller), address))
}
