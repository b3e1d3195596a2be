//! Transport error codes with their names (RFC 9000 §20.1), and the error that carries one to the peer.

use super::Rule;

/// A QUIC transport error code, as CONNECTION_CLOSE of type 0x1c carries it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Code(u64);

impl Code {
    /// No error.
    pub const NO_ERROR: Self = Self(0x00);
    /// The endpoint encountered an internal error.
    pub const INTERNAL_ERROR: Self = Self(0x01);
    /// The server refuses to accept a new connection.
    pub const CONNECTION_REFUSED: Self = Self(0x02);
    /// More data than advertised limits permit.
    pub const FLOW_CONTROL_ERROR: Self = Self(0x03);
    /// More streams than advertised limits permit.
    pub const STREAM_LIMIT_ERROR: Self = Self(0x04);
    /// A frame for a stream that is not in a state that permits it.
    pub const STREAM_STATE_ERROR: Self = Self(0x05);
    /// The final size changed, or data lies beyond it.
    pub const FINAL_SIZE_ERROR: Self = Self(0x06);
    /// A frame that is badly formatted.
    pub const FRAME_ENCODING_ERROR: Self = Self(0x07);
    /// Transport parameters that are badly formatted or have an illegal value.
    pub const TRANSPORT_PARAMETER_ERROR: Self = Self(0x08);
    /// More connection IDs than the advertised limit.
    pub const CONNECTION_ID_LIMIT_ERROR: Self = Self(0x09);
    /// A violation that no other code describes.
    pub const PROTOCOL_VIOLATION: Self = Self(0x0a);
    /// An Initial packet with an invalid token.
    pub const INVALID_TOKEN: Self = Self(0x0b);
    /// The application closed the connection; detail is withheld.
    pub const APPLICATION_ERROR: Self = Self(0x0c);
    /// More CRYPTO data than can be buffered.
    pub const CRYPTO_BUFFER_EXCEEDED: Self = Self(0x0d);
    /// An illegal key update.
    pub const KEY_UPDATE_ERROR: Self = Self(0x0e);
    /// The AEAD's usage limit is reached.
    pub const AEAD_LIMIT_REACHED: Self = Self(0x0f);
    /// No path can support the connection.
    pub const NO_VIABLE_PATH: Self = Self(0x10);
    /// The endpoints do not agree on how they came to this version (RFC 9368 §10.2).
    pub const VERSION_NEGOTIATION_ERROR: Self = Self(0x11);

    /// The code with this number; any 62-bit value may arrive.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// CRYPTO_ERROR: the TLS alert `description` in the range 0x0100-0x01ff (RFC 9001 §4.8).
    pub const fn crypto(description: u8) -> Self {
        // `From` is not const.
        Self(0x100 | description as u64)
    }

    /// The number on the wire.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The TLS alert inside a CRYPTO_ERROR.
    pub const fn alert(self) -> Option<u8> {
        if self.0 >> 8 == 1 {
            Some((self.0 & 0xff) as u8) // the lowest byte
        } else {
            None
        }
    }

    /// The RFC's name, or `None` for a code that has none.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x00 => "NO_ERROR",
            0x01 => "INTERNAL_ERROR",
            0x02 => "CONNECTION_REFUSED",
            0x03 => "FLOW_CONTROL_ERROR",
            0x04 => "STREAM_LIMIT_ERROR",
            0x05 => "STREAM_STATE_ERROR",
            0x06 => "FINAL_SIZE_ERROR",
            0x07 => "FRAME_ENCODING_ERROR",
            0x08 => "TRANSPORT_PARAMETER_ERROR",
            0x09 => "CONNECTION_ID_LIMIT_ERROR",
            0x0a => "PROTOCOL_VIOLATION",
            0x0b => "INVALID_TOKEN",
            0x0c => "APPLICATION_ERROR",
            0x0d => "CRYPTO_BUFFER_EXCEEDED",
            0x0e => "KEY_UPDATE_ERROR",
            0x0f => "AEAD_LIMIT_REACHED",
            0x10 => "NO_VIABLE_PATH",
            0x11 => "VERSION_NEGOTIATION_ERROR",
            0x100..0x200 => "CRYPTO_ERROR",
            _ => return None,
        })
    }
}

impl core::fmt::Debug for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match (self.name(), self.alert()) {
            (Some(name), Some(alert)) => write!(f, "{name}({alert})"),
            (Some(name), None) => f.write_str(name),
            (None, _) => write!(f, "{:#x}", self.0),
        }
    }
}

impl core::fmt::Display for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self, f)
    }
}

/// A violation by the peer (or a failure of ours) that ends the connection with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TransportError {
    rule: &'static Rule,
    /// The type of the frame that caused it; 0, which is PADDING's, for none.
    frame: u32,
}

impl TransportError {
    /// An error that no particular frame caused.
    pub const fn new(rule: &'static Rule) -> Self {
        Self { rule, frame: 0 }
    }

    /// The same error, blamed on a frame of type `frame`. A type of more than 32 bits is an unknown one, and
    /// those are not named (RFC 9000 §19.19).
    #[must_use]
    pub const fn in_frame(self, frame: u64) -> Self {
        // `From` and `try_from` are not const.
        let frame = if frame > u32::MAX as u64 {
            0
        } else {
            frame as u32 // it fits
        };
        Self { frame, ..self }
    }

    /// What CONNECTION_CLOSE will say.
    pub const fn code(&self) -> Code {
        Code(self.rule.code())
    }

    /// The type of the frame that caused it, where one did.
    pub const fn frame(&self) -> Option<u64> {
        if self.frame == 0 {
            None
        } else {
            Some(self.frame as u64) // wider
        }
    }

    /// What was wrong, for people; empty without the feature `reasons`.
    pub const fn reason(&self) -> &'static str {
        self.rule.reason()
    }
}

impl core::fmt::Display for TransportError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.code(), self.reason())
    }
}

impl core::error::Error for TransportError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    //= rfc9000#20.1 test
    #[test]
    fn codes_go_by_their_names() {
        let cases = [
            (Code::NO_ERROR, 0x00, "NO_ERROR"),
            (Code::FRAME_ENCODING_ERROR, 0x07, "FRAME_ENCODING_ERROR"),
            (Code::PROTOCOL_VIOLATION, 0x0a, "PROTOCOL_VIOLATION"),
            (Code::NO_VIABLE_PATH, 0x10, "NO_VIABLE_PATH"),
            (Code::crypto(0), 0x100, "CRYPTO_ERROR(0)"),
            (Code::crypto(255), 0x1ff, "CRYPTO_ERROR(255)"),
            (Code::new(0x200), 0x200, "0x200"),
            (Code::new(0x11), 0x11, "VERSION_NEGOTIATION_ERROR"),
            (Code::new(0x12), 0x12, "0x12"),
        ];
        for (code, number, text) in cases {
            assert_eq!(code.get(), number);
            assert_eq!(format!("{code} {code:?}"), format!("{text} {text}"));
        }
    }

    //= rfc9001#4.8 test
    #[test]
    fn alerts_are_the_codes_from_0x100_to_0x1ff() {
        assert_eq!(Code::crypto(48).alert(), Some(48));
        assert_eq!(Code::new(0x1ff).alert(), Some(255));
        for other in [0, 0xff, 0x200, 0x101_0000] {
            assert_eq!(Code::new(other).alert(), None);
        }
    }
}
