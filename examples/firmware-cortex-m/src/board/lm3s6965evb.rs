//! Texas Instruments' Stellaris LM3S6965: Cortex-M3, Ethernet on the chip.

use crate::network::polled::Polled;
use crate::network::stellaris::Stellaris;

pub type Ethernet = Polled<Stellaris>;

pub const CLOCK_HZ: u32 = 12_500_000;

/// The controller, and the address that it came with. Once in the life of the program.
pub fn ethernet() -> Option<(Ethernet, [u8; 6])> {
    // SAFETY: this is that chip, and nothing else in the program uses the controller.
    let (controller, address) = unsafe { Stellaris::new() }?;
    Some((Polled(controller), address))
}
