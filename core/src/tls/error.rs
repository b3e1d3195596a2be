//! Why a handshake failed, split by who is to blame (RFC 8446 §6.2, RFC 9001 §4.8).
//!
//! Invariant: every error has exactly one code that CONNECTION_CLOSE carries.

use super::alert::Alert;
use super::message::message_type::MessageType;
use crate::wire::{Code, Rule, TransportError, rule};

/// A rule whose breach is told by the alert of this name.
macro_rules! alert {
    ($name:ident, $words:literal) => {
        rule!(Alert::$name.code(), $words)
    };
}

/// Why a handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error {
    /// A message whose bytes do not decode.
    InvalidMessage(MessageType),
    /// A message that decodes and breaks a rule of the protocol.
    PeerMisbehaved(PeerMisbehaved),
    /// A legal answer that leaves nothing in common.
    PeerIncompatible(PeerIncompatible),
    /// The server's certificate was refused.
    Certificate(CertificateError),
    /// A message, or the server's own certificate, that the memory for the handshake cannot hold.
    TooLarge {
        /// The message it is or belongs to.
        message: MessageType,
        /// Bytes that would have to be held; `Limits::handshake` says how many there are.
        length: u32,
    },
    /// Our own message does not fit; `Limits::handshake_send` says how much there is.
    SendBufferFull,
    /// The signer of the client certificate gave no signature.
    SignerFailed,
    /// The transport refused what TLS handed to it (transport parameters, post-handshake rules of QUIC).
    Transport(TransportError),
}

/// A rule of TLS 1.3 that the server broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PeerMisbehaved {
    /// A message that is not due now, or at another level.
    UnexpectedMessage(MessageType),
    /// Bytes follow, at the old level, the message after which keys change.
    BytesAfterKeyChange,
    /// legacy_version is not 0x0303.
    LegacyVersion,
    /// supported_versions names a version that was not offered.
    UnofferedVersion,
    /// The server speaks an older TLS and its random says that it knows 1.3.
    Downgrade,
    /// The session ID is not the empty one that was sent.
    SessionIdNotEchoed,
    /// A compression method other than null.
    Compression,
    /// A cipher suite that was not offered.
    UnofferedSuite,
    /// ServerHello has another suite than HelloRetryRequest had.
    SuiteChanged,
    /// HelloRetryRequest that asks for no change.
    RetryWithoutChange,
    /// A second HelloRetryRequest.
    SecondRetry,
    /// HelloRetryRequest for a group whose share was sent already.
    RetryForSharedGroup,
    /// A group that was not offered.
    UnofferedGroup,
    /// A key share of a group that is not the one asked for.
    WrongGroup,
    /// A key share that is no public key of its group.
    InvalidKeyShare,
    /// An extension that nobody asked for, by its number.
    UnsolicitedExtension(u16),
    /// An extension twice in one block, by its number.
    DuplicateExtension(u16),
    /// An extension that does not belong into this message, by its number.
    MisplacedExtension(u16),
    /// A mandatory extension is absent, by its number.
    MissingExtension(u16),
    /// An application protocol that was not offered.
    UnofferedProtocol,
    /// A certificate request context, which only exists after the handshake.
    RequestContext,
    /// The server sent no certificate.
    NoCertificate,
    /// A signature scheme that was not offered or does not fit the certificate's key.
    UnofferedSignatureScheme,
    /// The signature of CertificateVerify is wrong.
    BadSignature,
    /// The value of Finished is wrong.
    BadFinished,
}

/// What client and server do not have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PeerIncompatible {
    /// The server does not speak TLS 1.3.
    Version,
    /// The server chose none of the application protocols.
    ApplicationProtocol,
}

/// Why the server's certificate was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CertificateError {
    /// The bytes are not a certificate of X.509 version 3.
    Malformed,
    /// No chain leads to a trusted issuer.
    UnknownIssuer,
    /// It, or an issuer of it, is past its last day.
    Expired,
    /// It, or an issuer of it, is before its first day.
    NotYetValid,
    /// It is for other names.
    NameMismatch,
    /// A signature in the chain is wrong.
    BadSignature,
    /// A signature algorithm that is not supported here.
    UnsupportedAlgorithm,
    /// It may not be used for a server.
    WrongPurpose,
    /// A constraint that an issuer set is violated.
    Constraint,
    /// An extension marked critical is not understood.
    UnsupportedExtension,
    /// Its issuer withdrew it.
    Revoked,
    /// The chain takes too much work to check.
    TooComplex,
    /// Its key is none of those that are pinned.
    UnknownKey,
    /// Refused by a verifier from outside, for a reason of its own.
    Refused,
}

