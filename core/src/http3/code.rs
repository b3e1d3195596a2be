//! Application error codes of HTTP/3 and QPACK with their names (RFC 9114 §8.1, RFC 9204 §6).

use crate::codec::VarInt;

/// An HTTP/3 error code, as CONNECTION_CLOSE of type 0x1d, RESET_STREAM and STOP_SENDING carry it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Code(u64);

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $value:literal, $text:literal;)*) => {
        impl Code {
            $($(#[doc = $doc])* pub const $name: Self = Self($value);)*

            /// The RFC's name, or `None` for a code that has none.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// Nothing is wrong.
    NO_ERROR = 0x100, "H3_NO_ERROR";
    /// A violation that no other code describes.
    GENERAL_PROTOCOL_ERROR = 0x101, "H3_GENERAL_PROTOCOL_ERROR";
    /// The HTTP stack failed.
    INTERNAL_ERROR = 0x102, "H3_INTERNAL_ERROR";
    /// A stream of a kind that is not accepted.
    STREAM_CREATION_ERROR = 0x103, "H3_STREAM_CREATION_ERROR";
    /// A stream that the connection needs was closed or reset.
    CLOSED_CRITICAL_STREAM = 0x104, "H3_CLOSED_CRITICAL_STREAM";
    /// A frame that may not appear now, or not on this stream.
    FRAME_UNEXPECTED = 0x105, "H3_FRAME_UNEXPECTED";
    /// A frame with a wrong layout or size.
    FRAME_ERROR = 0x106, "H3_FRAME_ERROR";
    /// The peer causes too much work.
    EXCESSIVE_LOAD = 0x107, "H3_EXCESSIVE_LOAD";
    /// A stream or push ID that was used wrongly.
    ID_ERROR = 0x108, "H3_ID_ERROR";
    /// An error inside a SETTINGS frame.
    SETTINGS_ERROR = 0x109, "H3_SETTINGS_ERROR";
    /// The control stream does not begin with SETTINGS.
    MISSING_SETTINGS = 0x10a, "H3_MISSING_SETTINGS";
    /// The server did not process the request: it can be sent again, elsewhere.
    REQUEST_REJECTED = 0x10b, "H3_REQUEST_REJECTED";
    /// The request or its response is no longer wanted.
    REQUEST_CANCELLED = 0x10c, "H3_REQUEST_CANCELLED";
    /// The request's stream ended before the request did.
    REQUEST_INCOMPLETE = 0x10d, "H3_REQUEST_INCOMPLETE";
    /// A message that HTTP does not allow.
    MESSAGE_ERROR = 0x10e, "H3_MESSAGE_ERROR";
    /// The TCP connection behind a CONNECT request failed.
    CONNECT_ERROR = 0x10f, "H3_CONNECT_ERROR";
    /// The request cannot be served over HTTP/3.
    VERSION_FALLBACK = 0x110, "H3_VERSION_FALLBACK";
    /// A field section that cannot be decoded.
    QPACK_DECOMPRESSION_FAILED = 0x200, "QPACK_DECOMPRESSION_FAILED";
    /// An instruction that the peer's encoder may not send.
    QPACK_ENCODER_STREAM_ERROR = 0x201, "QPACK_ENCODER_STREAM_ERROR";
    /// An instruction that the peer's decoder may not send.
    QPACK_DECODER_STREAM_ERROR = 0x202, "QPACK_DECODER_STREAM_ERROR";
}

impl Code {
    /// The code with this number; any 62-bit value may arrive.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number on the wire.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number as QUIC takes it; one that does not fit becomes H3_INTERNAL_ERROR.
    pub(crate) fn varint(self) -> VarInt {
        VarInt::new(self.0).unwrap_or(VarInt::from_u32(0x102))
    }
}

impl core::fmt::Debug for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

impl core::fmt::Display for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9114#8.1 test
    #[test]
    fn codes_go_by_their_names() {
        assert_eq!(Code::new(0x10b), Code::REQUEST_REJECTED);
        assert_eq!(std::format!("{}", Code::new(0x105)), "H3_FRAME_UNEXPECTED");
        assert_eq!(std::format!("{:?}", Code::new(0x21)), "0x21");
        assert_eq!(
            Code::new(u64::MAX).varint().get(),
            Code::INTERNAL_ERROR.get()
        );
    }
}
