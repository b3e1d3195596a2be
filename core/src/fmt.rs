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

/// The image that is being built may say what happens to a connection: defmt's filter lets more than "info" through
/// somewhere. Otherwise nothing that leads to such a line is in it.
#[cfg(all(feature = "defmt", feature = "sink"))]
pub(crate) const IS_TELLING: bool = match option_env!("DEFMT_LOG") {
    Some(filter) => contains(filter.as_bytes(), b"debug") || contains(filter.as_bytes(), b"trace"),
    None => false,
};

#[cfg(all(feature = "defmt", feature = "sink"))]
const fn contains(text: &[u8], word: &[u8]) -> bool {
    match text {
        [_, rest @ ..] => starts_with(text, word) || contains(rest, word),
        [] => false,
    }
}

#[cfg(all(feature = "defmt", feature = "sink"))]
const fn starts_with(text: &[u8], word: &[u8]) -> bool {
    match (text, word) {
        (_, []) => true,
        ([a, text @ ..], [b, word @ ..]) => *a == *b && starts_with(text, word),
        _ => false,
    }
}

pub(crate) use {debug, log_at, trace, warning};
