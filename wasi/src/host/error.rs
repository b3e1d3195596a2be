//! What the host answers when it does not do what it was asked for.

use core::fmt;

/// Why the host did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// Its policy forbids it: many runtimes give no network, or no names, unless told to.
    AccessDenied,
    /// It cannot do this at all.
    NotSupported,
    /// The name does not exist, or has no address.
    NameUnresolvable,
    /// There is no way to the address.
    Unreachable,
    /// Nobody listens at the address.
    Refused,
    /// It took too long.
    TimedOut,
    /// Anything else, with the interface's name for it.
    Other(&'static str),
}

impl HostError {
    /// Whether it tells something about the network rather than about this host: what QUIC repairs, or finds out by
    /// itself.
    pub(crate) const fn is_of_the_path(self) -> bool {
        matches!(self, Self::Unreachable | Self::Refused | Self::TimedOut)
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessDenied => "the host does not allow it",
            Self::NotSupported => "the host does not support it",
            Self::NameUnresolvable => "the name has no address",
            Self::Unreachable => "address unreachable",
            Self::Refused => "connection refused",
            Self::TimedOut => "no answer in time",
            Self::Other(name) => name,
        })
    }
}

impl core::error::Error for HostError {}
