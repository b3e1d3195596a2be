//! What engine and host report, in the words of this crate's errors.
//!
//! Invariant: a code keeps its number and its RFC's name.

use alloc::string::ToString;

use quicpro_core::connection::{CloseReason, ConnectionError};
use quicpro_core::http3::{self, MessageError, RecvError, RequestError, SendError};
use quicpro_core::wire;

use crate::error::{Cause, Code, Error, Phase};
use crate::host::HostError;

pub(crate) fn of_host(phase: Phase, error: HostError) -> Error {
    let cause = match error {
        HostError::TimedOut => Cause::Timeout,
        HostError::AccessDenied | HostError::NotSupported | HostError::Other(_) => Cause::Host,
        _ => Cause::Other,
    };
    Error::new(phase, cause, error.to_string())
}

/// A connection ended in `phase`.
pub(crate) fn of_connection(phase: Phase, error: &http3::Error) -> Error {
    match error {
        http3::Error::Transport(error) => of_transport(phase, error),
        http3::Error::Peer { code, .. } | http3::Error::Local { code, .. } => {
            Error::new(phase, Cause::Connection, error.to_string()).with_code(http3_code(*code))
        }
    }
}

fn of_transport(phase: Phase, error: &ConnectionError) -> Error {
    let (cause, code) = match error {
        ConnectionError::TimedOut => (Cause::Timeout, None),
        ConnectionError::Tls(tls) => (Cause::Tls, Some(tls.transport().code())),
        ConnectionError::Transport(error) => (cause_of(error.code()), Some(error.code())),
        ConnectionError::Local(CloseReason::Transport { code, .. })
        | ConnectionError::Peer(CloseReason::Transport { code, .. }) => {
            (cause_of(*code), Some(*code))
        }
        _ => (Cause::Connection, None),
    };
    let failure = Error::new(phase, cause, error.to_string());
    let failure = match code {
        Some(code) => failure.with_code(quic_code(code)),
        None => failure,
    };
    // Whoever lost all state has not kept our request.
    failure.unprocessed(matches!(error, ConnectionError::Reset))
}

/// The server abandoned the response.
pub(crate) fn of_reset(code: http3::Code) -> Error {
    let message = "the server abandoned the response";
    Error::new(Phase::Request, Cause::Stream, message)
        .with_code(http3_code(code))
        .unprocessed(code == http3::Code::REQUEST_REJECTED)
}

/// The response breaks a rule.
pub(crate) fn of_message(error: MessageError) -> Error {
    Error::new(Phase::Request, Cause::Stream, error.to_string()).with_code(http3_code(error.code()))
}

/// The request was not taken.
pub(crate) fn of_request(error: RequestError) -> Error {
    let (phase, cause) = match error {
        RequestError::Invalid(_) | RequestError::FieldsTooLarge => (Phase::Build, Cause::Other),
        _ => (Phase::Request, Cause::Connection),
    };
    Error::new(phase, cause, error.to_string()).unprocessed(phase == Phase::Request)
}

/// The content was not taken.
pub(crate) fn of_send(error: SendError) -> Error {
    Error::new(Phase::Request, Cause::Stream, error.to_string())
}

/// The content cannot be read.
pub(crate) fn of_receive(error: RecvError) -> Error {
    match error {
        RecvError::Reset(code) => of_reset(code),
        RecvError::Message(error) => of_message(error),
        RecvError::Blocked | RecvError::Closed => {
            Error::new(Phase::Body, Cause::Stream, error.to_string())
        }
    }
}

fn cause_of(code: wire::Code) -> Cause {
    if code.alert().is_some() {
        Cause::Tls
    } else {
        Cause::Connection
    }
}

fn quic_code(code: wire::Code) -> Code {
    Code::Quic(code.get(), code.name().unwrap_or("unknown QUIC code"))
}

fn http3_code(code: http3::Code) -> Code {
    Code::Http3(code.get(), code.name().unwrap_or("unknown HTTP/3 code"))
}
