//! What the engine reports, in the words of the client's errors.
//!
//! Invariant: a code keeps its number and its RFC's name.

use quicpro_core::connection::{CloseReason, ConnectionError};
use quicpro_core::http3::{self, MessageError};
use quicpro_core::wire;

use crate::error::{Cause, Code, Failure, Phase};

/// A connection ended in `phase`.
pub(crate) fn of_connection(phase: Phase, error: &http3::Error) -> Failure {
    match error {
        http3::Error::Transport(error) => of_transport(phase, error),
        http3::Error::Peer { code, .. } | http3::Error::Local { code, .. } => {
            Failure::new(phase, Cause::Connection, error.to_string()).code(Some(http3_code(*code)))
        }
    }
}

fn of_transport(phase: Phase, error: &ConnectionError) -> Failure {
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
    // A server that has lost its state may have done what was asked before: only idempotent requests are repeated.
    Failure::new(phase, cause, error.to_string()).code(code.map(quic_code))
}

/// The server abandoned the response.
pub(crate) fn of_reset(code: http3::Code) -> Failure {
    let failure = Failure::new(
        Phase::Request,
        Cause::Stream,
        "the server abandoned the response",
    );
    let failure = failure.code(Some(http3_code(code)));
    if code == http3::Code::REQUEST_REJECTED {
        failure.unprocessed()
    } else {
        failure
    }
}

/// The response breaks a rule.
pub(crate) fn of_message(error: MessageError) -> Failure {
    let code = Some(http3_code(error.code()));
    Failure::new(Phase::Request, Cause::Stream, error.to_string()).code(code)
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

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9110#9.2.2 test
    #[test]
    fn a_reset_says_nothing_of_what_was_processed() {
        let reset = http3::Error::Transport(ConnectionError::Reset);
        assert!(!of_connection(Phase::Request, &reset).unprocessed);
        assert!(of_reset(http3::Code::REQUEST_REJECTED).unprocessed);
        assert!(!of_reset(http3::Code::INTERNAL_ERROR).unprocessed);
    }
}
