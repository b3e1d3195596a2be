//! What can go wrong, by who has to know: the peer, the user of a connection, the user of one request.

use super::Code;
use crate::connection::{CloseReason, ConnectionError, Reason};
use crate::qpack;
use crate::wire::{Rule, reason};

/// Why an HTTP/3 connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error {
    /// The transport ended it.
    Transport(ConnectionError),
    /// The server closed it with an HTTP/3 code.
    Peer {
        /// Why.
        code: Code,
        /// The server's words.
        reason: Reason,
    },
    /// We closed it: [`Code::NO_ERROR`] when asked to, another code when the server broke a rule.
    Local {
        /// What the server is told.
        code: Code,
        /// What was wrong, for people.
        reason: &'static str,
    },
}

impl Error {
    /// The HTTP/3 code, where the end has one.
    pub const fn code(&self) -> Option<Code> {
        match self {
            Self::Transport(_) => None,
            Self::Peer { code, .. } | Self::Local { code, .. } => Some(*code),
        }
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Peer(CloseReason::Application { code, reason }) => Self::Peer {
                code: Code::new(code),
                reason,
            },
            ConnectionError::Local(CloseReason::Application { code, .. }) => Self::Local {
                code: Code::new(code),
                reason: reason!("closed by the application"),
            },
            error => Self::Transport(error),
        }
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Transport(error) => error.fmt(f),
            Self::Peer { code, reason } if reason.as_str().is_empty() => {
                write!(f, "the server closed the connection: {code}")
            }
            Self::Peer { code, reason } => {
                write!(
                    f,
                    "the server closed the connection: {code} ({})",
                    reason.as_str()
                )
            }
            Self::Local { code, reason } => {
                write!(f, "we closed the connection: {code} ({reason})")
            }
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Transport(error) => Some(error),
            _ => None,
        }
    }
}

/// A rule that the peer broke and that ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation(&'static Rule);

impl Violation {
    pub(crate) const fn new(rule: &'static Rule) -> Self {
        Self(rule)
    }

    pub(crate) const fn code(self) -> Code {
        Code::new(self.0.code())
    }

    pub(crate) const fn reason(self) -> &'static str {
        self.0.reason()
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Local {
            code: violation.code(),
            reason: violation.reason(),
        }
    }
}

impl From<qpack::Error> for Violation {
    fn from(error: qpack::Error) -> Self {
        Self::new(error.rule())
    }
}

/// Why a response was given up on our side. The request is over; others are not affected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MessageError {
    /// The response breaks a rule of HTTP (RFC 9114 §4.1.2), and which.
    Malformed(&'static str),
    /// The fields are more than `Limits::field_section` permits.
    FieldsTooLarge {
        /// Bytes: encoded as announced, or decoded as RFC 9114 §4.2.2 counts them.
        length: u64,
    },
}

impl MessageError {
    /// What the server is told.
    pub const fn code(self) -> Code {
        match self {
            Self::Malformed(_) => Code::MESSAGE_ERROR,
            Self::FieldsTooLarge { .. } => Code::REQUEST_CANCELLED,
        }
    }
}

impl core::fmt::Display for MessageError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Malformed(reason) => write!(f, "malformed response: {reason}"),
            Self::FieldsTooLarge { length } => {
                write!(
                    f,
                    "response fields of {length} bytes are more than Limits::field_section permits"
                )
            }
        }
    }
}

impl core::error::Error for MessageError {}

/// What a received byte sequence broke: the connection or only its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Connection(Violation),
    Message(MessageError),
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self::Connection(violation)
    }
}

impl From<MessageError> for Fault {
    fn from(error: MessageError) -> Self {
        Self::Message(error)
    }
}

impl From<qpack::Error> for Fault {
    fn from(error: qpack::Error) -> Self {
        Self::Connection(error.into())
    }
}

/// Why a request was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RequestError {
    /// Not now: `Event::RequestsAvailable` follows.
    Blocked,
    /// More than the server accepts, or than our send window holds.
    FieldsTooLarge,
    /// HTTP does not allow such a request, and why.
    Invalid(&'static str),
    /// One of the two sides has announced the end: use a new connection.
    GoingAway,
    /// The connection is over.
    Closed,
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SendError {
    /// No room now: `Event::Writable` follows.
    Blocked,
    /// The server does not want (more of) the body. A response may still come.
    Stopped(Code),
    /// HTTP does not allow such trailers, and why.
    Invalid(&'static str),
    /// More than the server accepts, or than our send window holds.
    FieldsTooLarge,
    /// There is no such request, or its sending part is over.
    Closed,
}

impl From<SendError> for RequestError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Blocked => Self::Blocked,
            SendError::FieldsTooLarge => Self::FieldsTooLarge,
            SendError::Invalid(reason) => Self::Invalid(reason),
            SendError::Stopped(_) | SendError::Closed => Self::Closed,
        }
    }
}

/// Why nothing was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RecvError {
    /// Nothing there now: `Event::Data` or `Event::Finished` follows.
    Blocked,
    /// The server abandoned the response.
    Reset(Code),
    /// The response was given up on our side.
    Message(MessageError),
    /// There is no such request, or it was cancelled.
    Closed,
}

impl core::fmt::Display for RequestError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Blocked => f.write_str("no room for a request now"),
            Self::FieldsTooLarge => f.write_str("the request's fields are too large"),
            Self::Invalid(reason) => write!(f, "not a request that HTTP allows: {reason}"),
            Self::GoingAway => f.write_str("the connection takes no more requests"),
            Self::Closed => f.write_str("the connection is over"),
        }
    }
}

impl core::fmt::Display for SendError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Blocked => f.write_str("no room to send now"),
            Self::Stopped(code) => write!(f, "the server does not want the body: {code}"),
            Self::Invalid(reason) => write!(f, "not trailers that HTTP allows: {reason}"),
            Self::FieldsTooLarge => f.write_str("the trailers are too large"),
            Self::Closed => f.write_str("nothing more can be sent for this request"),
        }
    }
}

impl core::fmt::Display for RecvError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Blocked => f.write_str("nothing received yet"),
            Self::Reset(code) => write!(f, "the server abandoned the response: {code}"),
            Self::Message(error) => error.fmt(f),
            Self::Closed => f.write_str("the request is over"),
        }
    }
}

impl core::error::Error for RequestError {}
impl core::error::Error for SendError {}
impl core::error::Error for RecvError {}
