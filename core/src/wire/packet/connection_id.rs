//! Connection IDs (RFC 9000 §5.1). Invariant: at most 20 bytes, and the unused ones are zero.

use crate::codec::copy;

/// The longest connection ID of QUIC version 1, in bytes.
pub const CONNECTION_ID_MAX: usize = 20;

/// A connection ID of 0 to 20 bytes, by value.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConnectionId {
    len: u8,
    bytes: [u8; CONNECTION_ID_MAX],
}

impl ConnectionId {
    /// The connection ID without bytes.
    pub const EMPTY: Self = Self {
        len: 0,
        bytes: [0; CONNECTION_ID_MAX],
    };

    /// A copy of `bytes`; `None` if there are more than 20.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut cid = Self::EMPTY;
        copy(cid.bytes.get_mut(..bytes.len())?, bytes);
        cid.len = bytes.len() as u8; // at most 20: they fitted
        Some(cid)
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    /// How many bytes, 0 to 20.
    pub const fn len(&self) -> usize {
        self.len as usize // wider; `From` is not const
    }

    /// It has no bytes: the peer finds the connection by address alone.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl core::fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.is_empty() {
            return f.write_str("(empty)");
        }
        self.as_slice()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl core::fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self, f)
    }
}

const _: () = assert!(size_of::<ConnectionId>() == 1 + CONNECTION_ID_MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn lengths_0_to_20_and_no_other() {
        let bytes = [0xab; 21];
        for length in 0..=20 {
            let cid = ConnectionId::new(&bytes[..length]).unwrap();
            assert_eq!(cid.as_slice(), &bytes[..length]);
            assert_eq!((cid.len(), cid.is_empty()), (length, length == 0));
        }
        assert_eq!(ConnectionId::new(&bytes), None);
        assert_eq!(ConnectionId::new(&[]), Some(ConnectionId::EMPTY));
        assert_ne!(ConnectionId::new(&[0]), Some(ConnectionId::EMPTY));
    }

    #[test]
    fn it_is_written_in_hexadecimal() {
        let cid = ConnectionId::new(&[0x01, 0xfe]).unwrap();
        assert_eq!(format!("{cid:?} {cid}"), "01fe 01fe");
        assert_eq!(format!("{}", ConnectionId::EMPTY), "(empty)");
    }
}
