//! The types of handshake messages (RFC 8446 §4), and what they are called.

/// The type of a handshake message.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MessageType(pub u8);

impl MessageType {
    /// ClientHello.
    pub const CLIENT_HELLO: Self = Self(1);
    /// ServerHello, and HelloRetryRequest.
    pub const SERVER_HELLO: Self = Self(2);
    /// NewSessionTicket.
    pub const NEW_SESSION_TICKET: Self = Self(4);
    /// EndOfEarlyData, which QUIC does not have.
    pub const END_OF_EARLY_DATA: Self = Self(5);
    /// EncryptedExtensions.
    pub const ENCRYPTED_EXTENSIONS: Self = Self(8);
    /// Certificate.
    pub const CERTIFICATE: Self = Self(11);
    /// CertificateRequest.
    pub const CERTIFICATE_REQUEST: Self = Self(13);
    /// CertificateVerify.
    pub const CERTIFICATE_VERIFY: Self = Self(15);
    /// Finished.
    pub const FINISHED: Self = Self(20);
    /// KeyUpdate, which QUIC does not have.
    pub const KEY_UPDATE: Self = Self(24);
    /// The stand-in for the first ClientHello in the transcript after HelloRetryRequest.
    pub const MESSAGE_HASH: Self = Self(254);

    /// The RFC's name, or `None` for an unknown type.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "ClientHello",
            2 => "ServerHello",
            4 => "NewSessionTicket",
            5 => "EndOfEarlyData",
            8 => "EncryptedExtensions",
            11 => "Certificate",
            13 => "CertificateRequest",
            15 => "CertificateVerify",
            20 => "Finished",
            24 => "KeyUpdate",
            254 => "message_hash",
            _ => return None,
        })
    }
}

impl core::fmt::Debug for MessageType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "handshake message {}", self.0),
        }
    }
}

impl core::fmt::Display for MessageType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self, f)
    }
}
