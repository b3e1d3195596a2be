//! Randomness from a seed: the same seed and purpose give the same values, on every machine.
//!
//! Invariant: two purposes of one seed share nothing, so that a new consumer does not shift the others' values.

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// A generator for one purpose of one seed.
#[derive(Debug)]
pub struct Random(ChaCha20Rng);

impl Random {
    /// The generator of `seed` for `purpose`.
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self(ChaCha20Rng::from_seed(bytes(seed, purpose)))
    }

    /// Fills `out`.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }

    /// 32 random bytes.
    pub fn key(&mut self) -> [u8; 32] {
        let mut key = [0; 32];
        self.fill(&mut key);
        key
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `end`, or 0 where `end` is 0. The bias of the modulus is of no matter here.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    /// True in `per_mille` of 1,000 cases.
    pub fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1000) < u64::from(per_mille)
    }
}

/// 32 bytes that depend on `seed` and `purpose` alone.
pub fn bytes(seed: u64, purpose: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_be_bytes());
    hasher.update(purpose);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_and_purposes_make_different_streams_that_repeat() {
        let draw = |seed, purpose| Random::new(seed, purpose).number();
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
    }

    #[test]
    fn chances_are_kept() {
        let mut random = Random::new(7, "chance");
        let hits = (0..100_000).filter(|_| random.chance(200)).count();
        assert!((19_000..21_000).contains(&hits), "{hits}");
        assert!((0..1000).all(|_| !random.chance(0) && random.chance(1000)));
    }
}