impl Error {
    /// The alert the peer is told; `None` where the transport's own code says more.
    pub fn alert(&self) -> Option<Alert> {
        self.transport().code().alert().map(Alert::new)
    }

    /// What CONNECTION_CLOSE says.
    pub fn transport(&self) -> TransportError {
        TransportError::new(match self {
            Self::InvalidMessage(_) => alert!(DECODE_ERROR, "handshake message does not decode"),
            Self::PeerMisbehaved(error) => error.rule(),
            Self::PeerIncompatible(error) => error.rule(),
            Self::Certificate(error) => error.rule(),
            Self::TooLarge { .. } => rule!(
                Code::CRYPTO_BUFFER_EXCEEDED,
                "handshake message larger than Limits::handshake"
            ),
            Self::SendBufferFull => rule!(
                Code::INTERNAL_ERROR,
                "own handshake message larger than Limits::handshake_send"
            ),
            Self::SignerFailed => alert!(INTERNAL_ERROR, "no signature for the client certificate"),
            Self::Transport(error) => return *error,
        })
    }

    /// What was wrong, for people; empty without the feature `reasons`.
    pub fn reason(&self) -> &'static str {
        self.transport().reason()
    }
}

impl PeerMisbehaved {
    /// The alert that RFC 8446 names for this, and words.
    const fn rule(&self) -> &'static Rule {
        match self {
            Self::UnexpectedMessage(_) => {
                alert!(UNEXPECTED_MESSAGE, "handshake message out of order")
            }
            Self::BytesAfterKeyChange => alert!(
                UNEXPECTED_MESSAGE,
                "handshake bytes behind a change of keys"
            ),
            Self::LegacyVersion => alert!(ILLEGAL_PARAMETER, "legacy_version is not 0x0303"),
            Self::UnofferedVersion => alert!(ILLEGAL_PARAMETER, "TLS version was not offered"),
            Self::Downgrade => alert!(
                ILLEGAL_PARAMETER,
                "TLS downgraded although the server knows 1.3"
            ),
            Self::SessionIdNotEchoed => alert!(ILLEGAL_PARAMETER, "session ID is not the one sent"),
            Self::Compression => alert!(ILLEGAL_PARAMETER, "compression method is not null"),
            Self::UnofferedSuite => alert!(ILLEGAL_PARAMETER, "cipher suite was not offered"),
            Self::SuiteChanged => alert!(
                ILLEGAL_PARAMETER,
                "cipher suite changed after HelloRetryRequest"
            ),
            Self::RetryWithoutChange => {
                alert!(ILLEGAL_PARAMETER, "HelloRetryRequest asks for no change")
            }
            Self::SecondRetry => alert!(UNEXPECTED_MESSAGE, "second HelloRetryRequest"),
            Self::RetryForSharedGroup => alert!(
                ILLEGAL_PARAMETER,
                "HelloRetryRequest for a group already shared"
            ),
            Self::UnofferedGroup => alert!(ILLEGAL_PARAMETER, "group was not offered"),
            Self::WrongGroup => alert!(
                ILLEGAL_PARAMETER,
                "key share of another group than asked for"
            ),
            Self::InvalidKeyShare => {
                alert!(ILLEGAL_PARAMETER, "key share is no public key of its group")
            }
            Self::UnsolicitedExtension(_) => {
                alert!(UNSUPPORTED_EXTENSION, "extension nobody asked for")
            }
            Self::DuplicateExtension(_) => alert!(ILLEGAL_PARAMETER, "extension twice"),
            Self::MisplacedExtension(_) => {
                alert!(ILLEGAL_PARAMETER, "extension in the wrong message")
            }
            Self::MissingExtension(_) => alert!(MISSING_EXTENSION, "mandatory extension missing"),
            Self::UnofferedProtocol => {
                alert!(ILLEGAL_PARAMETER, "application protocol was not offered")
            }
            Self::RequestContext => alert!(
                ILLEGAL_PARAMETER,
                "certificate request context during the handshake"
            ),
            Self::NoCertificate => alert!(DECODE_ERROR, "server sent no certificate"),
            Self::UnofferedSignatureScheme => {
                alert!(ILLEGAL_PARAMETER, "signature scheme was not offered")
            }
            Self::BadSignature => alert!(DECRYPT_ERROR, "signature of CertificateVerify is wrong"),
            Self::BadFinished => alert!(DECRYPT_ERROR, "Finished is wrong"),
        }
    }
}

