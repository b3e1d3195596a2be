//! Stream identifiers (RFC 9000 §2.1). Invariant: the value is below 2^62.

use crate::codec::VarInt;

/// Which endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Side {
    /// The endpoint that opened the connection.
    Client,
    /// The endpoint that accepted it.
    Server,
}

impl Side {
    /// The other endpoint.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Whether both sides of a stream carry data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Direction {
    /// Both endpoints send.
    Bidirectional,
    /// Only the initiator sends.
    Unidirectional,
}

/// A stream's identity: initiator and direction in the two lowest bits, a counter above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StreamId(u64);

impl StreamId {
    /// The first of all: the client's first bidirectional stream.
    pub(crate) const ZERO: Self = Self(0);

    /// The stream number `index` (from 0) of its initiator and direction; `None` from index 2^60 on.
    pub const fn new(initiator: Side, direction: Direction, index: u64) -> Option<Self> {
        if index >= 1 << 60 {
            return None;
        }
        // `From` is not const.
        let initiator = matches!(initiator, Side::Server) as u64;
        let direction = matches!(direction, Direction::Unidirectional) as u64;
        Some(Self(index << 2 | direction << 1 | initiator))
    }

    /// The identity with this number on the wire.
    pub const fn from_varint(value: VarInt) -> Self {
        Self(value.get())
    }

    /// The identity with a number that was read as a variable-length integer, and so is below 2^62.
    pub(super) const fn decoded(value: u64) -> Self {
        debug_assert!(value <= VarInt::MAX.get(), "a varint");
        Self(value)
    }

    /// The number on the wire.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Who opened the stream.
    pub const fn initiator(self) -> Side {
        if self.0 & 1 == 0 {
            Side::Client
        } else {
            Side::Server
        }
    }

    /// One way or both.
    pub const fn direction(self) -> Direction {
        if self.0 & 2 == 0 {
            Direction::Bidirectional
        } else {
            Direction::Unidirectional
        }
    }

    /// How many streams of this initiator and direction came before.
    pub const fn index(self) -> u64 {
        self.0 >> 2
    }
}

impl core::fmt::Display for StreamId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9000#2.1 test
    #[test]
    fn the_two_lowest_bits_tell_the_kind() {
        let kinds = [
            (Side::Client, Direction::Bidirectional),
            (Side::Server, Direction::Bidirectional),
            (Side::Client, Direction::Unidirectional),
            (Side::Server, Direction::Unidirectional),
        ];
        for (bits, (initiator, direction)) in (0..).zip(kinds) {
            for index in [0, 1, (1 << 60) - 1] {
                let id = StreamId::new(initiator, direction, index).unwrap();
                assert_eq!(id.get(), index * 4 + bits);
                assert_eq!((id.initiator(), id.direction()), (initiator, direction));
                assert_eq!(id.index(), index);
                let number = VarInt::new(id.get()).expect("below 2^62");
                assert_eq!(StreamId::from_varint(number), id);
            }
            assert_eq!(StreamId::new(initiator, direction, 1 << 60), None);
        }
    }
}
