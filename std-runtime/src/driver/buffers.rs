//! Spare buffers of one client, so that a request in steady state allocates none.
//!
//! Invariant: a buffer that is taken is empty and has room for [`BUFFER_BYTES`].

use std::sync::Mutex;

use crate::event_loop::lock;

/// Bytes of one mailbox buffer.
pub(crate) const BUFFER_BYTES: usize = 64 * 1024;

/// Spare buffers kept: 4 MB.
const SPARES: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Buffers {
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Buffers {
    pub fn take(&self) -> Vec<u8> {
        let spare = lock(&self.spare).pop();
        spare.unwrap_or_else(|| Vec::with_capacity(BUFFER_BYTES))
    }

    pub fn give(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() >= BUFFER_BYTES {
            buffer.clear();
            let mut spare = lock(&self.spare);
            if spare.len() < SPARES {
                spare.push(buffer);
            }
        }
    }
}
