//! Exit codes: curl's numbers, for scripts that know them.
//!
//! Invariant: a transfer that did what was asked exits with 0, and nothing else does.

use crate::error::Error;

/// Why the command ends, as a number that curl's users know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Success = 0,
    /// The URL's scheme is not https.
    Protocol = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// The URL is none.
    Url = 3,
    /// Something was asked for that is not there, such as a proxy.
    NotBuiltIn = 4,
    /// The name has no address.
    Resolve = 6,
    /// No connection.
    Connect = 7,
    /// The status is 400 or more, with `-f`.
    Http = 22,
    /// The output cannot be written.
    Write = 23,
    /// A file to send cannot be read.
    Read = 26,
    /// Something did not happen in time.
    Timeout = 28,
    /// The TLS handshake failed, for another reason than the server's certificate.
    TlsConnect = 35,
    /// Too many redirects.
    Redirects = 47,
    /// The connection broke while the response was awaited.
    Receive = 56,
    /// The certificate or the key to show cannot be used.
    LocalCertificate = 58,
    /// The server's certificate was refused.
    PeerCertificate = 60,
    /// The file of authorities cannot be used.
    CaFile = 77,
    /// A rule of HTTP/3 was broken, or the stream was reset.
    Http3 = 95,
    /// QUIC failed while connecting.
    Quic = 96,
}

/// CRYPTO_ERROR of RFC 9001 §4.8: what an alert is added to.
const CRYPTO_ERROR: u64 = 0x100;
/// The alerts of RFC 8446 §6.2 about certificates: `bad_certificate` to `certificate_unknown`, and `unknown_ca`.
const CERTIFICATE_ALERTS: [u64; 6] = [42, 43, 44, 45, 46, 48];

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        self as u8 // the variant's number
    }

    /// What `error`, which is about a request that could be built, means in curl's numbers.
    pub(super) fn of(error: &Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_dns() {
            Self::Resolve
        } else if error.is_tls() {
            Self::of_tls(error)
        } else if error.is_connect() && error.is_quic() {
            Self::Quic
        } else if error.is_connect() {
            Self::Connect
        } else if error.is_redirect() {
            Self::Redirects
        } else if error.is_builder() {
            Self::NotBuiltIn
        } else if error.is_status() {
            Self::Http
        } else if error.is_quic() && error.h3_code().is_none() {
            Self::Receive
        } else {
            Self::Http3
        }
    }

    fn of_tls(error: &Error) -> Self {
        let alert = error
            .quic_code()
            .and_then(|code| code.checked_sub(CRYPTO_ERROR));
        match alert {
            Some(alert) if error.is_connect() && CERTIFICATE_ALERTS.contains(&alert) => {
                Self::PeerCertificate
            }
            _ => Self::TlsConnect,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Cause, Code, Failure, Phase};

    fn exit(phase: Phase, cause: Cause, code: Option<Code>) -> u8 {
        Exit::of(&Failure::new(phase, cause, "why").code(code).into()).code()
    }

    #[test]
    fn errors_have_curls_numbers() {
        let quic = |value| Some(Code::Quic(value, "name"));
        let http3 = Some(Code::Http3(0x102, "H3_INTERNAL_ERROR"));
        assert_eq!(exit(Phase::Resolve, Cause::Other, None), 6);
        assert_eq!(exit(Phase::Connect, Cause::Other, None), 7);
        assert_eq!(exit(Phase::Connect, Cause::Timeout, None), 28);
        assert_eq!(exit(Phase::Body, Cause::Timeout, None), 28);
        assert_eq!(exit(Phase::Handshake, Cause::Tls, quic(0x100 + 48)), 60);
        assert_eq!(exit(Phase::Handshake, Cause::Tls, quic(0x100 + 40)), 35);
        assert_eq!(exit(Phase::Request, Cause::Tls, quic(0x100 + 116)), 35);
        assert_eq!(exit(Phase::Handshake, Cause::Connection, quic(2)), 96);
        assert_eq!(exit(Phase::Redirect, Cause::Other, None), 47);
        assert_eq!(exit(Phase::Build, Cause::Other, None), 4);
        assert_eq!(exit(Phase::Status, Cause::Other, None), 22);
        assert_eq!(exit(Phase::Request, Cause::Connection, quic(1)), 56);
        assert_eq!(exit(Phase::Request, Cause::Connection, http3), 95);
        assert_eq!(exit(Phase::Body, Cause::Stream, http3), 95);
    }
}
