//! Why a packet has no effect: it is thrown away, or it ends the connection.
//!
//! Small, because it travels through every call on the way in; [`ConnectionError`] is made of it once.

use super::ConnectionError;
use super::keys::KeyError;
use crate::tls;
use crate::trace::Discard;
use crate::wire::TransportError;

/// The two kinds of refusal, the second by who found it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    /// The packet is thrown away, for this reason.
    Discard(Discard),
    /// The peer broke a rule of the transport.
    Transport(TransportError),
    /// The handshake failed.
    Tls(tls::Error),
    /// The server speaks none of our versions.
    Version,
}

impl Refusal {
    /// How the connection ends; `Err` if it goes on without the packet.
    pub(super) fn fatal(self) -> Result<ConnectionError, Discard> {
        Ok(match self {
            Self::Discard(reason) => return Err(reason),
            Self::Transport(error) => ConnectionError::Transport(error),
            Self::Tls(error) => ConnectionError::Tls(error),
            Self::Version => ConnectionError::VersionMismatch,
        })
    }
}

impl From<Discard> for Refusal {
    fn from(reason: Discard) -> Self {
        Self::Discard(reason)
    }
}

impl From<TransportError> for Refusal {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl From<tls::Error> for Refusal {
    fn from(error: tls::Error) -> Self {
        Self::Tls(error)
    }
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Undecryptable => Self::Discard(Discard::Undecryptable),
            KeyError::Fatal(error) => Self::Transport(error),
        }
    }
}
