//! Points in time as the engine knows them: microseconds since any epoch the caller likes.
//!
//! The engine never asks for the time; every verb that needs it takes an [`Instant`]. Inside, spans of time are
//! plain microseconds and a deadline that does not exist is [`Instant::NEVER`], so that the earliest of several
//! is their minimum; `Duration` and `Option` appear where the user is.
//! Invariant: the caller's clock never goes backwards; if it does, durations saturate at zero.

use core::ops::{Add, Sub};
pub use core::time::Duration;

/// A monotonic point in time, in microseconds since an epoch of the caller's choice.
///
/// Zero is an ordinary value. 64 bits of microseconds last for half a million years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The epoch itself.
    pub const ZERO: Self = Self(0);

    /// The end of time: the deadline of what will not happen.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// A point `micros` microseconds after the epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`, zero if `earlier` is later.
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.since(earlier))
    }

    /// Microseconds passed since `earlier`, zero if `earlier` is later.
    pub(crate) const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The point `micros` microseconds later, at most the end of time.
    pub(crate) const fn after(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// The deadline as the user is told of it.
    pub(crate) fn unless_never(self) -> Option<Self> {
        (self != Self::NEVER).then_some(self)
    }
}

/// Microseconds of a duration, saturating: the engine's arithmetic is in `u64` microseconds.
pub(crate) const fn micros(duration: Duration) -> u64 {
    let whole = duration.as_secs().saturating_mul(1_000_000);
    // `From` is not const.
    whole.saturating_add(duration.subsec_micros() as u64)
}

impl Add<Duration> for Instant {
    type Output = Self;
    /// Saturates at the end of time.
    fn add(self, duration: Duration) -> Self {
        self.after(micros(duration))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    /// Saturates at the epoch.
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }
}

impl Sub for Instant {
    type Output = Duration;
    /// Saturates at zero.
    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let one = Instant::from_micros(1);
        assert_eq!(one - Duration::from_secs(1), Instant::ZERO);
        assert_eq!(
            Instant::from_micros(u64::MAX) + Duration::MAX,
            Instant::from_micros(u64::MAX)
        );
        assert_eq!(Instant::ZERO - one, Duration::ZERO);
        assert_eq!(
            one + Duration::from_millis(2) - one,
            Duration::from_millis(2)
        );
    }

    #[test]
    fn what_never_happens_is_later_than_everything() {
        assert_eq!(Instant::ZERO.after(u64::MAX).unless_never(), None);
        let last = Instant::from_micros(u64::MAX - 1);
        assert_eq!(last.min(Instant::NEVER).unless_never(), Some(last));
        assert_eq!(
            (
                last.since(Instant::NEVER),
                Instant::ZERO.after(3).since(Instant::ZERO)
            ),
            (0, 3)
        );
    }
}
