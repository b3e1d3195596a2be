//! Log macros that become `defmt`, `log` or nothing, chosen by feature.
//!
//! `defmt` wins where both are on: it is the one that exists on a microcontroller.

#![allow(unused_macros, unused_imports)]

macro_rules! log_at {
    ($level:ident, $($argument:tt)*) => {{
        #[cfg(feature = "defmt")]
        defmt::$level!($($argument)*);
        #[cfg(all(feature = "log", not(feature = "defmt")))]
        log::$level!($($argument)*);
        #[cfg(not(any(feature = "log", feature = "defmt")))]
        let _ = || { let _ = format_args!($($argument)*); };
    }};
}

macro_rules! trace { ($($argument:tt)*) => { $crate::fmt::log_at!(trace, $($argument)*) }; }
macro_rules! debug { ($($argument:tt)*) => { $crate::fmt::log_at!(debug, $($argument)*) }; }
macro_rules! warning { ($($argument:tt)*) => { $crate::fmt::log_at!(warn, $($argument)*) }; }

pub(crate) use {debug, log_at, trace, warning};
