//! Types of unidirectional streams (RFC 9114 §6.2, RFC 9204 §4.2).

/// Frames about the connection.
pub(crate) const CONTROL: u64 = 0x00;
/// A pushed response.
pub(crate) const PUSH: u64 = 0x01;
/// Instructions of a QPACK encoder.
pub(crate) const QPACK_ENCODER: u64 = 0x02;
/// Instructions of a QPACK decoder.
pub(crate) const QPACK_DECODER: u64 = 0x03;
