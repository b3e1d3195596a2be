//! Why a connection ended (RFC 9000 §10).

use crate::codec::copy;
use crate::wire::frame::Close;
use crate::wire::{Code, TransportError};

/// Bytes of a peer's reason phrase that are kept; the rest is cut.
pub const REASON_BYTES_MAX: usize = 64;

/// The first bytes of a reason phrase, as the peer sent them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    bytes: [u8; REASON_BYTES_MAX],
    length: u8,
}

impl Reason {
    /// No reason.
    pub const EMPTY: Self = Self {
        bytes: [0; REASON_BYTES_MAX],
        length: 0,
    };

    /// The first [`REASON_BYTES_MAX`] bytes of `reason`.
    pub fn new(reason: &[u8]) -> Self {
        let mut new = Self::EMPTY;
        let length = reason.len().min(REASON_BYTES_MAX);
        copy(&mut new.bytes, reason);
        // At most REASON_BYTES_MAX, which is less than 256.
        new.length = length as u8;
        new
    }

    /// The bytes that were kept.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }

    /// For display: all but printable ASCII is escaped, which needs no table of characters.
    fn escaped(&self) -> core::slice::EscapeAscii<'_> {
        self.as_bytes().escape_ascii()
    }

    /// The part of it that is text.
    pub fn as_str(&self) -> &str {
        match core::str::from_utf8(self.as_bytes()) {
            Ok(text) => text,
            Err(error) => {
                core::str::from_utf8(&self.as_bytes()[..error.valid_up_to()]).unwrap_or("")
            }
        }
    }
}

impl core::fmt::Debug for Reason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Reason {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
    }
}

/// A CONNECTION_CLOSE, sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CloseReason {
    /// By the transport (type 0x1c).
    Transport {
        /// Why.
        code: Code,
        /// Type of the frame that caused it, 0 for none.
        frame: u64,
        /// For people.
        reason: Reason,
    },
    /// By the application (type 0x1d).
    Application {
        /// The application's code.
        code: u64,
        /// For people.
        reason: Reason,
    },
}

impl From<&Close<'_>> for CloseReason {
    fn from(close: &Close<'_>) -> Self {
        match *close {
            Close::Transport {
                code,
                frame,
                reason,
            } => Self::Transport {
                code,
                frame,
                reason: Reason::new(reason),
            },
            Close::Application { code, reason } => Self::Application {
                code,
                reason: Reason::new(reason),
            },
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ConnectionError {
    /// Nothing was heard for the idle timeout.
    TimedOut,
    /// The peer lost its state (stateless reset).
    Reset,
    /// We closed it.
    Local(CloseReason),
    /// The peer closed it.
    Peer(CloseReason),
    /// The peer broke a rule, and was told.
    Transport(TransportError),
    /// The TLS handshake failed on our side, and the peer was told by an alert.
    Tls(crate::tls::Error),
    /// The server speaks none of our versions.
    VersionMismatch,
}

impl core::fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let by = |f: &mut core::fmt::Formatter<'_>, who: &str, close: &CloseReason| match close {
            CloseReason::Transport { code, reason, .. } => {
                write!(f, "closed by {who} with {code} \"{}\"", reason.escaped())
            }
            CloseReason::Application { code, reason } => {
                write!(
                    f,
                    "closed by {who} with application code {code:#x} \"{}\"",
                    reason.escaped()
                )
            }
        };
        match self {
            Self::TimedOut => f.write_str("no answer within the idle timeout"),
            Self::Reset => f.write_str("stateless reset by the peer"),
            Self::Local(close) => by(f, "us", close),
            Self::Peer(close) => by(f, "the peer", close),
            Self::Transport(error) => write!(f, "the peer broke the protocol: {error}"),
            Self::Tls(error) => write!(f, "TLS: {error}"),
            Self::VersionMismatch => f.write_str("no common QUIC version"),
        }
    }
}

impl core::error::Error for ConnectionError {}
