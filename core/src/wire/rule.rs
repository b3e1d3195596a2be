//! A rule that a peer can break: the error code it costs, and words for people.
//!
//! Invariant: rules are constants, so an error that names one is a pointer: results stay in registers, and
//! without the feature `reasons` the words take no space at all.

/// What is broken by an error, in static memory.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rule {
    code: u16,
    reason: &'static str,
}

impl Rule {
    /// The rule whose breach costs `code`. The codes that we choose are all below 2^16.
    pub const fn new(code: u64, reason: &'static str) -> Self {
        // `From` and `try_from` are not const.
        assert!(code <= u16::MAX as u64, "evaluated when compiled");
        Self {
            code: code as u16, // asserted
            reason,
        }
    }

    /// The number of the error code.
    pub const fn code(&self) -> u64 {
        self.code as u64 // wider
    }

    /// What was wrong, for people; empty without the feature `reasons`.
    pub const fn reason(&self) -> &'static str {
        self.reason
    }
}

/// `rule!(CODE, "words")`: a `&'static Rule`.
macro_rules! rule {
    ($code:expr, $reason:expr) => {
        const { &$crate::wire::Rule::new($code.get(), $crate::wire::reason!($reason)) }
    };
}

/// The words, or none: a small machine has no room for them.
#[cfg(feature = "reasons")]
macro_rules! reason {
    ($reason:expr) => {
        $reason
    };
}
#[cfg(not(feature = "reasons"))]
macro_rules! reason {
    ($reason:expr) => {
        ""
    };
}

pub(crate) use {reason, rule};
