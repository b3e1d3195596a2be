//! Priorities (RFC 9218): how urgent a response is, and whether parts of it are of use.
//!
//! Invariant: the urgency is from 0 to 7.

use crate::stream;

/// A request's priority, said in the `priority` field or in a PRIORITY_UPDATE frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Priority {
    urgency: u8,
    incremental: bool,
}

/// What a priority has at most to say: `u=7, i`.
const TEXT_MAX: usize = 6;

impl Priority {
    /// Urgency from 0, the most urgent, to 7; larger numbers count as 7.
    pub const fn new(urgency: u8) -> Self {
        Self {
            urgency: if urgency > 7 { 7 } else { urgency },
            incremental: false,
        }
    }

    /// The same for a response of which parts can be used, so that it may share the way with others.
    #[must_use]
    pub const fn incremental(self) -> Self {
        Self {
            incremental: true,
            ..self
        }
    }

    /// From 0, the most urgent, to 7.
    pub const fn urgency(self) -> u8 {
        self.urgency
    }

    /// Parts of the response are of use.
    pub const fn is_incremental(self) -> bool {
        self.incremental
    }

    /// The value of the `priority` field.
    pub(crate) fn text(self) -> Text {
        let mut text = Text {
            bytes: *b"u=0, i",
            // Six.
            length: if self.incremental { TEXT_MAX as u8 } else { 3 },
        };
        text.bytes[2] += self.urgency;
        text
    }
}

impl From<Priority> for stream::Priority {
    fn from(priority: Priority) -> Self {
        Self {
            urgency: priority.urgency,
            incremental: priority.incremental,
        }
    }
}

impl Default for Priority {
    /// Urgency 3, not incremental.
    fn default() -> Self {
        Self::new(3)
    }
}

/// A priority as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    bytes: [u8; TEXT_MAX],
    length: u8,
}

impl Text {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9218#4 test
    #[test]
    fn text() {
        assert_eq!(Priority::default().text().as_bytes(), b"u=3");
        assert_eq!(Priority::new(9).text().as_bytes(), b"u=7");
        assert_eq!(Priority::new(0).incremental().text().as_bytes(), b"u=0, i");
    }
}
