//! Where a connection's randomness comes from. On these boards: from nowhere.

use core::convert::Infallible;

use quicpro_core::io::Entropy;

/// A number that the run was given. **Nothing is secret on a connection that is made from it.**
///
/// QEMU's boards have no source of randomness, and a repeatable run is what tests want. A product puts its
/// hardware generator here (the RNG or TRNG of its chip, after the health tests that its manual asks for), or
/// what a secure element hands out. A seed kept in flash is no substitute: two connections with the same 32
/// bytes use the same keys.
pub struct Seed {
    number: u64,
    /// How many connections were made: each gets other bytes.
    drawn: u64,
}

impl Seed {
    pub const fn new(number: u64) -> Self {
        Self { number, drawn: 0 }
    }
}

impl Entropy for Seed {
    type Error = Infallible;

    fn fill(&mut self, seed: &mut [u8; 32]) -> Result<(), Infallible> {
        *seed = [0; 32];
        seed[..8].copy_from_slice(&self.number.to_le_bytes());
        seed[8..16].copy_from_slice(&self.drawn.to_le_bytes());
        self.drawn += 1;
        Ok(())
    }
}
