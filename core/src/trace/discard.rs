//! Why received bytes were thrown away, and how often.
//!
//! Invariant: a count stays at its maximum once there.

/// Why received bytes were thrown away. None of these is an error of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Discard {
    /// The bytes are no QUIC packet.
    Malformed,
    /// From an address that is not the server's.
    WrongAddress,
    /// For a connection ID that is not ours.
    UnknownConnectionId,
    /// A version that was not offered.
    WrongVersion,
    /// The keys are not there yet, or no longer.
    NoKeys,
    /// Did not authenticate.
    Undecryptable,
    /// The number was seen before, or lies below the floor of what is remembered.
    Duplicate,
    /// CRYPTO data beyond the window during the handshake: as if lost.
    CryptoBeyondWindow,
    /// A Retry or Version Negotiation packet that may not be acted on.
    Unexpected,
    /// The connection is closing or over.
    Closed,
}

impl Discard {
    /// How many reasons there are.
    pub const COUNT: usize = Self::Closed.index() + 1;

    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Malformed,
        Self::WrongAddress,
        Self::UnknownConnectionId,
        Self::WrongVersion,
        Self::NoKeys,
        Self::Undecryptable,
        Self::Duplicate,
        Self::CryptoBeyondWindow,
        Self::Unexpected,
        Self::Closed,
    ];

    /// The variant's number.
    const fn index(self) -> usize {
        self as usize
    }

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongAddress => "wrong address",
            Self::UnknownConnectionId => "unknown connection ID",
            Self::WrongVersion => "wrong version",
            Self::NoKeys => "no keys",
            Self::Undecryptable => "undecryptable",
            Self::Duplicate => "duplicate",
            Self::CryptoBeyondWindow => "CRYPTO data beyond the window",
            Self::Unexpected => "unexpected",
            Self::Closed => "closed",
        }
    }
}

/// Counters that are always kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    discarded: [u32; Discard::COUNT],
}

impl Trace {
    /// Nothing counted yet.
    pub const fn new() -> Self {
        Self {
            discarded: [0; Discard::COUNT],
        }
    }

    /// Counts a discard; the count stays at its maximum once there.
    pub fn discard(&mut self, reason: Discard) {
        if let Some(count) = self.discarded.get_mut(reason.index()) {
            *count = count.saturating_add(1);
        }
    }

    /// How often bytes were thrown away for `reason`.
    pub fn discarded(&self, reason: Discard) -> u32 {
        self.discarded.get(reason.index()).copied().unwrap_or(0)
    }
}
