//! The networks in which senders are compared.
//!
//! Invariant: only the way up is narrow, lossy or out of order, so that what is compared is the sender.

use clap::ValueEnum;
use quicpro_tests::pair::{Bottleneck, Overtaking, Weather};
use std::time::Duration;

/// The line, in bytes per second: 50 Mbit/s.
pub const RATE: u64 = 6_250_000;
/// One way; a round trip has 40 ms.
pub const DELAY: Duration = Duration::from_millis(20);
/// Bytes that the line carries in a round trip.
pub const BDP: u64 = RATE * 40 / 1000;

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Cell {
    /// Nothing is lost but what the queue of 4 BDP does not take.
    Clear,
    /// One datagram in 1,000 is lost.
    #[value(name = "loss-0.1")]
    Loss01,
    /// One in 100.
    #[value(name = "loss-1")]
    Loss1,
    /// Five in 100.
    #[value(name = "loss-5")]
    Loss5,
    /// Nothing but what a queue of 2 BDP does not take.
    Shallow,
    /// Nothing is lost, but two datagrams in 100 are overtaken by 3 to 20 others.
    Reordering,
}

impl Cell {
    /// The networks of the table.
    pub const TABLE: [Self; 5] = [
        Self::Clear,
        Self::Loss01,
        Self::Loss1,
        Self::Loss5,
        Self::Shallow,
    ];

    /// For readers.
    pub fn title(self) -> &'static str {
        match self {
            Self::Clear => "no loss, queue 4 BDP",
            Self::Loss01 => "0.1 % loss, queue 4 BDP",
            Self::Loss1 => "1 % loss, queue 4 BDP",
            Self::Loss5 => "5 % loss, queue 4 BDP",
            Self::Shallow => "drop-tail, queue 2 BDP",
            Self::Reordering => "overtaken by 3 to 20",
        }
    }

    /// The way up.
    pub fn up(self, mtu: u16) -> Weather {
        let (loss, queue) = match self {
            Self::Clear | Self::Reordering => (0, 4 * BDP),
            Self::Loss01 => (1, 4 * BDP),
            Self::Loss1 => (10, 4 * BDP),
            Self::Loss5 => (50, 4 * BDP),
            Self::Shallow => (0, 2 * BDP),
        };
        let overtaking = (self == Self::Reordering).then_some(Overtaking {
            chance: 20,
            by: [3, 20],
            patience: Duration::from_millis(20),
        });
        Weather {
            loss,
            overtaking,
            bottleneck: Some(Bottleneck { rate: RATE, queue }),
            ..down(mtu)
        }
    }
}

/// The way back: wide and quiet.
pub fn down(mtu: u16) -> Weather {
    Weather {
        delay: DELAY,
        mtu: usize::from(mtu),
        ..Weather::default()
    }
}
