//! A client that makes a plan's exchanges, whoever plays it.
//!
//! Invariant: what it counts was received to its end and checked byte by byte.

use super::ours::Ours;
use super::quinn::Quinn;
use super::{Party, our_pattern, pattern};

/// A party that knows how far it is.
pub trait Exchanger: Party {
    /// Exchanges that are over.
    fn completed(&self) -> usize;

    /// Whether the handshake is complete.
    fn is_connected(&self) -> bool;

    /// What it says of itself.
    fn summary(&mut self) -> String;
}

impl Exchanger for Ours<our_pattern::Client> {
    fn completed(&self) -> usize {
        self.application.completed
    }

    fn is_connected(&self) -> bool {
        self.application.connected == 1
    }

    fn summary(&mut self) -> String {
        format!("{:?} {:?}", self.lost(), self.connection.stats())
    }
}

impl Exchanger for Quinn<pattern::Client> {
    fn completed(&self) -> usize {
        self.application.completed
    }

    fn is_connected(&self) -> bool {
        self.application.connected == 1
    }

    fn summary(&mut self) -> String {
        let lost = format!("{:?}", self.lost());
        let path = self.connection().map(|connection| connection.stats().path);
        format!("{lost} {path:?}")
    }
}