impl PeerIncompatible {
    /// The alert that goes with it, and words.
    const fn rule(&self) -> &'static Rule {
        match self {
            Self::Version => alert!(PROTOCOL_VERSION, "server does not speak TLS 1.3"),
            //= rfc9001#8.1
            Self::ApplicationProtocol => {
                alert!(NO_APPLICATION_PROTOCOL, "no application protocol in common")
            }
        }
    }
}

impl CertificateError {
    /// The alert that RFC 8446 §6.2 has for this, and words.
    const fn rule(&self) -> &'static Rule {
        match self {
            Self::Malformed => alert!(BAD_CERTIFICATE, "certificate is malformed"),
            Self::UnknownIssuer => alert!(UNKNOWN_CA, "certificate's issuer is unknown"),
            Self::Expired => alert!(CERTIFICATE_EXPIRED, "certificate has expired"),
            Self::NotYetValid => alert!(CERTIFICATE_EXPIRED, "certificate is not valid yet"),
            Self::NameMismatch => alert!(BAD_CERTIFICATE, "certificate is for other names"),
            Self::BadSignature => alert!(BAD_CERTIFICATE, "certificate's signature is wrong"),
            Self::UnsupportedAlgorithm => alert!(
                UNSUPPORTED_CERTIFICATE,
                "certificate's signature algorithm is not supported"
            ),
            Self::WrongPurpose => alert!(UNSUPPORTED_CERTIFICATE, "certificate is not for servers"),
            Self::Constraint => alert!(
                BAD_CERTIFICATE,
                "certificate violates a constraint of its issuer"
            ),
            Self::UnsupportedExtension => alert!(
                UNSUPPORTED_CERTIFICATE,
                "certificate has an unknown critical extension"
            ),
            Self::Revoked => alert!(CERTIFICATE_REVOKED, "certificate is revoked"),
            Self::TooComplex => {
                alert!(CERTIFICATE_UNKNOWN, "certificate chain takes too much work")
            }
            Self::UnknownKey => {
                alert!(CERTIFICATE_UNKNOWN, "certificate's key is not a pinned one")
            }
            Self::Refused => alert!(CERTIFICATE_UNKNOWN, "certificate refused by the verifier"),
        }
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::InvalidMessage(message) => write!(f, "{message} does not decode"),
            Self::PeerMisbehaved(PeerMisbehaved::UnexpectedMessage(message)) => {
                write!(f, "{message} was not expected here")
            }
            Self::TooLarge { message, length } => {
                write!(f, "{message} needs {length} bytes of Limits::handshake")
            }
            Self::Certificate(error) => error.fmt(f),
            _ => f.write_str(self.reason()),
        }
    }
}

impl core::fmt::Display for CertificateError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.rule().reason())
    }
}

impl core::error::Error for Error {}
impl core::error::Error for CertificateError {}

impl From<PeerMisbehaved> for Error {
    fn from(error: PeerMisbehaved) -> Self {
        Self::PeerMisbehaved(error)
    }
}

impl From<PeerIncompatible> for Error {
    fn from(error: PeerIncompatible) -> Self {
        Self::PeerIncompatible(error)
    }
}

impl From<CertificateError> for Error {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(error)
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9001#8.1 test
    #[test]
    fn every_blame_has_its_code() {
        let cases: [(Error, Code); 6] = [
            (PeerMisbehaved::SecondRetry.into(), Code::new(0x10a)),
            (
                PeerMisbehaved::MissingExtension(57).into(),
                Code::new(0x16d),
            ),
            (
                PeerIncompatible::ApplicationProtocol.into(),
                Code::new(0x178),
            ),
            (CertificateError::UnknownIssuer.into(), Code::new(0x130)),
            (Error::SendBufferFull, Code::INTERNAL_ERROR),
            (
                Error::TooLarge {
                    message: MessageType::CERTIFICATE,
                    length: 5000,
                },
                Code::CRYPTO_BUFFER_EXCEEDED,
            ),
        ];
        for (error, code) in cases {
            assert_eq!(error.transport().code(), code, "{error}");
        }
    }
}
