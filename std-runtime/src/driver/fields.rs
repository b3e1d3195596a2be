//! Header fields on their way from the engine's scratch to the caller: one buffer, whatever their number.
//!
//! Invariant: the buffer holds whole fields only, each as two lengths, a name and a value.

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue};
use quicpro_core::codec::to_usize;

/// A copy of decoded fields.
#[derive(Debug, Default)]
pub(crate) struct FieldBlock(Vec<u8>);

/// Bytes that the lengths of one field take.
const LENGTHS: usize = 6;

impl FieldBlock {
    pub fn new() -> Self {
        Self(Vec::with_capacity(512))
    }

    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let lengths = (u16::try_from(name.len()), u32::try_from(value.len()));
        // A field section is bounded far below these; a longer field cannot arrive.
        let (Ok(name_length), Ok(value_length)) = lengths else {
            return;
        };
        self.0.extend(name_length.to_be_bytes());
        self.0.extend(value_length.to_be_bytes());
        self.0.extend_from_slice(name);
        self.0.extend_from_slice(value);
    }

    /// The fields as a map; values share one allocation. What `http` refuses is left out.
    pub fn into_map(self) -> HeaderMap {
        let mut rest = Bytes::from(self.0);
        let mut map = HeaderMap::with_capacity(16);
        while rest.len() >= LENGTHS {
            let name_length = usize::from(rest.get_u16());
            let value_length = to_usize(rest.get_u32());
            let name = HeaderName::from_bytes(&rest.split_to(name_length));
            let value = HeaderValue::from_maybe_shared(rest.split_to(value_length));
            if let (Ok(name), Ok(value)) = (name, value) {
                map.append(name, value);
            }
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_survive_the_trip_in_order() {
        let mut block = FieldBlock::new();
        block.push(b"content-type", b"text/plain");
        block.push(b"x-mine", b"");
        block.push(b"set-cookie", b"a=1");
        block.push(b"set-cookie", b"b=\xff");
        let map = block.into_map();
        assert_eq!(map["content-type"], "text/plain");
        assert_eq!(map["x-mine"], "");
        let cookies: Vec<_> = map
            .get_all("set-cookie")
            .iter()
            .map(HeaderValue::as_bytes)
            .collect();
        assert_eq!(cookies, [&b"a=1"[..], b"b=\xff"]);
        assert!(FieldBlock::default().into_map().is_empty());
    }
}
