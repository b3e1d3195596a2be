//! Bytes of one stream, put together from pieces in any order. For tests: it holds everything.

/// Everything that arrived of one stream.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    bytes: Vec<u8>,
    present: Vec<bool>,
    read: usize,
    end: Option<u64>,
}

impl Assembler {
    /// Takes a piece; the same byte twice has to be the same byte.
    pub fn insert(&mut self, offset: u64, data: &[u8], fin: bool) {
        let start = usize::try_from(offset).expect("tests are small");
        let end = start + data.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
            self.present.resize(end, false);
        }
        for (index, &byte) in (start..end).zip(data) {
            assert!(
                !self.present[index] || self.bytes[index] == byte,
                "the client sent byte {index} of a stream twice, differently"
            );
            self.bytes[index] = byte;
            self.present[index] = true;
        }
        if fin {
            let end = end as u64;
            assert!(self.end.is_none_or(|known| known == end), "two final sizes");
            self.end = Some(end);
        }
        assert!(self.end.is_none_or(|end| self.bytes.len() as u64 <= end));
    }

    /// The in-order bytes from the stream's start.
    pub fn received(&self) -> &[u8] {
        let gap = self.present.iter().position(|&present| !present);
        &self.bytes[..gap.unwrap_or(self.bytes.len())]
    }

    /// In-order bytes that were not taken yet.
    pub fn take(&mut self) -> Vec<u8> {
        let fresh = self.received()[self.read..].to_vec();
        self.read += fresh.len();
        fresh
    }

    /// Everything is here, up to the end.
    pub fn is_complete(&self) -> bool {
        self.end == Some(self.received().len() as u64)
    }

    /// One more than the highest offset that arrived.
    pub fn highest(&self) -> u64 {
        self.bytes.len() as u64
    }
}
