//! HTTP/3 frame headers and types (RFC 9114 §7).
//!
//! Invariant: a header is read whole or not at all.

use crate::codec::{Full, Writer};
use crate::qpack::Cursor;

/// Content of a message.
pub(crate) const DATA: u32 = 0x00;
/// A field section.
pub(crate) const HEADERS: u32 = 0x01;
/// A push that will not come.
pub(crate) const CANCEL_PUSH: u32 = 0x03;
/// The first frame of a control stream.
pub(crate) const SETTINGS: u32 = 0x04;
/// A push that will come.
pub(crate) const PUSH_PROMISE: u32 = 0x05;
/// The end of new requests.
pub(crate) const GOAWAY: u32 = 0x07;
/// How many pushes a client takes.
pub(crate) const MAX_PUSH_ID: u32 = 0x0d;
/// A request's new priority, from client to server (RFC 9218 §7.2).
pub(crate) const PRIORITY_UPDATE: u32 = 0xf0700;
/// The same for a push.
pub(crate) const PRIORITY_UPDATE_PUSH: u32 = 0xf0701;

/// Bytes of a header at most: two integers of eight bytes.
pub(crate) const HEADER_MAX: usize = 16;

/// The types of HTTP/2 that HTTP/3 has no use for: PRIORITY, PING, WINDOW_UPDATE, CONTINUATION.
//= rfc9114#7.2.8
pub(crate) const fn is_reserved(kind: u32) -> bool {
    matches!(kind, 0x02 | 0x06 | 0x08 | 0x09)
}

/// Type and length of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Types of more than 32 bits, of which none is known, count as the largest of 32.
    pub(crate) kind: u32,
    pub(crate) length: u64,
}

impl Header {
    /// Reads a header; `None`, and nothing read, if it is not there whole.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let mut ahead = cursor.clone();
        let kind = ahead.varint().ok()?;
        let length = ahead.varint().ok()?;
        *cursor = ahead;
        let kind = u32::try_from(kind).unwrap_or(u32::MAX);
        Some(Self { kind, length })
    }

    /// Writes the header. The length is below 2^62.
    pub(crate) fn encode(&self, out: &mut Writer<'_>) -> Result<(), Full> {
        out.varint(self.kind.into())?;
        out.varint(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9114#7.1 test
    #[test]
    fn headers_round_trip_and_are_never_half_read() {
        for (kind, length) in [
            (DATA, 0),
            (HEADERS, 63),
            (SETTINGS, 64),
            (PRIORITY_UPDATE, 1 << 40),
        ] {
            let header = Header { kind, length };
            let mut buffer = [0; HEADER_MAX];
            let mut writer = Writer::new(&mut buffer);
            header.encode(&mut writer).unwrap();
            let bytes = writer.written();
            let mut cursor = Cursor::new(&bytes, 0, bytes.len());
            assert_eq!(Header::read(&mut cursor), Some(header));
            for end in 0..bytes.len() {
                let mut cursor = Cursor::new(&bytes, 0, end);
                assert_eq!(Header::read(&mut cursor), None);
                assert_eq!(cursor.position(), 0);
            }
        }
    }

    #[test]
    fn a_type_of_more_than_32_bits_is_none_that_is_known() {
        let bytes = &[0xc0, 0, 0, 1, 0, 0, 0, 4, 0][..];
        let header = Header::read(&mut Cursor::new(&bytes, 0, bytes.len())).unwrap();
        assert_eq!((header.kind, header.length), (u32::MAX, 0));
    }
}
