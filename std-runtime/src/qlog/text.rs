//! Bytes from anywhere as JSON strings.
//!
//! Invariant: bounded, whatever comes in; the escaping is serde_json's.

use serde_json::Value;

/// Bytes of a reason, a name or a protocol that are written.
pub(super) const SHORT_MAX: usize = 256;

/// Bytes of a header field's value that are written.
pub(super) const LONG_MAX: usize = 2048;

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // A string takes everything.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The first `max` bytes as text, if they are text.
pub(super) fn text(bytes: &[u8], max: usize) -> Option<Value> {
    let shown = bytes.get(..max).unwrap_or(bytes);
    match std::str::from_utf8(shown) {
        Ok(text) => Some(text.into()),
        // Cut within a character, which is no fault of the text.
        Err(error) if shown.len() < bytes.len() && error.error_len().is_none() => {
            let whole = &shown[..error.valid_up_to()];
            std::str::from_utf8(whole).ok().map(Into::into)
        }
        Err(_) => None,
    }
}

/// The first `max` bytes as hexadecimal digits.
pub(super) fn bytes(bytes: &[u8], max: usize) -> Value {
    hex(bytes.get(..max).unwrap_or(bytes)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_stays_text() {
        assert_eq!(text("grün".as_bytes(), 3), Some("gr".into()));
        assert_eq!(text(b"a\xff", 9), None);
        assert_eq!(text(b"a\xffb", 2), None);
        assert_eq!(text(&[b'a'; 9], 4), Some("aaaa".into()));
        assert_eq!(bytes(&[0xab, 1, 2], 2), Value::from("ab01"));
    }
}
