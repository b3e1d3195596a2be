//! TLS alerts with their names (RFC 8446 §6). QUIC carries the number inside CRYPTO_ERROR (RFC 9001 §4.8).
//!
//! Invariant: an [`Alert`] is only a number; the level is always fatal in QUIC.

use crate::wire::Code;

/// A TLS alert description.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Alert(u8);

impl Alert {
    /// A message that was not due.
    pub const UNEXPECTED_MESSAGE: Self = Self(10);
    /// No acceptable set of parameters.
    pub const HANDSHAKE_FAILURE: Self = Self(40);
    /// A certificate that is corrupt, or not for this name.
    pub const BAD_CERTIFICATE: Self = Self(42);
    /// A certificate of an unsupported kind.
    pub const UNSUPPORTED_CERTIFICATE: Self = Self(43);
    /// A certificate that its issuer withdrew.
    pub const CERTIFICATE_REVOKED: Self = Self(44);
    /// A certificate outside its dates.
    pub const CERTIFICATE_EXPIRED: Self = Self(45);
    /// A certificate refused for another reason.
    pub const CERTIFICATE_UNKNOWN: Self = Self(46);
    /// A field that is out of range or contradicts another.
    pub const ILLEGAL_PARAMETER: Self = Self(47);
    /// No chain to a known anchor.
    pub const UNKNOWN_CA: Self = Self(48);
    /// A message that could not be decoded.
    pub const DECODE_ERROR: Self = Self(50);
    /// A signature or a Finished value that does not verify.
    pub const DECRYPT_ERROR: Self = Self(51);
    /// A TLS version that is not supported.
    pub const PROTOCOL_VERSION: Self = Self(70);
    /// A failure of the sender's own.
    pub const INTERNAL_ERROR: Self = Self(80);
    /// A mandatory extension is absent.
    pub const MISSING_EXTENSION: Self = Self(109);
    /// An extension that was not asked for.
    pub const UNSUPPORTED_EXTENSION: Self = Self(110);
    /// The name in SNI is unknown to the server.
    pub const UNRECOGNIZED_NAME: Self = Self(112);
    /// A client certificate is wanted.
    pub const CERTIFICATE_REQUIRED: Self = Self(116);
    /// No application protocol in common.
    pub const NO_APPLICATION_PROTOCOL: Self = Self(120);

    /// The alert with this number; any may arrive.
    pub const fn new(description: u8) -> Self {
        Self(description)
    }

    /// The number on the wire.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The error code of CONNECTION_CLOSE that carries this alert.
    //= rfc9001#4.8
    pub const fn code(self) -> Code {
        Code::crypto(self.0)
    }

    /// The RFC's name, or `None` for a number that has none.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            22 => "record_overflow",
            40 => "handshake_failure",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            109 => "missing_extension",
            110 => "unsupported_extension",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            120 => "no_application_protocol",
            _ => return None,
        })
    }
}

impl core::fmt::Debug for Alert {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "alert({})", self.0),
        }
    }
}

impl core::fmt::Display for Alert {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9001#4.8 test
    #[test]
    fn an_alert_is_the_low_byte_of_crypto_error() {
        assert_eq!(Alert::NO_APPLICATION_PROTOCOL.code().get(), 0x178);
        assert_eq!(Alert::UNEXPECTED_MESSAGE.code().get(), 0x10a);
        assert_eq!(Alert::UNKNOWN_CA.code().alert(), Some(48));
        assert_eq!(std::format!("{}", Alert::UNKNOWN_CA), "unknown_ca");
        assert_eq!(std::format!("{}", Alert::new(255)), "alert(255)");
    }
}
