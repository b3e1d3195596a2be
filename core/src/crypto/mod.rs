//! Cryptography.
pub mod random;
