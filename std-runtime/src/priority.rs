//! How urgent a response is to the caller, as RFC 9218 tells the server.

use std::fmt;

/// Named weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PriorityLevel {
    /// Before everything else: urgency 0.
    High,
    /// The default of RFC 9218: urgency 3.
    #[default]
    Normal,
    /// After everything else: urgency 7.
    Low,
}

/// The weight of a request, 1 (first) to 256 (last), and whether parts of the response are of use by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamPriority {
    weight: u16,
    incremental: bool,
}

/// A weight outside 1 to 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightError(u16);

impl StreamPriority {
    /// A priority of `weight`, 1 (first) to 256 (last).
    pub const fn new(weight: u16) -> Result<Self, WeightError> {
        if weight >= 1 && weight <= 256 {
            Ok(Self {
                weight,
                incremental: false,
            })
        } else {
            Err(WeightError(weight))
        }
    }

    /// Whether the server may interleave this response with others of the same urgency.
    pub const fn incremental(mut self, incremental: bool) -> Self {
        self.incremental = incremental;
        self
    }

    /// The weight it was made with.
    pub const fn weight(self) -> u16 {
        self.weight
    }

    //= rfc9218#4.1
    /// The urgency sent to the server, 0 (first) to 7 (last): 32 weights share one.
    pub const fn urgency(self) -> u8 {
        ((self.weight - 1) >> 5) as u8 // below 8: a weight is at most 256
    }

    /// Whether the server may interleave this response with others of the same urgency.
    pub const fn is_incremental(self) -> bool {
        self.incremental
    }
}

impl From<PriorityLevel> for StreamPriority {
    fn from(level: PriorityLevel) -> Self {
        let weight = match level {
            PriorityLevel::High => 1,
            PriorityLevel::Normal => 128,
            PriorityLevel::Low => 256,
        };
        Self {
            weight,
            incremental: false,
        }
    }
}

impl Default for StreamPriority {
    fn default() -> Self {
        PriorityLevel::Normal.into()
    }
}

impl PartialOrd for StreamPriority {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for StreamPriority {
    /// By weight: the lesser goes first.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.weight, self.incremental).cmp(&(other.weight, other.incremental))
    }
}

impl fmt::Display for WeightError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a stream's weight is 1 to 256, not {}", self.0)
    }
}

impl std::error::Error for WeightError {}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9218#4.1 test
    #[test]
    fn weights_cover_all_urgencies() {
        assert_eq!(StreamPriority::from(PriorityLevel::High).urgency(), 0);
        assert_eq!(StreamPriority::default().urgency(), 3);
        assert_eq!(StreamPriority::from(PriorityLevel::Low).urgency(), 7);
        assert!(StreamPriority::new(0).is_err() && StreamPriority::new(257).is_err());
        assert!(StreamPriority::new(1).unwrap() < StreamPriority::new(2).unwrap());
    }
}
