//! Randomness, seeded once.

/// The engine's generator.
pub struct Random {}
