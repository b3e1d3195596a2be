//! Randomness: a ChaCha20 generator, seeded once with 32 bytes from the outside.
//!
//! Invariant: the same seed gives the same stream, on every target.

use core::convert::Infallible;
use core::fmt;

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};

/// The engine's generator. Through `rand_core`'s traits it is what key generation asks for.
pub struct Random {
    generator: ChaCha20Rng,
}

impl Random {
    /// A generator whose whole output follows from `seed`, which has to be secret and used once.
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            generator: ChaCha20Rng::from_seed(seed),
        }
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.generator.fill_bytes(bytes);
    }

    /// Any number, all equally likely.
    pub fn u64(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// A number below `limit`, all equally likely; 0 for a limit of 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 {
            return 0;
        }
        // The highest multiple of `limit` bounds what may be reduced; the rest would favour small results.
        let uneven = (u64::MAX % limit + 1) % limit;
        loop {
            let value = self.u64();
            if value <= u64::MAX - uneven {
                return value % limit;
            }
        }
    }
}

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.generator.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.generator.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.generator.try_fill_bytes(bytes)
    }
}

impl TryCryptoRng for Random {}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Random").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::vectors::hex;

    #[test]
    fn is_the_chacha20_key_stream_of_its_seed() {
        // RFC 8439 appendix A.1, test vector 1: all-zero key and nonce, first block.
        let mut bytes = [0; 64];
        Random::new([0; 32]).fill(&mut bytes);
        assert_eq!(
            bytes[..],
            hex(
                "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7\
                 da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
            )
        );
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut random = Random::new([7; 32]);
        let mut seen = [0; 5];
        for _ in 0..1_000 {
            seen[usize::try_from(random.below(5)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&count| count > 100), "{seen:?}");
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
        // A limit above half the range rejects often: the loop has to end and stay inside.
        for _ in 0..100 {
            assert!(random.below((1 << 63) + 1) <= 1 << 63);
        }
    }

    #[test]
    fn debug_shows_no_state() {
        assert_eq!(std::format!("{:?}", Random::new([1; 32])), "Random { .. }");
    }
}
